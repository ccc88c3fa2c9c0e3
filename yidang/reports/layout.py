"""Document → .docx laid out after GB/T 9704-2012: page, type area, fonts, heading levels, page numbers, tables."""

from __future__ import annotations

import io
import zipfile
from datetime import datetime

import docx
from docx.document import Document as Word
from docx.enum.section import WD_SECTION
from docx.enum.table import WD_TABLE_ALIGNMENT
from docx.enum.text import WD_ALIGN_PARAGRAPH, WD_LINE_SPACING
from docx.oxml import OxmlElement
from docx.oxml.ns import qn
from docx.shared import Mm, Pt, RGBColor, Twips
from docx.styles.style import ParagraphStyle
from docx.table import Table as WordTable
from docx.table import _Cell, _Row
from docx.text.paragraph import Paragraph as WordParagraph

from yidang.reports import charts
from yidang.reports.blocks import (
    Chart,
    Cited,
    Document,
    Heading,
    PageBreak,
    Paragraph,
    Table,
    Text,
    Title,
    numbered_evidence,
)
from yidang.reports.figures import Evidence

# F1: 版心 156 × 225 mm, 22 lines of 28 characters of 3号 (16 pt).
_TOP, _LEFT, _RIGHT, _BOTTOM = Mm(37), Mm(28), Mm(26), Mm(35)
_TYPE_WIDTH_MM = 156
_LINE = Twips(579)  # 29 pt, less the twentieth that makes the 22nd line fit
_TITLE_FONT, _HEI, _KAI, _FANG_SONG, _SONG = "方正小标宋简体", "黑体", "楷体_GB2312", "仿宋_GB2312", "宋体"
_LATIN = "Times New Roman"
_BODY_SIZE, _TITLE_SIZE, _CAPTION_SIZE, _CELL_SIZE, _PAGE_NUMBER_SIZE = Pt(16), Pt(22), Pt(14), Pt(10.5), Pt(14)
# A table of at most so many rows is not split over two pages.
_SMALL_TABLE_ROWS = 12
# Zip members and properties carry this date, so that equal documents are equal bytes.
_EPOCH = datetime(2000, 1, 1)  # noqa: DTZ001 - the format has no zone


def to_docx(document: Document, *, identifier: str) -> bytes:
    """The document as .docx bytes; equal input gives equal bytes.

    identifier: kept in the core properties, where `identifier_of` finds it. Raises YidangError if no font is found.
    """
    return _Writer(document, identifier).bytes()


def identifier_of(path: object) -> str:
    """The identifier that a .docx was written with; empty if it has none."""
    return docx.Document(str(path)).core_properties.identifier or ""


