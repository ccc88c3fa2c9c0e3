"""An XLSX workbook read as a stream: only its shared texts are held, nothing is evaluated, bombs are refused.

openpyxl would keep a node for each row, reads a formula that was never calculated as an empty cell, and fills the rows
that a file leaves out one by one; so only its knowledge of number formats and dates is used here.
"""

from __future__ import annotations

import re
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple
from xml.sax.handler import ContentHandler

from defusedxml.ElementTree import fromstring
from defusedxml.expatreader import DefusedExpatParser
from openpyxl.styles.numbers import BUILTIN_FORMATS, is_date_format, is_timedelta_format
from openpyxl.utils.cell import get_column_letter, range_boundaries
from openpyxl.utils.datetime import MAC_EPOCH, WINDOWS_EPOCH

MOST_ROWS, MOST_CELLS = 1_048_576, 16_384  # Excel's own limits
LONGEST_ROW = 4 << 20  # characters
LARGEST_SMALL_PART = 32 << 20  # bytes of workbook.xml, styles.xml and the like, which are read whole
LARGEST_STRINGS = 128 << 20  # they are held while the sheet is read
MOST_MERGED = 200_000
RATIO = 200  # what unpacks to more than that is made to fill a memory; real workbooks stay below 50
RATIO_FROM_BYTES = 32 << 20
# Chinese Excel's own date formats (yyyy"年"m"月"d"日" …) are known by number alone; ECMA-376 part 1, 18.8.30.
CHINESE_DATE_FORMATS = frozenset([*range(27, 37), *range(50, 59)])
ESCAPED = re.compile(r"_x([0-9A-Fa-f]{4})_")


class NotReadable(Exception):
    """The file is no workbook that can be read; the text says why, in words."""


class Cell(NamedTuple):
    """A cell with anything in it. `kind` is its XLSX type (n, s, str, inlineStr, b, e, d), `text` its stored value."""

    column: int  # from 1
    kind: str
    style: int
    text: str
    is_formula: bool


@dataclass(frozen=True)
class Sheet:
    name: str
    is_hidden: bool
    part: str


@dataclass(frozen=True)
class MergedRange:
    """Columns and rows from 1, both ends included."""

    min_column: int
    min_row: int
    max_column: int
    max_row: int

    def __str__(self) -> str:
        return f"{coordinate(self.min_row, self.min_column)}:{coordinate(self.max_row, self.max_column)}"


