"""A look at a dropped file: encoding, delimiter, header and a sample, through the readers that pulls use."""

from __future__ import annotations

import codecs
import glob
import re
from collections import Counter, deque
from itertools import islice
from pathlib import Path

from yidang import contracts
from yidang.errors import ConfigError, YidangError
from yidang.landing import csv_records, xlsx_records
from yidang.new_department import guess
from yidang.new_department.look_database import identifier
from yidang.new_department.seen import SAMPLE_ROWS, Seen, SeenTable

_LOOKED_AT = 1 << 20  # bytes by which the encoding is told
_HEAD = 30  # records among which the header must be
_MOST_TITLE_ROWS = 5
_ANY_CSV = contracts.CsvFormat(kind="csv", encoding="gb18030")
_LAST_RECORDS = 5  # behind the sample, where a total would stand
# How lines begin that sum up or sign a table, in words that Python (files) and PostgreSQL (checks) read alike.
FOOTER = (
    r"""^[\s"',;|]*(本?[日月季年页]?[合总小共累]\s*计(\d+[件项个宗])?|[Tt]otal|TOTAL|([Ss]ub-?|[Gg]rand )[Tt]otal"""
    r"""|[填制]表(人|时间|日期|说明)|审核人|说明)(?=[\s"',;|:：(（]|$)"""
)
_DATE_IN_NAME = re.compile(r"\d+(?:[-_.年月]?\d+)*[年月日号期]?")


def look(department: str, path: Path, table: str | None) -> Seen:
    """What one file shows. Raises ConfigError where it is no CSV or XLSX with a header."""
    if not path.is_file():
        raise ConfigError(
            f"There is no file {path}.", "Give a CSV or XLSX, the URL of a database or of an API's answer."
        )
    suffixes = [suffix.lower() for suffix in path.suffixes]
    doubts = {}
    if ".xlsx" in suffixes:
        declared, doubts = _sheet(path)
    elif ".xls" in suffixes or ".pdf" in suffixes or ".doc" in suffixes or ".docx" in suffixes:
        raise ConfigError(f"{path.name} is neither CSV nor XLSX.", "Ask for it as .csv or .xlsx, or save it as one.")
    else:
        encoding = encoding_of(path)
        declared = {"kind": "csv", "encoding": encoding, "delimiter": _delimiter(path, encoding)}
        doubts["format"] = "the encoding is told by the bytes of one file"
    records = _records(path, declared)
    no_records = [number for number, _, text in records if re.search(FOOTER, text)]
    records = [(number, values) for number, values, _ in records if number not in no_records]
    head = [values for _, values in records[:_HEAD]]
    at = header_at(head)
    if at is None:
        raise ConfigError(f"{path.name} has no row that could be a header.", "Give a file whose columns have names.")
    declared["header_row"] = records[at][0]
    if footers := [number for number in no_records if number > declared["header_row"]]:
        declared["footer_pattern"] = FOOTER
        doubt = f"footer_pattern sets lines like line {footers[-1]} of this file (合计 …) aside: are they no records?"
        doubts["format"] = "; ".join([*doubts.values(), doubt])
    columns = [(value or "").strip() for value in records[at][1]]
    while columns and not columns[-1]:
        columns.pop()
    rows = [dict(zip(columns, values, strict=False)) for _, values in records[at + 1 :]]
    key, doubt = guess.key(columns, rows)
    secret = f"{department.upper()}_DROP"
    pattern = pattern_of(path.name)
    if pattern == glob.escape(path.name):
        doubts["pattern"] = "no date or number in the name: a newer file must come under the same one"
    seen = SeenTable(
        name=table or identifier(path.name.split(".")[0]) or "cases",
        columns=columns,
        rows=rows,
        key=key,
        key_doubt=doubt,
        place={"pattern": pattern},
    )
    source = {"kind": "files", "folder": f"${{{secret}}}", "format": declared}
    return Seen(source=source, tables=[seen], secrets={secret: str(path.resolve().parent)}, doubts=doubts)


