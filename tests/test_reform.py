"""The reform's own records: lists, measures, modes, instant starts, investment rules, worked out by hand."""

from __future__ import annotations

from datetime import date

import psycopg
import pytest
from clock_world import Spgl, catalogue_row, land
from ledger_world import built_ledgers

from yidang import process
from yidang.errors import ConfigError

pytestmark = pytest.mark.integration

AS_OF = date(2025, 10, 17)  # a Friday; 1 to 8 October were holidays, 28 September and 11 October made up for them
MARTS = [
    "agg_catalogue", "agg_indicator", "agg_case_mode", "dim_item_step", "dim_package", "fct_regional_assessment",
    "fct_reform_measure", "fct_reform_document", "fct_project_plan", "fct_instant_start",
]  # fmt: skip


@pytest.fixture(scope="module")
def marts(settings, tmp_path_factory):
    """Connection whose rows are dicts, after the world was landed and built as of AS_OF."""
    with built_ledgers(settings, tmp_path_factory.mktemp("departments"), AS_OF, land_world, MARTS) as connection:
        yield connection


def land_world(warehouse: psycopg.Connection) -> None:
    land(warehouse, "zhengwu", "service_item", CATALOGUE)
    for table, rows in LISTS.items():
        land(warehouse, "zhengwu", table, rows)
    alpha = Spgl("alpha")
    cases(alpha)
    completions(alpha)
    alpha.land(warehouse)
    land(warehouse, "zhuanban", "measure", MEASURES)
    land(warehouse, "zhuanban", "reform_document", DOCUMENTS)
    land(
        warehouse,
        "zhuanban",
        "project_document",
        [
            {"document_no": number, "project_code": PROJECTS[name], "kind": kind, "dated_on": day}
            for number, (name, kind, day) in enumerate(PROJECT_DOCUMENTS)
        ],
    )
    land(warehouse, "zhuanban", "case_mode", MODES)
    land(warehouse, "zhuanban", "regional_assessment", ASSESSMENTS)
    land(warehouse, "zhuanban", "project_plan", PLANS)


# -- the catalogue's lists: three water items became one on 2025-03-03 (C021, C022: 15 documents to 1, 12 steps to 2) --
def steps(item: str, version: int, *met: str) -> list[dict]:
    """met: for each step whether the applicant meets it."""
    return [
        {
            "item_code": item,
            "version": version,
            "step_no": number,
            "step_name": f"环节{number}",
            "applicant_present": is_met,
        }
        for number, is_met in enumerate(met, 1)
    ]


def material(item: str, version: int, number: int, documents: int, pages: int, cancelled: str | None = None) -> dict:
    row = {"item_code": item, "version": version, "material_no": number, "material_name": f"材料{number}"}
    return {**row, "documents": documents, "pages": pages, "cancelled_on": cancelled}


