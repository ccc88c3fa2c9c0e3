"""Numbers as official documents write them."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import docx
import pytest
from docx.oxml import OxmlElement
from docx.oxml.ns import qn
from docx.text.paragraph import Paragraph

from yidang import metrics, settings
from yidang.reports import case_lists
from yidang.reports.blocks import Cited, Text
from yidang.reports.figures import Figure, Period, Snapshot, rows
from yidang.reports.places import places
from yidang.reports.prose import cell, change, chinese_date, moved_by, say, with_n

METRICS = metrics.load(settings.load())


def figure(metric: str, value: str | None, n: int) -> Figure:
    return Figure(
        metric=METRICS[metric],
        where=rows(),
        value=None if value is None else Decimal(value),
        n=n,
        numerator=None,
        denominator=None,
        interval=None,
        snapshot=Snapshot(date(2026, 6, 30), 1, "2026", "1"),
        sql="select 1",
    )


def plain(text: Text) -> str:
    return "".join(part.text if isinstance(part, Cited) else part for part in text)


@pytest.mark.parametrize(
    ("metric", "value", "n", "expected"),
    [
        ("on_time_rate", "0.9525", 812, "95.3%（样本数812）"),
        ("on_time_rate", "1", 9, "样本不足（样本数9）"),
        ("on_time_rate", "1", 10, "100.0%（样本数10）"),
        ("on_time_rate", None, 0, "样本不足（样本数0）"),
        ("median_elapsed_days", "4.0", 30, "4个工作日（样本数30）"),
        ("median_elapsed_days", "4.25", 30, "4.3个工作日（样本数30）"),
        ("project_span_days_median", "344.5", 19, "344.5个自然日（样本数19）"),
        ("cases_received", "3", 3, "3件（样本数3）"),
        ("promise_compression_catalogue", "0.65", 4, "65.0%（样本数4）"),
        ("cases_received", "12345", 12345, "1.23万件（样本数12345）"),
        ("investment_done_wan", "9999", 3, "9999万元（样本数3）"),
        ("investment_done_wan", "1233300", 30, "123.33亿元（样本数30）"),
        ("investment_done_wan", None, 0, "—万元（样本数0）"),
    ],
)
def test_a_value_with_its_n(metric: str, value: str | None, n: int, expected: str) -> None:
    assert plain(with_n(figure(metric, value, n))) == expected


@pytest.mark.parametrize(
    ("metric", "later", "earlier", "expected"),
    [
        ("on_time_rate", ("0.9364", 800), ("0.9249", 454), "同比上升1.1个百分点（上年同期92.5%，样本数454）"),
        ("on_time_rate", ("0.90", 800), ("0.95", 454), "同比下降5.0个百分点（上年同期95.0%，样本数454）"),
        ("on_time_rate", ("0.95041", 800), ("0.9496", 454), "同比持平（上年同期95.0%，样本数454）"),
        ("on_time_rate", ("0.95", 800), ("0.5", 4), "同比不作比较（上年同期样本不足，样本数4）"),
        ("on_time_rate", ("0.95", 4), ("0.5", 400), "同比不作比较（上年同期50.0%，样本数400）"),
        ("median_elapsed_days", ("3", 80), ("4", 50), "同比减少1个工作日（上年同期4个工作日，样本数50）"),
        ("cases_received", ("820", 820), ("502", 502), "同比增长63.3%（上年同期502件）"),
        ("cases_received", ("400", 400), ("500", 500), "同比下降20.0%（上年同期500件）"),
        ("cases_received", ("400", 400), ("0", 0), "上年同期为0件"),
        ("cases_withdrawn", ("14", 14), ("6", 6), "上年同期为6件"),
        ("catalogue_step_count", ("76", 21), ("80", 21), "同比下降5.0%（上年同期80个）"),
        ("on_time_rate", ("0.95", 400), (None, 0), "上年同期无数据"),
    ],
)
def test_the_change_since_last_year(metric: str, later: tuple, earlier: tuple, expected: str) -> None:
    assert plain(change(figure(metric, *later), figure(metric, *earlier))) == expected


def test_a_change_is_that_of_the_printed_values() -> None:
    """93.64 % is printed 93.6 and 92.46 % is printed 92.5: a reader subtracts 1.1, not the 1.2 of the raw values."""
    later, earlier = figure("on_time_rate", "0.9364", 800), figure("on_time_rate", "0.9246", 800)
    assert plain(moved_by(later, earlier)) == "上升1.1个百分点"


def test_a_table_keeps_the_decimal_and_marks_an_empty_slice() -> None:
    assert plain(cell(figure("median_elapsed_days", "4", 30))) == "4.0"
    assert plain(cell(figure("median_elapsed_days", None, 0))) == "—"
    assert plain(cell(figure("median_elapsed_days", "4", 3))) == "样本不足"
    assert plain(cell(figure("catalogue_fee_yuan", None, 0))) == "—"


def test_a_sentence_cites_its_figures_in_order() -> None:
    received = figure("cases_received", "12", 12)
    text = say("共收件{received}件（{day}）", received=received, day=chinese_date(date(2025, 3, 3)))
    assert plain(text) == "共收件12件（2025年3月3日）"
    assert [part.source for part in text if isinstance(part, Cited)] == [received]
    with pytest.raises(KeyError):
        say("共收件{recieved}件", received=received)


def test_the_year_before_of_a_leap_day() -> None:
    period = Period(date(2024, 1, 1), date(2024, 2, 29))
    assert period.a_year_before() == Period(date(2023, 1, 1), date(2023, 2, 28))


# -- where a document prints a number -------------------------------------------------------------------------
def marked(paragraph: Paragraph, name: str, text: str) -> None:
    start, end = OxmlElement("w:bookmarkStart"), OxmlElement("w:bookmarkEnd")
    start.set(qn("w:name"), name)
    paragraph._p.append(start)
    paragraph.add_run(text)
    paragraph._p.append(end)


def test_a_number_is_found_by_its_sentence_or_by_row_and_column_of_its_table():
    """In an office's own template as well: with bookmarks that are not ours, and heads that it merged."""
    word = docx.Document()
    sentence = word.add_paragraph("上月办结60件；")
    marked(sentence, "_GoBack", "本月")
    sentence.add_run("收件")
    marked(sentence, "F001_1", "62")
    sentence.add_run("件，环比下降。办结69件。")
    marked(sentence, "F001_2", "62")
    word.add_paragraph("表1　排名")
    table = word.add_table(rows=2, cols=4)
    for head, text in zip(table.rows[0].cells, ("名次", "部门", "收件和办结", ""), strict=True):
        head.text = text
    table.cell(0, 2).merge(table.cell(0, 3))
    table.cell(1, 0).text, table.cell(1, 1).text = "1", "水务局"
    marked(table.cell(1, 3).paragraphs[0], "F002_1", "92.9%")
    assert places(word) == {"F001": "本月收件【62】件，环比下降", "F002": "表1　排名：水务局，收件和办结【92.9%】"}


@pytest.mark.parametrize(
    ("permit_date", "expected"),
    [
        (date(2026, 3, 10), "待补；2026-03-10（期限内）已出批复，疑已办结未报"),
        (date(2026, 3, 11), "待补；2026-03-11已出批复，疑已办结未报"),
        (None, "待补；已出批复，疑已办结未报"),
    ],
)
def test_a_late_case_whose_permit_exists_says_so_dated_or_not(permit_date: date | None, expected: str) -> None:
    assert case_lists._doubt("待补", date(2026, 3, 10), permit_date) == expected
