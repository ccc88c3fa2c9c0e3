"""`yidang new-department`: what it guesses, what it refuses, and that a draft pulls and builds as it was written."""

# ruff: noqa: S608 - the queries are put together from our own names

from __future__ import annotations

import os
import re
import shutil
import time
from dataclasses import replace
from datetime import date
from urllib.parse import quote

import openpyxl
import pytest
import yaml
from clock_world import PROJECT_CODE, catalogue_row, land, open_world
from landing_support import database, http_server
from mariadb_server import PASSWORD, connect, mariadb_server
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from typer.testing import CliRunner

from yidang import build, cli, contracts, landing
from yidang import settings as settings_module
from yidang.errors import ConfigError, YidangError
from yidang.new_department import guess, look_api, look_file, names, pauses, write
from yidang.new_department.names import Name, explained
from yidang.new_department.seen import SeenTable
from yidang.settings import ROOT

CASES = "+fct_item_instance +issue_log"
TREES = f"""园林绿化局树木审批台账,,,,,,,,,,,,
序号,办件编号,事项编码,项目代码,收件日期,受理日期,补正告知,补正提交,评审开始,评审结束,办结日期,结果,承诺时限（工作日）
1,T-1,YL01,{PROJECT_CODE},2026-06-01,2026-06-03,,,2026-06-04,2026-06-08,2026-06-12,准予,10
2,T-2,YL01,{PROJECT_CODE},2026/6/10,2026年6月11日,,,,,,,10
3,T-3,YL02,{PROJECT_CODE},2026-06-15,2026-06-15,,,,,2026-06-17,不予,5
4,T-4,YL01,{PROJECT_CODE},2026-06-15,2026-06-17,2026-06-15,2026-06-16,,,2026-06-24,准予,10
"""


def table(columns: str, *rows: str, kinds: dict[str, str] | None = None) -> SeenTable:
    names = columns.split(",")
    found = [dict(zip(names, (value or None for value in row.split(",")), strict=True)) for row in rows]
    return SeenTable("cases", names, found, key=names[:1], kinds=kinds or {})


# -- guesses -------------------------------------------------------------------------------------------------------
def test_the_canonical_columns_are_those_of_architecture():
    text = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    for feed in ("cases", "items", "projects"):
        (row,) = re.findall(rf"^\| `{feed}` \|.*\| (source_department.*) \|$", text, re.MULTILINE)
        names = re.findall(r"[a-z_]+", re.sub(r"\([^)]*\)", "", row))
        named = [name for name in names if "_" in name or name == "street"]
        ours = [entry.column for entry in guess.canonical(feed)]
        assert set(ours) == set(named) - {"source_department", "batch_id", "row_number"}, feed


def test_reason_codes_and_event_kinds_are_the_known_ones():
    text = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    codes = (ROOT / "dbt_project" / "seeds" / "code_lists.csv").read_text(encoding="utf-8")
    for row in names.words("steps"):
        assert f"`{row['event_kind']}`" in text or row["event_kind"] in ("decided", "issued")
        assert not row["reason_code"] or f"special_procedure,{row['reason_code']}," in codes
    assert all(f"`{row['event_kind']}`" in text for row in names.words("results"))


@pytest.mark.parametrize(
    ("columns", "canonical"),
    [
        ("受理编号,项目代码,建设单位,承诺时限（工作日）",
         ["instance_code", "project_code_raw", "promised_limit", "applicant_name"]),
        ("spsxslbm,gcdm,spsxbm,sxblsx", ["instance_code", "item_code", "works_code_raw", "promised_limit"]),
        ("case_no,ITEM_CODE,ProjectCode", ["instance_code", "item_code", "project_code_raw"]),
        ("caseNum,item_cd,proj_code", ["instance_code", "item_code", "project_code_raw"]),
        ("bjbh,sxbm,xmdm", ["instance_code", "item_code", "project_code_raw"]),
        ("case_id,prjNo,dept_nm", ["instance_code", "project_code_raw", "handling_department_name"]),
        ("备注,经纬度", []),
    ],
)  # fmt: skip
def test_columns_by_name(columns, canonical):
    assert set(guess.matched(columns.split(","), "cases")) == set(canonical)


@pytest.mark.parametrize(
    ("column", "kind", "reason"),
    [
        ("收件日期", "received", ""),
        ("接件时间", "received", ""),
        ("申请时间", "received", ""),
        ("received_at", "received", ""),
        ("slsj", "accepted", ""),
        ("受理申请时间", "accepted", ""),
        ("不予受理时间", "refused_acceptance", ""),
        ("补正告知日期", "correction_requested", ""),
        ("补正开始", "correction_requested", ""),
        ("补正结束", "correction_received", ""),
        ("correction_requested_at", "correction_requested", ""),
        ("correction_received_at", "correction_received", ""),
        ("专家评审开始", "special_start", "2"),
        ("公示结束时间", "special_end", "5"),
        ("听证开始时间", "special_start", "4"),
        ("现场勘验结束", "special_end", "1"),
        ("批复日期", "decided", ""),
        ("办结时间", "decided", ""),
        ("出证日期", "issued", ""),
        ("rcvd_dt", "received", ""),
        ("acptTs", "accepted", ""),
    ],
)
def test_steps_by_name(column, kind, reason):
    found = guess.step(column)
    assert (found.event_kind, found.reason_code) == (kind, reason)


@pytest.mark.parametrize(
    "column", ["承诺办结时间", "应办结日期", "计划受理日期", "decision_due_date", "备注", "更新时间"]
)
def test_what_was_only_planned_is_no_step(column):
    assert guess.step(column) is None


@pytest.mark.parametrize(
    ("value", "kind"),
    [("准予许可", "decided_pass"), ("不予许可", "decided_deny"), ("不同意", "decided_deny"), ("撤回", "withdrawn"),
     ("容缺通过", "decided_pass_tolerant"), ("不予受理", "refused_acceptance"), ("其他", None)],
)  # fmt: skip
def test_results(value, kind):
    assert guess.outcome(value) == kind


