"""Rules that follow from a table's contract and so stand in no suite: keys, cursor, dates, codes."""

from __future__ import annotations

from datetime import datetime

from yidang.contracts import Table
from yidang.settings import TIMEZONE

_CLOCK = r"([ T]\d{1,2}:\d{2}(:\d{2}(\.\d+)?)?)?( ?([Zz]|[+-]\d{2}(:?\d{2})?))?"
# As people and systems write days; blank is no day, which a suite may forbid where it matters.
_DATE = rf"^\s*((\d{{4}}-\d{{1,2}}-\d{{1,2}}|\d{{4}}/\d{{1,2}}/\d{{1,2}}|\d{{4}}年\d{{1,2}}月\d{{1,2}}日){_CLOCK}\s*)?$"
_FIRST_BELIEVABLE_YEAR = 1990


def rules_of(table: Table) -> list[dict]:
    """Expectations in Great Expectations' form: a blank key fails, everything else is a warning."""
    rules = []
    for column in table.key:
        reason = (f"主键列 {column} 为空", f"the key column {column} is blank")
        rules.append(_rule("not_be_null", column, "fail", reason))
        rules.append(_rule("match_regex", column, "fail", reason, regex=r"[^\s\u3000]"))
    if table.cursor and table.cursor.column not in table.key:
        column = table.cursor.column
        reason = (f"增量列 {column} 为空", f"the cursor column {column} is missing: a later change would not be seen")
        rules.append(_rule("not_be_null", column, "warn", reason))
        reason = (f"增量列 {column} 不是可信的时间", f"the cursor column {column} is no believable moment")
        rules.append(_rule("match_regex", column, "warn", reason, regex=_believable_moment()))
    for column in table.date_columns:
        reason = (f"{column} 不是日期", f"{column} is no date")
        rules.append(_rule("match_regex", column, "warn", reason, regex=_DATE))
    for column, codes in table.codes.items():
        reason = (f"{column} 不在代码表内", f"{column} is not in its code list")
        rules.append(_rule("be_in_set", column, "warn", reason, value_set=codes))
    return rules


def _believable_moment() -> str:
    """From 1990 to next year; a whole number (a version, milliseconds) is a cursor too, and says nothing of time."""
    years = "|".join(map(str, range(_FIRST_BELIEVABLE_YEAR, datetime.now(TIMEZONE).year + 2)))
    return rf"^(\d+|({years})-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01]){_CLOCK})$"


def _rule(kind: str, column: str, severity: str, reason: tuple[str, str], **arguments: object) -> dict:
    return {
        "type": f"expect_column_values_to_{kind}",
        "kwargs": {"column": column, **arguments},
        "meta": {"severity": severity, "reason": reason[0], "reason_en": reason[1]},
    }