class _Writer:
    """Draws one document. Bookmarks tie each printed number to its evidence id: `F012_3` is F012's third print."""

    def __init__(self, document: Document, identifier: str) -> None:
        self._word: Word = docx.Document()
        self._ids = numbered_evidence(document)
        self._printed: dict[Evidence, int] = {}
        self._bookmarks = self._tables = self._charts = 0
        _set_properties(self._word, document.title, identifier)
        _set_page(self._word, document.header)
        _define_styles(self._word)
        for block in document.blocks:
            self._draw(block)

    def bytes(self) -> bytes:
        buffer = io.BytesIO()
        self._word.save(buffer)
        return _with_fixed_dates(buffer.getvalue())

    def _draw(self, block: object) -> None:
        match block:
            case Title(lines=lines):
                self._title(lines)
            case Heading(level=level, text=text):
                self._word.add_paragraph(text, style=f"Heading {level}")
            case Paragraph(text=text, style=style):
                self._text(self._word.add_paragraph(style=_PARAGRAPH_STYLES[style]), text)
            case Table():
                self._table(block)
            case Chart():
                self._chart(block)
            case PageBreak():
                self._word.add_section(WD_SECTION.NEW_PAGE)
            case _:
                raise TypeError(block)

    def _title(self, lines: tuple[str, ...]) -> None:
        paragraph = self._word.add_paragraph(style="Title")
        for place, line in enumerate(lines):
            run = paragraph.add_run(line)
            if place < len(lines) - 1:
                run.add_break()

    def _text(self, paragraph: WordParagraph, text: Text) -> None:
        for part in text:
            if isinstance(part, Cited):
                self._cited(paragraph, part)
            else:
                paragraph.add_run(part)

    def _cited(self, paragraph: WordParagraph, part: Cited) -> None:
        self._bookmarks += 1
        self._printed[part.source] = self._printed.get(part.source, 0) + 1
        start, end = OxmlElement("w:bookmarkStart"), OxmlElement("w:bookmarkEnd")
        for element in (start, end):
            element.set(qn("w:id"), str(self._bookmarks))
        start.set(qn("w:name"), f"{self._ids[part.source]}_{self._printed[part.source]}")
        paragraph._p.append(start)
        paragraph.add_run(part.text)
        paragraph._p.append(end)

    def _table(self, block: Table) -> None:
        self._tables += 1
        self._word.add_paragraph(f"表{self._tables}　{block.caption}", style="Table Caption")
        table = self._word.add_table(rows=0, cols=len(block.header))
        table.alignment = WD_TABLE_ALIGNMENT.CENTER
        table.autofit = False
        _set_three_lines(table)
        header = table.add_row()
        for cell, text in zip(header.cells, block.header, strict=True):
            _cell_paragraph(cell, "Table Head").add_run(text)
        _repeat(header)
        for row in block.rows:
            line = table.add_row()
            _keep_whole(line)
            for place, (cell, text) in enumerate(zip(line.cells, row, strict=True)):
                self._text(_cell_paragraph(cell, "Table Text" if place in block.left_columns else "Table Number"), text)
        _set_widths(table, block.widths)
        if len(block.rows) <= _SMALL_TABLE_ROWS:
            _keep_together(table)
        self._word.add_paragraph(style="Table End")

    def _chart(self, block: Chart) -> None:
        self._charts += 1
        holder = self._word.add_paragraph(style="Chart")
        picture = holder.add_run().add_picture(io.BytesIO(charts.draw(block)), width=Mm(charts.WIDTH_MM))
        properties = picture._inline.docPr
        properties.set("name", f"图{self._charts}")
        properties.set("descr", block.alt_text)
        self._word.add_paragraph(f"图{self._charts}　{block.caption}", style="Chart Caption")
        if block.note:
            self._word.add_paragraph(block.note, style="Remark")


# -- the page ----------------------------------------------------------------------------------------------
def _set_page(word: Word, header: str) -> None:
    section = word.sections[0]
    section.page_width, section.page_height = Mm(210), Mm(297)
    section.top_margin, section.left_margin = _TOP, _LEFT
    section.right_margin, section.bottom_margin = _RIGHT, _BOTTOM
    section.header_distance = Mm(24)
    section.footer_distance = Mm(22)  # the number's own 5 mm put its upper edge 7 mm below the type area
    word.settings.odd_and_even_pages_header_footer = True
    grid = section._sectPr.find(qn("w:docGrid"))
    if grid is not None:  # Word and LibreOffice disagree on character grids; exact pitches need none
        section._sectPr.remove(grid)
    for part, side in ((section.footer, WD_ALIGN_PARAGRAPH.RIGHT), (section.even_page_footer, WD_ALIGN_PARAGRAPH.LEFT)):
        _page_number(part.paragraphs[0], side)
    if header:
        for part in (section.header, section.even_page_header):
            paragraph = part.paragraphs[0]
            paragraph.alignment = WD_ALIGN_PARAGRAPH.CENTER
            _set_font(paragraph.add_run(header), _KAI, Pt(10.5))


def _page_number(paragraph: WordParagraph, side: WD_ALIGN_PARAGRAPH) -> None:
    paragraph.alignment = side
    if side == WD_ALIGN_PARAGRAPH.RIGHT:
        paragraph.paragraph_format.right_indent = _PAGE_NUMBER_SIZE
    else:
        paragraph.paragraph_format.left_indent = _PAGE_NUMBER_SIZE
    _set_font(paragraph.add_run("— "), _SONG, _PAGE_NUMBER_SIZE, latin=_SONG)
    field = OxmlElement("w:fldSimple")
    field.set(qn("w:instr"), "PAGE")
    run = paragraph.add_run("1")
    _set_font(run, _SONG, _PAGE_NUMBER_SIZE, latin=_SONG)
    field.append(run._r)
    paragraph._p.append(field)
    _set_font(paragraph.add_run(" —"), _SONG, _PAGE_NUMBER_SIZE, latin=_SONG)


