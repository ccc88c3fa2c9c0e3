"""A district after each source case, through the whole path: the case's countable claims, read from the marts.

Claims that no data can carry are not numbers but remarks: what the case says is held against what stands beside it. The
report to the People's Congress, the form of case 000, is written from its district and states that case's numbers.
"""

from __future__ import annotations

import json
import re
from decimal import Decimal

import docx
import openpyxl
import psycopg
import pytest
from conftest import drop_built_schemas
from docx.oxml.ns import qn

from yidang import build, contracts, district, landing, metrics
from yidang.district import PROFILES
from yidang.reports import pdf, remarks, trace, verify
from yidang.reports.congress import write_congress_report
from yidang.reports.snapshot import figures_as_of, selection
from yidang.services import district as servers
from yidang.settings import WAREHOUSE_DATABASE

pytestmark = [pytest.mark.integration, pytest.mark.end_to_end]

SELECTION = (
    "+agg_case_mode +agg_catalogue +agg_complaint +agg_flat_series +agg_new_start_window +agg_service_reach"
    " +dim_agent +dim_build +dim_item +dim_item_material +dim_package +fct_agency_order +fct_callback"
    " +fct_case_mode +fct_instant_start +fct_investment_rule_check +fct_major_project +fct_meeting"
    " +fct_item_prerequisite +fct_open_case +fct_problem +fct_project_plan +fct_question +fct_reform_document"
    " +fct_reform_measure +fct_regional_assessment +fct_service_point +dim_stage"
)
_ITEMS = "select sum({}) from marts.agg_catalogue where month = (select max(month) from marts.agg_catalogue)"
_MEASURE = "select {} from marts.fct_reform_measure where measure_name = '{}'"

