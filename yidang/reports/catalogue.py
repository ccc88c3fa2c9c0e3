"""Tables on what the catalogue of items asks for, and how it changed."""

from __future__ import annotations

from yidang.reports.blocks import Table, Text
from yidang.reports.figures import Period, rows
from yidang.reports.prose import cell, chinese_date, moved_by, n_of
from yidang.reports.source import Source

BURDEN = (
    ("事项（项）", "catalogue_item_count"),
    ("环节（个）", "catalogue_step_count"),
    ("材料（份）", "catalogue_material_count"),
    ("其中有清单的，按清单（份）", "catalogue_listed_material_count"),
    ("跑动（次）", "catalogue_visit_count"),
    ("收费（元）", "catalogue_fee_yuan"),
    ("法定时限（工作日）", "catalogue_statutory_limit_days"),
    ("承诺时限（工作日）", "catalogue_promised_limit_days"),
)


def burden(source: Source) -> Table:
    """The sums of the catalogue in force at the end of the period, and a year before."""
    now = rows(valid_on=source.period.last)
    before = now.before("year")
    pairs = {metric: (source.figures.one(metric, now), source.figures.one(metric, before)) for _, metric in BURDEN}
    return Table(
        "事项目录合计数及同比情况",
        ("指标", chinese_date(source.period.last), chinese_date(before.valid_on), "同比"),
        tuple(
            ((label,), cell(pairs[metric][0]), cell(pairs[metric][1]), moved_by(*pairs[metric]) or ("—",))
            for label, metric in BURDEN
        ),
        (4, 3, 3, 3),
    )


def reformed_items(source: Source) -> Table:
    """Items whose promise was shortened, the same days before and after: a reform may begin within a month."""
    lines: list[tuple[Text, ...]] = []
    for reform in source.reforms:
        item = {"item_code": reform.item_code}
        after = Period(reform.since, source.period.last)
        limits = [
            source.figures.one("catalogue_promised_limit_days", rows(**item, item_version=version))
            for version in (reform.old_version, reform.version)
        ]
        medians = [
            source.figures.one("median_elapsed_days", rows(days, by_day=True, **item, item_version=version))
            for days, version in ((after.a_year_before(), reform.old_version), (after, reform.version))
        ]
        lines.append(
            (
                (reform.item_name,),
                (f"{reform.since.month}月{reform.since.day}日",),
                (*cell(limits[0]), " → ", *cell(limits[1])),
                cell(medians[0]),
                (n_of(medians[0]),),
                cell(medians[1]),
                (n_of(medians[1]),),
            )
        )
    return Table(
        "缩短承诺时限事项净审批用时中位数前后对比（单位：工作日）",
        ("事项", "施行日期", "承诺时限", "施行前", "件数", "施行后", "件数"),
        tuple(lines),
        (5, 2.2, 2.4, 2, 1.4, 2, 1.4),
    )


PIECES = {
    "事项目录合计数及同比情况": burden,
    "缩短承诺时限事项净审批用时中位数前后对比（单位：工作日）": reformed_items,
}