def _set_properties(word: Word, title: str, identifier: str) -> None:
    properties = word.core_properties
    properties.title, properties.identifier = title, identifier
    properties.author, properties.last_modified_by, properties.comments = "一档 Yidang", "", ""
    properties.created = properties.modified = _EPOCH
    properties.language = "zh-CN"


# -- styles ------------------------------------------------------------------------------------------------
_PARAGRAPH_STYLES = {
    "body": "Body Text",
    "note": "Title Note",
    "small": "Remark",
    "annex": "Annex Mark",
    "signature": "Signature Line",
}
_KEPT_WITH_NEXT = ("Heading 1", "Heading 2", "Table Caption", "Chart", "Title", "Annex Mark", "Signature Line")
# Not justified: LibreOffice 7.4 loses the punctuation that hangs over the edge of a justified line.
_CENTER, _FLUSH = WD_ALIGN_PARAGRAPH.CENTER, WD_ALIGN_PARAGRAPH.LEFT


def _define_styles(word: Word) -> None:
    normal = word.styles["Normal"]
    _style(normal, _FANG_SONG, _BODY_SIZE, _FLUSH)
    # name, font, size, alignment, first-line indent in characters, line pitch, space before/after in points
    for name, font, size, align, indent, line, before, after in (
        ("Title", _TITLE_FONT, _TITLE_SIZE, _CENTER, 0, Pt(36), 29, 14),
        ("Heading 1", _HEI, _BODY_SIZE, _FLUSH, 2, _LINE, 0, 0),
        ("Heading 2", _KAI, _BODY_SIZE, _FLUSH, 2, _LINE, 0, 0),
        ("Body Text", _FANG_SONG, _BODY_SIZE, _FLUSH, 2, _LINE, 0, 0),
        ("Title Note", _KAI, _BODY_SIZE, _CENTER, 0, _LINE, 0, 14),
        ("Annex Mark", _HEI, _BODY_SIZE, _FLUSH, 0, _LINE, 0, 0),
        ("Signature Line", _FANG_SONG, _BODY_SIZE, WD_ALIGN_PARAGRAPH.RIGHT, 0, _LINE, 0, 0),
        ("Remark", _FANG_SONG, Pt(10.5), _FLUSH, 2, Pt(16), 0, 8),
        ("Table Caption", _HEI, _CAPTION_SIZE, _CENTER, 0, Pt(22), 8, 3),
        ("Table Head", _HEI, _CELL_SIZE, _CENTER, 0, Pt(15), 1, 1),
        ("Table Text", _FANG_SONG, _CELL_SIZE, WD_ALIGN_PARAGRAPH.LEFT, 0, Pt(15), 1, 1),
        ("Table Number", _FANG_SONG, _CELL_SIZE, _CENTER, 0, Pt(15), 1, 1),
        ("Table End", _FANG_SONG, Pt(6), _FLUSH, 0, Pt(8), 0, 0),
        ("Chart", _FANG_SONG, _BODY_SIZE, _CENTER, 0, None, 6, 0),
        ("Chart Caption", _HEI, _CAPTION_SIZE, _CENTER, 0, Pt(22), 2, 6),
    ):
        style = word.styles[name] if name in word.styles else word.styles.add_style(name, 1)
        style.base_style = normal if name != "Normal" else None
        _style(style, font, size, align)
        layout = style.paragraph_format
        if line is None:
            layout.line_spacing_rule = WD_LINE_SPACING.SINGLE
        else:
            layout.line_spacing = line
        layout.space_before, layout.space_after = Pt(before), Pt(after)
        layout.keep_with_next = name in _KEPT_WITH_NEXT
        _indent_characters(style, indent, size)
        if size == _BODY_SIZE:
            _narrow(style)
    _drop_borders(word.styles["Title"])
    language = word.styles.element.find(f".//{qn('w:docDefaults')}//{qn('w:lang')}")
    language.set(qn("w:eastAsia"), "zh-CN")


def _style(style: ParagraphStyle, font: str, size: Pt, align: WD_ALIGN_PARAGRAPH) -> None:
    style.font.size = size
    style.font.bold = style.font.italic = False
    style.font.color.rgb = RGBColor(0, 0, 0)
    style.font.name = _LATIN
    fonts = style.element.get_or_add_rPr().get_or_add_rFonts()
    for attribute in ("asciiTheme", "hAnsiTheme", "eastAsiaTheme", "cstheme"):
        fonts.attrib.pop(qn(f"w:{attribute}"), None)
    fonts.set(qn("w:eastAsia"), font)
    fonts.set(qn("w:cs"), _LATIN)
    style.paragraph_format.alignment = align
    style.paragraph_format.widow_control = False
    style.paragraph_format.space_before = style.paragraph_format.space_after = Pt(0)
    spacing = style.element.rPr.find(qn("w:spacing"))
    if spacing is not None:  # the stock Title style letter-spaces
        style.element.rPr.remove(spacing)


