"""What to paste into MSG91's dashboard as the body of the webhooks. Each key is the placeholder's own name: whether
others may be used is nowhere said."""

from __future__ import annotations

INBOUND = (
    "companyId", "requestedAt", "customerNumber", "customerName", "integratedNumber", "direction", "eventName",
    "webhookType", "requestId", "uuid", "replyMsgId", "contentType", "messageType", "text", "content", "caption",
    "filename", "url", "latitude", "longitude", "button", "interactive", "reaction", "contacts", "messages", "orders",
    "ts",
)  # fmt: skip
STATUS = (
    "crqid", "companyId", "requestedAt", "customerNumber", "integratedNumber", "direction", "eventName", "webhookType",
    "reason", "statusCode", "statusUpdatedAt", "requestId", "uuid", "messageType", "contentType", "content",
    "templateName", "templateLanguage", "campaignName", "campaignRequestId", "price", "conversationExpTimestamp", "ts",
)  # fmt: skip


def body_template(part: str) -> str:
    """The JSON of `inbound` or `status`, with its placeholders."""
    names = INBOUND if part == "inbound" else STATUS
    lines = ",\n".join(f'  "{name}": "{{{{{name}}}}}"' for name in names)
    return f"{{\n{lines}\n}}"
