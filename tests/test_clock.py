"""The clock through the real path: rows of the national standard, landed as text → dbt → fct_item_instance, fct_stage.

tests/data/vectors.csv and vectors_stage.csv are the answers, worked out by hand from the calendar and the law.
"""

# ruff: noqa: S608 - the mart's name is our own

from __future__ import annotations

import json
from datetime import date

import psycopg
import pytest
from clock_world import land_vectors, open_world, stage_project, stage_vectors, vectors
from psycopg.rows import dict_row

from yidang import build

pytestmark = pytest.mark.integration

AS_OF = date(2026, 12, 31)
OBSERVED = {"observation_dates": "landing.observation_date"}
POLICY = {
    "closed_day_acceptance": "strict",
    "correction_after_acceptance": "promise",
    "deemed_acceptance": True,
    "reply_days": 5,
    "warn_window": "share",
}
EXPECTED = {
    "expected_elapsed_working_days": "elapsed_working_days",
    "expected_calendar_days": "span_calendar_days",
    "expected_due_date": "due_date",
    "expected_color": "pace_colour",
    "expected_alert": "alert_state",
    "expected_statutory_elapsed": "statutory_elapsed_working_days",
    "expected_statutory_due_date": "statutory_due_date",
    "gross_working_days": "gross_working_days",
    "excluded_working_days": "excluded_working_days",
    "flags": "clock_flags",
}


@pytest.fixture(scope="module")
def facts(settings, tmp_path_factory):
    """Rows of the marts by policy: {"strict": {"cases": …, "stages": …, "projects": …}, "roll_forward": …}."""
    with (
        pytest.MonkeyPatch.context() as patch,
        psycopg.connect(settings.admin_dsn("yidang"), autocommit=True, row_factory=dict_row) as warehouse,
    ):
        open_world(settings, tmp_path_factory.mktemp("departments"), patch)
        with psycopg.connect(settings.admin_dsn("yidang"), autocommit=True) as plain:
            land_vectors(plain)
        found = {}
        for name, change in {
            "roll_forward": {"closed_day_acceptance": "roll_forward"},
            "lenient": {"deemed_acceptance": False, "correction_after_acceptance": "none"},
            "strict": {},
        }.items():
            overrides = OBSERVED | ({"clock_policy": POLICY | change} if change else {})
            overrides |= {"palette": "traffic_light"} if name == "lenient" else {}
            build.build(
                settings,
                as_of=AS_OF,
                overrides=overrides,
                select="+fct_item_instance +fct_project_lifecycle +fct_stage",
                with_tests=name == "strict",
            )
            found[name] = {
                "cases": _by(warehouse, "fct_item_instance", "instance_code"),
                "stages": _by(warehouse, "fct_stage", "works_code"),
                "projects": _by(warehouse, "fct_project_lifecycle", "project_code"),
            }
        yield found


def _by(warehouse: psycopg.Connection, mart: str, key: str) -> dict[str, dict]:
    return {row[key]: row for row in warehouse.execute(f"select * from marts.{mart}")}


def _text(value: object) -> str:
    return "" if value is None else str(value)


@pytest.mark.parametrize("vector", vectors(), ids=lambda vector: vector["id"])
def test_clock_vector(facts, vector):
    """One case, worked out by hand, gives the same numbers, dates, colour, alert and flags."""
    row = facts["strict"]["cases"][vector["id"]]
    got = {expected: _text(row[column]) for expected, column in EXPECTED.items()}
    assert got == {name: vector[name] for name in got}, vector["reasoning"]


def test_no_vector_is_missing(facts):
    assert len(vectors()) == 68
    assert len(stage_vectors()) == 8
    assert {vector["id"] for vector in vectors()} <= set(facts["strict"]["cases"])


@pytest.mark.parametrize("number", range(8), ids=lambda number: f"S{number + 1:02d}")
def test_stage_vector(facts, number):
    """Stage times of one 工程; where a vector has two, the stage of each and the sums of their project."""
    vector = stage_vectors()[number]
    works = sorted({item["works"] for item in json.loads(vector["items"])})
    project = stage_project(number)
    rows = [facts["strict"]["stages"][f"{project}-{code}"] for code in works]
    wanted = {name: int(vector[name]) for name in vector if name.endswith("_days") and not name.startswith("vendor")}
    life = facts["strict"]["projects"][project]
    of_project = {
        "sum_item_days": life["sum_item_days"],
        "union_active_days": life["approval_working_days_union"],
        "max_item_days": life["max_item_days"],
        "span_working_days": life["span_working_days"],
        "applicant_gap_days": life["applicant_working_days"],
        "all_paused_days": life["all_paused_working_days"],
        "span_calendar_days": life["span_calendar_days"],
    }
    assert of_project == wanted, vector["reasoning"]
    assert life["approval_working_days"] == max(row["union_active_days"] for row in rows)
    if len(works) == 1:
        assert {name: rows[0][name] for name in wanted} == wanted, vector["reasoning"]


def _changed(facts: dict, policy: str) -> set[str]:
    """Vectors with another elapsed value or due date than under the default policy."""
    columns = ("elapsed_working_days", "due_date")
    return {
        vector["id"]
        for vector in vectors()
        if any(
            facts[policy]["cases"][vector["id"]][name] != facts["strict"]["cases"][vector["id"]][name]
            for name in columns
        )
    }


@pytest.mark.parametrize(
    ("policy", "changed"),
    [
        ("roll_forward", {"V16", "V17", "V68"}),
        ("lenient", {"V50", "V51", "V53", "V55"}),  # the first three are deemed acceptances, V55 a correction
    ],
)
def test_a_policy_switch_changes_what_it_should_and_is_stamped(facts, policy, changed):
    assert _changed(facts, policy) == changed
    versions = {row["rule_version"] for name in (policy, "strict") for row in facts[name]["cases"].values()}
    assert len(versions) == 2


def test_roll_forward_gives_the_numbers_the_vectors_name(facts):
    """V17 says: 'Roll-forward policy would give 2 and due 2025-10-13'; V68: 'would give 0'."""
    cases = facts["roll_forward"]["cases"]
    assert (cases["V17"]["elapsed_working_days"], cases["V17"]["due_date"]) == (2, date(2025, 10, 13))
    assert (cases["V68"]["elapsed_working_days"], cases["V68"]["is_overdue"]) == (0, False)


def test_another_palette_changes_words_and_colours_only(facts):
    """V50 has other days without deemed acceptance; what both policies call ahead is painted, not counted, anew."""
    both = [
        (facts["strict"]["cases"][vector["id"]], facts["lenient"]["cases"][vector["id"]])
        for vector in vectors()
        if vector["id"] not in {"V50", "V51", "V53", "V55"}
    ]
    assert {(row["pace_name"], row["pace_colour"]) for row, _ in both if row["pace_state"] == "ahead"} == {
        ("超前", "blue")
    }
    assert {(row["pace_name"], row["pace_colour"]) for _, row in both if row["pace_state"] == "ahead"} == {
        ("提前", "green")
    }
    assert {row["alert_name"] for row, _ in both if row["alert_state"] == "overdue"} == {"逾期"}
    assert {row["alert_name"] for _, row in both if row["alert_state"] == "overdue"} == {"超时"}
    for row, other in both:
        assert (row["pace_state"], row["alert_state"]) == (other["pace_state"], other["alert_state"])
