"""A sheet of an XLSX workbook as records of text; what a cell does not really say is refused with its coordinate."""

from __future__ import annotations

import math
import mmap
from collections import deque
from collections.abc import Iterator, Sequence
from collections.abc import Set as AbstractSet
from datetime import date, datetime, time, timedelta
from itertools import chain, groupby, zip_longest
from pathlib import Path

from openpyxl.utils.datetime import from_excel, from_ISO8601

from yidang.contracts import Table, XlsxFormat
from yidang.errors import YidangError
from yidang.landing.extract import LOST_DIGITS, MOST_COLUMNS, Record, has_lost_digits
from yidang.landing.file_header import column_names
from yidang.landing.xlsx_book import Book, Cell, MergedRange, NotReadable, Sheet, coordinate, unescaped

EXACT_BELOW = 1e15  # Excel keeps fifteen digits
LAST_SERIAL = 2_958_465  # 9999-12-31; 20250303 in a column of dates is no serial number

Problem = tuple[str, str]  # rule, reason


def records(path: Path, declared: XlsxFormat, table: Table, place: str) -> Iterator[Record]:
    """The header, then every row that holds a value, padded to the header's width. Nothing when there is no header.

    Raises YidangError when the file is no workbook, or the sheet cannot be told.
    """
    _check_kind(path, place)
    try:
        with Book(path, declared.largest_mib << 20) as book:
            yield from _rows(book, _sheet(book, declared, place), declared, table, place)
    except NotReadable as error:
        raise YidangError(
            f"{place}: the workbook was refused: {error}; nothing of it was landed.",
            "Have it saved anew as an ordinary XLSX workbook; source.format.largest_mib raises the limit of its size.",
        ) from None
    except YidangError:
        raise
    except Exception as error:  # whatever broken XML and ZIP make the libraries raise
        raise YidangError(
            f"{place}: not a whole XLSX file: {type(error).__name__}: {error}.", "Ask the department to send it again."
        ) from None


def hint(path: Path, declared: XlsxFormat, table: Table) -> str:
    """A workbook says itself how it is to be read; there is nothing to guess."""
    return ""


def _check_kind(path: Path, place: str) -> None:
    with path.open("rb") as file:
        head = file.read(512)
        if head.startswith(b"PK"):
            return
        if head.startswith(b"\xd0\xcf\x11\xe0"):
            with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
                is_encrypted = content.find("EncryptedPackage".encode("utf-16-le")) >= 0
            if is_encrypted:
                raise YidangError(
                    f"{place}: the workbook is protected by a password; nothing of it was landed.",
                    "Have it saved without a password; the folder itself can be protected.",
                )
            raise YidangError(
                f"{place}: this is an old Excel file (.xls), which cannot be read; nothing of it was landed.",
                "Have it saved as XLSX (Excel 2007 or later; in WPS: 另存为 .xlsx).",
            )
    if b"<html" in head.lower() or b"<table" in head.lower():
        raise YidangError(
            f"{place}: this is a web page named like a workbook; nothing of it was landed.",
            "Open it in Excel and save it as XLSX, or have the export corrected.",
        )
    raise YidangError(
        f"{place}: not a whole XLSX file: it does not begin like a workbook.",
        "Ask the department to send it again; if it is a CSV, declare source.format as {kind: csv, …}.",
    )


def _sheet(book: Book, declared: XlsxFormat, place: str) -> Sheet:
    """The declared sheet, else the only visible one that holds anything."""
    names = [sheet.name for sheet in book.sheets]
    if declared.sheet:
        for sheet in book.sheets:
            if sheet.name == declared.sheet:
                return sheet
        raise YidangError(
            f"{place}: there is no sheet {declared.sheet!r} among {names}.",
            "Correct source.format.sheet, or ask the department.",
        )
    visible = [sheet for sheet in book.sheets if not sheet.is_hidden]
    if not visible:
        raise NotReadable("it has no visible sheet")
    filled = visible if len(visible) == 1 else [sheet for sheet in visible if next(book.rows(sheet), None)]
    if len(filled) > 1:
        raise YidangError(
            f"{place}: several sheets hold data: {', '.join(sheet.name for sheet in filled)}.",
            "Say which one in source.format.sheet.",
        )
    return (filled or visible)[0]


def _rows(book: Book, sheet: Sheet, declared: XlsxFormat, table: Table, place: str) -> Iterator[Record]:
    first, last = declared.header_row, declared.header_row + declared.header_depth - 1
    needs_merged = declared.fill_merged or declared.header_depth > 1
    merged = _Merged(book.merged_ranges(sheet) if needs_merged else [])
    text_of = _CellText(book)
    seen: list[MergedRange] = []
    rows = book.rows(sheet, seen)
    header, following = [], []
    for number, cells in rows:
        if number > last:
            following = [(number, cells)]
            break
        if number >= first:
            values, _ = text_of.row(number, cells)
            merged.fill(number, values)
            header.append(values)
    names = column_names(table, _joined(header))
    while names and not names[-1]:
        names.pop()  # cells that were formatted but never filled
    if not names:
        return
    yield first, names, "", None, ""

    dates = {at for at, name in enumerate(names, start=1) if name in table.date_columns}
    for number, cells in chain(following, rows):
        values, problem = text_of.row(number, cells, dates)
        while values and not values[-1]:
            values.pop()
        if not values and not problem:
            continue
        if declared.fill_merged:
            merged.fill(number, values)
        values += [None] * (len(names) - len(values))
        rule, reason = problem or (None, "")
        yield number, values, "\t".join(value or "" for value in values), rule, reason
    if not declared.fill_merged:
        _refuse_split(seen, last, len(names), place)


