"""The annexes of the annual report: metric definitions, department tables, data quality."""

from __future__ import annotations

from collections.abc import Sequence

from yidang.metrics import MINIMUM_N
from yidang.reports.blocks import Block, Document, Heading, PageBreak, Paragraph, Table, Text, Title, numbered_evidence
from yidang.reports.figures import Figure, rows
from yidang.reports.prose import cell, chinese_date, n_of, say
from yidang.reports.source import Source

TIERS = {
    "T1": "项目代码一致且校验位正确",
    "T2": "项目代码一致，但为旧版代码或者校验位不符",
    "T3": "工程代码前缀为已知项目代码",
    "T4": "许可证号或批文号一致",
    "T5": "信用代码一致且名称、区划相符",
    "T6": "仅名称相近，待人工核对",
}
FLAGS = {
    "ACCEPTED_NONWORKING": "非工作日受理",
    "CAL_UNAVAILABLE": "日历未覆盖",
    "CORRECTION_AFTER_ACCEPT": "受理后补正",
    "DECIDED_NONWORKING": "非工作日办结",
    "DECIDED_WHILE_SUSPENDED": "暂停期间办结",
    "DEEMED_ACCEPTED": "视为受理",
    "DUE_BEYOND_CALENDAR": "到期日超出日历",
    "DUP_ACCEPT": "重复受理记录",
    "DUP_START": "重复暂停开始",
    "EVENT_AFTER_DECISION": "办结后仍有记录",
    "LATE_CORRECTION": "逾期告知补正",
    "MULTI_CORRECTION": "多次补正",
    "OPEN_SUSPENSION": "暂停未结束",
    "ORDER_ERROR": "先办结后受理",
    "ORPHAN_END": "暂停有止无起",
    "OVERDUE_AT_WITHDRAWAL": "撤件时已逾期",
    "PRE_ACCEPTANCE": "尚未受理",
    "PROVISIONAL": "暂定",
    "PROVISIONAL_DUE": "到期日暂定",
    "STATUTORY_OVERDUE": "超过法定时限",
    "STAT_DUE_BEYOND_CALENDAR": "法定到期日超出日历",
    "SUSP_BEFORE_ACCEPT": "受理前暂停",
    "UNCLOSED_ON_DECIDED": "办结时暂停未结束",
    "WITHDRAWN": "撤件",
}


def annexes(source: Source, body: Sequence[Block]) -> list[Block]:
    """Annexes 1 to 3. The first defines exactly the metrics that the body and the other annexes use."""
    rest = [*_department_tables(source), *_data_quality(source)]
    return [*_definitions([*body, *rest]), *rest]


def _opening(number: int, title: str) -> list[Block]:
    return [PageBreak(), Paragraph((f"附件{number}",), "annex"), Title((title,))]


# -- 附件1 -------------------------------------------------------------------------------------------------


# -- 附件1 -------------------------------------------------------------------------------------------------
def _definitions(blocks: Sequence[Block]) -> list[Block]:
    cited = numbered_evidence(Document("", "", tuple(blocks)))
    metrics = {figure.metric.name: figure.metric for figure in cited if isinstance(figure, Figure)}
    lines = tuple(((metric.label,), (metric.unit,), (metric.grain,), (metric.formula,)) for metric in metrics.values())
    return [
        *_opening(1, "指标口径"),
        Paragraph(
            (
                "本报告各项指标均按下表口径由数据仓库计算，与驾驶舱使用同一套定义。"
                "每个数字的取数条件、样本数和计算语句见随附的证据清单（evidence.csv）。"
                f"比率和用时的样本少于{MINIMUM_N}件的，只列“样本不足”，不列数值。",
            )
        ),
        Table("本报告所用指标", ("指标", "单位", "统计单元", "口径说明"), lines, (3.6, 1.5, 2, 8.5), (0, 3)),
    ]


# -- 附件2 -------------------------------------------------------------------------------------------------
def _department_tables(source: Source) -> list[Block]:
    return [
        *_opening(2, "分部门情况表"),
        _table(
            source,
            "各部门办件量（单位：件）",
            (
                ("收件", "cases_received", True),
                ("受理", "cases_accepted", True),
                ("办结", "cases_decided", True),
                ("撤件", "cases_withdrawn", True),
                ("期末在办", "cases_open", False),
                ("在办逾期", "cases_overdue_open", False),
            ),
        ),
        _table(
            source,
            "各部门按时办结和办理用时（用时单位：工作日）",
            (
                ("按时办结率", "on_time_rate", True),
                ("法定逾期率", "statutory_overdue_rate", True),
                ("用时中位数", "median_elapsed_days", True),
                ("用时P90", "p90_elapsed_days", True),
                ("挂起占比", "excluded_days_share", True),
                ("补正率", "correction_rate", True),
            ),
        ),
        Paragraph((f"注：在办数为{chinese_date(source.as_of)}时点数，其余为{source.span}发生数。",), "small"),
    ]