class Book:
    """An open workbook. Raises NotReadable, also while its rows are read; other errors mean broken XML or ZIP."""

    def __init__(self, path: Path, largest_bytes: int) -> None:
        self._archive = zipfile.ZipFile(path)
        try:
            self._check_size(largest_bytes)
            self._read_workbook()
        except BaseException:
            self._archive.close()
            raise

    def __enter__(self) -> Book:
        return self

    def __exit__(self, *_: object) -> None:
        self._archive.close()

    def rows(self, sheet: Sheet, merged: list[MergedRange] | None = None) -> Iterator[tuple[int, list[Cell]]]:
        """(row number from 1, its cells), rows without cells left out. Hidden rows are rows.

        merged: takes the sheet's merged ranges, all of them once the rows are read: they stand behind the rows.
        """
        yield from self._stream(sheet.part, _SheetHandler([] if merged is None else merged))

    def merged_ranges(self, sheet: Sheet) -> list[MergedRange]:
        """The sheet is read through for them."""
        merged: list[MergedRange] = []
        for _ in self.rows(sheet, merged):
            pass
        return merged

    def strings(self) -> list[str]:
        """The texts that cells of kind `s` point to."""
        return list(self._stream(self._strings_part, _StringsHandler())) if self._strings_part else []

    def _check_size(self, largest_bytes: int) -> None:
        parts = [part for part in self._archive.infolist() if not _is_picture(part.filename)]
        unpacked = sum(part.file_size for part in parts)
        packed = sum(part.compress_size for part in parts)
        if unpacked > largest_bytes:
            raise NotReadable(f"it unpacks to {unpacked >> 20} MiB, more than the {largest_bytes >> 20} allowed")
        if unpacked > max(RATIO_FROM_BYTES, packed * RATIO):
            raise NotReadable(f"it unpacks to {unpacked // max(packed, 1)} times its size, as no honest workbook does")

    def _read_workbook(self) -> None:
        names = {name for name in self._archive.namelist() if not _is_picture(name)}
        if "xl/workbook.bin" in names:
            raise NotReadable("it is a binary workbook (.xlsb)")
        if "xl/workbook.xml" not in names:
            raise NotReadable("it is a ZIP without a workbook")
        workbook = fromstring(self._small("xl/workbook.xml"), forbid_dtd=True)
        relations = fromstring(self._small("xl/_rels/workbook.xml.rels"), forbid_dtd=True)
        parts = {}
        self._strings_part = None
        for relation in relations:
            target = relation.get("Target", "")
            part = target.lstrip("/") if target.startswith("/") else f"xl/{target}"
            kind = relation.get("Type", "").rpartition("/")[2]
            if kind == "worksheet":
                parts[relation.get("Id")] = part
            elif kind == "sharedStrings" and part in names:
                if self._archive.getinfo(part).file_size > LARGEST_STRINGS:
                    raise NotReadable(f"its texts alone take more than {LARGEST_STRINGS >> 20} MiB")
                self._strings_part = part
        self.sheets = []
        for sheet in workbook.iterfind(".//{*}sheets/{*}sheet"):
            relation = next((value for key, value in sheet.items() if key.endswith("}id")), None)
            if parts.get(relation) in names:
                hidden = sheet.get("state", "visible") != "visible"
                self.sheets.append(Sheet(sheet.get("name", ""), hidden, parts[relation]))
        properties = workbook.find(".//{*}workbookPr")
        is_1904 = properties is not None and properties.get("date1904", "0") in ("1", "true")
        self.epoch = MAC_EPOCH if is_1904 else WINDOWS_EPOCH
        self.date_styles, self.timedelta_styles = self._date_styles(names)

    def _date_styles(self, names: set[str]) -> tuple[set[int], set[int]]:
        """The style numbers of cells that show a date or time, and those that show a span of time."""
        if "xl/styles.xml" not in names:
            return set(), set()
        styles = fromstring(self._small("xl/styles.xml"), forbid_dtd=True)
        formats = dict(BUILTIN_FORMATS)
        formats.update(
            (int(item.get("numFmtId")), item.get("formatCode")) for item in styles.iterfind(".//{*}numFmts/{*}numFmt")
        )
        dates, spans = set(), set()
        for number, style in enumerate(styles.iterfind("{*}cellXfs/{*}xf")):
            format_id = int(style.get("numFmtId", 0))
            code = formats.get(format_id)
            if is_timedelta_format(code):
                spans.add(number)
            elif is_date_format(code) or (code is None and format_id in CHINESE_DATE_FORMATS):
                dates.add(number)
        return dates, spans

    def _small(self, part: str) -> bytes:
        if self._archive.getinfo(part).file_size > LARGEST_SMALL_PART:
            raise NotReadable(f"{part} has more than {LARGEST_SMALL_PART >> 20} MiB")
        return self._archive.read(part)

    def _stream(self, part: str, handler: _SheetHandler | _StringsHandler) -> Iterator:
        parser = DefusedExpatParser(forbid_dtd=True)
        parser.setContentHandler(handler)
        with self._archive.open(part) as stream:
            while block := stream.read(1 << 16):
                parser.feed(block)
                yield from handler.found
                handler.found.clear()
        parser.close()
        yield from handler.found


