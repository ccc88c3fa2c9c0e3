"""Next year's notice from a small CSV, without a release: what is refused, what counts, what is shown."""

from __future__ import annotations

import csv
import json
import subprocess
from datetime import date, timedelta
from pathlib import Path

import psycopg
import pytest
from clock_world import PROJECT_CODE, Spgl, catalogue_row, land, open_world
from psycopg.rows import dict_row

from yidang import build, calendar
from yidang.errors import ConfigError
from yidang.settings import ROOT

pytestmark = pytest.mark.integration

YIDANG = ROOT / ".yidang" / "venv" / "platform" / "bin" / "yidang"
NOTICE = {"year": "2027", "notice": "国办发明电〔2026〕9号", "published_on": "2026-11-05"}
# A made-up notice in the form of the real ones: (first day off, last day off, make-up days, holiday).
HOLIDAYS = [
    ("2027-01-01", "2027-01-03", [], "元旦"),
    ("2027-02-05", "2027-02-12", ["2027-01-31", "2027-02-20"], "春节"),
    ("2027-04-03", "2027-04-05", [], "清明节"),
    ("2027-05-01", "2027-05-05", ["2027-04-25", "2027-05-08"], "劳动节"),
    ("2027-06-09", "2027-06-09", [], "端午节"),
    ("2027-09-15", "2027-09-15", [], "中秋节"),
    ("2027-10-01", "2027-10-07", ["2027-09-26", "2027-10-09"], "国庆节"),
]


def rows() -> list[dict]:
    found = []
    for first, last, made_up, name in HOLIDAYS:
        day = date.fromisoformat(first)
        while day <= date.fromisoformat(last):
            found.append({**NOTICE, "date": str(day), "is_working": "false", "name": name})
            day += timedelta(days=1)
        found += [{**NOTICE, "date": day, "is_working": "true", "name": name} for day in made_up]
    return found


def write(path: Path, days: list[dict]) -> Path:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, calendar.COLUMNS)
        writer.writeheader()
        writer.writerows(days)
    return path


def run(*arguments: object) -> subprocess.CompletedProcess:
    return subprocess.run([YIDANG, *map(str, arguments)], capture_output=True, text=True, timeout=120)


@pytest.fixture(scope="module")
def world(settings, tmp_path_factory):
    """One open case accepted on Monday 21 December 2026 with a promise of 10 and a statutory limit of 20 days."""
    with (
        pytest.MonkeyPatch.context() as patch,
        psycopg.connect(settings.admin_dsn("yidang"), autocommit=True) as warehouse,
    ):
        open_world(settings, tmp_path_factory.mktemp("departments"), patch)
        alpha = Spgl("alpha")
        alpha.works(f"{PROJECT_CODE}-001", PROJECT_CODE)
        alpha.case("LATE", f"{PROJECT_CODE}-001", "IT01", 10, [{"kind": "accepted", "at": "2026-12-21"}])
        alpha.land(warehouse)
        land(warehouse, "zhengwu", "service_item", [catalogue_row("IT01", stage=1, statutory=20, promised=10)])
        yield warehouse


@pytest.fixture(autouse=True)
def no_notices(world):
    """Each test begins without a loaded notice."""
    world.execute("truncate landing.calendar_notice cascade")


def built(settings, as_of: date) -> tuple[dict, list[dict]]:
    """The case, and the rows of the issue log about the calendar's end."""
    build.build(settings, as_of=as_of, select="+fct_item_instance +issue_log +dim_calendar")
    with psycopg.connect(settings.dsn("reader"), row_factory=dict_row) as reader:
        case = reader.execute("select * from marts.fct_item_instance").fetchone()
        return case, reader.execute("select * from marts.issue_log where rule = 'calendar_ends'").fetchall()


def test_a_year_becomes_countable_by_loading_its_notice(settings, world, tmp_path):
    before, warned = built(settings, date(2026, 12, 28))
    assert before["due_date"] is None and "DUE_BEYOND_CALENDAR" in before["clock_flags"]
    assert [row["business_key"] for row in warned] == ["2026-12-31"]
    assert warned[0]["detail"].startswith("有 1 件在办件")

    done = run("calendar", "load", write(tmp_path / "2027.csv", rows()))
    assert done.returncode == 0, done.stderr
    assert "国办发明电〔2026〕9号" in done.stdout and "yidang build" in done.stdout
    assert "run yidang build" in run("calendar", "show", "2027").stdout

    after, warned = built(settings, date(2026, 12, 28))
    # 22 to 25 December are days 1 to 4, 28 to 31 days 5 to 8; 1 January is off, so 4 and 5 January are days 9 and 10
    assert after["due_date"] == date(2027, 1, 5)
    assert after["statutory_due_date"] == date(2027, 1, 19)
    assert after["elapsed_working_days"] == before["elapsed_working_days"] == 5
    assert after["calendar_version"].startswith("2027-") and after["calendar_version"] != before["calendar_version"]
    assert after["clock_flags"] is None and warned == []

    shown = run("calendar", "show", "2027").stdout
    for word in ("国办发明电〔2026〕9号", "2026-11-05", "春节", "2027-01-31", "上班 yes", after["calendar_version"]):
        assert word in shown, shown
    assert "run yidang build" not in shown
    assert "2026" in run("calendar", "show").stdout


def test_a_loaded_notice_makes_the_last_build_an_old_one(settings, world, tmp_path):
    """`make demo` asks so whether it must build; raw is as it was, and as_of too."""
    day = date(2026, 12, 28)
    build.build(settings, as_of=day, with_tests=False)
    assert build.is_current(settings, day)
    calendar.load(settings, write(tmp_path / "2027.csv", rows()), "national")
    assert not build.is_current(settings, day)