def test_the_key_is_the_narrowest_set_that_is_unique():
    rows = [{"序号": "1", "事项编码": "A", "版本": "1"}, {"序号": "2", "事项编码": "A", "版本": "2"}]
    assert guess.key(["序号", "事项编码", "版本"], rows)[0] == ["事项编码", "版本"]
    rows[1]["事项编码"] = "B"
    assert guess.key(["序号", "事项编码", "版本"], rows)[0] == ["事项编码"]
    assert guess.key(["a", "b"], [], declared=[["b"]]) == (["b"], "")
    repeated = [{"办件编号": "1", "备注": "x"}, {"办件编号": "1", "备注": "x"}]
    found, doubt = guess.key(["办件编号", "备注"], repeated)
    assert found == ["办件编号"] and "unique" in doubt
    # what is unique in the sample need not be in the table
    assert guess.key(["id", "case_no"], [{"id": "1", "case_no": "2"}], is_unique=lambda key: key == ["case_no"])[0] == [
        "case_no"
    ]


def test_the_cursor_is_a_column_of_moments_that_is_always_filled():
    found = table("id,gxsj,update_time", "1,,2025-01-01", "2,,2025-01-02")
    assert guess.cursor(found) == "update_time"
    assert guess.cursor(replace(found, kinds={"update_time": "text"})) is None
    assert guess.cursor(table("id,asked_at", "1,2025-01-01")) is None


def test_values_are_written_down_only_of_codes():
    """Names, telephone and identity numbers never leave the sample, whatever the column is called."""
    found = table(
        "办理结果,申请人姓名,联系电话,状态,申请人类型,处理结果",
        *[f"准予,张三,1380000000{n},13800000000,个人,这是一段写得很长很长的处理意见" for n in range(6)],
    )
    assert {column: guess.codes(found, column) for column in found.columns} == {
        "办理结果": ["准予"], "申请人姓名": [], "联系电话": [], "状态": [], "申请人类型": ["个人"], "处理结果": [],
    }  # fmt: skip


def test_a_form_shows_kinds_of_characters_only():
    assert guess.shape(["T-1", "AB-20"]) == r"[A-Za-z]+\-\d+"
    assert guess.shape(["园2025", "1"]) is None


@pytest.mark.parametrize(
    ("reason", "start", "code"),
    [("公示", "special_start", "5"), ("专家评审", "special_start", "2"), ("补正材料", "correction_requested", ""),
     ("现场勘验", "special_start", "1"), ("expert review", "special_start", "2"), ("中止", "suspended", ""),
     ("检测", "special_start", "8"), ("case_pause", "special_start", "8")],
)  # fmt: skip
def test_reasons_of_pauses(reason, start, code):
    found = pauses.kind(reason)
    assert (found.start, found.reason_code) == (start, code)
    assert pauses.kind("延期") is None


def test_tables_of_pauses():
    cases = replace(table("id,case_no", "1,A-1", "2,A-2"), name="permit")

    def of(columns: str, *rows: str, name: str = "x") -> tuple[list[pauses.PauseTable], dict[str, str]]:
        return pauses.recognised([replace(table(columns, *rows), name=name)], cases, "case_no")

    rows = ["A-1,公示,2025-01-02,2025-01-03", "A-1,其他,2025-01-02,", "A-2,公示,2025-01-02,2025-01-03"]
    (found,), _ = of("办件编号,原因,开始时间,结束时间", *rows)
    assert (found.code, found.link, found.reason) == ("办件编号", "case_no", "原因")
    assert (list(found.kinds), found.unknown, found.doubts) == (["公示"], ["其他"], [])
    (found,), _ = of("permit_id,begin_dt,finish_dt", "1,2025-01-02,2025-01-04", "1,2025-01-03,2025-01-05", name="pause")
    assert (found.link, found.reason, found.days_only) == ("id", None, True)
    assert "overlap" in found.doubts[0]
    (found,), _ = of("case_no,kind,start,end", "B-9,评审,2025-01-02,2025-01-04")
    assert "no value of case_no" in found.doubts[0]
    # not sure, and none
    assert of("case_no,start,end", "A-1,2025-01-02,2025-01-04") == ([], {"x": "start, end"})
    assert of("case_no,reason,start,end", "A-1,红,2025-01-02,2025-01-04") == ([], {"x": "start, end"})
    assert of("case_no,plan_start,plan_end", "A-1,2025-01-02,2025-01-04") == ([], {})
    assert of("colour,start,end", "红,2025-01-02,2025-01-04") == ([], {})


def test_a_case_without_a_code_of_its_own_goes_by_its_key():
    rows = ["1,x,2025-01-02,2025-01-03", "2,x,2025-01-02,2025-01-03"]
    seen = table("rec,proj_code,accepted_dt,decided_dt", *rows)
    assert guess.case_table([seen]) == (None, [])
    case, _ = guess.case_table_by_key([seen])
    assert case.columns["instance_code"] == "rec"
    assert "TODO no column with the code of a case was recognised: the key rec" in write.cases("x", case)
    for key in (["proj_code"], ["rec", "proj_code"]):
        assert guess.case_table_by_key([replace(seen, key=key)]) == (None, [])


def test_a_key_that_is_unique_but_for_blanks_is_named():
    rows = [{"case_no": f"C-{n}", "row_code": f"R-{n}", "start": "2025-01-02"} for n in range(20)]
    rows[0]["case_no"] = rows[1]["row_code"] = None
    found, doubt = guess.key(["row_code", "case_no", "start"], rows)
    assert found == ["case_no"] and "unique but for 1 blank of 20 rows" in doubt
    rows[2]["case_no"] = "C-3"
    assert guess.key(["row_code", "case_no", "start"], rows)[0] == ["row_code"]
    pair = [{"item_code": "A", "serial_no": str(n), "document_no": f"D{n}"} for n in range(20)]
    pair[5] = {"item_code": "B", "serial_no": "4", "document_no": None}
    found, doubt = guess.key(["item_code", "serial_no", "document_no"], pair)
    assert found == ["item_code", "serial_no"] and "document_no would be, but for 1 blank of 20 rows" in doubt


def test_pauses_and_steps_without_a_number_are_told_apart_by_when_they_began():
    rows = [{"case_no": "A", "kind": kind, "start": day, "end": None} for kind in "xy" for day in ("1月", "2月")]
    assert guess.key(["case_no", "kind", "start", "end"], rows)[0] == ["case_no", "kind", "start"]


def test_a_special_procedure_without_an_end_is_left_out():
    case, _ = guess.case_table([table("办件编号,收件日期,受理日期,听证开始时间", "1,2025-01-02,2025-01-03,2025-01-04")])
    assert [entry.event_kind for entry in case.steps] == ["received", "accepted"]
    assert "ends" in case.unused["听证开始时间"]


