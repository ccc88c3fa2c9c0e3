"""One case day by day, from the marts alone: which day counts on which clock, which does not, and why.

The days come from dim_calendar and fct_item_pause, not from the clock's own arithmetic; that both end at the same
number is the proof, and a difference is an error.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import psycopg
from psycopg.rows import dict_row
from rich.table import Table
from rich.text import Text

from yidang import query
from yidang.clock import against_due, words
from yidang.errors import ConfigError, YidangError
from yidang.progress import console
from yidang.settings import Settings

_CASES = """
select *, coalesce(closed_date, as_of) as end_date
from marts.fct_item_instance
where case_id = %(name)s or instance_code = %(name)s
order by case_id = %(name)s desc, case_id
"""
_EVENTS = "select * from marts.fct_item_event where case_id = %s order by event_number"
_PAUSES = "select * from marts.fct_item_pause where case_id = %s order by pause_number"
_DAYS = """
with days as (
    select
        calendar.date_day,
        calendar.day_kind,
        calendar.holiday_name,
        calendar.is_working_day and calendar.date_day > %(start)s as is_running,
        coalesce(bool_or(pauses.stops_promise), false) as stops_promise,
        coalesce(bool_or(pauses.stops_statute), false) as stops_statute,
        coalesce(array_agg(pauses.pause_number order by pauses.pause_number)
            filter (where pauses.pause_number is not null), '{}') as pause_numbers
    from marts.dim_calendar as calendar
    left join marts.fct_item_pause as pauses
        on pauses.case_id = %(case_id)s
        and calendar.date_day between pauses.first_excluded_date and pauses.last_excluded_date
    where calendar.date_day between %(accepted)s and %(end)s
    group by calendar.date_day, calendar.day_kind, calendar.holiday_name, calendar.is_working_day
),

counted as (
    select
        days.*,
        is_running and not stops_promise as counts_for_promise,
        is_running and not stops_statute as counts_for_statute
    from days
)

select
    counted.*,
    count(*) filter (where is_running) over so_far as gross_days,
    count(*) filter (where counts_for_promise) over so_far as promise_days,
    count(*) filter (where counts_for_statute) over so_far as statute_days
