"""A picture as a Mermaid flowchart. Any text is safe in it: what is not surely plain is written as a number."""

from __future__ import annotations

import re

from frontdesk.drawing.picture import Arrow, Box, Look, Picture

_PLAIN = re.compile(r"[A-Za-z0-9 .,?!()/+'’“”…·-]|[^\x00-\x7f]")
_SHAPES: dict[Look, tuple[str, str]] = {
    "start": ("([", "])"),
    "say": ("[", "]"),
    "question": ("[/", "/]"),
    "choice": ("{{", "}}"),
    "machine": ("[[", "]]"),
    "flow": ("([", "])"),
    "people": ("[", "]"),
    "end": ("([", "])"),
    "note": ("[", "]"),
}
COLOURS: dict[Look, tuple[str, str]] = {
    "start": ("#1f2937", "#f3f4f6"),
    "say": ("#2563eb", "#eff6ff"),
    "question": ("#047857", "#ecfdf5"),
    "choice": ("#b45309", "#fffbeb"),
    "machine": ("#7c3aed", "#f5f3ff"),
    "flow": ("#0e7490", "#ecfeff"),
    "people": ("#b91c1c", "#fef2f2"),
    "end": ("#4b5563", "#f9fafb"),
    "note": ("#6b7280", "#ffffff"),
}
"""Of each look: the line, and what is inside it."""


def as_mermaid(picture: Picture) -> str:
    """The text of a flowchart, for whatever draws Mermaid. Boxes and looks have a word before their names, for `end` is
    one of Mermaid's own."""
    looks = dict.fromkeys(box.look for box in picture.boxes)
    styles = [
        f"    classDef is_{look} stroke:{COLOURS[look][0]},fill:{COLOURS[look][1]},color:#111827" for look in looks
    ]
    return "\n".join(["flowchart TD", *map(_box, picture.boxes), *map(_arrow, picture.arrows), *styles, ""])


def _box(box: Box) -> str:
    begin, end = _SHAPES[box.look]
    words = f"<br/>{quoted(box.words)}" if box.words else ""
    return f'    {box.id}{begin}"<b>{quoted(box.head)}</b>{words}"{end}:::is_{box.look}'


def _arrow(arrow: Arrow) -> str:
    line = "-.->" if arrow.is_aside else "-->"
    label = f'|"{quoted(arrow.label)}"|' if arrow.label else ""
    return f"    {arrow.begin} {line}{label} {arrow.end}"


def quoted(text: str) -> str:
    """The text as it may stand between quotes in Mermaid."""
    return "".join(one if _PLAIN.fullmatch(one) else f"#{ord(one)};" for one in text)
