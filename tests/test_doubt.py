"""Every rule of doubt on landed rows: it fires on the case made for it, and on no neighbour."""

from __future__ import annotations

from datetime import date

import psycopg
import pytest
from clock_world import PROJECT_CODE, Spgl, catalogue_row, land, open_world
from psycopg.rows import dict_row

from yidang import build

pytestmark = pytest.mark.integration

AS_OF = date(2026, 3, 31)
WORKS = f"{PROJECT_CODE}-001"
# The project code says September 2025, so nothing of it can be older.
NORMAL = [
    ("received", "2025-10-13 09:00:00", "2025-10-13 09:30:00"),
    ("accepted", "2025-10-14 10:00:00", "2025-10-14 10:30:00"),
    ("decided_pass", "2025-10-16 11:00:00", "2025-10-16 11:30:00"),
]


class World:
    """Cases of department alpha, each for a 工程 of its own, so that none is another's sibling or prerequisite."""

    def __init__(self) -> None:
        self.alpha = Spgl("alpha")
        self.alpha.works(WORKS, PROJECT_CODE)
        self.places: dict[str, str] = {}

    def works(self, name: str, **values) -> str:
        place = f"{PROJECT_CODE}-{100 + len(self.places)}"
        self.alpha.works(place, PROJECT_CODE, **values)
        self.places[name] = place
        return place

    def case(self, name: str, events: list[tuple], item: str = "IT", place: str | None = None, **values) -> str:
        """events: (kind, at, recorded) each. Returns the 工程 it is filed under."""
        place = place or self.works(name)
        promised = values.pop("promised", 5)
        self.alpha.case(name, place, item, promised, [], **values)
        for kind, at, recorded in events:
            self.alpha.event(name, place, kind, at)["scsj"] = recorded
        return place

    def document(
        self, name: str | None, place: str, day: str | None, number: str | None, title: str = "关于工程的批复"
    ) -> None:
        self.alpha.add("xmspsxpfwjxxb", spsxslbm=name, gcdm=place, pfrq=day, pfwh=number, pfwjbt=title)


def log(*days: str, kinds: tuple[str, ...] = ("received", "accepted", "decided_pass")) -> list[tuple]:
    """An event a day at ten, keyed in half an hour later."""
    return [(kind, f"{day} 10:00:00", f"{day} 10:30:00") for kind, day in zip(kinds, days, strict=True)]