from counted
window so_far as (order by date_day)
order by date_day
"""


@dataclass(frozen=True)
class Explanation:
    """Rows of the marts as dicts. days: empty for a case without a clock.

    case:   a row of fct_item_instance and end_date. events: of fct_item_event. pauses: of fct_item_pause.
    days:   date_day, day_kind, holiday_name, pause_numbers, counts_for_promise, counts_for_statute and the running
            gross_days, promise_days, statute_days (working days), from the acceptance to end_date.
    """

    case: dict
    events: list[dict]
    pauses: list[dict]
    days: list[dict]

    def sums(self) -> dict[str, int]:
        """What the days add up to, by the column of fct_item_instance that must hold the same."""
        last = self.days[-1]
        return {
            "gross_working_days": last["gross_days"],
            "excluded_working_days": last["gross_days"] - last["promise_days"],
            "elapsed_working_days": last["promise_days"],
            "statutory_excluded_working_days": last["gross_days"] - last["statute_days"],
            "statutory_elapsed_working_days": last["statute_days"],
        }


def explain(settings: Settings, name: str) -> Explanation:
    """The case of that case_id or instance code, read with the read-only role at one moment.

    Raises ConfigError when there is none or several, YidangError when the warehouse is away or the sums disagree.
    """
    try:
        with query.reader(settings, row_factory=dict_row) as connection:
            connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ  # a build may end meanwhile
            return read(connection, name)
    except (psycopg.errors.UndefinedTable, psycopg.errors.UndefinedColumn, psycopg.errors.InvalidSchemaName):
        raise YidangError("The marts are not built, or by an older version.", "Run: yidang build") from None


def read(connection: psycopg.Connection, name: str) -> Explanation:
    """As `explain`, over a connection that gives dicts and may read the marts."""
    case = _find(connection, name)
    case_id = case["case_id"]
    days = []
    if case["clock_start_date"] is not None:
        bounds = {"start": case["clock_start_date"], "accepted": case["accepted_date"], "end": case["end_date"]}
        days = connection.execute(_DAYS, {"case_id": case_id, **bounds}).fetchall()
    found = Explanation(
        case,
        connection.execute(_EVENTS, (case_id,)).fetchall(),
        connection.execute(_PAUSES, (case_id,)).fetchall(),
        days,
    )
    if days and (wrong := {key: (value, case[key]) for key, value in found.sums().items() if value != case[key]}):
        listed = "; ".join(
            f"{key}: {counted} by its days, {fact} in the mart" for key, (counted, fact) in wrong.items()
        )
        raise YidangError(f"The days of {case_id} do not add up to its figures: {listed}.", "Please report this case.")
    return found


def _find(connection: psycopg.Connection, name: str) -> dict:
    cases = connection.execute(_CASES, {"name": name.strip()}).fetchall()
    if not cases:
        raise ConfigError(
            f"There is no case {name!r}.", 'Look for it: yidang sql "select case_id from fct_item_instance limit 5"'
        )
    if len(cases) > 1 and cases[0]["case_id"] != name.strip():
        listed = ", ".join(f"{case['case_id']} ({case['department_name']})" for case in cases)
        raise ConfigError(f"{len(cases)} cases have the code {name!r}: {listed}.", "Give the case_id.")
    return cases[0]


def render(found: Explanation) -> None:
    """Print it in Chinese and English."""
    case = found.case
    console.print(Text(f"{case['case_id']}  {case['item_name'] or case['item_code'] or ''}", style="bold"))
    flags = case["clock_flags"] or "无 none"
    console.print(Text(f"{case['department_name']} · 截至 as of {case['as_of']} · 时钟标志 flags: {flags}"))
    console.print(_event_table(found.events))
    if found.pauses:
        console.print(_pause_table(found.pauses))
    if found.days:
        console.print(_day_table(found))
    else:
        console.print(Text(f"没有时钟 no clock: {words.no_clock(case['clock_flags'])}", style="yellow"))
    console.print(_sum_table(case))
    named = {pause["pause_number"]: _reason(pause) for pause in found.pauses}
    for remark in against_due.remarks(case, found.days, named):
        console.print(Text(f"※ {remark}"))
    console.print(Text(f"日历 calendar {case['calendar_version']} · 规则 rules {case['rule_version']}", style="dim"))


def _event_table(events: list[dict]) -> Table:
    table = _table("事件 events", "#", "时间 at", "事件 event", "科室 office", "批次 batch", "行号 row")
    for event in events:
        table.add_row(
            str(event["event_number"]),
            f"{event['event_at']:%Y-%m-%d %H:%M}",
            _event(event),
            event["office_name"] or "",
            str(event["batch_id"]),
            str(event["row_number"]),
        )
    return table


def _pause_table(pauses: list[dict]) -> Table:
    table = _table("暂停 pauses", "", "原因 reason", "由谁 by", "起 from", "止 to", "事件 events", "停钟 stops")
    for pause in pauses:
        table.add_row(
            f"P{pause['pause_number']}",
            _reason(pause),
            pause["responsible_party"],
            str(pause["started_date"]),
            str(pause["ended_date"] or "未结束 open"),
            f"#{pause['start_event_number']}–{pause['end_event_number'] or '…'}",
            words.stops(pause),
        )
    return table


def _day_table(found: Explanation) -> Table:
    case = found.case
    table = _table("逐日 day by day", "日期 date", "", "日 day", "承诺 promise", "法定 statute", "说明 note")
    pauses = {pause["pause_number"]: pause for pause in found.pauses}
    events: dict[date, list[str]] = {}
    for event in found.events:
        events.setdefault(event["event_date"], []).append(f"#{event['event_number']} {_event(event)}")
    is_deemed = "DEEMED_ACCEPTED" in (case["clock_flags"] or "").split("|")
    # on the day itself the limit ends once; a limit that was extended in time shows where it would have ended
    unextended = case["statutory_due_date_without_extension"] if case["extension_days"] else None
    for day in found.days:
        at = day["date_day"]
        notes = list(events.get(at, []))
        notes += [f"暂停 paused P{number} {_reason(pauses[number])}" for number in day["pause_numbers"]]
        notes += [words.DEEMED] if is_deemed and at == case["accepted_date"] else []
        notes += ["起算日不计 day 0, not counted"] if at <= case["clock_start_date"] else []
        notes += ["◀ 承诺到期 promise due"] if at == case["due_date"] else []
        notes += ["◀ 法定到期 statute due"] if at == case["statutory_due_date"] else []
        notes += ["◁ 如不延长，法定到期 statute due if not extended"] if at == unextended else []
        counted = day["counts_for_promise"] or day["counts_for_statute"]
        table.add_row(
            str(at),
            words.WEEKDAYS[at.weekday()],
            words.day(day["day_kind"], day["holiday_name"]),
            str(day["promise_days"]) if day["counts_for_promise"] else "·",
            str(day["statute_days"]) if day["counts_for_statute"] else "·",
            "; ".join(notes),
            style=None if counted else "dim",
        )
    return table


def _sum_table(case: dict) -> Table:
    table = _table("合计 sums (fct_item_instance)", "", "承诺 promise", "法定 statute")
    rows = [
        ("毛工作日 gross working days", "gross_working_days", "gross_working_days"),
        ("扣除 excluded", "excluded_working_days", "statutory_excluded_working_days"),
        ("净用时 elapsed", "elapsed_working_days", "statutory_elapsed_working_days"),
        ("时限 limit", "promised_limit", "statutory_limit"),
        ("单位 unit", "limit_unit", "statutory_unit"),
        ("到期日 due date", "due_date", "statutory_due_date"),
        ("超期 overdue", "is_overdue", "is_statutory_overdue"),
    ]
    for label, promise, statute in rows:
        table.add_row(label, *(words.value(case[column]) for column in (promise, statute)))
    if case["extension_days"]:
        table.add_row("延长 extended by", "—", words.value(case["extension_days"]))
        table.add_row(
            "不延长的到期日 due date without it", "—", words.value(case["statutory_due_date_without_extension"])
        )
        table.add_row(
            "不延长则超期 overdue without it", "—", words.value(case["is_statutory_overdue_without_extension"])
        )
    table.add_row("结果 outcome", words.label(words.OUTCOMES, case["outcome"]), "")
    table.add_row("速度 pace · 预警 alert", f"{case['pace_state'] or '—'} · {case['alert_state']}", "")
    return table


def _event(event: dict) -> str:
    label = words.label(words.EVENTS, event["event_kind"])
    return label if event["event_kind"] != "extended" else f"{label} {words.extension(event)}"


def _reason(pause: dict) -> str:
    return words.label(words.PAUSES, pause["pause_kind"]) + (f" {pause['reason_name']}" if pause["reason_name"] else "")


def _table(title: str, *columns: str) -> Table:
    table = Table(title=title, title_justify="left", title_style="bold", box=None, padding=(0, 1))
    for column in columns:
        table.add_column(column, overflow="fold")
    return table
