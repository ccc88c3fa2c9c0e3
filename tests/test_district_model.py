"""The model behind the made-up district: working time, realism, and what is known about its planted faults."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import date, datetime
from itertools import pairwise

import chinese_calendar
import pytest
from hypothesis import given
from hypothesis import strategies as st

from yidang.district.catalogue import ITEMS, REFORM_DATE, REFORMS
from yidang.district.flows import FLOWS
from yidang.district.ledgers import assessment, reach, voices
from yidang.district.model import Case, World
from yidang.district.plant import plant
from yidang.district.profiles import PLAIN
from yidang.district.simulate import simulate
from yidang.district.worktime import DAY, OFFICE_SECONDS, OPENING, WorkTime

TIME = WorkTime(date(2024, 1, 2), date(2026, 6, 30))


@pytest.fixture(scope="module")
def world() -> World:
    made = simulate(11, 200, date(2024, 1, 2), date(2026, 6, 30))
    plant(made)
    return made


# -- working time -----------------------------------------------------------------------------------------------
@given(st.integers(0, TIME.days - 60), st.integers(0, OFFICE_SECONDS - 1), st.integers(0, 25))
def test_whole_days_of_work_are_as_many_working_days(day: int, second: int, days: int):
    moment = day * DAY + OPENING + second
    later = TIME.after(moment, days)
    assert TIME.is_working_day(later)
    if TIME.is_working_day(moment):
        assert TIME.working_days_between(moment, later) == days
        assert later % DAY == moment % DAY


@given(st.integers(0, TIME.horizon - 1), st.floats(0, 30), st.floats(0, 30))
def test_more_work_never_ends_earlier(moment: int, less: float, more: float):
    assert moment <= TIME.after(moment, less) <= TIME.after(moment, less + more) <= TIME.never


def test_make_up_days_count_and_holidays_do_not():
    friday = TIME.second(date(2024, 2, 9)) + OPENING
    assert TIME.moment(TIME.after(friday, 1)).date() == date(2024, 2, 18)  # Spring Festival, then a working Sunday


# -- realism ------------------------------------------------------------------------------------------------------
def test_departments_decide_on_working_days_and_applicants_come_online_on_any(world: World):
    weekend = Counter()
    for case in world.cases:
        weekend[case.online] += not chinese_calendar.is_workday(world.time.moment(case.received))
        if case.outcome in ("passed", "denied"):
            assert chinese_calendar.is_workday(world.time.moment(case.ended))
    assert weekend[True] > 50
    assert weekend[False] == 0


def test_most_cases_are_on_time_and_some_are_late(world: World):
    decided = [case for case in world.cases if case.outcome in ("passed", "denied")]
    share = sum(_charged_days(world, case) <= case.promised for case in decided) / len(decided)
    assert 0.90 <= share <= 0.97


def test_every_outcome_flow_and_item_occurs(world: World):
    assert {case.outcome for case in world.cases} == {"passed", "denied", "withdrawn", "not_accepted", "open"}
    assert {project.flow_type for project in world.projects} == set(FLOWS)
    assert {case.item.code for case in world.cases} == set(ITEMS)
    assert any(project.finished for project in world.projects)
    assert any(project.abandoned for project in world.projects)
    assert any(case.reapply_of for case in world.cases)
    assert {len(project.works) for project in world.projects} == {1, 2, 3, 4}


def test_parallel_applications_go_in_together_and_keep_their_order(world: World):
    groups: dict[str, list[Case]] = {}
    for case in world.cases:
        if case.parallel_group:
            groups.setdefault(case.parallel_group, []).append(case)
    assert len(groups) > 20
    for group in groups.values():
        assert len({case.received for case in group}) == 1
        assert len({case.item.stage for case in group}) == 1
        by_item = {case.item.code: case for case in group}
        if by_item.keys() >= {"ZG03", "ZG04"} and by_item["ZG03"].is_passed and by_item["ZG04"].is_passed:
            assert by_item["ZG03"].ended < by_item["ZG04"].ended


def test_versions_follow_the_day_of_receipt(world: World):
    for case in world.cases:
        is_new = case.item.code in REFORMS and world.time.moment(case.received).date() >= REFORM_DATE
        assert case.version == (2 if is_new else 1)
        assert case.promised == (REFORMS[case.item.code].promised if is_new else case.item.promised)
        assert case.promised <= case.item.statutory


def test_every_name_says_that_it_is_made_up(world: World):
    names = {case.officer for case in world.cases}
    names |= {project.name for project in world.projects} | {project.owner_name for project in world.projects}
    assert all("虚构" in name for name in names)


# -- planted faults ---------------------------------------------------------------------------------------------
def test_no_case_carries_two_faults(world: World):
    of_cases = [code for kind in ("backfilled", "bypass", "withheld", "unlinked") for code in world.planted[kind]]
    assert len(of_cases) == len(set(of_cases))
    by_code = {case.code: case for case in world.cases}
    assert len(by_code) == len(world.cases)
    assert all(by_code[code].is_passed for kind in ("backfilled", "bypass", "withheld") for code in world.planted[kind])
    assert world.planted["order_breaks"]


# -- instant starts ---------------------------------------------------------------------------------------------
def test_the_permits_of_instant_starts_come_with_the_land(world: World):
    """The land first, then both planning permits, then the construction permit; on one date where it says so."""
    assert len(world.instant_starts) > 5
    assert {start.is_four for start in world.instant_starts.values()} == {True, False}
    for project, start in world.instant_starts.items():
        first = [
            min(case.ended for case in world.cases if (case.project, case.item.code) == (project, code))
            for code in ("ZG02", "ZG04", "ZJ03")
        ]
        assert [start.land, *first] == sorted([start.land, *first])
        assert start.land <= start.title // DAY * DAY + DAY - 1
        days = {moment // DAY for moment in (start.title, *first)}
        assert (len(days) == 1) == start.is_four
        assert world.time.is_working_day(start.land) and world.time.is_working_day(start.title)


def test_what_instant_starts_move_stays_a_case_like_any_other(world: World):
    unplanted = simulate(11, 200, date(2024, 1, 2), date(2026, 6, 30))
    before = {case.sequence: case for case in unplanted.cases}
    moved = [case for case in world.cases if case.received != before[case.sequence].received]
    assert {case.item.code for case in moved} == {"ZG02", "ZG04"}
    assert {case.project for case in moved} == {*world.instant_starts}
    for case in moved:
        assert case.received > before[case.sequence].received >= case.project.registered
        assert [event.kind for event in case.events] == [event.kind for event in before[case.sequence].events]
        assert all(left.at <= right.at and left.recorded < right.recorded for left, right in pairwise(case.events))
        was = [_working_days(world, before[case.sequence], event) for event in range(1, len(case.events))]
        now = [_working_days(world, case, event) for event in range(1, len(case.events))]
        assert now[:-1] == was[:-1] and now[-1] - was[-1] in (0, 1)
    # the plan was reviewed before there was land: that paper was missing
    reviews = [case for case in world.cases if case.item.code == "ZG03" and case.project in world.instant_starts]
    early = [case for case in reviews if case.code in world.planted["order_breaks"]]
    assert early and {case.code for case in early} <= {*world.planted["order_breaks_excused"]}


def test_a_permit_of_one_day_lacks_the_review_of_the_drawings():
    made = simulate(
        11, 200, date(2024, 1, 2), date(2026, 6, 30), profile=replace(PLAIN, sizes={"same_day_tolerant": 1})
    )
    plant(made)
    (code,) = made.planted["same_day_tolerant"]
    (permit,) = (case for case in made.cases if case.code == code)
    assert permit.received // DAY == permit.ended // DAY
    late = [case.item.code for case in made.cases if case.works is permit.works and case.ended > permit.ended]
    assert "ZJ01" in late and not {"ZG04", "ZJ02"} & {*late}
    assert code in made.planted["order_breaks_excused"]


def _working_days(world: World, case: Case, place: int) -> int:
    return world.time.working_days_between(case.events[place - 1].at, case.events[place].at)


def _charged_days(world: World, case: Case) -> int:
    """Working days from acceptance to decision without the days of its pauses (rules.md A3, promise clock)."""
    paused = set()
    for kinds in (("special_start", "special_end"), ("correction_requested", "correction_received")):
        for start, end in case.spans(*kinds):
            paused |= set(range(max(start, case.accepted) // DAY + 1, end // DAY + 1))
    days = range(case.accepted // DAY + 1, case.ended // DAY + 1)
    return sum(day not in paused and world.time.is_working_day(day * DAY) for day in days)


# -- the hall's ledgers -------------------------------------------------------------------------------------------
def columns(ledger, table: str, rows: dict) -> list[dict]:
    return [dict(zip(ledger.TABLES[table], row, strict=True)) for row in rows[table]]


@pytest.mark.parametrize("ledger", [voices, reach, assessment])
def test_a_ledger_is_the_same_again_and_ends_with_the_world(world: World, ledger):
    made = ledger.rows(world)
    assert made == ledger.rows(world)
    assert made.keys() == ledger.TABLES.keys()
    assert all(made.values())
    last = world.time.end
    for rows in made.values():
        for row in rows:
            days = [value.date() if isinstance(value, datetime) else value for value in row if isinstance(value, date)]
            assert all(day <= last for day in days)


def test_voices_come_in_the_numbers_asked_for(world: World):
    sizes = {"callbacks_per_month": 30, "satisfied_months": 10, "complaints": 0}
    rows = voices.rows(replace(world, profile=replace(PLAIN, sizes=sizes)))
    assert rows["complaint"] == []
    calls = columns(voices, "callback", rows)
    months = Counter(call["called_at"].strftime("%Y-%m") for call in calls)
    assert set(months.values()) == {30}
    assert list(months)[-1] == "2026-06"
    flat = [call for call in calls if call["called_at"] >= datetime(2025, 9, 1) and call["answered"]]
    assert len(flat) > 150
    assert all(call["grade"] >= 4 for call in flat)
    before = [call for call in calls if call["called_at"] < datetime(2025, 9, 1) and call["answered"]]
    assert any(call["grade"] < 3 for call in before)


def test_reach_comes_in_the_numbers_asked_for(world: World):
    sizes = {
        "fully_online_items": 9,
        "cross_province_items": 5,
        "self_service_machines": 7,
        "village_centres": 40,
        "standard_village_centres": 38,
    }
    rows = reach.rows(replace(world, profile=replace(PLAIN, sizes=sizes)))
    now = {row["item_code"]: row for row in columns(reach, "item_channel", rows)}
    assert now.keys() == ITEMS.keys()
    assert sum(row["depth"] == "全程网办" for row in now.values()) == 9
    assert sum(row["cross_province"] for row in now.values()) == 5
    points = columns(reach, "service_point", rows)
    assert Counter(row["kind"] for row in points) == {"自助服务终端": 7, "村级便民服务中心": 40}
    assert sum(row["is_standard"] is True for row in points) == 38
