"""The working-day calendar beyond the release: notices that people load from a CSV, append-only, and what is in force.

A build takes, for each year, the notice published last (dbt model int_calendar). Nothing is ever overwritten: an
emergency notice of the same year is loaded as another file.
"""

from __future__ import annotations

import getpass
import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Literal

import psycopg
from psycopg.rows import dict_row
from rich.table import Table
from rich.text import Text

from yidang import csv_file, landing
from yidang.csv_file import Mistake
from yidang.errors import ConfigError, YidangError
from yidang.landing import ledger
from yidang.progress import console
from yidang.query import reader
from yidang.settings import Settings

Scope = Literal["national", "district"]
COLUMNS = ("year", "notice", "published_on", "date", "is_working", "name")
_WORKING = {"true": True, "1": True, "班": True, "false": False, "0": False, "休": False}
# No year since 2004 had fewer than 248 or more than 252: a file that gives others is incomplete or of another year.
_POSSIBLE_WORKING_DAYS = range(240, 256)
_DAYS_OF_YEAR = """
select extract(year from date_day)::integer as year, count(*) filter (where is_working_day) as working_days,
    max(notice) as notice, max(notice_valid_from) as published_on, max(calendar_version) as version,
    count(*) filter (where is_district_rule) as district_days
from marts.dim_calendar
group by 1 order by 1
"""
_EXCEPTIONS = """
select date_day, is_working_day as is_working, holiday_name as name, is_district_rule
from marts.dim_calendar
where extract(year from date_day) = %s and (is_district_rule or is_working_day != (extract(isodow from date_day) < 6))
order by date_day
"""


@dataclass(frozen=True)
class Notice:
    """A notice as read from a file. days: whether each day it names is a working day, and the holiday it belongs to."""

    year: int
    notice: str
    published_on: date
    days: dict[date, tuple[bool, str]]


def load(settings: Settings, path: Path, scope: Scope) -> tuple[Notice, bool]:
    """Land the notice of the file, and say whether it is new (False: the same file is the last one of its year).

    Raises ConfigError for a wrong file, one mistake or many, and for a notice older than the one loaded before it.
    """
    notice = read(path, scope)
    sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
    with _connection(settings) as connection:
        last = connection.execute(
            "select notice, published_on, file_sha256 from landing.calendar_notice"
            " where scope = %s and calendar_year = %s order by published_on desc, notice_id desc limit 1",
            (scope, notice.year),
        ).fetchone()
        if last and last["file_sha256"] == sha256:
            return notice, False
        if last and last["published_on"] > notice.published_on:
            raise ConfigError(
                f"{path.name}: {notice.notice} is older than the loaded {last['notice']} of {last['published_on']}.",
                "The notice published last governs a year; check published_on.",
            )
        (notice_id,) = (
            connection.execute(
                "insert into landing.calendar_notice"
                " (scope, calendar_year, notice, published_on, file_name, file_sha256, loaded_by)"
                " values (%s, %s, %s, %s, %s, %s, %s) returning notice_id",
                (scope, notice.year, notice.notice, notice.published_on, path.name, sha256, getpass.getuser()),
            )
            .fetchone()
            .values()
        )
        with connection.cursor() as cursor:
            cursor.executemany(
                "insert into landing.calendar_day values (%s, %s, %s, %s)",
                [(notice_id, day, is_working, name) for day, (is_working, name) in sorted(notice.days.items())],
            )
    return notice, True


def copy(settings: Settings, target: psycopg.Connection) -> None:
    """Every loaded notice into another warehouse, over the loader's connection to it: a scratch one counts alike."""
    with _connection(settings) as connection:
        for table in ("calendar_notice", "calendar_day"):
            columns = [
                name
                for (name,) in target.execute(
                    "select attname from pg_attribute where attrelid = %s::regclass and attnum > 0 and not attisdropped"
                    " order by attnum",
                    (f"landing.{table}",),
                )
            ]
            listed = ", ".join(columns)
            with (
                connection.cursor().copy(f"copy landing.{table} ({listed}) to stdout") as rows,
                target.cursor().copy(f"copy landing.{table} ({listed}) from stdin") as written,
            ):
                for block in rows:
                    written.write(block)


def read(path: Path, scope: Scope) -> Notice:
    """The notice in the file. Raises ConfigError naming each mistake's line, column and cure."""
    first: tuple | None = None
    days: dict[date, tuple[bool, str]] = {}

    def parse(line: int, row: dict[str, str]) -> None:
        nonlocal first
        head = (_year(row["year"]), _words("notice", row["notice"]), _day("published_on", row["published_on"]))
        first = first or head
        for column, value, wanted in zip(COLUMNS, head, first, strict=False):
            if value != wanted:
                raise Mistake(
                    column, f"{value} is not {wanted} of the first row", "One file is one notice of one year."
                )
        year, _, published_on = head
        if published_on.year not in (year - 1, year):
            raise Mistake("published_on", f"{published_on} is no day to publish {year}'s holidays", "Check both.")
        day = _day("date", row["date"])
        if not date(year - 1, 12, 1) <= day <= date(year, 12, 31):
            raise Mistake("date", f"{day} lies neither in {year} nor in the December before it", "Check the year.")
        if day in days:
            raise Mistake("date", f"{day} is in the file twice", "Keep one.")
        is_working = _WORKING.get(row["is_working"].strip().lower())
        if is_working is None:
            raise Mistake("is_working", f"{row['is_working']!r} says neither", "Write true (上班) or false (放假).")
        if scope == "national" and is_working and day.isoweekday() < 6:
            raise Mistake("is_working", f"{day} is a weekday, a working day anyway", "Leave it out, or write false.")
        days[day] = (is_working, _words("name", row["name"]))

    csv_file.read(path, COLUMNS, parse, effect="nothing was loaded")
    if first is None:
        raise ConfigError(f"{path.name} holds no day.", f"Below the header {','.join(COLUMNS)} write one row per day.")
    notice = Notice(*first, days)
    if scope == "national":
        _require_whole_year(path, notice)
    return notice