def make_world() -> World:
    world = World()
    case, document = world.case, world.document
    place = case("normal", NORMAL)
    document("normal", place, "2025-10-16", "甲〔2025〕1号")
    # -- 补录 and what looks like it
    late = [(kind, at, f"2025-10-20 09:0{number}:00") for number, (kind, at, _) in enumerate(NORMAL)]
    document("late", case("late", late), "2025-10-16", "甲〔2025〕2号")
    case("evening", [(kind, at, f"2025-10-16 17:0{number}:00") for number, (kind, at, _) in enumerate(NORMAL)])
    case("early_entry", [(kind, at, "2025-10-13 09:30:00") for kind, at, _ in NORMAL])
    case("same_day", log("2025-10-13", "2025-10-13", "2025-10-13"))
    case("no_entry", [(kind, at, None) for kind, at, _ in NORMAL])
    place = world.places["no_entry"]
    document("no_entry", place, "2025-10-16", "甲〔2025〕3号")
    # -- a finish that was held back, and open cases that are just open
    place = case("held_back", NORMAL[:2])
    document("held_back", place, "2025-10-16", "甲〔2025〕4号")
    place = case("extended", NORMAL[:2])
    document("extended", place, "2025-10-16", "甲延〔2025〕1号", "关于延长审批期限的通知")
    case("open", NORMAL[:2])
    # -- permits without a case
    document("NOBODY", world.works("bypass"), "2025-10-16", "甲〔2025〕第005号", "关于示例工程先行事项的批复")
    document("NOBODY2", world.works("bypass_early"), "2025-01-16", "甲〔2025〕6号")
    document(None, world.works("ledger"), "2025-10-16", "无")
    document(None, world.works("found"), "2025-10-16", "甲〔２０２５〕１号")
    # -- applications for one item of one 工程
    withdrawn = log("2025-10-13", "2025-10-14", "2025-10-20", kinds=("received", "accepted", "withdrawn"))
    place = case("withdrawn", withdrawn)
    case("refiled", log("2025-11-10", "2025-11-11", "2025-11-14"), place=place)
    place = case("withdrawn_long_ago", withdrawn)
    case("refiled_later", log("2025-11-24", "2025-11-25", "2025-11-28"), place=place)
    place = case("twin", NORMAL)
    case("twin_again", NORMAL, place=place)
    case("not_a_twin", NORMAL, item="OTHER", place=place)
    # -- order
    place = case("first", log("2025-10-13", "2025-10-14", "2025-10-20"), item="FIRST")
    case("second", log("2025-10-13", "2025-10-14", "2025-10-20"), item="SECOND", place=place)
    place = case("first_late", log("2025-10-13", "2025-10-14", "2025-10-21"), item="FIRST")
    case("too_early", log("2025-10-13", "2025-10-14", "2025-10-20"), item="SECOND", place=place)
    place = case("first_open", NORMAL[:2], item="FIRST")
    case("over_open", log("2025-10-13", "2025-10-14", "2025-10-20"), item="SECOND", place=place)
    case("not_needed", log("2025-10-13", "2025-10-14", "2025-10-20"), item="SECOND")
    place = case("first_excused", NORMAL[:2], item="FIRST")
    case("tolerant", log("2025-10-13", "2025-10-14", kinds=("received", "accepted")), item="SECOND", place=place)
    world.alpha.event("tolerant", place, "decided_pass", "2025-10-20 10:00:00")["blzt"] = "12"
    place = case("first_pile", NORMAL[:2], item="FIRST")
    case("pile", log("2025-10-13", "2025-10-14", "2025-10-20"), item="PILE", place=place)
    # -- one rule each
    case("old", log("2025-08-29", "2025-10-14", "2025-10-16"))
    place = case("other_day", NORMAL)
    document("other_day", place, "2025-10-17", "甲〔2025〕7号")
    case("other_limit", NORMAL, promised=6)
    case("other_version", NORMAL, spsxbbh="9")
    case("no_such_item", NORMAL, item="NOTHING")
    case("too_generous", NORMAL, promised=30)
    case("instant", [*NORMAL[:2], ("decided_pass", "2025-10-14 10:03:00", "2025-10-14 10:30:00")])
    case("twice_decided", [*NORMAL, ("decided_deny", "2025-10-17 10:00:00", "2025-10-17 10:30:00")])
    case("no_receipt", NORMAL[1:])
    asked = ("correction_requested", "2025-10-13 11:00:00", "2025-10-13 11:30:00")
    case("unanswered", [NORMAL[0], asked, *NORMAL[1:]])
    answered = ("correction_received", "2025-10-13 12:00:00", "2025-10-13 12:30:00")
    case("answered", [NORMAL[0], asked, answered, *NORMAL[1:]])
    case("dated_ahead", [*NORMAL[:2], ("decided_pass", "2025-10-17 11:00:00", "2025-10-16 11:30:00")])
    case("no_events", [])
    case("strange_channel", NORMAL, slfs="77")
    case("unregistered", NORMAL, place=f"{PROJECT_CODE}-999")
    case("no_code", NORMAL, place="无")
    case("unreadable", [*NORMAL, ("accepted", "某日", None)])
    case("stand_in", [*NORMAL, ("accepted", "1970-01-01 00:00:00", None)])
    world.alpha.event("orphan", WORKS, "accepted", "2025-10-14 10:00:00")
    # -- what the standard asks of a sender
    place = case("unknown_status", NORMAL)
    world.alpha.event("unknown_status", place, "accepted", "2025-10-15 10:00:00")["blzt"] = "77"
    place = case("to_be_withdrawn", NORMAL)
    world.alpha.event("to_be_withdrawn", place, "accepted", "2025-10-15 10:00:00")["blzt"] = "16"
    procedure = {"tbcx": "5", "tbcxmc": "公示"}
    world.alpha.add("xmspsxbltbcxxxb", spsxslbm="nobodys_procedure", tbcxkssj="2025-10-14", **procedure)
    world.alpha.add("xmspsxbltbcxxxb", spsxslbm="normal", tbcxkssj="十月", **procedure)
    place = case("month_only", NORMAL)
    document("month_only", place, "2019年5月", "甲〔2025〕8号")
    # -- registers
    world.works("reversed", nkgsj="2026-05-01", njcsj="2026-04-01")
    world.works("ordered", nkgsj="2026-04-01", njcsj="2026-05-01", gbhy="K70", jzmj="100", ydmj="50")
    world.works("in_words", nkgsj="2019年5月", njcsj="2027年5月1日")
    world.works("stand_ins", nkgsj="1970-01-01", njcsj="2026-05-01", gbhy="A01", jzmj="0")
    world.alpha.add("dfxmsplcxxb", splcbm="L", splcbbh="1", splcmc="流程", splclx="4", splcsxsj="2020-01-01")
    for number, stage, limit in ((1, "1", 51), (2, "2", 50), (5, "5", 0)):
        flow = {"splcbm": "L", "splcbbh": "1", "spjdxh": number}
        world.alpha.add("dfxmsplcjdxxb", **flow, spjdmc=f"阶段{number}", dybzspjdxh=stage, spjdsx=limit, lcbsxlx="1")
        item = {"spsxbm": f"F{number}", "spsxbbh": "1", "spsxmc": f"流程事项{number}", "spbmmc": "甲局"}
        world.alpha.add("dfxmsplcjdsxxxb", **flow, **item, spsxblsx=51)
    for number in (3, 4):
        flow = {"splcbm": "L", "splcbbh": "1", "spjdxh": number, "spjdmc": f"阶段{number}"}
        world.alpha.add("dfxmsplcjdxxb", **flow, dybzspjdxh="3", spjdsx=10, lcbsxlx="1")
    return world


