"""The documents on the marts of a whole made-up district: what they say, trace and verify, and what they refuse."""

from __future__ import annotations

import csv
import gzip
import json
import re
from datetime import date
from decimal import Decimal
from itertools import product
from pathlib import Path

import docx
import openpyxl
import pytest
from built_district import END, build_district
from docx.document import Document as Word
from docx.oxml.ns import qn
from typer.testing import CliRunner

from yidang import metrics
from yidang.cli import app
from yidang.errors import YidangError
from yidang.reports import documents, evidence, pdf, template_text, trace, verify
from yidang.reports.annual import KIND as ANNUAL
from yidang.reports.annual import write_annual_report
from yidang.reports.bulletin import write_bulletin
from yidang.reports.congress import write_congress_report
from yidang.reports.figures import Period, rows
from yidang.reports.layout import to_bytes
from yidang.reports.project_file import write_project_file
from yidang.reports.snapshot import figures_as_of
from yidang.settings import Settings

pytestmark = [pytest.mark.integration, pytest.mark.end_to_end]


@pytest.fixture(scope="module", autouse=True)
def district(settings):
    build_district(settings, with_tests=False)


@pytest.fixture(scope="module", autouse=True)
def without_libreoffice():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pdf.shutil, "which", lambda _: None)
        yield


@pytest.fixture(scope="module")
def bulletin(settings: Settings) -> Path:
    return write_bulletin(settings, month=date(2025, 9, 1)).docx


def text_of(path: Path) -> str:
    return "\n".join(paragraph_texts(docx.Document(str(path))))


def paragraph_texts(document: Word) -> list[str]:
    paragraphs = document.element.body.iter(qn("w:p"))
    return ["".join(node.text or "" for node in one.iter(qn("w:t"))) for one in paragraphs]


def manifest(path: Path) -> dict:
    return json.loads(path.with_suffix(".json").read_text(encoding="utf-8"))


def cases(path: Path) -> dict[str, list[tuple[str, str]]]:
    found: dict[str, list[tuple[str, str]]] = {}
    with gzip.open(path.with_name(f"{path.stem}.cases.csv.gz"), "rt", encoding="utf-8") as file:
        for row in csv.DictReader(file):
            found.setdefault(row["id"], []).append((row["case"], row["part"]))
    return found


def own(tmp_path: Path, text: str) -> Path:
    """An office's own template."""
    path = tmp_path / "own.docx"
    path.write_bytes(to_bytes(template_text.to_word(text)))
    return path


def filled(settings: Settings, tmp_path: Path, text: str) -> str:
    """What a template of this text says of 2025."""
    files = write_annual_report(settings, year=2025, output_dir=tmp_path / "out", template=own(tmp_path, text))
    return text_of(files.docx)


def refused(settings: Settings, tmp_path: Path, text: str) -> YidangError:
    with pytest.raises(YidangError) as caught:
        filled(settings, tmp_path, text)
    assert not (tmp_path / "out").exists() or not list((tmp_path / "out").glob("*.docx"))
    return caught.value


# -- what they say -------------------------------------------------------------------------------------------
def test_every_number_of_the_bulletin_is_the_sqls(bulletin, warehouse):
    entries = {entry["id"]: entry for entry in manifest(bulletin)["figures"]}
    printed = docx.Document(str(bulletin)).element.body.iter(qn("w:bookmarkStart"))
    assert {start.get(qn("w:name")).split("_")[0] for start in printed} <= set(entries)
    for entry in entries.values():
        if "sql" in entry and not entry["label"].startswith("名单"):  # a list of many numbers
            value, n, *_ = warehouse.execute(entry["sql"]).fetchone()
            assert n == entry["n"]
            assert (
                value is None if entry["value"] is None else abs(Decimal(str(value)) - Decimal(entry["value"])) < 1e-9
            )


def test_behind_every_number_lie_exactly_its_cases(bulletin, warehouse):
    listed = cases(bulletin)
    known = {row for (row,) in warehouse.execute("select case_id from marts.fct_item_instance")}
    for entry in manifest(bulletin)["figures"]:
        own_cases = listed.get(entry.get("id"), [])
        if "where" in entry:
            assert len(own_cases) == len(set(own_cases)) == entry["n"], entry
        if entry.get("metric", "").startswith(("cases_", "on_time", "median")):
            assert {case for case, _ in own_cases} <= known
            if entry["metric"] == "on_time_rate" and entry["n"]:
                assert sum(part == "true" for _, part in own_cases) == int(entry["numerator"])


