"""A district after each source case, through the whole path: the case's countable claims, read from the marts.

Claims that no data can carry are not numbers but remarks: what the case says is held against what stands beside it.
"""

from __future__ import annotations

import psycopg
import pytest
from conftest import drop_built_schemas

from yidang import build, contracts, district, landing
from yidang.district import PROFILES
from yidang.services import district as servers
from yidang.settings import WAREHOUSE_DATABASE

pytestmark = [pytest.mark.integration, pytest.mark.end_to_end]

SELECTION = (
    "+agg_catalogue +agg_complaint +agg_new_start_window +agg_service_reach +dim_agent +dim_item +dim_item_material"
    " +dim_package +fct_agency_order +fct_callback +fct_case_mode +fct_instant_start +fct_investment_rule_check"
    " +fct_major_project +fct_meeting +fct_problem +fct_project_plan +fct_question +fct_reform_document"
    " +fct_reform_measure +fct_regional_assessment +fct_service_point"
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
        "C014 28 个问题": ("select count(*) from marts.fct_problem", 28),
        "C015 17 场协调会": ("select count(*) from marts.fct_meeting", 17),
        "C017 78 张告知承诺": ("select count(*) from marts.fct_case_mode where mode_name = '告知承诺'", 78),
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
        "C086 2 项没有着落": ("select remark is not null from marts.fct_reform_document", True),
        "C087 300 余天之和": ("select listed_days_saved > 300 from marts.fct_reform_document", True),
        "C088 12 个定制流程": ("select count(distinct project_code) from marts.fct_project_plan", 12),
        "C089 2→1 次": (_MEASURE.format("round(visit_reduction, 2)", "环评与排污许可一次办"), "0.50"),
        "C090 月与工作日不可比": (_MEASURE.format("limit_reduction is null", "环评与排污许可一次办"), True),
        "C091 850 个项目": ("select count(distinct project_code) from marts.fct_problem", 850),
        "C092 1640 件": ("select count(*) from marts.fct_problem", 1640),
        "C092 两类事分开": ("select count(distinct kind_name) from marts.fct_problem", 2),
    },
}


@pytest.fixture(scope="module", params=sorted(CLAIMS))
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
        build.build(settings, as_of=profile.end, select=SELECTION, with_tests=False)
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