def _table(source: Source, caption: str, columns: tuple[tuple[str, str, bool], ...]) -> Table:
    values, totals = [], []
    for _, metric, in_period in columns:
        period = source.period if in_period else None
        values.append(source.by_department(metric, period))
        totals.append(source.figures.one(metric, rows(period)))
    lines = [((d.name,), *(cell(part[d.department_id]) for part in values)) for d in source.departments]
    lines.append((("合计",), *(cell(figure) for figure in totals)))
    return Table(caption, ("部门", *(label for label, _, _ in columns)), tuple(lines), (3.07, *(2,) * len(columns)))


# -- 附件3 -------------------------------------------------------------------------------------------------
def _data_quality(source: Source) -> list[Block]:
    snapshot = source.figures.snapshot
    return [
        *_opening(3, "数据质量说明"),
        Heading(1, "一、数据版本"),
        Paragraph(
            (
                f"统计截止日期为{chinese_date(source.as_of)}，工作日历版本为{snapshot.calendar_version}，计时规则版本为{snapshot.rule_version}。"
                "同一批数据、同一截止日期和同一版本重算，结果相同；截止日期以后到达的更正只进入下一期报告。",
            )
        ),
        Heading(1, "二、项目归集"),
        Paragraph(
            ("办件按项目代码、工程代码等逐级归集到项目，各级依据的办件数如下；未归集的办件不计入项目和阶段的统计。",)
        ),
        _tier_table(source),
        Heading(1, "三、计时标记"),
        Paragraph(("下列情形按计时规则处理并逐件留痕，同一办件有多种情形的合并列示。",)),
        _flag_table(source),
        Heading(1, "四、不计入比率的办件"),
        Paragraph(_excluded(source)),
        Heading(1, "五、本期未作统计的内容"),
        Paragraph(
            (
                "线下办理后补录、体外循环、告知承诺、容缺受理、区域评估、联合验收和政务服务好差评，因所需数据尚未全部归集，本期未列。"
                "没有合同或者成本数据的节约金额，以及没有对照组的“提前若干月”，不作推算。",
            )
        ),
    ]


def _tier_table(source: Source) -> Table:
    figures = source.figures.by("cases_received", "match_tier", rows(source.period))
    lines = tuple(
        ((str(tier or "—"),), (TIERS.get(str(tier), "未归集到项目"),), cell(figure)) for tier, figure in figures.items()
    )
    return Table("本期收件的项目归集依据（单位：件）", ("级别", "依据", "收件"), lines, (2, 8, 3), (1,))


def _flag_table(source: Source) -> Table:
    figures = source.figures.by("cases_received", "clock_flags", rows(source.period))
    by_number = sorted(figures.items(), key=lambda entry: (bool(entry[0]), -entry[1].n))
    lines = tuple((_flags(flags), cell(figure)) for flags, figure in by_number)
    return Table("本期收件的计时标记（单位：件）", ("标记", "收件"), lines, (10, 3))


def _flags(flags: object) -> Text:
    if not flags:
        return ("无",)
    return ("、".join(FLAGS.get(flag, flag) for flag in str(flags).split("|")),)


def _excluded(source: Source) -> Text:
    received = rows(source.period)
    not_accepted = source.figures.one("cases_received", received.and_where(outcome="not_accepted"))
    withdrawn = source.figures.one("cases_received", received.and_where(outcome="withdrawn"))
    still_open = source.figures.one("cases_received", received.and_where(outcome="open"))
    on_time = source.now("on_time_rate")
    return say(
        "本期收件中不予受理{not_accepted}件、申请人撤件{withdrawn}件，不计入办理用时；仍在办{open}件，办理用时未定。"
        "按时办结率以到期办件{n}件为分母。",
        not_accepted=not_accepted,
        withdrawn=withdrawn,
        open=still_open,
        n=(n_of(on_time),),
    )
