"""The annual report against a real warehouse: what it says, that it says nothing without evidence, how it is kept."""

from __future__ import annotations

import hashlib
import io
import json
import re
import shutil
from collections.abc import Iterator
from datetime import date, timedelta
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path

import docx
import psycopg
import pypdf
import pytest
from docx.oxml.ns import qn
from docx.oxml.xmlchemy import BaseOxmlElement
from docx.shared import Mm
from psycopg import sql

from yidang import metrics, yaml_text
from yidang import settings as settings_module
from yidang.errors import YidangError
from yidang.reports import catalogue, documents, facts, fonts, pdf, standing, template_text
from yidang.reports.annual import KIND as ANNUAL
from yidang.reports.annual import ReportFiles, write_annual_report
from yidang.reports.case_lists import case_list
from yidang.reports.congress import write_congress_report
from yidang.reports.figures import Period, Slice, rows
from yidang.reports.layout import to_bytes
from yidang.reports.marks import Marks
from yidang.reports.snapshot import figures_as_of, selection
from yidang.reports.source import ALERTS
from yidang.reports.words import Words, names_of
from yidang.settings import ROOT, WAREHOUSE_DATABASE, Settings
from yidang.statistics import tables

pytestmark = pytest.mark.integration

AS_OF = date(2026, 6, 30)
STAMPS = {"as_of": AS_OF, "calendar_version": "2026-test", "rule_version": "1-test"}
DEPARTMENTS = {
    "zhujian": ("住房和城乡建设局", "住建局"),
    "shuiwu": ("水务局", "水务局"),
    "renfang": ("人民防空办公室", "人防办"),
}
# marts as dbt builds them, as far as figures are asked from them
TABLES = {
    "fct_stage_application": (
        "works_code text, stage_number integer, item_count integer, is_parallel boolean, first_accepted_month date"
    ),
    "fct_joint_acceptance": (
        "works_code text, acceptance_item_count integer, is_joint boolean, last_decided_month date"
    ),
    # only what is asked of it by name; every other figure is counted from the cases here
    "agg_indicator": (
        "metric text, period_grain text, period_start date, dimension text, slice text, n bigint, value numeric,"
        " numerator numeric, denominator numeric, wilson_low double precision, wilson_high double precision,"
        " excluded jsonb"
    ),
    "dim_build": (
        "as_of date, release_number bigint, calendar_version text, calendar_ends_on date, rule_version text,"
        " records_from date"
    ),
    "dim_calendar": "date_day date, is_working_day boolean",
    "dim_department": "department_id text, department_name text, short_name text, source_kind text, is_example boolean",
    "dim_item": (
        "item_code text, item_version text, item_name text, department_id text, department_name text,"
        " stage_number integer, stage_name text, statutory_limit integer, statutory_unit text, promised_limit integer,"
        " promised_unit text, step_count integer, material_count integer, document_count integer, visit_count integer,"
        " fee_yuan numeric,"
        " item_kind text, valid_from date, valid_to date, effective_from date, effective_to date, is_current boolean,"
        " item_class text, list_remark text"
    ),
    "fct_item_instance": (
        "case_id text, instance_code text, department_id text, department_name text, project_code text,"
        " works_code text, match_tier text,"
        " item_code text, item_version text, item_name text, stage_number integer, stage_name text, flow_type text,"
        " flow_type_name text, statutory_limit integer, promised_limit integer, limit_unit text, statutory_unit text,"
        " received_date date, accepted_date date, decided_date date, closed_date date, due_date date,"
        " statutory_due_date date, outcome text, gross_working_days integer, excluded_working_days integer,"
        " elapsed_working_days integer, statutory_excluded_working_days integer,"
        " statutory_elapsed_working_days integer, span_calendar_days integer, remaining_working_days integer,"
        " correction_count integer, pause_count integer, is_open boolean, is_decided boolean, is_withdrawn boolean,"
        " has_order_error boolean,"
        " is_on_time boolean, is_overdue boolean, is_statutory_overdue boolean, is_due boolean,"
        " is_statutory_due boolean, statutory_due_date_without_extension date,"
        " is_statutory_overdue_without_extension boolean, is_statutory_due_without_extension boolean,"
        " statutory_due_month_without_extension date, pace_state text, alert_state text, clock_flags text,"
        " received_month date,"
        " accepted_month date, decided_month date, closed_month date, due_month date, statutory_due_month date,"
        " is_on_the_spot boolean, acceptance_wait_working_days integer, as_of date,"
        " calendar_version text, rule_version text"
    ),
    "fct_stage": (
        "works_code text, project_code text, stage_number integer, stage_name text, flow_type text,"
        " flow_type_name text, first_received_date date, last_decided_date date, is_finished boolean,"
        " sum_item_days integer, union_active_days integer, max_item_days integer, span_working_days integer,"
        " span_calendar_days integer, finished_month date, as_of date, calendar_version text, rule_version text"
    ),
    "fct_project_lifecycle": (
        "project_code text, project_name text, flow_type text, flow_type_name text, registered_date date,"
        " first_received_date date, completion_date date, is_open boolean, is_withdrawn boolean, is_stalled boolean,"
        " approval_working_days integer, approval_working_days_union integer, span_calendar_days integer,"
        " span_working_days integer, registered_month date, completed_month date, as_of date, calendar_version text,"
        " rule_version text, is_household_pv boolean"
    ),
}

# ledgers that this district does not keep: as their contracts have them, without a row
EMPTY = [
    *(
        "agg_assessment",
        "agg_case_mode",
        "agg_flat_series",
        "dim_agent",
        "dim_package",
        "fct_agent_service",
        "fct_case_mode",
    ),
    *("fct_instant_start", "fct_major_project", "fct_meeting", "fct_problem", "fct_reform_document"),
    *("fct_reform_measure", "fct_question", "fct_callback", "fct_complaint", "fct_case_rating"),
]


