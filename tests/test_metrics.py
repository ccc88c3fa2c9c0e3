"""Each metric, compiled, gives what a query written by hand gives; nothing over nothing is null."""

# ruff: noqa: S608 - the queries are put together from our own definitions

from __future__ import annotations

from datetime import date
from pathlib import Path

import psycopg
import pytest
import yaml
from clock_world import PROJECT_CODE, Spgl, catalogue_row, land, open_world

from yidang import build, metrics
from yidang.errors import ConfigError

pytestmark = pytest.mark.integration

CASES = "marts.fct_item_instance"
DECIDED = "where outcome in ('passed', 'denied')"
# The same figures in plain SQL, straight from the definitions of rules B2 and C1.
BY_HAND = {
    "cases_received": f"select count(*) from {CASES} where received_date is not null or accepted_date is not null",
    "cases_accepted": f"select count(accepted_date) from {CASES}",
    "cases_decided": f"select count(decided_date) from {CASES}",
    "cases_open": f"select count(*) from {CASES} where outcome = 'open'",
    "cases_overdue_open": (
        f"select count(*) from {CASES} where outcome = 'open' and elapsed_working_days > promised_limit"
    ),
    "cases_withdrawn": f"select count(*) from {CASES} where outcome = 'withdrawn'",
    "on_time_rate": f"""
        select avg((outcome in ('passed', 'denied') and elapsed_working_days <= promised_limit)::integer) from {CASES}
        where due_date <= as_of and not (outcome = 'withdrawn' and elapsed_working_days <= promised_limit)""",
    "overdue_rate": f"""
        select avg((outcome not in ('passed', 'denied') or elapsed_working_days > promised_limit)::integer) from {CASES}
        where due_date <= as_of and not (outcome = 'withdrawn' and elapsed_working_days <= promised_limit)""",
    "statutory_overdue_rate": f"""
        select avg((outcome not in ('passed', 'denied') or statutory_elapsed_working_days > statutory_limit)::integer)
        from {CASES}
        where statutory_due_date <= as_of
            and not (outcome = 'withdrawn' and statutory_elapsed_working_days <= statutory_limit)""",
    "median_elapsed_days": (
        f"select percentile_cont(0.5) within group (order by elapsed_working_days) from {CASES} {DECIDED}"
    ),
    "p90_elapsed_days": (
        f"select percentile_cont(0.9) within group (order by elapsed_working_days) from {CASES} {DECIDED}"
    ),
    "mean_elapsed_days": f"select avg(elapsed_working_days) from {CASES} {DECIDED}",
    "promise_compression_catalogue": """
        select sum(statutory_limit - promised_limit)::numeric / sum(statutory_limit)
        from marts.dim_item where is_current""",
    "catalogue_item_count": "select count(*) from marts.dim_item",
    "catalogue_step_count": "select sum(step_count) from marts.dim_item",
    "catalogue_material_count": "select sum(material_count) from marts.dim_item",
    "catalogue_visit_count": "select sum(visit_count) from marts.dim_item",
    "catalogue_fee_yuan": "select sum(fee_yuan) from marts.dim_item",
    "catalogue_statutory_limit_days": "select sum(statutory_limit) from marts.dim_item",
    "catalogue_promised_limit_days": "select sum(promised_limit) from marts.dim_item",
    "promise_compression_cases": (
        f"select 1 - sum(promised_limit)::numeric / sum(statutory_limit) from {CASES} {DECIDED}"
    ),
    "actual_vs_statutory": f"""
        select 1 - sum(statutory_elapsed_working_days)::numeric / sum(statutory_limit) from {CASES} {DECIDED}""",
    "actual_vs_promised": f"""
        select 1 - sum(elapsed_working_days)::numeric / sum(promised_limit)
        from {CASES} {DECIDED} and promised_limit >= 1""",
    "excluded_days_share": f"""
        select sum(gross_working_days - elapsed_working_days)::numeric / sum(gross_working_days)
        from {CASES} {DECIDED}""",
    "correction_rate": f"select avg((correction_count > 0)::integer) from {CASES} where received_date is not null",
    "stage_union_days_median": """
        select percentile_cont(0.5) within group (order by union_active_days)
        from marts.fct_stage where is_finished""",
    "stage_span_days_median": """
        select percentile_cont(0.5) within group (order by span_calendar_days)
        from marts.fct_stage where is_finished""",
    "project_count": "select count(*) from marts.fct_project_lifecycle",
    "projects_finished": "select count(*) from marts.fct_project_lifecycle where completion_date is not null",
    "project_approval_days_median": """
        select percentile_cont(0.5) within group (order by approval_working_days)
        from marts.fct_project_lifecycle where completion_date is not null""",
    "project_span_days_median": """
        select percentile_cont(0.5) within group (order by span_calendar_days)
        from marts.fct_project_lifecycle where completion_date is not null""",
}
PERCENT = {name for name in BY_HAND if name.endswith(("_rate", "_share")) or "compression" in name or "actual" in name}


