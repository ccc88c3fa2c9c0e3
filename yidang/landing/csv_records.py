"""A CSV as records, read as a stream of lines in the declared dialect."""

from __future__ import annotations

import csv
import gzip
import io
import re
import zlib
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import BinaryIO

from yidang.contracts import CsvFormat, Table
from yidang.errors import YidangError
from yidang.landing.extract import LOST_DIGITS, Record, has_lost_digits
from yidang.landing.file_header import column_names

LONGEST_BYTES = 4 << 20  # of a line, and of a quoted record of several
LONGEST_RECORD_LINES = 100
RATIO = 200  # a gzip file that unpacks to more than that is made to fill a disk; real ones stay below 50
RATIO_FROM_BYTES = 64 << 20
# LONGEST_BYTES is the bound; the module's own of 131 072 characters would hold for quoted values alone.
csv.field_size_limit(LONGEST_BYTES)
BLOCK_BYTES = 1 << 20

Line = tuple[int, bytes]


@dataclass(frozen=True)
class PlainLines:
    """Lines in a row, without their ends, whose values stand in them as they are and can be landed: none is blank,
    none is quoted, and in each the delimiter comes as often as `width` values need.
    """

    first: int
    lines: list[str]
    delimiter: str
    width: int

    def records(self) -> Iterator[Record]:
        for number, line in enumerate(self.lines, self.first):
            yield number, line.split(self.delimiter), line, None, ""

    def copy_text(self) -> str:
        """The lines of a COPY of `_row_number` and the values."""
        text = "\n".join(self.lines).replace("\\", r"\\")
        if self.delimiter != "\t":
            text = text.replace("\t", r"\t").replace(self.delimiter, "\t")
        return "".join(f"{number}\t{line}\n" for number, line in enumerate(text.split("\n"), self.first))


def records(path: Path, declared: CsvFormat, table: Table, place: str) -> Iterator[Record]:
    """What `runs` gives, one by one."""
    return single(runs(path, declared, table, place))


def runs(path: Path, declared: CsvFormat, table: Table, place: str) -> Iterator[Record | PlainLines]:
    """The header, then every record, plain lines by the block; lines without any value are none.

    Nothing when there is no header.

    Raises YidangError when the file is no CSV, its compression is broken, or it unpacks to too much.
    """
    with opened(path, declared, place) as file:
        try:
            found = _runs(_Lines(file, place), declared)
            header = next(found, None)
            if header is None:
                return
            number, values, text, _, _ = header
            names = column_names(table, values or [])
            trailing = len(names) > 1 and not names[-1]
            if trailing:
                names.pop()
            yield number, names, text, None, ""
            yield from _without_trailing(found, len(names)) if trailing else found
        except (EOFError, gzip.BadGzipFile, zlib.error) as error:
            raise YidangError(f"{place}: the compressed file is broken: {error}.", "Have it sent again.") from None


def hint(path: Path, declared: CsvFormat, table: Table) -> str:
    """The likeliest cure when the header is not the expected one: another encoding, delimiter or line end."""
    with path.open("rb") as plain:
        head = plain.read(8192)
    if head.startswith(b"\x1f\x8b"):
        head = zlib.decompressobj(wbits=31).decompress(head, 8192)
    if head.startswith((b"\xff\xfe", b"\xfe\xff")):
        return f"The file is UTF-16; have it saved as {declared.encoding}."
    other = "utf-8" if declared.encoding == "gb18030" else "gb18030"
    text, otherwise = (head.decode(encoding, "replace") for encoding in (declared.encoding, other))
    if all(column in otherwise and column not in text for column in table.key):
        return f"The file seems to be {other}, the contract says {declared.encoding}: correct one of the two."
    if b"\r" in head and b"\n" not in head:
        return "The file's lines end with a carriage return alone; have it saved with the usual line ends."
    if all(column in text for column in table.columns):
        line = next((line for line in text.splitlines() if table.columns[0] in line), "")
        place = text[: text.index(line)].count("\n") + 1
        if all(column in line for column in table.columns) and place != declared.header_row:
            return f"The header seems to stand in line {place}: correct source.format.header_row."
        for delimiter in ",;\t|":
            if delimiter != declared.delimiter and line.count(delimiter) >= len(table.columns) - 1 > 0:
                return f"The delimiter seems to be {delimiter!r}: correct source.format.delimiter."
    return ""