def test_rows_of_every_mart_with_metrics_are_known_by_something(settings, warehouse):
    """A mart without would list no cases behind its numbers, and nobody would see it."""
    for model in {metric.model for metric in metrics.load(settings).values()}:
        warehouse.execute(f"select {evidence._IDENTITIES[model]} from marts.{model} limit 1")  # noqa: S608


def test_the_bulletin_lists_the_late_cases_and_the_league_with_its_intervals(bulletin, warehouse):
    tables = {tuple(cell.text for cell in table.rows[0].cells): table for table in docx.Document(str(bulletin)).tables}
    (overdue,) = (table for head, table in tables.items() if "逾期工作日" in head)
    (places,) = (table for head, table in tables.items() if "95%区间" in head)
    late = warehouse.execute(
        "select item_name || ' ' || instance_code from marts.fct_open_case where is_overdue"
    ).fetchall()
    assert len(late) > 0
    assert {row.cells[0].text for row in overdue.rows[1:]} == {code for (code,) in late}
    (entry,) = (entry for entry in manifest(bulletin)["figures"] if entry["label"] == "名单“在办逾期”各行")
    assert entry["n"] == len(late) == len(cases(bulletin)[entry["id"]])
    by_code = {row[1]: str(row[7]) for row in warehouse.execute(entry["sql"])}
    assert {row.cells[0].text.split()[-1]: row.cells[3].text for row in overdue.rows[1:]} == by_code
    finished = dict(warehouse.execute(
        "select instance_code, suspected_finish_date::text from marts.fct_open_case"
        " where is_overdue and is_finish_withheld"))  # fmt: skip
    doubted = {row.cells[0].text.split()[-1]: row.cells[6].text for row in overdue.rows[1:]}
    assert finished and all(day in doubted[code] for code, day in finished.items())
    assert {code for code, reason in doubted.items() if "疑已办结未报" in reason} == set(finished)
    (in_time,) = warehouse.execute(
        "select count(*) from marts.fct_open_case where is_overdue and suspected_finish_date <= due_date"
    ).fetchone()
    told = f"（批复日期在承诺期限内的{in_time}件）"
    assert f"其中{len(finished)}件的批复文件已经存在、疑已办结而未报{told}" in text_of(bulletin)
    assert sum("（期限内）" in reason for reason in doubted.values()) == in_time
    league = [[cell.text for cell in row.cells] for row in places.rows[1:]]
    shown = [row for row in league if row[2] != "样本不足"]
    assert [float(row[2][:-1]) for row in shown] == sorted((float(row[2][:-1]) for row in shown), reverse=True)
    for place, _, rate, interval, n, *_ in league:
        assert (rate == "样本不足") == (int(n) < 10) == (place == "—")
        if rate != "样本不足":
            low, high = (float(part) for part in re.findall(r"[\d.]+(?=%)", interval))
            assert low <= float(rate[:-1]) <= high


def test_the_congress_report_has_its_form_and_no_small_sample_in_its_prose(settings):
    text = text_of(write_congress_report(settings, as_of=END).docx)
    assert text.index("主任、各位副主任、各位委员：") < text.index("一、改革实施情况") < text.index("二、当前存在问题")
    assert text.index("三、下一步打算") < text.index("以上报告，请予审议。")
    assert "占样本不足" not in text and "{" not in text


def test_a_project_file_holds_every_case_and_permit_of_the_project(settings, warehouse):
    (code,) = warehouse.execute(
        "select project_code from marts.fct_project_lifecycle order by case_count desc limit 1"
    ).fetchone()
    text = text_of(write_project_file(settings, code=code).docx)
    held = warehouse.execute("select instance_code from marts.fct_item_instance where project_code = %s", (code,))
    assert all(instance in text for (instance,) in held) and code in text
    with pytest.raises(YidangError, match="no project nowhere"):
        write_project_file(settings, code="nowhere")


