"""Contacts' files come from hosts of the list and from nowhere else."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx
import pytest

from frontdesk.core.message import Media
from frontdesk.ports import FetchedMedia, PermanentFailure, ProviderFailure, TemporaryFailure
from plugins.msg91.support import Answer, channel, nobody_answers

URL = "https://whatsapp.phone91.com/whatsapp-haptik-media/15550100001/725"


def fetched(answer: Answer, link: str | None = URL, mime_type: str | None = None, **changes: Any) -> FetchedMedia:
    media = Media(kind="image", media_id="725", link=link, mime_type=mime_type)
    return asyncio.run(channel(answer, **changes).fetch(media))


def test_a_file_is_fetched_without_the_authkey() -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        assert str(request.url) == URL
        assert "authkey" not in request.headers
        return httpx.Response(200, content=b"\x89PNG", headers={"content-type": "image/png"})

    assert fetched(answer) == FetchedMedia(body=b"\x89PNG", mime_type="image/png")


def test_what_the_post_says_of_the_type_comes_first() -> None:
    found = fetched(lambda _: httpx.Response(200, content=b"x"), mime_type="image/jpeg")
    assert found.mime_type == "image/jpeg"


@pytest.mark.parametrize(
    "link",
    [
        None,
        "http://whatsapp.phone91.com/a",
        "https://phone91.com.evil.org/a",
        "https://evilphone91.com/a",
        "https://127.0.0.1/a",
        "https://169.254.169.254/latest",
        "https://whatsapp.phone91.com:8443/a",
        "https://a:b@whatsapp.phone91.com/a",
        "https://[",
        "file:///etc/passwd",
    ],
)
def test_other_places_are_not_asked(link: str | None) -> None:
    with pytest.raises(PermanentFailure):
        fetched(nobody_answers, link)


def test_the_list_can_be_longer() -> None:
    assert fetched(lambda _: httpx.Response(200, content=b"x", headers={"content-type": "image/png"}),
                   "https://files.example.org/a", media_hosts=("example.org",)).body == b"x"  # fmt: skip


@pytest.mark.parametrize(
    ("response", "kind", "code"),
    [
        (httpx.Response(404), PermanentFailure, "media_expired"),
        (httpx.Response(302, headers={"location": "https://evil.org"}), PermanentFailure, "media_host"),
        (httpx.Response(500), TemporaryFailure, "500"),
        (
            httpx.Response(200, content=b"x" * 11, headers={"content-type": "image/png"}),
            PermanentFailure,
            "media_too_large",
        ),
        (httpx.Response(200, content=b"x", headers={"content-type": "font/ttf"}), PermanentFailure, "media_type"),
    ],
)
def test_what_is_no_file(response: httpx.Response, kind: type[ProviderFailure], code: str) -> None:
    with pytest.raises(kind) as failure:
        fetched(lambda _: response, media_bytes_max=10)
    assert getattr(failure.value, "code", "") == code


def test_a_broken_line_is_tried_again() -> None:
    def answer(_: httpx.Request) -> httpx.Response:
        raise httpx.ReadTimeout("slow")

    with pytest.raises(TemporaryFailure):
        fetched(answer)
