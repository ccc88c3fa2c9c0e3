"""`yidang clock try` as a command: the vectors through it, what it refuses and how, and that nothing stays behind."""

from __future__ import annotations

import csv
import json
import re
import signal
import subprocess
import sys
import time
from datetime import date
from functools import partial
from pathlib import Path

import psycopg
import pytest
from clock_world import DATA, vectors

from yidang import cli
from yidang.clock.try_cases import OUTPUT_COLUMNS, calendar_note, status_codes
from yidang.services import warehouse as warehouse_service
from yidang.settings import ROOT

pytestmark = pytest.mark.integration

YIDANG = ROOT / ".yidang" / "venv" / "platform" / "bin" / "yidang"
EXPECTED = {
    "expected_elapsed_working_days": "elapsed_working_days",
    "expected_calendar_days": "calendar_days",
    "expected_due_date": "due_date",
    "expected_color": "color",
    "expected_alert": "alert",
    "expected_statutory_elapsed": "statutory_elapsed",
    "expected_statutory_due_date": "statutory_due_date",
    "gross_working_days": "gross_working_days",
    "excluded_working_days": "excluded_working_days",
    "flags": "flags",
}
ROW = {
    "id": "A",
    "events": json.dumps([{"kind": "accepted", "at": "2025-03-03T10:00:00"}]),
    "statutory_days": "20",
    "promised_days": "7",
    "as_of": "2025-03-10",
}


def run(*arguments: object) -> subprocess.CompletedProcess:
    return subprocess.run([YIDANG, "clock", "try", *map(str, arguments)], capture_output=True, text=True, timeout=300)


@pytest.fixture
def refuse(settings, capsys, monkeypatch):
    """The command in this process, for a file that it refuses: a process for each would take a second and a half."""
    terminated = signal.getsignal(signal.SIGTERM)

    def run_here(*arguments: object) -> subprocess.CompletedProcess:
        monkeypatch.setattr(sys, "argv", [str(YIDANG), "clock", "try", *map(str, arguments)])
        with pytest.raises(SystemExit) as left:
            cli.main()
        said = capsys.readouterr()
        return subprocess.CompletedProcess(sys.argv, left.value.code, said.out, said.err)

    yield run_here
    signal.signal(signal.SIGTERM, terminated)


def write(path: Path, *rows: dict) -> Path:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    return path


def remains(settings) -> list:
    """Scratch databases and dbt folders that are there now."""
    with psycopg.connect(settings.admin_dsn()) as admin:
        databases = admin.execute("select datname from pg_database where datname like 'yidang\\_try\\_%'").fetchall()
    return [*databases, *(settings.home / "dbt").glob("yidang_try_*")]


@pytest.fixture(scope="module")
def results(settings, tmp_path_factory) -> dict[str, dict]:
    """What the command writes for the vectors file as it is, with the columns of the expected answers in it."""
    output = tmp_path_factory.mktemp("try") / "out.csv"
    done = run(DATA / "vectors.csv", "--output", output)
    assert done.returncode == 0, done.stderr
    assert [path.name for path in output.parent.iterdir()] == ["out.csv"]
    with output.open(encoding="utf-8", newline="") as file:
        reader = csv.DictReader(file)
        assert tuple(reader.fieldnames) == OUTPUT_COLUMNS
        rows = list(reader)
    assert [row["id"] for row in rows] == [vector["id"] for vector in vectors()]
    return {row["id"]: row for row in rows}


@pytest.mark.parametrize("vector", vectors(), ids=lambda vector: vector["id"])
def test_a_vector_through_the_command(results, vector):
    row = results[vector["id"]]
    assert {name: row[column] for name, column in EXPECTED.items()} == {name: vector[name] for name in EXPECTED}


def test_nothing_stays_behind(settings, results):
    assert remains(settings) == []


def test_among_ten_thousand_cases_none_minds_its_neighbours(results, tmp_path):
    """Each vector 148 times."""
    columns = ("id", "events", "statutory_days", "promised_days", "as_of")
    rows = [
        {name: vector[name] for name in columns} | {"id": f"{vector['id']}/{copy}"}
        for copy in range(148)
        for vector in vectors()
    ]
    path, output = write(tmp_path / "in.csv", *rows), tmp_path / "out.csv"
    done = run(path, "--output", output)
    assert done.returncode == 0, done.stderr
    with output.open(encoding="utf-8", newline="") as file:
        found = list(csv.DictReader(file))
    assert [row.pop("id") for row in found] == [row["id"] for row in rows]
    alone = [{name: value for name, value in row.items() if name != "id"} for row in results.values()]
    assert found == alone * 148
    assert len(found) > 10_000