def opened(path: Path, declared: CsvFormat, place: str) -> BinaryIO:
    """The bytes of a file, or of what a gzip file holds (told by its first two bytes)."""
    with path.open("rb") as file:
        head = file.read(8)
    if head.startswith((b"PK\x03\x04", b"\xd0\xcf\x11\xe0")):
        raise YidangError(
            f"{place}: this is {'a ZIP or XLSX' if head[:1] == b'P' else 'an old Excel (.xls)'} file, not CSV.",
            "Have it saved as CSV, or declare source.format as {kind: xlsx}.",
        )
    if not head.startswith(b"\x1f\x8b"):
        return path.open("rb")
    return io.BufferedReader(_Unpacked(path, declared.largest_mib, place), 1 << 18)


class _Unpacked(io.RawIOBase):
    """What a gzip file holds; refused when it is more than declared, or more than any honest file would hold."""

    def __init__(self, path: Path, largest_mib: int, place: str) -> None:
        self._file = gzip.GzipFile(path, "rb")
        self._ratio_limit = max(path.stat().st_size * RATIO, RATIO_FROM_BYTES)
        self._largest = largest_mib << 20
        self._place = place
        self._taken = 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:
        taken = self._file.readinto(buffer)
        self._taken += taken
        if self._taken > min(self._largest, self._ratio_limit):
            raise YidangError(
                f"{self._place}: the compressed file unpacks to more than"
                f" {min(self._largest, self._ratio_limit) >> 20} MiB; nothing of it was landed.",
                "Ask the department for smaller files"
                + (", or raise source.format.largest_mib." if self._largest < self._ratio_limit else ", uncompressed."),
            )
        return taken

    def close(self) -> None:
        self._file.close()
        super().close()


class _Lines:
    """Numbered lines with their ends; or, from the end of a block on, the next block at once.

    In GB18030 and UTF-8 no character contains the byte of a line feed.
    """

    def __init__(self, file: BinaryIO, place: str) -> None:
        self._file, self._place = file, place
        self._number = 0
        self._waiting: deque[bytes] = deque()

    def __iter__(self) -> Iterator[Line]:
        return self

    def __next__(self) -> Line:
        if not self._waiting:
            self._waiting.extend(io.BytesIO(self._block()))
        if not self._waiting:
            raise StopIteration
        line = self._waiting.popleft()
        self._number += 1
        if len(line) > LONGEST_BYTES:
            raise YidangError(
                f"{self._place}: line {self._number} is longer than {LONGEST_BYTES >> 20} MiB;"
                " nothing of the file was landed.",
                "Is this a CSV with line feeds? Ask the department.",
            )
        return self._number, line

    def plain(self, declared: CsvFormat) -> PlainLines | None:
        """The next block, if it begins here and its lines are plain; else None, and nothing is taken."""
        if self._waiting:
            return None
        block = self._block()
        lines = _plain(block, declared)
        if lines is None:
            self._waiting.extend(io.BytesIO(block))
            return None
        first = self._number + 1
        self._number += len(lines)
        return PlainLines(first, lines, declared.delimiter, lines[0].count(declared.delimiter) + 1)

    def _block(self) -> bytes:
        block = self._file.read(BLOCK_BYTES)
        if block and not block.endswith(b"\n"):
            block += self._file.readline(LONGEST_BYTES + 1)
        return block


def _plain(block: bytes, declared: CsvFormat) -> list[str] | None:
    """The block's lines as text, if PlainLines can be made of them. What is doubtful is for `_record` to judge."""
    try:
        text = block.decode(declared.encoding)
    except UnicodeDecodeError:
        return None
    text = text.replace("\r\n", "\n").removesuffix("\n")
    if any(sign in text for sign in ("\r", "\x00", "E+", declared.quote, declared.escape) if sign):
        return None
    lines = text.split("\n")
    blank = f"{declared.delimiter} \t\u3000"
    width = lines[0].count(declared.delimiter)
    if all(line.count(declared.delimiter) == width and line.strip(blank) for line in lines):
        return lines
    return None


