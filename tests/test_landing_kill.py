"""kill -9 at random moments: a batch is wholly there or not at all, and the next pull goes on. Lost 0, doubled 0."""

from __future__ import annotations

import os
import random
import signal
import time
from datetime import datetime, timedelta

import psycopg
import pytest
from landing_support import TORN, count, database, load, table

from yidang import gate, landing

pytestmark = pytest.mark.integration
KILLS = 200
WITH_GATE = 16  # so many of them: to start Great Expectations takes longer than to land
FILES = 300
ROWS = 1_000
POSTGRES = """
    kind: postgres
    dsn: ${CESHI_DSN}
    schema: hall
"""
CSV = """
    kind: files
    folder: ${CESHI_DROP}
    format: {kind: csv, encoding: utf-8}
"""
LATEST = """
select id, topic from (
    select distinct on (id) id, topic from raw_ceshi.question order by id, _batch_id desc, _row_number desc
) newest order by id::bigint
"""
DOUBLED = "select count(*) from (select 1 from raw_ceshi.question group by id, topic having count(*) > 1) twice"


def killed_pull(settings, department, after: float, *, with_gate: bool = True) -> bool:
    """Pull in a process of its own and kill it -9 after that many seconds. False if it was done before."""
    process = os.fork()
    if process == 0:
        if not with_gate:
            gate.check_pending = lambda *_: []
        try:
            landing.pull(settings, department)
        finally:
            os._exit(0)
    time.sleep(after)
    os.kill(process, signal.SIGKILL)
    _, status = os.waitpid(process, 0)
    return os.WIFSIGNALED(status)


def wait_for_backends(warehouse: psycopg.Connection) -> None:
    """A killed client's backend notices when it next reads or writes; its transaction then rolls back."""
    others = "select count(*) from pg_stat_activity where usename = 'yidang_loader'"
    deadline = time.monotonic() + 20
    while warehouse.execute(others).fetchone()[0]:
        assert time.monotonic() < deadline, "a killed pull still holds its connection"
        time.sleep(0.01)


def timed(action) -> float:
    started = time.monotonic()
    action()
    return time.monotonic() - started


def test_killed_pulls_lose_and_double_nothing(settings, empty_warehouse, district_dsn, tmp_path, counted):
    warehouse, chance = empty_warehouse, random.Random(20260630)
    settings.ensure_secrets([], fixed={"CESHI_DSN": district_dsn.rsplit("/", 1)[0] + "/ceshi"})
    cursor = "cursor: {column: updated_at, overlap_minutes: 60}"
    department = load(settings, tmp_path, "ceshi", POSTGRES, table(extra=cursor))
    with database(district_dsn, "ceshi") as source:
        source.execute("create schema hall")
        source.execute("create table hall.question (id bigint, asked_at timestamp, topic text, updated_at timestamp)")

        def change(step: int) -> None:
            """Every row gets a value it never had, and a hundredth is new."""
            updated = datetime(2025, 3, 3) + timedelta(days=step)
            source.execute("update hall.question set topic = %s, updated_at = %s", (f"v{step}", updated))
            source.execute(
                "insert into hall.question select (select count(*) from hall.question) + number, '2025-03-03', %s, %s"
                " from generate_series(1, %s) number",
                (f"new{step}", updated, ROWS if step == 0 else ROWS // 100),
            )

        change(0)
        whole = timed(lambda: landing.pull(settings, department))
        change(1)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(gate, "check_pending", lambda *_: [])
            landed = timed(lambda: landing.pull(settings, department))
        killed = 0
        for step in range(2, KILLS + 2):
            change(step)
            with_gate = step < WITH_GATE + 2
            after = chance.uniform(0, whole if with_gate else landed)
            killed += killed_pull(settings, department, after, with_gate=with_gate)
            wait_for_backends(warehouse)
            assert warehouse.execute(TORN).fetchone() == (0,)
        landing.pull(settings, department)
        expected = source.execute("select id::text, topic from hall.question order by id").fetchall()
        assert len(expected) == ROWS + (KILLS + 1) * (ROWS // 100)
        lost = set(expected) - set(warehouse.execute(LATEST).fetchall())
        doubled = warehouse.execute(DOUBLED).fetchone()[0]
    moments = f"within {landed:.2f} s ({WITH_GATE} within {whole:.2f} s)"
    counted(f"killed {killed} of {KILLS} pulls {moments}: lost {len(lost)}, doubled {doubled}")
    assert (len(lost), doubled) == (0, 0)
    assert warehouse.execute(TORN).fetchone() == (0,)
    assert warehouse.execute("select count(*) from landing.batch where gate = 'pending'").fetchone() == (0,)
    assert killed >= KILLS * 0.6


def test_killed_pulls_of_files_lose_and_double_nothing(settings, empty_warehouse, tmp_path, counted):
    """A broken row in each file as well: the quarantine must not double either."""
    warehouse, chance, folder = empty_warehouse, random.Random(1), tmp_path / "drop"
    folder.mkdir()
    settings.ensure_secrets([], fixed={"CESHI_DROP": str(folder)})
    department = load(settings, tmp_path, "ceshi", CSV, table(extra="pattern: '*.csv'"))
    for name in range(FILES):
        lines = [f"{name * 20 + row},2025-03-03,t{row},2025-03-03" for row in range(20)]
        path = folder / f"{name:03d}.csv"
        path.write_text("id,asked_at,topic,updated_at\n" + "\n".join([*lines, "broken"]) + "\n", encoding="utf-8")
        os.utime(path, (time.time() - 60, time.time() - 60))
    landing.ensure_landing(settings, [department])
    for path in sorted(folder.glob("*.csv"))[1:]:
        path.rename(path.with_suffix(".later"))
    one = timed(lambda: landing.pull(settings, department))
    for path in folder.glob("*.later"):
        path.rename(path.with_suffix(".csv"))
    killed, longest = 0, one / 8  # most of `one` is the gate, at the end; the files come before it
    while (before := count(warehouse, "landing.file")) < FILES:
        killed += killed_pull(settings, department, chance.uniform(0, longest))
        wait_for_backends(warehouse)
        if count(warehouse, "landing.file") == before:
            longest *= 1.1  # until a pull gets far enough to land some
        assert warehouse.execute(TORN).fetchone() == (0,)
    landing.pull(settings, department)
    landed = warehouse.execute("select count(*), count(distinct id) from raw_ceshi.question").fetchone()
    refused = warehouse.execute(
        "select count(*), count(distinct raw_row ->> 'file') from landing.quarantine"
    ).fetchone()
    counted(f"killed {killed} pulls of {FILES} files: {landed[0]} of {FILES * 20} rows, {refused[0]} refused rows")
    assert landed == (FILES * 20, FILES * 20) and refused == (FILES, FILES)
    assert killed >= 3
