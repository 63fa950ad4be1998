"""What Redis complains of, in one sentence with the cure."""

from __future__ import annotations

from collections.abc import Iterable

from redis import exceptions

from frontdesk.plugin import ConfigError

TROUBLE = (exceptions.RedisError, exceptions.RedisClusterException, OSError, TimeoutError)
"""Not the fault of what was asked."""

_LOGIN = "check the user and the password in `signal.url`"
_RIGHTS = "give the user the commands, keys and channels that docs/configuration.md lists for a restricted user"
_REFUSALS: tuple[tuple[type[BaseException] | str, str], ...] = (
    (exceptions.AuthenticationError, _LOGIN),
    (exceptions.AuthenticationWrongNumberOfArgsError, _LOGIN),
    (exceptions.AuthorizationError, _LOGIN),
    ("NOAUTH", _LOGIN),
    ("WRONGPASS", _LOGIN),
    ("invalid username-password", _LOGIN),
    (exceptions.NoPermissionError, _RIGHTS),
    ("NOPERM", _RIGHTS),
    ("ACL failure in script", _RIGHTS),
    ("The user executing the script can't", _RIGHTS),
)
"""By the kind of an error, or by words in it where redis-py or Redis wraps one in something more general."""

_CURES: tuple[tuple[type[BaseException] | str, str], ...] = (
    *_REFUSALS,
    (
        "CERTIFICATE_VERIFY_FAILED",
        "give the server a certificate for this host, or name its authority with ssl_ca_certs in `signal.url`",
    ),
    (exceptions.OutOfMemoryError, "give Redis more memory, or let it evict keys"),
    ("-OOM", "give Redis more memory, or let it evict keys"),
    (exceptions.ReadOnlyError, "let `signal.url` name the primary, this server only reads"),
    ("READONLY", "let `signal.url` name the primary, this server only reads"),
    (
        "Cluster mode is not enabled",
        "let `signal.url` begin with redis:// if it is no cluster, else let the user run CLUSTER SLOTS",
    ),
    (exceptions.MovedError, "it is a cluster: let `signal.url` begin with redis+cluster://"),
    (exceptions.ClusterDownError, "see to the cluster's missing slots"),
)

_AWAY = "check that the server runs and is reached at `signal.url`; until then processes poll, nothing is lost"
_LENGTH_MAX = 300


def sentence(error: BaseException, secrets: Iterable[str]) -> str:
    """What is wrong, without the words that must not be seen."""
    told = " ".join((str(error) or type(error).__name__).split())
    for secret in secrets:
        told = told.replace(secret, "***")
    return f"Redis cannot be used ({told[:_LENGTH_MAX]}); {_cure(error, _CURES) or _AWAY}"


def refusal(error: BaseException, secrets: Iterable[str]) -> ConfigError | None:
    """The server answered and does not want us: only a person can change that."""
    return ConfigError(sentence(error, secrets)) if _cure(error, _REFUSALS) else None


def _cure(error: BaseException | None, cures: Iterable[tuple[type[BaseException] | str, str]]) -> str:
    while error is not None:
        for mark, cure in cures:
            if mark in str(error) if isinstance(mark, str) else isinstance(error, mark):
                return cure
        error = error.__cause__
    return ""
