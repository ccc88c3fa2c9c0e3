"""三、环节、材料、跑动、费用 and 四、改革举措与成效: what the catalogue of items asks for, and how it changed."""

from __future__ import annotations

from yidang.reports.blocks import Block, Heading, Paragraph, Table
from yidang.reports.figures import Period, rows
from yidang.reports.prose import cell, chinese_date, moved_by, n_of, say
from yidang.reports.source import Source

BURDEN = (
    ("事项（项）", "catalogue_item_count"),
    ("环节（个）", "catalogue_step_count"),
    ("材料（份）", "catalogue_material_count"),
    ("跑动（次）", "catalogue_visit_count"),
    ("收费（元）", "catalogue_fee_yuan"),
    ("法定时限（工作日）", "catalogue_statutory_limit_days"),
    ("承诺时限（工作日）", "catalogue_promised_limit_days"),
)


def burden(source: Source) -> list[Block]:
    """Section 三: the sums of the catalogue in force at the end of the period, and a year before."""
    now, before = rows(valid_on=source.period.last), rows(valid_on=source.before.last)
    pairs = {metric: (source.figures.one(metric, now), source.figures.one(metric, before)) for _, metric in BURDEN}
    return [
        Heading(1, "三、环节、材料、跑动、费用"),
        Paragraph(
            say(
                "按{day}有效的事项目录计，{items}项审批服务事项合计环节{steps}个、申请材料{materials}份、最少跑动{visits}次、"
                "行政事业性收费{fee}元；与上年同日目录的对比见表6。目录数为各事项之和，反映办事规定，不代表单个项目的实际负担；"
                "事项合并的，与合并前各事项之和比较。",
                day=chinese_date(source.period.last),
                items=pairs["catalogue_item_count"][0],
                steps=pairs["catalogue_step_count"][0],
                materials=pairs["catalogue_material_count"][0],
                visits=pairs["catalogue_visit_count"][0],
                fee=pairs["catalogue_fee_yuan"][0],
            )
        ),
        Table(
            "事项目录合计数及同比情况",
            ("指标", chinese_date(source.period.last), chinese_date(source.before.last), "同比"),
            tuple(
                ((label,), cell(pairs[metric][0]), cell(pairs[metric][1]), moved_by(*pairs[metric]) or ("—",))
                for label, metric in BURDEN
            ),
            (4, 3, 3, 3),
        ),
    ]


# -- 四、改革举措与成效 ------------------------------------------------------------------------------------------
def reforms(source: Source) -> list[Block]:
    """Section 四: items whose promise was shortened, the same months before and after."""
    blocks: list[Block] = [Heading(1, "四、改革举措与成效")]
    if not source.reforms:
        return [*blocks, Paragraph((f"{source.span}事项目录中没有缩短承诺时限的事项。",))]
    lines = []
    for reform in source.reforms:
        item = {"item_code": reform.item_code}
        after = Period(reform.since, source.period.last)
        limits = [
            source.figures.one("catalogue_promised_limit_days", rows(**item, item_version=version))
            for version in (reform.old_version, reform.version)
        ]
        medians = [
            source.figures.one("median_elapsed_days", rows(days, **item, item_version=version))
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
    names = "、".join(f"{reform.item_name}（{reform.department_name}）" for reform in source.reforms)
    return [
        *blocks,
        Paragraph(
            (
                f"{source.span}，{names}缩短了承诺时限。将新时限施行后至期末办结的办件，与上年同月份按原时限办理的办件对比，结果见表7。"
                "该对比未设对照组，未剔除项目结构变化的影响，属于情况描述，不能单独作为改革效果的证明。",
            )
        ),
        Table(
            "缩短承诺时限事项净审批用时中位数前后对比（单位：工作日）",
            ("事项", "施行日期", "承诺时限", "施行前", "件数", "施行后", "件数"),
            tuple(lines),
            (5, 2.2, 2.4, 2, 1.4, 2, 1.4),
        ),
    ]
