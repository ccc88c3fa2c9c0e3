"""Tables of an official document: three rules, the head repeated on every page, columns of given widths."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from docx.document import Document as Word
from docx.enum.table import WD_TABLE_ALIGNMENT
from docx.oxml import OxmlElement
from docx.oxml.ns import qn
from docx.shared import Mm
from docx.table import Table as WordTable
from docx.table import _Cell, _Row
from docx.text.paragraph import Paragraph as WordParagraph

from yidang.reports.blocks import Text
from yidang.reports.page import TYPE_WIDTH_MM


def add_table(
    word: Word,
    header: Sequence[str],
    rows: Sequence[Sequence[Text]],
    widths: Sequence[float],
    left_columns: Sequence[int],
    write: Callable[[WordParagraph, Text], None],
    *,
    keep_together: bool,
) -> None:
    """Add a table at the end of the document. widths: relative; left_columns are set flush left, the others centred.

    write: puts a cell's text into its paragraph. keep_together: never split over two pages.
    """
    table = word.add_table(rows=0, cols=len(header))
    table.alignment = WD_TABLE_ALIGNMENT.CENTER
    table.autofit = False
    _set_three_lines(table)
    head = table.add_row()
    for cell, text in zip(head.cells, header, strict=True):
        _cell_paragraph(cell, "Table Head").add_run(text)
    _repeat(head)
    for row in rows:
        line = table.add_row()
        _keep_whole(line)
        for place, (cell, text) in enumerate(zip(line.cells, row, strict=True)):
            write(_cell_paragraph(cell, "Table Text" if place in left_columns else "Table Number"), text)
    _set_widths(table, widths)
    if keep_together:
        _keep_together(table)
    word.add_paragraph(style="Table End")


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
        column.width = Mm(TYPE_WIDTH_MM * width / total)
        for cell in column.cells:
            cell.width = column.width
