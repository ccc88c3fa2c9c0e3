"""The process view, worked out by hand on landed rows: paths of cases, what a 工程 waited for, its critical path.

The same rows are landed twice, once in the order they were written and once shuffled: nothing may depend on where a row
lies in its table.
"""

# ruff: noqa: S608 - the marts' names are our own

from __future__ import annotations

import random
import re
from datetime import date
from decimal import Decimal

import psycopg
import pytest
from clock_world import PROJECT_CODE, Spgl, catalogue_row, land, open_world
from psycopg.rows import dict_row

from yidang import build, process
from yidang.errors import ConfigError

pytestmark = pytest.mark.integration

AS_OF = date(2025, 3, 31)
WORKS = f"{PROJECT_CODE}-001"
TWINS = f"{PROJECT_CODE}-002"
# of another flow type, so that what goes wrong there leaves the other figures alone
DEVIATING_PROJECT = "2603-141124-89-05-346948"
BROKEN = f"{DEVIATING_PROJECT}-001"
EARLY = f"{DEVIATING_PROJECT}-002"
MARTS = (
    "agg_case_variant",
    "agg_case_directly_follows",
    "agg_works_variant",
    "agg_works_directly_follows",
    "agg_bottleneck",
    "fct_critical_path",
    "agg_conformance",
    "fct_conformance",
)
ORDERS = ("as written", "shuffled")
FLOW_3 = {"slice": "flow_type", "flow_type": "3"}
MARCH = "2025-03-{:02d} {}"
CODES = {"accepted": 3, "department_started": 8, "special_end": 10}
# item: stage, required items, milestone
ITEMS = {
    "PLAN": (1, "", 1),
    "DESIGN": (2, "PLAN", 0),
    "DRAWING": (3, "DESIGN", 0),
    "FIRE": (3, "DESIGN", 0),
    "PERMIT": (3, "DRAWING,FIRE", 1),
    "STEPWISE": (2, "", 0),
    "SIDE": (5, "", 0),
}
# in the catalogue, in no flow
UNLISTED = "OTHER"


def moments(*pairs: tuple[str, int]) -> list[dict]:
    """Events of March 2025, each kind with its day; those of one day in the order given."""
    return [{"kind": kind, "at": MARCH.format(day, f"09:{minute:02d}:00")} for minute, (kind, day) in enumerate(pairs)]


def land_works(alpha: Spgl) -> None:
    """One 工程 whose way to the permit is known day by day, and a second whose cases take no day at all."""
    alpha.works(WORKS, PROJECT_CODE)
    alpha.works(TWINS, PROJECT_CODE)
    step = moments(("received", 3), ("accepted", 4), ("decided_pass", 6))
    alpha.case("PLAN", WORKS, "PLAN", 5, step)
    review = moments(
        ("received", 10), ("accepted", 11), ("special_start", 12), ("special_end", 14), ("decided_pass", 18)
    )
    alpha.case("DESIGN", WORKS, "DESIGN", 5, review)
    for item, decided in (("DRAWING", 21), ("FIRE", 25)):
        together = moments(("received", 19), ("accepted", 20), ("decided_pass", decided))
        alpha.case(item, WORKS, item, 5, together, blspslbm="G1")
    alpha.case("PERMIT", WORKS, "PERMIT", 5, moments(("received", 26), ("accepted", 26), ("decided_pass", 27)))
    # long under way when the permit was given, and in nobody's way; one that is still open
    alpha.case("SIDE", WORKS, "SIDE", 5, moments(("received", 4), ("accepted", 5), ("decided_pass", 28)))
    alpha.case("AGAIN", WORKS, "PERMIT", 5, moments(("received", 27), ("accepted", 28)))
    # decided on the day of acceptance, three on one day: each waits for the one numbered before it, none for itself
    for place, item in enumerate(("PLAN", "DESIGN", "PERMIT")):
        same_day = moments(("received", 5), ("accepted", 5), ("decided_pass", 5))
        alpha.case(f"TWIN{place}", TWINS, item, 5, same_day)