def starts_of_beta(world: World) -> Spgl:
    """Of three cases of another department, which sends 8, one has none; and one that is open may yet get it."""
    beta = Spgl("beta")
    begun = [*NORMAL[:2], ("department_started", "2025-10-14 11:00:00", "2025-10-14 11:30:00"), NORMAL[2]]
    logs = {"begun": begun, "begun_too": begun, "never_begun": NORMAL, "not_yet_begun": NORMAL[:2]}
    for number, (name, events) in enumerate(logs.items()):
        place = list(world.places.values())[number]
        beta.case(name, place, f"BETA{number}", 5, [])
        for kind, at, recorded in events:
            beta.event(name, place, kind, at)["scsj"] = recorded
    return beta


def catalogue() -> list[dict]:
    def row(code: str, name: str, **values) -> dict:
        return catalogue_row(code, stage=1, statutory=20, promised=5, item_name=name, **values)

    return [
        row("IT", "一般事项"),
        *(row(f"BETA{number}", f"乙局事项{number}") for number in range(4)),
        row("OTHER", "另一事项"),
        row("FIRST", "先行事项"),
        # a variant by the same name: a permit that only names it is one permit still
        row("FIRST_TOO", "先行事项"),
        row("SECOND", "后续事项", prerequisite_codes="FIRST"),
        row("PILE", "桩基施工许可", prerequisite_codes="FIRST，UNKNOWN"),
    ]


@pytest.fixture(scope="module")
def marts(settings, tmp_path_factory):
    """Superuser connection (dict rows) to the warehouse after one build of the world above."""
    with (
        pytest.MonkeyPatch.context() as patch,
        psycopg.connect(settings.admin_dsn("yidang"), autocommit=True) as plain,
        psycopg.connect(settings.admin_dsn("yidang"), autocommit=True, row_factory=dict_row) as warehouse,
    ):
        open_world(settings, tmp_path_factory.mktemp("departments"), patch)
        world = make_world()
        world.alpha.land(plain)
        starts_of_beta(world).land(plain)
        land(plain, "zhengwu", "service_item", catalogue())
        build.build(
            settings,
            as_of=AS_OF,
            select="+issue_log +dim_issue_rule +fct_case_doubt +fct_permit +fct_item_prerequisite",
        )
        yield warehouse


