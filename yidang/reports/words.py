"""The words of a template: metric names and slices as the office says them → metric and `Slice`."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from datetime import date
from functools import lru_cache

from yidang.metrics import Metric
from yidang.reports.figures import Figures, Period, Slice
from yidang.reports.indicators import STAGES
from yidang.reports.source import ALERTS, in_state
from yidang.reports.template import FillError

OUTCOMES = {"准予": "passed", "不予": "denied", "不予受理": "not_accepted", "撤件": "withdrawn", "在办": "open"}
# word → column of the marts, and what its values are called; None where the mart holds the words themselves
_COLUMNS = {
    "部门": "department_id",
    "科室": "office_name",
    "阶段": "stage_number",
    "流程类型": "flow_type_name",
    "事项": "item_code",
    "决定": "outcome",
    "状态": "alert_state",
    "项目": "project_code",
    "事项类别": "item_class",
    "审批方式": "mode_name",
    "问题类别": "kind_name",
    "问题来源": "source_name",
    "角色": "role_name",
}
# Words that the marts hold themselves, with the usual ones: these are no mistake where a district has none of them.
_HELD = {
    "事项类别": (("审批事项", "公共服务事项"), "select distinct item_class from {marts}.dim_item"),
    "审批方式": (
        ("告知承诺", "容缺"),
        "select mode_name from {marts}.agg_case_mode union select mode_name from {marts}.fct_case_mode",
    ),
    "问题类别": (("审批事项", "阻滞障碍"), "select distinct kind_name from {marts}.fct_problem"),
    "问题来源": (("走访", "代办员上报", "企业反映", "热线"), "select distinct source_name from {marts}.fct_problem"),
    "角色": (("项目长", "服务专员", "代办员"), "select distinct role_name from {marts}.dim_agent"),
}
# words of several columns, each true or not
_PROGRESS = {"已决定": "is_decided", "已撤件": "is_withdrawn", "在办": "is_open"}
_DATES = ("年", "季", "月", "自", "至", "期")
# What reports of this kind claim and no case can carry (rules C2): the reason is printed in the number's place.
REFUSED = {
    "节约成本": "没有合同和费用数据，节约金额无从计算",
    "节约金额": "没有合同和费用数据，节约金额无从计算",
    "提前月数": "没有对照组，不改革时会用多少时间无人知道",
    "提早投产": "没有对照组，不改革时会用多少时间无人知道",
}


# Every date, and rows without one.
ALL = Period(date.min, date.max)


class Words:
    """What may be named, as the warehouse knows it. period: what is meant where a template names none."""

    def __init__(self, figures: Figures, period: Period) -> None:
        self._figures = figures
        self._period, self._as_of = period, figures.snapshot.as_of
        self._metrics: dict[str, Metric] = {}
        metrics = figures.metrics
        self._by_code: dict[str, list[Metric]] = {}
        for metric in metrics.values():
            self._metrics |= {metric.name: metric, metric.label: metric}
            if metric.code:
                self._by_code.setdefault(metric.code, []).append(metric)
        self._labels = [metric.label for metric in metrics.values()]
        self._values: dict[str, dict[str, object]] = {
            "阶段": {name: number for number, name in STAGES.items()} | {number: number for number in STAGES},
            "决定": OUTCOMES,
            "进度": _PROGRESS,
            "状态": {name: state for state, name in ALERTS.items()},
            "部门": _named(
                figures.read("select department_id, department_name, short_name from {marts}.dim_department")
            ),
            "事项": self._items(),
        }
        self._columns_of: dict[str, set[str]] = {}

    def metric(self, name: object) -> Metric:
        """By its Chinese name, its number in the rules (R1) or its English name."""
        found = self._metrics.get(name) if isinstance(name, str) else None
        coded = self._by_code.get(name, []) if isinstance(name, str) else []
        if len(coded) > 1:
            labels = "、".join(metric.label for metric in coded)
            raise FillError(f"编号{name}有{len(coded)}个指标。", f"请写中文名：{labels}。")
        found = found or (coded[0] if coded else None)
        if found is None:
            raise FillError(f"没有“{name}”这个指标。", did_you_mean(str(name), self._labels))
        if found.no_data:
            raise FillError(f"“{found.label}”没有数：{found.no_data}", "有了数据来源以前，先不要写它。")
        return found

    def slice(self, metric: Metric, said: dict[str, object]) -> Slice:
        """The rows that the words name: 部门="住建局", 月=6, 阶段="施工许可" …"""
        equals, known = [], None
        for word, value in said.items():
            if word in _DATES:
                continue
            if word not in _COLUMNS and word != "进度":
                raise FillError(f"不能按“{word}”取数。", f"可以按：{'、'.join((*_COLUMNS, '进度', *_DATES))}。")
            state = None
            if word == "进度":
                column, value = self._value(word, value), True
            elif word == "状态":
                column, state = _COLUMNS[word], self._value(word, value)
            else:
                column, value = _COLUMNS[word], self._value(word, value)
            if column not in self._columns(metric.model):
                allowed = [other for other, name in _COLUMNS.items() if name in self._columns(metric.model)]
                raise FillError(f"“{metric.label}”不能按{word}取数。", f"可以按：{'、'.join(allowed) or '期间'}。")
            if state and "remaining_working_days" in self._columns(metric.model):
                judged = in_state(Slice(), state)
                equals += judged.equals
                known = judged.known
            elif state == "unjudged":
                raise FillError(f"“{metric.label}”没有“{value}”这个状态。", "这个状态只有办件才有。")
            else:
                equals.append((column, state or value))
        dates = {word: value for word, value in said.items() if word in _DATES}
        period = self.period(dates)
        if metric.period.scope and not metric.is_standing:
            return Slice(tuple(equals), valid_on=period.last, known=known)
        if metric.is_standing:
            if dates:
                raise FillError(
                    f"“{metric.label}”是{self._as_of}这一天的数，没有期间。",
                    "去掉期间；要别的日子，用 --as-of 重新出报告。",
                )
            return Slice(tuple(equals), known=known)
        if "自" in dates or "至" in dates:
            self._require_months(metric, dates, period)
        return Slice(tuple(equals), None if period is ALL else period, known=known)

    def _require_months(self, metric: Metric, dates: dict[str, object], period: Period) -> None:
        """The marts are counted by month: a day in the middle of one would take in all of it, or nothing."""
        if period.first.day == 1 and (period.is_whole_months or period.last == self._as_of):
            return
        said = "，".join(f'{word}="{dates[word]}"' for word in ("自", "至") if word in dates)
        raise FillError(
            f"“{metric.label}”按月归期，“{said}”不是整月。",
            f"自写某月1日，至写某月最后一日或者数据截至日{self._as_of}。",
        )

    def period(self, dates: dict[str, object]) -> Period:
        """期=本期|全部…, 年=2025 with 季 or 月, or 自/至; not past the day that the figures are of."""
        if not dates:
            return self._period
        if dates.get("期", ALL) is None:
            raise FillError(
                f"{self._period.last.month}月未完，没有可以比较的上期和上年同期。",
                "先问 {% if 上期 %}、{% if 上年同期 %}；或者用 --as-of 写到上月末。",
            )
        if dates.get("期") is ALL:
            return ALL
        try:
            first, last = self._bounds(dates)
        except (TypeError, ValueError):
            said = "，".join(f"{word}={value}" for word, value in dates.items())
            raise FillError(
                f"“{said}”不是期间。", '写 年=2025，可以再加 月=6 或者 季=2；或者 自="2025-01-01"，至="2025-06-30"。'
            ) from None
        if first > self._as_of:
            raise FillError(
                f"期间从{first}开始，晚于数据截至日{self._as_of}。",
                "写已经过去的期间，或者先按更晚的日子构建：yidang build --as-of。",
            )
        return Period(first, min(last, self._as_of))

    def _bounds(self, dates: dict[str, object]) -> tuple[date, date]:
        if isinstance(dates.get("期"), Period):
            return dates["期"].first, dates["期"].last
        if "自" in dates or "至" in dates:
            return (
                _day(dates.get("自", self._period.first)),
                _day(dates.get("至", self._period.last)),
            )
        year = int(dates.get("年", self._period.last.year))
        if "月" in dates:
            return months(year, int(dates["月"]), 1)
        if "季" in dates:
            if int(dates["季"]) not in (1, 2, 3, 4):
                raise ValueError
            return months(year, 3 * int(dates["季"]) - 2, 3)
        return date(year, 1, 1), date(year, 12, 31)

    def _value(self, word: str, value: object) -> object:
        value = getattr(value, "key", value)  # 部门=行, where 行 is a line of a loop
        if word in _HELD and word not in self._values:
            usual, statement = _HELD[word]
            self._values[word] = {name: name for name in (*usual, *(name for (name,) in self._figures.read(statement)))}
        known = self._values.get(word)
        if known is None or value is None:
            return value
        if value not in known:
            raise FillError(f"没有“{value}”这个{word}。", did_you_mean(str(value), map(str, known)))
        if isinstance(known[value], _Several):
            raise FillError(
                f"叫“{value}”的{word}有{len(known[value])}个：{'、'.join(known[value])}。",
                f'写编码或者标识，如 {word}="{known[value][0]}"。',
            )
        return known[value]

    def _items(self) -> dict[str, object]:
        """Codes and names of the catalogue's items; a name that is the last one of several codes means all of them."""
        rows = self._figures.read(
            """
            select item_code, item_name, is_last from (
                select item_code, item_name, item_name = first_value(item_name) over (
                    partition by item_code order by effective_to desc, effective_from desc, item_version desc
                ) as is_last
                from {marts}.dim_item
            ) as items
            group by item_code, item_name, is_last
            """
        )
        named = _named([(code, name) for code, name, _ in rows])
        other = {name for _, name, is_last in rows if not is_last}
        return {
            name: tuple(codes) if isinstance(codes, _Several) and name not in other else codes
            for name, codes in named.items()
        }

    def _columns(self, model: str) -> set[str]:
        if model not in self._columns_of:
            rows = self._figures.read(
                "select attname from pg_attribute where attrelid = to_regclass('{marts}.' || %s) and attnum > 0", model
            )
            self._columns_of[model] = {name for (name,) in rows}
        return self._columns_of[model]