# Claim of shared/domain/claims.csv → the question that the marts answer, and the answer.
CLAIMS = {
    "pukou": {
        "C002 36 审批事项": (_ITEMS.format("item_count") + " and item_class = '审批事项'", 36),
        "C003 6 公共服务事项": (_ITEMS.format("item_count") + " and item_class = '公共服务事项'", 6),
        "C004 102 办事环节": (_ITEMS.format("step_count"), 102),
        "C005 14 拿地即开工": ("select count(*) from marts.fct_instant_start where is_instant_start", 14),
        "C006 提升30%以上：两种读法": (_MEASURE.format("remark is not null", "工业项目拿地即开工"), True),
        "C007 6 四证齐发": ("select count(*) from marts.fct_instant_start where is_four_on_one_date", 6),
        "C008 拿地即开工的多是工业项目": (
            "select count(*) filter (where flow_type_name = '工业类投资项目') from marts.fct_instant_start"
            " where is_instant_start",
            11,
        ),
        "C009 16 竣工即交付": ("select count(*) from marts.fct_instant_start where is_instant_delivery", 16),
        "C010 提升60%：两种读法": (_MEASURE.format("remark is not null", "工业项目竣工即交付"), True),
        "C012 立项 95%": (
            "select round(100.0 * count(*) filter (where is_established) / count(*)) from marts.fct_major_project"
            " where is_new_start and is_counted and list_year = 2023",
            95,
        ),
        "C013 施工许可 71%": (
            "select round(100.0 * count(*) filter (where is_permitted) / count(*)) from marts.fct_major_project"
            " where is_new_start and is_counted and list_year = 2023",
            71,
        ),
        "C014 走访发现 28 个问题": ("select count(*) from marts.fct_problem where source_name = '走访'", 28),
        "C015 17 场协调会": ("select count(*) from marts.fct_meeting", 17),
        "C016 容缺申报，当天取得施工许可证": (
            "select elapsed_working_days || '个工作日，补件' || duty_state_name || '，缺' || prerequisite_item_name"
            " from marts.fct_case_mode"
            " inner join (select case_id, elapsed_working_days from marts.fct_item_instance) as cases using (case_id)"
            " left join marts.fct_item_prerequisite as missing using (case_id)"
            " where mode_name = '容缺' and fct_case_mode.item_name = '建筑工程施工许可证核发' and due_date is not null"
            " and missing.state = 'decided_before'",
            "0个工作日，补件按期，缺施工图设计文件审查",
        ),
        "C017 78 张告知承诺制施工许可证": (
            "select count(*) from marts.fct_case_mode"
            " where mode_name = '告知承诺' and item_name = '建筑工程施工许可证核发' and outcome = 'passed'",
            78,
        ),
        "C018 32 人代办": ("select count(*) from marts.dim_agent where is_on_duty", 32),
    },
    "keqiao": {
        "C019 成文至发布 272 天": ("select publication_lag_days from marts.fct_reform_document", 272),
        "C021 材料 15→1": (_MEASURE.format("round(document_reduction, 3)", "涉水审批三合一"), "0.933"),
        "C022 环节 12→2": (_MEASURE.format("round(step_reduction, 3)", "涉水审批三合一"), "0.833"),
        "C023 审批→备案是类型变化": (_MEASURE.format("is_legal_type_change", "涉水审批三合一"), True),
        "C023 类型变化不算提速": (_MEASURE.format("limit_reduction is null", "涉水审批三合一"), True),
        "C024 69→36 类型变化": (
            _MEASURE.format("is_legal_type_change and remark is not null", "区域规划环评：报告书降为报告表"),
            True,
        ),
        "C025 36→4 类型变化": (
            _MEASURE.format("is_legal_type_change and remark is not null", "区域规划环评：报告表降为登记表"),
            True,
        ),
        "C027 1亿元以下无需评估": (
            "select count(*) filter (where is_needed) from marts.fct_investment_rule_check"
            " where total_investment_wan <= 10000 and rule_code = 'no_evaluation' and registered_date >= '2023-04-06'",
            0,
        ),
        "C029 2000万元以下无需建议书": (
            "select count(*) filter (where is_needed) from marts.fct_investment_rule_check"
            " where total_investment_wan <= 2000 and rule_code = 'no_proposal' and registered_date >= '2023-04-06'",
            0,
        ),
        "C034 12 类中介": ("select count(distinct category) from marts.fct_agency_order", 12),
        "C035 事项 100% 网办": (
            "select round(100.0 * count(*) filter (where is_fully_online) / count(*)) from marts.agg_service_reach",
            100,
        ),
        "C036 办件网办率是另一个分母": (
            "select count(*) filter (where online_rate < 1) > 0 from marts.agg_service_reach",
            True,
        ),
        "C039 95% 达标": (
            "select round(100.0 * count(*) filter (where is_standard) / count(*)) from marts.fct_service_point"
            " where kind_name = '村级便民服务中心'",
            95,
        ),
        "C040 22 跨省通办": ("select count(*) filter (where is_cross_province) from marts.agg_service_reach", 22),
    },
    "gaoping": {
        "C046 三个主要阶段": (
            "select count(distinct local_stage_name) from marts.dim_stage where stage_number between 1 and 4",
            3,
        ),
        "C043 1+11 文件": ("select count(*) from marts.fct_reform_document", 12),
        "C047 8 类区域评估": ("select count(distinct category_name) from marts.fct_regional_assessment", 8),
        "C048 80 多个事项": (_ITEMS.format("item_count") + " having sum(item_count) > 80", 83),
        "C049 9 类套餐": ("select count(*) from marts.dim_package where is_current", 9),
        "C050 可减少70%": (_MEASURE.format("remark is not null", "项目一件事套餐：报件材料"), True),
        "C051 提早2个月没有对照": (_MEASURE.format("remark is not null", "项目一件事套餐：开工时间"), True),
        "C052 12 个验收事项": (_ITEMS.format("item_count") + " and stage_number = 4", 12),
    },
    "loop": {
        "C057 43 个事项": (_ITEMS.format("item_count"), 43),
        "C057 43→4 是归并不是压减": (_MEASURE.format("item_reduction is null", "独立事项归为四个阶段"), True),
        "C058 取消 7 类材料": (
            "select count(*) from marts.dim_item_material where cancelled_on is not null",
            7,
        ),
        "C059 170→17 页": (_MEASURE.format("round(page_reduction, 3)", "施工许可申请材料页数"), "0.900"),
        "C059 页数不是件数": (_MEASURE.format("document_reduction is null", "施工许可申请材料页数"), True),
        "C062 45→30": (_MEASURE.format("round(limit_reduction, 3)", "“3211”：一般社会投资项目"), "0.333"),
        "C063 20 个工作日没有原时限": (_MEASURE.format("limit_reduction is null", "“3211”：简易低风险工程"), True),
        "C065 最短不是一般": (
            "select min(start_working_days) < percentile_cont(0.5) within group (order by start_working_days)"
            " from marts.fct_instant_start",
            True,
        ),
        "C066 当日回复 100%": (
            "select round(100.0 * count(*) filter (where is_replied_same_day) / count(*)) from marts.fct_question"
            " where not has_order_error",
            100,
        ),
        "C067 费用无合同": (_MEASURE.format("remark is not null", "企业审批费用"), True),
        "C070 零投诉": ("select count(*) from marts.fct_complaint", 0),
        "C072 连续10个月 100%": (
            "select count(*) from (select called_month from marts.fct_callback where is_answered group by called_month"
            " having bool_and(is_satisfied)) as months where called_month >= '2023-02-01'",
            10,
        ),
        "C072 接通率不是 100%": ("select count(*) filter (where is_answered) < count(*) from marts.fct_callback", True),
    },
    "baoan": {
        "C078 141→90 天": (_MEASURE.format("limit_change", "危险边坡审批时限"), "141天→90天"),
        "C080 70 天 122 个": (
            "select start_count from marts.agg_new_start_window where start_rule = 'investment'",
            122,
        ),
        "C081 占全年 47.3%": (
            "select round(100 * window_share, 1) from marts.agg_new_start_window where start_rule = 'investment'",
            "47.3",
        ),
        "C083 123机制": (
            "select count(*) filter (where is_feedback_in_time) between 1 and count(*) from marts.fct_problem",
            True,
        ),
        "C086 91 项": ("select stated_measure_count from marts.fct_reform_document", 91),
        "C086 26 立行立改": (
            "select count(*) from marts.fct_reform_measure where status_name = '立行立改'",
            26,
        ),
        "C086 63 整改优化": (
            "select count(*) from marts.fct_reform_measure where status_name = '整改优化'",
            63,
        ),
        "C086 2 项没有着落": ("select unaccounted_measure_count from marts.fct_reform_document", 2),
        "C087 300 余天之和": ("select listed_days_saved > 300 from marts.fct_reform_document", True),
        "C088 12 个定制流程": ("select count(distinct project_code) from marts.fct_project_plan", 12),
        "C089 2→1 次": (_MEASURE.format("round(visit_reduction, 2)", "环评与排污许可一次办"), "0.50"),
        "C090 月与工作日不可比": (_MEASURE.format("limit_reduction is null", "环评与排污许可一次办"), True),
        "C091 850 个项目": ("select count(distinct project_code) from marts.fct_problem", 850),
        "C092 1640 件": ("select count(*) from marts.fct_problem", 1640),
        "C092 两类事分开": ("select count(distinct kind_name) from marts.fct_problem", 2),
    },
}