FIRES_ON = {
    "backfilled_case": {"late", "evening"},
    "entered_at_once": {"late", "evening", "early_entry"},
    "withheld_finish": {"held_back"},
    "withdrawn_and_refiled": {"refiled"},
    "duplicate_instance": {"twin_again"},
    "decided_before_prerequisite": {"too_early", "over_open"},
    "event_before_project_code": {"old"},
    "document_date_differs": {"other_day"},
    "limit_differs": {"other_limit", "too_generous"},
    "item_version_unknown": {"other_version"},
    "unknown_item": {"no_such_item"},
    "promise_above_statute": {"too_generous"},
    "instant_decision": {"instant", "same_day"},
    "several_decisions": {"twice_decided"},
    "event_after_decision": {"twice_decided"},
    "log_starts_late": {"no_receipt"},
    "unanswered_correction": {"unanswered"},
    "dated_after_entry": {"dated_ahead", "early_entry"},
    "case_without_events": {"no_events"},
    "unknown_code": {"strange_channel"},
    "works_not_registered": {"unregistered"},
    "project_code_unreadable": {"no_code"},
    "unmatched_case": {"no_code"},
    "event_time_unreadable": {"unreadable"},
    "stand_in_date": {"stand_in"},
    "unknown_status": {"unknown_status"},
    "uncounted_status": {"to_be_withdrawn"},
    "orphan_special_procedure": {"nobodys_procedure"},
    "procedure_date_unreadable": {"normal"},
    "department_start_missing": {"beta:never_begun"},
    "orphan_event": {"orphan"},
}


def test_each_rule_about_cases_fires_on_its_case_and_on_no_neighbour(marts):
    rows = marts.execute("select rule, business_key from marts.issue_log where entity in ('case', 'event')").fetchall()
    found: dict[str, set[str]] = {}
    for row in rows:
        found.setdefault(row["rule"], set()).add(row["business_key"].removeprefix("alpha:"))
    assert found == FIRES_ON


def test_rules_about_registers_fire_on_their_rows_alone(marts):
    rows = marts.execute(
        "select rule, business_key, detail from marts.issue_log"
        " where entity not in ('case', 'event', 'permit', 'office', 'department')"
    ).fetchall()
    places = {place: name for name, place in make_world().places.items()}
    found = {(row["rule"], places.get(row["business_key"], row["business_key"])) for row in rows}
    assert found == {
        ("planned_dates_reversed", "reversed"),
        ("stand_in_value", "stand_ins"),
        ("works_date_unreadable", "in_words"),
        ("stage_limit_odd", "L/1/1"),
        ("stage_split", "L/1/3"),
        ("promise_above_stage_limit", "L/1/2/F2"),
        ("unknown_prerequisite", "PILE/1"),
    }
    (stand_ins,) = (row["detail"] for row in rows if row["rule"] == "stand_in_value")
    assert stand_ins == "拟开工或拟建成 1970 年、行业 A01、建筑面积 0"


def test_what_the_sender_wrote_is_quoted(marts):
    rows = marts.execute("select rule, business_key, detail, raw_rows from marts.issue_log").fetchall()
    details = {row["rule"]: row["detail"] for row in rows}
    assert details["unknown_status"] == "2025-10-15 10:00:00 的状态码“77”不在字典中"
    assert details["uncounted_status"] == "2025-10-15 10:00:00 的状态 16 撤件待确认"
    assert details["event_time_unreadable"] == "状态 accepted 的时间“某日”无法识别"
    assert details["works_date_unreadable"] == "拟开工“2019年5月”不是日期"
    assert details["procedure_date_unreadable"] == "特别程序开始时间“十月”不是日期"
    (document,) = [row for row in rows if row["rule"] == "document_date_unreadable"]
    assert (document["business_key"], document["detail"]) == ("甲〔2025〕8号", "批复日期“2019年5月”不是日期")
    assert document["raw_rows"][0]["table"] == "spgl_xmspsxpfwjxxb"
    (orphan,) = [row for row in rows if row["rule"] == "orphan_special_procedure"]
    assert orphan["detail"] == "没有办件，只有特别程序“公示”，2025-10-14 开始"
    assert orphan["raw_rows"][0]["table"] == "spgl_xmspsxbltbcxxxb"


