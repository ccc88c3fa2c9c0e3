"""Names of columns as they are compared, whatever hand abbreviated them; the words of the guesses, which are data.

columns.csv (canonical columns), steps.csv (dates of a case), results.csv (what a decision says), pauses.csv (why a
clock stands still), abbreviations.csv (upd for update).
"""

from __future__ import annotations

import csv
import re
import unicodedata
from functools import cache
from pathlib import Path


def spelled(name: str) -> str:
    """Half-width, lower case, without what stands in brackets; words parted by _ and written out: update_time."""
    text = unicodedata.normalize("NFKC", name).strip()
    text = re.sub(r"[(\[【].*?[)\]】]", "", text) or text
    text = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", text).lower()
    return "_".join(_abbreviations().get(word, word) for word in re.split(r"[\s_\-./:]+", text) if word)


def plain(name: str) -> str:
    """`spelled` without what parts the words; a number is a no, as in case_no."""
    return spelled(name).replace("_", "").replace("number", "no")


@cache
def words(name: str) -> list[dict[str, str]]:
    """The rows of one of the CSV beside this module."""
    with (Path(__file__).parent / f"{name}.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


@cache
def _abbreviations() -> dict[str, str]:
    return {short: row["word"] for row in words("abbreviations") for short in row["abbreviations"].split("|")}
