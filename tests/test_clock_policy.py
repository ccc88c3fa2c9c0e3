"""`yidang policy diff`: another switch, built beside the real marts and compared case by case."""

from __future__ import annotations

import csv
import subprocess
from datetime import date

import psycopg
import pytest
from clock_world import PROJECT_CODE, Spgl, catalogue_row, land, open_world

from yidang import build
from yidang.clock import policy
from yidang.dbt_variables import declared
from yidang.errors import ConfigError, YidangError
from yidang.progress import console
from yidang.settings import ROOT

pytestmark = pytest.mark.integration

YIDANG = ROOT / ".yidang" / "venv" / "platform" / "bin" / "yidang"
AS_OF = date(2025, 6, 30)
# Saturday 8 March 2025; day 10 is Friday the 21st, or Monday the 24th where Monday the 10th is day 0.
ON_A_SATURDAY = [{"kind": "accepted", "at": "2025-03-08"}, {"kind": "decided_pass", "at": "2025-03-24"}]
ON_A_MONDAY = [{"kind": "accepted", "at": "2025-03-10"}, {"kind": "decided_pass", "at": "2025-03-17"}]
COUNT = 6  # of each kind: together more than a figure's minimum


@pytest.fixture(scope="module")
def world(settings, tmp_path_factory):
    with (
        pytest.MonkeyPatch.context() as patch,
        psycopg.connect(settings.admin_dsn("yidang"), autocommit=True) as warehouse,
    ):
        open_world(settings, tmp_path_factory.mktemp("departments"), patch)
        alpha = Spgl("alpha")
        alpha.works(f"{PROJECT_CODE}-001", PROJECT_CODE)
        for number in range(COUNT):
            alpha.case(f"SAT-{number}", f"{PROJECT_CODE}-001", "IT01", 10, ON_A_SATURDAY)
            alpha.case(f"MON-{number}", f"{PROJECT_CODE}-001", "IT01", 10, ON_A_MONDAY)
        alpha.land(warehouse)
        land(warehouse, "zhengwu", "service_item", [catalogue_row("IT01", stage=1, statutory=20, promised=10)])
        build.build(settings, as_of=AS_OF, with_tests=False)
        yield warehouse


def real(warehouse: psycopg.Connection) -> list:
    """Every relation of the real schemas: its identity and, where it has storage, its file."""
    return warehouse.execute(
        "select nspname, relname, relation.oid, relfilenode from pg_class as relation"
        " inner join pg_namespace as namespace on namespace.oid = relnamespace"
        " where nspname in ('seeds', 'staging', 'intermediate', 'marts') order by 1, 2"
    ).fetchall()


@pytest.fixture(scope="module")
def found(settings, world):
    before = real(world)
    rows = world.execute("select * from marts.fct_item_instance order by case_id").fetchall()
    difference = policy.diff(settings, {"closed_day_acceptance": "roll_forward"}, AS_OF)
    assert real(world) == before
    assert world.execute("select * from marts.fct_item_instance order by case_id").fetchall() == rows
    return difference


def test_each_case_that_differs_is_listed_with_its_columns(found):
    assert [change.case_id for change in found.changes] == [f"alpha:SAT-{number}" for number in range(COUNT)]
    assert found.case_count == 2 * COUNT
    first = found.changes[0]
    assert first.department_name == "甲局"
    assert first.columns["elapsed_working_days"] == ("11", "10")
    assert first.columns["due_date"] == ("2025-03-21", "2025-03-24")
    assert first.columns["is_on_time"] == ("false", "true")
    assert first.columns["pace_state"] == ("late", "normal")
    assert not {"rule_version", "accepted_date", "as_of", "case_id"} & set(first.columns)


def test_the_figures_before_and_after(found):
    figures = {metric.name: values for metric, *values in found.figures}
    before, after = figures["on_time_rate"]
    assert (float(before), float(after)) == (0.5, 1.0)
    assert "case_count" not in figures


def test_nothing_is_left_behind(world, found):
    schemas = world.execute("select nspname from pg_namespace where nspname like 'diff%'").fetchall()
    assert schemas == []


