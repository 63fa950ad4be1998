from typing import Annotated, Any, Literal

import msgspec
import pytest
from msgspec import Meta, Struct

from frontdesk.misfits import in_plain_words


class Shop(Struct, forbid_unknown_fields=True):
    name: Annotated[str, Meta(min_length=2, max_length=4)] = "Shop"
    days: Annotated[tuple[str, ...], Meta(max_length=1)] = ()
    share: Annotated[float, Meta(gt=0, lt=1)] = 0.5
    floor: int | None = None
    code: Annotated[str, Meta(pattern=r"^[A-Z]$")] = "A"
    zone: Annotated[str, Meta(pattern=r"^\d\d$", extra={"form": 'two digits, such as "07"'})] = "07"
    prices: dict[str, Annotated[str, Meta(pattern=r"^\d$", extra={"form": "a digit"})]] = {}
    kind: Literal["small", "large"] = "small"


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        ({"name": "S"}, " is too short; write at least 2 characters"),
        ({"name": "Shops"}, " is too long; write at most 4 characters"),
        ({"days": ["a", "b"]}, " is too long; write at most 1 entries"),
        ({"days": {}}, ' is a section; write a list, such as ["one", "two"]'),
        ({"share": 0}, " is too small; write more than 0"),
        ({"share": 1.0}, " is too large; write less than 1"),
        ({"floor": "x"}, " is a text; write a whole number, without quotes"),
        ({"code": "a"}, " does not fit; it must match ^[A-Z]$"),
        ({"zone": "x"}, ' does not fit; write two digits, such as "07"'),
        ({"prices": {"a": "x"}}, " does not fit; write a digit"),
        ({"kind": "x"}, ": invalid enum value 'x'"),
    ],
)
def test_a_wrong_value_is_told_in_plain_words(values: dict[str, Any], sentence: str) -> None:
    with pytest.raises(msgspec.ValidationError) as caught:
        msgspec.convert(values, Shop)
    assert in_plain_words(str(caught.value).partition(" - at")[0], Shop) == sentence


@pytest.mark.parametrize("text", ["a cap of zero would be no cap", "Expected `sundial`, got `str`"])
def test_another_sentence_stays(text: str) -> None:
    assert in_plain_words(text, Shop).lower() == f": {text}".lower()
