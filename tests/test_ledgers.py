"""The ledgers of the made-up district: nothing after its last day, and exact numbers where they are asked for."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import date, datetime

import pytest
import yaml

from yidang.district.catalogue import DEPARTMENTS, ITEMS, version_on
from yidang.district.ledgers import major_projects, measures, pipeline, problems
from yidang.district.model import World
from yidang.district.plant import plant
from yidang.district.profiles import BAOAN, PLAIN
from yidang.district.simulate import simulate
from yidang.district.systems import zhuanban
from yidang.settings import ROOT

END = date(2026, 3, 31)


@pytest.fixture(scope="module")
def world() -> World:
    made = simulate(7, 120, date(2024, 1, 2), END)
    plant(made)
    return made


@pytest.fixture
def asked(world: World):
    """The same world with other sizes, which it forgets afterwards."""
    yield world
    world.profile = PLAIN


def test_rows_fit_their_tables_and_nothing_lies_after_the_last_day(world: World):
    for ledger in zhuanban.LEDGERS:
        for table, rows in ledger.rows(world).items():
            assert rows, table
            for row in rows:
                assert len(row) == len(ledger.TABLES[table]), table
                moments = [value for value in row if isinstance(value, datetime)]
                assert all(moment.date() <= END for moment in moments), (table, row)
                assert str(row[-1])[:10] <= END.isoformat(), (table, row)


def test_keys_are_unique(world: World):
    contract = yaml.safe_load((ROOT / "departments" / "zhuanban.yml").read_text(encoding="utf-8"))
    keys = {table["name"]: table["key"] for table in contract["tables"]}
    for ledger in zhuanban.LEDGERS:
        for table, rows in ledger.rows(world).items():
            places = [list(ledger.TABLES[table]).index(column) for column in keys[table]]
            found = {tuple(row[place] for place in places) for row in rows}
            assert len(found) == len(rows), table


def test_key_new_starts_agents_and_list_are_as_many_as_asked_for(asked: World):
    wanted = {"new_starts": 20, "new_starts_established": 19, "new_starts_permitted": 14}
    asked.profile = replace(PLAIN, sizes=wanted | {"agents": 32, "major_projects": 30})
    rows = major_projects.rows(asked)
    entries = [dict(zip(major_projects.TABLES["major_project"], row, strict=True)) for row in rows["major_project"]]
    listed = [entry for entry in entries if entry["list_year"] == END.year]
    starts = [entry for entry in listed if entry["is_new_start"] == "是"]
    assert (len(listed), len(starts), len(rows["agent"])) == (30, 20, 32)
    projects = {project.code: project for project in asked.projects}
    permits = major_projects.first_permits(asked)
    known = [projects[entry["project_code"]] for entry in starts if entry["project_code"] in projects]
    assert sum(project.established is not None for project in known) == 19
    assert sum(project in permits for project in known) == 14
    # nothing that a planted fault hides from the warehouse
    assert not {case.project for case in asked.cases if case.planted} & {*known}


def test_first_investments_fall_into_the_window_as_asked_for(asked: World):
    asked.profile = replace(PLAIN, sizes={"year_starts": 58, "window_starts": 27, "pipeline_projects": 12})
    rows = pipeline.rows(asked)
    first: dict[str, date] = {}
    for code, month, *_ in rows["investment_done"]:
        first[code] = min(first.get(code, month), month)
    assert Counter((month.year, month.month > 10) for month in first.values()) == {(2025, True): 27, (2025, False): 31}
    assert len(rows["pipeline_project"]) == 12


def test_no_item_is_said_to_have_saved_more_days_than_its_limit_had(asked: World):
    asked.profile = replace(BAOAN, start=PLAIN.start, end=PLAIN.end)
    saved: Counter[str] = Counter()
    for row in measures.rows(asked)["measure"]:
        measure = dict(zip(measures.TABLES["measure"], row, strict=True))
        if measure["kind"] == "精简材料":
            saved[measure["item_code"]] += measure["days_saved"] or 0
    assert len(saved) > 15
    assert all(days <= ITEMS[code].statutory - version_on(ITEMS[code], END)[1] for code, days in saved.items())


def test_a_problem_belongs_to_the_department_that_deals_with_its_matter(world: World):
    owners = {department.name for department in DEPARTMENTS.values()}
    found: dict[str, set[tuple[str, str]]] = {}
    for row in problems.rows(world)["problem"]:
        problem = dict(zip(problems.TABLES["problem"], row, strict=True))
        found.setdefault(problem["title"], set()).add((problem["kind"], problem["owner_unit"]))
    assert all(len(pairs) == 1 for pairs in found.values())
    assert {owner for pairs in found.values() for _, owner in pairs} <= owners
    assert found["图纸审查意见问题（虚构）"] == {("审批事项", "住房和城乡建设局")}