def test_a_certificates_day_is_the_decision_only_where_there_is_no_other():
    case, _ = guess.case_table([table("办件编号,受理日期,出证日期", "1,2025-01-02,2025-01-03")])
    assert case.steps[-1].column == "出证日期" and case.steps[-1].event_kind == "decided"
    case, _ = guess.case_table([table("办件编号,受理日期,出证日期,办结日期", "1,2025-01-02,2025-01-03,2025-01-03")])
    assert case.steps[-1].column == "办结日期" and "出证日期" in case.unused


def test_other_tables_are_no_cases():
    items = table("事项编码,事项名称,法定时限", "A,砍伐,20")
    projects = table("项目代码,项目名称,总投资", f"{PROJECT_CODE},示例,1")
    assert guess.case_table([items, projects]) == (None, [])
    assert guess.other_table([items, projects], "items")[0] is items
    assert guess.other_table([items, projects], "projects")[0] is projects
    assert guess.other_table([table("办件编号,项目代码,项目名称,建设单位", "1,x,示例,某某")], "projects") is None


@pytest.mark.parametrize(
    ("department", "cases", "steps"),
    [
        ("fagai", "approvals", "received_at accepted_at decided_at"),
        ("renfang", "civil_defence_cases", "接件时间 补正开始 补正结束 受理时间 办结时间"),
        (
            "shengtai",
            "eia_cases",
            "收件日期 补正告知日期 补正提交日期 受理日期 评审开始 公示开始 评审结束 公示结束 批复日期",
        ),
    ],
)
def test_the_guesses_agree_with_the_models_written_by_hand(department, cases, steps):
    """By the names alone, of the departments whose models people wrote."""
    contract = contracts.load_department(settings_module.load(), department)
    seen = [SeenTable(entry.name, list(entry.columns), [], entry.key) for entry in contract.tables]
    case, others = guess.case_table(seen)
    assert (case.table.name, others) == (cases, [])
    assert [entry.column for entry in case.steps] == steps.split()
    folder = ROOT / "dbt_project" / "models" / "staging" / department
    written = (folder / f"stg_{department}__{cases}.sql").read_text(encoding="utf-8").replace('"', "").replace("'", "")
    for canonical, column in (case.columns | case.extras).items():
        assert re.search(rf"\b{column}\b.* as {canonical},", written), (canonical, column)


@pytest.mark.parametrize(
    ("name", "pattern"),
    [
        ("环评审批_20260629.csv", "环评审批_*.csv"),
        ("台账 2026-06-29.xlsx", "台账 *.xlsx"),
        ("台账2026年6月29日.xlsx", "台账*.xlsx"),
        ("报[1]表.csv", "报[[]*]表.csv"),
        ("台账.csv", "台账.csv"),
    ],
)
def test_patterns(name, pattern):
    assert look_file.pattern_of(name) == pattern


@pytest.mark.parametrize(
    ("line", "is_footer"),
    [("合计,2,,", True), ('"合　计",,', True), (",,总计,3", True), ("本月小计：5件", True), ("Total;4", True),
     ("\t\t合计\t1", True), ("制表人：某某", True), ("合计12件", True), ("合计医疗楼,1", False), ("Total-7,x", False),
     ("T-1,合计,2", False), ("说明书-1,a", False), ("总计划编号,1", False)],
)  # fmt: skip
def test_lines_that_are_no_records(line, is_footer):
    assert bool(re.search(look_file.FOOTER, line)) is is_footer


def test_a_title_row_is_no_header():
    assert look_file.header_at([["人防审批台账", None, None], ["编号", "事项", "日期"], ["1", "a", "2025-01-02"]]) == 1
    assert look_file.header_at([["1", "2"], ["3", "4"]]) is None


def test_rows_of_an_answer_are_found_wherever_they_lie():
    rows = [{"id": 1}, {"id": 2}]
    assert look_api.list_of_rows({"code": 0, "data": {"list": rows, "fields": [{"n": 1}]}}) == ("data.list", rows)
    assert look_api.list_of_rows({"code": 0, "data": {}}) is None


# -- drafts --------------------------------------------------------------------------------------------------------
@pytest.fixture
def own(settings, empty_warehouse, tmp_path, monkeypatch):
    """The installation with a copy of its own of all that a draft writes into; secrets are taken back at the end."""
    root = tmp_path / "root"
    for folder in ("departments", "expectations"):
        shutil.copytree(ROOT / folder, root / folder)
    shutil.copytree(ROOT / "dbt_project", root / "dbt_project", ignore=shutil.ignore_patterns("target", "logs"))
    before = settings.secrets_file.read_text(encoding="utf-8")
    copy = replace(settings, root=root)
    monkeypatch.setattr(cli.settings_module, "load", lambda: copy)
    yield copy
    settings.secrets_file.write_text(before, encoding="utf-8")


def drop(folder, name: str, content: bytes):
    folder.mkdir(exist_ok=True)
    path = folder / name
    path.write_bytes(content)
    os.utime(path, (time.time() - 60, time.time() - 60))
    return path


def command(*arguments: str) -> tuple[str, Exception | None]:
    found = CliRunner().invoke(cli.app, ["new-department", *arguments])
    return found.output, found.exception


def pulled(own, department: str) -> dict[str, int]:
    found = landing.pull(own, contracts.load_department(own, department))
    assert [verdict for verdict in found.gate if verdict.reason] == []
    return {entry.table: entry.rows_landed for entry in found.tables}


def everything_written(own) -> str:
    return "\n".join(path.read_text(encoding="utf-8") for path in own.root.rglob("*") if path.is_file())


@pytest.mark.parametrize(
    "column",
    ["last_upd", "upd_ts", "modify_dt", "gmt_modified", "lastmodifytime", "LAST_UPDATE_TIME", "updatedOn", "modTime",
     "lastUpdTs", "sys_update_time", "row_updated_at", "last_changed", "数据更新时间", "最后修改日期", "zhgxsj"],
)  # fmt: skip
def test_a_cursor_by_name(column):
    assert guess.cursor(table(f"id,{column}", "1,2025-01-01 10:00")) == column


@pytest.mark.parametrize("column", ["change_date", "变更日期", "gmt_create", "created_at", "updated_by", "更新人"])
def test_what_moves_for_other_reasons_is_no_cursor(column):
    assert guess.cursor(table(f"id,{column}", "1,2025-01-01 10:00")) is None


