"""What Meta accepts is accepted and ledgered; one more than a limit is refused with Meta's body."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from emulator.stage import CASES, MESSAGES, MIRA, NUMBER, TOKEN, Stage, case, open_stage, text

pytestmark = pytest.mark.anyio
SENDS = sorted(path.name for path in CASES.glob("send_*.json"))
MARKS = ("send_mark_read.json", "send_typing_indicator.json")


async def upload_five(stage: Stage) -> None:
    for mime_type in ("image/jpeg", "application/pdf", "audio/ogg", "video/mp4", "image/webp"):
        answer = await stage.client.post(
            f"/v26.0/{NUMBER}/media",
            data={"messaging_product": "whatsapp", "type": mime_type},
            files={"file": ("a", b"bytes", mime_type)},
            headers=TOKEN,
        )
        assert answer.status_code == 200, answer.text
        assert answer.json().keys() == case("response_media_upload.json").keys()


def keys(value: object) -> object:
    if isinstance(value, dict):
        return {key: keys(inner) for key, inner in value.items()}
    return [keys(inner) for inner in value] if isinstance(value, list) else None


def test_there_are_examples() -> None:
    assert len(SENDS) > 25


@pytest.mark.parametrize("name", SENDS)
async def test_every_example_is_accepted(name: str) -> None:
    async with open_stage() as stage:
        await upload_five(stage)
        wamid = await stage.write()
        body = case(name)
        if name in MARKS:
            body["message_id"] = wamid
            answer = await stage.send(body)
            assert (answer.status_code, answer.json()) == (200, case("response_success_true.json"))
            return
        answer = await stage.send(body)
        assert answer.status_code == 200, answer.text
        like = {"send_text_group.json": "response_send_ok_group.json"}.get(name, "response_send_ok.json")
        like = "response_send_ok_bsuid.json" if "recipient" in body else like
        like = "response_send_ok_template.json" if body["type"] == "template" else like
        assert keys(answer.json()) == keys(case(like))
        (entry,) = await stage.show("ledger")
        assert entry["request"] == body
        assert (entry["type"], entry["wamid"]) == (body["type"], answer.json()["messages"][0]["id"])


def _at(body: dict[str, Any], *path: Any) -> Any:
    value: Any = body
    for key in path:
        value = value[key]
    return value


def _row(number: int) -> dict[str, str]:
    return {"id": f"row{number}", "title": f"Row {number}"}


BUTTONS = ("interactive", "action", "buttons")
SECTIONS = ("interactive", "action", "sections")
REPLY = (*BUTTONS, 0, "reply")
LIMITS: list[tuple[str, tuple[Any, ...], str, Any, Any, str]] = [
    ("send_text.json", ("text",), "body", "é" * 4096, "é" * 4097, "error_100_invalid_parameter.json"),
    ("send_text.json", (), "biz_opaque_callback_data", "b" * 512, "b" * 513, "error_100_invalid_parameter.json"),
    ("send_image_link.json", ("image",), "caption", "🙂" * 1024, "🙂" * 1025, "error_131009_bad_param.json"),
    ("send_interactive_buttons.json", REPLY, "title", "x" * 20, "x" * 21, "error_131009_bad_param.json"),
    ("send_interactive_buttons.json", REPLY, "id", "x" * 256, "x" * 257, "error_131009_bad_param.json"),
    ("send_interactive_buttons.json", REPLY, "title", "Nope", "No", "error_131009_bad_param.json"),
    (
        "send_interactive_buttons.json",
        ("interactive", "action"),
        "buttons",
        [{"type": "reply", "reply": _row(n)} for n in range(3)],
        [{"type": "reply", "reply": _row(n)} for n in range(4)],
        "error_131009_bad_param.json",
    ),
    (
        "send_interactive_buttons.json",
        ("interactive", "body"),
        "text",
        "x" * 1024,
        "x" * 1025,
        "error_131009_bad_param.json",
    ),
    (
        "send_interactive_buttons.json",
        ("interactive", "footer"),
        "text",
        "x" * 60,
        "x" * 61,
        "error_131009_bad_param.json",
    ),
    (
        "send_interactive_buttons.json",
        ("interactive", "header"),
        "text",
        "x" * 60,
        "x" * 61,
        "error_131009_bad_param.json",
    ),
    (
        "send_interactive_list.json",
        ("interactive", "action"),
        "button",
        "x" * 20,
        "x" * 21,
        "error_131009_bad_param.json",
    ),
    ("send_interactive_list.json", (*SECTIONS, 0), "title", "x" * 24, "x" * 25, "error_131009_bad_param.json"),
    (
        "send_interactive_list.json",
        (*SECTIONS, 0, "rows", 0),
        "title",
        "x" * 24,
        "x" * 25,
        "error_131009_bad_param.json",
    ),
    (
        "send_interactive_list.json",
        (*SECTIONS, 0, "rows", 0),
        "description",
        "x" * 72,
        "x" * 73,
        "error_131009_bad_param.json",
    ),
    (
        "send_interactive_list.json",
        (*SECTIONS, 0, "rows", 0),
        "id",
        "x" * 200,
        "x" * 201,
        "error_131009_bad_param.json",
    ),
    (
        "send_interactive_list.json",
        (*SECTIONS, 0),
        "rows",
        [_row(n) for n in range(9)],
        [_row(n) for n in range(10)],
        "error_131009_bad_param.json",
    ),
    (
        "send_interactive_list.json",
        ("interactive", "action"),
        "sections",
        [{"title": f"S{n}", "rows": [_row(n)]} for n in range(10)],
        [{"title": f"S{n}", "rows": [_row(n)]} for n in range(11)],
        "error_131009_bad_param.json",
    ),
    (
        "send_interactive_cta_url.json",
        ("interactive", "action", "parameters"),
        "display_text",
        "x" * 20,
        "x" * 21,
        "error_131009_bad_param.json",
    ),
    ("send_location.json", ("location",), "latitude", "90", "90.1", "error_131009_bad_param.json"),
]


@pytest.mark.parametrize(("name", "path", "key", "values", "refusal"), [(*row[:3], row[3:5], row[5]) for row in LIMITS])
async def test_the_limit_is_accepted_and_one_more_refused(
    name: str, path: tuple[Any, ...], key: str, values: tuple[Any, Any], refusal: str
) -> None:
    async with open_stage() as stage:
        body = case(name)
        at_limit, beyond = copy.deepcopy(body), copy.deepcopy(body)
        _at(at_limit, *path)[key] = values[0]
        _at(beyond, *path)[key] = values[1]
        assert (await stage.send(at_limit)).status_code == 200
        answer = await stage.send(beyond)
        assert_refused(answer.status_code, answer.json(), refusal)
        assert len(await stage.show("ledger")) == 1
        assert [entry["code"] for entry in await stage.show("rejected")] == [answer.json()["error"]["code"]]


def assert_refused(status: int, body: Any, like: str) -> None:
    expected = case(like)
    error, wanted = body["error"], expected["body"]["error"]
    assert status == expected["_http_status"], body
    assert error.keys() == wanted.keys()
    assert (error["code"], error["type"]) == (wanted["code"], wanted["type"])


def without(body: dict[str, Any], key: str) -> dict[str, Any]:
    return {name: value for name, value in body.items() if name != key}


REFUSED: list[tuple[dict[str, Any], str]] = [
    (without(text(), "to"), "error_131008_missing_param.json"),
    (without(text(), "messaging_product"), "error_100_invalid_parameter.json"),
    (text() | {"text": {}}, "error_131008_missing_param.json"),
    (text(""), "error_100_invalid_parameter.json"),
    (text() | {"text": {"body": "Hi", "preview": True}}, "error_100_invalid_parameter.json"),
    (text() | {"biz_opaque_callbackdata": "x"}, "error_100_invalid_parameter.json"),
    (text() | {"type": "poll", "poll": {}}, "error_131051_unsupported_type.json"),
    (text(to="+15550100200"), "error_131021_same_number.json"),
    (text(to="+call me"), "error_131009_bad_param.json"),
    (
        case("send_image_id.json") | {"image": {"id": "999"}},
        "error_100_invalid_parameter.json",
    ),
    (case("send_image_link.json") | {"image": {"id": "1", "link": "https://a.example"}}, "error_131009_bad_param.json"),
    (
        case("send_template_no_params.json") | {"template": {"name": "order_update", "language": {"code": "en"}}},
        "error_132001_template_missing.json",
    ),
    (
        case("send_template_no_params.json") | {"template": {"name": "ticket_reopened", "language": {"code": "en"}}},
        "error_132000_param_count.json",
    ),
    (
        case("send_template_no_params.json") | {"template": {"name": "order_update", "language": {"code": "en_US"}}},
        "error_132012_param_format.json",
    ),
    (
        case("send_template_no_params.json") | {"template": {"name": "autumn_sale", "language": {"code": "en"}}},
        "error_132015_template_paused.json",
    ),
]


@pytest.mark.parametrize(("body", "refusal"), REFUSED)
async def test_a_wrong_message_is_refused(body: dict[str, Any], refusal: str) -> None:
    async with open_stage() as stage:
        answer = await stage.send(body)
        assert_refused(answer.status_code, answer.json(), refusal)
        assert await stage.show("ledger") == []


async def test_a_parameter_of_a_template_holds_no_line_break() -> None:
    async with open_stage() as stage:
        body = case("send_template_named.json")
        body["template"]["components"][0]["parameters"][0]["text"] = "Mira\nTestova"
        answer = await stage.send(body)
        assert_refused(answer.status_code, answer.json(), "error_132012_param_format.json")


async def test_a_login_code_needs_a_phone_number() -> None:
    async with open_stage() as stage:
        code = {"type": "text", "text": "123456"}
        button = {"type": "button", "sub_type": "copy_code", "index": "0", "parameters": [code]}
        template = {
            "name": "login_code",
            "language": {"code": "en"},
            "components": [{"type": "body", "parameters": [code]}, button],
        }
        body = {"messaging_product": "whatsapp", "type": "template", "template": template}
        assert (await stage.send(body | {"to": "+" + MIRA})).status_code == 200
        answer = await stage.send(body | {"recipient": "GB.71820000000000000002"})
        assert_refused(answer.status_code, answer.json(), "error_131062_bsuid_unsupported.json")


@pytest.mark.parametrize(
    ("to", "reaches"),
    [
        ("+15550100777", "15550100777"),
        ("+1 (555) 010-0777", "15550100777"),
        ("5550100777", "15550100777"),
        ("15550100777", "115550100777"),
        ("447700900123", "1447700900123"),
    ],
)
async def test_without_a_plus_the_message_goes_to_somebody_else(to: str, reaches: str) -> None:
    async with open_stage() as stage:
        answer = await stage.send(text(to=to))
        assert answer.json()["contacts"] == [{"input": to, "wa_id": reaches}]
        assert [entry["to"] for entry in await stage.show("ledger")] == [reaches]


async def test_a_phone_number_wins_over_a_user_id() -> None:
    async with open_stage() as stage:
        await stage.send(text(recipient="GB.71820000000000000002"))
        assert [entry["to"] for entry in await stage.show("ledger")] == [MIRA]


async def test_the_allow_list_of_a_test_number() -> None:
    async with open_stage(allowed_contacts=(MIRA,)) as stage:
        assert (await stage.send(text())).status_code == 200
        answer = await stage.send(text(to="+15550100888"))
        assert answer.json()["error"].keys() == case("error_131030_not_in_allow_list.json")["body"]["error"].keys()
        assert answer.json()["error"]["code"] == 131030


async def test_the_pair_limit_and_its_slow_refill() -> None:
    async with open_stage(pair_burst=3, pair_interval_seconds=0.2, throughput_per_second=None) as stage:
        codes = [(await stage.send(text())).status_code for _ in range(4)]
        assert codes == [200, 200, 200, 400]
        answer = await stage.send(text())
        assert_refused(answer.status_code, answer.json(), "error_131056_pair_rate_limit.json")
        assert (await stage.send(text(to="+15550100888"))).status_code == 200


async def test_the_throughput_limit() -> None:
    async with open_stage(pair_burst=None, throughput_per_second=2) as stage:
        answers = [await stage.send(text()) for _ in range(6)]
        refused = [answer for answer in answers if answer.status_code != 200]
        assert len(refused) >= 2
        assert_refused(refused[0].status_code, refused[0].json(), "error_130429_rate_limit.json")


async def test_the_ledger_is_in_order_of_acceptance_and_can_be_read_on() -> None:
    async with open_stage() as stage:
        for number in range(5):
            await stage.send(text(f"number {number}", biz_opaque_callback_data=f"ref-{number}"))
        entries = await stage.show("ledger")
        assert [(entry["seq"], entry["text"], entry["reference"]) for entry in entries] == [
            (number + 1, f"number {number}", f"ref-{number}") for number in range(5)
        ]
        assert [entry["seq"] for entry in await stage.show("ledger?since=3")] == [4, 5]
        await stage.client.post("/_emulator/reset")
        assert await stage.show("ledger") == []


@pytest.mark.parametrize(
    ("path", "headers", "refusal"),
    [
        (MESSAGES, {}, "error_2500_no_token.json"),
        (MESSAGES, {"authorization": "Bearer nonsense"}, "error_190_malformed_token.json"),
        (MESSAGES, {"authorization": "Bearer EAAexpired"}, "error_190_token_expired.json"),
        ("/v26.0/111/messages", TOKEN, "error_100_object_missing.json"),
        (f"/v99.0/{NUMBER}/messages", TOKEN, "error_2500_unknown_version.json"),
        (f"/v26.0/{NUMBER}/massages", TOKEN, "error_2500_unknown_version.json"),
    ],
)
async def test_the_way_in_is_guarded(path: str, headers: dict[str, str], refusal: str) -> None:
    async with open_stage() as stage:
        answer = await stage.client.post(path, json=text(), headers=headers)
        assert_refused(answer.status_code, answer.json(), refusal)


async def test_a_body_that_is_no_object_is_refused() -> None:
    async with open_stage() as stage:
        for content in (b"[]", b"{", b'{"text": "\xff"}'):
            headers = TOKEN | {"content-type": "application/json"}
            answer = await stage.client.post(MESSAGES, content=content, headers=headers)
            assert_refused(answer.status_code, answer.json(), "error_100_invalid_parameter.json")


async def test_a_read_mark_covers_what_came_before_and_needs_a_known_message() -> None:
    async with open_stage() as stage:
        await stage.write("one")
        second = await stage.write("two")
        await stage.write("three")
        mark = {"messaging_product": "whatsapp", "status": "read", "message_id": second}
        assert (await stage.send(mark)).json() == {"success": True}
        assert [entry["read_at"] is not None for entry in await stage.show("inbound")] == [True, True, False]
        answer = await stage.send(mark | {"message_id": "wamid.unknown"})
        assert_refused(answer.status_code, answer.json(), "error_131009_bad_param.json")