class _StringsHandler(ContentHandler):
    """Texts of sharedStrings.xml, without the phonetic readings (rPh) that may stand beside them."""

    def __init__(self) -> None:
        self.found: list[str] = []
        self._text: list[str] = []
        self._collects = False
        self._is_phonetic = False

    def startElement(self, name: str, attributes: dict) -> None:  # noqa: N802 the parser's own name
        name = name.rpartition(":")[2]
        if name == "t":
            self._collects = not self._is_phonetic
        elif name == "rPh":
            self._is_phonetic = True

    def characters(self, content: str) -> None:
        if self._collects:
            self._text.append(content)

    def endElement(self, name: str) -> None:  # noqa: N802
        name = name.rpartition(":")[2]
        if name == "t":
            self._collects = False
        elif name == "rPh":
            self._is_phonetic = False
        elif name == "si":
            self.found.append(unescaped("".join(self._text)))
            self._text.clear()


class _SheetHandler(ContentHandler):
    """Rows and merged ranges of a worksheet."""

    def __init__(self, merged: list[MergedRange]) -> None:
        self.found: list[tuple[int, list[Cell]]] = []
        self._merged = merged
        self._columns: dict[str, int] = {}
        self._row = 0
        self._cells: list[Cell] = []
        self._text: list[str] = []
        self._collects = self._is_phonetic = False
        self._column = self._length = 0

    def startElement(self, name: str, attributes: dict) -> None:  # noqa: N802
        name = name.rpartition(":")[2]
        if name == "v":
            self._collects = True
        elif name == "c":
            self._start_cell(attributes)
        elif name == "row":
            row = int(attributes.get("r", self._row + 1))
            if not self._row < row <= MOST_ROWS:
                raise NotReadable(f"row {row} follows row {self._row}")
            self._row, self._column, self._length = row, 0, 0
        elif name == "f":
            self._is_formula = True
        elif name == "t":
            self._collects = not self._is_phonetic
        elif name == "rPh":
            self._is_phonetic = True
        elif name == "mergeCell":
            if len(self._merged) >= MOST_MERGED:
                raise NotReadable(f"it has more than {MOST_MERGED} merged cells")
            self._merged.append(MergedRange(*range_boundaries(attributes["ref"])))

    def _start_cell(self, attributes: dict) -> None:
        letters = attributes.get("r", "").rstrip("0123456789")
        column = self._column + 1
        if letters and (column := self._columns.get(letters) or range_boundaries(f"{letters}1")[0]):
            self._columns[letters] = column
        if not self._column < column <= MOST_CELLS:
            raise NotReadable(f"in row {self._row}, column {column} follows column {self._column}")
        self._column = column
        self._kind = attributes.get("t", "n")
        self._style = int(attributes.get("s", 0))
        self._is_formula = False

    def characters(self, content: str) -> None:
        if self._collects:
            self._text.append(content)
            self._length += len(content)
            if self._length > LONGEST_ROW:
                raise NotReadable(f"row {self._row} holds more than {LONGEST_ROW >> 20} million characters")

    def endElement(self, name: str) -> None:  # noqa: N802
        name = name.rpartition(":")[2]
        if name in ("v", "t"):
            self._collects = False
        elif name == "c":
            text = "".join(self._text)
            self._text.clear()
            if text or self._is_formula:
                self._cells.append(Cell(self._column, self._kind, self._style, text, self._is_formula))
        elif name == "row":
            if self._cells:
                self.found.append((self._row, self._cells))
            self._cells = []
        elif name == "rPh":
            self._is_phonetic = False


def _is_picture(part: str) -> bool:
    """Pictures are never read, so they are not counted either."""
    return "/media/" in part


def unescaped(text: str) -> str:
    """`text` with _x000D_ and the like turned into the characters they stand for, pairs of surrogates joined."""
    if "_x" not in text:
        return text
    text = ESCAPED.sub(lambda match: chr(int(match[1], 16)), text)
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "surrogatepass")


def coordinate(row: int, column: int) -> str:
    """'F7'."""
    return f"{get_column_letter(column)}{row}"