@pytest.mark.integration
def test_like_spgl_is_one_file(own):
    output, problem = command("jiaotong", "--like", "spgl", "--schema", "exchange")
    assert problem is None, output
    department = contracts.load_department(own, "jiaotong")
    assert (department.speaks, department.source.schema_name) == ("spgl", "exchange")
    assert department.source.dsn == "${JIAOTONG_DSN}"
    text = (own.departments_dir / "jiaotong.yml").read_text(encoding="utf-8")
    assert f"{text.count('TODO')} TODOs" in output
    for word in ("JIAOTONG_DSN", "yidang pull jiaotong --dry-run", "yidang build"):
        assert word in output


# From 2 to 12 June 2026 are eight working days after the first.
STOPS = """
create schema stops;
create table stops.permit (id int primary key, case_no text, item_cd text, accepted_dt date, decided_dt date,
    result text, last_upd timestamp not null);
insert into stops.permit select n, 'P-' || n, 'YL01', '2026-06-02', '2026-06-12', '准予', '2026-06-12 10:00'
    from generate_series(1, 4) as n;
create table stops.case_pause (id int primary key, permit_id int, kind text, start_dt date, end_dt date);
insert into stops.case_pause values (1, 1, '专家评审', '2026-06-03', '2026-06-05'),
    (2, 1, '专家评审', '2026-06-05', '2026-06-09'), (3, 2, '公示', '2026-06-03', '2026-06-09'),
    (4, 2, '等待', '2026-06-03', '2026-06-09'), (5, 3, '补正', '2026-06-02', '2026-06-04'),
    (6, 4, '专家评审', '2026-06-03', null), (7, 3, '补正', null, null), (8, 3, '补正', null, null);
create table stops.visit (id int primary key, case_no text, started date, ended date, who text);
create table stops.colour (id int primary key, name text);
create table stops.spare (id int primary key, case_no text, note text);
"""
# A department whose columns are initials: comments and values say what they are. Its catalogue numbers no versions.
RELICS = """
create schema relics;
create table relics.sxml (sxbm text primary key, sxmc text not null, fdqx int, cnqx int, syrq date);
insert into relics.sxml values ('WW01', '考古勘探许可', 20, 12, '2023-01-01');
create table relics.sqd (sqbh text primary key, gcdm text, sxbm text, sqsj timestamp, slsj timestamp, bjsj timestamp,
    bjjg char(1), ts int, lxfs text, gxsj timestamp not null);
comment on column relics.sqd.bjjg is '1 同意 2 不同意 3 申请人撤回';
comment on column relics.sqd.ts is '承诺办理天数（工作日）';
comment on column relics.sqd.lxfs is '联系电话';
insert into relics.sqd
    select 'W-' || n, '2401-330199-04-01-663496', 'WW01', '2026-06-01 08:30', '2026-06-01 09:00',
        '2026-06-12 10:00', n, 8, null, now() from generate_series(1, 3) as n;
create table relics.tbcx (sqbh text, cxlx text, qsrq date, jzrq date, primary key (sqbh, cxlx, qsrq));
insert into relics.tbcx values ('W-1', '考古勘探', '2026-06-03', '2026-06-08'),
    ('W-2', '专家评审', '2026-06-03', '2026-06-05');
"""


def test_a_comment_says_what_a_name_does_not():
    column = Name("ts", "承诺办理天数（工作日）", guess.is_telling)
    assert guess.matched([column], "cases") == {"promised_limit": "ts"} and column == "ts"
    told = Name("slsj", "1970年以来", guess.is_telling)
    assert guess.step(told).event_kind == "accepted", "a name that says what it is needs no comment"
    assert guess.is_personal(Name("lxfs", "联系电话", guess.is_telling))
    for comment in (
        "1 同意 2 不同意 3 申请人撤回",
        "结果：1：同意；2：不同意；3：申请人撤回",
        "1-同意,2-不同意,3-申请人撤回",
    ):
        assert explained(Name("bjjg", comment, guess.is_telling)) == {"1": "同意", "2": "不同意", "3": "申请人撤回"}
    assert explained("bjjg") == explained(Name("bjjg", "办结结果", guess.is_telling)) == {}


