"""A CSV that people fill in: read whole, or refused whole with every mistake's line, column and cure."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TypeVar

from yidang.errors import ConfigError

_SHOWN = 10  # mistakes named in one message
Parsed = TypeVar("Parsed")


class Mistake(Exception):
    """What is wrong with one row. column: None for the row as a whole. cure: a sentence."""

    def __init__(self, column: str | None, what: str, cure: str) -> None:
        super().__init__(what)
        self.column, self.what, self.cure = column, what, cure


def read(
    path: Path, columns: Sequence[str], parse: Callable[[int, dict[str, str]], Parsed], *, effect: str
) -> list[Parsed]:
    """`parse(line, row)` of every row, in the file's order; it raises Mistake. Columns beyond `columns` are ignored.

    effect: what a wrong file means, for the message: "no case was computed".
    Raises ConfigError that names every mistake, or why it is no such file.
    """
    parsed: list[Parsed] = []
    mistakes: list[str] = []
    for line, row in _rows(path, columns):
        try:
            if None in row or None in row.values():
                raise Mistake(None, "it has another number of cells than the header", "Quote cells that hold commas.")
            parsed.append(parse(line, row))
        except Mistake as mistake:
            place = f"line {line}" + (f", column {mistake.column}" if mistake.column else "")
            mistakes.append(f"  {place}: {mistake.what}. {mistake.cure}")
    if mistakes:
        more = [f"  … and {len(mistakes) - _SHOWN} more"] if len(mistakes) > _SHOWN else []
        count = "1 row is" if len(mistakes) == 1 else f"{len(mistakes)} rows are"
        raise ConfigError(
            f"{path.name}: {count} wrong; {effect}.\n" + "\n".join([*mistakes[:_SHOWN], *more]),
            "Mend the file and run the command again.",
        )
    return parsed


def _rows(path: Path, columns: Sequence[str]) -> Iterator[tuple[int, dict[str | None, str]]]:
    """Each row with the line it begins on."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.DictReader(file, restval=None, strict=True)
            header = reader.fieldnames or []
            if missing := [name for name in columns if name not in header]:
                raise ConfigError(
                    f"{path.name}, line 1: the header lacks the column {', '.join(missing)}.",
                    f"The header needs {','.join(columns)}; other columns are ignored.",
                )
            while True:
                line = reader.reader.line_num + 1
                row = next(reader, None)
                if row is None:
                    return
                yield line, row
    except OSError as error:
        raise ConfigError(f"{path} cannot be read: {error.strerror}.", "Give the path of a CSV file.") from None
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path.name} is not UTF-8 (byte {error.start}).", "Save it again as UTF-8.") from None
    except csv.Error as error:
        raise ConfigError(
            f"{path.name}, line {reader.reader.line_num}: not CSV ({error}).",
            'Quote cells that hold commas or quotes, and double the quotes inside: "[{""kind"": …}]".',
        ) from None