def test_it_is_printed_for_people(found):
    with console.capture() as capture:
        policy.render(found)
    printed = capture.get()
    assert f"{COUNT} of {2 * COUNT} cases differ" in printed
    for words in ("closed_day_acceptance: strict → roll_forward", "alpha:SAT-0", "2025-03-21", "on_time_rate", "100.0"):
        assert words in printed, printed


def test_the_command(settings, world):
    """Its way to the functions above; what they find is tested there."""
    done = subprocess.run([YIDANG, "policy", "diff", "closed_day=strict"], capture_output=True, text=True, timeout=60)
    assert done.returncode == 2 and "There is no switch closed_day" in done.stderr
    done = subprocess.run([YIDANG, "policy", "diff", "reply_days=a"], capture_output=True, text=True, timeout=60)
    assert done.returncode == 2 and "reply_days may be 1 to 99" in done.stderr
    shown = subprocess.run([YIDANG, "policy", "show"], capture_output=True, text=True, timeout=60).stdout
    assert "closed_day_acceptance=strict" in shown.splitlines()


def test_the_csv_has_a_row_per_case_and_column(found, tmp_path):
    rows = policy.write_csv(found, tmp_path / "diff.csv")
    with (tmp_path / "diff.csv").open(encoding="utf-8", newline="") as file:
        listed = list(csv.DictReader(file))
    assert len(listed) == rows == sum(len(change.columns) for change in found.changes)
    due = {"case_id": "alpha:SAT-0", "department_name": "甲局", "item_name": "事项IT01", "column": "due_date"}
    assert due | {"before": "2025-03-21", "after": "2025-03-24"} in listed


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"closed_day": "strict"}, ["no switch closed_day", "closed_day_acceptance=strict", "deemed_acceptance=true"]),
        ({"closed_day": "strict"}, ["reply_days=1 to 99", "warn_window=share | fixed"]),
        ({"closed_day_acceptance": "foo"}, ["closed_day_acceptance cannot be foo", "may be strict or roll_forward"]),
        ({"deemed_acceptance": 1}, ["deemed_acceptance cannot be 1", "may be true or false"]),
        ({"reply_days": 100}, ["reply_days cannot be 100", "may be 1 to 99"]),
        ({"reply_days": 0, "warn_window": False}, ["reply_days cannot be 0", "warn_window cannot be false"]),
        ({"closed_day_acceptance": "strict"}, ["That is how it is"]),
    ],
)
def test_a_switch_that_is_none_is_refused_before_anything_is_built(settings, world, monkeypatch, changed, words):
    monkeypatch.setattr(build, "build", lambda *_, **__: pytest.fail("it was built"))
    with pytest.raises(ConfigError) as caught:
        policy.diff(settings, changed, AS_OF)
    assert [word for word in words if word not in str(caught.value)] == []
    with pytest.raises(ConfigError, match="sets no switch"):
        policy.parse(["closed_day_acceptance"])
    assert policy.parse(["deemed_acceptance=false", "reply_days=7"]) == {"deemed_acceptance": False, "reply_days": 7}
    assert policy.parse(["warn_window=[share"]) == {"warn_window": "[share"}


def test_a_switch_as_it_is_may_be_what_it_is(settings):
    policy._check(policy.current(settings), declared(settings.dbt_dir)["clock_policy_choices"])


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("closed_day_acceptance", "rollforward", "is rollforward; it may be strict or roll_forward"),
        ("reply_days", 100, "is 100; it may be 1 to 99"),
    ],
)
def test_a_misspelt_choice_stops_the_build(settings, world, name, value, words):
    """In dbt_project.yml, where nobody checks it before; else it would silently mean the default."""
    own = {"clock_policy": policy.current(settings) | {name: value}, "schema_prefix": "diff_misspelt_"}
    with pytest.raises(YidangError, match=f"{name} {words}"):
        build.build(settings, as_of=AS_OF, select="+fct_item_instance", overrides=own, with_tests=False)
    world.execute("drop schema if exists diff_misspelt_intermediate cascade")
