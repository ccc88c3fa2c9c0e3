"""Which project a case belongs to: tiers, evidence, review queue, corrections, history. Landed rows through dbt."""

from __future__ import annotations

import csv
import io
import re
import shutil
from datetime import date
from random import Random

import psycopg
import pytest
from clock_world import Spgl, catalogue_row, land, open_world
from psycopg.rows import dict_row

from yidang import build, contracts, corrections, landing
from yidang.district.codes import credit_code, is_valid_project_code, project_code
from yidang.errors import ConfigError
from yidang.settings import ROOT

pytestmark = pytest.mark.integration

AS_OF = date(2026, 6, 30)
# Published codes whose check characters fit.
SCHOOL = "2509-320193-89-01-544060"
ROAD = "2603-141124-89-05-346948"
PLANT = "2309-420683-04-01-106139"
CREDIT = "91350100M000100Y43"
OLD = "2017-330199-47-03-000001"
NORTH, SOUTH, ROOF, MOVED = (project_code(2025, 5, "330199", "04", "01", serial) for serial in (11, 22, 33, 44))
random = Random(1)
ROAD_OWNER, TWIN_OWNER = (credit_code(random, "330199") for _ in range(2))
FULL_WIDTH = str.maketrans("0123456789-", "０１２３４５６７８９－")
MODELS = (
    "+fct_case_match +match_review +agg_unmatched_case +correction_applied +correction_not_applied +dim_project"
    " +dim_works +dim_region +int_identity_doubts +int_case_permits +bridge_works_lineage"
)


def one_digit_off(code: str) -> str:
    return code[:-1] + str((int(code[-1]) + 1) % 10)


def two_changed_over(code: str) -> str:
    """Two neighbouring digits of the serial exchanged so that the check digit tells (it misses a few such pairs)."""
    exchanged = (code[:place] + code[place + 1] + code[place] + code[place + 2 :] for place in range(18, 23))
    return next(other for other in exchanged if not is_valid_project_code(other))


def registered(number: int, code: str, name: str, **values: object) -> dict:
    details = {
        "owner_name": "示例建设单位",
        "owner_credit_code": None,
        "invest_type": "企业投资",
        "region_code": "330199",
        "registered_at": f"2025-06-{number:02d}T09:00:00",
        "status": "前期",
        "updated_at": "2025-06-30T09:00:00",
    }
    return {"id": number, "project_code": code, "project_name": name, **details, **values}


REGISTER = [
    registered(1, SCHOOL, "示例第一中学教学楼扩建项目", owner_credit_code=CREDIT),
    registered(2, SCHOOL.translate(FULL_WIDTH) + " ", "示例第一中学教学楼扩建项目", owner_credit_code=CREDIT),
    registered(3, ROAD, "示例滨河大道道路改造工程（一期）", owner_credit_code=ROAD_OWNER, region_code="330603"),
    registered(4, PLANT, "示例污水处理厂提标改造项目"),
    registered(5, OLD, "示例老厂房翻建项目", owner_credit_code="000000000000000000"),
    registered(6, NORTH, "示例双子大厦北区项目一标段", owner_credit_code=TWIN_OWNER),
    registered(7, SOUTH, "示例双子大厦北区项目二标段", owner_credit_code=TWIN_OWNER),
    registered(8, ROOF, "张某某户用屋顶光伏发电项目", owner_credit_code=one_digit_off(CREDIT)),
    registered(9, one_digit_off(MOVED), "示例改码项目"),
    registered(10, "无", "示例无码项目"),
]


def permit(name: str, code: str | None, **values: object) -> dict:
    log = '[{"seq": 1, "step": "收件", "time": "2025-07-01 09:00:00"}]'
    details = {"matter": "取水许可", "matter_code": "SW01", "limit_days": 5, "log": log, "modified": "2025-07-01"}
    return {"permit_id": name, "project_no": code, **details, **values}


