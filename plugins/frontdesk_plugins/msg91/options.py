"""What the configuration may say about a channel on MSG91, and the checks that need no network.

MSG91 lets the operator write the body of its webhooks, and its documents leave much open: every uncertain point is a
key here, with the value that most of those who use it report as default.
"""

from __future__ import annotations

import re
from typing import Annotated, Literal

import msgspec
from msgspec import Meta, Struct, field

from frontdesk.plugin import ConfigError, HostName, Secret

MEBIBYTE = 2**20
Paths = tuple[str, ...]
_PATH = re.compile(r"\w+(\.\w+)*")


class InboundMap(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where the fields of an inbound post are. The first path that leads to something wins; `a.b` walks into objects
    and opens strings that hold JSON on its way, `a.0` is the first of a list."""

    from_: Paths = field(
        default=("messages.0.from", "customerNumber", "customer_number", "sender", "from", "mobile", "waId"),
        name="from",
    )
    our_number: Paths = ("integratedNumber", "integrated_number", "receiver", "to")
    id: Paths = ("messages.0.id", "uuid", "message_uuid")
    type: Paths = ("messages.0.type", "contentType", "messageType", "content_type")
    text: Paths = ("messages.0.text.body", "text.body", "text.text", "text", "content.text", "content.body", "content")
    caption: Paths = ("caption",)
    reply_id: Paths = ("interactive.button_reply.id", "interactive.list_reply.id", "button.payload")
    reply_title: Paths = ("interactive.button_reply.title", "interactive.list_reply.title", "button.text")
    media_url: Paths = ("url", "attachment_url", "media_url", "content.url")
    quoted_id: Paths = ("messages.0.context.id", "replyMsgId")
    name: Paths = ("customerName", "contacts.0.profile.name", "customer_name")
    time: Paths = ("messages.0.timestamp", "ts", "requestedAt")


class StatusMap(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where the fields of a delivery report are; see `InboundMap`."""

    status: Paths = ("eventName", "status", "event")
    reason: Paths = ("reason", "failureReason", "statusCode")
    ours: Paths = ("crqid", "CRQID")
    request: Paths = ("requestId", "request_id")
    wamid: Paths = ("uuid", "message_uuid")
    to: Paths = ("customerNumber", "mobile", "customer_number")
    kind: Paths = ("messageType", "contentType")
    price: Paths = ("price",)
    time: Paths = ("statusUpdatedAt", "readTime", "deliveryTime", "sentTime", "ts", "requestedAt")


class Options(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A WhatsApp number on MSG91."""

    integrated_number: Annotated[
        str,
        Meta(
            pattern=r"^\+?[0-9]{7,20}$",
            extra={"form": 'country code and digits without blanks, such as "919876543210"'},
            description="Your number: country code and digits.",
        ),
    ]
    authkey: Annotated[Secret, Meta(description="The account's authkey; its IP allow-list must hold this server.")]
    webhook_secret: Annotated[
        Secret | None, Meta(description="The word that MSG91 sends along with every webhook; make up 32 characters.")
    ] = None
    previous_webhook_secrets: Annotated[
        tuple[Secret, ...], Meta(description="Still accepted while the word is being changed.")
    ] = ()
    webhook_secret_header: Annotated[
        str, Meta(pattern=r"^[A-Za-z0-9-]+$", description="The header in which the word comes.")
    ] = "X-Webhook-Secret"  # noqa: S105 -- a name
    accept_query_token: Annotated[
        bool, Meta(description="Take the word from `?token=` too; addresses get logged, so rather not.")
    ] = False
    base_url: Annotated[str, Meta(description="Where MSG91 is; `https://api.msg91.com/api/v5` serves the same.")] = (
        "https://control.msg91.com/api/v5"
    )
    text_transport: Annotated[
        Literal["json", "query"], Meta(description="How texts are sent; the other way is tried where one is refused.")
    ] = "json"
    media_style: Annotated[
        Literal["attachment_url", "nested", "payload"], Meta(description="Which spelling of files is sent.")
    ] = "attachment_url"
    session_reference: Annotated[
        bool, Meta(description="Send our reference (CRQID) with free-form messages too, not only with templates.")
    ] = True
    template_namespace: Annotated[str, Meta(description="Sent with templates where it is set.")] = ""
    poll_logs: Annotated[
        Literal["off", "reconcile", "inbound"],
        Meta(description="Ask the log for statuses that did not come, or for messages of contacts too."),
    ] = "reconcile"
    poll_seconds: Annotated[
        float, Meta(ge=10, description="How often; 60 to 300 where the log stands in for webhooks.")
    ] = 1_800.0
    log_method: Annotated[Literal["GET", "POST"], Meta(description="How the log is asked.")] = "GET"
    media_hosts: Annotated[
        tuple[HostName, ...], Meta(description="Hosts, with all below them, from which contacts' files are fetched.")
    ] = ("phone91.com", "msg91.com")
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
    price_usd: Annotated[
        str,
        Meta(
            pattern=r"^(\d{1,6}(\.\d{1,9})?)?$",
            extra={"form": 'an amount of USD in quotes, such as "0.012"'},
            description="USD that a report's price of 1 is worth; empty: `money.message_prices` counts, by kind.",
        ),
    ] = ""
    timeout_seconds: Annotated[float, Meta(gt=0, le=120, description="For one call of MSG91, in all.")] = 20.0
    media_timeout_seconds: Annotated[float, Meta(gt=0, le=600, description="For one file, in all.")] = 120.0
    inbound_map: Annotated[InboundMap, Meta(description="Where the fields of an inbound post are.")] = InboundMap()
    status_map: Annotated[StatusMap, Meta(description="Where the fields of a delivery report are.")] = StatusMap()


def check_options(channel: str, options: Options, *, is_development: bool) -> None:
    """Raises ConfigError with the cure."""
    where = f"[channels.{channel}]"
    if not options.webhook_secret and not is_development:
        raise ConfigError(
            f"{where} webhook_secret is missing, so anybody could write in your contacts' names; make up a word of 32 "
            f"characters, add it at MSG91 as the webhook's header {options.webhook_secret_header}, and here "
            'webhook_secret = { env = "MSG91_WEBHOOK_SECRET" }'
        )
    key = options.authkey.reveal()
    if not key or not key.isascii() or any(not "!" <= letter <= "~" for letter in key):
        raise ConfigError(f"{where} authkey is empty or holds blanks or line breaks; copy it again")
    for secret in filter(None, (options.webhook_secret, *options.previous_webhook_secrets)):
        word = secret.reveal()
        if not word.isascii() or not word.isprintable() or word != word.strip():
            raise ConfigError(
                f"{where} webhook_secret cannot come in a header: it begins or ends with a blank, or holds line breaks "
                "or letters beyond ASCII; make up another one, and change it at MSG91"
            )
    _check_paths(f"{where} inbound_map", options.inbound_map)
    _check_paths(f"{where} status_map", options.status_map)


def _check_paths(where: str, mapping: InboundMap | StatusMap) -> None:
    for key, paths in msgspec.to_builtins(mapping).items():
        wrong = [path for path in paths if not _PATH.fullmatch(path)]
        if wrong:
            raise ConfigError(f"{where}.{key}: {wrong[0]!r} is no path; write names with dots between them")
