"""docs/指标口径.md: the metric definitions read out for people, from the YAML that the figures are compiled from."""

# ruff: noqa: E501 - lines of the page are as long as Chinese paragraphs are

from __future__ import annotations

from itertools import groupby
from pathlib import Path

from yidang import metrics
from yidang.settings import Settings

_OPENING = """\
# 指标口径

<!-- 本页由 `yidang metrics` 从 dbt_project/models/marts/_metrics 生成，不要手工修改。 -->

驾驶舱、报告和 `marts.agg_indicator` 的数字都按本页口径计算，口径只定义一次。*English: every figure is defined once; this
page is generated from the definitions. The line below each Chinese name is its English reading.*

- 每个数都带样本数（n）和分原因的剔除数。一条记录只按所列的第一个原因剔除一次，n 与各原因剔除数之和等于期内总数。
- 没有归期日期的记录（如在办件没有办结日期）不属于任何一个月，列在 `period_grain = 'undated'` 下，不会丢失。
- 样本少于{minimum_n}的比率和用时不列数值（样本不足）；计数和目录指标不受此限。
- 注明“排名”的比率附95%置信区间（Wilson法），区间重叠的不宜排先后。
- 期间：速度按办结日期，按时按应办结日期，收件类按收件日期。工作日按国务院放假通知，含调休；受理当日不计，办结当日计入。
- 比率的变化以百分点计。“效率提升x%”有歧义：可指用时减少x%，也可指单位时间办件增加x%（相当于用时减少x/(100+x)），所以同时列出天数。
"""

_GROUPS = {
    "T": "办理用时",
    "R": "办理质量",
    "C": "时限压缩",
    "N": "环节、材料、跑动、费用",
    None: "计数与台账",
}


def path(settings: Settings) -> Path:
    return settings.root / "docs" / "指标口径.md"


def render(settings: Settings) -> str:
    """The whole page as Markdown."""
    loaded = sorted(metrics.load(settings).values(), key=_place)
    parts = [_OPENING.format(minimum_n=metrics.MINIMUM_N), _contents(loaded)]
    for letter, members in groupby(loaded, key=_letter):
        parts.append(f"## {_GROUPS[letter]}\n")
        parts += [_entry(metric) for metric in members]
    return "\n".join(parts)


def _letter(metric: metrics.Metric) -> str | None:
    return metric.code and metric.code[0]


def _place(metric: metrics.Metric) -> tuple[int, int]:
    # sorting is stable: metrics of one number stay in the order they are written down
    return list(_GROUPS).index(_letter(metric)), int(metric.code[1:]) if metric.code else 0


def _contents(loaded: list[metrics.Metric]) -> str:
    lines = ["| 编号 | 指标 | English | 单位 | 统计单元 | 归期 |", "|---|---|---|---|---|---|"]
    lines += [
        f"| {metric.code or ''} | {metric.label} | {metric.label_en} | {metric.unit} | {metric.grain} "
        f"| {metric.period.label} |"
        for metric in loaded
    ]
    return "\n".join(lines) + "\n"


def _entry(metric: metrics.Metric) -> str:
    lines = [
        f"### {metric.code + ' ' if metric.code else ''}{metric.label}",
        "",
        f"*{metric.label_en}* · `{metric.name}`",
        "",
        metric.formula,
        "",
    ]
    if metric.no_data:
        lines += [f"**无数据**：{metric.no_data}", ""]
    elif metric.denominator_label:
        lines += [f"- 分子：{metric.numerator_label}", f"- 分母：{metric.denominator_label}"]
    lines += [
        f"- 单位：{metric.unit}；统计单元：{metric.grain}；归期：{metric.period.label}{'；排名' if metric.is_ranked else ''}",
        f"- 不计入：{'、'.join(reason.name for reason in metric.exclusions) or '无'}",
        f"- 注意：{metric.caveats}",
        f"- English: {metric.description}",
        "",
        "<details><summary>SQL</summary>",
        "",
        "```sql",
        f"select {metric.sql}",
        f"from marts.{metric.model}" + (f"\nwhere {metric.period.scope}" if metric.period.scope else ""),
        "```",
        "",
    ]
    if metric.exclusions:
        lines += ["| 不计入的原因 | 条件 |", "|---|---|"]
        lines += [f"| {reason.name} | `{reason.condition}` |" for reason in metric.exclusions]
        lines.append("")
    return "\n".join([*lines, "</details>", ""])