def test_whatever_a_report_reads_is_built_for_another_day_too():
    """Marts built beside the real ones are chosen by name: a missing one fails only once an old day is asked for."""
    own = settings_module.load()
    chosen = {name.removeprefix("+") for name in selection(metrics.load(own)).split()}
    made = {*chosen, *tables.definitions(own.dbt_dir)}
    for path in (ROOT / "yidang" / "reports").glob("*.py"):
        read = set(re.findall(r"\{marts\}\}?\.(\w+)", path.read_text(encoding="utf-8")))
        assert read <= made, path.name


# -- a small district ------------------------------------------------------------------------------------
def build_marts(warehouse: psycopg.Connection) -> None:
    """Marts of two years: 住建局 (240 cases, every eighth late), 水务局 (60), 人防办 (4 cases a year: too few)."""
    warehouse.execute("drop schema if exists marts cascade")
    warehouse.execute("create schema marts")
    warehouse.execute("grant usage on schema marts to yidang_reader")
    for table, columns in TABLES.items():
        warehouse.execute(f"create table marts.{table} ({columns})")
    for table, columns in contracted(EMPTY).items():
        warehouse.execute(f"create table marts.{table} ({columns})")
    warehouse.execute(
        "create view marts.fct_open_case as select *, false as is_finish_withheld, null::date as suspected_finish_date"
        " from marts.fct_item_instance where is_open"
    )
    for definition in tables.definitions(ROOT / "dbt_project").values():
        tables.replace(warehouse, "marts", definition, [])
    warehouse.execute("grant select on all tables in schema marts to yidang_reader")
    for identity, (name, short_name) in DEPARTMENTS.items():
        insert(warehouse, "dim_department", department_id=identity, department_name=name, short_name=short_name,
               source_kind="files", is_example=True)  # fmt: skip
        insert(warehouse, "agg_indicator", metric="cases_received", period_grain="all", dimension="department",
               slice=name)  # fmt: skip
    known = {"calendar_ends_on": date(2026, 12, 31), "records_from": date(2024, 1, 1)}
    insert(warehouse, "dim_build", release_number=1, **known, **STAMPS)
    insert(warehouse, "dim_calendar", date_day=date(2026, 12, 31), is_working_day=True)
    item(warehouse, "ZJ01", "施工图设计文件审查", "zhujian", promised=10, to=date(2025, 2, 28))
    item(warehouse, "ZJ01", "施工图设计文件审查", "zhujian", promised=6, version="2", since=date(2025, 3, 1))
    item(warehouse, "SW01", "水土保持方案审批", "shuiwu", promised=5)
    item(warehouse, "RF01", "人防工程设计审查", "renfang", promised=5)
    for number in range(240):
        received = date(2024, 1, 3) + timedelta(days=3 * number)
        version, promised = ("1", 10) if received < date(2025, 3, 1) else ("2", 6)
        elapsed = 15 if number % 8 == 7 else number % 8 + 3
        case(warehouse, f"z{number}", "zhujian", "ZJ01", received, elapsed=elapsed, promised=promised, version=version)
    for number in range(60):
        received = date(2024, 1, 5) + timedelta(days=12 * number)
        case(warehouse, f"s{number}", "shuiwu", "SW01", received, elapsed=number % 4)
    for number in range(8):
        case(warehouse, f"r{number}", "renfang", "RF01", date(2024, 2, 1) + timedelta(days=90 * number), elapsed=2)
    case(warehouse, "w1", "zhujian", "ZJ01", date(2025, 5, 6), elapsed=3, outcome="withdrawn")
    case(warehouse, "o1", "zhujian", "ZJ01", date(2026, 3, 2), elapsed=80, outcome="open", project_code=None)
    case(warehouse, "o2", "shuiwu", "SW01", date(2025, 12, 29), elapsed=120, outcome="open")
    for number in range(24):
        day = date(2025, 1, 10) + timedelta(days=10 * number)
        insert(warehouse, "fct_stage", works_code=f"g{number}", project_code=f"p{number}", stage_number=number % 2 + 2,
               first_received_date=day - timedelta(days=42 + number), last_decided_date=day, is_finished=True,
               union_active_days=10 + number, span_working_days=30 + number,
               span_calendar_days=42 + number, sum_item_days=30, max_item_days=9, finished_month=day.replace(day=1),
               **STAMPS)  # fmt: skip
        insert(warehouse, "fct_project_lifecycle", project_code=f"p{number}", registered_date=date(2024, 1, 2),
               first_received_date=day - timedelta(days=200 + number), completion_date=day, is_open=False,
               is_withdrawn=False, approval_working_days=40 + number,
               approval_working_days_union=45 + number, span_calendar_days=200 + number,
               completed_month=day.replace(day=1), **STAMPS)  # fmt: skip


def contracted(marts: list[str]) -> dict[str, str]:
    """Columns of these marts as the contracts in their YAML say."""
    models = [
        model
        for path in sorted((ROOT / "dbt_project" / "models" / "marts").rglob("_*.yml"))
        for model in yaml_text.load(path.read_text(encoding="utf-8")).get("models", [])
        if model["name"] in marts
    ]
    assert {model["name"] for model in models} == set(marts)
    return {
        model["name"]: ", ".join(f"{column['name']} {column['data_type']}" for column in model["columns"])
        for model in models
    }