@pytest.mark.integration
def test_what_was_drafted_builds_with_the_right_days(
    settings, own, warehouse, exchange, exchange_url, tmp_path, monkeypatch
):
    """From a file, and from a database, to elapsed working days, without a line written by hand."""
    open_world(settings, tmp_path / "departments", monkeypatch)
    land(warehouse, "zhengwu", "service_item", [catalogue_row("YL01", stage=4, statutory=20, promised=10)])
    path = drop(tmp_path / "drop", "树木_20260629.csv", TREES.encode("gb18030"))
    output, problem = command("yuanlin", "--from", str(path), "--table", "trees")
    assert problem is None, output
    written = yaml.safe_load((own.departments_dir / "yuanlin.yml").read_text(encoding="utf-8"))
    assert written["source"]["format"] == {"kind": "csv", "encoding": "gb18030", "delimiter": ",", "header_row": 2}
    assert written["tables"][0]["pattern"] == "树木_*.csv"
    assert written["tables"][0]["key"] == ["办件编号"]
    switch = (own.dbt_dir / "dbt_project.yml").read_text(encoding="utf-8")
    assert (
        switch.count("      yuanlin: {+enabled: ") == 1
        and yaml.safe_load(switch)["models"]["yidang"]["staging"]["yuanlin"]
    )
    assert pulled(own, "yuanlin") == {"trees": 4}
    # beside it a database with a table of cases and one of their steps
    exchange.execute(
        "create schema log; create table log.cases (case_no text primary key, item_code text, limit_days int);"
        "insert into log.cases select 'L-' || n, 'YL01', 10 from generate_series(1, 2) as n;"
        "create table log.steps (id int primary key, case_no text references log.cases, step text,"
        " event_time timestamp, result text);"
        "insert into log.steps values (1, 'L-1', '收件', '2026-06-01 09:00', null),"
        " (2, 'L-1', '受理', '2026-06-03 09:00', null), (3, 'L-1', '专家评审开始', '2026-06-04 09:00', null),"
        " (4, 'L-1', '专家评审结束', '2026-06-08 17:00', null), (5, 'L-1', '办结', '2026-06-12 10:00', '准予'),"
        " (6, 'L-2', '受理', '2026-06-15 09:00', null), (7, 'L-2', '办结', '2026-06-17 09:00', '不予')"
    )
    output, problem = command("linye", "--from", exchange_url, "--schema", "log")
    assert problem is None, output
    assert pulled(own, "linye") == {"cases": 2, "steps": 7}
    # and one whose pauses are a table of their own, by the number of the row and not by the code of the case
    exchange.execute(STOPS)
    output, problem = command("shuizhi", "--from", exchange_url, "--schema", "stops")
    assert problem is None, output
    assert "case_pause: pauses of cases (专家评审, 公示, 补正)" in output
    assert "visit: no model reads it; a case's code and two dates" in output
    assert "colour: no model reads it" in output and "spare: no model reads it" in output
    models = own.dbt_dir / "models" / "staging" / "shuizhi"
    events = (models / "stg_shuizhi__case_events.sql").read_text(encoding="utf-8")
    assert "TODO nothing reads visit" in events and "nothing reads colour" not in events
    text = (models / "stg_shuizhi__case_pause_pauses.sql").read_text(encoding="utf-8")
    assert "TODO these reasons stop nothing until they stand in kinds: 等待" in text
    assert "local_pause_rules.csv needs a line shuizhi,5," in text
    contract = (own.departments_dir / "shuizhi.yml").read_text(encoding="utf-8")
    assert all(f"# TODO no model reads {name}: " in contract for name in ("visit", "colour", "spare"))
    assert pulled(own, "shuizhi")["case_pause"] == 8
    exchange.execute(RELICS)
    output, problem = command("wenwu", "--from", exchange_url, "--schema", "relics")
    assert problem is None, output
    assert "sqd: cases, with 3 dated steps" in output and "tbcx: pauses of cases (专家评审, 考古勘探)" in output
    assert pulled(own, "wenwu") == {"sqd": 3, "sxml": 1, "tbcx": 2}
    result = build.build(own, as_of=date(2026, 6, 30), select=CASES)
    assert result.failed == 0
    relics = warehouse.execute(
        "select instance_code, elapsed_working_days, outcome, promised_limit, statutory_limit, item_name"
        " from marts.fct_item_instance where source_department = 'wenwu' order by 1"
    ).fetchall()
    # 3 to 8 June the digging, to 5 June the review
    assert relics == [
        ("W-1", 6, "passed", 8, 20, "考古勘探许可"),
        ("W-2", 7, "denied", 8, 20, "考古勘探许可"),
        ("W-3", 9, "withdrawn", 8, 20, "考古勘探许可"),
    ]
    codes = warehouse.execute("select distinct project_code_raw from staging.stg_wenwu__cases").fetchall()
    assert codes == [("2401-330199-04-01-663496",)]
    stopped = warehouse.execute(
        "select instance_code, gross_working_days, elapsed_working_days, statutory_elapsed_working_days"
        " from marts.fct_item_instance where source_department = 'shuizhi' order by 1"
    ).fetchall()
    # P-1: reviews of 3 to 5 and, from the day that ended, to 9 June; P-2: neither 公示 nor 等待 stops anything;
    # P-3: asked on the day of acceptance; P-4: a review without an end on a decided case earns nothing
    assert stopped == [("P-1", 8, 4, 4), ("P-2", 8, 8, 8), ("P-3", 8, 6, 8), ("P-4", 8, 8, 8)]
    doubted = warehouse.execute(
        "select business_key, rule from marts.issue_log where department = 'shuizhi'"
    ).fetchall()
    assert {("shuizhi:P-2", "unknown_status"), ("shuizhi:P-3", "event_time_unreadable")} <= set(doubted)
    logged = warehouse.execute(
        "select instance_code, elapsed_working_days, outcome from marts.fct_item_instance"
        " where source_department = 'linye' order by 1"
    ).fetchall()
    assert logged == [("L-1", 5, "passed"), ("L-2", 2, "denied")]
    found = warehouse.execute(
        "select instance_code, elapsed_working_days, outcome, promised_limit, statutory_limit, project_code"
        " from marts.fct_item_instance where source_department = 'yuanlin' order by 1"
    ).fetchall()
    # T-1: 4 to 8 June is the review; 19 June 2026 is a holiday (端午)
    assert [row[:5] for row in found] == [
        ("T-1", 5, "passed", 10, 20),
        ("T-2", 12, "open", 10, 20),
        ("T-3", 2, "denied", 5, None),
        ("T-4", 4, "passed", 10, 20),
    ]
    assert {row[5] for row in found} <= {PROJECT_CODE, None}


@pytest.mark.integration
def test_a_workbook_with_a_title_row(own, tmp_path):
    book = openpyxl.Workbook()
    book.active.append(["审批台账"])
    book.active.append(["办件编号", "接件时间", "受理时间", "办结时间", "办理结果"])
    book.active.append(["R-1", "2026-06-01", "2026-06-02", None, None])
    (tmp_path / "drop").mkdir()
    path = tmp_path / "drop" / "台账_20260629.xlsx"
    book.save(path)
    output, problem = command("renfang2", "--from", str(path), "--table", "cases")
    assert problem is None, output
    department = contracts.load_department(own, "renfang2")
    assert department.source.format.header_row == 2 and department.feeds["cases"] == "stg_renfang2__cases"
    assert pulled(own, "renfang2") == {"cases": 1}


FELLED = """办件编号,事项编码,收件日期,受理日期,办结日期,结果
F-1,YL01,2026-06-01,2026-06-03,2026-06-12,准予
F-2,YL01,2026-06-02,2026-06-03,2026-06-12,准予
"""


@pytest.mark.integration
def test_a_total_at_the_end_is_no_case(own, warehouse, tmp_path):
    """Where the looked-at file has one it is declared; where only a later file has, it is refused with its reason."""
    path = drop(tmp_path / "with", "砍伐_20260629.csv", f"{FELLED}合计,2,,,,\n".encode())
    output, problem = command("linye", "--from", str(path), "--table", "cases")
    assert problem is None, output
    department = contracts.load_department(own, "linye")
    assert department.source.format.footer_pattern == look_file.FOOTER and department.tables[0].key == ["办件编号"]
    assert "line 4 of this file" in (own.departments_dir / "linye.yml").read_text(encoding="utf-8")
    assert pulled(own, "linye") == {"cases": 2}

    path = drop(tmp_path / "without", "砍伐_20260629.csv", FELLED.encode())
    output, problem = command("senlin", "--from", str(path), "--table", "cases")
    assert problem is None, output
    assert contracts.load_department(own, "senlin").source.format.footer_pattern is None
    pulled(own, "senlin")
    drop(tmp_path / "without", "砍伐_20260630.csv", f"{FELLED.replace('F-', 'G-')}小计,2,,,,\n".encode())
    pulled(own, "senlin")
    refused = warehouse.execute(
        "select department, rule, raw_row ->> '办件编号' from landing.quarantine where severity = 'fail' order by 1"
    ).fetchall()
    assert refused[0][:2] == ("linye", "footer") and refused[1][::2] == ("senlin", "小计") and len(refused) == 2