PERMITS = [
    permit("equal", SCHOOL),
    permit("full_width", f" {SCHOOL.translate(FULL_WIDTH)}　"),
    permit("letter_o", SCHOOL.replace("0", "O")),
    permit("no_dashes", SCHOOL.replace("-", "")),
    permit("hash", None, works_no=f"{SCHOOL}#001"),
    permit("works_in_project_field", f"{SCHOOL}-001"),
    permit("old", OLD),
    permit("unknown_works", None, works_no=f"{ROAD}-777"),
    permit("of_another", SCHOOL, works_no=f"{ROAD}-001"),
    permit("careless", SCHOOL, works_no="001"),
    permit("shared_number", "无", licence_no="示建[2025]第012号"),
    permit("ambiguous_number", "无", licence_no="示规〔2025〕7号"),
    permit("short_number", "无", licence_no="12号"),
    permit("name_only", "0000", project_title="示例 污水处理厂提标改造项目"),
    permit("like_name", None, project_title="示例污水处理厂提标改造"),
    permit("one_digit", one_digit_off(ROAD)),
    permit("two_digits", two_changed_over(ROAD)),
    permit("unknown", project_code(2024, 1, "330199", "89", "01", 99)),
    permit("words", "见附件"),
    permit("zeros", "0000-000000-00-00-000000"),
    permit("six_zeros", "000000"),
]


@pytest.fixture(scope="module")
def world(settings, tmp_path_factory):
    """The rows above, landed and built: a register, a bureau that types codes, two that speak the standard."""
    folder = tmp_path_factory.mktemp("departments")
    with pytest.MonkeyPatch.context() as patch, psycopg.connect(settings.admin_dsn("yidang"), autocommit=True) as raw:
        open_world(settings, folder, patch)
        for name in ("fagai", "shuiwu"):
            shutil.copy(ROOT / "departments" / f"{name}.yml", folder)
        landing.ensure_landing(settings, contracts.load_departments(settings))
        land(raw, "zhengwu", "service_item", [catalogue_row("IT01", stage=1, statutory=20, promised=5)])
        land(raw, "fagai", "projects", REGISTER)
        land(raw, "shuiwu", "permits", PERMITS)
        _land_standard(raw)
        # The owner is renamed, and a code that was typed wrongly is mended, at the source.
        land(
            raw,
            "fagai",
            "projects",
            [
                {**REGISTER[3], "owner_name": "示例水务集团"},
                {**REGISTER[8], "project_code": MOVED},
            ],
        )
        build.build(settings, as_of=AS_OF, select=MODELS, with_tests=False)
        raw.row_factory = dict_row
        yield raw


def _land_standard(raw: psycopg.Connection) -> None:
    alpha = Spgl("alpha")
    alpha.works(f"{SCHOOL}-001", SCHOOL)
    alpha.works(f"{ROAD}-001", ROAD, qjdgcdm=f"{SCHOOL}-001，{ROAD}#000")
    alpha.works(f"{ROAD}-002", ROAD, qjdgcdm=f"{SCHOOL}-001")
    for case, works, number in (
        ("school", f"{SCHOOL}-001", "示建〔2025〕12号"),
        ("school_plan", f"{SCHOOL}-001", "示规〔2025〕7号"),
        ("road_plan", f"{ROAD}-001", "示规〔2025〕7号"),
        ("short", f"{ROAD}-001", "12号"),
    ):
        alpha.case(case, works, "IT01", 5, [])
        alpha.add("xmspsxpfwjxxb", spsxslbm=case, gcdm=works, pfwh=number, pfrq="2025-07-01")
    alpha.works("无", ROAD)
    happened = [("received", "02"), ("accepted", "03"), ("decided_deny", "05"), ("decided_pass", "10")]
    events = [{"kind": kind, "at": f"2025-07-{day} 09:00:00"} for kind, day in happened]
    alpha.case("events", f"{SCHOOL}-001", "IT01", 5, events)
    # Works without a project's code; what they say beside it is right, or nearly so.
    for works, name, owner, region in (
        ("GC-SAME", "示例滨河大道道路改造工程(一期)", ROAD_OWNER.lower(), "330621"),
        ("GC-ELSEWHERE", "示例滨河大道道路改造工程（一期）", ROAD_OWNER, "330199"),
        ("GC-BAD-CREDIT", "示例滨河大道道路改造工程（一期）", one_digit_off(ROAD_OWNER[:-1] + "0"), "330603"),
        ("GC-TWINS", "示例双子大厦北区项目标段", TWIN_OWNER, "330199"),
        ("GC-CORRECTED", "示例改造工程", None, "330199"),
    ):
        alpha.works(works, "无", xmmc=name, jsddxzqh=region)
        if owner:
            alpha.add("xmdwxxb", gcdm=works, xmdm="无", dwtyshxydm=owner, dwmc="示例单位", dwlx="1")
        alpha.case(works.removeprefix("GC-").lower(), works, "IT01", 5, [])
    alpha.land(raw)


