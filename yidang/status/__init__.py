"""`yidang status`: what runs, what landed, what is stale. Health is about operations, so here "now" is the clock's."""

from yidang.status.calendar import CalendarState, judge_calendar
from yidang.status.departments import DepartmentState, Finding
from yidang.status.marts import MartsState, judge_marts
from yidang.status.render import render
from yidang.status.report import StatusReport, collect
from yidang.status.services import ServiceState

__all__ = [
    "CalendarState",
    "DepartmentState",
    "Finding",
    "MartsState",
    "ServiceState",
    "StatusReport",
    "collect",
    "judge_calendar",
    "judge_marts",
    "render",
]
