"""What Redis complains of, in one sentence with the cure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from redis import exceptions

from frontdesk.plugin import ConfigError

TROUBLE = (exceptions.RedisError, exceptions.RedisClusterException, OSError, TimeoutError)
"""Not the fault of what was asked."""

_REFUSALS: tuple[tuple[type[BaseException], str], ...] = (
    (exceptions.AuthenticationError, "check the user and the password in `signal.url`"),
    (exceptions.AuthenticationWrongNumberOfArgsError, "check the user and the password in `signal.url`"),
    (exceptions.AuthorizationError, "check the user and the password in `signal.url`"),
    (
        exceptions.NoPermissionError,
        "give the user the commands, keys and channels that the README lists for a restricted user",
    ),
)
_CURES: tuple[tuple[type[BaseException], str], ...] = (
    *_REFUSALS,
    (exceptions.OutOfMemoryError, "give Redis more memory, or let it evict keys"),
    (exceptions.ReadOnlyError, "let `signal.url` name the primary, this server only reads"),
    (exceptions.ClusterDownError, "see to the cluster's missing slots"),
)
_WORDS = (("NOAUTH", 0), ("WRONGPASS", 0), ("invalid username-password", 0), ("NOPERM", 3))
"""Of refusals that redis-py wraps in something more general, and the places of their cures."""

_AWAY = "check that the server runs and is reached at `signal.url`; until then processes poll, nothing is lost"
_LENGTH_MAX = 300


def sentence(error: BaseException, secrets: Iterable[str]) -> str:
    """What is wrong, without the words that must not be seen."""
    told = " ".join((str(error) or type(error).__name__).split())
    for secret in secrets:
        told = told.replace(secret, "***")
    return f"Redis cannot be used ({told[:_LENGTH_MAX]}); {_refusal(error) or _cure(error)}"


def refusal(error: BaseException, secrets: Iterable[str]) -> ConfigError | None:
    """The server answered and does not want us: only a person can change that."""
    return ConfigError(sentence(error, secrets)) if _refusal(error) else None


def _refusal(error: BaseException) -> str:
    for cause in _causes(error):
        for kind, cure in _REFUSALS:
            if isinstance(cause, kind):
                return cure
        for word, place in _WORDS:
            if word in str(cause):
                return _REFUSALS[place][1]
    return ""


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__


def _cure(error: BaseException) -> str:
    return next((cure for kind, cure in _CURES if isinstance(error, kind)), _AWAY)