def matches(world: psycopg.Connection) -> dict[str, dict]:
    """Rows of fct_case_match by instance code."""
    found = world.execute("select * from marts.fct_case_match").fetchall()
    return {row["case_id"].split(":")[1]: row for row in found}


def offers(world: psycopg.Connection, case: str) -> list[tuple]:
    rows = world.execute(
        "select candidate_project_code, reasons from marts.match_review"
        " where split_part(case_id, ':', 2) = %s order by candidate_rank",
        (case,),
    ).fetchall()
    return [tuple(row.values()) for row in rows]


def test_a_code_however_typed_leads_to_its_project(world):
    found = matches(world)
    tiers = {name: (row["project_code"], row["match_tier"], row["matched_on"]) for name, row in found.items()}
    for name in ("equal", "full_width", "letter_o", "no_dashes", "works_in_project_field"):
        assert tiers[name] == (SCHOOL, "T1", "project_code"), name
    assert tiers["hash"] == (SCHOOL, "T1", "works")
    assert tiers["old"] == (OLD, "T2", "project_code")
    assert tiers["unknown_works"] == (ROAD, "T3", "head_of_works_code")


def test_a_works_code_of_another_project_names_no_works(world):
    rows = world.execute(
        "select instance_code, project_code, works_code from intermediate.int_cases"
        " where instance_code in ('of_another', 'careless')"
    ).fetchall()
    assert {row["instance_code"]: (row["project_code"], row["works_code"]) for row in rows} == {
        "of_another": (SCHOOL, SCHOOL),
        "careless": (SCHOOL, SCHOOL),
    }


def test_a_permit_number_leads_to_the_one_project_that_bears_it(world):
    found = matches(world)
    shared = found["shared_number"]
    assert (shared["project_code"], shared["match_tier"]) == (SCHOOL, "T4")
    assert shared["evidence"] == "文号 示建〔2025〕12号 同见于 alpha:school"
    assert found["ambiguous_number"]["match_tier"] is None
    assert sorted(offers(world, "ambiguous_number")) == sorted([(SCHOOL, "shared_number"), (ROAD, "shared_number")])
    assert found["short_number"]["match_tier"] is None
    assert offers(world, "short_number") == [(None, None)]


def test_owner_region_and_name_lead_to_a_project_only_together_and_only_to_one(world):
    found = matches(world)
    assert (found["same"]["project_code"], found["same"]["match_tier"]) == (ROAD, "T5")
    assert "1.000" in found["same"]["evidence"]
    for name in ("elsewhere", "bad-credit", "twins"):
        assert found[name]["match_tier"] is None, name
    assert offers(world, "elsewhere") == [(ROAD, "same_name|same_owner")]
    assert offers(world, "bad-credit") == [(ROAD, "same_name")]
    assert sorted(offers(world, "twins")) == sorted([(NORTH, "same_owner"), (SOUTH, "same_owner")])


def test_names_and_mistyped_codes_are_offered_and_never_taken(world):
    found = matches(world)
    expected = {
        "name_only": ("stand_in_code", [(PLANT, "same_name")]),
        "like_name": ("no_code", [(PLANT, "like_name")]),
        "one_digit": ("check_digit_wrong", [(ROAD, "mistyped_code")]),
        "two_digits": ("check_digit_wrong", [(ROAD, "mistyped_code")]),
        "unknown": ("unknown_project", [(None, None)]),
        "words": ("not_a_code", [(None, None)]),
        "zeros": ("stand_in_code", [(None, None)]),
        "six_zeros": ("stand_in_code", [(None, None)]),
    }
    assert {
        name: (found[name]["unmatched_reason"], offers(world, name), found[name]["project_code"]) for name in expected
    } == {name: (*values, None) for name, values in expected.items()}


