"""Report templates as text, which git can compare, → as Word files, which an office can edit.

    # 标题第一行 / 第二行      title              > 注：…          small remark
    ## 一、                   heading, 黑体       [note] …         a line of that style (see `_MARKED`)
    ### （一）                 heading, 楷体       ---             a new page
    [imprint] 左 / 右         版记: a line of it
    | 列 | 列 |               table; its second line holds the widths (`| 4 | <2 |`, < for flush left)

Any other lines are body text; a paragraph goes on until a blank line or a line that begins with `{%`. `//` begins a
comment. docxtpl's `{%p … %}` and `{%tr … %}` stand on lines of their own, the latter as a row `| {%tr … %} |`.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby
from pathlib import Path

from docx.document import Document as Word
from docx.enum.section import WD_SECTION
from docx.text.paragraph import Paragraph as WordParagraph

from yidang.reports.blocks import Text
from yidang.reports.page import lay_at_the_foot, new_document
from yidang.reports.tables import add_table

FOLDER = Path(__file__).parent / "templates"
HEADER_TAG = "{{ 页眉 }}"
_PREFIXES = {"### ": "Heading 2", "## ": "Heading 1", "> ": "Remark"}
_MARKED = {
    "[note]": "Title Note",
    "[annex]": "Annex Mark",
    "[signature]": "Signature Line",
    "[issuer]": "Red Head",
    "[number]": "Document Number",
    "[addressee]": "Addressee",
    "[imprint]": "Imprint",
    "[attachment]": "Attachment Line",
}


def to_word(text: str) -> Word:
    """The template as a document that is not saved yet."""
    word = new_document(HEADER_TAG)
    for line in _logical_lines(text):
        _add(word, line)
    return word


def _logical_lines(text: str) -> Iterator[str | list[str]]:
    """Paragraphs as one line each, tables as the list of their lines."""
    lines = [line.strip(" \t") for line in text.splitlines() if not line.startswith("//")]
    for kind, group in groupby(lines, _kind):
        if kind == "table":
            yield list(group)
        elif kind == "alone":
            yield from group
        elif kind == "text":
            yield "".join(group)


def _kind(line: str) -> str:
    if not line:
        return "blank"
    if line.startswith("|"):
        return "table"
    starts = ("# ", "---", "{%p", *_PREFIXES, *_MARKED)
    return "alone" if line.startswith(starts) else "text"


def _add(word: Word, line: str | list[str]) -> None:
    if isinstance(line, list):
        _add_table(word, line)
    elif line == "---":
        word.add_section(WD_SECTION.NEW_PAGE)
    elif line.startswith("# "):
        paragraph = word.add_paragraph(style="Title")
        for place, part in enumerate(line[2:].split(" / ")):
            if place:
                paragraph.add_run().add_break()
            paragraph.add_run(part)
    else:
        starts = _PREFIXES | _MARKED
        prefix = next((start for start in starts if line.startswith(start)), "")
        style = starts.get(prefix, "Table Caption" if line.startswith("{{ 表题") else "Body Text")
        text = line[len(prefix) :].strip(" ")
        if style == "Imprint":
            lay_at_the_foot(word.add_paragraph(text.replace(" / ", "\t"), style=style))
        else:
            word.add_paragraph(text, style=style)


def _add_table(word: Word, lines: list[str]) -> None:
    header, widths, *rows = (_cells(line) for line in lines)
    padded = [[(cell,) for cell in (*row, *[""] * (len(header) - len(row)))] for row in rows]
    left = [place for place, width in enumerate(widths) if width.startswith("<")]
    numbers = [float(width.removeprefix("<")) for width in widths]
    add_table(word, header, padded, numbers, left, _write, keep_together=False)


def _cells(line: str) -> list[str]:
    return [cell.strip() for cell in line.strip("|").split("|")]


def _write(paragraph: WordParagraph, text: Text) -> None:
    paragraph.add_run("".join(text))