def land_deviations(alpha: Spgl) -> None:
    """One 工程 that never got its PLAN and took its PERMIT too early, one that designed before the plan stood."""
    alpha.works(BROKEN, DEVIATING_PROJECT, splclx="4")
    alpha.works(EARLY, DEVIATING_PROJECT, splclx="4")
    for works, item, accepted, decided in (
        (BROKEN, "DESIGN", 4, 10),
        (BROKEN, "FIRE", 11, 20),
        (BROKEN, "PERMIT", 12, 18),
        (BROKEN, UNLISTED, 13, 14),
        (BROKEN, "DRAWING", 21, 24),
        (EARLY, "PLAN", 4, 20),
        (EARLY, "DESIGN", 10, 12),
        (EARLY, "STEPWISE", 11, 13),
    ):
        handled = moments(("received", accepted), ("accepted", accepted), ("decided_pass", decided))
        alpha.case(f"{works[-3:]}{item}", works, item, 5, handled)


def land_paths(alpha: Spgl) -> None:
    """Cases of one item whose events tie, repeat and go on after the decision."""
    tie = MARCH.format(4, "10:00:00")
    for number in range(10):
        code = f"TIED{number}"
        alpha.case(code, WORKS, "SIDE", 5, moments(("received", 3)))
        for kind in ("accepted", "department_started"):
            state(alpha, code, kind, tie)
        alpha.event(code, WORKS, "decided_pass", MARCH.format(5 + number, "09:00:00"))
    # after the pause 3 and 8 are written again at its very second; after the decision comes one more pause
    alpha.case("PAUSED", WORKS, "SIDE", 5, moments(("received", 3)))
    for kind in ("accepted", "department_started"):
        state(alpha, "PAUSED", kind, tie)
    alpha.event("PAUSED", WORKS, "special_start", MARCH.format(6, "09:00:00"))
    for kind in ("special_end", "accepted", "department_started"):
        state(alpha, "PAUSED", kind, MARCH.format(10, "09:00:00"))
    alpha.event("PAUSED", WORKS, "decided_pass", MARCH.format(12, "09:00:00"))
    alpha.event("PAUSED", WORKS, "special_start", MARCH.format(13, "09:00:00"))
    # two rounds of correction before acceptance, then still open
    rounds = moments(
        ("received", 3),
        ("correction_requested", 4),
        ("correction_received", 6),
        ("correction_requested", 7),
        ("correction_received", 10),
        ("accepted", 11),
    )
    alpha.case("ROUNDS", WORKS, "SIDE", 5, rounds)


def state(alpha: Spgl, case: str, kind: str, at: str) -> None:
    alpha.event(case, WORKS, "accepted", at)["blzt"] = CODES[kind]


def land_flows(alpha: Spgl) -> None:
    """The same stages and items for both flow types. Stages 2 and 4 have no milestone."""
    for flow_type in ("3", "4"):
        flow = {"splcbm": f"LC{flow_type}", "splcbbh": "1"}
        alpha.add("dfxmsplcxxb", **flow, splcmc="流程", splclx=flow_type, splcsxsj="2020-01-01")
        for stage in (1, 2, 3, 4, 5):
            alpha.add("dfxmsplcjdxxb", **flow, spjdxh=stage, spjdmc="阶段", dybzspjdxh=stage, spjdsx=20, lcbsxlx=1)
        for item, (stage, required, milestone) in ITEMS.items():
            placed = {"spjdxh": stage, "spsxbm": item, "spsxbbh": "1", "spsxmc": name_of(item), "spbmmc": "甲局"}
            alpha.add("dfxmsplcjdsxxxb", **flow, **placed, spsxblsx=5, qzspsxbm=required, sflcbsx=milestone)


def name_of(item: str) -> str:
    return "分期设计" if item == "STEPWISE" else f"事项{item}"


@pytest.fixture(scope="module")
def worlds(settings, tmp_path_factory):
    """Rows of every mart of the process view by the order in which the rows behind them were landed."""
    with (
        pytest.MonkeyPatch.context() as patch,
        psycopg.connect(settings.admin_dsn("yidang"), autocommit=True) as warehouse,
    ):
        found = {}
        for order in ORDERS:
            open_world(settings, tmp_path_factory.mktemp("departments"), patch)
            land_world(warehouse, order)
            build.build(settings, as_of=AS_OF, select=" ".join(f"+{mart}" for mart in MARTS), with_tests=False)
            with warehouse.cursor(row_factory=dict_row) as cursor:
                found[order] = {mart: cursor.execute(f"select * from marts.{mart}").fetchall() for mart in MARTS}
        yield found


