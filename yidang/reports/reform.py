"""What a report says of the reform beside its figures: since when it runs, its rules, what is not there yet."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from functools import lru_cache

from yidang.dbt_variables import declared
from yidang.reports.blocks import Cited, Table, Text
from yidang.reports.figures import Figure, Figures, Period, rows
from yidang.reports.prose import amount, say
from yidang.reports.source import Source
from yidang.reports.template import FillError
from yidang.reports.words import ALL
from yidang.settings import Settings

WAITING = "尚未取得施工许可的重点新开工项目"
# The columns of fct_major_project that say whether a project is there.
_LISTS = {"未立项": "not is_established", "未取得施工许可": "not is_permitted"}
_KEY_STARTS = """
select project_name, total_investment_wan, progress_name, next_due_item_name, next_due_department_name
from {{marts}}.fct_major_project
where is_counted and is_new_start and list_year_start between %s and %s and {condition}
order by is_established, total_investment_wan desc nulls last, entry_id
"""


@dataclass(frozen=True)
class KeyStart:
    """One project that has not reached a milestone. 下一事项, 部门: the open approval due next, and who has it."""

    项目: str
    总投资: str
    进展: str
    下一事项: str
    部门: str


@lru_cache(maxsize=4)
def since(figures: Figures) -> date | None:
    """First day of the month in which the first measure of the reform began; None where no ledger says."""
    ((day,),) = figures.read(
        "select date_trunc('month', min(started_on))::date from {marts}.fct_reform_measure where is_started"
    )
    return day


def period_since(figures: Figures) -> Period:
    """From then to the day of the figures; everything where nobody says when it began."""
    first = since(figures)
    return Period(first, figures.snapshot.as_of) if first else ALL


def since_words(figures: Figures) -> str:
    """2022年9月; empty where nobody says."""
    first = since(figures)
    return f"{first.year}年{first.month}月" if first else ""


def rule(settings: Settings) -> str:
    """What counts as 拿地即开工, in words: the documents and the days are the district's to say (rules C005)."""
    chosen = declared(settings.dbt_dir)["instant_start"]
    return (
        f"自{'、'.join(chosen['land_documents'])}（有多种的按此顺序）载明之日起"
        f"{chosen['start_within_working_days']}个工作日内取得首张施工许可的，计为拿地即开工；"
        f"竣工验收备案后{chosen['delivered_within_working_days']}个工作日内办妥{'或者'.join(chosen['delivery_documents'])}的，"
        "计为竣工即交付"
    )


def key_starts(source: Source, name: str) -> list[KeyStart]:
    """Key new starts on the lists of the period's year that are not there yet. Raises FillError for another name."""
    if name not in _LISTS:
        raise FillError(f"没有“{name}”这个名单。", f"有：{'、'.join(_LISTS)}。")
    rows = source.figures.read(
        _KEY_STARTS.format(condition=_LISTS[name]), source.period.first.replace(month=1, day=1), source.period.last
    )
    return [
        KeyStart(
            project or "未具名项目",
            "—" if investment is None else f"{investment:,.0f}",
            progress,
            item or "—",
            department or "—",
        )
        for project, investment, progress, item, department in rows
    ]


def waiting(source: Source) -> Table:
    """Those without a construction permit, one by one: they are open, not failed."""
    lines = tuple(
        ((one.项目,), (one.总投资,), (one.进展,), (one.下一事项,), (one.部门,))
        for one in key_starts(source, "未取得施工许可")
    )
    header = ("项目", "总投资（万元）", "进展", "下一到期事项", "部门")
    return Table(WAITING, header, lines, (4.8, 2.4, 3.2, 3.2, 2.6), (0, 2, 3, 4))


def unfinished(source: Source) -> tuple[Text, ...]:
    """What the reform set out to do and is not there yet, for the part on problems; empty where all is."""
    of_year = rows(Period(source.period.last.replace(month=1, day=1), source.period.last))
    established = source.figures.one("key_start_established_rate", of_year)
    return (
        _short_of(
            "{year}年重点新开工项目{all}个中，{no_start}尚未取得施工许可{rest}个，仍在推进。",
            source.figures.one("key_start_permitted_rate", of_year),
            year=str(source.period.last.year),
            no_start=("尚未立项", Cited(amount(established.rest), established), "个，") if established.rest else (),
        ),
        _short_of(
            "问题台账历年累计的{all}个问题中，尚未解决或者解决后又重新提出的有{rest}个。",
            source.figures.one("problem_solved_rate"),
        ),
        _short_of(
            "告知承诺、容缺受理等办件的事后核查、补齐材料和换发证件，历年应当办理的{all}件中，逾期办理或者逾期未办的有{rest}件。",
            source.figures.one("mode_duty_in_time_rate"),
        ),
    )


def _short_of(sentence: str, rate: Figure, **more: Cited | str) -> Text:
    """Nothing where the rate has nothing left. Counts: no sample is too small for them."""
    if not rate.rest:
        return ()
    return say(sentence, all=Cited(amount(rate.denominator), rate), rest=Cited(amount(rate.rest), rate), **more)


PIECES = {WAITING: waiting}