CATALOGUE = [
    *(
        catalogue_row(f"W{n}", stage=5, statutory=20, promised=5, steps=4, materials=5, item_class="审批事项",
                      effective_from="2024-01-01", effective_to="2025-03-02")
        for n in (1, 2, 3)
    ),
    catalogue_row("W", stage=5, statutory=20, promised=0, steps=2, materials=1, item_class="审批事项",
                  effective_from="2025-03-03"),
    # C059: 170 pages became 17; the documents did not
    catalogue_row("P", stage=3, statutory=7, promised=3, steps=2, materials=4, visits=2, item_class="审批事项",
                  item_name="建筑工程施工许可证核发", informed_commitment="是",
                  effective_from="2024-01-01", effective_to="2025-06-30"),
    catalogue_row("P", stage=3, statutory=7, promised=3, steps=2, materials=4, visits=1, version="2",
                  item_class="审批事项", item_name="建筑工程施工许可证核发", informed_commitment="是",
                  effective_from="2025-07-01"),
    catalogue_row("S", stage=5, statutory=5, promised=1, steps=3, materials=3, item_class="公共服务事项",
                  effective_from="2024-01-01"),
    # versions that tell no day: the newest alone is in force, and the item is one
    *(catalogue_row("U", version=version, stage=5, statutory=9, promised=promised, steps=1, materials=0, visits=0,
                    item_class="公共服务事项", effective_from=None)
      for version, promised in (("2", 6), ("10", 4), ("1", 8))),
    # no class, in force when the tests of the catalogue look no more
    catalogue_row("F", stage=4, statutory=15, promised=3, item_name="竣工验收备案", effective_from="2025-05-01",
                  effective_to="2025-07-31"),
]  # fmt: skip
LISTS = {
    "item_step": [
        *(row for n in (1, 2, 3) for row in steps(f"W{n}", 1, "是", "否", "否", "是")),
        *steps("W", 1, "是", "否"),
        *steps("P", 1, "是", "是"),
        *steps("P", 2, "是", "否"),
        *steps("U", 10, "是"),
        *steps("NOBODY", 1, "是"),
    ],
    "item_material": [
        *(material(f"W{n}", 1, number, 1, 2) for n in (1, 2, 3) for number in range(1, 6)),
        material("W", 1, 1, 1, 2),
        material("P", 1, 1, 3, 150),
        material("P", 1, 2, 1, 20),
        material("P", 2, 1, 3, 12),
        material("P", 2, 2, 1, 5),
        material("S", 1, 1, 1, 3),
        material("S", 1, 2, 1, 4, "2025-09-01"),
        material("S", 1, 3, 1, 9, "2025-12-01"),  # only later: nobody knows yet
    ],
    "package": [
        {"package_no": "T1", "package_name": "开工一件事", "materials": 2, "effective_from": "2025-07-01"},
        {"package_no": "T2", "package_name": "改名的事", "materials": 1, "effective_from": "2025-07-01"},
        {"package_no": "T3", "package_name": "无事", "materials": 1, "effective_from": "2026-01-01"},
    ],
    "package_item": [
        {"package_no": "T1", "item_code": "P"},
        {"package_no": "T1", "item_code": "W"},
        {"package_no": "T2", "item_code": "W"},
        {"package_no": "T2", "item_code": "W1"},  # ended
    ],
}  # fmt: skip


def catalogue(marts, month: str) -> tuple:
    row = marts.execute(
        "select array[sum(item_count), sum(step_count), sum(applicant_step_count), sum(material_count),"
        " sum(document_count), sum(page_count), sum(visit_count)] as sums from marts.agg_catalogue where month = %s",
        [month],
    ).fetchone()
    return tuple(row["sums"])


def test_every_month_says_how_large_the_catalogue_was(marts):
    # three water items of 4 steps (2 met), P of 2, U of 1, S without a list of steps
    assert catalogue(marts, "2025-02-01") == (6, 15, 9, 20, 22, 30 + 170 + 3 + 4 + 9, 3 + 2 + 1)
    assert catalogue(marts, "2025-03-01") == (4, 5, 4, 6, 8, 2 + 170 + 16, 1 + 2 + 1)
    assert catalogue(marts, "2025-08-01") == (4, 5, 3, 6, 8, 2 + 17 + 16, 3)
    assert catalogue(marts, "2025-10-01") == (4, 5, 3, 5, 7, 2 + 17 + 12, 3)
    last = marts.execute("select max(month) as month, max(day) as day, min(month) as first from marts.agg_catalogue")
    assert last.fetchone() == {"month": date(2025, 10, 1), "day": AS_OF, "first": date(2024, 1, 1)}
    (without,) = marts.execute(
        "select item_class, item_without_steps_count from marts.agg_catalogue"
        " where month = '2025-10-01' and item_without_steps_count > 0"
    ).fetchall()
    assert without == {"item_class": "公共服务事项", "item_without_steps_count": 1}


def test_a_catalogue_that_counts_otherwise_than_its_lists_is_remarked(marts):
    rows = marts.execute("select item_code, list_remark from marts.dim_item where list_remark is not null").fetchall()
    remark = "目录载明材料3份，清单列2份（1份已取消，最近一份自2025-09-01起）"
    assert rows == [{"item_code": "S", "list_remark": remark}]
    unknown = marts.execute("select item_code from marts.dim_item_step where not is_known_item").fetchall()
    assert unknown == [{"item_code": "NOBODY"}], "a step of no item stays"


def test_a_package_is_compared_with_the_sum_of_its_items(marts):
    rows = {row["package_code"]: row for row in marts.execute("select * from marts.dim_package")}
    one = rows["T1"]
    assert (one["item_count"], one["separate_document_count"], one["document_count"]) == (2, 5, 2)
    assert float(one["document_reduction"]) == pytest.approx(0.6)
    assert (one["separate_page_count"], one["separate_visit_count"], one["remark"]) == (19, 2, None)
    assert (rows["T2"]["document_reduction"], rows["T2"]["remark"]) == (None, "1个事项不在现行目录中，不作比较")
    assert (rows["T3"]["is_current"], rows["T3"]["remark"]) == (False, "未列事项，无从比较")


