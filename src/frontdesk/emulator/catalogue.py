"""The message templates that the emulated account has had approved."""

from __future__ import annotations

from typing import Literal

from msgspec import Struct

Category = Literal["utility", "marketing", "authentication"]


class TemplateButton(Struct, frozen=True, kw_only=True):
    """One button of a template; `takes_parameter` when its address or payload has to be filled in."""

    kind: Literal["quick_reply", "url", "copy_code"]
    text: str
    takes_parameter: bool = True


class MessageTemplate(Struct, frozen=True, kw_only=True):
    """An approved template. `names` holds the parameters' names when it is a named one, else it takes `{{1}}` …."""

    name: str
    language: str
    body: str
    category: Category = "utility"
    parameter_count: int = 0
    names: tuple[str, ...] = ()
    header: Literal["text", "image", "video", "document"] | None = None
    header_text: str = ""
    buttons: tuple[TemplateButton, ...] = ()
    is_paused: bool = False


TEMPLATES = (
    MessageTemplate(name="hello_world", language="en_US", body="Welcome and congratulations! This is a test message."),
    MessageTemplate(
        name="order_update",
        language="en_US",
        body="Hello {{1}}, your order {{2}} is on its way.",
        parameter_count=2,
        header="image",
        buttons=(
            TemplateButton(kind="quick_reply", text="Cancel order"),
            TemplateButton(kind="url", text="Track parcel"),
        ),
    ),
    MessageTemplate(
        name="ticket_reopened",
        language="en",
        body="Hello {{customer_name}}, ticket {{ticket}} is open again.",
        parameter_count=2,
        names=("customer_name", "ticket"),
    ),
    MessageTemplate(
        name="follow_up",
        language="en",
        body="Hello {{1}}, we have an answer to your question. Shall we go on?",
        parameter_count=1,
        buttons=(TemplateButton(kind="quick_reply", text="Yes, please", takes_parameter=False),),
    ),
    MessageTemplate(
        name="login_code",
        language="en",
        body="{{1}} is your code.",
        parameter_count=1,
        category="authentication",
        buttons=(TemplateButton(kind="copy_code", text="Copy code"),),
    ),
    MessageTemplate(
        name="autumn_sale",
        language="en",
        body="Everything must go!",
        category="marketing",
        is_paused=True,
    ),
)
