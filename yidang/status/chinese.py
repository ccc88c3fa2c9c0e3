"""What a finding says in Chinese, for messages and pages; `Finding.text` says it in English."""

from __future__ import annotations

from collections.abc import Callable

from yidang.status.departments import DepartmentState, Finding

_SAID: dict[str, Callable[[DepartmentState], str]] = {
    "failed": lambda state: f"拉取失败（{'、'.join(state.tables_failing)}）",
    "unreadable": lambda _: "配置文件无法读取",
    "unknown": lambda _: "数据仓库不可用，状况不明",
    "unpulled": lambda _: "有表从未拉取",
    "held": lambda state: f"{state.batches_held} 个批次未通过检查、被扣留",
    "waiting": lambda state: f"{state.batches_waiting} 个批次无法检查",
    "stale": lambda state: f"数据过时：已 {state.lag_hours:.0f} 小时未成功拉取，允许 {state.freshness_hours:g} 小时",
    "differs": lambda state: f"{state.days_differing} 天的数据与源系统不一致",
    "drift": lambda state: f"源系统的列有变化（{state.newest_drift}）",
    "quarantined": lambda state: f"隔离 {state.rows_failed:,} 行，存疑 {state.rows_warned:,} 行",
}


def said(state: DepartmentState, finding: Finding) -> str:
    return _SAID[finding.kind](state)
