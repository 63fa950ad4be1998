"""A contact's file is fetched whole, within limits, and the token goes nowhere else."""

from __future__ import annotations

import asyncio
from base64 import b64encode
from collections.abc import AsyncIterator
from hashlib import sha256
from typing import Any

import httpx
import msgspec
import pytest

from frontdesk.core.message import Media
from frontdesk.ports import FetchedMedia, PermanentFailure, TemporaryFailure
from plugins.whatsapp_cloud.support import OUR_NUMBER, Answer, channel, load

BODY = b"\x89PNG picture"
DIGEST = sha256(BODY)
PHOTO = Media(kind="image", media_id="1410000000000003", mime_type="image/png")
LOOKASIDE = "https://lookaside.fbsbx.com/whatsapp_business/attachments/?mid=1"


class Files:
    """Meta's two calls: where the file is, and the file."""

    def __init__(self, description: dict[str, Any] | None = None, file: Answer | httpx.Response | None = None) -> None:
        self.description = {"url": LOOKASIDE, "mime_type": "image/png", **(description or {})}
        self.file = file or httpx.Response(200, content=BODY)
        self.requests: list[httpx.Request] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        if request.url.path.startswith("/v26.0/"):
            return httpx.Response(200, content=msgspec.json.encode(self.description))
        return self.file(request) if callable(self.file) else self.file

    @property
    def hosts(self) -> list[str]:
        return [request.url.host for request in self.requests]


def fetch(answer: Answer, media: Media = PHOTO, **options: Any) -> FetchedMedia:
    return asyncio.run(channel(answer, **options).fetch(media))


def refused(answer: Answer, media: Media = PHOTO, **options: Any) -> str:
    with pytest.raises(PermanentFailure) as failure:
        fetch(answer, media, **options)
    return failure.value.code


@pytest.mark.parametrize("name", ["response_media_url.json", "response_media_url_string_size.json"])
def test_a_file_is_fetched_in_two_calls(name: str) -> None:
    description = {**load(name), "sha256": DIGEST.hexdigest()}
    files = Files(description)
    assert fetch(files) == FetchedMedia(body=BODY, mime_type="image/jpeg")
    asked, downloaded = files.requests
    assert str(asked.url) == f"https://graph.facebook.com/v26.0/1410000000000003?phone_number_id={OUR_NUMBER}"
    assert str(downloaded.url) == description["url"]
    for request in files.requests:
        assert request.headers["authorization"] == "Bearer EAAtoken"
        assert request.headers["user-agent"]


@pytest.mark.parametrize(
    "url",
    [
        "http://lookaside.fbsbx.com/x",
        "https://evil.example/x",
        "https://evilfbsbx.com/x",
        "https://fbsbx.com.evil.example/x",
        "https://lookaside.fbsbx.com@evil.example/x",
        "https://lookaside.fbsbx.com:8443/x",
        "https://127.0.0.1/x",
        "http://127.0.0.1/x",
        "file:///etc/passwd",
        "https://",
        "http://[",
        "",
    ],
)
def test_the_token_goes_to_no_other_host(url: str) -> None:
    files = Files({"url": url})
    assert refused(files) == "media_host"
    assert files.hosts == ["graph.facebook.com"]


def test_hosts_can_be_added() -> None:
    assert fetch(Files({"url": "https://files.cdn.example/x"}), media_hosts=("cdn.example",)).body == BODY


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_a_redirect_is_not_followed(status: int) -> None:
    files = Files(file=httpx.Response(status, headers={"Location": "https://evil.example/"}))
    assert refused(files) == "media_host"
    assert files.hosts == ["graph.facebook.com", "lookaside.fbsbx.com"]


def test_the_emulator_on_this_machine_serves_files_without_tls() -> None:
    files = Files({"url": "http://127.0.0.1:9000/file"})
    assert fetch(files, base_url="http://127.0.0.1:9000").body == BODY
    other = Files({"url": "http://127.0.0.1:9001/file"})
    assert refused(other, base_url="http://127.0.0.1:9000") == "media_host"