def _indent_characters(style: ParagraphStyle, characters: int, size: Pt) -> None:
    style.paragraph_format.first_line_indent = size * characters
    indent = style.element.get_or_add_pPr().find(qn("w:ind"))
    if indent is not None and characters:
        indent.set(qn("w:firstLineChars"), str(100 * characters))


def _narrow(style: ParagraphStyle) -> None:
    """28 characters to the line: 3号 is 16 pt, but 156 mm leave 15.79 pt to each. The unit is 1/20 pt."""
    spacing = OxmlElement("w:spacing")
    spacing.set(qn("w:val"), "-5")
    style.element.rPr.find(qn("w:sz")).addprevious(spacing)


def _drop_borders(style: ParagraphStyle) -> None:
    borders = style.element.get_or_add_pPr().find(qn("w:pBdr"))
    if borders is not None:
        style.element.pPr.remove(borders)


def _set_font(run: object, font: str, size: Pt, latin: str = _LATIN) -> None:
    run.font.size, run.font.name = size, latin
    run._r.get_or_add_rPr().get_or_add_rFonts().set(qn("w:eastAsia"), font)


# -- tables ------------------------------------------------------------------------------------------------
def _set_three_lines(table: WordTable) -> None:
    """三线表: a rule above and below the table; the third, under the header, is the header cells'."""
    borders = OxmlElement("w:tblBorders")
    for side in ("top", "bottom"):
        borders.append(_rule(side, 12))
    borders.append(_rule("insideH", 2, "A6A6A6"))
    margins = OxmlElement("w:tblCellMar")
    for side in ("left", "right"):
        margin = OxmlElement(f"w:{side}")
        margin.set(qn("w:w"), "57")
        margin.set(qn("w:type"), "dxa")
        margins.append(margin)
    properties = table._tbl.tblPr
    properties.insert_element_before(borders, "w:tblLayout", "w:tblLook")
    properties.insert_element_before(margins, "w:tblLook")


def _repeat(row: _Row) -> None:
    """Make the row a header that is printed again on every page the table reaches."""
    _keep_whole(row)
    row._tr.get_or_add_trPr().append(OxmlElement("w:tblHeader"))
    for cell in row.cells:
        borders = OxmlElement("w:tcBorders")
        borders.append(_rule("bottom", 6))
        cell._tc.get_or_add_tcPr().insert_element_before(borders, "w:vAlign")


def _keep_whole(row: _Row) -> None:
    row._tr.get_or_add_trPr().append(OxmlElement("w:cantSplit"))


def _keep_together(table: WordTable) -> None:
    for row in table.rows[:-1]:
        for cell in row.cells:
            cell.paragraphs[0].paragraph_format.keep_with_next = True


def _rule(side: str, eighths_of_point: int, colour: str = "000000") -> OxmlElement:
    rule = OxmlElement(f"w:{side}")
    for key, value in (("val", "single"), ("sz", str(eighths_of_point)), ("space", "0"), ("color", colour)):
        rule.set(qn(f"w:{key}"), value)
    return rule


def _cell_paragraph(cell: _Cell, style: str) -> WordParagraph:
    paragraph = cell.paragraphs[0]
    paragraph.style = style
    cell.vertical_alignment = 1
    return paragraph


def _set_widths(table: WordTable, widths: tuple[float, ...]) -> None:
    total = sum(widths)
    for column, width in zip(table.columns, widths, strict=True):
        column.width = Mm(_TYPE_WIDTH_MM * width / total)
        for cell in column.cells:
            cell.width = column.width


# -- bytes -------------------------------------------------------------------------------------------------
def _with_fixed_dates(package: bytes) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(package)) as source, zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as target:
        for name in source.namelist():
            member = zipfile.ZipInfo(name, _EPOCH.timetuple()[:6])
            member.compress_type = zipfile.ZIP_DEFLATED
            target.writestr(member, source.read(name))
    return buffer.getvalue()