@pytest.fixture(scope="module")
def built(settings, tmp_path_factory):
    """Every kind of case: on time, late, denied, paused, corrected, open, withdrawn early and late."""
    with (
        pytest.MonkeyPatch.context() as patch,
        psycopg.connect(settings.admin_dsn("yidang"), autocommit=True) as warehouse,
    ):
        open_world(settings, tmp_path_factory.mktemp("departments"), patch)
        items = [
            catalogue_row("IT01", stage=1, statutory=20, promised=5),
            catalogue_row("IT03", stage=3, statutory=15, promised=0),
            catalogue_row("DONE", stage=4, statutory=10, promised=2, item_name="竣工验收备案"),
        ]
        land(warehouse, "zhengwu", "service_item", items)
        _land_cases(warehouse)
        build.build(settings, as_of=date(2025, 3, 31))
        with psycopg.connect(settings.dsn("reader"), autocommit=True) as reader:
            yield reader


def _land_cases(warehouse: psycopg.Connection) -> None:
    works = f"{PROJECT_CODE}-001"
    alpha = Spgl("alpha")
    alpha.works(works, PROJECT_CODE)
    alpha.works("2017-330199-47-03-000001-001", "2017-330199-47-03-000001")
    for number, (item, promised, last) in enumerate(
        [
            ("IT01", 5, ("decided_pass", "2025-03-07")),
            ("IT01", 5, ("decided_pass", "2025-03-10")),
            ("IT01", 5, ("decided_deny", "2025-03-13")),
            ("IT01", 2, ("decided_pass", "2025-03-31")),
            ("IT01", 60, ("decided_pass", "2025-03-20")),
            ("IT01", 5, ("withdrawn", "2025-03-05")),
            ("IT01", 5, ("withdrawn", "2025-03-20")),
            ("IT01", 5, None),
            ("IT01", 25, None),
            ("IT03", 0, ("decided_pass", "2025-03-03")),
            ("DONE", 2, ("decided_pass", "2025-03-24")),
        ]
    ):
        happened = [("received", "2025-03-03"), ("accepted", "2025-03-03"), *([last] if last else [])]
        if number in (2, 4):
            happened[2:2] = [("special_start", "2025-03-05"), ("special_end", "2025-03-10")]
        if number in (1, 4):
            happened[2:2] = [("correction_requested", "2025-03-04"), ("correction_received", "2025-03-05")]
        events = [{"kind": kind, "at": f"{day} {9 + place:02d}:00:00"} for place, (kind, day) in enumerate(happened)]
        alpha.case(f"C{number}", works, item, promised, events)
    alpha.land(warehouse)


def value(reader: psycopg.Connection, query: str) -> float | None:
    (found,) = reader.execute(query).fetchone()
    return None if found is None else float(found)


@pytest.mark.parametrize("name", BY_HAND)
def test_compiled_metric_equals_the_query_by_hand(settings, built, name):
    metric = metrics.load(settings)[name]
    compiled = value(built, f"select {metric.sql} from marts.{metric.model}")
    assert compiled is not None
    assert compiled == pytest.approx(value(built, BY_HAND[name]))