def _require_whole_year(path: Path, notice: Notice) -> None:
    working = sum(_is_working(day, notice) for day in _days_of(notice.year))
    if date(notice.year, 1, 1) not in notice.days or working not in _POSSIBLE_WORKING_DAYS:
        raise ConfigError(
            f"{path.name}: with it {notice.year} would have {working} working days"
            + ("" if date(notice.year, 1, 1) in notice.days else " and no New Year's Day")
            + "; the notice is not complete.",
            "Give every holiday of the notice, weekends in it included or not, and every make-up day (调休).",
        )


def show(settings: Settings, year: int | None) -> None:
    """Print the calendar that the marts count by: each year, or the exceptions of one; and what waits for a build.

    Raises ConfigError for a year that is not loaded.
    """
    with reader(settings, row_factory=dict_row) as connection:
        try:
            years = connection.execute(_DAYS_OF_YEAR).fetchall()
            days = connection.execute(_EXCEPTIONS, (year,)).fetchall() if year else []
        except (psycopg.errors.UndefinedTable, psycopg.errors.UndefinedColumn, psycopg.errors.InvalidSchemaName):
            raise YidangError("The calendar is not built, or by an older version.", "Run: yidang build") from None
    with _connection(settings) as connection:
        notices = connection.execute(
            "select notices.*, (select count(*) from landing.calendar_day as days"
            " where days.notice_id = notices.notice_id) as day_count"
            " from landing.calendar_notice as notices order by notice_id"
        ).fetchall()
    shown = [row for row in years if year in (None, row["year"])]
    loaded = [row for row in notices if year in (None, row["calendar_year"])]
    if not shown and not loaded:
        raise ConfigError(f"{year} is not loaded: no day of it has a number.", "Load its notice: yidang calendar load")
    _print_years(shown)
    if days:
        table = _table("日期 date", "", "上班 working", "节日 name", "依据 by")
        for day in days:
            source = "本区 district" if day["is_district_rule"] else "通知 notice"
            table.add_row(
                str(day["date_day"]),
                f"{day['date_day']:%a}",
                "上班 yes" if day["is_working"] else "放假 no",
                day["name"] or "",
                source,
            )
        console.print(table)
    if loaded:
        _print_loaded(loaded)
    built = {(row["year"], row["notice"]) for row in years}
    if any(row["scope"] == "national" and (row["calendar_year"], row["notice"]) not in built for row in loaded):
        console.print(Text("已载入、尚未构建 loaded after the last build: run yidang build", style="yellow"))


def _print_years(years: list[dict]) -> None:
    table = _table(
        "年 year", "工作日 working days", "通知 notice", "发布 published", "本区 district days", "版本 version"
    )
    for row in years:
        table.add_row(
            str(row["year"]),
            str(row["working_days"]),
            row["notice"] or "(chinesecalendar)",
            str(row["published_on"]) if row["notice"] else "",
            str(row["district_days"] or ""),
            row["version"],
        )
    console.print(table)


def _print_loaded(notices: list[dict]) -> None:
    table = _table(
        "载入 loaded", "由 by", "年 year", "范围 scope", "通知 notice", "发布 published", "天数 days", "文件 file"
    )
    for row in notices:
        table.add_row(
            f"{row['loaded_at']:%Y-%m-%d %H:%M}",
            row["loaded_by"],
            str(row["calendar_year"]),
            row["scope"],
            row["notice"],
            str(row["published_on"]),
            str(row["day_count"]),
            row["file_name"],
        )
    console.print(table)


def _table(*columns: str) -> Table:
    table = Table(box=None, padding=(0, 1))
    for column in columns:
        table.add_column(column, overflow="fold")
    return table


@contextmanager
def _connection(settings: Settings) -> Iterator[psycopg.Connection]:
    landing.ensure_landing(settings, [])
    with ledger.connect(settings, "calendar") as connection:
        connection.row_factory = dict_row
        yield connection


def _days_of(year: int) -> Iterator[date]:
    day = date(year, 1, 1)
    while day.year == year:
        yield day
        day += timedelta(days=1)


def _is_working(day: date, notice: Notice) -> bool:
    return notice.days[day][0] if day in notice.days else day.isoweekday() < 6


def _year(text: str) -> int:
    if not (text.strip().isdigit() and 2004 <= int(text) <= 2100):
        raise Mistake("year", f"{text!r} is not a year", "Write 2027, say.")
    return int(text)


def _day(column: str, text: str) -> date:
    try:
        return date.fromisoformat(text.strip())
    except ValueError:
        raise Mistake(column, f"{text!r} is not a date", "Write 2027-01-01.") from None


def _words(column: str, text: str) -> str:
    if not text.strip():
        cures = {"notice": "Write its number: 国办发明电〔2026〕7号.", "name": "Write the holiday it belongs to: 春节."}
        raise Mistake(column, "it is empty", cures[column])
    return text.strip()