# -- measures: what they claim, and what the cases of their item show ------------------------------------------------
CASE_PROJECT = "2017-330199-47-03-000001"


def decided(spgl: Spgl, instance: str, accepted: str, decision: str | None) -> None:
    events = [{"kind": "accepted", "at": accepted}]
    if decision:
        events.append({"kind": "decided_pass", "at": decision})
    spgl.case(instance, f"{CASE_PROJECT}-1", "P", 3, events)


def cases(spgl: Spgl) -> None:
    """Before 2025-07-01: ten of 3 working days. After: five of 1, three of 2, three still open (half is 2, not 1)."""
    spgl.works(f"{CASE_PROJECT}-1", CASE_PROJECT)
    for number in range(10):
        decided(spgl, f"B{number}", "2024-07-08", "2024-07-11")
    decided(spgl, "OTHER_MONTH", "2024-11-04", "2024-11-29")
    for number, decision in enumerate(["2025-07-08"] * 5 + ["2025-07-09"] * 3 + [None] * 3):
        decided(spgl, f"A{number}", "2025-07-07", decision)


def measure(number: str, name: str, **values) -> dict:
    return {"measure_no": number, "measure_name": name, "started_on": "2025-07-01", "document_no": "D1", **values}


MEASURES = [
    measure("PERMIT", "施工许可提速", item_code="P", limit_before=5, limit_before_unit="工作日", limit_after=3,
            limit_after_unit="工作日", pages_before=170, pages_after=17, status="立行立改", days_saved=2),
    measure("WATER", "涉水三合一", item_code="W", limit_before=5, limit_before_unit="工作日", limit_after=0,
            limit_after_unit="工作日", steps_before=12, steps_after=2, documents_before=15, documents_after=1,
            legal_type_before="审批", legal_type_after="备案", status="整改优化", days_saved=5),
    measure("EIA", "环评降级", limit_before=69, limit_before_unit="天", limit_after=36, limit_after_unit="天",
            legal_type_before="报告书", legal_type_after="报告表", status="整改优化"),
    measure("MONTHS", "环评与排污许可一次办", limit_before=2, limit_before_unit="月", limit_after=11,
            limit_after_unit="工作日", visits_before=2, visits_after=1),
    measure("STAGES", "归为四个阶段", kind="归并阶段", items_before=43, items_after=4),
    measure("RATE", "验收提效", claimed_percent=60, claimed_kind="效率提升"),
    measure("TIME", "时间减少", claimed_percent="30.0", claimed_kind="时间减少"),
    measure("COST", "费用", claimed_percent=50, claimed_kind="费用减少", document_no="D3"),
    measure("EARLY", "开工时间", claimed_percent=2, claimed_kind="提早月数", document_no="D3"),
    measure("PAPER", "报件材料", claimed_percent=70, claimed_kind="材料减少", document_no="D3"),
    measure("LISTED", "材料清单", claimed_percent=50, claimed_kind="材料减少", documents_before=4, documents_after=2,
            document_no="D3"),
    measure("WIDE", "覆盖面", claimed_kind="基本全覆盖", document_no="D3"),
    measure("WORD", "新词", claimed_percent=10, claimed_kind="活力提升", document_no="D3"),
    measure("CHART", "流程图", items_after=42, steps_after=102, document_no="D3"),
    measure("LOW_RISK", "简易低风险", limit_after=20, limit_after_unit="工作日"),
    measure("LATER", "明年的事", item_code="GONE", started_on="2026-01-01"),
    measure("SLOW", "公共服务提速", item_code="S", started_on="无"),
    measure("UNDATED", "接入提速", item_code="U", limit_after=4, limit_after_unit="工作日", document_no="D3"),
]  # fmt: skip
DOCUMENTS = [
    {"document_no": "D1", "title": "实施意见", "signed_on": "2023-04-06", "published_on": "2024-01-03",
     "stated_measures": 12, "stated_days_saved": 9},
    {"document_no": "D2", "title": "明年的文件", "signed_on": "2026-01-06"},
]  # fmt: skip


