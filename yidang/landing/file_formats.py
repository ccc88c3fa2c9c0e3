"""CSV and XLSX as rows of text, with the line each came from. What is no row is refused, never dropped or guessed."""

from __future__ import annotations

import csv
import gzip
import zipfile
from collections.abc import Iterator, Sequence
from datetime import date, datetime
from pathlib import Path

from yidang.contracts import CsvFormat, Department, Table, XlsxFormat
from yidang.errors import YidangError
from yidang.landing.extract import Chunk, Refused, printable, require_columns, rows_chunk, unlandable

ROWS_PER_CHUNK = 20_000
LONGEST_RECORD_LINES = 100

# One record of a file: line number, values (None when it could not be read), text, and why it could not be read.
Record = tuple[int, list[str | None] | None, str, str]


def read(department: Department, table: Table, path: Path, file_name: str) -> Iterator[Chunk | list[Refused]]:
    """Chunks and refused rows of a file, in its order. Raises YidangError when the header is not the expected one."""
    declared = department.source.format
    found = records(department, declared, path, file_name)
    header = _header(department, table, declared, path, file_name, found)
    rows: list[Sequence[object]] = []
    refused: list[Refused] = []
    for number, values, text, problem in found:
        if values is not None and len(values) != len(header):
            rule, problem = "columns", f"the row has {len(values)} columns, the header {len(header)}"
        elif problem or (problem := unlandable(values)):
            rule = "text"
        else:
            rows.append((number, *values))
            if len(rows) >= ROWS_PER_CHUNK:
                yield rows_chunk(["_row_number", *header], rows)
                rows = []
            continue
        refused.append(Refused(number, rule, f"{file_name}, line {number}: {problem}.", printable(text), file_name))
        if len(refused) >= ROWS_PER_CHUNK:
            yield refused
            refused = []
    yield rows_chunk(["_row_number", *header], rows)
    yield refused


def records(department: Department, declared: CsvFormat | XlsxFormat, path: Path, file_name: str) -> Iterator[Record]:
    """Every record of a file, title and header rows among them. `department` is named in errors."""
    if isinstance(declared, CsvFormat):
        return _csv_records(path, declared, file_name)
    return _xlsx_records(path, declared, department, file_name)


def _header(
    department: Department,
    table: Table,
    declared: CsvFormat | XlsxFormat,
    path: Path,
    file_name: str,
    records: Iterator[Record],
) -> list[str]:
    for number, values, _, _ in records:
        if number < declared.header_row:
            continue
        header = [(value or "").strip() for value in values or []]
        while header and not header[-1] and isinstance(declared, XlsxFormat):
            header.pop()  # cells that were formatted but never filled
        require_columns(department, table, header, file_name, _encoding_hint(declared, path, table))
        return header
    raise YidangError(
        f"{department.id}.{table.name} ({file_name}): the file has no header in line {declared.header_row}.",
        "Ask the department to send the file again.",
    )


def _encoding_hint(declared: CsvFormat | XlsxFormat, path: Path, table: Table) -> str:
    """The likeliest cure when a CSV's header is not the expected one: the other encoding, if its names fit."""
    if isinstance(declared, CsvFormat):
        other = "utf-8" if declared.encoding == "gb18030" else "gb18030"
        with opened(path) as file:
            head = file.read(8192).decode(other, "replace")
        if all(column in head for column in table.key):
            return f"The file seems to be {other}, the contract says {declared.encoding}: correct one of the two."
    return ""


