"""What a filled template carries until it is laid out: numbers, tables, charts and captions, as marks in its text.

A template's text can hold nothing but characters; so what it prints stands between private-use characters, with a
number that leads back to the object. `layout.settle` replaces every mark in the order in which a reader meets it.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from yidang.reports.blocks import Block, Cited, Table, Text
from yidang.reports.figures import Evidence

_BEGIN, _MIDDLE, _END = "\ue000", "\ue001", "\ue002"
MARK = re.compile(f"{_BEGIN}(\\d+){_MIDDLE}([^{_END}]*){_END}")


@dataclass(frozen=True)
class Caption:
    """The numbered caption of a table that stands in the template itself."""

    text: str


@dataclass(frozen=True)
class Reference:
    """Becomes 表3 or 图2: the number of the table or chart with this caption."""

    text: str


@dataclass(frozen=True)
class Late:
    """A table that is made of what the rest of the document prints."""

    caption: str
    make: Callable[[tuple[Evidence, ...]], Table]


Marked = Cited | Block | Caption | Reference | Late


class Marks:
    """The objects that a template was filled with, by the number in their mark."""

    def __init__(self) -> None:
        self._marked: list[Marked] = []

    def mark(self, thing: Marked) -> str:
        self._marked.append(thing)
        shown = thing.text if isinstance(thing, Cited) else ""
        return f"{_BEGIN}{len(self._marked) - 1}{_MIDDLE}{shown}{_END}"

    def text(self, text: Text) -> str:
        """A sentence's parts as one string."""
        return "".join(self.mark(part) if isinstance(part, Cited) else part for part in text)

    def split(self, text: str) -> list[str | Marked]:
        """The plain pieces and the marked objects of a text, in order."""
        parts: list[str | Marked] = []
        end = 0
        for found in MARK.finditer(text):
            parts += [text[end : found.start()], self._marked[int(found[1])]]
            end = found.end()
        return [part for part in (*parts, text[end:]) if part != ""]