def test_every_number_of_a_project_file_leads_to_its_query_and_its_cases(settings, warehouse):
    """Each number of the project and of each table lies in a bookmark whose query gives it."""
    code, name, case_count, span = warehouse.execute(
        "select project_code, project_name, case_count, span_working_days from marts.fct_project_lifecycle"
        " where span_working_days is not null order by case_count desc limit 1"
    ).fetchone()
    path = write_project_file(settings, code=code).docx
    document = docx.Document(str(path))
    assert document.sections[0].header.paragraphs[0].text.endswith(f"　{name}　{code}")
    entries = {entry["id"]: entry for entry in manifest(path)["figures"]}
    assert {entry["value"] for entry in entries.values() if entry["label"] in ("办件数", "跨度工作日")} == {
        f"{case_count}", f"{span}"
    }  # fmt: skip
    shown = dict.fromkeys(entries, 0)
    for start in document.element.body.iter(qn("w:bookmarkStart")):
        figure = start.get(qn("w:name")).partition("_")[0]
        text = "".join(node.text or "" for node in start.getnext().iter(qn("w:t")))
        given = [str(value) for row in warehouse.execute(entries[figure]["sql"]) for value in row]
        assert text in given, (entries[figure]["label"], text)
        shown[figure] += 1
    assert min(shown.values()) > 0 and sum(shown.values()) > case_count
    known = warehouse.execute("select case_id from marts.fct_item_instance where project_code = %s", (code,)).fetchall()
    (figure,) = (entry["id"] for entry in entries.values() if entry["label"] == "跨度工作日")
    told = list(trace.lines(settings, path, figure))
    assert sorted(line.rstrip("\t") for line in told if line.endswith("\t")) == sorted(case for (case,) in known)


def test_a_bulletin_has_its_issuer_in_red_and_its_imprint_at_the_foot(bulletin):
    document = docx.Document(str(bulletin))
    first, second = (paragraph for paragraph in document.paragraphs[:2])
    assert (first.style.name, str(first.style.font.color.rgb), second.style.name) == (
        "Red Head", "FF0000", "Document Number"
    )  # fmt: skip
    last = document.paragraphs[-2:]
    assert [paragraph._p.pPr.find(qn("w:framePr")).get(qn("w:yAlign")) for paragraph in last] == ["bottom"] * 2
    assert last[0].text.startswith("抄送：") and last[1].text.endswith("印发")


def test_a_project_file_tells_who_served_it_what_was_planned_and_what_is_expected(settings, warehouse):
    """Of the project of which most kinds of records are told: each row of each ledger is in its file."""
    (code,) = warehouse.execute(
        "select project_code from marts.fct_problem inner join marts.fct_agent_service using (project_code)"
        " inner join marts.fct_project_plan using (project_code)"
        " inner join marts.fct_major_project using (project_code)"
        " group by project_code order by count(*) desc, project_code limit 1"
    ).fetchone()
    document = docx.Document(str(write_project_file(settings, code=code).docx))
    tables = {
        table.cell(0, 0).text: [[cell.text for cell in row.cells] for row in table.rows][1:]
        for table in document.tables
    }
    for first, mart, columns in (
        ("年份", "fct_major_project where is_counted and", "list_year::text, chief_code, progress_name"),
        ("角色", "fct_agent_service where", "role_name, unit_name, assigned_date::text"),
        ("问题", "fct_problem where", "title, reported_date::text, state_name"),
        ("类别", "fct_agency_order where", "category, ordered_date::text"),
        ("方式", "fct_case_mode where not is_repeated and", "mode_name, decided_date::text"),
        ("事项", "fct_project_plan where", "item_name, planned_start_date::text, planned_end_date::text, state_name"),
    ):
        rows = warehouse.execute(f"select {columns} from marts.{mart} project_code = %s", (code,)).fetchall()  # noqa: S608
        told = tables.get(first, [])
        assert len(told) == len(rows), first
        assert all(any({value or "—" for value in row} <= set(line) for line in told) for row in rows), first
    (state,) = warehouse.execute(
        "select forecast_name from marts.fct_project_forecast where project_code = %s", (code,)
    ).fetchone() or (None,)
    said = [text for text in paragraph_texts(document) if "竣工" in text and ("预测" in text or "推算" in text)]
    assert len(said) == (state is not None)