def encoding_of(path: Path) -> str:
    """'utf-8' where the bytes are, else 'gb18030'. Raises ConfigError where they are neither."""
    with csv_records.opened(path, _ANY_CSV, path.name) as file:
        head = file.read(_LOOKED_AT)
    for encoding in ("utf-8", "gb18030"):
        try:
            codecs.getincrementaldecoder(encoding)().decode(head)  # a character may be cut at the end
        except UnicodeDecodeError:
            continue
        return encoding
    raise ConfigError(f"{path.name} is neither UTF-8 nor GB18030 text.", "Ask for it in one of the two.")


def pattern_of(name: str) -> str:
    """'环评审批_20260629.csv' -> '环评审批_*.csv': a date or number becomes *, everything else stands for itself."""
    stem, dot, rest = name.partition(".")
    return "*".join(glob.escape(part) for part in _DATE_IN_NAME.split(stem)) + dot + glob.escape(rest)


def header_at(rows: list[list[str | None]]) -> int | None:
    """The place of the first row that names columns: as wide as the rows after it, every name filled and different."""
    wide = Counter(len(_filled(row)) for row in rows).most_common()
    width = max((cells for cells, _ in wide), default=0)
    for place, row in enumerate(rows):
        names = _filled(row)
        if len(names) < max(1, width * 0.6) or len(set(names)) != len(names):
            continue
        if len(names) == 1 and width > 1:
            continue
        if not any(re.fullmatch(rf"[\d.,%\s]+|{guess.DATE}", name) for name in names):
            return place
    return None


def _filled(row: list[str | None]) -> list[str]:
    return [value.strip() for value in row if value and value.strip()]


def _delimiter(path: Path, encoding: str) -> str:
    """The sign that comes equally often in most lines."""
    with csv_records.opened(path, _ANY_CSV, path.name) as file:
        lines = [line.decode(encoding, "replace") for line in islice(file, 50)]
    best, most = ",", 0
    for sign in (",", "\t", ";", "|"):
        counts = Counter(line.count(sign) for line in lines if sign in line)
        score = max((times * number for number, times in counts.items()), default=0)
        if score > most:
            best, most = sign, score
    return best


def _sheet(path: Path) -> tuple[dict[str, object], dict[str, str]]:
    import openpyxl  # only spreadsheets need it

    try:
        book = openpyxl.load_workbook(path, read_only=True)
        names = [sheet.title for sheet in book.worksheets]
        book.close()
    except Exception:  # noqa: BLE001 whatever openpyxl says of what is no workbook
        raise ConfigError(f"{path.name} is not a whole XLSX file.", "Ask for it again.") from None
    if len(names) == 1:
        return {"kind": "xlsx"}, {}
    return {"kind": "xlsx", "sheet": names[0]}, {"format": f"the first of {len(names)} sheets ({', '.join(names)})"}


def _records(path: Path, declared: dict[str, object]) -> list[tuple[int, list[str | None], str]]:
    """(line, values, text) of the file's first and last records, as the pulls' readers give them, in its order.

    Raises YidangError when no row of the first ones can begin a table.
    """
    kind, reader = {
        "csv": (contracts.CsvFormat, csv_records),
        "xlsx": (contracts.XlsxFormat, xlsx_records),
    }[declared["kind"]]
    unknown = contracts.Table.model_construct(name="", key=[], columns=[], date_columns=[])
    for first in range(1, _MOST_TITLE_ROWS + 1):
        try:
            found = reader.records(path, kind.model_validate({**declared, "header_row": first}), unknown, path.name)
            first_and_last = [*islice(found, SAMPLE_ROWS), *deque(found, _LAST_RECORDS)]
            return [(number, values, text) for number, values, text, *_ in first_and_last if values is not None]
        except YidangError as error:
            refusal = error  # titles above the header may be merged as no table is
    raise refusal