# Claims marked as inconsistent or undefined in claims.csv → where they stand, and what their remark says.
REMARKS = {
    "pukou": {
        "C004 没有改革前的环节数": ("项目全生命周期流程图", "没有改革前事项数、环节数"),
        "C006 提升30%以上": ("工业项目拿地即开工", "用时减少30%，或单位时间办件增加30%（用时减少23.1%）"),
        "C008 基本上全覆盖": ("工业项目拿地即开工覆盖面", "没有载明数值"),
        "C010 提升60%": ("工业项目竣工即交付", "用时减少60%，或单位时间办件增加60%（用时减少37.5%）"),
    },
    "keqiao": {
        "C023 审批→备案": ("涉水审批三合一", "由审批改为备案，是办件类型变化，不是提速"),
        "C024 69→36天": ("区域规划环评：报告书降为报告表", "单位“天”未说明是工作日还是自然日"),
        "C025 36→4天": ("区域规划环评：报告表降为登记表", "由报告表改为登记表，是办件类型变化"),
        "C026 编制费压降50%": ("环评报告编制费压降", "没有合同和费用数据，“费用减少50%”无从核对"),
        "C030 100%（目标）": ("实施类新建项目开工前审批", "“目标100%”是目标，不是结果"),
        "C033 代办100%（目标）": ("重大项目代办服务", "“目标100%”是目标，不是结果"),
        "C036 90%以上（目标）": ("大厅“一网通办”率", "“目标90%”是目标，不是结果"),
        "C037 15分钟": ("政务服务圈", "“目标用时15分钟”是目标，不是结果"),
        "C038 100%网上办（目标）": ("上线事项网上办理", "“目标100%”是目标，不是结果"),
        "C039 95%以上（目标）": ("村级便民服务中心达标", "“目标95%”是目标，不是结果"),
    },
    "gaoping": {
        "C050 可减少70%": ("项目一件事套餐：报件材料", "这一条没有载明改革前后的材料份数，“材料减少（可）70%”无从核对"),
        "C051 提早2个月": ("项目一件事套餐：开工时间", "没有对照组，不实行改革何时开工无从得知，“提早月数2个月”"),
    },
    "loop": {
        "C053 三个年份": ("2024年项目审批服务工作情况（虚构）", "题目所称2024年与成文（2022年）、发布（2023年）不符"),
        "C054、C071 季度与双月": ("考核通报", "同名举措载明的数不同（考核间隔2个月、考核间隔3个月），以何为准没有说明"),
        "C061 时限1/3以上": ("投资项目审批时限", "这一条没有载明改革前后的时限，“时限减少33.3%”无从核对"),
        "C064 最短10个工作日": ("拿地即开工最短用时", "“最短用时10个工作日”是最好的一例，不代表一般"),
        "C068 提早一个多月": ("区域评估：开工时间", "没有对照组"),
        "C069 每企业10万元": ("区域评估：评估费用", "没有合同和费用数据，“每企业减少费用10万元”无从核对"),
        "C057 43→4": ("独立事项归为四个阶段", "事项归为阶段，不是减少事项"),
        "C060 材料60%以上": ("投资项目审批材料", "没有载明改革前后的材料份数"),
        "C063 没有改革前时限": ("“3211”：简易低风险工程", "没有改革前时限"),
        "C067 费用降低60%": ("企业审批费用", "没有合同和费用数据，“费用减少60%”无从核对"),
        "C072 连续10个月100%": ("回访满意率（全区）", "是警示，不是成绩"),
    },
    "baoan": {
        "C078 141→90天": ("危险边坡审批时限", "单位“天”未说明是工作日还是自然日"),
        "C082 全部按期": ("重大项目按期完成审批", "没有载明共有多少，“按期率100%”无从核对"),
        "C086 91项": (
            "审批流程优化事项清单（虚构）",
            "文件载明91项，台账列明89项（整改优化63项、立行立改26项），2项没有着落",
        ),
        "C087 300余天": ("审批流程优化事项清单（虚构）", "压缩天数是各事项之和，不是任何一个项目的用时"),
        "C090 2个月→11个工作日": ("环评与排污许可一次办", "时限单位不同（2月→11工作日），不算压缩率"),
    },
}
REPORTED = "pukou"
# What the report to the congress says, in its own words, of the claims of case 000.
SAID = {
    "C002, C003": "审批事项36项、公共服务事项6项",
    "C004": "办事环节102个",
    "C005": "14个实现“拿地即开工”",
    "C007": "其中“四证”同日齐发的6个",
    "C009": "16个实现“竣工即交付”",
    "C012": "重点新开工项目100个，已立项95个，占95.0%",
    "C013": "已取得施工许可71个，占71.0%",
    "C014": "发现问题28个",
    "C015": "召开协调会17场",
    "C017": "告知承诺制施工许可证78张",
    "C018": "32人的代办队伍",
}


