"""agg_what_if: how long finished 工程 would have taken if…, beside how long they did take.

Each 工程 is put together anew from its own cases (`counterfactual`); what is sampled is only which projects there were,
for the intervals. The simulation is held against what was measured without it, and offers nothing where it misses.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pandas
import psycopg

from yidang.metrics import MINIMUM_N
from yidang.statistics import observations
from yidang.statistics.change import percentile_interval
from yidang.statistics.cohorts import REPLICATES, SEED, stamp_columns
from yidang.statistics.counterfactual import (
    CLOCKS,
    SIDE_BY_SIDE,
    TOGETHER,
    Scenario,
    Steps,
    closure,
    durations,
)
from yidang.statistics.observations import Stamp
from yidang.statistics.tables import number

LABEL = "测算（模拟，不是实测）"
CLOCK_NAMES = {"approval": "全流程审批用时", "span": "跨度时间（工作日）"}
BASELINE = "baseline"
_NAMES = {
    BASELINE: "现状（按实际重算）",
    "parallel": "若同阶段互无前置的事项并行办理（准备和收件的等待照旧）",
    "together": "若同阶段互无前置的事项一次申报、同日受理（其间的等待也省去）",
    "promise": "若每件都在承诺时限内办结",
}
_DEPARTMENT = "department"
# How far the present may be from what was measured, in working days or as a share of it, before all is withheld.
TOLERANCE_DAYS, TOLERANCE_SHARE = 1.0, 0.02
_QUANTILES = {"p50": 0.5, "p80": 0.8}
_WORKS = """
select
    works_code, project_code, flow_type, exclusion_reason,
    approval_working_days as approval, span_working_days as span
from int_what_if_works
order by works_code
"""
_STEPS = """
select
    works_code, step_number, coalesce(stage_number, 0) as stage_number, item_code, department_id,
    start_number, end_number, coalesce(predecessor_number, 0) as decided,
    over_promise_days, over_quartile_days