class _Several(tuple):
    """Keys of which nobody can tell which one a name means."""


def _named(rows: Iterable[tuple[str, ...]]) -> dict[str, object]:
    """Key or name → key, of rows with a key and its names; of a name that several have → `_Several` keys."""
    found: dict[str, set[str]] = {}
    for key, *names in rows:
        for name in names:
            if name:
                found.setdefault(name, set()).add(key)
    named = {name: _Several(sorted(keys)) if len(keys) > 1 else next(iter(keys)) for name, keys in found.items()}
    return named | {key: key for key, *_ in rows}


@lru_cache(maxsize=4)
def names_of(figures: Figures) -> dict[str, dict[object, str]]:
    """What the values of a slice are called: column → value → name (Slice.in_words)."""
    return {
        "department_id": dict(figures.read("select department_id, department_name from {marts}.dim_department")),
        "item_code": dict(
            figures.read("select item_code, item_name from {marts}.dim_item order by effective_to, item_version")
        ),
        "stage_number": dict(STAGES),
        "alert_state": dict(ALERTS),
        "outcome": {value: name for name, value in OUTCOMES.items()},
    }


def months(year: int, month: int, count: int) -> tuple[date, date]:
    """First and last day of `count` months from this one."""
    after = year * 12 + month - 1 + count
    return date(year, month, 1), date.fromordinal(date(after // 12, after % 12 + 1, 1).toordinal() - 1)


def _day(value: object) -> date:
    return value if isinstance(value, date) else date.fromisoformat(str(value))


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """The nearest names; where none is near, all of them."""
    known = list(dict.fromkeys(known))
    near = difflib.get_close_matches(name, known, n=3, cutoff=0.4)
    return f"是不是“{'”或者“'.join(near)}”？" if near else f"有：{'；'.join(known)}。"