def test_the_evidence_opens_as_a_workbook(bulletin, warehouse):
    book = openpyxl.load_workbook(bulletin.with_name(f"{bulletin.stem}.evidence.xlsx"), read_only=True)
    assert book.sheetnames == ["说明", "数字", "办件", "备注"]
    rows = list(book["数字"].iter_rows(values_only=True))
    assert len(rows) == len(manifest(bulletin)["figures"]) + 1
    assert rows[0][:4] == ("编号", "文中", "指标", "取数范围")
    texts = text_of(bulletin)
    sentences = [place for _, place, *_ in rows[1:] if place and "【" in place and place[0] != "表"]
    assert len(sentences) > 20 and all(re.sub("[…【】]", "", place) in texts for place in sentences)
    assert sum(place is None for _, place, *_ in rows[1:]) == 0
    of_cases = [row[1:] for row in book["办件"].iter_rows(min_row=2, values_only=True)]
    known = warehouse.execute("select case_id, item_name, department_name from marts.fct_item_instance").fetchall()
    names = {case: rest for case, *rest in known}
    assert sum(case in names for case, *_ in of_cases) > 100
    assert all(list(rest[:2]) == names[case] for case, *rest in of_cases if case in names)
    printed = openpyxl.load_workbook(bulletin.with_name(f"{bulletin.stem}.evidence.xlsx"))["数字"]
    assert "&P" in printed.oddFooter.center.text and printed.print_title_rows == "$1:$1"


# -- trace, verify, corrections --------------------------------------------------------------------------------
def test_trace_prints_what_stands_behind_a_number(bulletin):
    entry = next(entry for entry in manifest(bulletin)["figures"] if entry.get("metric") == "on_time_rate")
    said = CliRunner().invoke(app, ["trace", str(bulletin), f"{entry['id']}_1"])
    assert said.exit_code == 0
    assert "按时办结率" in said.output and entry["sql"] in said.output
    assert sum("\t" in line for line in said.output.splitlines()) == entry["n"]
    assert CliRunner().invoke(app, ["trace", str(bulletin), "F999"]).exception is not None


def test_the_bulletin_tells_the_published_assessment_and_why_some_have_no_rank(bulletin, warehouse):
    tables = {tuple(cell.text for cell in table.rows[0].cells): table for table in docx.Document(str(bulletin)).tables}
    printed = tables["周期", "部门", "得分", "可评分值", "名次", "说明"].rows[1:]
    published = warehouse.execute(
        "select distinct on (period_grain, department_name) department_name, points, rank_number, remark, period_name"
        " from marts.agg_assessment where state_name = '已公布'"
        " order by period_grain, department_name, period_start desc"
    ).fetchall()
    told = {(row.cells[0].text, row.cells[1].text): row for row in printed}
    assert len(told) == len(printed) == len(published) > 0
    for department, points, rank, remark, period in published:
        row = told[period, department]
        assert row.cells[2].text == ("—" if points is None else f"{points:.1f}")
        assert row.cells[4].text == (str(rank) if rank else "—")
        assert rank or remark and row.cells[5].text.startswith(remark)


def test_the_cases_of_a_number_too_large_to_list_are_traced_to_the_marts(settings, tmp_path, monkeypatch):
    monkeypatch.setattr(evidence, "MOST_LISTED", 12)
    written = write_bulletin(settings, month=date(2025, 9, 1), output_dir=tmp_path / "large").docx
    listed = cases(written)
    for entry in manifest(written)["figures"]:
        if entry.get("metric") == "on_time_rate" and entry["n"]:
            traced = [line for line in trace.lines(settings, written, entry["id"]) if "\t" in line]
            assert len(traced) == entry["n"]
            assert len(listed.get(entry["id"], [])) == (entry["n"] if entry["n"] <= 12 else 0)


