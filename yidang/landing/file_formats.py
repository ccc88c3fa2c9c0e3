"""CSV and XLSX as rows of text, with the line each came from. What is no row is refused, never dropped or guessed."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from yidang.contracts import CsvFormat, Department, Table
from yidang.errors import YidangError
from yidang.landing import csv_records
from yidang.landing.csv_records import PlainLines
from yidang.landing.extract import Chunk, Refused, ahead, printable, require_columns, rows_chunk, unlandable

ROWS_PER_CHUNK = 20_000
TEXT_PER_CHUNK = 8 << 20  # characters: few long rows make a chunk too
# An index entry of PostgreSQL holds 2704 bytes, the batch number among them.
LONGEST_KEY_BYTES = 2600


def read(department: Department, table: Table, path: Path, file_name: str) -> Iterator[Chunk | list[Refused]]:
    """Chunks and refused rows of a file, in its order. Raises YidangError when the file as a whole is refused."""
    return ahead(_read(department, table, path, file_name))


def _read(department: Department, table: Table, path: Path, file_name: str) -> Iterator[Chunk | list[Refused]]:
    declared = department.source.format
    place = f"{department.id}.{table.name} ({file_name})"
    if isinstance(declared, CsvFormat):
        kind, found = csv_records, csv_records.runs(path, declared, table, place)
    else:
        from yidang.landing import xlsx_records as kind  # most pulls read no spreadsheet

        found = kind.records(path, declared, table, place)
    first = next(found, None)
    if first is None:
        raise YidangError(
            f"{place}: the file has no header in line {declared.header_row}.", "Ask the department to send it again."
        )
    header = first[1]
    require_columns(department, table, header, file_name, kind.hint(path, declared, table))
    footer = re.compile(declared.footer_pattern) if declared.footer_pattern else None
    keys = [header.index(column) for column in table.key]
    columns = ["_row_number", *header]

    rows: list[Sequence[object]] = []
    refused: list[Refused] = []
    weight = 0
    for run in found:
        if isinstance(run, PlainLines) and _is_landable(run, len(header), footer):
            yield rows_chunk(columns, rows)
            yield Chunk(columns, lambda copy, run=run: copy.write(run.copy_text()))
            rows, weight = [], 0
            continue
        for number, values, text, rule, problem in csv_records.single([run]):
            weight += len(text)
            if footer and footer.search(text):
                rule, problem = "footer", "the line fits footer_pattern and is no record"
            elif rule:
                pass
            elif len(values) != len(header):
                rule, problem = "columns", f"the row has {len(values)} columns, the header {len(header)}"
            elif problem := unlandable((text,)) or _unindexable(values, keys, text):
                rule = "text"
            else:
                rows.append((number, *values))
                if len(rows) >= ROWS_PER_CHUNK or weight >= TEXT_PER_CHUNK:
                    yield rows_chunk(columns, rows)
                    rows, weight = [], 0
                continue
            refused.append(Refused(number, rule, f"{file_name}, line {number}: {problem}.", printable(text), file_name))
            if len(refused) >= ROWS_PER_CHUNK or weight >= TEXT_PER_CHUNK:
                yield refused
                refused, weight = [], 0
    yield rows_chunk(columns, rows)
    yield refused


def _is_landable(run: PlainLines, width: int, footer: re.Pattern[str] | None) -> bool:
    """Whether every line is a record that can be landed; False where one would have to be looked at alone."""
    return (
        run.width == width
        and len(max(run.lines, key=len)) * 4 <= LONGEST_KEY_BYTES
        and not (footer and any(map(footer.search, run.lines)))
    )


def _unindexable(values: Sequence[str | None], keys: Sequence[int], text: str) -> str | None:
    """Why these values could not be found again by their key, in words; None if they can."""
    if len(text) * 4 > LONGEST_KEY_BYTES and sum(len((values[at] or "").encode()) for at in keys) > LONGEST_KEY_BYTES:
        return f"its key is longer than {LONGEST_KEY_BYTES} bytes"
    return None