def test_it_touches_nothing_of_the_real_warehouse(settings, warehouse, tmp_path):
    def relations() -> list:
        return warehouse.execute(
            "select oid, relname, relfilenode from pg_class where relnamespace not in"
            " (select oid from pg_namespace where nspname like 'pg\\_%' or nspname = 'information_schema') order by oid"
        ).fetchall()

    before = relations()
    # the lock of a build that is running: a try must not wait for it
    warehouse.execute("select pg_advisory_lock(hashtext('yidang build'))")
    done = run(write(tmp_path / "in.csv", ROW))
    warehouse.execute("select pg_advisory_unlock_all()")
    assert done.returncode == 0, done.stderr
    assert relations() == before


def test_to_the_terminal_without_limits_with_odd_ids_and_an_offset(settings, tmp_path):
    """20:00 UTC on Sunday is Monday in Shanghai; blanks mean no limit; an id is given back as it came."""
    events = json.dumps([{"kind": "accepted", "at": "2025-03-02T20:00:00+00:00"}])
    rows = [
        ROW | {"id": "１号,“甲”"},
        ROW | {"id": "b c", "events": events, "statutory_days": "", "promised_days": ""},
        ROW | {"id": "none", "events": "[]"},
    ]
    done = run(write(tmp_path / "in.csv", *rows))
    assert done.returncode == 0, done.stderr
    found = list(csv.DictReader(done.stdout.splitlines()))
    assert [row["id"] for row in found] == ["１号,“甲”", "b c", "none"]
    assert [row["elapsed_working_days"] for row in found] == ["5", "5", ""]
    assert [row["due_date"] for row in found] == ["2025-03-12", "", ""]
    assert [row["flags"] for row in found] == ["", "", "PRE_ACCEPTANCE"]


def test_an_extension_with_its_days_and_document(settings, tmp_path):
    """Day 20 is Monday 31 March 2025; ten more days end on Tuesday 15 April, over 清明 (4 April)."""
    extended = {"kind": "extended", "at": "2025-03-20", "days": 10, "document": "甲延〔2025〕3号"}
    events = [{"kind": "accepted", "at": "2025-03-03"}, extended]
    rows = [ROW | {"id": str(end), "events": json.dumps(events[:end]), "as_of": "2025-04-02"} for end in (1, 2)]
    done = run(write(tmp_path / "in.csv", *rows))
    assert done.returncode == 0, done.stderr
    found = list(csv.DictReader(done.stdout.splitlines()))
    assert [row["statutory_due_date"] for row in found] == ["2025-03-31", "2025-04-15"]
    assert [row["flags"] for row in found] == ["STATUTORY_OVERDUE", "EXTENDED"]


def test_every_kind_of_the_standard_is_understood(settings):
    kinds = {event["kind"] for vector in vectors() for event in json.loads(vector["events"])}
    assert kinds < set(status_codes(settings))


@pytest.mark.parametrize(
    ("change", "column", "words"),
    [
        ({"events": "[{"}, "events", ["not JSON", "Write [{"]),
        ({"events": '{"kind": "accepted"}'}, "events", ["not a list"]),
        ({"events": '[{"kind": "accepted"}]'}, "events", ["event 1", "kind and at"]),
        ({"events": '[{"kind": "done", "at": "2025-03-03"}]'}, "events", ["'done'", "decided_pass"]),
        ({"events": '[{"kind": ["a"], "at": "2025-03-03"}]'}, "events", ["unknown kind"]),
        ({"events": '[{"kind": "accepted", "at": "2025-02-30"}]'}, "events", ["'2025-02-30' is not a date"]),
        ({"events": '[{"kind": "accepted", "at": "1970-01-01"}]'}, "events", ["taken for no date"]),
        ({"events": '[{"kind": "accepted", "at": 20250303.5}]'}, "events", ["20250303.5 is not a date"]),
        ({"events": '[{"kind": "accepted", "at": "2025-03-03", "days": 10}]'}, "events", ["kind and at"]),
        ({"events": '[{"kind": "extended", "at": "2025-03-03", "days": "10"}]'}, "events", ["'10' is not a number"]),
        ({"as_of": "10.3.2025"}, "as_of", ["'10.3.2025' is not a date", "2025-03-03"]),
        ({"as_of": "2025-03-01"}, "as_of", ["before the first event"]),
        ({"as_of": ""}, "as_of", ["'' is not a date"]),
        ({"promised_days": "7.5"}, "promised_days", ["'7.5'", "working days"]),
        ({"statutory_days": "-1"}, "statutory_days", ["'-1'", "working days"]),
        ({"id": " "}, "id", ["empty"]),
        ({"id": "A"}, "id", ["'A' is already on line 2"]),
    ],
    ids=lambda value: json.dumps(value, ensure_ascii=False) if isinstance(value, dict) else "",
)
def test_a_wrong_row_is_refused_with_line_column_and_cure(settings, refuse, tmp_path, change, column, words):
    output = tmp_path / "out.csv"
    done = refuse(write(tmp_path / "in.csv", ROW, ROW | {"id": "B"} | change), "--output", output)
    assert done.returncode == 2
    assert f"line 3, column {column}: " in done.stderr
    assert [word for word in words if word not in done.stderr] == []
    assert "→" in done.stderr and "Traceback" not in done.stderr
    assert not output.exists()
    assert remains(settings) == []