def test_figures_held_by_the_indicators_are_the_ones_that_the_cases_give(settings, warehouse):
    """Every metric, of the district and of each part, a month, two months and a year."""
    months = [Period(date(2025, 3, 1), date(2025, 3, 31)), Period(date(2025, 3, 1), date(2025, 4, 30))]
    periods = [*months, Period(date(2024, 1, 1), date(2024, 12, 31)), None]
    parts = [{}, {"department_id": "zhujian"}, {"stage_number": 3}, {"flow_type_name": "工业类投资项目"}]
    compared = 0
    with figures_as_of(settings, None) as held, figures_as_of(settings, None) as counted:
        counted._indicators.one = lambda *_: None
        counted.smallest = lambda metric, _: metric
        for name, metric in held.metrics.items():
            for period, part in product(periods, parts):
                days = (period.first, period.last) if period else (None, None)
                if held._indicators.one(metric, *days, tuple(part.items())) is None:
                    continue
                left, right = (figures.one(name, rows(period, **part)) for figures in (held, counted))
                assert (left.value, left.n) == (right.value, right.n), (name, period, part)
                assert (left.numerator, left.denominator) == (right.numerator, right.denominator), (name, period, part)
                assert left.interval == pytest.approx(right.interval), (name, period, part)
                assert held.excluded(left) == counted.excluded(right), (name, period, part)
                compared += 1
    assert compared > 300


def test_an_issued_report_is_written_again_from_raw_as_it_was(settings, warehouse, tmp_path):
    """Another day and later data: the bulletin of July is identical, its successor lists what came after."""
    july = write_bulletin(settings, month=date(2025, 7, 1)).docx
    assert manifest(july)["as_of"] == "2025-07-31"
    assert verify.verify(settings, july).differences == []
    assert "发出后，因后续办理" not in text_of(july)
    said = july.with_suffix(".json").read_text(encoding="utf-8")
    received = next(entry for entry in manifest(july)["figures"] if entry.get("metric") == "cases_received")
    july.with_suffix(".json").write_text(said.replace(json.dumps(received["value"]), '"777"', 1), encoding="utf-8")
    corrected = text_of(write_bulletin(settings, month=date(2025, 8, 1)).docx)
    assert "《关于2025年7月份工程建设项目审批运行情况的通报》发出后" in corrected
    assert "777件" in corrected, "what was issued stands beside what is known now"
    july.with_suffix(".json").write_text(said, encoding="utf-8")
    content = july.read_bytes()
    july.write_bytes(content + b" ")
    assert verify.verify(settings, july).differences == ["the file was changed after it was written"]
    july.write_bytes(content)
    with pytest.raises(YidangError, match="no report of the archive"):
        verify.verify(settings, tmp_path / "nothing.docx")


# -- what an office writes ---------------------------------------------------------------------------------------
def test_the_standard_template_edited_in_word_is_the_one_that_counts(settings, tmp_path):
    path = tmp_path / "templates" / "annual.docx"
    documents.write_template("annual", path)
    with pytest.raises(YidangError, match="there already"):
        documents.write_template("annual", path)
    word = docx.Document(str(path))
    word.paragraphs[0].insert_paragraph_before("住建局收件{{指标（“收件数”，部门＝“住建局”）}}。")
    word.save(str(path))
    files = write_annual_report(settings, year=2025, output_dir=tmp_path / "out", template=path)
    with figures_as_of(settings, None) as figures:
        made = documents.make(settings, ANNUAL, figures, documents.Period(date(2025, 1, 1), END), None)
    assert re.search(r"住建局收件\d+件。", text_of(files.docx))
    assert manifest(files.docx)["template_sha256"] != made.manifest["template_sha256"]


def test_slices_changes_and_conditions(settings, tmp_path, warehouse):
    said = filled(
        settings,
        tmp_path,
        """{{ 指标("收件数", 年=2025, 月=3) }}，{{ 指标("收件数", 年=2025, 季=1) }}，
{{ 指标("收件数", 自="2025-01-01", 至="2025-03-31") }}

{% set 率 = 指标("按时办结率") %}{{ 率 }}{{ 率.样本 }}，{{ 率.同比 }}，
{% if 率.同比.上升 %}升{% elif 率.同比.下降 %}降{% else %}平{% endif %}

{{ 指标("办理用时中位数", 阶段="施工许可") }}，{{ 指标("R1", 科室="没有这个科室") }}，{{ 指标("节约成本") }}""",
    )
    counts, rate, rest = (line for line in said.splitlines() if line)
    month, quarter, span = counts.split("，")
    received = "select count(*) from marts.fct_item_instance where received_month = '2025-03-01'"
    assert month == f"{warehouse.execute(received).fetchone()[0]}件"
    assert quarter == span
    assert re.fullmatch(r"[\d.]+%（样本数\d+），同比.*[升降平]", rate)
    assert ("升" if "上升" in rate else "降" if "下降" in rate else "平") == rate[-1]
    assert re.search(r"\d个工作日，样本不足，（不作统计：没有合同和费用数据", rest)