@pytest.mark.integration
def test_a_total_in_a_workbook_far_below_the_sample(own, tmp_path, monkeypatch):
    monkeypatch.setattr(look_file, "SAMPLE_ROWS", 3)
    book = openpyxl.Workbook()
    for row in [("序号", "办件编号", "接件时间", "受理时间", "办结时间"), *[
        (n, f"R-{n}", "2026-06-01", "2026-06-02", None) for n in range(1, 20)
    ], ("合计", 19, None, None, None)]:  # fmt: skip
        book.active.append(row)
    (tmp_path / "drop").mkdir()
    path = tmp_path / "drop" / "台账_20260629.xlsx"
    book.save(path)
    output, problem = command("renfang2", "--from", str(path), "--table", "cases")
    assert problem is None, output
    assert pulled(own, "renfang2") == {"cases": 19}


@pytest.fixture
def exchange(district_dsn):
    with database(district_dsn, "draft") as connection:
        connection.execute(
            "create schema biz;"
            "create table biz.permit_case (id bigint primary key, case_no text, item_code text, project_code text,"
            ' applicant text, "Phone" text, received_at timestamp, accepted_at timestamp, hearing_start timestamp,'
            " hearing_end timestamp, decided_at timestamp, result text, limit_days int, plan_finish_at timestamp,"
            " entered_at timestamptz, remark text, updated_at timestamptz not null);"
            "insert into biz.permit_case select n, 'C-' || n, 'YL01', '2509-320193-89-01-544060', '王小明',"
            " '13912345678', '2025-03-03 09:00', '2025-03-04 10:00', null, null, '2025-03-10 16:00', '同意', 10,"
            " '2025-03-20', now(), '备注', now() from generate_series(1, 20) as n;"
            "create table biz.item (item_code text, version int, item_name text, statutory_limit int,"
            " promised_limit int, unique (item_code, version));"
            "insert into biz.item values ('YL01', 1, '砍伐', 20, 10), ('YL01', 2, '砍伐', 20, 8)"
        )
        yield connection


@pytest.fixture
def exchange_url(district_dsn, exchange):
    return district_dsn.rsplit("/", 1)[0] + "/draft"


@pytest.mark.integration
def test_a_postgres_database(own, exchange_url):
    output, problem = command("linye", "--from", exchange_url, "--schema", "biz")
    assert problem is None, output
    department = contracts.load_department(own, "linye")
    cases, items = department.tables[1], department.tables[0]
    assert (cases.name, cases.key, cases.cursor.column) == ("permit_case", ["id"], "updated_at")
    assert (items.name, items.key, items.cursor) == ("item", ["item_code", "version"], None)
    assert set(department.feeds) == {"cases", "case_events", "items"}
    assert pulled(own, "linye") == {"item": 2, "permit_case": 20}
    assert own.secret("LINYE_DSN") == exchange_url

    models = own.dbt_dir / "models" / "staging" / "linye"
    events = (models / "stg_linye__case_events.sql").read_text(encoding="utf-8")
    assert "('special_start', special_start_4_at, 6, '4')" in events
    assert "when result in ('同意'" in events
    assert "step.event_at,\n" in events  # moments stay moments
    unused = (models / "stg_linye__cases.sql").read_text(encoding="utf-8")
    for column in ("Phone", "remark", "plan_finish_at", "entered_at"):
        assert f"-- not used: {column}" in unused
    said = output + everything_written(own)
    for private in ("王小明", "13912345678", exchange_url):
        assert private not in said

    # nothing is overwritten, not even by the same command
    before = everything_written(own)
    output, problem = command("linye", "--from", exchange_url, "--schema", "biz")
    assert isinstance(problem, ConfigError) and "departments/linye.yml exists" in str(problem)
    assert everything_written(own) == before


def test_steps_may_be_rows_of_a_table_of_their_own():
    cases = replace(table("办件编号,事项编码,项目代码", "1,A,x"), name="cases")
    steps = table(
        "办件编号,环节,办理时间,办理人",
        *[f"{n},{step},2025-01-0{day},王小明" for n in (1, 2) for step, day in (("受理", 2), ("审核", 3), ("办结", 4))],
    )
    case, log = guess.logged_cases([steps, cases])
    assert (case.table, log.table) == (cases, steps)
    assert {value: entry.event_kind for value, entry in log.steps.items()} == {"受理": "accepted", "办结": "decided"}
    assert log.unknown == ["审核"]
    assert guess.logged_cases([steps]) is None and guess.case_table([steps, cases]) == (None, [])


@pytest.mark.integration
def test_steps_that_name_cases_by_something_else_are_doubted(own, exchange, exchange_url):
    exchange.execute(
        "create schema other; create table other.cases (id int primary key, case_no text, item_code text);"
        "insert into other.cases select n, 'C-' || n, 'YL01' from generate_series(1, 4) as n;"
        "create table other.steps (row_id int primary key, case_id int, step text, event_time timestamp);"
        "insert into other.steps select row_number() over (), n, step, '2026-06-02'"
        " from generate_series(1, 4) as n, unnest(array['受理', '办结']) as step"
    )
    output, problem = command("linye", "--from", exchange_url, "--schema", "other")
    assert problem is None, output
    assert "kinds of steps in steps" in output
    events = own.dbt_dir / "models" / "staging" / "linye" / "stg_linye__case_events.sql"
    assert "-- TODO case_id of steps holds id of cases, not case_no" in events.read_text(encoding="utf-8")


@pytest.mark.integration
def test_the_url_may_be_the_name_of_a_secret(own, exchange_url, monkeypatch):
    monkeypatch.setenv("LINYE_DSN", exchange_url)
    output, problem = command("linye", "--from", "${LINYE_DSN}", "--schema", "biz", "--table", "item")
    assert problem is None, output
    assert "No table with cases was recognised" in output
    department = contracts.load_department(own, "linye")
    assert [entry.name for entry in department.tables] == ["item"] and set(department.feeds) == {"items"}
    assert pulled(own, "linye") == {"item": 2}