# the reported one first: its report is asked for while it stands
@pytest.fixture(scope="module", params=sorted(CLAIMS, key=lambda name: (name != REPORTED, name)))
def example(request, settings):
    """The id of a district, and a connection to its marts: made, pulled and built by the real path."""
    profile = PROFILES[request.param]
    with psycopg.connect(settings.admin_dsn(WAREHOUSE_DATABASE), autocommit=True) as warehouse:
        drop_built_schemas(warehouse)
        servers.prepare_secrets(settings)
        servers.start(settings)
        try:
            district.generate(
                settings, seed=1, projects=profile.projects, start=profile.start, end=profile.end, profile=profile
            )
            for department in contracts.load_departments(settings):
                landing.pull(settings, department)
        finally:
            servers.stop(settings)
        # a report reads more than the questions about the claims
        report = f" {selection(metrics.load(settings))}" if profile.id == REPORTED else ""
        # one of them with dbt's tests, as people build it: they must hold on a day long past too
        build.build(settings, as_of=profile.end, select=SELECTION + report, with_tests=profile.id == REPORTED)
        yield profile.id, warehouse


def test_the_countable_claims_of_the_case_come_out_of_the_marts(example):
    name, warehouse = example
    found, wanted = {}, {}
    for claim, (question, answer) in CLAIMS[name].items():
        row = warehouse.execute(question).fetchone()
        value = row[0] if row else None
        found[claim] = str(value) if isinstance(answer, str) else value
        wanted[claim] = answer
    assert found == wanted