def test_the_figures_of_this_world_counted_on_fingers(settings, built):
    """Due by 31 March: C0, C1, C2, C3, C6 (withdrawn late), C7, C9, C10. On time: C0, C1, C2 (paused), C9."""
    found = {name: value(built, f"select {m.sql} from marts.{m.model}") for name, m in metrics.load(settings).items()}
    assert found["cases_received"] == 11
    assert found["cases_decided"] == 7
    assert found["cases_overdue_open"] == 1
    assert found["on_time_rate"] == pytest.approx(4 / 8)
    assert found["correction_rate"] == pytest.approx(2 / 11)
    assert found["project_count"] == 2
    assert found["projects_finished"] == 1


def test_every_metric_is_tested_and_complete(settings):
    loaded = metrics.load(settings)
    assert set(loaded) == set(BY_HAND)
    assert {metric.name for metric in loaded.values() if metric.unit == "%"} == PERCENT
    assert all(metric.format.endswith("%") for metric in loaded.values() if metric.unit == "%")


def test_nothing_over_nothing_is_null_and_a_count_of_nothing_is_zero(settings, built):
    for metric in metrics.load(settings).values():
        found = value(built, f"select {metric.sql} from marts.{metric.model} where false")
        assert found == (0 if metric.sql.startswith("count(") else None), metric.name


def test_every_figure_says_on_how_many_rows_it_rests(settings, built):
    found = {name: value(built, f"select {m.n_sql} from marts.{m.model}") for name, m in metrics.load(settings).items()}
    assert found["on_time_rate"] == found["overdue_rate"] == 8
    assert found["median_elapsed_days"] == found["mean_elapsed_days"] == found["cases_decided"] == 7
    assert found["stage_union_days_median"] == value(built, "select count(*) from marts.fct_stage where is_finished")
    assert found["promise_compression_catalogue"] == found["catalogue_item_count"] == 3


def test_period_columns_exist_in_their_marts(settings, built):
    for metric in metrics.load(settings).values():
        built.execute(f"select {metric.date_column} from marts.{metric.model} limit 0")


def test_a_rate_is_its_two_parts(settings, built):
    for metric in metrics.load(settings).values():
        if metric.denominator_sql:
            query = f"select {metric.sql}, {metric.numerator_sql}, {metric.denominator_sql} from marts.{metric.model}"
            rate, top, bottom = built.execute(query).fetchone()
            assert float(rate) == pytest.approx(float(top) / float(bottom)), metric.name


@pytest.mark.parametrize(
    ("where", "change", "message"),
    [
        ("metrics", {"type_params": {"measure": "no_such"}}, "cases_received uses the unknown measure no_such"),
        ("metrics", {"type": "cumulative"}, "cases_received has the type cumulative"),
        ("metrics", {"label": ""}, "cases_received lacks label"),
        ("measures", {"agg": "mode"}, "received_cases has the unknown aggregation mode"),
        ("measures", {"agg_time_dimension": "never"}, "received_cases names the unknown time dimension never"),
    ],
)
def test_a_broken_definition_is_named(settings, tmp_path: Path, monkeypatch, where, change, message):
    path = settings.dbt_dir / "models" / "marts" / "_metrics.yml"
    document = yaml.safe_load(path.read_text(encoding="utf-8"))
    target = document["metrics"][0] if where == "metrics" else document["semantic_models"][0]["measures"][0]
    target.update(change)
    broken = tmp_path / "dbt_project" / "models" / "marts" / "_metrics.yml"
    broken.parent.mkdir(parents=True)
    broken.write_text(yaml.safe_dump(document, allow_unicode=True), encoding="utf-8")
    monkeypatch.setattr(type(settings), "dbt_dir", tmp_path / "dbt_project")
    with pytest.raises(ConfigError, match=message):
        metrics.load(settings)
