"""The page of an official document after GB/T 9704-2012: A4, type area, page numbers, a style per kind of line."""

from __future__ import annotations

from datetime import datetime

import docx
from docx.document import Document as Word
from docx.enum.text import WD_ALIGN_PARAGRAPH, WD_LINE_SPACING, WD_TAB_ALIGNMENT
from docx.oxml import OxmlElement
from docx.oxml.ns import qn
from docx.shared import Mm, Pt, RGBColor, Twips
from docx.styles.style import ParagraphStyle
from docx.text.paragraph import Paragraph as WordParagraph

# F1: 版心 156 × 225 mm, 22 lines of 28 characters of 3号 (16 pt).
TYPE_WIDTH_MM = 156
_RED = RGBColor(0xFF, 0, 0)
_TOP, _LEFT, _RIGHT, _BOTTOM = Mm(37), Mm(28), Mm(26), Mm(35)
_LINE = Twips(579)  # 29 pt, less the twentieth that makes the 22nd line fit
_TITLE_FONT, _HEI, _KAI, _FANG_SONG, _SONG = "方正小标宋简体", "黑体", "楷体_GB2312", "仿宋_GB2312", "宋体"
_LATIN = "Times New Roman"
_BODY_SIZE, _TITLE_SIZE, _CAPTION_SIZE, _CELL_SIZE, _PAGE_NUMBER_SIZE = Pt(16), Pt(22), Pt(14), Pt(10.5), Pt(14)
_HEAD_SIZE, _IMPRINT_SIZE = Pt(36), Pt(14)
# Zip members and properties carry this date, so that equal documents are equal bytes.
EPOCH = datetime(2000, 1, 1)  # noqa: DTZ001 - the format has no zone


def new_document(header: str) -> Word:
    """An empty document with the page and the styles. header: printed at the head of every page; empty prints none."""
    word = docx.Document()
    _set_page(word, header)
    _define_styles(word)
    return word


def set_properties(word: Word, title: str, identifier: str) -> None:
    """identifier: what this document was made of (archive)."""
    properties = word.core_properties
    properties.title, properties.identifier = title, identifier
    properties.author, properties.last_modified_by, properties.comments = "一档 Yidang", "", ""
    properties.created = properties.modified = EPOCH
    properties.language = "zh-CN"


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


# -- styles ------------------------------------------------------------------------------------------------
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
        # the name stands 35 mm below the type area's edge, the number two lines below it, the title two below the rule
        ("Red Head", _TITLE_FONT, _HEAD_SIZE, _CENTER, 0, Pt(44), 99, 58),
        ("Document Number", _FANG_SONG, _BODY_SIZE, _CENTER, 0, _LINE, 0, 58),
        ("Imprint", _FANG_SONG, _IMPRINT_SIZE, _FLUSH, 1, Pt(24), 0, 0),
        ("Addressee", _FANG_SONG, _BODY_SIZE, _FLUSH, 0, _LINE, 0, 0),
        ("Annex Mark", _HEI, _BODY_SIZE, _FLUSH, 0, _LINE, 0, 0),
        ("Attachment Line", _FANG_SONG, _BODY_SIZE, _FLUSH, 2, _LINE, 29, 0),
        ("Signature Line", _FANG_SONG, _BODY_SIZE, WD_ALIGN_PARAGRAPH.RIGHT, 0, _LINE, 29, 0),
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
    word.styles["Red Head"].font.color.rgb = _RED
    _rule(word.styles["Document Number"], bottom=(str(_RED), 12, 11))
    # 版记: 0.35 mm above and below, 0.25 mm between (which LibreOffice leaves out)
    _rule(word.styles["Imprint"], top=("auto", 8, 1), bottom=("auto", 8, 1), between=("auto", 6, 1))
    tabs = word.styles["Imprint"].paragraph_format.tab_stops
    tabs.add_tab_stop(Mm(TYPE_WIDTH_MM) - _IMPRINT_SIZE, WD_TAB_ALIGNMENT.RIGHT)
    word.styles["Signature Line"].paragraph_format.right_indent = 4 * _BODY_SIZE
    # a line below the text, none among themselves
    for name in ("Signature Line", "Attachment Line"):
        word.styles[name].element.get_or_add_pPr().insert_element_before(OxmlElement("w:contextualSpacing"), "w:jc")
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


# The schema wants a paragraph's properties in its order.
_AFTER_BORDERS = ("w:tabs", "w:spacing", "w:ind", "w:jc")
_AFTER_FRAME = ("w:widowControl", "w:pBdr", *_AFTER_BORDERS)


def _rule(style: ParagraphStyle, **sides: tuple[str, int, int]) -> None:
    """Lines beside a paragraph: colour, width in eighths of a point, distance in points."""
    borders = OxmlElement("w:pBdr")
    for side, values in sides.items():
        line = OxmlElement(f"w:{side}")
        for name, value in zip(("val", "color", "sz", "space"), ("single", *values), strict=True):
            line.set(qn(f"w:{name}"), str(value))
        borders.append(line)
    style.element.get_or_add_pPr().insert_element_before(borders, *_AFTER_BORDERS)


def lay_at_the_foot(paragraph: WordParagraph) -> None:
    """Put it into the frame at the foot of the type area of the page on which the text ends."""
    frame = OxmlElement("w:framePr")
    for name, value in (
        *(("w", round(Mm(TYPE_WIDTH_MM).twips)), ("wrap", "around"), ("vAnchor", "margin"), ("hAnchor", "margin")),
        *(("xAlign", "center"), ("yAlign", "bottom")),
    ):
        frame.set(qn(f"w:{name}"), str(value))
    paragraph._p.get_or_add_pPr().insert_element_before(frame, *_AFTER_FRAME)


def _drop_borders(style: ParagraphStyle) -> None:
    borders = style.element.get_or_add_pPr().find(qn("w:pBdr"))
    if borders is not None:
        style.element.pPr.remove(borders)


def _set_font(run: object, font: str, size: Pt, latin: str = _LATIN) -> None:
    run.font.size, run.font.name = size, latin
    run._r.get_or_add_rPr().get_or_add_rFonts().set(qn("w:eastAsia"), font)