def test_the_permits_of_an_instant_start_come_with_its_land(example, settings):
    """As the world was made: those and no others, and none was granted before there was land."""
    name, warehouse = example
    planted = json.loads((settings.district_dir / "truth" / "planted.json").read_text(encoding="utf-8"))
    for kind, flag in (("instant_starts", "is_instant_start"), ("four_on_one_date", "is_four_on_one_date")):
        rows = warehouse.execute(f"select project_code from marts.fct_instant_start where {flag}")  # noqa: S608
        assert sorted(code for (code,) in rows) == planted[kind], kind
    assert planted["four_on_one_date"]
    wrong = warehouse.execute(
        "select project_code, land_date, land_use_permit_date, planning_permit_date, construction_permit_date"
        " from marts.fct_instant_start where is_instant_start and (land_date <= land_use_permit_date"
        " and land_use_permit_date <= planning_permit_date and planning_permit_date <= construction_permit_date)"
        " is not true"
    )
    assert wrong.fetchall() == []


def test_what_no_data_can_carry_is_a_remark(example, settings):
    name, warehouse = example
    with figures_as_of(settings, None) as figures:
        said = {one.subject: one for one in remarks.remarks(figures)}
        for claim, (subject, words) in REMARKS[name].items():
            assert words in said[subject].reason, claim
        for one in said.values():  # what was measured beside it names how many cases it rests on, or is not said
            assert all(reading.value is None or reading.n >= 10 for reading in one.measured), one
    plain = "select measure_name from marts.fct_reform_measure where claim_remark is null"
    assert not {measure for (measure,) in warehouse.execute(plain)} & set(said), "what can be taken as it stands"


@pytest.mark.parametrize("example", [REPORTED], indirect=True)  # the report is in the form of its case
def test_the_report_to_the_congress_states_its_case_s_claims(example, settings, tmp_path, monkeypatch):
    name, warehouse = example
    monkeypatch.setattr(pdf.shutil, "which", lambda _: None)
    path = write_congress_report(settings, as_of=PROFILES[name].end, output_dir=tmp_path).docx
    word = docx.Document(str(path))
    prose = ["".join(node.text or "" for node in line._p.iter(qn("w:t"))) for line in word.paragraphs]
    assert {claim: words for claim, words in SAID.items() if not any(words in line for line in prose)} == {}
    assert not any("效率提升" in line or "全覆盖" in line for line in prose), (
        "claims are remarks, not the report's words"
    )
    assert not any(re.search(r"None|\{|占样本不足", line) for line in prose)

    # those not there yet are named one by one
    key_starts = (
        "select project_name from marts.fct_major_project"
        " where is_new_start and is_counted and list_year = 2023 and not {}"
    )
    (named,) = (line for line in prose if "尚未立项的是" in line)
    unestablished = [row for (row,) in warehouse.execute(key_starts.format("is_established"))]
    assert len(unestablished) == 5 and all(project in named for project in unestablished)
    waiting, remarked = ([[cell.text for cell in row.cells] for row in table.rows[1:]] for table in word.tables)
    unpermitted = [row for (row,) in warehouse.execute(key_starts.format("is_permitted"))]
    assert len(waiting) == 29 and sorted(line[0] for line in waiting) == sorted(unpermitted)

    # every number is its own SQL's, and leads to the rows behind it
    entries = json.loads(path.with_suffix(".json").read_text(encoding="utf-8"))["figures"]
    for entry in entries:
        if "sql" in entry:
            value, n, *_ = warehouse.execute(entry["sql"]).fetchone()
            assert n == entry["n"], entry
            assert (value is None) == (entry["value"] is None)
            assert value is None or abs(Decimal(str(value)) - Decimal(entry["value"])) < 1e-9, entry
    starts = next(
        entry for entry in entries if entry.get("metric") == "instant_start_rate" and "工业" not in entry["slice"]
    )
    behind = [line.split("\t") for line in trace.lines(settings, path, starts["id"]) if "\t" in line]
    instant = {row for (row,) in warehouse.execute(
        "select project_code from marts.fct_instant_start where is_instant_start")}  # fmt: skip
    assert {project for project, part in behind if part == "true"} == instant and len(behind) == starts["n"]

    # what is no number stands in the annex and in the evidence, and the report can be written again
    book = openpyxl.load_workbook(path.with_name(f"{path.stem}.evidence.xlsx"), read_only=True)
    noted = {row[0]: row for row in book["备注"].iter_rows(min_row=2, values_only=True)}
    for subject, words in REMARKS[name].values():
        assert words in noted[subject][3]
        assert any(line[0] == subject and words in line[2] for line in remarked)
    assert re.search(
        r"改革前[\d.]+个工作日（样本数\d+）；改革后[\d.]+个工作日（样本数\d+）", noted["工业项目拿地即开工"][4]
    )
    assert verify.verify(settings, path).differences == []