def test_an_issue_names_the_raw_rows_behind_it(marts):
    """Two rows where two contradict each other; each can be found in raw under its table, batch and number."""
    (row,) = marts.execute("select * from marts.issue_log where rule = 'document_date_differs'").fetchall()
    assert row["detail"] == "批复日期 2025-10-17，办结日期 2025-10-16"
    assert [place["table"] for place in row["raw_rows"]] == ["spgl_xmspsxblxxb", "spgl_xmspsxpfwjxxb"]
    for place in row["raw_rows"]:
        (raw,) = marts.execute(
            f"select spsxslbm from raw_alpha.{place['table']} where _batch_id = %s and _row_number = %s",  # noqa: S608
            (place["batch_id"], place["row_number"]),
        ).fetchall()
        assert raw["spsxslbm"] == "other_day"


def test_permits_are_held_against_cases_with_two_bounds(marts):
    rows = marts.execute("select * from marts.fct_permit").fetchall()
    states = {row["named_case_id"] or row["document_number"]: row for row in rows}
    found = {
        name: (row["bypass_state"], row["unknown_reason"] or row["out_of_scope_reason"]) for name, row in states.items()
    }
    assert found == {
        "alpha:normal": ("matched", None),
        "alpha:late": ("backfilled", None),
        "alpha:no_entry": ("unknown", "entry_time_unknown"),
        "alpha:held_back": ("matched", None),
        "alpha:extended": ("matched", "not_a_permit"),
        "alpha:NOBODY": ("unmatched", None),
        "alpha:NOBODY2": ("unknown", "before_coverage"),
        "alpha:other_day": ("matched", None),
        "alpha:month_only": ("unknown", "date_unreadable"),
        "无": ("unknown", "number_unreadable"),
        "甲〔2025〕1号": ("matched", None),
    }
    assert states["甲〔2025〕1号"]["matched_by"] == "number"
    assert states["甲〔2025〕1号"]["case_id"] == "alpha:normal"
    bypass = states["alpha:NOBODY"]
    assert (bypass["number_key"], bypass["item_code"], bypass["item_basis"]) == ("甲(2025)5号", "FIRST", "title")
    in_scope = [row for row in rows if row["is_in_scope"]]
    assert (len(in_scope), sum(row["is_bypass_certain"] for row in in_scope)) == (10, 2)
    assert sum(row["is_bypass_possible"] for row in in_scope) == 6


def test_order_and_its_exemptions(marts):
    rows = marts.execute("select * from marts.fct_item_prerequisite where case_id is not null").fetchall()
    found = {
        row["case_id"].removeprefix("alpha:"): (row["state"], row["exemption"], row["is_counted"], row["is_break"])
        for row in rows
        if row["prerequisite_item_code"] == "FIRST"
    }
    assert found == {
        "second": ("in_order", None, True, False),
        "too_early": ("decided_before", None, True, True),
        "over_open": ("decided_before", None, True, True),
        "not_needed": ("not_seen", None, False, False),
        "tolerant": ("decided_before", "容缺", False, False),
        "pile": ("decided_before", "桩基先行", False, False),
    }


def test_doubts_about_a_case(marts):
    rows = {row["case_id"].removeprefix("alpha:"): row for row in marts.execute("select * from marts.fct_case_doubt")}
    assert rows["late"]["backfill_lag_days"] == 4
    assert [rows[name]["is_backfilled"] for name in ("normal", "no_entry", "open", "same_day")] == [
        False,
        None,
        None,
        False,
    ]
    held_back = rows["held_back"]
    assert (held_back["outcome"], held_back["finish_evidence"]) == ("open", "document")
    assert held_back["suspected_finish_date"] == date(2025, 10, 16)
    # weaker: something that must wait for it was granted
    assert (rows["first_open"]["finish_evidence"], rows["first_open"]["is_finish_withheld"]) == ("successor", False)
    refiled = rows["refiled"]
    assert (refiled["reapply_of_case_id"], refiled["days_since_previous"]) == ("alpha:withdrawn", 21)
    assert rows["refiled_later"]["days_since_previous"] == 35
    assert not rows["refiled_later"]["is_reset_suspected"]
    assert rows["withdrawn"]["is_reapplied_within_90_days"]


def test_every_rule_is_explained(marts):
    unexplained = marts.execute("select rule from marts.issue_log where rule_name is null").fetchall()
    assert unexplained == []
