"""A CSV that people fill in: read whole, or refused whole with every mistake's line, column and cure."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TypeVar

from yidang.errors import ConfigError

_SHOWN = 10  # mistakes named in one message
Parsed = TypeVar("Parsed")


class _NotCsv(ConfigError):
    """From here on the file cannot be read."""


class Mistake(Exception):
    """What is wrong with one row. column: None for the row as a whole. cure: a sentence."""

    def __init__(self, column: str | None, what: str, cure: str) -> None:
        super().__init__(what)
        self.column, self.what, self.cure = column, what, cure


def read(
    path: Path, columns: Sequence[str], parse: Callable[[int, dict[str, str]], Parsed], *, effect: str
) -> list[Parsed]:
    """`parse(line, row)` of every row, in the file's order; it raises Mistake, or an ExceptionGroup of several.

    Columns beyond `columns` and rows without any text are ignored: spreadsheets leave both behind.
    effect: what a wrong file means, for the message: "no case was computed".
    Raises ConfigError that names every mistake, or why it is no such file.
    """
    parsed: list[Parsed] = []
    mistakes: list[str] = []
    wrong_rows = 0
    end: list[str] = []
    try:
        for line, header, cells in _rows(path, columns):
            try:
                if len(cells) != len(header):
                    what = f"it has another number of cells ({len(cells)}) than the header ({len(header)})"
                    raise Mistake(None, what, "Quote cells that hold commas.")
                parsed.append(parse(line, dict(zip(header, cells, strict=True))))
            except* Mistake as group:
                wrong_rows += 1
                for mistake in group.exceptions:
                    place = f"line {line}" + (f", column {mistake.column}" if mistake.column else "")
                    mistakes.append(f"  {place}: {mistake.what}. {mistake.cure}")
    except _NotCsv as error:
        if not mistakes:
            raise
        end = [f"  And then {error.what} {error.cure}"]
    if mistakes:
        more = [f"  … and {len(mistakes) - _SHOWN} more"] if len(mistakes) > _SHOWN else []
        count = "1 row is" if wrong_rows == 1 else f"{wrong_rows} rows are"
        raise ConfigError(
            f"{path.name}: {count} wrong; {effect}.\n" + "\n".join([*mistakes[:_SHOWN], *more, *end]),
            "Mend the file and run the command again.",
        )
    return parsed


def _rows(path: Path, columns: Sequence[str]) -> Iterator[tuple[int, list[str], list[str]]]:
    """Each row with text in it: the line it begins on, the header, its cells."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.reader(file, strict=True)
            header = next(reader, [])
            if not any(header):
                raise ConfigError(
                    f"{path.name} is empty, or its first line is." if reader.line_num else f"{path.name} is empty.",
                    f"Its first line is the header {','.join(columns)}; below it write one row each.",
                )
            if missing := [name for name in columns if name not in header]:
                raise ConfigError(
                    f"{path.name}, line 1: the header lacks the column {', '.join(missing)}.",
                    f"The header needs {','.join(columns)}; other columns are ignored.",
                )
            line = reader.line_num + 1
            for cells in reader:
                if any(cell.strip() for cell in cells):
                    yield line, header, cells
                line = reader.line_num + 1
    except OSError as error:
        raise ConfigError(f"{path} cannot be read: {error.strerror}.", "Give the path of a CSV file.") from None
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path.name} is not UTF-8 (byte {error.start}).", "Save it again as UTF-8.") from None
    except csv.Error as error:
        raise _NotCsv(
            f"{path.name}, line {reader.line_num}: not CSV ({error}).",
            'Quote cells that hold commas or quotes, double the quotes inside ("[{""kind"": …}]"), close every quote.',
        ) from None