def case(
    warehouse: psycopg.Connection, identity: str, department: str, item_code: str, received: date, *, elapsed: int,
    promised: int = 5, version: str = "1", outcome: str = "passed", project_code: str | None = "p1",
) -> None:  # fmt: skip
    """One 办件 accepted on the day it was received; days are working days, counted as five a week."""
    decided, is_open = outcome in ("passed", "denied"), outcome == "open"
    due, is_overdue = received + timedelta(days=promised * 7 // 5), elapsed > promised
    closed = None if is_open else received + timedelta(days=elapsed * 7 // 5)
    insert(
        warehouse, "fct_item_instance", case_id=identity, department_id=department,
        department_name=DEPARTMENTS[department][0], project_code=project_code, works_code="g1",
        match_tier="T1" if project_code else None, item_code=item_code, item_version=version, item_name=item_code,
        stage_number=3 if item_code != "SW01" else 5, flow_type="1", flow_type_name="政府投资房建", statutory_limit=20,
        promised_limit=promised, limit_unit="working_days", statutory_unit="working_days", received_date=received,
        accepted_date=received, decided_date=closed if decided else None, closed_date=closed, due_date=due,
        statutory_due_date=received + timedelta(days=28), outcome=outcome, gross_working_days=elapsed + 1,
        excluded_working_days=1, elapsed_working_days=elapsed, statutory_elapsed_working_days=elapsed,
        statutory_excluded_working_days=1, correction_count=elapsed % 2, pause_count=1, is_open=is_open,
        is_decided=decided, is_withdrawn=outcome == "withdrawn", has_order_error=False,
        is_on_time=not is_overdue if decided else None,
        is_overdue=is_overdue, is_statutory_overdue=elapsed > 20, is_due=decided or is_open,
        is_statutory_due=decided or is_open, is_statutory_due_without_extension=decided or is_open,
        statutory_due_date_without_extension=received + timedelta(days=28),
        is_statutory_overdue_without_extension=elapsed > 20,
        statutory_due_month_without_extension=due.replace(day=1), pace_state="late" if is_overdue else "normal",
        alert_state="overdue" if is_overdue else "none", clock_flags="DEEMED_ACCEPTED" if elapsed == 7 else "",
        received_month=received.replace(day=1), accepted_month=received.replace(day=1),
        decided_month=closed.replace(day=1) if decided else None,
        closed_month=closed.replace(day=1) if closed else None, due_month=due.replace(day=1),
        statutory_due_month=due.replace(day=1), **STAMPS,
    )  # fmt: skip


def item(
    warehouse: psycopg.Connection, code: str, name: str, department: str, *, promised: int, version: str = "1",
    since: date = date(2020, 1, 1), to: date | None = None,
) -> None:  # fmt: skip
    insert(
        warehouse, "dim_item", item_code=code, item_version=version, item_name=name, department_id=department,
        department_name=DEPARTMENTS[department][0], stage_number=3, statutory_limit=20, statutory_unit="working_days",
        promised_limit=promised, promised_unit="working_days", step_count=4, material_count=7, visit_count=1,
        fee_yuan=0, item_kind="承诺件", valid_from=since, valid_to=to, effective_from=since,
        effective_to=to or date(9999, 12, 31), is_current=to is None,
    )  # fmt: skip


def insert(warehouse: psycopg.Connection, table: str, **values: object) -> None:
    statement = sql.SQL("insert into {} ({}) values ({})").format(
        sql.Identifier("marts", table),
        sql.SQL(", ").join(map(sql.Identifier, values)),
        sql.SQL(", ").join(map(sql.Literal, values.values())),
    )
    warehouse.execute(statement)


@pytest.fixture(scope="module")
def marts(settings: Settings) -> Iterator[psycopg.Connection]:
    with psycopg.connect(settings.admin_dsn(WAREHOUSE_DATABASE), autocommit=True) as warehouse:
        build_marts(warehouse)
        yield warehouse
        warehouse.execute("drop schema marts cascade")


@pytest.fixture
def without_libreoffice(monkeypatch: pytest.MonkeyPatch) -> None:
    """As on a machine without it: most tests need no PDF, and converting takes seconds."""
    monkeypatch.setattr(pdf.shutil, "which", lambda _: None)


@pytest.fixture(scope="module")
def report(settings: Settings, marts: psycopg.Connection, tmp_path_factory: pytest.TempPathFactory) -> ReportFiles:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pdf.shutil, "which", lambda _: None)
        return write_annual_report(settings, year=2025, output_dir=tmp_path_factory.mktemp("report"))


# -- what it says ----------------------------------------------------------------------------------------
def test_has_the_sections_tables_charts_and_annexes(report: ReportFiles) -> None:
    document = docx.Document(str(report.docx))
    headings = [paragraph.text for paragraph in document.paragraphs if paragraph.style.name == "Heading 1"]
    assert headings[:8] == [
        "摘要",
        "一、总体情况",
        "二、时限执行情况",
        "三、环节、材料、跑动、费用",
        "四、改革举措与成效",
        "五、在办与预警",
        "六、评价",
        "七、存在问题",
    ]
    titles = [paragraph.text for paragraph in document.paragraphs if paragraph.style.name == "Title"]
    assert titles == ["2025年工程建设项目\n审批制度改革报告", "指标口径", "分部门情况表", "数据质量说明"]
    captions = [p.text for p in document.paragraphs if p.style.name in ("Table Caption", "Chart Caption")]
    for kind in "表图":
        numbers = [caption.split("　")[0] for caption in captions if caption.startswith(kind)]
        assert numbers == [f"{kind}{number + 1}" for number in range(len(numbers))]
    assert len(document.inline_shapes) >= 3
    body = [paragraph.text for paragraph in document.paragraphs]
    assert body.index("（发文机关）") + 1 == body.index("××××年×月×日") < body.index("附件1")
    assert all(picture._inline.docPr.get("descr") for picture in document.inline_shapes)


def test_every_printed_number_equals_the_sql_of_its_evidence(report: ReportFiles, settings: Settings) -> None:
    evidence = read_evidence(report.docx)
    printed = bookmarks(report.docx)
    assert len(printed) > 100
    with psycopg.connect(settings.dsn("reader")) as connection:
        rerun = {row["id"]: run(connection, row) for row in evidence.values() if row["sql"]}
    for identity, (value, n) in rerun.items():
        assert close(value, evidence[identity]["value"]) and n == int(evidence[identity]["n"]), evidence[identity]
    for identity, text in printed:
        assert text in allowed_texts(identity, evidence, rerun), (identity, text, evidence[identity])


def test_every_figure_in_the_evidence_is_stamped_with_its_build(report: ReportFiles) -> None:
    manifest = json.loads(report.docx.with_suffix(".json").read_text(encoding="utf-8"))
    stamp = [manifest[key] for key in ("as_of", "release", "calendar_version", "rule_version")]
    assert stamp == ["2026-06-30", 1, "2026-test", "1-test"]
    for row in read_evidence(report.docx).values():
        assert bool(row["sql"]) == bool(row["metric"]) and row["formula"]


def test_no_number_is_typed(report: ReportFiles) -> None:
    """What is left without the cited numbers has no digit but dates, numbering and the names of statistics."""
    harmless = (
        r"20\d\d年(\d+月)?(\d+日)?|\d+月\d+日|[表图]\d+|附件[：]?\d?|^\s*\d\. |^　*\d\. |P90|第90百分位数|95%|T\d"
        r"|少于10件|=100|100×（1－|（1－|2026-test|1-test"
    )
    for text in uncited_texts(report.docx):
        assert not re.search(r"\d", re.sub(harmless, "", text)), text


def test_a_group_of_fewer_than_ten_prints_no_rate(report: ReportFiles) -> None:
    document = docx.Document(str(report.docx))
    rows = [
        [cell.text for cell in row.cells]
        for table in document.tables
        for row in table.rows
        if row.cells[0].text == "人民防空办公室"
    ]
    compression, volume, punctuality = rows
    assert compression[2:] == ["样本不足", "样本不足", "样本不足", "4"]
    assert volume[1:] == ["4", "4", "4", "0", "0", "0"]
    assert set(punctuality[1:]) == {"样本不足"}


def test_open_cases_are_counted_and_named_as_censored(report: ReportFiles) -> None:
    text = "\n".join(paragraph.text for paragraph in docx.Document(str(report.docx)).paragraphs)
    assert "截至2026年6月30日，在办2件，其中已超过承诺时限2件。" in text
    assert "仍在办1件。仍在办的办件用时尚未确定" in text
    assert "平均数受少数长时间办件影响较大" in text
    assert "超过承诺时限仍未办结的办件：水务局1件、住房和城乡建设局1件。" in text


def test_a_reform_is_shown_before_and_after(report: ReportFiles) -> None:
    document = docx.Document(str(report.docx))
    (row,) = [
        [cell.text for cell in row.cells]
        for table in document.tables
        for row in table.rows
        if row.cells[0].text == "施工图设计文件审查"
    ]
    assert row[1:3] == ["3月1日", "10 → 6"]
    assert int(row[4]) > 90 and int(row[6]) > 90


def test_example_departments_are_called_made_up_on_every_page(report: ReportFiles) -> None:
    document = docx.Document(str(report.docx))
    assert any("【虚构示例数据】" in paragraph.text for paragraph in document.paragraphs[:4])
    for section in document.sections:
        assert "虚构示例数据" in section.header.paragraphs[0].text
        assert "虚构示例数据" in section.even_page_header.paragraphs[0].text


def test_real_departments_are_not_called_made_up(
    settings: Settings, marts: psycopg.Connection, tmp_path: Path, without_libreoffice: None
) -> None:
    marts.execute("update marts.dim_department set is_example = false")
    try:
        written = write_annual_report(settings, year=2025, output_dir=tmp_path)
    finally:
        marts.execute("update marts.dim_department set is_example = true")
    document = docx.Document(str(written.docx))
    assert "虚构" not in document.sections[0].header.paragraphs[0].text
    assert not any("虚构" in paragraph.text for paragraph in document.paragraphs)


def test_only_the_invented_departments_are_called_made_up(
    settings: Settings, marts: psycopg.Connection, tmp_path: Path, without_libreoffice: None
) -> None:
    marts.execute("update marts.dim_department set is_example = false where department_id = 'zhujian'")
    try:
        written = write_annual_report(settings, year=2025, output_dir=tmp_path)
    finally:
        marts.execute("update marts.dim_department set is_example = true")
    document = docx.Document(str(written.docx))
    (notice,) = [paragraph.text for paragraph in document.paragraphs if "虚构示例数据" in paragraph.text]
    assert notice.startswith("【含虚构示例数据】人民防空办公室、水务局为虚构的示例部门，其办件由程序生成")
    assert "本报告所用办件由程序生成" not in notice
    assert document.sections[0].header.paragraphs[0].text.startswith("含虚构示例数据")


def test_past_the_calendar_nothing_is_called_punctual(
    settings: Settings, marts: psycopg.Connection, tmp_path: Path, without_libreoffice: None
) -> None:
    """As the clock leaves open cases that it cannot count: no time, not overdue, flagged."""
    marts.execute("create table marts.kept as select * from marts.fct_item_instance")
    marts.execute("update marts.dim_calendar set date_day = '2026-01-31'")
    marts.execute(
        "update marts.fct_item_instance set elapsed_working_days = null, is_overdue = false, alert_state = 'none',"
        " clock_flags = 'CAL_UNAVAILABLE|PROVISIONAL' where is_open"
    )
    try:
        written = write_annual_report(settings, year=2025, output_dir=tmp_path)
    finally:
        marts.execute("update marts.dim_calendar set date_day = '2026-12-31'")
        marts.execute("truncate marts.fct_item_instance")
        marts.execute("insert into marts.fct_item_instance select * from marts.kept")
        marts.execute("drop table marts.kept")
    paragraphs = [paragraph.text for paragraph in docx.Document(str(written.docx)).paragraphs]
    (notice,) = [place for place, text in enumerate(paragraphs) if text.startswith("【工作日历未覆盖】")]
    assert notice < paragraphs.index("摘要")
    assert "至2026年1月31日止" in paragraphs[notice] and "有2件不能判定是否逾期" in paragraphs[notice]
    text = "\n".join(paragraphs)
    assert "没有超过承诺时限仍未办结的办件" not in text
    assert "已超过承诺时限0件，有2件因工作日历未覆盖不能判定是否逾期。" in text
    assert "在办办件中有2件因工作日历未覆盖不能判定是否超过承诺时限" in text


def test_growth_since_the_first_year_of_the_records_is_said_with_its_reservation(report: ReportFiles) -> None:
    text = "\n".join(paragraph.text for paragraph in docx.Document(str(report.docx)).paragraphs)
    reservation = "上年同期为归集首年、办件可能不全，以下同比只供参考：2025年"
    assert f"1. 办件量。{reservation}共收件" in text
    assert f"{reservation}受理" in text


def test_departments_are_named_only_where_they_differ_clearly(
    settings: Settings, report: ReportFiles, tmp_path: Path, without_libreoffice: None
) -> None:
    """住建局 is behind in both years, in 2024 by no more than chance; 人防办 has too few cases to be named."""
    clear = punctuality_of(report.docx)
    assert "明显低于总体水平的部门有住房和城乡建设局56.1%" in clear
    assert "水务局" not in clear and "人民防空办公室" not in clear
    year_before = write_annual_report(settings, year=2024, output_dir=tmp_path)
    text = "\n".join(paragraph.text for paragraph in docx.Document(str(year_before.docx)).paragraphs)
    assert "总体按时办结率为" not in text, "where nobody is clearly behind there is no problem to name"


def test_departments_are_named_for_pauses_and_corrections_only_far_above_the_whole(report: ReportFiles) -> None:
    text = "\n".join(paragraph.text for paragraph in docx.Document(str(report.docx)).paragraphs)
    assert re.search(r"占受理至办结总天数的[\d.]+%，高出总体五个百分点以上的有水务局[\d.]+%", text)
    assert "补正率为" not in text, (
        "half of the cases of every department are corrected: none is clearly above the whole"
    )


def punctuality_of(path: Path) -> str:
    (text,) = [p.text for p in docx.Document(str(path)).paragraphs if p.text.startswith("1. 总体按时办结率为")]
    return text


def test_zero_denominators_print_no_rate(
    settings: Settings, marts: psycopg.Connection, tmp_path: Path, without_libreoffice: None
) -> None:
    """2026 with only an open case: nothing decided, hence no median, no compression, no standstill."""
    marts.execute("create table marts.kept as select * from marts.fct_item_instance")
    marts.execute("delete from marts.fct_item_instance where case_id <> 'o1'")
    try:
        written = write_annual_report(settings, year=2026, output_dir=tmp_path)
    finally:
        marts.execute("truncate marts.fct_item_instance")
        marts.execute("insert into marts.fct_item_instance select * from marts.kept")
        marts.execute("drop table marts.kept")
    text = "\n".join(paragraph.text for paragraph in docx.Document(str(written.docx)).paragraphs)
    assert "2026年1月1日至6月30日共收件1件，上年同期为0件" in text
    assert "净审批用时中位数为样本不足（样本数0）" in text
    assert "nan" not in text.lower() and "None" not in text


# -- how it is laid out ------------------------------------------------------------------------------------
def test_page_and_fonts_follow_the_standard(report: ReportFiles) -> None:
    document = docx.Document(str(report.docx))
    for section in document.sections:
        assert [round(side.mm) for side in (section.page_width, section.page_height)] == [210, 297]
        margins = (section.top_margin, section.right_margin, section.bottom_margin, section.left_margin)
        assert [round(margin.mm) for margin in margins] == [37, 26, 35, 28]
    styles = document.styles
    for name, font, points in (
        ("Title", "方正小标宋简体", 22),
        ("Heading 1", "黑体", 16),
        ("Heading 2", "楷体_GB2312", 16),
        ("Body Text", "仿宋_GB2312", 16),
    ):
        style = styles[name]
        assert style.element.rPr.rFonts.get(qn("w:eastAsia")) == font
        assert style.font.size.pt == points and style.font.bold is False
    assert styles["Body Text"].element.pPr.find(qn("w:ind")).get(qn("w:firstLineChars")) == "200"
    assert 22 * styles["Body Text"].paragraph_format.line_spacing <= Mm(225)


def test_page_numbers_stand_outside_and_tables_repeat_their_head(report: ReportFiles) -> None:
    document = docx.Document(str(report.docx))
    assert document.settings.odd_and_even_pages_header_footer
    odd, even = document.sections[0].footer.paragraphs[0], document.sections[0].even_page_footer.paragraphs[0]
    assert odd.text.startswith("— ") and odd.text.endswith(" —") and odd.alignment != even.alignment
    assert 'w:instr="PAGE"' in odd._p.xml
    for table in document.tables:
        assert "w:tblHeader" in table.rows[0]._tr.xml
        assert all("w:cantSplit" in row._tr.xml for row in table.rows)


# -- how it is kept ----------------------------------------------------------------------------------------
def test_the_same_data_keep_the_file_and_other_data_make_a_new_version(
    settings: Settings, marts: psycopg.Connection, tmp_path: Path, without_libreoffice: None
) -> None:
    first = write_annual_report(settings, year=2025, output_dir=tmp_path)
    before = fingerprint(tmp_path)
    assert write_annual_report(settings, year=2025, output_dir=tmp_path) == first
    assert fingerprint(tmp_path) == before
    case(marts, "late", "shuiwu", "SW01", date(2025, 6, 2), elapsed=1)
    try:
        second = write_annual_report(settings, year=2025, output_dir=tmp_path)
    finally:
        marts.execute("delete from marts.fct_item_instance where case_id = 'late'")
    assert second.docx.name == "annual-2025-v2.docx"
    assert {name: known for name, known in fingerprint(tmp_path).items() if name in before} == before
    for suffix in (".evidence.xlsx", ".cases.csv.gz", ".json"):
        assert (tmp_path / f"annual-2025-v2{suffix}").exists()


def test_equal_documents_are_equal_bytes(
    settings: Settings, report: ReportFiles, tmp_path: Path, without_libreoffice: None
) -> None:
    again = write_annual_report(settings, year=2025, output_dir=tmp_path)
    assert again.docx.read_bytes() == report.docx.read_bytes()


def test_nothing_is_left_of_a_report_that_failed(
    settings: Settings, marts: psycopg.Connection, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fonts, "packaged_font", lambda: None)
    monkeypatch.setattr(fonts.font_manager.fontManager, "ttflist", [])
    fonts.chart_font.cache_clear()
    with pytest.raises(YidangError, match="No Chinese font") as failure:
        write_annual_report(settings, year=2025, output_dir=tmp_path)
    fonts.chart_font.cache_clear()
    assert "noto-cjk" in failure.value.cure
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(not shutil.which("soffice"), reason="LibreOffice is not installed")
def test_the_pdf_has_every_word_of_the_document(settings: Settings, marts: psycopg.Connection, tmp_path: Path) -> None:
    written = write_annual_report(settings, year=2025, output_dir=tmp_path)
    assert written.note is None or written.note.startswith("The PDF is set in free fonts")
    pages = [page.extract_text() for page in pypdf.PdfReader(written.pdf).pages]
    document = docx.Document(str(written.docx))
    furniture = rf"—\d+—|{document.sections[0].header.paragraphs[0].text}"
    printed = re.sub(re.sub(r"\s", "", furniture), "", re.sub(r"\s", "", "".join(pages)))
    bodies = [paragraph.text for paragraph in document.paragraphs if paragraph.style.name == "Body Text"]
    assert len(bodies) > 20
    for body in bodies:
        assert re.sub(r"\s", "", body) in printed


def test_without_libreoffice_one_line_says_how_to_get_the_pdf(report: ReportFiles) -> None:
    assert report.pdf is None
    assert "libreoffice-writer" in report.note and "\n" not in report.note


# -- what it refuses -----------------------------------------------------------------------------------------
def test_refuses_a_year_without_cases(settings: Settings, marts: psycopg.Connection, tmp_path: Path) -> None:
    with pytest.raises(YidangError, match="no cases of 2019") as refused:
        write_annual_report(settings, year=2019, output_dir=tmp_path)
    assert "2024-01-03" in refused.value.cure
    assert not list(tmp_path.iterdir())


def test_refuses_a_folder_that_cannot_be_made(
    settings: Settings, marts: psycopg.Connection, tmp_path: Path, without_libreoffice: None
) -> None:
    (tmp_path / "file").write_text("in the way", encoding="utf-8")
    with pytest.raises(YidangError, match="cannot be written"):
        write_annual_report(settings, year=2025, output_dir=tmp_path / "file" / "reports")


def test_refuses_when_the_marts_are_missing(settings: Settings, marts: psycopg.Connection, tmp_path: Path) -> None:
    marts.execute("alter schema marts rename to marts_away")
    try:
        with pytest.raises(YidangError, match="marts are not built") as refused:
            write_annual_report(settings, year=2025, output_dir=tmp_path)
    finally:
        marts.execute("alter schema marts_away rename to marts")
    assert "yidang build" in refused.value.cure


# -- reading a report back -----------------------------------------------------------------------------------
def read_evidence(path: Path) -> dict[str, dict[str, str]]:
    figures = json.loads(path.with_suffix(".json").read_text(encoding="utf-8"))["figures"]
    return {row["id"]: {"label": "", "metric": "", "unit": "", "sql": "", **row} for row in figures}


def bookmarks(path: Path) -> list[tuple[str, str]]:
    """(evidence id, printed text) of every cited number."""
    found = []
    for start in docx.Document(str(path)).element.iter(qn("w:bookmarkStart")):
        found.append((start.get(qn("w:name")).split("_")[0], words(start.getnext())))
    return found


def uncited_texts(path: Path) -> list[str]:
    document = docx.Document(str(path))
    for start in list(document.element.iter(qn("w:bookmarkStart"))):
        start.getparent().remove(start.getnext())
    metric_words = {row["label"] for row in read_evidence(path).values()}
    paragraphs = [words(paragraph) for paragraph in document.element.iter(qn("w:p"))]
    (definitions,) = (table for table in document.tables if table.rows[0].cells[-1].text == "口径说明")
    in_definitions = {cell.text for cell in definitions._cells}
    return [text for text in paragraphs if text not in metric_words and text not in in_definitions]


def words(element: BaseOxmlElement) -> str:
    return "".join(text.text or "" for text in element.iter(qn("w:t")))


def run(connection: psycopg.Connection, row: dict[str, str]) -> tuple[Decimal | None, int]:
    value, n, *_ = connection.execute(row["sql"]).fetchone()
    return (None if value is None else Decimal(str(value))), n


def close(value: Decimal | None, text: str | None) -> bool:
    return text is None if value is None else abs(value - Decimal(text)) < Decimal("1e-9")


def allowed_texts(identity: str, evidence: dict, rerun: dict) -> set[str]:
    """The ways in which this figure may be printed, worked out from the SQL's answer alone."""
    row = evidence[identity]
    if not row["metric"]:
        later, earlier = (rerun[part][0] for part in re.findall(r"F\d+", row["formula"])[:2])
        value = abs((later - earlier) / earlier if "/" in row["formula"] else Decimal(row["value"]))
        assert abs(value - abs(Decimal(row["value"]))) < Decimal("1e-9"), row
        assert "/" in row["formula"] or abs(abs(later - earlier) - value) < Decimal("0.11"), row
        points, days = str(half_up(value * 100, "0.1")), str(half_up(value, "0.1"))
        return {points, f"{points}%", days, days.removesuffix(".0")}
    value, n = rerun[identity]
    if row["unit"] == "%":
        enough = n >= 10 or row["metric"] == "promise_compression_catalogue"  # a whole catalogue is no sample
        shown = {f"{half_up(value * 100, '0.1')}%"} if value is not None and enough else set()
    elif row["metric"].startswith(("median", "p90", "mean", "stage", "project_approval", "project_span")):
        text = "" if value is None or n < 10 else str(half_up(value, "0.1"))
        shown = {text, text.removesuffix(".0")} - {""}
    else:
        return {"—" if value is None else str(half_up(value, "1")), str(n)}  # a sum of nothing is no zero
    return {str(n), *(shown or {"样本不足", "—", "无数据"})}


def half_up(value: Decimal, step: str) -> Decimal:
    return value.quantize(Decimal(step), rounding=ROUND_HALF_UP)


def fingerprint(folder: Path) -> dict[str, tuple[str, int]]:
    """Name → (content, time of change) of the files of a folder."""
    return {
        path.name: (hashlib.sha256(path.read_bytes()).hexdigest(), path.stat().st_mtime_ns)
        for path in folder.iterdir()
        if path.name != ".lock"
    }


def test_the_report_to_the_congress_says_nothing_of_ledgers_that_nobody_keeps(
    marts, settings, tmp_path, without_libreoffice
):
    path = write_congress_report(settings, as_of=AS_OF, output_dir=tmp_path).docx
    prose = [paragraph.text for paragraph in docx.Document(str(path)).paragraphs]
    text = "\n".join(prose)
    for absent in ("拿地即开工”", "竣工即交付”", "代办队伍", "协调会", "施工许可证", "容缺受理", "问题台账", "一条链"):
        assert absent not in text, absent
    assert "全流程图涉及事项3项" in text, "no item says of what class it is"
    headings = [line for line in prose if line.startswith("（")]
    assert headings[-2:] == ["（一）坚持流程再造，一张图管到底", "（二）坚持主动帮办，一支队伍跟到底"]
    assert any(line.startswith("一是盯紧在办") for line in prose), "what drops out leaves no gap in the numbers"
    assert "无记录：没有报送本年重点新开工项目清单。" in text
    assert "台账中没有数据不能印证的说法。" in text


# -- months that are not over, records that begin, names that mean several -----------------------------------
def written(settings: Settings, tmp_path: Path, period: Period, text: str | None = None) -> str:
    """What the annual report, or a template of this text, says of a period."""
    template = None
    if text is not None:
        template = tmp_path / "own.docx"
        template.write_bytes(to_bytes(template_text.to_word(text)))
    with figures_as_of(settings, None) as figures:
        made = documents.make(settings, ANNUAL, figures, period, template)
        content = made.docx("0")
    return words(docx.Document(io.BytesIO(content)).element.body)


@pytest.fixture
def added(marts: psycopg.Connection) -> Iterator[psycopg.Connection]:
    """The marts, of which what a test adds goes again."""
    kept = {table: marts.execute(f"select count(*) from marts.{table}").fetchone()[0] for table in _ADDED}  # noqa: S608
    yield marts
    for table, key in _ADDED.items():
        marts.execute(f"delete from marts.{table} where {key} like 'added%%'")  # noqa: S608
        assert marts.execute(f"select count(*) from marts.{table}").fetchone()[0] == kept[table]  # noqa: S608


_ADDED = {"fct_item_instance": "case_id", "dim_item": "item_code", "dim_department": "department_id"}


def test_a_month_that_is_not_over_is_compared_with_nothing(settings, marts, tmp_path) -> None:
    """15 days of June beside the whole June of a year before, or beside no month at all, say nothing."""
    tag = '收{{ 指标("收件数") }}，{{ 指标("收件数").环比 }}，{{ 指标("收件数").同比 }}。{{ 指标("收件数").同比.幅度 }}'
    running, over = Period(date(2025, 6, 1), date(2025, 6, 15)), Period(date(2025, 6, 1), date(2025, 6, 30))
    assert "，环比不作比较（6月未完），同比不作比较（6月未完）。—" in written(settings, tmp_path, running, tag)
    assert re.search(r"（上月\d+件）.*（上年同期\d+件）", written(settings, tmp_path, over, tag))
    report = written(settings, tmp_path, Period(date(2025, 1, 1), date(2025, 6, 15)))
    assert report.count("同比不作比较（6月未完）") > 5
    assert "6月未完：6月只计至2025年6月15日，本期与上年同期、上期不作比较。" in report
    assert not re.search(r"同比(增长|下降|上升|增加|减少|持平)", report.replace("同比下降5", ""))
    with pytest.raises(YidangError, match="6月未完") as caught:
        written(settings, tmp_path, running, '{{ 指标("收件数", 期=上年同期) }}')
    assert "--as-of" in caught.value.cure


def test_whole_months_stay_whole_a_year_before() -> None:
    assert Period(date(2025, 2, 1), date(2025, 2, 28)).a_year_before() == Period(date(2024, 2, 1), date(2024, 2, 29))
    assert rows(Period(date(2025, 6, 1), date(2025, 6, 15))).before("year") is None
    assert rows(Period(date(2025, 6, 2), date(2025, 6, 30))).before("period") is None


@pytest.mark.parametrize("said", ['自="2025-03-10", 至="2025-04-30"', '自="2025-03-01", 至="2025-04-10"'])
def test_a_template_cannot_ask_for_a_part_of_a_month(settings, marts, tmp_path, said) -> None:
    year = Period(date(2025, 1, 1), date(2025, 12, 31))
    with pytest.raises(YidangError, match="“收件数”按月归期") as caught:
        written(settings, tmp_path, year, f'共{{{{ 指标("收件数", {said}) }}}}')
    assert "-10" in str(caught.value) and "自写某月1日" in caught.value.cure
    assert "件" in written(settings, tmp_path, year, '{{ 指标("收件数", 自="2026-01-01", 至="2026-06-30") }}')
    assert "项" in written(settings, tmp_path, year, '{{ 指标("目录事项数", 至="2025-03-10") }}'), "of a day"


def test_a_reform_within_a_month_is_counted_from_its_day(settings, added) -> None:
    item(added, "added1", "甲事项", "shuiwu", promised=10, to=date(2025, 3, 9))
    item(added, "added1", "甲事项", "shuiwu", promised=6, version="2", since=date(2025, 3, 10))
    for number in range(24):
        for year, version in ((2024, "1"), (2025, "2")):
            received = date(year, 3, 1 if year == 2024 else 10) + timedelta(days=number)
            case(added, f"added{year}-{number}", "shuiwu", "added1", received, elapsed=3, version=version)
    year = Period(date(2025, 1, 1), date(2025, 12, 31))
    with figures_as_of(settings, None) as figures:
        source = documents._source(figures, year)
        (line,) = (row for row in catalogue.reformed_items(source).rows if row[0] == ("甲事项",))
    days = [added.execute(
        "select count(*) from marts.fct_item_instance where item_code = 'added1' and decided_date between %s and %s",
        (date(year, 3, 10), date(year, 12, 31)),
    ).fetchone()[0] for year in (2024, 2025)]  # fmt: skip
    assert [line[4][0].text, line[6][0].text] == [str(count) for count in days] == ["19", "24"]


def test_versions_never_in_force_are_no_step_of_a_reform(settings, added) -> None:
    item(added, "added2", "乙事项", "shuiwu", promised=10, to=date(2025, 4, 30))
    item(added, "added2", "乙事项", "shuiwu", promised=20, version="2", since=date(2025, 5, 1), to=date(2025, 4, 30))
    item(added, "added2", "乙事项", "shuiwu", promised=10, version="3", since=date(2025, 5, 1))
    added.execute("update marts.dim_item set valid_from = null where item_code = 'added2' and item_version = '1'")
    item(added, "added3", "丙事项", "shuiwu", promised=10, to=date(2025, 4, 30))
    item(added, "added3", "丙事项", "shuiwu", promised=4, version="2", since=date(2025, 5, 1))
    added.execute("update marts.dim_item set valid_from = null where item_code = 'added3'")
    with figures_as_of(settings, None) as figures:
        found = facts.reforms(figures, Period(date(2025, 1, 1), date(2025, 12, 31)))
    assert [(one.item_code, one.old_version, one.version, one.since) for one in found if one.item_code != "ZJ01"] == [
        ("added3", "1", "2", date(2025, 5, 1))
    ]


def test_one_mistyped_date_does_not_complete_the_base_year(settings, added, tmp_path) -> None:
    case(added, "added1", "shuiwu", "SW01", date(2005, 3, 1), elapsed=3)
    case(added, "added2", "shuiwu", "SW01", date(2023, 2, 1), elapsed=3)
    report = written(settings, tmp_path, Period(date(2025, 1, 1), date(2025, 12, 31)))
    assert "上年同期为归集首年、办件可能不全" in report
    assert "办件自2024年1月起归集，上年同期为归集首年。" in report


def test_open_cases_that_nobody_can_judge_are_not_called_in_order(settings, added, tmp_path) -> None:
    for identity, limit, remaining in (("added1", None, None), ("added2", 9, None), ("added3", 200, 80)):
        case(added, identity, "shuiwu", "SW01", date(2026, 6, 1), elapsed=2, outcome="open")
        added.execute(
            "update marts.fct_item_instance set promised_limit = %s, remaining_working_days = %s, is_overdue = false,"
            " alert_state = 'none', due_date = null where case_id = %s",
            (limit, remaining, identity),
        )
    year = Period(date(2025, 1, 1), date(2026, 6, 30))
    tags = "；".join(f'{state}{{{{ 指标("在办数", 状态="{state}") }}}}' for state in ALERTS.values())
    said = written(settings, tmp_path, year, tags)
    assert said == "已逾期2件；临期预警0件；暂停计时0件；正常1件；无时限或不能判定2件"
    with figures_as_of(settings, None) as figures:
        chart = standing.open_by_state(documents._source(figures, year))
        for figure in chart.sources:
            value, n, *_ = added.execute(figure.sql).fetchone()
            assert (value, n) == (figure.value, figure.n)
            assert Slice.from_plain(json.loads(json.dumps(figure.where.as_plain()))) == figure.where
    assert [(one.name, sum(one.values)) for one in chart.series][-2:] == [("正常", 1), ("无时限或不能判定", 2)]
    report = written(settings, tmp_path, Period(date(2025, 1, 1), date(2025, 12, 31)))
    assert "其中正常1件，无时限或不能判定2件，临近承诺时限0件" in report


def test_a_late_decision_with_a_promise_in_other_days_is_on_the_list(settings, added) -> None:
    case(added, "added1", "shuiwu", "SW01", date(2025, 8, 1), elapsed=19)
    added.execute("update marts.fct_item_instance set limit_unit = 'calendar_days' where case_id = 'added1'")
    august = Period(date(2025, 8, 1), date(2025, 8, 31))
    with figures_as_of(settings, None) as figures:
        late = case_list(figures, august, Marks(), "本期逾期办结", 30)
        assert late.总数 == figures.one("cases_decided_late", rows(august)).value
    assert [one.天数 for one in late if one.办件号 == "added1"] == ["—"]
    assert late.无天数 == 1 and len(late) > 1


def test_a_name_of_several_codes_counts_them_all_or_is_refused(settings, added, tmp_path) -> None:
    year = Period(date(2025, 1, 1), date(2025, 12, 31))
    item(added, "added1", "同名事项", "shuiwu", promised=5)
    item(added, "added2", "同名事项", "zhujian", promised=5)
    for number in range(5):
        case(added, f"added{number}", "shuiwu", f"added{number % 2 + 1}", date(2025, 8, 1), elapsed=1)
    tag = '{{ 指标("收件数", 事项="同名事项") }}'
    assert written(settings, tmp_path, year, tag) == "5件"
    with figures_as_of(settings, None) as figures:
        where = Words(figures, year).slice(figures.metrics["cases_received"], {"事项": "同名事项"})
        assert "事项=同名事项（added1）、同名事项（added2）" in where.in_words(names_of(figures))
    item(added, "added2", "改了名的事项", "zhujian", promised=5, version="2", since=date(2026, 1, 1))
    with pytest.raises(YidangError, match="叫“同名事项”的事项有2个：added1、added2") as caught:
        written(settings, tmp_path, year, tag)
    assert '事项="added1"' in caught.value.cure
    insert(added, "dim_department", department_id="added", department_name="水务局", short_name="水务", is_example=True)
    with pytest.raises(YidangError, match="叫“水务局”的部门有2个：added、shuiwu"):
        written(settings, tmp_path, year, '{{ 指标("收件数", 部门="水务局") }}')