def land_world(warehouse: psycopg.Connection, order: str) -> None:
    alpha = Spgl("alpha")
    land_flows(alpha)
    land_works(alpha)
    land_deviations(alpha)
    land_paths(alpha)
    if order == "shuffled":
        for landed in alpha.rows.values():
            random.Random(7).shuffle(landed)
    alpha.land(warehouse)
    catalogue = [
        catalogue_row(item, stage=stage, statutory=20, promised=5, prerequisite_codes=required, item_name=name_of(item))
        for item, (stage, required, _) in (ITEMS | {UNLISTED: (5, "", 0)}).items()
    ]
    land(warehouse, "zhengwu", "service_item", catalogue)


@pytest.fixture(params=ORDERS)
def marts(request, worlds):
    return worlds[request.param]


def rows(found: list[dict], columns: str, **wanted) -> list[tuple]:
    """The named columns of the rows that have the wanted values, sorted."""
    chosen = [row for row in found if all(row[name] == value for name, value in wanted.items())]
    return sorted((tuple(row[name] for name in columns.split()) for row in chosen), key=repr)


def test_the_order_of_landed_rows_changes_nothing(worlds):
    written, shuffled = (worlds[order] for order in ORDERS)
    for mart in MARTS:
        assert written[mart], mart
        assert sorted(map(repr, written[mart])) == sorted(map(repr, shuffled[mart])), mart


def test_a_path_has_ties_in_source_order_no_restated_state_and_ends_with_the_decision(marts):
    variants = rows(
        marts["agg_case_variant"],
        "case_count share variant is_open repeated_step_count restated_event_count after_end_event_count",
        item_code="SIDE",
    )
    started = "received > accepted > department_started"
    corrected = "correction_requested > correction_received"
    assert set(variants) == {
        (10, Decimal("0.769231"), f"{started} > decided_pass", False, 0, 0, 0),
        (1, Decimal("0.076923"), f"{started} > special_start > special_end > decided_pass", False, 0, 2, 1),
        (1, Decimal("0.076923"), f"received > {corrected} > {corrected} > accepted", True, 2, 0, 0),
        (1, Decimal("0.076923"), "received > accepted > decided_pass", False, 0, 0, 0),
    }


def test_the_usual_variant_comes_first_with_its_days(marts):
    columns = "variant_name decided_count median_elapsed_working_days p90_elapsed_working_days"
    # decided on 5 to 14 March after 4 March: 1, 2, 3, 3, 3, 4, 5, 6, 7, 8 working days
    assert rows(marts["agg_case_variant"], columns, item_code="SIDE", variant_rank=1) == [
        ("接件 → 受理 → 部门开始办理 → 办结（通过）", 10, Decimal("3.5"), Decimal("7.1"))
    ]


def edge(marts: dict, from_kind: str, to_kind: str, columns: str, **where) -> list[tuple]:
    slice_ = {"slice": "item", "item_code": "SIDE", **where}
    return rows(marts["agg_case_directly_follows"], columns, from_kind=from_kind, to_kind=to_kind, **slice_)


def test_edges_of_cases_count_days_between_steps(marts):
    days = "edge_count total_working_days median_working_days p90_working_days median_calendar_days p90_calendar_days"
    assert edge(marts, "department_started", "decided_pass", days) == [
        (10, 42, Decimal("3.5"), Decimal("7.1"), Decimal("5.5"), Decimal("9.1"))
    ]
    assert edge(marts, "accepted", "department_started", days) == [(11, 0, 0, 0, 0, 0)]
    assert edge(marts, "special_end", "decided_pass", days) == [(1, 2, None, None, None, None)]
    # ROUNDS waits in its last step from 11 to 31 March; it is not dropped and not called ended
    assert edge(marts, "accepted", "OPEN", "edge_count total_working_days") == [(1, 14)]
    assert edge(marts, "START", "received", "edge_count measured_count total_working_days") == [(13, 0, None)]
    assert edge(marts, "decided_pass", "END", "edge_count") == [(12,)]