def measures(marts) -> dict[str, dict]:
    return {row["measure_code"]: row for row in marts.execute("select * from marts.fct_reform_measure")}


def test_what_a_measure_claims_is_compared_only_where_it_can_be(marts):
    rows = measures(marts)
    assert set(rows) == {row["measure_no"] for row in MEASURES}
    reductions = {
        number: tuple(
            None if row[f"{thing}_reduction"] is None else round(float(row[f"{thing}_reduction"]), 4)
            for thing in ("limit", "item", "step", "document", "page", "visit")
        )
        for number, row in rows.items()
    }
    nothing = (None,) * 6
    assert reductions == {
        "PERMIT": (0.4, None, None, None, 0.9, None),
        "WATER": (None, None, 0.8333, 0.9333, None, None),
        "MONTHS": (None, None, None, None, None, 0.5),
        "LISTED": (None, None, None, 0.5, None, None),
        **dict.fromkeys(("EIA", "STAGES", "RATE", "TIME", "LOW_RISK", "LATER", "SLOW", "UNDATED"), nothing),
        **dict.fromkeys(("COST", "EARLY", "PAPER", "WIDE", "WORD", "CHART"), nothing),
    }
    assert {number: row["limit_change"] for number, row in rows.items() if row["limit_change"]} == {
        "PERMIT": "5工作日→3工作日",
        "WATER": "5工作日→0工作日",
        "EIA": "69天→36天",
        "MONTHS": "2月→11工作日",
        "LOW_RISK": "未载明→20工作日",
        "UNDATED": "未载明→4工作日",
    }
    nowhere = "未对应单个事项，无从实测"
    assert {number: row["remark"] for number, row in rows.items()} == {
        "PERMIT": None,
        "WATER": "由审批改为备案，是办件类型变化，不是提速；样本不足（前0件、后0件）",
        "EIA": f"由报告书改为报告表，是办件类型变化，不是提速；单位“天”未说明是工作日还是自然日；{nowhere}",
        "MONTHS": f"时限单位不同（2月→11工作日），不算压缩率；{nowhere}",
        "STAGES": f"事项归为阶段，不是减少事项；{nowhere}",
        "RATE": f"“效率提升60%”有两种读法：用时减少60%，或单位时间办件增加60%（用时减少37.5%）；{nowhere}",
        "TIME": nowhere,
        "COST": f"没有合同和费用数据，“费用减少50%”无从核对；{nowhere}",
        "EARLY": f"没有对照组，不实行改革何时开工无从得知，“提早月数2个月”无从核对；{nowhere}",
        "PAPER": f"这一条没有载明改革前后的材料份数，“材料减少70%”无从核对；{nowhere}",
        "LISTED": nowhere,
        "WIDE": f"“基本全覆盖”没有载明数值，无从核对；{nowhere}",
        "WORD": f"“活力提升10%”所指没有说明，无从核对；{nowhere}",
        "CHART": f"没有改革前事项数、环节数，不算压减率；{nowhere}",
        "LOW_RISK": f"没有改革前时限，不算压缩率；{nowhere}",
        "LATER": "尚未实施；目录中没有此事项，无从实测",
        "SLOW": "未载明起始日期；样本不足（前0件、后0件）",
        "UNDATED": "没有改革前时限，不算压缩率；样本不足（前0件、后0件）",
    }


def test_a_claim_is_told_whole_and_remarked_apart_from_what_was_not_measured(marts):
    rows = measures(marts)
    assert {
        number: rows[number]["claim_text"] for number in ("PERMIT", "WATER", "WIDE", "CHART", "EARLY", "LATER")
    } == {
        "PERMIT": "时限5工作日→3工作日；材料170页→17页；压缩2天",
        "WATER": "时限5工作日→0工作日；环节12个→2个；材料15份→1份；压缩5天",
        "WIDE": "基本全覆盖",
        "CHART": "事项未载明→42项；环节未载明→102个",
        "EARLY": "提早月数2个月",
        "LATER": None,
    }
    taken = {number for number, row in rows.items() if row["claim_remark"] is None}
    assert taken == {"PERMIT", "TIME", "LISTED"}, "too few cases, or no item, says nothing against the claim"


