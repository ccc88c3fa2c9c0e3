"""What agg_what_if says, as lines of text: how long finished 工程 would have taken if…, never without its label."""

from __future__ import annotations

from itertools import groupby

from psycopg.rows import dict_row

from yidang import query
from yidang.errors import ConfigError
from yidang.settings import Settings

_ROWS = """
select * from marts.agg_what_if
where %(flow_type)s::text is null or flow_type = %(flow_type)s or flow_type_name = %(flow_type)s
order by
    flow_type nulls first, clock, scenario = 'department',
    array_position(array['baseline', 'parallel', 'together', 'promise'], scenario), department_id
"""
_REASONS = {"unfinished": "未完成", "withdrawn": "撤件", "no_case": "没有阶段办件", "open_case": "尚有在办件"}


def said(settings: Settings, *, flow_type: str | None = None) -> str:
    """flow_type: name or code; None for all together and each.

    Raises ConfigError where there is nothing of it, YidangError when the warehouse does not answer.
    """
    with query.reader(settings, row_factory=dict_row) as warehouse:
        rows = warehouse.execute(_ROWS, {"flow_type": flow_type}).fetchall()
    if not rows:
        raise ConfigError(
            f"No 工程 of flow type {flow_type}." if flow_type else "No 工程 yet.",
            "Known flow types: yidang sql 'select distinct flow_type, flow_type_name from agg_what_if'",
        )
    lines = [f"{rows[0]['label']}  截至{rows[0]['as_of']}，单位：工作日，括号内为95%区间"]
    for flow, of_flow in groupby(rows, lambda row: row["flow_type_name"]):
        found = list(of_flow)
        lines += ["", _head(flow or "全部流程类型", found[0])]
        for clock, of_clock in groupby(found, lambda row: row["clock_name"]):
            lines += _clock(clock, list(of_clock))
    return "\n".join(lines)


def _head(name: str, row: dict) -> str:
    left_out = "、".join(f"{_REASONS[reason]}{n}" for reason, n in row["excluded_by_reason"].items())
    parts = [f"{name}：已完成工程{row['works_count']}个（项目{row['project_count']}个）"]
    parts += [f"未计{row['excluded_count']}个（{left_out}）"] if left_out else []
    return "；".join(parts)


def _clock(name: str, rows: list[dict]) -> list[str]:
    first = rows[0]
    remark = f"；{first['remark']}" if first["remark"] else ""
    if first["is_suppressed"]:
        return [f"  {name}{remark}"]
    measured = f"实测中位数{first['measured_p50_days']:.1f}，P80 {first['measured_p80_days']:.1f}"
    lines = [f"  {name}：{measured}；重算与实测相差{first['baseline_error_days']:.1f}{remark}"]
    for row in rows:
        if row["p50_days"] is None:
            continue
        parts = [f"中位数{_interval(row, 'p50', '.1f')}", f"P80 {_interval(row, 'p80', '.1f')}"]
        if row["scenario"] != "baseline":
            parts += [f"平均变化{_interval(row, 'change_mean', '+.1f')}", f"{row['shorter_works_count']}个缩短"]
        if row["longer_works_count"]:
            parts += [f"{row['longer_works_count']}个变长"]
        lines.append(f"    {row['scenario_name']}：{'，'.join(parts)}")
    return lines


def _interval(row: dict, name: str, form: str) -> str:
    value, lower, upper = (row[f"{name}_{part}"] for part in ("days", "lower", "upper"))
    return f"{value:{form}}（{lower:{form}}～{upper:{form}}）" if lower is not None else f"{value:{form}}"