def test_rework_is_a_step_taken_before_in_the_same_case(marts):
    counts = "edge_count case_count repetition_count"
    assert edge(marts, "correction_requested", "correction_received", counts) == [(2, 1, 1)]
    assert edge(marts, "correction_received", "correction_requested", counts) == [(1, 1, 1)]
    assert edge(marts, "received", "correction_requested", counts) == [(1, 1, 0)]


def test_slices_add_up(marts):
    for mart, part, count in (
        ("agg_case_directly_follows", "item", "edge_count"),
        ("agg_case_directly_follows", "department", "edge_count"),
        ("agg_works_directly_follows", "flow_type", "edge_count"),
        ("agg_bottleneck", "flow_type", "total_working_days"),
    ):
        whole, parts = (sum(value for (value,) in rows(marts[mart], count, slice=name)) for name in ("all", part))
        assert whole == parts > 0, (mart, part)


def test_items_of_one_application_accepted_together_are_a_set(marts):
    variants = rows(marts["agg_works_variant"], "variant works_count widest_step is_complete", flow_type="3")
    assert variants == [
        ("PLAN > DESIGN > PERMIT", 1, 1, False),
        ("PLAN > DESIGN > {DRAWING+FIRE} > PERMIT > PERMIT", 1, 2, False),
    ]


def test_edges_between_items_say_who_held_the_wait(marts):
    columns = "edge_count repetition_count total_working_days application_working_days intake_working_days"
    found = marts["agg_works_directly_follows"]
    waits = {
        (start, end): rows(found, columns, **FLOW_3, from_item_code=start, to_item_code=end)
        for start, end in (("DESIGN", "DRAWING"), ("FIRE", "PERMIT"), ("PERMIT", "OPEN"), ("DRAWING", "END"))
    }
    assert waits == {
        ("DESIGN", "DRAWING"): [(1, 0, 2, 1, 1)],
        # 25 → 26 March handed in and accepted at once; and again, handed in on 27, accepted on 28 March
        ("FIRE", "PERMIT"): [(2, 1, 4, 3, 1)],
        ("PERMIT", "OPEN"): [(1, 0, None, None, None)],
        ("DRAWING", "END"): [(1, 0, None, None, None)],
    }


def test_bottlenecks_rank_all_waiting_and_what_a_path_hung_on(marts):
    columns = "place_code wait_count open_count total_working_days critical_working_days share_of_span"
    found = marts["agg_bottleneck"]
    holders = rows(found, "place_code critical_working_days share_of_span", **FLOW_3, place_kind="holder")
    assert holders == [("alpha", 13, Decimal("0.764706")), ("applicant", 4, Decimal("0.235294"))]
    assert rows(found, columns, **FLOW_3, place_kind="item", place_code="DESIGN") == [
        ("DESIGN", 2, 0, 5, 5, Decimal("0.294118"))
    ]
    # the open second application has waited since 28 March
    assert rows(found, columns, **FLOW_3, place_kind="item", place_code="PERMIT") == [
        ("PERMIT", 3, 1, 2, 1, Decimal("0.058824"))
    ]
    side = rows(
        found, "rank_by_total rank_by_share critical_working_days", place_code="SIDE", place_kind="item", **FLOW_3
    )
    assert side == [(1, 5, 0)]


def test_critical_path_goes_back_from_the_last_milestone_through_what_was_required(marts):
    path = rows(
        marts["fct_critical_path"],
        "path_number step_kind holder from_item_code item_code working_days paused_working_days",
        works_code=WORKS,
    )
    assert sorted(path) == [
        (1, "handling", "department", None, "PLAN", 2, 0),
        (2, "application", "applicant", "PLAN", "DESIGN", 2, None),
        (3, "intake", "department", "PLAN", "DESIGN", 1, None),
        (4, "handling", "department", "PLAN", "DESIGN", 5, 2),
        (5, "application", "applicant", "DESIGN", "FIRE", 1, None),
        (6, "intake", "department", "DESIGN", "FIRE", 1, None),
        (7, "handling", "department", "DESIGN", "FIRE", 3, 0),
        (8, "application", "applicant", "FIRE", "PERMIT", 1, None),
        (9, "handling", "department", "FIRE", "PERMIT", 1, 0),
    ]
    # 4 to 27 March are 17 working days
    assert sum(row[5] for row in path) == 17