@pytest.mark.parametrize(
    ("tag", "message", "cure"),
    [
        ('{{ 指标("按时办结") }}', "没有“按时办结”这个指标", "按时办结率"),
        ('{{ 指标("按时办结率", 部门="住建") }}', "没有“住建”这个部门", "住建局"),
        ('{{ 指标("按时办结率", 颜色="红") }}', "不能按“颜色”取数", "部门"),
        ('{{ 指标("项目数", 部门="住建局") }}', "“项目数”不能按部门取数", "流程类型|项目"),
        ('{{ 指标("收件数", 月=13) }}', "“月=13”不是期间", "季"),
        ('{{ 指标("收件数", 年=2031) }}', "晚于数据截至日2025-09-30", "--as-of"),
        ('{{ 指标("在办数", 年=2024) }}', "是2025-09-30这一天的数", "--as-of"),
        ('{{ 指标("区域评估应用率") }}', "没有数：", "数据来源"),
        ('{{ 图("没有") }}', "没有“没有”这张表或图", "各月按时办结率"),
        ('{{ 见("没有") }}', "本文件没有这个题目的表或图", "有："),
        ("{{ 总数 }}", "没有“总数”这个名字", "docs/templates.md"),
        ('{% if 指标("收件数") %}', "没有结尾", "{% endif %}"),
        ('{{ 指标("收件数" }}', "标签读不懂", "少了括号"),
        ('{{ 指标("T1") }}', "编号T1有", "办理用时中位数"),
        ('{{ 指标("收件数").增长 }}', "没有“.增长”", "同比"),
        ('{{ 指标("收件数").分子 }}', "不是比率，没有分子", r"\.其余"),
        ('{{ 指标("按审批方式准予数", 审批方式="承诺") }}', "没有“承诺”这个审批方式", "告知承诺"),
        ('{% if 重点新开工("未开工") %}有{% endif %}', "没有“未开工”这个名单", "未立项"),
        ('{% if 指标("收件数") > 90 %}好{% endif %}', "不能比大小", r"\.值"),
        ('｛｛ 指标("收件数") ｝｝', "多余的花括号", "半角"),
        ('{% if 指标("按时办结率", 科室="无").值 > 90 %}好{% endif %}', "样本不足", "不足"),
    ],
)
def test_what_cannot_be_filled_names_the_paragraph_and_the_cure(settings, tmp_path, tag, message, cure):
    error = refused(settings, tmp_path, f"第一段。\n\n这里有错{tag}。")
    assert message in str(error), str(error)
    assert re.search(cure, error.cure), error.cure
    assert "这里有错" in str(error) or "见(" in str(error)


def test_a_file_that_is_no_word_document(settings, tmp_path):
    path = tmp_path / "own.docx"
    path.write_text("kein Word", encoding="utf-8")
    with pytest.raises(YidangError, match="不是可以读的 Word 文件"):
        write_annual_report(settings, year=2025, output_dir=tmp_path / "out", template=path)
    with pytest.raises(YidangError, match="is not there"):
        write_annual_report(settings, year=2025, output_dir=tmp_path / "out", template=tmp_path / "missing.docx")


def test_a_template_can_do_nothing_but_write(settings, tmp_path):
    error = refused(settings, tmp_path, """坏{{ 指标.__func__.__globals__ }}""")
    assert "坏" in str(error)


def test_no_marts_of_that_month(settings):
    with pytest.raises(YidangError, match="begins after"):
        write_bulletin(settings, month=date(2099, 1, 1))
    with pytest.raises(YidangError, match="hold no cases of 2019-05-01"):
        write_bulletin(settings, month=date(2019, 5, 1), as_of=END)
