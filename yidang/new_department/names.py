"""Names of columns as they are compared, whatever hand abbreviated them; the words of the guesses, which are data.

columns.csv (canonical columns), steps.csv (dates of a case), results.csv (what a decision says), pauses.csv (why a
clock stands still), abbreviations.csv (upd for update).
"""

from __future__ import annotations

import csv
import re
import unicodedata
from collections.abc import Callable
from functools import cache
from pathlib import Path


class Name(str):
    """A column's name that knows what the source's catalogue says about it, and so is read by that too.

    meaning: what it is compared by: the words at the beginning of the comment, or the name, whichever is_telling; a
    comment says more than initials do.
    """

    comment: str
    meaning: str

    def __new__(cls, name: str, comment: str, is_telling: Callable[[str], object]) -> Name:
        made = super().__new__(cls, name)
        made.comment = comment
        said = re.match(r"[^\s\d，,；;：:。、]+", re.sub(r"[(\[【（].*?[)\]】）]", "", comment).strip())
        made.meaning = said[0] if said and (is_telling(said[0]) or not is_telling(name)) else name
        return made


def explained(name: str) -> dict[str, str]:
    """What a column's comment says its codes stand for (1 同意 2 不同意; 1：同意；2：不同意); {} where it does not."""
    comment = getattr(name, "comment", "")
    return dict(re.findall(r"(?<![0-9A-Za-z])([0-9A-Za-z]{1,3})\s*[:：=.、\-—]?\s*([\u4e00-\u9fff]+)", comment))


def spelled(name: str) -> str:
    """Half-width, lower case, without what stands in brackets; words parted by _ and written out: update_time."""
    text = unicodedata.normalize("NFKC", getattr(name, "meaning", name)).strip()
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