def test_cases_that_take_no_day_follow_each_other_in_one_order(marts):
    path = rows(marts["fct_critical_path"], "path_number from_item_code item_code working_days", works_code=TWINS)
    assert path == [(1, None, "PLAN", 0), (2, "PLAN", "DESIGN", 0), (3, "DESIGN", "PERMIT", 0)]


def test_conformance_checks_what_the_flow_asks_and_names_what_deviates(marts):
    columns = "rule check_count deviation_count exempted_count deviating_subjects"
    found = marts["fct_conformance"]
    assert rows(found, columns, works_code=WORKS) == [
        # its own seven cases and the twelve of land_paths
        ("item_not_in_flow", 19, 0, 0, None),
        # of the two grants asked for under PERMIT one was given
        ("order_break", 5, 0, 0, None),
        ("required_item_missing", 1, 0, 0, None),
        ("serial_though_parallel", 1, 0, 0, None),
        ("stage_before_milestone", 1, 0, 0, None),
    ]
    assert rows(found, columns, works_code=BROKEN) == [
        ("item_not_in_flow", 5, 1, 0, "OTHER"),
        # DRAWING and FIRE waited for DESIGN; of the order of DESIGN and a PLAN never seen nothing is known
        ("order_break", 4, 2, 0, "PERMIT < DRAWING, PERMIT < FIRE"),
        ("required_item_missing", 1, 1, 0, "PLAN"),
        ("serial_though_parallel", 1, 1, 0, "FIRE → DRAWING"),
        ("stage_before_milestone", 1, 0, 0, None),
    ]
    assert rows(found, f"{columns} deviating_case_ids exemptions", works_code=EARLY, rule="stage_before_milestone") == [
        ("stage_before_milestone", 2, 1, 1, "DESIGN", ["alpha:002DESIGN"], "分阶段")
    ]


def test_conformance_sums_obligations_and_leaves_chances_apart(marts):
    columns = "rule works_count deviating_works_count check_count deviation_count exempted_count fitness"
    found = rows(marts["agg_conformance"], columns, slice="flow_type", flow_type="4")
    # EARLY: 3 cases in the flow, DESIGN before PLAN, PLAN there, DESIGN and STEPWISE side by side
    assert found == [
        ("all_obligations", 2, 2, 18, 6, 1, Decimal("0.666667")),
        ("item_not_in_flow", 2, 1, 8, 1, 0, None),
        ("order_break", 2, 2, 5, 3, 0, None),
        ("required_item_missing", 2, 1, 2, 1, 0, None),
        ("serial_though_parallel", 2, 1, 2, 1, 0, None),
        ("stage_before_milestone", 2, 1, 3, 1, 1, None),
    ]


def test_the_graph_draws_what_was_counted_and_says_what_it_leaves_out(settings, worlds):
    drawn = process.graph(settings, flow_type="3", least=2)
    nodes = dict(re.findall(r'^ +(n\d+)\(?\["([^"]+)"\]\)?$', drawn, re.MULTILINE))
    edges = {
        (nodes[start], nodes[end]): label for start, label, end in re.findall(r'(n\d+) -->\|"(.+)"\| (n\d+)', drawn)
    }
    found = worlds["shuffled"]["agg_works_directly_follows"]
    counted = [row for row in found if row["flow_type"] == "3"]
    assert edges[("FIRE 事项FIRE", "PERMIT 事项PERMIT")] == "2 次"
    assert len(edges) == sum(row["edge_count"] >= 2 for row in counted)
    rest = [row["edge_count"] for row in counted if row["edge_count"] < 2]
    assert drawn.endswith(f"left out: {len(rest)} edges taken fewer than 2 times, {sum(rest)} times in all")
    assert '"10 次，3.5 工作日"' in process.graph(settings, item="SIDE")
    with pytest.raises(ConfigError, match="item NONE"):
        process.graph(settings, item="NONE")
    with pytest.raises(ConfigError, match="one thing"):
        process.graph(settings, flow_type="3", item="SIDE")