@pytest.mark.integration
def test_a_mariadb_database(own):
    with mariadb_server() as port, connect(port) as connection:
        cursor = connection.cursor()
        cursor.execute("create database yewu character set utf8mb4")
        cursor.execute(
            "create table yewu.办件表 (业务流水号 varchar(20) primary key, 项目代码 varchar(30), 收件时间 datetime,"
            " 受理时间 datetime, 办结时间 datetime, 办理结果 varchar(10), gxsj datetime not null)"
        )
        cursor.execute(
            "insert into yewu.办件表 values ('B1', 'x', '2025-03-03 09:00', '2025-03-03 10:00', null, null,"
            " '2025-03-03 10:00')"
        )
        url = f"mysql+pymysql://reader:{quote(PASSWORD, safe='')}@127.0.0.1:{port}/yewu"
        output, problem = command("yewu", "--from", url)
        assert problem is None, output
        (found,) = contracts.load_department(own, "yewu").tables
        assert (found.name, found.relation, found.key) == ("table_1", "办件表", ["业务流水号"])
        assert found.cursor.column == "gxsj"
        assert pulled(own, "yewu") == {"table_1": 1}
        assert quote(PASSWORD, safe="") not in output + everything_written(own)


def pages(request: Request) -> Response:
    if request.headers.get("authorization") != "Bearer right":
        return JSONResponse({"error": "no"}, status_code=401)
    rows = [
        {"caseNo": f"A-{n}", "projectCode": "x", "receivedAt": "2025-03-03T09:00:00",
         "acceptedAt": "2025-03-04T09:00:00",
         "decidedAt": None, "result": None, "updatedAt": f"2025-03-{n:02}T09:00:00", "log": [{"step": "收件"}]}
        for n in range(1, 8)
    ]  # fmt: skip
    start = (int(request.query_params["page"]) - 1) * int(request.query_params["size"])
    return JSONResponse(
        {"code": 0, "data": {"records": rows[start : start + int(request.query_params["size"])], "total": len(rows)}}
    )


def linked(request: Request) -> Response:
    at = int(request.query_params.get("cursor", 1))
    return JSONResponse({"items": [{"case_no": str(at)}], "next_cursor": str(at + 1) if at < 3 else None})


@pytest.fixture
def api():
    empty = Route("/empty", lambda request: JSONResponse({"code": 0, "msg": "ok"}))
    with http_server(Starlette(routes=[Route("/api/permits", pages), Route("/linked", linked), empty])) as url:
        yield url


@pytest.mark.integration
def test_an_api_with_pages(own, api, monkeypatch):
    monkeypatch.setenv("GIVEN_TOKEN", "right")
    output, problem = command(
        "shuili", "--from", f"{api}/api/permits?page=1&size=3&app=k7k7", "--token-env", "GIVEN_TOKEN"
    )
    assert problem is None, output
    department = contracts.load_department(own, "shuili")
    paging, (found,) = department.source.paging, department.tables
    assert (paging.page_parameter, paging.size_parameter, paging.size) == ("page", "size", 3)
    assert (paging.items, paging.total) == ("data.records", "data.total")
    assert (found.name, found.path, found.key, found.cursor) == ("permits", "/api/permits", ["caseNo"], None)
    monkeypatch.delenv("GIVEN_TOKEN")  # it is kept
    assert pulled(own, "shuili") == {"permits": 7}
    text = (own.departments_dir / "shuili.yml").read_text(encoding="utf-8")
    assert found.parameters == {"app": "${SHUILI_APP}"} and own.secret("SHUILI_APP") == "k7k7"
    for private in (api, "right", "k7k7"):
        assert private not in text + output
    cases = (own.dbt_dir / "models" / "staging" / "shuili" / "stg_shuili__cases.sql").read_text(encoding="utf-8")
    assert "-- not used: log (TODO: a list" in cases


@pytest.mark.integration
def test_an_api_with_a_cursor(own, api):
    output, problem = command("shuili", "--from", f"{api}/linked")
    assert problem is None, output
    paging = contracts.load_department(own, "shuili").source.paging
    assert (paging.kind, paging.items, paging.next_cursor, paging.cursor_parameter) == (
        "cursor", "items", "next_cursor", "cursor",
    )  # fmt: skip
    assert pulled(own, "shuili") == {"linked": 3}


@pytest.mark.integration
@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["x"], "--like or --from"),
        (["x", "--like", "spgl", "--from", "a.csv"], "--like or --from"),
        (["x", "--like", "fagai"], "'fagai'"),
        (["x", "--like", "spgl", "--table", "a"], "--table"),
        (["Parks", "--like", "spgl"], "'Parks' cannot be a name"),
        (["园林", "--like", "spgl"], "lower-case letters"),
        (["fagai", "--like", "spgl"], "departments/fagai.yml exists"),
        (["us_permits", "--like", "spgl"], "departments/examples/us_permits.yml exists"),
        (["x", "--from", "/nowhere/a.csv"], "There is no file /nowhere/a.csv"),
        (["x", "--from", "ftp://host/a.csv"], "ftp://"),
        (["x", "--from", "${X_DSN}"], "X_DSN is not set"),
        (["x", "--from", "a.csv", "--schema", "s"], "--schema is for a database"),
        (["x", "--from", "a.csv", "--token-env", "T"], "--token-env is for an API"),
        (["x", "--from", "a.csv", "--table", "a", "--table", "b"], "one table"),
        (["x", "--from", "mysql://u:pa@ss:w@h:port/d"], "not the URL of a database"),
        (["x", "--from", "postgresql://postgres:wrong@127.0.0.1:{port}/postgres"], "refuses the login"),
    ],
)
def test_wrong_requests(own, district_dsn, arguments, said):
    port = district_dsn.rsplit(":", 1)[1].split("/")[0]
    before = everything_written(own)
    output, problem = command(
        *(argument.format(port=port) if "{port}" in argument else argument for argument in arguments)
    )
    assert isinstance(problem, ConfigError) and problem.exit_code == 2, (output, problem)
    assert said in str(problem)
    assert "pa@ss" not in str(problem) and "wrong@" not in str(problem)
    assert everything_written(own) == before


@pytest.mark.integration
def test_a_refused_login_names_what_was_given(own, district_dsn, monkeypatch):
    wrong = f"postgresql://postgres:wrong@{district_dsn.rsplit('@', 1)[1]}"
    monkeypatch.setenv("HALL_LOGIN", wrong)
    for origin, given in (("${HALL_LOGIN}", "the secret HALL_LOGIN"), (wrong, "the URL of --from")):
        _, problem = command("linye", "--from", origin)
        assert isinstance(problem, ConfigError) and f"Correct {given}." in str(problem)
        assert "LINYE_DSN" not in str(problem) and "wrong@" not in str(problem)
    monkeypatch.setenv("HALL_LOGIN", "postgresql://postgres:x@127.0.0.1:1/postgres")
    _, problem = command("linye", "--from", "${HALL_LOGIN}")
    assert "Its address is in the secret HALL_LOGIN." in str(problem)


