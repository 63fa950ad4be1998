"""An endpoint for embeddings on loopback that knows a few things that mean the same, and what every index promises
that searches by meaning."""

from __future__ import annotations

import json
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import httpx
import pytest

from frontdesk.core.prompt import Passage
from frontdesk.knowledge.embeddings import Embeddings, EmbeddingsOptions
from frontdesk.plugin import Secret
from frontdesk.ports import Knowledge, KnowledgeFile, KnowledgeIndex, PermanentFailure, TemporaryFailure

AXES = (
    ("shoe", "sneaker", "trainer", "boot"),
    ("money", "refund", "cash"),
    ("car", "parking", "garage"),
    ("dog",),
    ("receipt",),
)
KEY = "sk-test"

Open = Callable[[Embeddings], AbstractAsyncContextManager[Any]]


class Endpoint:
    """What it was asked, and how it is to fail."""

    def __init__(self) -> None:
        self.url = ""
        self.asked: list[dict[str, Any]] = []
        self.status = 200
        self.body: bytes | None = None

    @property
    def texts(self) -> list[str]:
        """All texts that vectors were computed for."""
        return [text for one in self.asked for text in one["input"]]

    def answer(self, request: dict[str, Any]) -> bytes:
        size = request.get("dimensions", len(AXES) + 1)
        data = [
            {"object": "embedding", "index": number, "embedding": vector(text)[:size]}
            for number, text in enumerate(request["input"])
        ]
        return json.dumps({"object": "list", "data": data[::-1], "model": request["model"]}).encode()


def vector(text: str) -> list[float]:
    found = [float(any(word in text.lower() for word in axis)) for axis in AXES]
    return [*found, 0.1 if any(found) else -1.0]


