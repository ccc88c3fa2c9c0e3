"""Tables of pauses: a row says from when to when a case's clock stood still, and why."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from yidang.new_department import guess
from yidang.new_department.names import plain, spelled, words
from yidang.new_department.seen import SeenTable

_STARTS = re.compile(
    r"开始|起始|起$|(暂停|中止)(时间|日期)|(^|_)(start|begin|began|from|paused|suspended)|(ks|qs)(sj|rq)$"
)
_ENDS = re.compile(r"结束|终止|恢复|止$|(^|_)(end|finish|to$|to_|until|resume)|(js|hf|jz|zz)(sj|rq)$")
_REASONS = re.compile(
    r"原因|事由|理由|类型|类别|种类|程序|名称|reason|cause|kind|type|category|procedure|name$|tbcx|(lx|yy|sy)$"
)


@dataclass(frozen=True)
class Kind:
    """What begins and ends with a pause (event kinds), and the code of its special procedure, '' where it has none."""

    start: str
    end: str
    reason_code: str


@dataclass(frozen=True)
class PauseTable:
    """A table with one row per pause. code: its column that names the case, as `link` of the table of cases does.

    reason: None where no column says it; then `kinds` has one entry, by the table's name. kinds: value -> what it
    stands for; unknown: values that no word explains. doubts: what else a person should look at.
    """

    table: SeenTable
    code: str
    link: str
    started: str
    ended: str
    reason: str | None
    kinds: dict[str, Kind]
    unknown: list[str]
    doubts: list[str]

    @property
    def days_only(self) -> bool:
        return not all(guess.has_time(value) for at in (self.started, self.ended) for value in self.table.values(at))


def kind(text: str) -> Kind | None:
    """The pause that a reason, or a table's name, speaks of."""
    name = plain(text)
    for row in words("pauses"):
        if any(plain(word) in name for word in row["words"].split("|")):
            return Kind(row["start_kind"], row["end_kind"], row["reason_code"])
    return None


def recognised(tables: Sequence[SeenTable], cases: SeenTable, code: str) -> tuple[list[PauseTable], dict[str, str]]:
    """(tables of pauses, table -> what two dates it has of a case that may be a pause, where that is not sure).

    tables: those that nothing else reads. cases, code: the table of cases, and its column with their code.
    """
    sure, perhaps = [], {}
    for table in tables:
        if not (found := _dates(table, cases, code)):
            continue
        own, started, ended = found
        reason = _reason(table, {own, started, ended})
        seen = guess.few(table, reason, kind) if reason else []
        known = {value: what for value in seen if (what := kind(value))}
        if reason is None and (what := kind(_name(table))):
            known = {"": what}
        is_sure = bool(known) if reason is None else _share(table, reason, known) >= 0.5
        if not is_sure:
            perhaps[table.name] = f"{started}, {ended}"
            continue
        link, doubts = linked(table, own, cases, code)
        if _overlap(table, own, started, ended, reason):
            doubts.append("pauses of one case and one reason overlap; each ends with the first end that comes")
        unknown = [value for value in seen if value not in known]
        sure.append(PauseTable(table, own, link, started, ended, reason, known, unknown, doubts))
    return sure, perhaps


def _dates(table: SeenTable, cases: SeenTable, code: str) -> tuple[str, str, str] | None:
    """The columns with the case's code, the start and the end; None where one is missing."""
    own = guess.matched(table.columns, "cases").get("instance_code")
    of_cases = {plain(name) for name in (code, f"{cases.name}_id", f"{cases.name}_no", f"{cases.name}_code")}
    own = own or next((column for column in table.columns if column == code or plain(column) in of_cases), None)
    dated = [column for column in table.columns if column != own and guess.is_date(table, column)]
    dated = [column for column in dated if not guess.is_planned(column)]
    started = next((column for column in dated if _STARTS.search(spelled(column))), None)
    ended = next((column for column in dated if column != started and _ENDS.search(spelled(column))), None)
    return (own, started, ended) if own and started and ended else None


def _reason(table: SeenTable, taken: set[str]) -> str | None:
    named = [
        column
        for column in table.columns
        if column not in taken and _REASONS.search(spelled(column)) and not guess.is_personal(column)
    ]
    return max(named, key=lambda column: _share(table, column, None), default=None)


def _share(table: SeenTable, column: str, known: dict[str, Kind] | None) -> float:
    """Of how many of the column's values it is known what they stand for."""
    values = list(table.values(column))
    return sum(value in known if known is not None else bool(kind(value)) for value in values) / max(len(values), 1)


def _name(table: SeenTable) -> str:
    return str(table.place.get("relation", table.name))


def linked(table: SeenTable, own: str, cases: SeenTable, code: str) -> tuple[str, list[str]]:
    """(the column of the cases that holds what `own` does: their code or else their key, what is doubtful about it)."""
    ours = set(table.values(own))
    likely = [code, *(column for column in cases.key if len(cases.key) == 1 and column != code)]
    for column in likely:
        if ours & set(cases.values(column)):
            return column, []
    if not ours or not cases.rows:
        return code, []
    return code, [f"no value of {own} is among the sample's {code}: does it name the cases?"]


def _overlap(table: SeenTable, own: str, started: str, ended: str, reason: str | None) -> bool:
    pauses: dict[tuple, list[tuple[str, str]]] = defaultdict(list)
    for row in table.rows:
        pauses[row.get(own), row.get(reason or "")].append((row.get(started) or "", row.get(ended) or "9"))
    return any(later[0] < earlier[1] for spans in pauses.values() for earlier, later in _neighbours(sorted(spans)))


def _neighbours(spans: list[tuple[str, str]]) -> Iterator[tuple[tuple[str, str], tuple[str, str]]]:
    yield from zip(spans, spans[1:], strict=False)
