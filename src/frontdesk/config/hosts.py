"""`[hosts.NAME]`: the machines that flows may call, and nothing else may be called by a flow."""

from __future__ import annotations

import re
from ipaddress import IPv6Address, IPv6Network, ip_address
from typing import Annotated, Any
from urllib.parse import urlsplit

import msgspec
from msgspec import Meta, Struct

from frontdesk.core.flow import NAME_PATTERN
from frontdesk.plugin import ConfigError, Secret, explain

# RFC 9110: what a header's name is made of. A value holds what can be seen, blanks and tabs.
_HEADER_NAME = re.compile(r"[A-Za-z0-9!#$%&'*+\-.^_`|~]{1,100}")
_HEADER_VALUE = re.compile(r"[\t\x20-\x7e]{1,8192}")
_OUR_OWN = {"host", "content-length", "transfer-encoding", "connection", "content-type", "idempotency-key"}
_TRANSLATED = IPv6Network("64:ff9b::/96")


class HostSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One host. The values of `headers` are texts or Secrets."""

    base_url: Annotated[str, Meta(description="What the paths of flows are put behind: https://shop.example/api.")]
    headers: Annotated[
        dict[str, Any], Meta(description='Sent with every call; secrets as `{ env = "NAME" }` or `{ file = … }`.')
    ] = {}
    timeout_seconds_max: Annotated[
        float, Meta(gt=0, le=300, description="The longest that a call may take in all.")
    ] = 30.0
    is_private: Annotated[
        bool, Meta(description="The host is meant to be in your own network; others must not lead there.")
    ] = False


def read_hosts(tree: dict[str, dict[str, Any]], *, is_development: bool) -> dict[str, HostSettings]:
    """The hosts by name. Raises ConfigError: a sentence that names the key."""
    return {name: _read_host(name, values, is_development=is_development) for name, values in tree.items()}


def _read_host(name: str, values: dict[str, Any], *, is_development: bool) -> HostSettings:
    where = f"hosts.{name}"
    if not re.fullmatch(NAME_PATTERN, name):
        raise ConfigError(f"{where}: a host's name has small letters, digits and _ only, 40 at most; rename it")
    try:
        host = msgspec.convert(values, HostSettings, strict=False)
    except msgspec.ValidationError as error:
        raise ConfigError(explain(error, HostSettings, where)) from error
    _check_url(where, host.base_url)
    if not (host.is_private or is_development or _may_be_public(urlsplit(host.base_url).hostname or "")):
        raise ConfigError(
            f"{where}.base_url is not on the public internet; set {where}.is_private = true if that is meant"
        )
    for header, value in host.headers.items():
        _check_header(f"{where}.headers.{header}", header, value)
    return host


def _check_url(where: str, text: str) -> None:
    try:
        parts = urlsplit(text)
        is_address = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        is_address = False
        parts = urlsplit("")
    is_plain = text.isascii() and text.isprintable() and not {" ", "\\", "%", "?", "#", "@"} & set(text)
    steps = parts.path.strip("/").split("/")
    if not (is_address and is_plain) or {".", ".."} & set(steps) or ("" in steps and steps != [""]):
        raise ConfigError(
            f"{where}.base_url is no address that calls can begin with; write https://host/path, without ? # @ % and .."
        )


def _check_header(where: str, name: str, value: object) -> None:
    if not _HEADER_NAME.fullmatch(name) or name.lower() in _OUR_OWN:
        raise ConfigError(f"{where}: this header cannot be set; take it out")
    text = value.reveal() if isinstance(value, Secret) else value
    if not isinstance(text, str) or not _HEADER_VALUE.fullmatch(text):
        raise ConfigError(f"{where}: a header's value is one line of plain letters, or a secret; write it so")


def _may_be_public(host: str) -> bool:
    """A name may; where it leads is looked at before each call."""
    try:
        return is_public(host)
    except ValueError:
        return host != "localhost" and not host.endswith(".localhost")


def is_public(address: str) -> bool:
    """Whether an address is one of the public internet. IPv4 inside IPv6 is looked at as what it is."""
    found = ip_address(address.partition("%")[0])
    if isinstance(found, IPv6Address):
        inner = found.ipv4_mapped or found.sixtofour or (found.teredo[1] if found.teredo else None)
        if found in _TRANSLATED:
            inner = ip_address(int(found) & 0xFFFFFFFF)  # type: ignore[assignment]  # below 2**32: an IPv4 address
        if inner is not None:
            return is_public(str(inner))
    return found.is_global and not found.is_multicast
