"""What the configuration may say about a channel on Meta's Cloud API, and the checks that need no network."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, Struct

from frontdesk.plugin import ConfigError, HostName, Secret

MEBIBYTE = 2**20


class Options(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A number on Meta's WhatsApp Cloud API."""

    phone_number_id: Annotated[
        str,
        Meta(
            min_length=1,
            pattern=r"^[0-9A-Za-z_]+$",
            extra={"form": "the id that Meta shows beside the number (API setup), not the number itself"},
            description="Meta's id of the number, not the number itself.",
        ),
    ]
    access_token: Annotated[Secret, Meta(description="Of a system user that never expires, with the messaging scope.")]
    verify_token: Annotated[Secret, Meta(description="The word you typed beside the webhook's address at Meta.")]
    app_secret: Annotated[Secret | None, Meta(description="App settings, Basic. Signs every webhook.")] = None
    previous_app_secrets: Annotated[
        tuple[Secret, ...], Meta(description="Still accepted while the secret is being changed.")
    ] = ()
    base_url: Annotated[str, Meta(description="Where the Graph API is; another host only for the emulator.")] = (
        "https://graph.facebook.com"
    )
    graph_version: Annotated[
        str,
        Meta(
            pattern=r"^v\d+\.\d+$",
            extra={"form": 'a version such as "v26.0"'},
            description="Versions live for about two years.",
        ),
    ] = "v26.0"
    waba_id: Annotated[str, Meta(description="The WhatsApp Business Account of the number; not used yet.")] = ""
    media_hosts: Annotated[
        tuple[HostName, ...],
        Meta(description="Hosts, with all below them, that may see the token when files are fetched."),
    ] = ("fbsbx.com", "fbcdn.net", "whatsapp.net")
    media_bytes_max: Annotated[int, Meta(ge=1, description="Larger files of contacts are not fetched.")] = (
        100 * MEBIBYTE
    )
    media_types: Annotated[tuple[str, ...], Meta(description="Files whose type begins otherwise are not fetched.")] = (
        "image/",
        "video/",
        "audio/",
        "text/",
        "application/",
    )
    timeout_seconds: Annotated[float, Meta(gt=0, le=120, description="For one call of the Graph API, in all.")] = 20.0
    media_timeout_seconds: Annotated[float, Meta(gt=0, le=600, description="For one file, in all.")] = 120.0


def check_options(channel: str, options: Options, *, is_development: bool) -> None:
    """Raises ConfigError with the cure."""
    where = f"[channels.{channel}]"
    if not options.app_secret and not is_development:
        raise ConfigError(
            f"{where} app_secret is missing, so anybody could write in your contacts' names; copy it from the App "
            'Dashboard (App settings, Basic) into META_APP_SECRET and add app_secret = { env = "META_APP_SECRET" }'
        )
    if not options.verify_token:
        raise ConfigError(f"{where} verify_token is empty; choose a word and type the same into the App Dashboard")
    token = options.access_token.reveal()
    if not token or not token.isascii() or any(not "!" <= letter <= "~" for letter in token):
        raise ConfigError(f"{where} access_token is empty or holds blanks or line breaks; copy it again")