@contextmanager
def serving() -> Iterator[Endpoint]:
    endpoint = Endpoint()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            request = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            endpoint.asked.append(request)
            is_known = self.path == "/v1/embeddings" and self.headers["Authorization"] == f"Bearer {KEY}"
            status = endpoint.status if is_known else 401
            body = endpoint.body if endpoint.body is not None else endpoint.answer(request) if status == 200 else b"{}"
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 -- the library's own word
            """Silent."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    endpoint.url = f"http://127.0.0.1:{server.server_address[1]}/v1"
    try:
        yield endpoint
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture
def endpoint() -> Iterator[Endpoint]:
    with serving() as endpoint:
        yield endpoint


@pytest.fixture
async def http() -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(trust_env=False) as http:
        yield http


def embeddings(endpoint: Endpoint, http: httpx.AsyncClient, **options: Any) -> Embeddings:
    values: dict[str, Any] = {"base_url": endpoint.url, "model": "tiny", "api_key": Secret(KEY)} | options
    return Embeddings(EmbeddingsOptions(**values), http)


PASSAGES = {
    "a.md": ["Sneakers are washed by hand.", "You get your refund in five days."],
    "b.md": ["There is parking behind the house.", "The receipt shows what was paid."],
}


async def fill(index: KnowledgeIndex) -> None:
    for name, texts in PASSAGES.items():
        found = [Passage(id=f"{name}#{number}", title="Title", text=text) for number, text in enumerate(texts)]
        await index.put(KnowledgeFile(name=name, digest="1", passages=len(found)), found)


async def silent(index: KnowledgeIndex) -> None:
    await index.embed(lambda _done, _of: None)


async def ids(index: Any, query: str, *scope: str) -> list[str]:
    return [passage.id for passage in await index.search(query, 5, scope)]


class MeaningContract:
    """A subclass adds the fixture `open_index`: an index with the embeddings that it is given, the same each time."""

    pytestmark = pytest.mark.anyio

    async def test_what_means_the_same_is_found(
        self, open_index: Open, endpoint: Endpoint, http: httpx.AsyncClient
    ) -> None:
        async with open_index(embeddings(endpoint, http)) as index:
            assert isinstance(index, Knowledge)
            assert isinstance(index, KnowledgeIndex)
            await fill(index)
            assert await ids(index, "my trainers") == []
            await silent(index)
            assert await ids(index, "my trainers") == ["a.md#0"]
            assert await ids(index, "where is my cash") == ["a.md#1"]
            assert await ids(index, "garage") == ["b.md#0"]
            assert await ids(index, "bicycle") == []
            assert index.trouble == ""

    async def test_words_and_meaning_are_fused(
        self, open_index: Open, endpoint: Endpoint, http: httpx.AsyncClient
    ) -> None:
        async with open_index(embeddings(endpoint, http)) as index:
            await fill(index)
            await silent(index)
            found = await index.search("refund the cash for my trainers", 5)
            assert [passage.id for passage in found] == ["a.md#1", "a.md#0"]
            assert found[0].score == pytest.approx(1 / 61 + 1 / 62)
            assert found[1].score == pytest.approx(1 / 61)
            assert [passage.id for passage in await index.search("refund for trainers", 1)] == ["a.md#1"]

    async def test_only_the_scope_is_searched(
        self, open_index: Open, endpoint: Endpoint, http: httpx.AsyncClient
    ) -> None:
        async with open_index(embeddings(endpoint, http)) as index:
            await fill(index)
            await silent(index)
            assert await ids(index, "trainers in the garage", "b.md") == ["b.md#0"]
            assert await ids(index, "trainers", "b.md") == []

    async def test_only_what_is_new_is_computed(
        self, open_index: Open, endpoint: Endpoint, http: httpx.AsyncClient
    ) -> None:
        told: list[tuple[int, int]] = []
        async with open_index(embeddings(endpoint, http, batch_max=3)) as index:
            await fill(index)
            await index.embed(lambda done, of: told.append((done, of)))
            assert told == [(0, 4), (3, 4), (4, 4)]
            assert [len(one["input"]) for one in endpoint.asked] == [3, 1]
            assert sorted(endpoint.texts) == sorted(f"Title\n{text}" for texts in PASSAGES.values() for text in texts)
        endpoint.asked.clear()
        async with open_index(embeddings(endpoint, http)) as index:
            again = [
                Passage(id=f"a.md#{number}", title="Title", text=text)
                for number, text in enumerate(["A dog.", PASSAGES["a.md"][0]])
            ]
            await index.put(KnowledgeFile(name="a.md", digest="2", passages=2), again)
            await index.remove(["b.md"])
            await silent(index)
            assert endpoint.texts == ["Title\nA dog."]
            assert await ids(index, "trainers") == ["a.md#1"]
            assert await ids(index, "garage") == []

    async def test_another_model_is_another_space(
        self, open_index: Open, endpoint: Endpoint, http: httpx.AsyncClient
    ) -> None:
        async with open_index(embeddings(endpoint, http)) as index:
            await fill(index)
            await silent(index)
        async with open_index(embeddings(endpoint, http, model="other", dimensions=3)) as index:
            assert await ids(index, "trainers") == []
            await silent(index)
            assert endpoint.asked[-1]["dimensions"] == 3
            assert await ids(index, "trainers") == ["a.md#0"]

    async def test_an_endpoint_that_is_away_costs_only_the_meaning(
        self, open_index: Open, endpoint: Endpoint, http: httpx.AsyncClient
    ) -> None:
        async with open_index(embeddings(endpoint, http)) as index:
            await fill(index)
            endpoint.status = 503
            with pytest.raises(TemporaryFailure, match="answers 503, so that knowledge is searched by words only"):
                await silent(index)
            assert await ids(index, "refund") == ["a.md#1"]
            assert "answers 503" in index.trouble
            endpoint.status = 200
            await silent(index)
            assert index.trouble == ""
            assert await ids(index, "trainers") == ["a.md#0"]

    async def test_what_is_wrong_is_said_with_its_cure(
        self, open_index: Open, endpoint: Endpoint, http: httpx.AsyncClient
    ) -> None:
        async with open_index(embeddings(endpoint, http, api_key=Secret("wrong"))) as index:
            await fill(index)
            with pytest.raises(PermanentFailure, match=r"answers 401, .*; check `knowledge\.embeddings\.api_key`"):
                await silent(index)
        for address in ("ftp://host", "http://[::1"):
            async with open_index(embeddings(endpoint, http, base_url=address)) as index:
                with pytest.raises(
                    PermanentFailure, match=r"is no address .*; check `knowledge\.embeddings\.base_url`"
                ):
                    await silent(index)
        for body in (
            b"<html>",
            b'{"data": []}',
            b'{"data": [{"embedding": []}]}',
            b'{"data": [{"embedding": [1e999]}]}',
        ):
            endpoint.body = body
            async with open_index(embeddings(endpoint, http)) as index:
                with pytest.raises(PermanentFailure, match="check `knowledge"):
                    await silent(index)
                assert await ids(index, "refund") == ["a.md#1"]
