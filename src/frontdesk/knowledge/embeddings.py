"""Search by meaning: vectors of passages and questions from any endpoint that speaks OpenAI's `/embeddings`
(OpenAI itself, Ollama, vLLM, llama.cpp, LM Studio, text-embeddings-inference).

It is an addition and never a condition: while the endpoint is away, questions are answered from full text alone, and
`trouble` says so.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Annotated

import httpx
import msgspec
from msgspec import Meta, Struct

from frontdesk.core.prompt import Passage
from frontdesk.knowledge.fusion import fuse
from frontdesk.plugin import Secret
from frontdesk.ports import PermanentFailure, ProviderFailure, TemporaryFailure

CANDIDATES_MAX = 40
"""Passages of each ranking that are fused."""

ASKING_SECONDS_MAX = 2.0
"""How long a customer's question waits for its vector."""

QUESTION_CHARACTERS_MAX = 2_000


class EmbeddingsOptions(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Options under `[knowledge.embeddings]`."""

    base_url: Annotated[str, Meta(description="What `/embeddings` is put behind: http://127.0.0.1:11434/v1.")]
    model: Annotated[str, Meta(description="The model's name there; with another one all passages are computed anew.")]
    api_key: Annotated[Secret | None, Meta(description="Sent as a bearer token.")] = None
    dimensions: Annotated[
        Annotated[int, Meta(ge=1, le=8_192)] | None,
        Meta(description="Asked of the endpoint, where the model can do several; unset: the model's own."),
    ] = None
    batch_max: Annotated[int, Meta(ge=1, le=2_048, description="Passages in one request.")] = 64
    timeout_seconds: Annotated[float, Meta(gt=0, description="For one request with passages, in all.")] = 60.0
    similarity_min: Annotated[
        float, Meta(ge=-1, le=1, description="The cosine below which a passage has nothing to do with a question.")
    ] = 0.3


class KnowledgeOptions(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Options under `[knowledge]` that a search has which needs no others."""

    embeddings: Annotated[EmbeddingsOptions | None, Meta(description="Search by meaning too; unset: words only.")] = (
        None
    )


class _Vector(Struct):
    embedding: list[float]
    index: int = 0


class _Answer(Struct):
    data: list[_Vector]


_decode = msgspec.json.Decoder(_Answer).decode


def fingerprint(passage: Passage) -> str:
    """What a vector is known by: the text that it is of."""
    return hashlib.sha256(embedded(passage).encode()).hexdigest()


def embedded(passage: Passage) -> str:
    """The text whose vector stands for a passage."""
    return f"{passage.title}\n{passage.text}"


class Embeddings:
    """The endpoint. `trouble`: why questions are answered from words alone now, with the cure, or ""."""

    def __init__(self, options: EmbeddingsOptions, http: httpx.AsyncClient) -> None:
        self.options = options
        self.trouble = ""
        self._http = http
        self._url = f"{options.base_url.rstrip('/')}/embeddings"

    @property
    def model(self) -> str:
        """What vectors must have in common to be compared."""
        return f"{self.options.model}:{self.options.dimensions or ''}"

    async def question(self, query: str) -> list[float] | None:
        """A question's vector; None where there is none now. Raises nothing."""
        try:
            (vector,) = await self._ask([query[:QUESTION_CHARACTERS_MAX]], ASKING_SECONDS_MAX)
        except ProviderFailure as failure:
            self.trouble = str(failure)
            return None
        self.trouble = ""
        return vector

    async def passages(
        self,
        missing: Mapping[str, str],
        keep: Callable[[Mapping[str, Sequence[float]]], Awaitable[None]],
        told: Callable[[int, int], None],
    ) -> None:
        """Vectors for texts by their fingerprints, kept as they come. Raises ProviderFailure."""
        waiting = list(missing.items())
        for start in range(0, len(waiting), self.options.batch_max):
            told(start, len(waiting))
            batch = waiting[start : start + self.options.batch_max]
            try:
                vectors = await self._ask([text for _, text in batch], self.options.timeout_seconds)
            except ProviderFailure as failure:
                self.trouble = str(failure)
                raise
            await keep({known: vector for (known, _), vector in zip(batch, vectors, strict=True)})
        told(len(waiting), len(waiting))
        self.trouble = ""

    async def _ask(self, texts: Sequence[str], seconds: float) -> list[list[float]]:
        body: dict[str, object] = {"model": self.options.model, "input": list(texts), "encoding_format": "float"}
        if self.options.dimensions:
            body["dimensions"] = self.options.dimensions
        key = self.options.api_key
        try:
            response = await self._http.post(
                self._url,
                content=msgspec.json.encode(body),
                headers={"Content-Type": "application/json"}
                | ({"Authorization": f"Bearer {key.reveal()}"} if key else {}),
                timeout=seconds,
            )
        except (httpx.InvalidURL, httpx.UnsupportedProtocol) as error:
            raise PermanentFailure(
                f"{self._url} is no address ({error}); check `knowledge.embeddings.base_url`", code="address"
            ) from error
        except httpx.HTTPError as error:
            raise TemporaryFailure(
                f"{self._url} does not answer ({type(error).__name__}), so that knowledge is searched by words only; "
                "check that it runs and is reached"
            ) from error
        return self._vectors(response, len(texts))

    def _vectors(self, response: httpx.Response, count: int) -> list[list[float]]:
        self._refuse(response)
        try:
            data = sorted(_decode(response.content).data, key=lambda one: one.index)
        except msgspec.DecodeError as error:
            raise PermanentFailure(
                f"{self._url} answers what is no list of vectors; check `knowledge.embeddings.base_url`", code="garbage"
            ) from error
        wanted = self.options.dimensions or (len(data[0].embedding) if data else 0)
        fits = all(len(one.embedding) == wanted and all(map(math.isfinite, one.embedding)) for one in data)
        if len(data) != count or not wanted or not fits:
            raise PermanentFailure(
                f"{self._url} answers {len(data)} vectors, or of another length than {wanted}, for {count} texts; "
                "check `knowledge.embeddings.model` and `dimensions`",
                code="garbage",
            )
        return [one.embedding for one in data]

    def _refuse(self, response: httpx.Response) -> None:
        status = response.status_code
        if status == 200:
            return
        told = f"{self._url} answers {status}, so that knowledge is searched by words only"
        if status in (408, 425, 429) or status >= 500:
            raise TemporaryFailure(f"{told}; check what it says in its own log", code=str(status))
        cure = "`knowledge.embeddings.api_key`" if status in (401, 403) else "`base_url` and `model` under it"
        raise PermanentFailure(f"{told}; check {cure}", code=str(status))


async def both(
    query: str,
    limit: int,
    embeddings: Embeddings | None,
    by_words: Callable[[int], Awaitable[Sequence[Passage]]],
    by_meaning: Callable[[list[float], int], Awaitable[Sequence[Passage]]],
) -> Sequence[Passage]:
    """The best passages by words and by meaning, fused; by words alone where there are no embeddings now. Each is given
    how many passages to find."""
    vector = await embeddings.question(query) if embeddings and limit > 0 and query.strip() else None
    if vector is None:
        return await by_words(limit)
    found = [await by_words(CANDIDATES_MAX), await by_meaning(vector, CANDIDATES_MAX)]
    known = {passage.id: passage for ranking in found for passage in ranking}
    scores = fuse([[passage.id for passage in ranking] for ranking in found])
    return [msgspec.structs.replace(known[one], score=score) for one, score in list(scores.items())[:limit]]
