"""What the departments' ledgers claim and the data cannot carry: the claim, why it is no number, what was measured."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from yidang.metrics import MINIMUM_N
from yidang.reports.blocks import Cited, Table, Text
from yidang.reports.figures import Figures, Reading
from yidang.reports.prose import TOO_FEW, tenth
from yidang.reports.source import Source

CAPTION = "台账载明而本报告不作统计的说法"
# Each gives: what it is about, where it stands, what is claimed there, why that is no number, and the measure's id.
_MEASURES = """
select measure_name, coalesce(document_number, '改革举措台账'), claim_text, remark, measure_id
from {marts}.fct_reform_measure
where claim_remark is not null and claim_text is not null
order by started_on, measure_id
"""
_DOCUMENTS = """
select
    coalesce(title, document_number),
    document_number,
    concat_ws('；', '举措' || stated_measure_count || '项', '压缩' || stated_days_saved || '天'),
    remark,
    null
from {marts}.fct_reform_document
where remark is not null
order by document_id
"""
_PACKAGES = """
select package_name, '一件事套餐清单', concat('材料', document_count, '份'), remark, null
from {marts}.dim_package
where remark is not null
order by package_code
"""
_CATALOGUE = """
select
    item_name,
    '事项目录',
    concat_ws('；', '环节' || step_count || '个', '材料' || material_count || '份'),
    list_remark,
    null
from {marts}.dim_item
where list_remark is not null and is_current
order by item_code
"""
# No claim but a figure that is too good: it is printed with its n, and remarked on.
_FLAT_SERIES = """
select concat(metric_name, '（', slice, '）'), '逐月指标', '100%%', remark, null
from {marts}.agg_flat_series
where dimension = 'district'
order by metric_name
"""
_MEASURED = """
select measured_days_{side}, {side}_case_count
from {{marts}}.fct_reform_measure
where measure_id = %s and is_known_item
"""
_SIDES = {"before": "改革前", "after": "改革后"}


@dataclass(frozen=True)
class Remark:
    """One claim and why it is no number. subject: 改革举措; source: 出处; claim: 载明; reason: 备注.

    measured: medians of net working days of the item's cases, the same months a year before and after, with n; empty
    where the claim is of no single item.
    """

    subject: str
    source: str
    claim: str
    reason: str
    measured: tuple[Reading, ...] = ()

    @property
    def beside(self) -> Text:
        """The measured medians in words."""
        parts: list[str | Cited] = []
        for side, reading in zip(_SIDES.values(), self.measured, strict=False):
            # enough cases without a median: half of them are open still
            nothing = TOO_FEW if reading.n < MINIMUM_N else "未达到"
            shown = nothing if reading.value is None else tenth(reading.value)
            unit = "" if reading.value is None else "个工作日"
            n = Cited(str(reading.n), reading)
            parts += ["；" if parts else "", side, Cited(shown, reading), f"{unit}（样本数", n, "）"]
        return tuple(parts) or ("—",)


@lru_cache(maxsize=4)
def claims(figures: Figures) -> tuple[Remark, ...]:
    """Claims of every ledger that are no number, measures first."""
    return _read(figures, _MEASURES, _DOCUMENTS, _PACKAGES, _CATALOGUE)


def remarks(figures: Figures) -> tuple[Remark, ...]:
    """The same, and what is remarked on though it is a number."""
    return (*claims(figures), *_read(figures, _FLAT_SERIES))


def _read(figures: Figures, *statements: str) -> tuple[Remark, ...]:
    return tuple(
        Remark(subject, source, claim, reason, _measured(figures, subject, measure_id))
        for statement in statements
        for subject, source, claim, reason, measure_id in figures.read(statement)
    )


def lines(figures: Figures) -> list[dict[str, str]]:
    """One entry per remark, as plain values."""
    return [
        {
            "subject": one.subject,
            "source": one.source,
            "claim": one.claim,
            "reason": one.reason,
            "measured": "".join(part.text if isinstance(part, Cited) else part for part in one.beside),
        }
        for one in remarks(figures)
    ]


def _measured(figures: Figures, subject: str, measure_id: str | None) -> tuple[Reading, ...]:
    if measure_id is None:
        return ()
    asked = (
        figures.reading(f"{subject}：{word}净审批用时中位数", "工作日", _MEASURED.format(side=side), measure_id)
        for side, word in _SIDES.items()
    )
    return tuple(reading for reading in asked if reading is not None)


def table(source: Source) -> Table:
    """Every claim that is no number, for the annex of a document."""
    told = tuple(((one.subject,), (one.claim,), (one.reason,), one.beside) for one in claims(source.figures))
    header = ("改革举措或者指标", "台账载明", "不作统计的原因", "实测用时中位数")
    return Table(CAPTION, header, told, (3.2, 2.8, 6, 3.6), (0, 1, 2, 3))


PIECES = {CAPTION: table}