@pytest.mark.integration
def test_a_blank_key_is_set_aside_and_named(own, warehouse, exchange, exchange_url):
    exchange.execute(
        "create schema blank; create table blank.permit (case_no text, office_id int, accepted_at timestamp,"
        " decided_at timestamp);"
        "insert into blank.permit select nullif('C-' || n, 'C-7'), n % 3, '2026-06-02', '2026-06-12'"
        " from generate_series(1, 20) as n"
    )
    output, problem = command("linye", "--from", exchange_url, "--schema", "blank")
    assert problem is None, output
    assert contracts.load_department(own, "linye").tables[0].key == ["case_no"]
    text = (own.departments_dir / "linye.yml").read_text(encoding="utf-8")
    assert "# TODO is it the key? unique but for 1 blank of 20 rows" in text
    assert pulled(own, "linye") == {"permit": 20}
    assert pulled(own, "linye") == {"permit": 0}
    refused = warehouse.execute("select severity, reason from landing.quarantine").fetchall()
    assert [severity for severity, _ in refused] == ["fail"], refused


@pytest.mark.integration
def test_wrong_sources(own, exchange, exchange_url, api, tmp_path, monkeypatch):
    def refused(*arguments: str) -> str:
        output, problem = command("x", *arguments)
        assert isinstance(problem, YidangError), output
        return str(problem)

    assert "no table nothere" in refused("--from", exchange_url, "--schema", "biz", "--table", "nothere")
    assert "schema empty has no table" in refused("--from", exchange_url, "--schema", "empty")
    exchange.execute("create view biz.broken as select 1 / 0 as x")
    said = refused("--from", exchange_url, "--schema", "biz", "--table", "broken")
    assert "biz.broken cannot be read: division by zero" in said
    assert "--token-env" in refused("--from", f"{api}/api/permits?page=1&size=3")
    assert "no list of rows" in refused("--from", f"{api}/empty")
    numbers = drop(tmp_path / "drop", "1.csv", b"1,2\n3,4\n")
    assert "no row that could be a header" in refused("--from", str(numbers))
    assert "neither UTF-8 nor GB18030" in refused("--from", str(drop(tmp_path / "drop", "2.csv", b"\xff\xfea\x00")))
    assert "neither CSV nor XLSX" in refused("--from", str(drop(tmp_path / "drop", "3.pdf", b"%PDF")))
    assert "not a whole XLSX" in refused("--from", str(drop(tmp_path / "drop", "4.xlsx", b"PK")))
    good = drop(tmp_path / "drop", "5.csv", TREES.encode())
    monkeypatch.setenv("X_DROP", "/elsewhere")
    assert "X_DROP is set to something else" in refused("--from", str(good))
    monkeypatch.delenv("X_DROP")
    (own.root / "expectations" / "x_trees.json").write_text("{}", encoding="utf-8")
    assert "expectations/x_trees.json exists" in refused("--from", str(good), "--table", "trees")
    assert not (own.departments_dir / "x.yml").exists()


# -- the guide -----------------------------------------------------------------------------------------------------
@pytest.mark.integration
def test_the_guides_example_gives_the_figures_it_shows(settings, own, warehouse, tmp_path, monkeypatch):
    """Every block of docs/add-a-department.md that names its file, as it stands, to the figures printed there."""
    open_world(settings, tmp_path / "departments", monkeypatch)
    guide = (ROOT / "docs" / "add-a-department.md").read_text(encoding="utf-8").partition("tables of its own")[2]
    monkeypatch.setenv("YUANLIN_DROP", str(tmp_path / "drop"))
    for block in re.findall(r"```(?:yaml|json|sql)\n(.*?)```", guide, re.DOTALL):
        if named := re.match(r"(?:#|//|--) ([a-z_]+/\S+\.(?:yml|json|sql)).*\n", block):
            is_contract = named[1].startswith("departments/")
            path = own.departments_dir / "yuanlin.yml" if is_contract else own.root / named[1]
            path.parent.mkdir(exist_ok=True)
            path.write_text(block[named.end() :] if path.suffix == ".json" else block, encoding="utf-8")
    for name, content in re.findall(r"```csv\n(\S+\.csv)\n(.*?)```", guide, re.DOTALL):
        drop(tmp_path / "drop", name, content.encode())
    project = own.dbt_dir / "dbt_project.yml"
    line = re.search(r"`(yuanlin: \{\+enabled.*?\}\"\})`", guide)[1]
    text = project.read_text(encoding="utf-8")
    project.write_text(text.replace("    staging:\n", f"    staging:\n      {line}\n", 1), encoding="utf-8")

    assert pulled(own, "yuanlin") == {"trees": 4, "items": 1, "pauses": 2}
    assert build.build(own, as_of=date(2026, 6, 30), select=CASES).failed == 0
    shown = re.search(r"instance_code,statutory_limit.*?\n((?:T-.*\n)+)", guide)[1].splitlines()
    found = warehouse.execute(
        "select concat_ws(',', instance_code, coalesce(statutory_limit::text, ''), promised_limit,"
        " elapsed_working_days, outcome, due_date)"
        " from marts.fct_item_instance where source_department = 'yuanlin' order by 1"
    ).fetchall()
    assert [row for (row,) in found] == [row.rsplit(",", 1)[0] for row in shown]

    # 公示 counts on until a local rule says otherwise: 17, 18, 22, 23 and 24 June are working days
    rules = own.dbt_dir / "seeds" / "local_pause_rules.csv"
    rule = re.search(r"^yuanlin,5,.*$", guide, re.MULTILINE)[0]
    rules.write_text(rules.read_text(encoding="utf-8").rstrip("\n") + f"\n{rule}\n", encoding="utf-8")
    assert build.build(own, as_of=date(2026, 6, 30), select=CASES).failed == 0
    counted = warehouse.execute(
        "select elapsed_working_days, statutory_elapsed_working_days from marts.fct_item_instance"
        " where source_department = 'yuanlin' and instance_code = 'T-2'"
    ).fetchone()
    assert counted == (5, 10)