def test_every_unmatched_case_is_counted_by_department_and_reason(world):
    counted = world.execute(
        "select source_department, unmatched_reason, case_count, case_with_candidate_count"
        " from marts.agg_unmatched_case"
    ).fetchall()
    assert sorted(tuple(row.values()) for row in counted) == [
        ("alpha", "not_a_code", 4, 3),
        ("shuiwu", "check_digit_wrong", 2, 2),
        ("shuiwu", "no_code", 1, 1),
        ("shuiwu", "not_a_code", 1, 0),
        ("shuiwu", "stand_in_code", 5, 2),
        ("shuiwu", "unknown_project", 1, 0),
    ]
    assert sum(row["case_count"] for row in counted) == sum(
        row["match_tier"] is None for row in matches(world).values()
    )


def test_what_was_mended_inferred_or_left_out_is_said(world):
    found = world.execute("select rule, business_key from intermediate.int_identity_doubts order by 1, 2").fetchall()
    assert [tuple(row.values()) for row in found] == [
        ("code_mended", "shuiwu:full_width"),
        ("code_mended", "shuiwu:letter_o"),
        ("code_mended", "shuiwu:no_dashes"),
        ("matched_by_evidence", "alpha:same"),
        ("matched_by_evidence", "shuiwu:shared_number"),
        ("project_without_code", "10"),
        ("works_of_other_project", "shuiwu:careless"),
        ("works_of_other_project", "shuiwu:of_another"),
        ("works_without_code", "无"),
    ]


def test_a_project_keeps_its_history_and_where_it_came_from(world):
    rows = world.execute("select * from marts.dim_project order by project_code, version_number").fetchall()
    versions = {(row["project_code"], row["version_number"]): row for row in rows}
    assert [(code, number) for code, number in versions if number > 1] == [(PLANT, 2)]
    first, second = versions[PLANT, 1], versions[PLANT, 2]
    assert (first["owner_name"], second["owner_name"]) == ("示例建设单位", "示例水务集团")
    assert first["valid_to_batch_id"] == second["valid_from_batch_id"]
    assert (first["is_current"], second["is_current"], second["valid_to_at"]) == (False, True, None)
    wrong, mended = versions[one_digit_off(MOVED), 1], versions[MOVED, 1]
    assert (wrong["is_current"], wrong["valid_to_batch_id"]) == (False, mended["valid_from_batch_id"])
    began = "select registered_at::date as day from intermediate.int_projects where project_code = %s"
    assert world.execute(began, (SCHOOL,)).fetchone()["day"] == date(2025, 6, 1), "the day of its first registration"
    school = versions[SCHOOL, 1]
    assert (school["registration_count"], school["registration_code"], school["source_department"]) == (2, "2", "fagai")
    assert school["coding_region_code"] == "320193"


def test_check_characters_of_credit_codes_and_filings_of_households(world):
    current = world.execute("select * from marts.dim_project where is_current").fetchall()
    valid = {row["project_code"]: row["has_valid_owner_credit_code"] for row in current}
    assert valid == {
        SCHOOL: True,
        ROAD: True,
        PLANT: False,
        OLD: False,
        NORTH: True,
        SOUTH: True,
        ROOF: False,
        MOVED: False,
    }
    assert [row["project_code"] for row in current if row["is_household_pv"]] == [ROOF]
    assert {row["project_code"] for row in current if row["has_old_code_format"]} == {OLD}


def test_a_region_is_found_under_its_old_code(world):
    regions = {row["region_code"]: row for row in world.execute("select * from marts.dim_region")}
    assert (regions["330621"]["current_region_code"], regions["330621"]["is_valid"]) == ("330603", False)
    assert regions["420118"]["region_level"] == "functional_zone"


def test_works_that_were_split_or_merged_keep_their_line(world):
    found = world.execute("select * from marts.bridge_works_lineage").fetchall()
    lines = {(row["works_code"][-3:], row["predecessor_works_code"]): row for row in found}
    assert {key: row["lineage_kind"] for key, row in lines.items()} == {
        ("001", f"{SCHOOL}-001"): "split_and_merged",
        ("001", f"{ROAD}-000"): "merged",
        ("002", f"{SCHOOL}-001"): "split",
    }
    unknown = lines["001", f"{ROAD}-000"]
    assert (unknown["is_predecessor_known"], unknown["is_same_project"]) == (False, True)


def line(entity: str, key: str, field: str, old: str, new: str, reason: str = "电话核实", editor: str = "王五") -> dict:
    values = (entity, key, field, old, new, reason, editor, "2026-06-01")
    return dict(zip(corrections.COLUMNS, values, strict=True))