def test_the_same_file_changes_nothing_and_an_older_notice_is_refused(settings, world, tmp_path):
    path = write(tmp_path / "again.csv", rows())
    calendar.load(settings, path, "national")
    count = world.execute("select count(*) from landing.calendar_notice").fetchone()
    assert "nothing changes" in run("calendar", "load", path).stdout
    assert world.execute("select count(*) from landing.calendar_notice").fetchone() == count
    older = [row | {"published_on": "2026-10-01", "notice": "国办发明电〔2026〕1号"} for row in rows()]
    with pytest.raises(ConfigError, match="older than the loaded 国办发明电〔2026〕9号"):
        calendar.load(settings, write(tmp_path / "older.csv", older), "national")


def test_an_emergency_notice_and_a_district_rule_govern_and_stay_visible(settings, world, tmp_path):
    """Monday 4 January is given off by a later notice, Tuesday the 5th by the district: due two days later."""
    calendar.load(settings, write(tmp_path / "first.csv", rows()), "national")
    emergency = {"notice": "国办发明电〔2026〕20号", "published_on": "2026-12-30"}
    days = [row | emergency for row in rows()]
    days.append({**NOTICE, **emergency, "date": "2027-01-04", "is_working": "休", "name": "元旦"})
    calendar.load(settings, write(tmp_path / "emergency.csv", days), "national")
    local = {"year": "2027", "notice": "云溪政办〔2026〕3号", "published_on": "2026-12-01", "date": "2027-01-05"}
    local |= {"is_working": "false", "name": "建区日"}
    done = run("calendar", "load", "--district", write(tmp_path / "district.csv", [local]))
    assert done.returncode == 0, done.stderr
    case, _ = built(settings, date(2026, 12, 28))
    assert case["due_date"] == date(2027, 1, 7)
    found = world.execute(
        "select date_day::text, notice, day_kind, holiday_name, is_district_rule from marts.dim_calendar"
        " where date_day between '2027-01-04' and '2027-01-06' order by 1"
    ).fetchall()
    assert found == [
        ("2027-01-04", emergency["notice"], "holiday", "元旦", False),
        ("2027-01-05", emergency["notice"], "holiday", "建区日", True),
        ("2027-01-06", emergency["notice"], "working", None, False),
    ]
    assert world.execute("select count(*) from landing.calendar_notice").fetchone() == (3,)  # nothing is overwritten


def test_clock_try_counts_by_the_loaded_notices(settings, world, tmp_path):
    calendar.load(settings, write(tmp_path / "2027.csv", rows()), "national")
    events = json.dumps([{"kind": "accepted", "at": "2027-02-04"}])
    with (tmp_path / "cases.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["id", "events", "statutory_days", "promised_days", "as_of"])
        writer.writerow(["A", events, 20, 1, "2027-02-05"])
    done = run("clock", "try", tmp_path / "cases.csv")
    assert done.returncode == 0, done.stderr
    (found,) = csv.DictReader(done.stdout.splitlines())
    assert found["due_date"] == "2027-02-15"


@pytest.mark.parametrize(
    ("change", "column", "words"),
    [
        ({"year": "27"}, "year", ["'27' is not a year"]),
        ({"year": "2028", "published_on": "2027-11-05"}, "year", ["2028 is not 2027 of the first row", "One file"]),
        ({"notice": " "}, "notice", ["it is empty", "国办发明电"]),
        ({"notice": "国办发明电〔2026〕8号"}, "notice", ["of the first row"]),
        ({"published_on": "5.11.2026"}, "published_on", ["is not a date", "2027-01-01"]),
        ({"date": "2027-02-30"}, "date", ["'2027-02-30' is not a date"]),
        ({"date": "2026-10-01"}, "date", ["neither in 2027 nor in the December before"]),
        ({"date": "2027-01-01"}, "date", ["is in the file twice"]),
        ({"is_working": "maybe"}, "is_working", ["'maybe' says neither", "true (上班)"]),
        ({"date": "2027-03-03", "is_working": "true"}, "is_working", ["2027-03-03 is a weekday"]),
        ({"name": ""}, "name", ["it is empty", "春节"]),
    ],
    ids=lambda value: json.dumps(value, ensure_ascii=False) if isinstance(value, dict) else "",
)
def test_a_wrong_row_is_refused_with_line_column_and_cure(settings, world, tmp_path, change, column, words):
    days = rows()
    days[2] |= change
    count = world.execute("select count(*) from landing.calendar_notice").fetchone()
    with pytest.raises(ConfigError) as caught:
        calendar.load(settings, write(tmp_path / "wrong.csv", days), "national")
    assert f"line 4, column {column}: " in str(caught.value)
    assert [word for word in words if word not in str(caught.value)] == []
    assert world.execute("select count(*) from landing.calendar_notice").fetchone() == count


def test_half_a_notice_is_refused(settings, world, tmp_path):
    done = run("calendar", "load", write(tmp_path / "half.csv", rows()[-3:]))
    assert done.returncode == 2
    assert "2027 would have 262 working days and no New Year's Day" in done.stderr and "make-up day" in done.stderr
    empty = run("calendar", "load", write(tmp_path / "empty.csv", []))
    assert empty.returncode == 2 and "holds no day" in empty.stderr
    assert run("calendar", "show", "2031").returncode == 2