def _joined(header: Sequence[Sequence[str | None]]) -> list[str]:
    """One name for each column of a header of several rows: 受理/日期. A cell merged downwards is named once."""
    names = []
    for cells in zip_longest(*header):
        parts = [cell for cell in cells if cell and cell.strip()]
        names.append("/".join(part for part, _ in groupby(parts)))
    return names


def _refuse_split(merged: Sequence[MergedRange], last_header_row: int, width: int, place: str) -> None:
    """A value merged over several rows stands in the first of them only; the others would land without it."""
    for area in merged:
        is_note = area.min_column == 1 and area.max_column >= width
        if area.min_row < area.max_row > last_header_row and area.min_column <= width and not is_note:
            raise YidangError(
                f"{place}: the cells {area} are merged, so rows {area.min_row + 1} to {area.max_row} lack their value;"
                " nothing of the file was landed.",
                "Have them split, or declare source.format.fill_merged: true, which gives each row the value.",
            )


class _Merged:
    """Gives every cell of a merged range the value of its first one. Rows must come in order."""

    def __init__(self, ranges: Sequence[MergedRange]) -> None:
        self._coming = deque(sorted(ranges, key=lambda area: area.min_row))
        self._active: list[tuple[MergedRange, str]] = []

    def fill(self, number: int, values: list[str | None]) -> None:
        self._active = [(area, value) for area, value in self._active if area.max_row >= number]
        while self._coming and self._coming[0].min_row <= number:
            area = self._coming.popleft()
            if area.min_row == number and area.min_column <= len(values) and (value := values[area.min_column - 1]):
                self._active.append((area, value))
        if len(self._active) > MOST_COLUMNS:
            raise NotReadable(f"in row {number}, merged cells overlap")
        for area, value in self._active:
            until = min(area.max_column, MOST_COLUMNS)
            values += [None] * (until - len(values))
            values[area.min_column - 1 : until] = [value] * (until - area.min_column + 1)


class _CellText:
    """Cells as text: dates in ISO form, whole numbers without '.0', so that a number typed as text looks the same."""

    def __init__(self, book: Book) -> None:
        self._book = book
        self._strings = book.strings()

    def row(
        self, number: int, cells: Sequence[Cell], dates: AbstractSet[int] = frozenset()
    ) -> tuple[list[str | None], Problem | None]:
        """The row's values from column 1 on, and what is wrong with the first cell that says no value."""
        values: list[str | None] = []
        problem = None
        for cell in cells:
            text, wrong = self._text(cell, cell.column in dates)
            if wrong and problem is None:
                problem = (wrong[0], f"cell {coordinate(number, cell.column)} {wrong[1]}")
            values += [None] * (cell.column - 1 - len(values))
            values.append(text)
        return values, problem

    def _text(self, cell: Cell, is_date: bool) -> tuple[str | None, Problem | None]:
        text = cell.text
        if cell.kind == "e":
            return text, ("error", f"holds the error {text}")
        if not text and cell.is_formula and cell.kind != "str":
            return None, ("formula", "holds a formula whose result was never saved")
        if cell.kind == "n":
            return self._number(cell, is_date) if text else (None, None)
        if cell.kind == "s":
            if not (text.isascii() and text.isdigit() and int(text) < len(self._strings)):
                raise NotReadable(f"a cell points to text {text[:20]}, which does not exist")
            text = self._strings[int(text)]
        elif cell.kind == "b":
            return str(text == "1").lower(), None
        elif cell.kind == "d":
            return _shown(from_ISO8601(text)), None
        else:
            text = unescaped(text)
        return text, ("digits", f"holds {LOST_DIGITS}") if has_lost_digits(text) else None

    def _number(self, cell: Cell, is_date: bool) -> tuple[str, Problem | None]:
        value = float(cell.text)
        if not math.isfinite(value):
            return cell.text, ("error", f"holds the number {cell.text}")
        if cell.style in self._book.timedelta_styles:
            return str(timedelta(days=value)), None
        if cell.style in self._book.date_styles or (is_date and 1 <= value <= LAST_SERIAL):
            if not 0 <= value <= LAST_SERIAL:
                return cell.text, ("date", f"is formatted as a date, but {cell.text} is none")
            return _shown(from_excel(value, self._book.epoch)), None
        if abs(value) >= EXACT_BELOW:
            return cell.text, ("digits", f"holds {LOST_DIGITS}")
        return str(int(value)) if value.is_integer() else repr(value), None


def _shown(moment: date | datetime | time) -> str:
    if not isinstance(moment, datetime):
        return moment.isoformat()
    moment = (moment + timedelta(milliseconds=500)).replace(microsecond=0)
    midnight = (moment.hour, moment.minute, moment.second) == (0, 0, 0)
    return moment.date().isoformat() if midnight else moment.isoformat(sep=" ")