def _runs(lines: _Lines, declared: CsvFormat) -> Iterator[Record | PlainLines]:
    """The records from the header on, plain ones after it by the block.

    A line that breaks the dialect is refused alone, those after it are read anew.
    """
    if declared.header_row > 1:
        next(islice(lines, declared.header_row - 2, None), None)  # title lines follow no dialect
    dialect = {
        "delimiter": declared.delimiter,
        "quotechar": declared.quote,
        "quoting": csv.QUOTE_MINIMAL if declared.quote else csv.QUOTE_NONE,
        "escapechar": declared.escape,
        "strict": True,
    }
    quote, escape = (sign and sign.encode() for sign in (declared.quote, declared.escape))
    waiting: deque[Line] = deque()
    is_header = True
    while True:
        while not waiting and not is_header and (plain := lines.plain(declared)):
            yield plain
        is_header = False
        first = waiting.popleft() if waiting else next(lines, None)
        if first is None:
            return
        number, raw = first
        if not (quote and quote in raw or escape and escape in raw):
            if record := _record(number, raw, declared, None):
                yield record
            continue
        taken, size = [first], len(raw)
        quotes = _quotes(raw, declared)
        # An odd number of quotes: the record goes on in the next line.
        while quotes % 2 and len(taken) < LONGEST_RECORD_LINES and size < LONGEST_BYTES:
            following = waiting.popleft() if waiting else next(lines, None)
            if following is None:
                break
            taken.append(following)
            size += len(following[1])
            quotes += _quotes(following[1], declared)
        problem = "a quotation mark is never closed"
        if not quotes % 2:
            try:
                if record := _record(number, b"".join(line for _, line in taken), declared, dialect):
                    yield record
                continue
            except csv.Error as error:
                problem = f"it does not follow the dialect: {error}"
        waiting.extendleft(reversed(taken[1:]))
        yield number, None, _shown(raw, declared), "text", problem


def _record(number: int, raw: bytes, declared: CsvFormat, dialect: dict | None) -> Record | None:
    """The record of one line, or of several; None when it holds no value.

    Without `dialect` it has neither quotes nor escapes. Raises csv.Error.
    """
    raw = raw.rstrip(b"\r\n")
    try:
        text = raw.decode(declared.encoding)
    except UnicodeDecodeError as error:
        problem = f"byte {error.start + 1} (0x{raw[error.start]:02x}) is not {declared.encoding}"
        return number, None, _shown(raw, declared), "text", problem
    if number == 1:
        text = text.removeprefix("\ufeff")
    if dialect:
        values = next(csv.reader([text], **dialect), [])
    elif "\r" in text:
        return number, None, text, "text", "a carriage return stands inside a value without quotation marks"
    else:
        values = text.split(declared.delimiter)
    if "E+" in text and any(map(has_lost_digits, values)):
        return number, values, text, "digits", f"a value is {LOST_DIGITS}"
    if not values[0].strip() and not text.strip(f"{declared.delimiter} \t\u3000"):
        return None
    return number, values, text, None, ""


def _without_trailing(found: Iterator[Record | PlainLines], width: int) -> Iterator[Record]:
    """Records of a file that ends every line, the header's too, with the delimiter."""
    for number, values, text, rule, problem in single(found):
        if rule is None:
            if len(values) == width + 1 and not values[-1]:
                values.pop()
            else:
                rule = "columns"
                problem = (
                    f"the row should end in a delimiter like the header, after {width} values; it has {len(values)}"
                )
        yield number, values, text, rule, problem


def single(found: Iterable[Record | PlainLines]) -> Iterator[Record]:
    for run in found:
        if isinstance(run, PlainLines):
            yield from run.records()
        else:
            yield run


def _quotes(raw: bytes, declared: CsvFormat) -> int:
    if not declared.quote:
        return 0
    if not declared.escape:
        return raw.count(declared.quote.encode())
    # Half a GB18030 character may look like the escape sign, so characters are counted here, not bytes.
    text = raw.decode(declared.encoding, "replace")
    return re.sub(re.escape(declared.escape) + ".", "", text, flags=re.DOTALL).count(declared.quote)


def _shown(raw: bytes, declared: CsvFormat) -> str:
    return raw.rstrip(b"\r\n").decode(declared.encoding, "backslashreplace")