def test_beside_the_claim_stands_what_the_cases_show_open_ones_counted_as_the_longest(marts):
    row = measures(marts)["PERMIT"]
    assert (row["before_case_count"], row["after_case_count"], row["after_open_case_count"]) == (10, 11, 3)
    assert [float(row[f"measured_{part}"]) for part in ("days_before", "days_after", "change_days")] == [3, 2, -1]


def test_a_document_whose_counts_do_not_add_up_is_remarked(marts):
    (row,) = marts.execute("select * from marts.fct_reform_document").fetchall()
    assert (row["publication_lag_days"], row["listed_measure_count"], row["unaccounted_measure_count"]) == (272, 10, 2)
    assert row["remark"] == (
        "文件载明12项，台账列明10项（整改优化2项、未标明7项、立行立改1项），2项没有着落；"
        "文件载明压缩9天，台账各项之和7天；压缩天数是各事项之和，不是任何一个项目的用时"
    )


# -- 拿地即开工, 竣工即交付, 四证齐发 ----------------------------------------------------------------------------------
def project(number: int) -> str:
    return f"2017-330199-47-03-{number:06d}"


NAMES = ("FIVE", "SIX", "WAITS", "OVER", "TURNED", "NO_LAND", "TOMORROW", "FOUR", "DELIVERED", "KEPT")
PROJECTS = {name: project(number) for number, name in enumerate(NAMES, 11)}
PROJECT_DOCUMENTS = [
    # Tuesday 30 September: the next working days are 9, 10, 11 (made up), 13, 14 October
    ("FIVE", "土地出让合同", "2025-09-30"), ("FIVE", "施工许可", "2025-10-14"),
    ("SIX", "土地出让合同", "2025-09-30"), ("SIX", "施工许可", "2025-10-15"),
    ("WAITS", "土地出让合同", "2025-10-13"),
    ("OVER", "国有建设用地划拨决定书", "2025-09-01"),
    ("TURNED", "土地出让合同", "2025-08-20"), ("TURNED", "施工许可", "2025-08-01"),
    ("NO_LAND", "施工许可", "2025-08-01"),
    ("TOMORROW", "土地出让合同", "2025-10-20"),
    ("FOUR", "国有建设用地划拨决定书", "2025-03-03"), ("FOUR", "土地出让合同", "2025-03-10"),
    *(("FOUR", kind, "2025-03-10") for kind in ("不动产权证书", "建设用地规划许可", "建设工程规划许可", "施工许可")),
    ("DELIVERED", "不动产首次登记", "2025-06-10"),
]  # fmt: skip


def completions(spgl: Spgl) -> None:
    for name, code in PROJECTS.items():
        spgl.works(f"{code}-1", code)
        if name in ("DELIVERED", "KEPT"):
            events = [{"kind": "accepted", "at": "2025-06-02"}, {"kind": "decided_pass", "at": "2025-06-03"}]
            spgl.case(f"C-{name}", f"{code}-1", "F", 3, events)


def test_instant_starts_and_deliveries_are_found_from_dates(marts):
    rows = {row["project_code"]: row for row in marts.execute("select * from marts.fct_instant_start")}
    assert len(rows) == len(PROJECTS) + 1, "every project is a row, eligible or not"
    found = {
        name: (rows[code]["start_working_days"], rows[code]["is_instant_start"]) for name, code in PROJECTS.items()
    }
    assert found == {
        "FIVE": (5, True),
        "SIX": (6, False),
        "WAITS": (None, None),  # four working days later: they still run
        "OVER": (None, False),
        "TURNED": (None, None),
        "NO_LAND": (None, None),
        "TOMORROW": (None, None),
        "FOUR": (0, True),  # from the contract, which the rule names first
        "DELIVERED": (None, None),
        "KEPT": (None, None),
    }
    states = {name: rows[code]["start_state_name"] for name, code in PROJECTS.items()}
    assert {name: state for name, state in states.items() if state != "无拿地文书"} == {
        "FIVE": "拿地即开工",
        "SIX": "超过期限",
        "WAITS": "期限未满",
        "OVER": "期满未开工",
        "TURNED": "不作判断",
        "FOUR": "拿地即开工",
    }
    assert rows[PROJECTS["TURNED"]]["remark"] == "施工许可早于拿地，不作判断"
    assert rows[PROJECTS["TOMORROW"]]["land_date"] is None
    delivered, kept = rows[PROJECTS["DELIVERED"]], rows[PROJECTS["KEPT"]]
    assert (delivered["delivery_working_days"], delivered["is_instant_delivery"]) == (5, True)
    assert (kept["completion_date"], kept["is_instant_delivery"]) == (date(2025, 6, 3), False)
    four = {name for name, code in PROJECTS.items() if rows[code]["is_four_on_one_date"]}
    assert four == {"FOUR"}


