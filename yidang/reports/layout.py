"""Blocks → Word: tables, charts and cited numbers, drawn in the place of the marks of a filled template."""

from __future__ import annotations

import copy
import io
import zipfile

import docx
from docx.document import Document as Word
from docx.oxml import OxmlElement
from docx.oxml.ns import qn
from docx.oxml.xmlchemy import BaseOxmlElement
from docx.shared import Mm
from docx.text.paragraph import Paragraph as WordParagraph

from yidang.reports import charts
from yidang.reports.blocks import Block, Chart, Cited, Table, Text, numbered_evidence
from yidang.reports.figures import Evidence
from yidang.reports.marks import MARK, Caption, Late, Marked, Marks, Reference
from yidang.reports.page import EPOCH
from yidang.reports.places import places, text_of
from yidang.reports.tables import add_table
from yidang.reports.template import FillError

# A table of at most so many rows is not split over two pages.
_SMALL_TABLE_ROWS = 12


def identifier_of(path: object) -> str:
    """The identifier that a .docx was written with; empty if it has none."""
    return docx.Document(str(path)).core_properties.identifier or ""


def to_bytes(word: Word) -> bytes:
    """The file; equal documents give equal bytes."""
    buffer = io.BytesIO()
    word.save(buffer)
    return with_fixed_dates(buffer.getvalue())


def settle(word: Word, marks: Marks) -> tuple[dict[Evidence, str], dict[str, str]]:
    """Put numbers, tables and charts in the place of their marks.

    Returns the id of each figure, in reading order, and of each id where the document prints it. A printed number lies
    in a bookmark of its figure's id: `F012_3` is F012's third print. Raises FillError for a reference to a caption that
    the document does not have.
    """
    paragraphs = [paragraph for paragraph in word.element.body.iter(qn("w:p")) if MARK.search(text_of(paragraph))]
    found = [
        thing for paragraph in paragraphs for thing in marks.split(text_of(paragraph)) if not isinstance(thing, str)
    ]
    ids = numbered_evidence(thing for thing in found if isinstance(thing, Cited | Block))
    numbers = _captions(found)
    writer = Writer(word, ids, numbers)
    for paragraph in paragraphs:
        parts = marks.split(text_of(paragraph))
        block = next((part for part in parts if isinstance(part, Block | Late)), None)
        if block is None:
            for run in list(paragraph.iter(qn("w:r"))):
                _settle_run(run, marks, writer)
            continue
        if len(parts) > 1:
            raise FillError(f"“{block.caption}”要单独成段。", "把这个标签放在单独的一段里。")
        for element in writer.drawn(block.make(tuple(ids)) if isinstance(block, Late) else block):
            paragraph.addprevious(element)
        paragraph.getparent().remove(paragraph)
    charts = (thing for thing in found if isinstance(thing, Chart))
    drawn = {ids[source]: f"{numbers[chart.caption]}　{chart.caption}" for chart in charts for source in chart.sources}
    return ids, drawn | places(word)


def _captions(found: list[Marked]) -> dict[str, str]:
    """Caption → 表1, 图2, in reading order."""
    numbers: dict[str, str] = {}
    counts = {"表": 0, "图": 0}
    for thing in found:
        caption = thing.text if isinstance(thing, Caption) else getattr(thing, "caption", None)
        if caption in numbers:
            raise FillError(f"“{caption}”出现了两次。", "一张表或图在一份文件里只放一次，别处用 见(…) 引用。")
        if caption is not None:
            kind = "图" if isinstance(thing, Chart) else "表"
            counts[kind] += 1
            numbers[caption] = f"{kind}{counts[kind]}"
    return numbers


def _settle_run(run: BaseOxmlElement, marks: Marks, writer: Writer) -> None:
    text = text_of(run)
    if not MARK.search(text):
        return
    for part in marks.split(text):
        piece = copy.deepcopy(run)
        for node in list(piece):
            if node.tag != qn("w:rPr"):
                piece.remove(node)
        piece.text = writer.words(part)
        around = writer.bookmark(part) if isinstance(part, Cited) else None
        for element in (around[0], piece, around[1]) if around else (piece,):
            run.addprevious(element)
    run.getparent().remove(run)


class Writer:
    """Draws blocks into one document, at its end.

    ids: of the figures that are printed. captions: their numbers (表1), by their text.
    """

    def __init__(self, word: Word, ids: dict[Evidence, str], captions: dict[str, str]) -> None:
        self._word, self._ids, self._captions = word, ids, captions
        self._printed: dict[Evidence, int] = {}
        self._bookmarks = self._charts = 0

    def drawn(self, block: Block) -> list[BaseOxmlElement]:
        """The elements of a block, to be moved to its place."""
        body = self._word.element.body
        before = set(body)
        self.draw(block)
        return [element for element in body if element not in before]

    def words(self, part: str | Marked) -> str:
        """What a part of a sentence prints."""
        match part:
            case str():
                return part
            case Cited(text=text):
                return text
            case Caption(text=text):
                return f"{self._captions[text]}　{text}"
            case Reference(text=text):
                if text not in self._captions:
                    raise FillError(
                        f"见(“{text}”)：本文件没有这个题目的表或图。",
                        f"有：{'；'.join(self._captions)}。",
                    )
                return self._captions[text]
        raise TypeError(part)

    def bookmark(self, part: Cited) -> tuple[BaseOxmlElement, BaseOxmlElement]:
        """Begin and end of the bookmark around a printed number."""
        self._bookmarks += 1
        self._printed[part.source] = self._printed.get(part.source, 0) + 1
        start, end = OxmlElement("w:bookmarkStart"), OxmlElement("w:bookmarkEnd")
        for element in (start, end):
            element.set(qn("w:id"), str(self._bookmarks))
        start.set(qn("w:name"), f"{self._ids[part.source]}_{self._printed[part.source]}")
        return start, end

    def draw(self, block: Block) -> None:
        match block:
            case Table():
                self._table(block)
            case Chart():
                self._chart(block)

    def _text(self, paragraph: WordParagraph, text: Text) -> None:
        for part in text:
            if isinstance(part, Cited):
                start, end = self.bookmark(part)
                paragraph._p.append(start)
                paragraph.add_run(part.text)
                paragraph._p.append(end)
            else:
                paragraph.add_run(part)

    def _table(self, block: Table) -> None:
        self._word.add_paragraph(f"{self._captions[block.caption]}　{block.caption}", style="Table Caption")
        add_table(
            self._word,
            block.header,
            block.rows,
            block.widths,
            block.left_columns,
            self._text,
            keep_together=len(block.rows) <= _SMALL_TABLE_ROWS,
        )

    def _chart(self, block: Chart) -> None:
        number = self._captions[block.caption]
        holder = self._word.add_paragraph(style="Chart")
        picture = holder.add_run().add_picture(io.BytesIO(charts.draw(block)), width=Mm(charts.WIDTH_MM))
        properties = picture._inline.docPr
        properties.set("name", number)
        properties.set("descr", block.alt_text)
        caption = self._word.add_paragraph(f"{number}　{block.caption}", style="Chart Caption")
        caption.paragraph_format.keep_with_next = bool(block.note)
        if block.note:
            self._word.add_paragraph(block.note, style="Remark")


def with_fixed_dates(package: bytes) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(package)) as source, zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as target:
        for name in source.namelist():
            member = zipfile.ZipInfo(name, EPOCH.timetuple()[:6])
            member.compress_type = zipfile.ZIP_DEFLATED
            target.writestr(member, source.read(name))
    return buffer.getvalue()
