"""What the emulated account is called, how quick it is, and how strict; and what a service has to be told to use it."""

from __future__ import annotations

from typing import Any, Literal, TypeAlias

from msgspec import Struct

from frontdesk.emulator.catalogue import TEMPLATES, MessageTemplate

VendorName: TypeAlias = Literal["meta", "msg91"]


class EmulatorOptions(Struct, frozen=True, kw_only=True):
    """The account, its secrets and its manners. All spans are seconds.

    `reads`: `auto` reads every message after `read_after_seconds`, `phone` when the phone page shows it, `never` for a
    contact without receipts. `window`: how a message outside the 24 h is refused (131047): `async` by a failed status
    as Meta mostly does, `sync` in the answer, `off` not at all. `allowed_contacts`: a test number's list (131030).
    `retry_seconds`: the gaps between webhook attempts, the last one repeats; `retry_scale` stretches them all.
    `seed` makes the faults' dice repeatable; message ids never repeat, for a service remembers them.

    `vendor`: by whom customers' messages come; both take messages at any time. Of MSG91 `inbound_template` and
    `status_template` are what the operator pasted ("" for all there is), `msg91_escapes` whether what is filled in is
    escaped, `msg91_returns_reference` whether the CRQID of a free-form message comes back, `msg91_failures` how a
    failure is reported.
    """

    phone_number_id: str = "310700000000042"
    display_phone_number: str = "15550100200"
    country_code: str = "1"
    business_name: str = "Sample Shop"
    waba_id: str = "209800000000017"
    app_id: str = "700100000000009"
    app_secret: str = "0123456789abcdef0123456789abcdef"  # noqa: S105 - the sample shop's, known to everybody
    access_token: str = "EAAemulator"  # noqa: S105 - the sample shop's, known to everybody
    expired_tokens: tuple[str, ...] = ("EAAexpired",)
    verify_token: str = "frontdesk-demo"  # noqa: S105 - the sample shop's, known to everybody
    callback_url: str | None = None
    vendor: VendorName = "meta"
    authkey: str = "msg91-emulator"
    webhook_secret: str = "a word of the sample shop's, known to everybody"  # noqa: S105 - as it says
    webhook_secret_header: str = "X-Webhook-Secret"  # noqa: S105 - a name
    inbound_template: str = ""
    status_template: str = ""
    msg91_escapes: bool = True
    msg91_returns_reference: bool = True
    msg91_failures: Literal["failed", "hold"] = "failed"
    public_url: str | None = None
    versions: tuple[str, ...] = ("v21.0", "v22.0", "v23.0", "v24.0", "v25.0", "v26.0")
    templates: tuple[MessageTemplate, ...] = TEMPLATES

    openrouter_key: str = "sk-or-v1-emulator"
    models: tuple[str, ...] = ("example/model-a", "other/model-b", "third/model-c", "example/model-f:free")

    sent_after_seconds: float = 0.05
    delivered_after_seconds: float = 0.1
    read_after_seconds: float = 0.2
    reads: Literal["auto", "phone", "never"] = "phone"

    window: Literal["async", "sync", "off"] = "async"
    window_seconds: float = 86_400.0
    allowed_contacts: tuple[str, ...] | None = None
    throughput_per_second: int | None = 80
    pair_burst: int | None = 45
    pair_interval_seconds: float = 6.0

    retry_seconds: tuple[float, ...] = (0.0, 1.0, 2.0, 4.0, 8.0, 15.0, 30.0, 60.0, 300.0, 900.0, 3600.0)
    retry_scale: float = 1.0
    retry_for_seconds: float = 7 * 86_400.0
    webhook_timeout_seconds: float = 10.0
    webhook_concurrency: int = 128
    media_url_seconds: float = 300.0
    typing_seconds: float = 25.0
    seed: int | None = None


def channel_section(options: EmulatorOptions, vendor: VendorName | None = None) -> dict[str, Any]:
    """The keys of a `[channels.NAME]` on this account, by a vendor; its secrets are in `secrets_of`."""
    if (vendor or options.vendor) == "msg91":
        return {
            "provider": "msg91",
            "integrated_number": options.display_phone_number,
            "base_url": f"{options.public_url}/api/v5",
            "authkey": {"env": "MSG91_AUTHKEY"},
            "webhook_secret": {"env": "MSG91_WEBHOOK_SECRET"},
            "webhook_secret_header": options.webhook_secret_header,
        }
    return {
        "provider": "whatsapp_cloud",
        "phone_number_id": options.phone_number_id,
        "base_url": options.public_url,
        "access_token": {"env": "META_ACCESS_TOKEN"},
        "app_secret": {"env": "META_APP_SECRET"},
        "verify_token": {"env": "META_VERIFY_TOKEN"},
    }


def secrets_of(options: EmulatorOptions) -> dict[str, str]:
    """The environment that a `channel_section` names."""
    return {
        "META_ACCESS_TOKEN": options.access_token,
        "META_APP_SECRET": options.app_secret,
        "META_VERIFY_TOKEN": options.verify_token,
        "MSG91_AUTHKEY": options.authkey,
        "MSG91_WEBHOOK_SECRET": options.webhook_secret,
    }