def test_the_line_is_the_one_an_editor_shows(refuse, tmp_path):
    """Cells may hold line breaks; the row's first line counts."""
    spread = ROW | {"id": "first", "events": json.dumps(json.loads(ROW["events"]), indent=1)}
    path = write(tmp_path / "in.csv", spread, ROW | {"id": "bad", "as_of": "?"})
    line = next(number for number, text in enumerate(path.read_text().splitlines(), 1) if text.startswith("bad"))
    done = refuse(path)
    assert line > 3
    assert f"line {line}, column as_of" in done.stderr


def test_many_mistakes_are_named_together(refuse, tmp_path):
    done = refuse(write(tmp_path / "in.csv", *(ROW | {"id": str(number), "as_of": "?"} for number in range(12))))
    assert "12 rows are wrong" in done.stderr and "… and 2 more" in done.stderr
    assert len(re.findall("column as_of", done.stderr)) == 10


def test_all_mistakes_of_a_row_are_named_together(refuse, tmp_path):
    """And the mistakes before a line that is no CSV, with that line."""
    events = '[{"kind": "done", "at": "?"}, {"kind": "accepted", "at": "2025-03-03"}, {"kind": "extended"}]'
    row = {"id": "", "events": events, "statutory_days": "x", "promised_days": "y", "as_of": "2025-03-01"}
    path = write(tmp_path / "in.csv", row)
    said = refuse(path).stderr
    assert "1 row is wrong; no case was computed" in said
    for column, words in [
        ("id", "it is empty"),
        ("events", "event 1 has the unknown kind 'done'"),
        ("events", "event 1: '?' is not a date"),
        ("events", "event 3 is not an object"),
        ("statutory_days", "'x' is not"),
        ("promised_days", "'y' is not"),
        ("as_of", "2025-03-01 lies before the first event"),
    ]:
        assert f"line 2, column {column}: {words}" in said, said
    with path.open("a", encoding="utf-8") as file:
        file.write('b,"[]"x,20,7,2025-03-03\n')
    said = refuse(path).stderr
    assert "line 2, column id" in said and "And then in.csv, line 3: not CSV" in said


def test_what_it_is_doing_goes_to_stderr_and_the_years_that_lack(settings, tmp_path):
    """Stdout holds the CSV and nothing else; a date beyond the calendar is named with the cure."""
    path = write(
        tmp_path / "in.csv",
        ROW,
        ROW | {"id": "open", "as_of": "2099-03-10"},
        ROW | {"id": "due", "as_of": "2025-03-10", "statutory_days": "5000"},
    )
    done = run(path)
    assert done.returncode == 0, done.stderr
    assert [row["id"] for row in csv.DictReader(done.stdout.splitlines())] == ["A", "open", "due"]
    assert "3 cases of in.csv" in done.stderr and "models count them" in done.stderr
    said = " ".join(done.stderr.split())
    assert re.search(r"2 cases need the working days of 20\d\d to 2099, which are not loaded", said), said
    assert "CAL_UNAVAILABLE" in said and "yidang calendar load 20" in said
    assert "calendar load" not in run(write(path, ROW)).stderr


@pytest.mark.parametrize(
    ("flags", "spans", "words"),
    [
        ([None, "EXTENDED"], [(date(2025, 1, 2), date(2025, 2, 3))] * 2, ""),
        (["CAL_UNAVAILABLE"], [(date(2003, 12, 30), date(2004, 1, 5))], "1 case needs the working days of 2003, which"),
        (["DUE_BEYOND_CALENDAR"], [(date(2026, 12, 30), date(2026, 12, 31))], "of 2027, which"),
        (["A|CAL_UNAVAILABLE"], [(date(2026, 1, 5), date(2028, 1, 5))], "of 2027 and 2028, which"),
    ],
)
def test_the_note_about_the_calendar(flags, spans, words):
    note = calendar_note(flags, spans, set(range(2004, 2027)))
    assert words in note if words else note == ""


