#!/usr/bin/env python3
"""Time of the facts' build over millions of events: full, nightly, and the plain scan that they are measured against.

usage: python benchmarks/build_facts.py [--events 10000000] [--cases 2000000] [--projects 40000]
       with the environment that `make demo` makes; takes about 100 bytes of disk per event and minutes

Two made-up departments speak the national standard; their rows go straight into raw, set by set. Everything happens in
a scratch warehouse of this installation's PostgreSQL, which is dropped at the end. Prints a table and one line of JSON.
The facts are measured against the scan. A nightly build makes everything, facts, figures, statistics and process view,
so it is measured against a full build of everything; nights are working days, or nothing would happen on them.
"""

# ruff: noqa: S608 - the queries are put together from our own names

from __future__ import annotations

import argparse
import json
import statistics
import time
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path

import psycopg
from frame import MemoryWatch, print_result, scratch_warehouse

from yidang import build, contracts, landing
from yidang.landing import raw
from yidang.settings import Settings

DEPARTMENTS = Path(__file__).parent / "departments"
LAST_DAY = date(2026, 6, 30)
DAYS = 1000  # so that one more day brings 0.1 % more events
FACTS = (
    "fct_item_event fct_item_pause fct_item_instance fct_stage fct_works_lifecycle fct_project_lifecycle fct_milestone"
)
INTERVALS = 5_000_000
TABLES = {
    "spgl_xmjbxxb": "gcdm, xmdm, xmmc, splclx, jsddxzqh, sbsj",
    "spgl_xmspsxblxxb": "spsxslbm, gcdm, spsxbm, spsxbbh, spbmmc, slfs, blspslbm, sxblsx",
    "spgl_xmspsxblxxxxb": "spsxslbm, gcdm, blzt, blsj, blcs, scsj",
    "spgl_xmspsxbltbcxxxb": "spsxslbm, gcdm, tbcx, tbcxmc, tbcxkssj",
}
# A share of [0, 1) that is the same for the same case and purpose.
_SHARE = "((('x' || substr(md5(n || '{0}'), 1, 7))::bit(28)::integer) / 268435456.0)"
_WORLD = f"""
create unlogged table public.world as
with drawn as (
    select
        n,
        mod(n, %(projects)s) as project,
        1 + mod(n / %(projects)s, 2) as works,
        mod(n / %(projects)s, 30) as item,
        case when mod(n, 2) = 0 then 'alpha' else 'beta' end as department,
        %(first_day)s + ({_SHARE.format("a")} * (%(days)s + 5))::integer as received,
        {_SHARE.format("b")} as speed,
        {_SHARE.format("c")} as pause,
        {_SHARE.format("d")} as correction,
        {_SHARE.format("e")} as outcome
    from generate_series(0, %(cases)s - 1) as n
),

paced as (
    select
        drawn.*,
        received + 1 + (speed * 4)::integer as accepted,
        case when correction < 0.2 then received + 1 end as asked,
        case when pause < 0.15 then received + 6 + (speed * 5)::integer end as paused,
        case when pause < 0.15 then received + 8 + (speed * 12)::integer end as resumed,
        received + 6 + (speed * speed * 40)::integer + case when pause < 0.15 then 12 else 0 end as decided
    from drawn
)

select
    n,
    department,
    'B' || lpad(n::text, 9, '0') as instance_code,
    '2019-330199-47-03-' || lpad(project::text, 6, '0') as project_code,
    '2019-330199-47-03-' || lpad(project::text, 6, '0') || '-00' || works as works_code,
    'IT' || lpad(item::text, 2, '0') as item_code,
    -- items of one stage of a project are handled together
    project || '-' || item / 8 as parallel_group,
    received, accepted, asked, paused, resumed, decided,
    case
        when outcome < 0.02 then '2'
        when outcome < 0.05 then '13'
        when outcome < 0.10 then '12'
        else '11'
    end as final_status
from paced
"""
_EVENTS = """
select
    world.department,
    world.instance_code as spsxslbm,
    world.works_code as gcdm,
    event.status as blzt,
    -- nobody works at the weekend
    event.day + case extract(isodow from event.day) when 6 then 2 when 7 then 1 else 0 end + event.at as moment,
    event.number
from public.world
cross join lateral (values
    (1, '1', received, time '09:10'),
    (2, '6', asked, time '10:00'),
    (3, '7', asked + 1, time '15:00'),
    (4, '3', accepted, time '16:00'),
    (5, '8', accepted, time '16:30'),
    (6, '9', paused, time '09:00'),
    (7, '10', resumed, time '17:00'),
    (8, final_status, decided, time '17:30')
) as event (number, status, day, at)
where event.day is not null
"""
_ROWS = {
    "spgl_xmjbxxb": """
        select distinct on (works_code)
            works_code as gcdm, project_code as xmdm, '示例工程' as xmmc, '3' as splclx, '330199' as jsddxzqh,
            '2023-09-01 09:00:00' as sbsj, received as day
        from public.world where department = %(department)s order by works_code, n""",
    "spgl_xmspsxblxxb": """
        select instance_code as spsxslbm, works_code as gcdm, item_code as spsxbm, '1' as spsxbbh,
            case department when 'alpha' then '甲局' else '乙局' end as spbmmc, '4' as slfs, parallel_group as blspslbm,
            null as sxblsx, received + case extract(isodow from received) when 6 then 2 when 7 then 1 else 0 end as day
        from public.world where department = %(department)s order by received, n""",
    "spgl_xmspsxblxxxxb": """
        select spsxslbm, gcdm, blzt, to_char(moment, 'YYYY-MM-DD HH24:MI:SS') as blsj, '审批科' as blcs,
            to_char(moment + interval '1 hour', 'YYYY-MM-DD HH24:MI:SS') as scsj, moment::date as day
        from public.world_event where department = %(department)s order by moment, spsxslbm, number""",
    "spgl_xmspsxbltbcxxxb": """
        select spsxslbm, gcdm, '2' as tbcx, '专家评审' as tbcxmc, to_char(moment, 'YYYY-MM-DD HH24:MI:SS') as tbcxkssj,
            moment::date as day
        from public.world_event where department = %(department)s and blzt = '9' order by moment, spsxslbm""",
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--events", type=int, default=10_000_000)
    parser.add_argument("--cases", type=int, help="default: a fifth of the events")
    parser.add_argument("--projects", type=int, help="default: a fiftieth of the cases")
    parser.add_argument("--nights", type=int, default=3, help="nightly builds to take the median of")
    options = parser.parse_args()
    cases = options.cases or options.events // 5
    projects = options.projects or max(1, cases // 50)
    with scratch_warehouse() as settings, MemoryWatch([settings.postgres_dir]) as memory:
        result = measure(settings, cases, projects, options.nights)
    result["postgres_peak_mib"] = memory.peak_mib
    show(result)
    print_result("build_facts", result)


def measure(settings: Settings, cases: int, projects: int, nights: int) -> dict:
    """Everything in one run, in one warehouse. Times in seconds."""
    departments = land_world(settings, cases, projects)
    facts = " ".join(f"+{name}" for name in FACTS.split())
    raw_scan = median(
        settings,
        "select count(*), max(first), max(last) from (select spsxslbm, min(blsj) as first, max(blsj) as last from"
        " (select spsxslbm, blsj from raw_alpha.spgl_xmspsxblxxxxb union all"
        " select spsxslbm, blsj from raw_beta.spgl_xmspsxblxxxxb) as events group by spsxslbm) as cases",
    )
    full = timed_build(settings, LAST_DAY, departments, select=facts)
    typed_scan = median(
        settings,
        "select count(*), max(first), max(last) from (select case_id, min(event_at) as first, max(event_at) as last"
        " from intermediate.int_case_events group by case_id) as cases",
    )
    (events,) = query(settings, "select count(*) from intermediate.int_case_events")
    everything = timed_build(settings, LAST_DAY, departments)
    nightly = []
    for night in range(1, nights + 1):
        today = LAST_DAY + timedelta(days=night)
        landed = land(settings, today, today)
        nightly.append(timed_build(settings, today, departments) | {"new_events": landed})
        if nightly[-1]["full_refresh"]:
            raise RuntimeError(f"night {night} computed everything: {nightly[-1]['full_refresh']}")
    nightly.sort(key=lambda run: run["wall"])
    return {
        "cases": cases,
        "projects": projects,
        "events": events,
        "raw_scan": raw_scan,
        "typed_scan": typed_scan,
        "full": full,
        "everything": everything,
        "nightly": nightly[len(nightly) // 2],
        "intervals_per_second": intervals_per_second(settings),
        "settings": dict(
            query_all(
                settings,
                "select name, current_setting(name) from pg_settings where name in ('shared_buffers', 'work_mem',"
                " 'maintenance_work_mem', 'max_parallel_workers_per_gather', 'wal_level')",
            )
        ),
    }


def land_world(settings: Settings, cases: int, projects: int) -> list[contracts.Department]:
    """The two departments and the hall with its catalogue, with everything until LAST_DAY in raw."""
    paths = [*sorted(DEPARTMENTS.glob("*.yml")), settings.departments_dir / "zhengwu.yml"]
    departments = [contracts.load_department(settings, path) for path in paths]
    landing.ensure_landing(settings, departments)
    make_world(settings, cases, projects)
    land(settings, None, LAST_DAY)
    with psycopg.connect(settings.dsn("loader")) as loader:
        for department in departments:
            for table in department.tables:
                raw.index(loader, department, table)
    return departments


def make_world(settings: Settings, cases: int, projects: int) -> None:
    """What happens in the two departments until a few days after LAST_DAY; tables that no model reads."""
    values = {"cases": cases, "projects": projects, "days": DAYS, "first_day": LAST_DAY - timedelta(days=DAYS)}
    with psycopg.connect(settings.admin_dsn(settings.warehouse_database), autocommit=True) as admin:
        with psycopg.ClientCursor(admin) as cursor:
            cursor.execute(_WORLD, values)
        admin.execute(f"create unlogged table public.world_event as {_EVENTS}")
        admin.execute(
            "insert into landing.batch (department, table_name, landed_at, rows_read, rows_landed,"
            " rows_quarantined, gate) values ('zhengwu', 'service_item', now(), 30, 30, 0, 'passed')"
        )
        admin.execute(
            "insert into raw_zhengwu.service_item (item_code, version, item_name, dept_name, stage_no, statutory_limit,"
            " statutory_unit, promised_limit, promised_unit, steps, materials, visits, fee_yuan, item_kind,"
            " effective_from, _batch_id, _row_number, _landed_at)"
            " select 'IT' || lpad(i::text, 2, '0'), '1', '事项' || i, '甲局', 1 + i / 8, 20, '工作日', 10, '工作日',"
            " 4, 6, 1, 0, '承诺件', '2019-01-01', (select max(batch_id) from landing.batch), i + 1, now()"
            " from generate_series(0, 29) as i"
        )


def land(settings: Settings, first: date | None, last: date) -> int:
    """One batch per table and department with the rows of these days (None: from the beginning). Returns the events."""
    events = 0
    with psycopg.connect(settings.admin_dsn(settings.warehouse_database), autocommit=True) as admin:
        for department in ("alpha", "beta"):
            for table, columns in TABLES.items():
                cursor = psycopg.ClientCursor(admin)
                cursor.execute(
                    "insert into landing.batch (department, table_name, landed_at, rows_read, rows_landed,"
                    " rows_quarantined, gate) values (%s, %s, now(), 0, 0, 0, 'passed') returning batch_id",
                    (department, table),
                )
                (batch,) = cursor.fetchone()
                cursor.execute(
                    f"insert into raw_{department}.{table} (lsh, {columns}, sjyxbs, _batch_id, _row_number, _landed_at)"
                    f" select %(batch)s || lpad((row_number() over ())::text, 9, '0'), {columns}, '1', %(batch)s,"
                    f" row_number() over (), now() from ({_ROWS[table]}) as ordered"
                    " where day <= %(last)s and (%(first)s::date is null or day >= %(first)s)",
                    {"batch": batch, "department": department, "first": first, "last": last},
                )
                events += cursor.rowcount if table == "spgl_xmspsxblxxxxb" else 0
        admin.execute("vacuum analyze")
    return events


def timed_build(
    settings: Settings, as_of: date, departments: list[contracts.Department], select: str | None = None
) -> dict:
    """Wall time of a build without tests, of everything or a selection, and the seconds of its slowest models."""
    began = time.monotonic()
    result = build.build(settings, as_of=as_of, select=select, departments=departments, with_tests=False)
    wall = time.monotonic() - began
    results = json.loads((settings.dbt_target_dir / "run_results.json").read_text(encoding="utf-8"))["results"]
    seconds = {item["unique_id"].split(".")[-1]: round(item["execution_time"], 2) for item in results}
    slowest = dict(sorted(seconds.items(), key=lambda item: -item[1])[:20])
    return {
        "wall": round(wall, 2),
        "models": round(sum(seconds.values()), 2),
        "full_refresh": result.full_refresh,
        "slowest": slowest,
    }


def intervals_per_second(settings: Settings) -> int:
    """Working days between two dates: two look-ups in the calendar and a subtraction each."""
    with psycopg.connect(settings.admin_dsn(settings.warehouse_database), autocommit=True) as admin:
        admin.execute(
            "create unlogged table public.interval_of_days as select"
            " date '2024-01-01' + mod(n, 700) as first_day, date '2024-01-02' + mod(n, 700) + mod(n, 89) as last_day"
            f" from generate_series(1, {INTERVALS}) as n"
        )
        admin.execute("analyze public.interval_of_days")
    seconds = median(
        settings,
        "select sum(last.working_day_number - first.working_day_number) from public.interval_of_days"
        " inner join intermediate.int_calendar as first on first.date_day = first_day"
        " inner join intermediate.int_calendar as last on last.date_day = last_day",
    )
    return round(INTERVALS / seconds)


def median(settings: Settings, statement: str, runs: int = 3) -> float:
    """Median seconds of a statement, by the administrator."""
    return round(statistics.median(timed(lambda: query(settings, statement)) for _ in range(runs)), 3)


def timed(work: Callable[[], object]) -> float:
    began = time.monotonic()
    work()
    return time.monotonic() - began


def query(settings: Settings, statement: str) -> tuple:
    return query_all(settings, statement)[0]


def query_all(settings: Settings, statement: str) -> list[tuple]:
    """Rows of a statement, with the memory that a build's sessions have: a fair measure for them."""
    options = " ".join(f"-c {name}={value}" for name, value in build.SESSION.items())
    with psycopg.connect(settings.admin_dsn(settings.warehouse_database), autocommit=True, options=options) as admin:
        return admin.execute(statement).fetchall()


def show(result: dict) -> None:
    full, everything, nightly = (result[name]["wall"] for name in ("full", "everything", "nightly"))
    scan, new = result["raw_scan"], result["nightly"]["new_events"]
    print(f"\n{result['events']:,} events, {result['cases']:,} cases, {result['projects']:,} projects")
    print(f"{'scan of raw, grouped by case':<44}{scan:>9.2f} s")
    print(f"{'scan of the typed events, grouped by case':<44}{result['typed_scan']:>9.2f} s")
    print(f"{'full build of the facts':<44}{full:>9.2f} s   {full / scan:.1f} x the scan of raw")
    print(f"{'full build of everything':<44}{everything:>9.2f} s")
    print(f"{f'nightly build after {new:,} new events':<44}{nightly:>9.2f} s   {nightly / everything:.1%} of that")
    print(f"{'working-day intervals':<44}{result['intervals_per_second']:>9,} per second")
    print(f"{'PostgreSQL, most memory':<44}{result['postgres_peak_mib']:>9,} MiB")
    for run in ("full", "everything", "nightly"):
        print(f"slowest models, {run} (seconds; models run side by side):")
        for name, seconds in result[run]["slowest"].items():
            print(f"  {name:<42}{seconds:>9.2f}")


if __name__ == "__main__":
    main()