def event_key(kind: str, day: str) -> tuple[str, str]:
    return "event", f"alpha:events@{kind}@2025-07-{day} 09:00:00"


def written(lines: list[dict]) -> str:
    text = io.StringIO()
    writer = csv.DictWriter(text, corrections.COLUMNS)
    writer.writeheader()
    writer.writerows(lines)
    return text.getvalue()


def test_corrections_apply_where_the_old_value_still_stands(settings, world, tmp_path):
    file = tmp_path / "corrections.csv"
    file.write_text(
        written(
            [
                line("case", "shuiwu:words", "project_code_raw", "见附件", SCHOOL),
                line("case", "shuiwu:equal", "promised_limit", "5", "6"),
                line("case", "shuiwu:equal", "promised_limit", "6", "7"),
                line("case", "shuiwu:old", "promised_limit", "9", "10"),
                line("case", "shuiwu:hash", "promised_limit", "5", "8"),
                line("case", "shuiwu:hash", "promised_limit", "4", "9"),
                line("case", "shuiwu:nobody", "promised_limit", "5", "6"),
                line("works", "GC-CORRECTED", "project_code_raw", "", PLANT),
                line("project", SCHOOL, "owner_name", "示例建设单位", "示例教育局"),
                line("match", "shuiwu:name_only", "project_code", "", PLANT, "名称与地址一致"),
                line("match", "shuiwu:equal", "project_code", "", ROAD),
                line("match", "shuiwu:zeros", "project_code", "", "2501-330199-01-01-000000"),
                line(*event_key("accepted", "03"), "event_at", "2025-07-03 09:00", "2025-07-04"),
                line(*event_key("decided_deny", "05"), "is_void", "false", "true"),
                line(*event_key("decided_pass", "11"), "is_void", "false", "true"),
            ]
        ),
        encoding="utf-8-sig",
    )
    assert corrections.load(settings, file).count == 15
    assert corrections.load(settings, file).batch_id is None, "the same file adds nothing"
    build.build(settings, as_of=AS_OF, select=MODELS, with_tests=False)
    found = matches(world)
    assert (found["words"]["project_code"], found["words"]["match_tier"]) == (SCHOOL, "T1")
    assert (found["corrected"]["project_code"], found["corrected"]["match_tier"]) == (PLANT, "T1")
    confirmed = found["name_only"]
    assert (confirmed["project_code"], confirmed["match_tier"], confirmed["matched_on"]) == (PLANT, "T6", "confirmed")
    assert (confirmed["confirmed_by"], str(confirmed["confirmed_date"])) == ("王五", "2026-06-01")
    assert confirmed["evidence"] == "名称与地址一致"
    limits = world.execute(
        "select instance_code, given_promised_limit from intermediate.int_cases where source_department = 'shuiwu'"
    ).fetchall()
    assert {row["instance_code"] for row in limits if row["given_promised_limit"] != 5} == {"equal"}
    applied = world.execute("select * from marts.correction_applied order by row_number").fetchall()
    assert [(row["row_number"], row["is_corrected_again"]) for row in applied] == [
        (1, False),
        (2, True),
        (3, False),
        (8, False),
        (9, False),
        (10, False),
        (13, False),
        (14, False),
    ]
    counted = world.execute(
        "select event_kind, event_at::text from intermediate.int_case_events where case_id = 'alpha:events'"
        " order by event_number"
    ).fetchall()
    assert [tuple(row.values()) for row in counted] == [
        ("received", "2025-07-02 09:00:00"),
        ("accepted", "2025-07-04 00:00:00"),
        ("decided_pass", "2025-07-10 09:00:00"),
    ]
    refused = world.execute("select * from marts.correction_not_applied order by row_number").fetchall()
    assert [(row["row_number"], row["not_applied_reason"], row["found_value"]) for row in refused] == [
        (4, "value_differs", "5"),
        (5, "superseded", "5"),
        (6, "value_differs", "5"),
        (7, "no_such_row", None),
        (11, "already_matched", f"{SCHOOL} (T1)"),
        (12, "no_such_project", None),
        (15, "no_such_row", None),
    ]
    (owner,) = world.execute(
        "select owner_name, version_number from marts.dim_project where project_code = %s and is_current", (SCHOOL,)
    ).fetchall()
    assert owner["owner_name"] == "示例教育局"
    (raw_owner,) = world.execute("select distinct owner_name from raw_fagai.projects where id = '1'").fetchall()
    assert raw_owner["owner_name"] == "示例建设单位", "what landed is never edited"