from int_what_if_steps
order by works_code, step_number
"""
_STRETCHES = """
select works_code, step_number, lower(span) - 1 as begins, upper(span) - 1 as ends
from int_what_if_steps
cross join lateral unnest(active_workdays) as span
order by works_code, step_number, span
"""
_REQUIRED = """
select works_code, step_number, required_number
from int_what_if_steps
cross join lateral unnest(required_numbers) as required_number
"""
# every one, for a table without rows tells none
_TYPES = {
    "works": {
        **dict.fromkeys(("works_code", "project_code", "flow_type", "exclusion_reason"), "str"),
        **dict.fromkeys(CLOCKS, "float64"),
    },
    "steps": {
        **dict.fromkeys(("works_code", "item_code", "department_id"), "category"),
        **dict.fromkeys(("step_number", "stage_number", "start_number", "end_number", "decided"), "int64"),
        **dict.fromkeys(("over_promise_days", "over_quartile_days"), "float64"),
    },
    "stretches": {"works_code": "category", **dict.fromkeys(("step_number", "begins", "ends"), "int64")},
    "required": {"works_code": "category", **dict.fromkeys(("step_number", "required_number"), "int64")},
}
_PREREQUISITES = "select distinct flow_type_code, item_code, prerequisite_item_code from int_prerequisites"


@dataclass(frozen=True)
class Observed:
    """Every 工程, the steps of those that are through, and what may be cut off each step.

    works: those that are through, sorted by code, with project, flow_type and what was measured (works × clocks).
    left_out: the others, with flow_type and exclusion_reason. over_quartile: nan where there is no quartile.
    department: of each step, a category.
    """

    works: pandas.DataFrame
    measured: np.ndarray
    left_out: pandas.DataFrame
    steps: Steps
    over_promise: np.ndarray
    over_quartile: np.ndarray
    department: pandas.Categorical


@dataclass(frozen=True)
class Case:
    """A scenario as it is named, and which 工程 it could concern at all (None: every one)."""

    kind: str
    name: str
    department_id: str | None
    department_name: str | None
    concerns: np.ndarray | None


def rows(connection: psycopg.Connection, stamp: Stamp) -> list[dict]:
    observed = read(connection)
    return list(_rows(observed, observations.names(connection), stamp)) if observed else []


def read(connection: psycopg.Connection) -> Observed | None:
    """None while there is no 工程 at all."""
    works = observations.read(connection, _WORKS, **_TYPES["works"])
    if works.empty:
        return None
    is_through = works["exclusion_reason"].isna()
    through, left_out = works[is_through].reset_index(drop=True), works[~is_through]
    number_of = pandas.Index(through["works_code"])
    steps = observations.read(connection, _STEPS, **_TYPES["steps"])
    stretches = observations.read(connection, _STRETCHES, **_TYPES["stretches"])
    required = observations.read(connection, _REQUIRED, **_TYPES["required"])
    numbers = _works_numbers(steps, number_of)
    order = np.argsort(numbers, kind="stable")  # the database may sort codes otherwise
    steps, numbers = steps.iloc[order], numbers[order]
    counts = np.bincount(numbers, minlength=len(through))
    # numbers count every step of a 工程 from 1; open ones, which are not here, come last
    first = np.cumsum(counts) - counts
    flows = pandas.Index(sorted({*works["flow_type"].dropna(), ""}))
    items = steps["item_code"].cat.categories
    sequential = steps["stage_number"].between(1, 4).to_numpy()
    zero = _first_acceptances(steps, numbers, sequential, len(through))
    stretch_works = _works_numbers(stretches, number_of)
    stretch_step = first[stretch_works] + stretches["step_number"].to_numpy() - 1
    by_step = np.argsort(stretch_step, kind="stable")
    required_first = first[_works_numbers(required, number_of)]
    return Observed(
        works=through,
        measured=through[list(CLOCKS)].to_numpy(float),
        left_out=left_out,
        steps=Steps(
            works=numbers,
            place=steps["step_number"].to_numpy() - 1,
            decided=steps["decided"].to_numpy(),
            stage=steps["stage_number"].to_numpy(),
            item=steps["item_code"].cat.codes.to_numpy(int),
            start=steps["start_number"].to_numpy() - zero[numbers],
            end=steps["end_number"].to_numpy() - zero[numbers],
            stretch_step=stretch_step[by_step],
            stretch_begin=(stretches["begins"].to_numpy() - zero[stretch_works])[by_step],
            stretch_end=(stretches["ends"].to_numpy() - zero[stretch_works])[by_step],
            required_step=required_first + required["step_number"].to_numpy() - 1,
            required_other=required_first + required["required_number"].to_numpy() - 1,
            dependent=_dependent(connection, flows, items),
            flow=flows.get_indexer(through["flow_type"].fillna("")),
        ),
        over_promise=np.where(sequential, steps["over_promise_days"], 0).astype(int),
        over_quartile=np.where(sequential, steps["over_quartile_days"], np.nan).astype(float),
        department=steps["department_id"].array,
    )


def _works_numbers(table: pandas.DataFrame, number_of: pandas.Index) -> np.ndarray:
    codes = table["works_code"]
    return number_of.get_indexer(codes.cat.categories)[codes.cat.codes].astype(int) if len(table) else np.empty(0, int)


def _first_acceptances(steps: pandas.DataFrame, works: np.ndarray, counted: np.ndarray, size: int) -> np.ndarray:
    found = np.full(size, np.iinfo(np.int64).max)
    np.minimum.at(found, works[counted], steps["start_number"].to_numpy()[counted])
    return found


def _dependent(connection: psycopg.Connection, flows: pandas.Index, items: pandas.Index) -> np.ndarray:
    direct = np.zeros((len(flows), max(len(items), 1), max(len(items), 1)), bool)
    pairs = observations.read(
        connection, _PREREQUISITES, flow_type_code="str", item_code="str", prerequisite_item_code="str"
    )
    where = (
        flows.get_indexer(pairs["flow_type_code"].fillna("")),
        items.get_indexer(pairs["item_code"]),
        items.get_indexer(pairs["prerequisite_item_code"]),
    )
    known = np.logical_and.reduce([place >= 0 for place in where])
    direct[tuple(place[known] for place in where)] = True
    return closure(direct)


def _rows(observed: Observed, names: dict, stamp: Stamp) -> Iterator[dict]:
    cases, scenarios = zip(*_scenarios(observed, names), strict=True)
    found = durations(observed.steps, list(scenarios)).astype(float)
    flow_type = observed.works["flow_type"]
    reasons, left_out_flow = observed.left_out["exclusion_reason"], observed.left_out["flow_type"]
    for flow in [None, *sorted({*flow_type.dropna(), *left_out_flow.dropna()})]:
        chosen = np.ones(len(flow_type), bool) if flow is None else (flow_type == flow).to_numpy()
        excluded = reasons if flow is None else reasons[left_out_flow == flow]
        head = {
            "slice": "all" if flow is None else "flow_type",
            "flow_type": flow,
            "flow_type_name": None if flow is None else names.get(("flow_type", flow), flow),
        }
        tail = {
            "excluded_count": len(excluded),
            "excluded_by_reason": {str(reason): int(n) for reason, n in excluded.value_counts().sort_index().items()},
        }
        for row in _slice_rows(observed, cases, found, chosen):
            unfinished = tail["excluded_by_reason"].get("unfinished", 0)
            if unfinished > row["works_count"]:
                row["remark"] += [f"未完成的工程（{unfinished}个）多于已完成的，只代表已完成的"]
            row["remark"] = "；".join(row["remark"]) or None
            yield head | row | tail | {"label": LABEL} | stamp_columns(stamp)


def _scenarios(observed: Observed, names: dict) -> Iterator[tuple[Case, Scenario]]:
    nothing = np.zeros(len(observed.steps.works), int)
    for kind, scenario in (
        (BASELINE, Scenario(nothing)),
        ("parallel", Scenario(nothing, SIDE_BY_SIDE)),
        ("together", Scenario(nothing, TOGETHER)),
        ("promise", Scenario(observed.over_promise)),
    ):
        yield Case(kind, _NAMES[kind], None, None, None), scenario
    has_quartile = np.isfinite(observed.over_quartile)
    for code, department in enumerate(observed.department.categories):
        own = (observed.department.codes == code) & has_quartile
        if own.any():
            concerns = np.bincount(observed.steps.works[own], minlength=len(observed.works)) > 0
            name = names.get((_DEPARTMENT, department), department)
            words = f"若{name}每件都不慢于本部门同一事项最快的四分之一"
            yield (
                Case(_DEPARTMENT, words, department, name, concerns),
                Scenario(np.where(own, observed.over_quartile, 0).astype(int)),
            )


def _slice_rows(observed: Observed, cases: tuple[Case, ...], found: np.ndarray, chosen: np.ndarray) -> Iterator[dict]:
    """One row per scenario and clock of the chosen 工程."""
    works = int(chosen.sum())
    project, projects = pandas.factorize(observed.works["project_code"].to_numpy()[chosen], sort=True)
    # what is drawn again are projects: where there are few of them, there is little to draw from
    is_enough = min(works, len(projects)) >= MINIMUM_N
    draws = _draws(project, len(projects)) if is_enough else np.empty((0, works), np.int16)
    for clock, clock_name in enumerate(CLOCKS):
        measured, baseline = observed.measured[chosen, clock], found[0, chosen, clock]
        real, base, base_drawn = (_statistics(days, draws, is_enough) for days in (measured, baseline, baseline))
        error = np.abs(base.values - real.values)[: len(_QUANTILES)]
        allowed = np.maximum(TOLERANCE_DAYS, TOLERANCE_SHARE * real.values[: len(_QUANTILES)])
        is_offered = bool(is_enough and (error <= allowed).all())
        for case, days in zip(cases, found[:, chosen, clock], strict=True):
            if case.concerns is not None and case.concerns[chosen].sum() < MINIMUM_N:
                continue
            is_shown = is_offered or (case.kind == BASELINE and is_enough)
            then = base if case.kind == BASELINE else _statistics(days, draws, is_enough)
            remark = [] if is_enough else [f"样本不足（工程{works}个，项目{len(projects)}个）"]
            if is_enough and not is_offered:
                remark += [f"重算的现状与实测相差{error.max():.1f}个工作日，超过允许误差，不作测算"]
            yield {
                "scenario": case.kind,
                "scenario_name": case.name,
                "department_id": case.department_id,
                "department_name": case.department_name,
                "clock": clock_name,
                "clock_name": CLOCK_NAMES[clock_name],
                "works_count": works,
                "project_count": len(projects),
                "shorter_works_count": int((days < baseline).sum()) if is_shown else None,
                "longer_works_count": int((days > baseline).sum()) if is_shown else None,
                "is_suppressed": not is_enough,
                "is_offered": is_offered,
                "measured_p50_days": number(real.values[0], is_enough),
                "measured_p80_days": number(real.values[1], is_enough),
                "baseline_error_days": number(error.max(), is_enough),
                "differing_works_count": int((baseline != measured).sum()),
                **then.columns("", is_shown),
                **then.minus(base).columns("change_", is_shown),
                "remark": remark,
            }


@dataclass(frozen=True)
class _Statistics:
    """values: P50, P80 and mean. drawn: the same of each replicate."""

    values: np.ndarray
    drawn: np.ndarray

    def minus(self, base: _Statistics) -> _Statistics:
        """Of the same replicates, so that what both have in common falls out of the interval."""
        return _Statistics(self.values - base.values, self.drawn - base.drawn)

    def columns(self, prefix: str, is_shown: bool) -> dict:
        lower, upper = percentile_interval(self.drawn) if len(self.drawn) else (self.values, self.values)
        return {
            f"{prefix}{name}_{part}": number(values[place], is_shown)
            for place, name in enumerate((*_QUANTILES, "mean"))
            for part, values in (("days", self.values), ("lower", lower), ("upper", upper))
        }


def _draws(project: np.ndarray, projects: int) -> np.ndarray:
    """(replicates, works): how often each 工程 counts when whole projects are drawn again."""
    random = np.random.default_rng(SEED)
    return np.stack(
        [
            np.bincount(random.integers(0, projects, projects), minlength=projects).astype(np.int16)[project]
            for _ in range(REPLICATES)
        ]
    )


def _statistics(days: np.ndarray, draws: np.ndarray, is_enough: bool) -> _Statistics:
    if not is_enough:
        return _Statistics(np.full(len(_QUANTILES) + 1, np.nan), np.empty((0, len(_QUANTILES) + 1)))
    # many 工程 share few numbers of days: how often each comes is all that a replicate needs
    values, place = np.unique(days, return_inverse=True)
    counts = [np.bincount(place, times, len(values)) for times in (np.ones(len(days)), *draws)]
    found = _of_counts(values, np.array(counts))
    return _Statistics(found[0], found[1:])


def _of_counts(days: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """(replicates, statistics) of sorted days, each met so often: as percentile_cont has it, and the mean."""
    running = counts.cumsum(1)
    total = running[:, -1]
    found = []
    for share in _QUANTILES.values():
        place = share * (total - 1)
        below, above = (days[(running <= whole(place)[:, None]).sum(1)] for whole in (np.floor, np.ceil))
        found.append(below + (place - np.floor(place)) * (above - below))
    return np.stack([*found, (counts @ days) / total], axis=-1)
