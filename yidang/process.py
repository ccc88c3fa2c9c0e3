"""Mermaid text from the marts: what follows what, how often, after how many days; and a project's own plan."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from psycopg.rows import class_row

from yidang import query
from yidang.errors import ConfigError
from yidang.settings import Settings

_EDGES_OF_WORKS = """
select
    from_item_code as from_code, from_item_name as from_name, to_item_code as to_code, to_item_name as to_name,
    edge_count, median_working_days, total_working_days
from marts.agg_works_directly_follows
where slice = case when %(flow_type)s::text is null then 'all' else 'flow_type' end
    and flow_type is not distinct from %(flow_type)s
order by edge_count desc, from_code, to_code
"""
_EDGES_OF_CASES = """
select
    from_kind as from_code, from_name, to_kind as to_code, to_name, sum(edge_count)::integer as edge_count,
    -- an item that several departments handle has a median in each, none in common
    case when count(*) = 1 then max(median_working_days) end as median_working_days,
    sum(total_working_days) as total_working_days
from marts.agg_case_directly_follows
where slice = 'item' and item_code = %(item)s
group by from_kind, from_name, to_kind, to_name
order by edge_count desc, from_code, to_code
"""
_PLAN = """
select item_code, item_name, planned_start_date, planned_end_date, granted_date, state_name,
    coalesce(predecessor_item_codes, '') as predecessors
from marts.fct_project_plan
where project_code = %(project)s
order by planned_start_date nulls last, item_code
"""
_ENDS = ("START", "END", "OPEN")


@dataclass(frozen=True)
class Edge:
    """One pair of steps that follow each other. Days are working days; None where nothing can be said."""

    from_code: str
    from_name: str | None
    to_code: str
    to_name: str | None
    edge_count: int
    median_working_days: float | None
    total_working_days: int | None


@dataclass(frozen=True)
class PlannedItem:
    """One item of a project's own plan; predecessors are item codes with commas between."""

    item_code: str
    item_name: str | None
    planned_start_date: date | None
    planned_end_date: date | None
    granted_date: date | None
    state_name: str
    predecessors: str


def plan(settings: Settings, project: str) -> str:
    """Mermaid flowchart of a project's own plan: items with their planned dates and state, and what comes before what.

    Raises ConfigError for a project without a plan, YidangError when the warehouse does not answer.
    """
    with query.reader(settings, row_factory=class_row(PlannedItem)) as warehouse:
        items = warehouse.execute(_PLAN, {"project": project}).fetchall()
    if not items:
        raise ConfigError(
            f"Project {project} has no plan.",
            "Projects that have one: yidang sql 'select distinct project_code from fct_project_plan'",
        )
    return plan_mermaid(items)


def plan_mermaid(items: list[PlannedItem]) -> str:
    """The flowchart of these items; a predecessor that is not among them is named in a comment."""
    identifiers = {item.item_code: f"n{number}" for number, item in enumerate(items)}
    nodes, arrows, missing = [], [], []
    for item in items:
        name = (item.item_name or item.item_code).replace('"', "'")
        dates = "～".join(str(day or "？") for day in (item.planned_start_date, item.planned_end_date))
        done = f"（{item.granted_date}）" if item.granted_date else ""
        nodes.append(f'    {identifiers[item.item_code]}["{name}<br/>{dates}<br/>{item.state_name}{done}"]')
        for code in filter(None, (part.strip() for part in item.predecessors.split(","))):
            if code in identifiers:
                arrows.append(f"    {identifiers[code]} --> {identifiers[item.item_code]}")
            else:
                missing.append(f"    %% {item.item_code} waits for {code}, which is not planned")
    return "\n".join(["flowchart TD", *nodes, *arrows, *missing])


def graph(settings: Settings, *, flow_type: str | None = None, item: str | None = None, least: int = 10) -> str:
    """Mermaid flowchart: the items of 工程 (of one flow type), or the steps of one item's cases.

    least: edges taken fewer times are left out of the drawing and counted in its last line.
    Raises ConfigError where there is nothing to draw, YidangError when the warehouse does not answer.
    """
    if flow_type and item:
        raise ConfigError("A graph shows one thing.", "Give --flow-type or --item, not both.")
    with query.reader(settings, row_factory=class_row(Edge)) as warehouse:
        statement, values = (_EDGES_OF_CASES, {"item": item}) if item else (_EDGES_OF_WORKS, {"flow_type": flow_type})
        edges = warehouse.execute(statement, values).fetchall()
    if not edges:
        if item:
            raise ConfigError(f"No case of item {item} has a step.", "Known items: yidang sql 'select * from dim_item'")
        raise ConfigError(
            f"No 工程 of flow type {flow_type} has a step." if flow_type else "No 工程 has a step yet.",
            "Known flow types: yidang sql 'select distinct flow_type, flow_type_name from agg_works_directly_follows'",
        )
    return mermaid(edges, least=least, with_codes=not item)


def mermaid(edges: list[Edge], *, least: int, with_codes: bool) -> str:
    """The flowchart of edges taken at least `least` times; with_codes: name each step by code and name."""
    drawn = [edge for edge in edges if edge.edge_count >= least]
    names = {edge.from_code: edge.from_name for edge in drawn} | {edge.to_code: edge.to_name for edge in drawn}
    identifiers = {code: f"n{number}" for number, code in enumerate(sorted(names))}
    nodes = [f"    {identifiers[code]}{_shape(code, names[code], with_codes)}" for code in sorted(names)]
    arrows = [f"    {identifiers[edge.from_code]} -->|{_label(edge)}| {identifiers[edge.to_code]}" for edge in drawn]
    rest = [edge for edge in edges if edge.edge_count < least]
    left_out = f"    %% left out: {len(rest)} edges taken fewer than {least} times, {_times(rest)} times in all"
    return "\n".join(["flowchart TD", *nodes, *arrows, left_out])


def _times(edges: list[Edge]) -> int:
    return sum(edge.edge_count for edge in edges)


def _shape(code: str, name: str | None, with_codes: bool) -> str:
    if code in _ENDS:
        return f'(["{name}"])'
    # a catalogue's name may hold the quotes that end a label
    text = (name or "").replace('"', "'")
    return f'["{f"{code} {text}".strip() if with_codes else text or code}"]'


def _label(edge: Edge) -> str:
    days = "" if edge.median_working_days is None else f"，{float(edge.median_working_days):g} 工作日"
    return f'"{edge.edge_count} 次{days}"'