def test_shares_name_how_many_they_rest_on(marts):
    rows = marts.execute(
        "select metric, numerator, n, excluded from marts.agg_indicator where dimension = 'district'"
        " and period_grain = 'all'"
        " and metric in"
        " ('instant_start_rate', 'median_start_days', 'instant_delivery_rate', 'four_on_one_date_rate')"
    ).fetchall()
    assert {row["metric"]: (row["numerator"], row["n"], row["excluded"]) for row in rows} == {
        # the eleventh project is that of the cases: permits, but no land document
        "instant_start_rate": (2, 4, {"无拿地文书": 5, "施工许可早于拿地": 1, "期限未满": 1}),
        "median_start_days": (None, 3, {"无拿地文书": 5, "施工许可早于拿地": 1, "尚无施工许可": 2}),
        "instant_delivery_rate": (1, 2, {"未竣工": 9}),
        "four_on_one_date_rate": (1, 1, {"四证未齐": 10}),
    }


# -- modes on cases ----------------------------------------------------------------------------------------------------
def mode(case: str, name: str, due: str | None = None, done: str | None = None, **values) -> dict:
    return {"case_dept": "alpha", "case_no": case, "mode_name": name, "due_on": due, "done_on": done, **values}


MODES = [
    mode("B1", "桩基先行", "2024-08-01", "2024-07-31"),
    mode("B2", "桩基先行", "2024-08-01"),
    mode("B3", "容缺", "2024-08-01", "2024-08-05"),
    mode("B4", "容缺", "2026-01-01", "2025-12-01"),  # done only later: nobody knows yet
    mode("B5", "容缺"),
    mode("B6", "告知承诺", "2024-08-01", "2024-07-20", result="不实"),
    mode("C-KEPT", "桩基先行"),  # no construction permit
    mode("B7", "自创方式"),
    mode("NOBODY", "容缺", "2024-08-01", "2024-07-31"),
]
ASSESSMENTS = [
    {
        "assessment_no": "Q1",
        "zone_name": "示例区",
        "category": "水土保持",
        "finished_on": "2025-01-01",
        "reuse_count": 3,
    },
    {"assessment_no": "Q2", "zone_name": "示例区", "category": "洪水影响", "finished_on": "2026-01-01"},
]


def test_what_a_mode_owes_is_done_late_or_open(marts):
    rows = {(row["case_id"], row["mode_name"]): row for row in marts.execute("select * from marts.fct_case_mode")}
    assert len(rows) == len(MODES), "unknown cases and modes stay"
    states = {key[0].removeprefix("alpha:"): row["duty_state_name"] for key, row in rows.items()}
    assert states == {
        "B1": "按期",
        "B2": "逾期未办",
        "B3": "逾期办理",
        "B4": "未到期",
        "B5": None,
        "B6": "按期",
        "C-KEPT": None,
        "B7": None,
        "NOBODY": "按期",
    }
    assert {key[0] for key, row in rows.items() if row["is_duty_unknown"]} == {"alpha:B5", "alpha:C-KEPT"}
    assert [key[0] for key, row in rows.items() if not row["is_known_mode"]] == ["alpha:B7"]
    assert [key[0] for key, row in rows.items() if not row["is_known_case"]] == ["alpha:NOBODY"]


def test_what_was_granted_in_a_mode_and_whether_what_it_owes_came_in_time(marts):
    rows = marts.execute(
        "select metric, slice, numerator, n, excluded from marts.agg_indicator"
        " where dimension = 'mode' and period_grain = 'all' and slice in ('容缺', '桩基先行')"
    ).fetchall()
    found = {(row["metric"], row["slice"]): (row["numerator"], row["n"], row["excluded"]) for row in rows}
    assert found == {
        # the case of NOBODY is not there, of one 容缺 nobody says when it was due, one may still come
        ("mode_grant_count", "容缺"): (None, 3, {"查无办件": 1}),
        ("mode_at_once_rate", "容缺"): (0, 3, {"查无办件": 1}),
        ("mode_duty_in_time_rate", "容缺"): (0, 1, {"查无办件": 1, "无应办日期": 1, "未到期": 1}),
        ("mode_grant_count", "桩基先行"): (None, 3, {}),
        ("mode_at_once_rate", "桩基先行"): (0, 3, {}),
        ("mode_duty_in_time_rate", "桩基先行"): (1, 2, {"无应办日期": 1}),
    }


