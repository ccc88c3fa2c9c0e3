"""Cases of a CSV file through the real path: landed as a department's rows, counted by the same dbt models.

Everything happens in a scratch warehouse (services.warehouse.scratch): no other build sees it or waits for it, and no
second implementation of the clock exists that could differ.
"""

from __future__ import annotations

import csv
import os
import signal
from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager, ExitStack, nullcontext
from datetime import date
from pathlib import Path
from typing import TextIO

import psycopg
from psycopg import sql
from psycopg.rows import dict_row, tuple_row
from rich.markup import escape
from rich.text import Text

from yidang import build, calendar, contracts, landing
from yidang.clock.case_file import Case, read
from yidang.errors import ConfigError
from yidang.landing import ledger
from yidang.progress import Progress, aside
from yidang.services import warehouse
from yidang.settings import Settings

OUTPUT_COLUMNS = (
    "id",
    "elapsed_working_days",
    "calendar_days",
    "due_date",
    "color",
    "alert",
    "statutory_elapsed",
    "statutory_due_date",
    "gross_working_days",
    "excluded_working_days",
    "flags",
)
_DEPARTMENTS = Path(__file__).parent / "departments"
_TRIAL = "trial"
_OBSERVED = "landing.observation_date"
_FACTS = """
select
    instance_code::integer as number,
    elapsed_working_days,
    span_calendar_days as calendar_days,
    due_date,
    pace_colour as color,
    alert_state as alert,
    statutory_elapsed_working_days as statutory_elapsed,
    statutory_due_date,
    gross_working_days,
    excluded_working_days,
    clock_flags as flags,
    accepted_date,
    coalesce(closed_date, as_of) as end_date
from marts.fct_item_instance
"""
_YEARS = "select distinct extract(year from date_day)::integer from intermediate.int_calendar"
_CALENDAR_FLAGS = ("CAL_UNAVAILABLE", "DUE_BEYOND_CALENDAR", "STAT_DUE_BEYOND_CALENDAR")
Step = Callable[[str], AbstractContextManager]


def try_file(settings: Settings, path: Path, output: Path | None, stream: TextIO) -> int:
    """Read the cases of `path`, compute them, write CSV to `output` (whole or not at all), else to `stream`.

    What it does meanwhile, and what the results lack for want of a calendar, is said on stderr.
    Returns the number of cases. Raises ConfigError for a wrong file, before anything is made.
    """
    # A plain kill ends the run as Ctrl-C does, by way of every `finally`: the scratch database goes too.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    cases = read(path, status_codes(settings))
    if output and (not output.parent.is_dir() or output.is_dir() or (output.exists() and output.samefile(path))):
        raise ConfigError(f"{output} cannot be the output.", "Name a new file in a folder that exists.")
    progress = Progress(f"{len(cases):,} cases of {escape(path.name)}, counted in a scratch database", aside)
    results, note = compute(settings, cases, progress.step)
    if output is None:
        _write(cases, results, stream)
    else:
        _write_whole(cases, results, output)
    if note:
        aside.print(Text(f"! {note}", style="yellow"))
    return len(cases)


def compute(
    settings: Settings, cases: Sequence[Case], step: Step = lambda label: nullcontext()
) -> tuple[list[dict], str]:
    """One dict of OUTPUT_COLUMNS without id per case, in the order of `cases`; None where the clock has no value.

    step: told what is done, as Progress.step is. Second: a note where the loaded calendar was too short, else ''.
    """
    departments = [contracts.load_department(settings, path) for path in sorted(_DEPARTMENTS.glob("*.yml"))]
    with ExitStack() as stack:
        with step("An empty database"):
            scratch = stack.enter_context(warehouse.scratch(settings))
            landing.ensure_landing(scratch, departments)
        with step("The calendar and the cases into it"):
            with ledger.connect(scratch, "clock try") as connection:
                calendar.copy(settings, connection)
            _land(scratch, cases, status_codes(settings))
        with step("dbt's models count them (may take half a minute)"):
            build.build(
                scratch,
                as_of=max(case.as_of for case in cases),
                select="+fct_item_instance",
                overrides={"observation_dates": _OBSERVED},
                departments=departments,
                with_tests=False,
            )
        with psycopg.connect(scratch.dsn("transformer"), row_factory=dict_row) as connection:
            found = {row.pop("number"): row for row in connection.execute(_FACTS)}
            connection.row_factory = tuple_row
            loaded = {year for (year,) in connection.execute(_YEARS)}
    results = [found[number] for number in range(len(cases))]
    spans = [(row.pop("accepted_date"), row.pop("end_date")) for row in results]
    return results, calendar_note([row["flags"] for row in results], spans, loaded)


def calendar_note(flags: Sequence[str | None], spans: Sequence[tuple[date | None, date]], loaded: set[int]) -> str:
    """Which years the cases need and the calendar lacks, and the cure; '' where it is long enough.

    flags and spans (acceptance, decision or as-of date) of each case; loaded: the calendar's years.
    """
    raised = [set((own or "").split("|")) & set(_CALENDAR_FLAGS) for own in flags]
    if not any(raised):
        return ""
    lacking = {
        year
        for (accepted, end), own in zip(spans, raised, strict=True)
        if own
        for year in range((accepted or end).year, end.year + 1)
    } - loaded
    # a due date alone lies beyond: in the next year, as far as is known
    years = sorted(lacking) or [max(loaded) + 1]
    listed = f"{years[0]} to {years[-1]}" if len(years) > 2 else " and ".join(map(str, years))
    short = sum(map(bool, raised))
    count = "1 case needs" if short == 1 else f"{short:,} cases need"
    flags_raised = ", ".join(sorted(set().union(*raised)))
    return (
        f"{count} the working days of {listed}, which are not loaded, and lack figures"
        f" ({flags_raised}). Once the year's notice is out: yidang calendar load {years[0]}.csv"
    )