WRONG_LINES = [
    (line("file", "x", "y", "", "1"), "entity: 'file' is unknown. Use case, event, works, project, match."),
    (line("case", "no-colon", "item_code", "a", "b"), "key: 'no-colon' names no case. Write department:instance code."),
    (
        line("case", "a:1", "project_name", "a", "b"),
        "field: 'project_name' of a case cannot be corrected. These can: ",
    ),
    (line("case", "a:1", "promised_limit", "5", "五"), "new_value: '五' is no whole number"),
    (line("case", "a:1", "limit_unit", "", "days"), "new_value: 'days' is no unit. Use working_days, calendar_days."),
    (line("case", "a:1", "tolerance_due_date", "", "2025/3/3"), "new_value: '2025/3/3' is no day. Write 2025-03-03."),
    (line("event", "a:1@done@2025-03-03", "is_void", "false", "true"), "key: 'done' is no kind of event"),
    (line("event", "a:1@accepted@today", "is_void", "false", "true"), "key: 'today' is no time"),
    (line("event", "a:1@accepted@2025-03-03", "is_void", "false", "yes"), "new_value: 'yes' is neither true nor false"),
    (line("project", "无", "owner_name", "a", "b"), "key: '无' names no project"),
    (line("project", SCHOOL, "total_investment_wan", "1", "nan"), "new_value: 'nan' is no number"),
    (line("match", "a:1", "project_code", SCHOOL, ROAD), "old_value: a confirmed match has none"),
    (line("case", "a:1", "item_code", "a", "b", reason=" "), "reason: it is empty. Say why."),
    (
        line("case", "a:1", "item_code", "a", "b", reason="张某 13800000000"),
        "reason: it holds what looks like an identity card or mobile number",
    ),
    (line("case", "a:1", "item_code", "a", "b", editor=""), "editor: it is empty"),
    (line("case", "a:1", "item_code", "a", "b") | {"date": "1.6.2026"}, "date: '1.6.2026' is no day"),
]


@pytest.mark.parametrize(("wrong", "said"), WRONG_LINES, ids=[said[:40] for _, said in WRONG_LINES])
def test_a_wrong_line_is_named_with_its_cure(settings, tmp_path, wrong, said):
    file = tmp_path / "f.csv"
    file.write_text(written([line("case", "a:1", "item_code", "a", "b"), wrong]), encoding="utf-8")
    with pytest.raises(ConfigError) as raised:
        corrections.read(settings, file)
    assert f"line 3, column {said}" in str(raised.value)


def test_every_mistake_of_a_line_is_named(settings, tmp_path):
    """Rows that a spreadsheet left empty are none, and the line is the one that an editor shows."""
    file = tmp_path / "f.csv"
    wrong = line("event", "a:1@done@today", "is_void", "yes", "yes", reason="", editor="") | {"date": ""}
    header, cells = written([wrong]).splitlines()
    file.write_text(f"{header}\n\n,,,,,,,\n{cells}\n", encoding="utf-8")
    with pytest.raises(ConfigError) as raised:
        corrections.read(settings, file)
    assert "1 row is wrong; nothing was loaded" in str(raised.value)
    named = re.findall(r"line 4(?:, column (\w+))?: ", str(raised.value))
    assert named == ["key", "key", "old_value", "new_value", "", "reason", "editor", "date"]


def test_a_file_of_another_shape_is_refused(settings, tmp_path):
    header = ",".join(corrections.COLUMNS).encode()
    for content, said in (
        (b"a,b\n", "the header lacks the column entity, key"),
        (b"\xff\xfe", "is not UTF-8"),
        (header + b"\n\n", "holds no corrections"),
        (header + b"\ncase,a:1\n", "line 2: it has another number of cells (2) than the header (8)"),
    ):
        file = tmp_path / "f.csv"
        file.write_bytes(content)
        with pytest.raises(ConfigError) as raised:
            corrections.read(settings, file)
        assert said in str(raised.value)