# -- CSV -------------------------------------------------------------------------------------------------------
def _csv_records(path: Path, declared: CsvFormat, file_name: str) -> Iterator[Record]:
    """Records of a CSV. Bytes are split into lines first: in GB18030 and UTF-8 no character contains a line feed."""
    with opened(path) as file:
        lines = enumerate(file, start=1)
        waiting: list[tuple[int, bytes]] = []
        quote = declared.quote.encode()
        try:
            while (first := waiting.pop(0) if waiting else next(lines, None)) is not None:
                taken = [first]
                quotes = first[1].count(quote)
                # An odd number of quotes: the record goes on in the next line.
                while quotes % 2 and len(taken) < LONGEST_RECORD_LINES:
                    following = waiting.pop(0) if waiting else next(lines, None)
                    if following is None:
                        break
                    taken.append(following)
                    quotes += following[1].count(quote)
                if quotes % 2:
                    # Never closed: only this line is at fault, those after it are read again.
                    waiting = taken[1:] + waiting
                    yield first[0], None, _decode(first[1], declared), "a quotation mark is never closed"
                    continue
                yield from _csv_record(first[0], b"".join(line for _, line in taken), declared, quotes > 0)
        except (EOFError, gzip.BadGzipFile) as error:
            raise YidangError(f"{file_name}: the compressed file is broken: {error}.", "Have it sent again.") from None


def _csv_record(number: int, raw: bytes, declared: CsvFormat, quoted: bool) -> Iterator[Record]:
    raw = raw.rstrip(b"\r\n")
    if not raw:
        return
    try:
        text = raw.decode(declared.encoding)
    except UnicodeDecodeError as error:
        problem = f"byte {error.start + 1} (0x{raw[error.start]:02x}) is not {declared.encoding}"
        yield number, None, _decode(raw, declared), problem
        return
    if number == 1:
        text = text.removeprefix("\ufeff")
    if quoted:
        try:
            values = next(csv.reader([text], delimiter=declared.delimiter, quotechar=declared.quote, strict=False))
        except csv.Error as error:
            yield number, None, text, str(error)
            return
    else:
        values = text.split(declared.delimiter)
    yield number, values, text, ""


def _decode(raw: bytes, declared: CsvFormat) -> str:
    return raw.rstrip(b"\r\n").decode(declared.encoding, "backslashreplace")


def opened(path: Path):
    """The bytes of a file, or of what a gzip file holds (told by its first two bytes)."""
    with path.open("rb") as file:
        compressed = file.read(2) == b"\x1f\x8b"
    return gzip.open(path, "rb") if compressed else path.open("rb")


# -- XLSX ------------------------------------------------------------------------------------------------------
def _xlsx_records(path: Path, declared: XlsxFormat, department: Department, file_name: str) -> Iterator[Record]:
    """Rows of one sheet, padded to the header's width; rows without any value are no rows."""
    import openpyxl  # most pulls read no spreadsheet
    from openpyxl.utils.exceptions import InvalidFileException

    try:
        with path.open("rb") as file:
            book = openpyxl.load_workbook(file, read_only=True, data_only=True)
            if declared.sheet and declared.sheet not in book.sheetnames:
                raise YidangError(
                    f"{department.id} ({file_name}): there is no sheet {declared.sheet!r} among {book.sheetnames}.",
                    "Correct source.format.sheet, or ask the department.",
                )
            sheet = book[declared.sheet] if declared.sheet else book.worksheets[0]
            sheet.reset_dimensions()  # some programs write a wrong size into the file
            width = 0
            for number, cells in enumerate(sheet.iter_rows(values_only=True), start=1):
                values = [_cell(value) for value in cells]
                while values and values[-1] in (None, ""):
                    values.pop()
                if not values:
                    continue
                if number >= declared.header_row:
                    width = width or len(values)
                    values += [None] * (width - len(values))
                yield number, values, "\t".join(value or "" for value in values), ""
    except (zipfile.BadZipFile, InvalidFileException, KeyError, EOFError) as error:
        raise YidangError(
            f"{department.id} ({file_name}): not a whole XLSX file: {error}.", "Ask the department to send it again."
        ) from None


def _cell(value: object) -> str | None:
    """A cell as text: dates in ISO form, whole numbers without '.0', so that a number typed as text looks the same."""
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, datetime):
        midnight = (value.hour, value.minute, value.second) == (0, 0, 0)
        return value.date().isoformat() if midnight else value.isoformat(sep=" ", timespec="seconds")
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value)