def status_codes(settings: Settings) -> dict[str, str]:
    """The national code (BLZT) of each event kind, from the seed that the models read them by."""
    codes: dict[str, str] = {}
    with (settings.dbt_dir / "seeds" / "status_codes.csv").open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            if row["event_kind"]:  # a status that changes nothing has none
                codes.setdefault(row["event_kind"], row["status_code"])
    return codes


def _land(settings: Settings, cases: Sequence[Case], codes: dict[str, str]) -> None:
    """A case's number in the file is its instance code: an id may hold what staging would clean away."""
    limits = {case.statutory_days for case in cases}
    with ledger.connect(settings, "clock try") as connection:
        _append(
            connection,
            "zhengwu",
            "service_item",
            ("item_code", "version", "statutory_limit", "statutory_unit", "promised_unit"),
            ((_item_code(limit), "1", limit, "工作日", "工作日") for limit in limits),
        )
        _append(
            connection,
            _TRIAL,
            "spgl_xmspsxblxxb",
            ("lsh", "sjyxbs", "spsxslbm", "spsxbm", "spsxbbh", "sxblsx"),
            (
                (number + 1, 1, number, _item_code(case.statutory_days), "1", case.promised_days)
                for number, case in enumerate(cases)
            ),
        )
        events = [(number, event) for number, case in enumerate(cases) for event in case.events]
        _append(
            connection,
            _TRIAL,
            "spgl_xmspsxblxxxxb",
            ("lsh", "sjyxbs", "spsxslbm", "blzt", "blsj"),
            (
                (serial, 1, number, codes[event.kind], event.at.isoformat(sep=" "))
                for serial, (number, event) in enumerate(events, start=1)
            ),
        )
        extensions = [(number, event) for number, event in events if event.extension_days]
        _append(
            connection,
            _TRIAL,
            "spgl_xmspsxbltbcxxxb",
            ("lsh", "sjyxbs", "spsxslbm", "tbcx", "tbcxkssj", "tbcxsxlx", "tbcxsx"),
            (
                (serial, 1, number, "9", event.at.isoformat(sep=" "), 1, event.extension_days)
                for serial, (number, event) in enumerate(extensions, start=1)
            ),
        )
        documents = [(number, event) for number, event in events if event.document_number]
        _append(
            connection,
            _TRIAL,
            "spgl_xmspsxpfwjxxb",
            ("lsh", "sjyxbs", "spsxslbm", "pfrq", "pfwh", "pfwjbt"),
            (
                (serial, 1, number, event.at.date(), event.document_number, "延长审批期限")
                for serial, (number, event) in enumerate(documents, start=1)
            ),
        )
        connection.execute(f"create table {_OBSERVED} (source_department text, instance_code text, as_of date)")
        with connection.cursor().copy(f"copy {_OBSERVED} from stdin") as copy:
            for number, case in enumerate(cases):
                copy.write_row((_TRIAL, str(number), case.as_of))
        # The tables are minutes old and nobody has counted them: without, the planner takes them for nearly empty.
        connection.execute("analyze")


def _append(
    connection: psycopg.Connection, department: str, table: str, columns: Sequence[str], rows: Iterable[tuple]
) -> None:
    """Rows as text in one batch that has passed the gate: the file was checked when it was read."""
    batch = ledger.new_batch_id(connection)
    statement = sql.SQL("copy {} ({}) from stdin").format(
        sql.Identifier(f"raw_{department}", table),
        sql.SQL(", ").join(map(sql.Identifier, [*columns, "_batch_id", "_row_number", "_landed_at"])),
    )
    count = 0
    with connection.cursor().copy(statement) as copy:
        for count, row in enumerate(rows, start=1):  # noqa: B007 - the last count is the number of rows
            copy.write_row((*(None if value is None else str(value) for value in row), batch, count, "now"))
    ledger.add_batch(
        connection,
        batch,
        department=department,
        table_name=table,
        rows_read=count,
        rows_landed=count,
        rows_quarantined=0,
        gate="passed",
    )


def _item_code(statutory_days: int | None) -> str:
    return "NO_STATUTE" if statutory_days is None else f"STATUTE_{statutory_days}"


def _write_whole(cases: Sequence[Case], results: Sequence[dict], output: Path) -> None:
    unfinished = output.with_name(f".{output.name}.{os.getpid()}")
    try:
        with unfinished.open("w", encoding="utf-8", newline="") as file:
            _write(cases, results, file)
        unfinished.replace(output)
    finally:
        unfinished.unlink(missing_ok=True)


def _write(cases: Sequence[Case], results: Sequence[dict], file: TextIO) -> None:
    writer = csv.DictWriter(file, OUTPUT_COLUMNS, lineterminator="\n")
    writer.writeheader()
    writer.writerows({"id": case.id, **result} for case, result in zip(cases, results, strict=True))