@pytest.mark.parametrize("size", [101, "101"])
def test_a_large_file_is_not_even_begun(size: Any) -> None:
    files = Files({"file_size": size})
    assert refused(files, media_bytes_max=100) == "media_too_large"
    assert len(files.requests) == 1


def test_a_file_that_is_larger_than_it_said_is_cut_off() -> None:
    read: list[int] = []

    async def endless() -> AsyncIterator[bytes]:
        for number in range(1000):
            read.append(number)
            yield b"x" * 50

    files = Files({"file_size": 10}, lambda _: httpx.Response(200, content=endless()))
    assert refused(files, media_bytes_max=100) == "media_too_large"
    assert len(read) == 3


def test_a_file_of_exactly_the_limit_is_taken() -> None:
    assert fetch(Files({"file_size": len(BODY)}), media_bytes_max=len(BODY)).body == BODY


@pytest.mark.parametrize("told", [DIGEST.hexdigest(), DIGEST.hexdigest().upper(), b64encode(DIGEST.digest()).decode()])
def test_a_digest_is_compared_in_either_spelling(told: str) -> None:
    assert fetch(Files(), Media(kind="image", media_id="1", sha256=told)).body == BODY
    with pytest.raises(TemporaryFailure) as failure:
        fetch(Files(file=httpx.Response(200, content=b"other")), Media(kind="image", media_id="1", sha256=told))
    assert failure.value.code == "media_damaged"


@pytest.mark.parametrize("told", ["", "zz", "not base64!", "AAAA"])
def test_a_digest_that_is_none_is_not_compared(told: str) -> None:
    assert fetch(Files({"sha256": told})).body == BODY


def test_an_address_that_died_is_asked_for_again() -> None:
    answers = [httpx.Response(404), httpx.Response(200, content=BODY)]
    files = Files(file=lambda _: answers.pop(0))
    assert fetch(files).body == BODY
    assert len(files.requests) == 4


def test_a_file_that_is_at_no_address_is_tried_later() -> None:
    files = Files(file=httpx.Response(404))
    with pytest.raises(TemporaryFailure):
        fetch(files)
    assert len(files.requests) == 4


@pytest.mark.parametrize("status", [400, 404])
def test_an_id_that_expired_is_gone_for_good(status: int) -> None:
    body = load("error_100_object_missing.json")["body"]
    assert refused(lambda _: httpx.Response(status, content=msgspec.json.encode(body))) == "media_expired"


def test_a_wrong_token_bars_the_account() -> None:
    body = load("error_190_token_expired.json")["body"]
    with pytest.raises(TemporaryFailure) as failure:
        fetch(lambda _: httpx.Response(401, content=msgspec.json.encode(body)))
    assert failure.value.concerns == "account"


@pytest.mark.parametrize("description", [{"url": None}, {"url": 7}])
def test_a_description_without_an_address_is_tried_later(description: dict[str, Any]) -> None:
    with pytest.raises(TemporaryFailure):
        fetch(Files(description))


def test_a_download_that_breaks_is_tried_later() -> None:
    def fail(request: httpx.Request) -> httpx.Response:
        raise httpx.ReadError("reset")

    for file in (fail, httpx.Response(503)):
        with pytest.raises(TemporaryFailure):
            fetch(Files(file=file))


def test_types_that_are_not_wanted_are_not_fetched() -> None:
    files = Files({"mime_type": "application/x-msdownload"})
    assert refused(files, media_types=("image/", "application/pdf")) == "media_type"
    assert len(files.requests) == 1


@pytest.mark.parametrize("media_id", [None, "", "../me", "1?fields=x", "1/../2", "ä"])
def test_only_an_id_is_asked_for(media_id: str | None) -> None:
    files = Files()
    assert refused(files, Media(kind="image", media_id=media_id)) == "media_missing"
    assert files.requests == []