def test_a_mode_s_share_is_of_the_cases_it_may_be_used_for(marts):
    rows = {
        row["mode_name"]: row for row in marts.execute("select * from marts.agg_case_mode where decided_year is null")
    }
    # 19 decided permits and two completions
    pile = rows["桩基先行"]
    assert (pile["used_count"], pile["applicable_count"], pile["use_count"]) == (2, 19, 3)
    assert (pile["in_time_count"], pile["overdue_count"], pile["duty_unknown_count"]) == (1, 1, 1)
    assert float(pile["used_share"]) == pytest.approx(2 / 19)
    assert pile["wilson_low"] < 2 / 19 < pile["wilson_high"]
    missing = rows["容缺"]
    assert (missing["used_count"], missing["applicable_count"]) == (3, 21)
    promised = rows["告知承诺"]
    assert (promised["used_count"], promised["applicable_count"], promised["unknown_count"]) == (1, 19, 0)
    assert (promised["untrue_count"], promised["remark"]) == (1, None), "the ledger tells of the item: of all its cases"
    assert (
        marts.execute("select count(*) as n from marts.fct_regional_assessment where is_finished").fetchone()["n"] == 1
    )


# -- a project's own plan --------------------------------------------------------------------------------------------
def planned(item: str, start: str, end: str, before: str | None = None, name: str = "DELIVERED") -> dict:
    days = {"planned_start": start, "planned_end": end, "predecessors": before}
    return {"project_code": PROJECTS.get(name, name), "item_code": item, **days}


PLANS = [
    planned("F", "2025-05-30", "2025-05-30", "P,GONE"),  # received on Monday 2 June, granted on the 3rd
    planned("P", "2025-10-16", "2025-11-03"),
    planned("W", "2025-10-20", "2025-10-31"),
    planned("S", "2025-09-01", "2025-10-16"),
    planned("GONE", "2025-10-01", "2025-09-01", name="KEPT"),
    planned("F", "2025-06-01", "2025-06-30", name="KEPT"),
    planned("F", "2025-06-01", "2025-06-30", name="无"),
]


def test_a_plan_is_held_against_what_came(marts):
    rows = {(row["project_name"], row["item_code"], row["project_code"]): row for row in marts.execute(
        "select * from marts.fct_project_plan")}  # fmt: skip
    assert len(rows) == len(PLANS)
    states = {(row["project_code"], row["item_code"]): row["state_name"] for row in rows.values()}
    assert states == {
        (PROJECTS["DELIVERED"], "F"): "晚于计划完成",
        (PROJECTS["DELIVERED"], "P"): "没有办件",
        (PROJECTS["DELIVERED"], "W"): "没有办件",
        (PROJECTS["DELIVERED"], "S"): "没有办件",
        (PROJECTS["KEPT"], "GONE"): "计划日期有误",
        (PROJECTS["KEPT"], "F"): "按计划完成",
        (None, "F"): "逾期未完成",
    }
    (late,) = (row for row in rows.values() if row["state_name"] == "晚于计划完成")
    assert late["predecessor_names"] == "建筑工程施工许可证核发、GONE", "the code of what no catalogue names"
    # Friday 30 May to Tuesday 3 June; Monday 2 June was a holiday
    assert (late["start_late_working_days"], late["end_late_working_days"]) == (0, 1)
    assert [row["item_code"] for row in rows.values() if not row["is_known_item"]] == ["GONE"]


def test_a_plan_is_drawn_from_the_data(marts, settings):
    drawn = process.plan(settings, PROJECTS["DELIVERED"]).splitlines()
    assert drawn[0] == "flowchart TD"
    assert '    n0["竣工验收备案<br/>2025-05-30～2025-05-30<br/>晚于计划完成（2025-06-03）"]' in drawn
    assert "    n2 --> n0" in drawn
    assert drawn[-1] == "    %% F waits for GONE, which is not planned"
    with pytest.raises(ConfigError, match="has no plan"):
        process.plan(settings, PROJECTS["FIVE"])