def test_its_help_says_what_color_and_alert_are_in_the_facts():
    assert {"pace_state", "alert_state"} <= set(re.findall(r"\w+", run("--help").stdout))


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"id,events,statutory_days,as_of\nA,[],20,2025-03-03\n", ["line 1", "promised_days", "header needs"]),
        (b"", ["in.csv is empty", "header id,events"]),
        (b"\n\n", ["in.csv is empty", "header id,events"]),
        (b"id,events,statutory_days,promised_days,as_of\n", ["no case", "one row per case"]),
        (b"id,events,statutory_days,promised_days,as_of\nA,[],20,7\n", ["line 2", "number of cells"]),
        (b"id,events,statutory_days,promised_days,as_of\nA,[],20,7,2025-03-03,x\n", ["line 2", "number of cells"]),
        (b'id,events,statutory_days,promised_days,as_of\nA,"[]"x,20,7,2025-03-03\n', ["line 2", "not CSV"]),
        ("id,events,statutory_days,promised_days,as_of\n甲,[],20,7,2025-03-03\n".encode("gb18030"), ["not UTF-8"]),
    ],
    ids=["column", "empty", "blank", "no-row", "short", "long", "quotes", "gbk"],
)
def test_a_file_that_is_none_is_refused(refuse, tmp_path, content, words):
    path = tmp_path / "in.csv"
    path.write_bytes(content)
    done = refuse(path)
    assert done.returncode == 2
    assert [word for word in words if word not in done.stderr] == []
    assert "Traceback" not in done.stderr and done.stdout == ""


def test_files_it_cannot_read_or_write(settings, tmp_path):
    path = write(tmp_path / "in.csv", ROW)
    assert "cannot be read" in run(tmp_path / "none.csv").stderr
    assert "cannot be the output" in run(path, "--output", tmp_path / "none" / "out.csv").stderr
    assert "cannot be the output" in run(path, "--output", path).stderr
    assert path.read_text().startswith("id,")


def test_a_build_that_fails_leaves_nothing(settings, tmp_path):
    """The scratch database goes also when something breaks inside, and the real warehouse's settings are untouched."""
    with pytest.raises(ZeroDivisionError), warehouse_service.scratch(settings) as scratch:
        with psycopg.connect(scratch.dsn("loader")) as connection:
            connection.execute("create schema half_done")
        open_connection = psycopg.connect(scratch.dsn("transformer"))
        assert len(remains(settings)) == 1
        raise ZeroDivisionError
    assert remains(settings) == []
    with pytest.raises(psycopg.OperationalError):
        open_connection.execute("select 1")


@pytest.mark.parametrize("signal_number", [signal.SIGINT, signal.SIGTERM], ids=lambda number: number.name)
def test_a_run_that_is_told_to_stop_leaves_nothing(settings, tmp_path, signal_number):
    path, output = write(tmp_path / "in.csv", ROW), tmp_path / "out.csv"
    command = [YIDANG, "clock", "try", path, "--output", output]
    # A shell's background job, such as a CI run under nohup, is started with SIGINT ignored, and so are its children.
    heed = partial(signal.signal, signal.SIGINT, signal.SIG_DFL)
    running = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, preexec_fn=heed)
    deadline = time.monotonic() + 60
    while not remains(settings) and time.monotonic() < deadline:
        time.sleep(0.02)
    running.send_signal(signal_number)
    running.communicate(timeout=60)
    assert running.returncode not in (0, None)
    assert not output.exists()
    assert remains(settings) == []


def test_what_a_killed_run_left_goes_with_the_next_but_a_running_one_stays(settings):
    with psycopg.connect(settings.admin_dsn(), autocommit=True) as admin:
        admin.execute("create database yidang_try_abandoned")
    with warehouse_service.scratch(settings) as first, warehouse_service.scratch(settings) as second:
        names = {first.warehouse_database, second.warehouse_database}
        assert {name for (name,) in remains(settings)} == names


def test_only_loader_and_transformer_enter_a_scratch_warehouse(settings):
    with warehouse_service.scratch(settings) as scratch:
        with psycopg.connect(scratch.dsn("transformer")) as connection:
            assert connection.info.dbname == scratch.warehouse_database
        with pytest.raises(psycopg.OperationalError, match="permission denied"):
            psycopg.connect(scratch.dsn("reader"))
