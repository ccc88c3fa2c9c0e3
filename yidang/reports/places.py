"""Where a finished document prints each figure: for a reader who holds the paper and not the Word file."""

from __future__ import annotations

import re
from collections.abc import Iterator

from docx.document import Document as Word
from docx.oxml.ns import qn
from docx.oxml.xmlchemy import BaseOxmlElement

# So much of a sentence tells where one is.
_BEFORE, _AFTER = 24, 10
_RANK = 2


def places(word: Word) -> dict[str, str]:
    """Figure id → its first print: `…本月收件【62】件`, or `表2 题：行，列【62】`. Charts are pictures."""
    found: dict[str, str] = {}
    for start in word.element.body.iter(qn("w:bookmarkStart")):
        name = start.get(qn("w:name")).partition("_")[0]
        if name not in found:
            cell = next(start.iterancestors(qn("w:tc")), None)
            found[name] = _in_sentence(start) if cell is None else f"{_in_table(cell)}【{_text(start.getnext())}】"
    return found


def _in_sentence(start: BaseOxmlElement) -> str:
    before = re.split("[。；]", "".join(_texts(start.itersiblings(preceding=True)))[-200:])[-1]
    number, after = "", ""
    siblings = start.itersiblings()
    for sibling in siblings:
        if sibling.tag == qn("w:bookmarkEnd"):
            break
        number += _text(sibling)
    after = re.split("[。；]", "".join(map(_text, siblings)))[0]
    return f"{'…' if len(before) > _BEFORE else ''}{before[-_BEFORE:]}【{number}】{after[:_AFTER]}"


def _texts(preceding: Iterator[BaseOxmlElement]) -> list[str]:
    return [_text(sibling) for sibling in preceding][::-1]


def _in_table(cell: BaseOxmlElement) -> str:
    row, table = cell.getparent(), next(cell.iterancestors(qn("w:tbl")))
    column = row.findall(qn("w:tc")).index(cell)
    head = table.find(qn("w:tr")).findall(qn("w:tc"))[column]
    caption = table.getprevious()
    cells = [_text(each) for each in row.findall(qn("w:tc"))]
    first = cells[0] if len(cells[0]) > _RANK or len(cells) == 1 else cells[1]  # a rank names no row
    return f"{'' if caption is None else _text(caption)}：{first}，{_text(head)}"


def _text(element: BaseOxmlElement) -> str:
    return "".join(node.text or "" for node in element.iter(qn("w:t")))
