"""Which wording a model was given: a digest of what is said to it besides the words of a conversation, so that nobody
has to remember to count. Pure."""

from __future__ import annotations

from functools import cache
from typing import get_args

import msgspec

from frontdesk.core.event import identify
from frontdesk.core.prompt import Form, Passage, Prompt, Task, lines

VERSION_CHARACTERS = 8


@cache
def prompt_version() -> str:
    """The same as long as every task in every form is worded the same."""
    passage = Passage(id="id", title="title", text="text")
    told = [
        lines(Prompt(business_name="", question="?", turns=(), task=task, choices=("a", "b")), (passage,), form)
        for task in get_args(Task)
        for form in get_args(Form)
    ]
    return identify(msgspec.json.encode(told).decode())[:VERSION_CHARACTERS]
