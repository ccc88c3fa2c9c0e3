"""Where a finished document prints each figure: for a reader who holds the paper and not the Word file."""

from __future__ import annotations

import re

from docx.document import Document as Word
from docx.oxml.ns import qn
from docx.oxml.xmlchemy import BaseOxmlElement

# So much of a sentence tells where one is.
_BEFORE, _AFTER = 24, 10
_RANK = 2
_OURS = re.compile(r"F\d+(?=_\d+$)")  # an office's own template may have other bookmarks


def places(word: Word) -> dict[str, str]:
    """Figure id → its first print: `…本月收件【62】件`, or `表2 题：行，列【62】`. Charts are pictures."""
    found: dict[str, str] = {}
    for start in word.element.body.iter(qn("w:bookmarkStart")):
        name = _OURS.match(start.get(qn("w:name")))
        if name and name[0] not in found:
            cell = next(start.iterancestors(qn("w:tc")), None)
            found[name[0]] = _in_sentence(start) if cell is None else f"{_in_table(cell)}【{text_of(start.getnext())}】"
    return found


def _in_sentence(start: BaseOxmlElement) -> str:
    preceding = [text_of(sibling) for sibling in start.itersiblings(preceding=True)]
    before = re.split("[。；]", "".join(reversed(preceding))[-200:])[-1]
    number, after = "", ""
    siblings = start.itersiblings()
    for sibling in siblings:
        if sibling.tag == qn("w:bookmarkEnd"):
            break
        number += text_of(sibling)
    after = re.split("[。；]", "".join(map(text_of, siblings)))[0]
    return f"{'…' if len(before) > _BEFORE else ''}{before[-_BEFORE:]}【{number}】{after[:_AFTER]}"


def _in_table(cell: BaseOxmlElement) -> str:
    row, table = next(cell.iterancestors(qn("w:tr"))), next(cell.iterancestors(qn("w:tbl")))
    line = list(row.iter(qn("w:tc")))
    first = (
        text_of(line[0]) if len(text_of(line[0])) > _RANK else text_of(line[min(1, len(line) - 1)])
    )  # a rank names no row
    heads = list(next(table.iter(qn("w:tr"))).iter(qn("w:tc")))
    head = heads[min(line.index(cell), len(heads) - 1)]  # fewer than columns, where the office merged some
    caption = table.getprevious()
    return f"{'' if caption is None else text_of(caption)}：{first}，{text_of(head)}"


def text_of(element: BaseOxmlElement) -> str:
    """All text within an element, whatever its runs."""
    return "".join(node.text or "" for node in element.iter(qn("w:t")))
