"""`yidang clock explain`: the days of each vector add up to its answer, for people to read."""

from __future__ import annotations

import subprocess
from datetime import date

import psycopg
import pytest
from clock_world import PROJECT_CODE, Spgl, catalogue_row, land, land_vectors, open_world, vectors
from psycopg.rows import dict_row

from yidang import build
from yidang.clock import against_due
from yidang.clock import explain as module
from yidang.clock import words as clock_words
from yidang.errors import ConfigError, YidangError
from yidang.settings import ROOT

pytestmark = pytest.mark.integration

YIDANG = ROOT / ".yidang" / "venv" / "platform" / "bin" / "yidang"
SAME_CODE = "SAME-1"
OVER_THE_HOLIDAY = "HOLIDAY-1"
EXTENDED = "EXTENDED-1"
PAUSED_ON_ITS_LAST_DAY = "PAUSED-1"
ROLLED_FORWARD = "ROLLED-1"


def run(case: str) -> subprocess.CompletedProcess:
    return subprocess.run([YIDANG, "clock", "explain", case], capture_output=True, text=True, timeout=120)


@pytest.fixture(scope="module")
def world(settings, tmp_path_factory):
    """The vectors as cases of `alpha`, and a code that two departments use, built once."""
    with pytest.MonkeyPatch.context() as patch:
        open_world(settings, tmp_path_factory.mktemp("departments"), patch)
        with psycopg.connect(settings.admin_dsn("yidang"), autocommit=True) as plain:
            land_vectors(plain)
            for department in ("alpha", "beta"):
                spgl = Spgl(department)
                spgl.serial = 900_000
                spgl.case(SAME_CODE, PROJECT_CODE, "V20", 7, [{"kind": "accepted", "at": "2025-03-03"}])
                if department == "alpha":
                    decided = {"kind": "decided_pass", "at": "2025-10-14"}
                    events = [{"kind": "accepted", "at": "2025-09-26"}, decided]
                    spgl.case(OVER_THE_HOLIDAY, PROJECT_CODE, "V20", 7, events)
                    ended = {"kind": "decided_pass", "at": "2025-04-16"}
                    spgl.case(EXTENDED, PROJECT_CODE, "V20", 7, [{"kind": "accepted", "at": "2025-03-03"}, ended])
                    approval = {"tbcx": "9", "tbcxkssj": "2025-03-20", "tbcxsxlx": 1, "tbcxsx": 10}
                    spgl.add("xmspsxbltbcxxxb", spsxslbm=EXTENDED, **approval)
                    document = {"pfrq": "2025-03-20", "pfwh": "甲延〔2025〕3号", "pfwjbt": "延长审批期限决定书"}
                    spgl.add("xmspsxpfwjxxb", spsxslbm=EXTENDED, **document)
                    corrected = [
                        {"kind": "accepted", "at": "2025-03-03"},
                        {"kind": "correction_requested", "at": "2025-03-04"},
                        {"kind": "correction_received", "at": "2025-03-07"},
                        {"kind": "decided_pass", "at": "2025-03-09"},  # a Sunday
                    ]
                    spgl.case(PAUSED_ON_ITS_LAST_DAY, PROJECT_CODE, "V20", 1, corrected)
                    # the fifth day is a Saturday
                    events = [{"kind": "accepted", "at": "2025-03-03"}, {"kind": "decided_pass", "at": "2025-03-10"}]
                    spgl.case(ROLLED_FORWARD, PROJECT_CODE, "NATURAL", 9, events)
                spgl.land(plain)
            natural = catalogue_row("NATURAL", stage=1, statutory=5, promised=1, statutory_unit="自然日")
            land(plain, "zhengwu", "service_item", [natural])
        observed = {"observation_dates": "landing.observation_date"}
        marts = "+fct_item_instance +fct_item_pause +fct_item_event +dim_calendar"
        build.build(settings, as_of=date(2026, 12, 31), overrides=observed, select=marts)
        with psycopg.connect(settings.dsn("reader"), autocommit=True, row_factory=dict_row) as reader:
            yield reader


@pytest.mark.parametrize("vector", vectors(), ids=lambda vector: vector["id"])
def test_the_days_of_a_vector_add_up_to_its_answer(world, vector):
    """`read` raises if the days and the mart differ; here the days are held against the hand-made answer as well."""
    found = module.read(world, vector["id"])
    if not vector["expected_elapsed_working_days"]:
        assert found.days == []
        return
    assert str(found.sums()["elapsed_working_days"]) == vector["expected_elapsed_working_days"]
    assert str(found.sums()["excluded_working_days"]) == vector["excluded_working_days"]
    assert str(found.sums()["statutory_elapsed_working_days"]) == vector["expected_statutory_elapsed"]
    assert found.days[0]["date_day"] == found.case["accepted_date"]
    assert found.days[-1]["date_day"] == found.case["end_date"]


def test_a_printed_case_names_days_pauses_marks_and_raw_rows(settings, world):
    """Everything a person looks for is there, whatever the case."""
    paused = world.execute(
        "select case_id from marts.fct_item_pause inner join marts.fct_item_instance using (case_id)"
        " where pause_kind = 'special' and stops_promise and fct_item_pause.excluded_working_days > 0 and is_decided"
        " and due_date between accepted_date and decided_date order by case_id limit 1"
    ).fetchone()["case_id"]
    found = module.read(world, paused)
    done = run(paused)
    assert done.returncode == 0, done.stderr
    for event in found.events:
        assert f" {event['batch_id']} " in done.stdout and f" {event['row_number']} " in done.stdout
    for day in found.days:
        assert str(day["date_day"]) in done.stdout
    for word in ("受理 accepted", "暂停 paused P1", "承诺到期 promise due", "周末 weekend", "净用时 elapsed", "day 0"):
        assert word in done.stdout


def test_holidays_and_make_up_days_are_named(world, settings):
    printed = run(OVER_THE_HOLIDAY).stdout
    assert "假日 holiday 国庆节" in printed and "调休上班 make-up 国庆节" in printed


def test_an_extension_is_shown_with_its_document_and_both_ends(world, settings):
    printed = run(EXTENDED).stdout
    lines = {line.split()[0]: line for line in printed.splitlines() if line.startswith(" 2025-")}
    assert "延长时限 extended +10 (甲延〔2025〕3号)" in lines["2025-03-20"]
    assert "如不延长，法定到期" in lines["2025-03-31"]
    assert "◀ 法定到期 statute due" in lines["2025-04-15"]
    for words in ("延长 extended by", "不延长的到期日", "不延长则超期"):
        assert words in printed


def test_a_deemed_acceptance_is_named_on_its_day(world, settings):
    case = module.read(world, "V50").case
    lines = [line for line in run("V50").stdout.splitlines() if line.startswith(f" {case['accepted_date']} ")]
    assert any("视同受理 deemed accepted" in line for line in lines)


def test_a_case_on_time_after_its_due_date_says_why(world, settings):
    """Its correction began on the last day of the promise, and it was decided on the Sunday after."""
    case = module.read(world, PAUSED_ON_ITS_LAST_DAY).case
    assert (str(case["due_date"]), str(case["closed_date"]), case["is_overdue"]) == ("2025-03-04", "2025-03-09", False)
    said = " ".join("".join(run(PAUSED_ON_ITS_LAST_DAY).stdout.split("※")[1:]).split())
    for words in (
        "承诺 promise: 办结 2025-03-09，晚于到期日 2025-03-04 而不超期：其后 5 天都不计",
        "暂停 3 天（P1 补正",
        "非工作日 2 天（2025-03-08 周六 Sat … 2025-03-09 周日 Sun）",
        "of the 5 days after it none counts, 3 paused (P1 补正 correction), 2 not a working day",
        "The limit was used up when the pause began",
    ):
        assert words in said, said
    assert "法定 statute:" not in said


def test_a_limit_that_rolls_forward_says_so(world, settings):
    said = run(ROLLED_FORWARD).stdout
    assert "法定 statute: 第 5 个自然日 2025-03-08 周六 Sat 不是工作日，到期顺延至 2025-03-10" in said, said


def test_wherever_the_dates_alone_mislead_there_is_a_remark(world):
    """Later than due and yet on time is always said, and only then; late and not yet due does not happen."""
    remarked = 0
    for row in world.execute("select case_id from marts.fct_item_instance").fetchall():
        found = module.read(world, row["case_id"])
        named = {pause["pause_number"]: pause["pause_kind"] for pause in found.pauses}
        said = " ".join(against_due.remarks(found.case, found.days, named))
        for clock in against_due.CLOCKS:
            due_date, is_overdue = found.case[clock.due_date], found.case[clock.is_overdue]
            if due_date is None or is_overdue is None or not found.days:
                continue
            is_after = found.case["end_date"] > due_date
            assert is_after or not is_overdue, row
            misleads = is_after and not is_overdue
            assert (f"{clock.label}: 办结" in said or f"{clock.label}: 截至" in said) == misleads, (row, said)
            remarked += misleads
    assert remarked > 2


@pytest.mark.parametrize(("vector", "word"), [("V45", "办结早于受理"), ("V26", "日历未载入")])
def test_a_case_without_a_clock_says_why(world, settings, vector, word):
    done = run(vector)
    assert done.returncode == 0, done.stderr
    assert word in done.stdout and "逐日" not in done.stdout


def test_several_cases_of_one_code_are_listed_and_the_case_id_decides(world):
    with pytest.raises(ConfigError) as caught:
        module.read(world, SAME_CODE)
    assert f"alpha:{SAME_CODE}" in str(caught.value) and f"beta:{SAME_CODE}" in str(caught.value)
    assert module.read(world, f"beta:{SAME_CODE}").case["source_department"] == "beta"


def test_no_such_case(world, settings):
    done = run("nowhere'; --")
    assert done.returncode == 2
    assert "There is no case" in done.stderr


def test_figures_that_do_not_add_up_are_an_error(world, warehouse):
    """The proof must be able to fail: a pause more in the mart than the clock knew."""
    warehouse.execute(
        "update intermediate.int_item_instances set elapsed_working_days = elapsed_working_days + 1"
        " where instance_code = 'V01'"
    )
    try:
        with pytest.raises(YidangError, match="elapsed_working_days: 5 by its days, 6 in the mart"):
            module.read(world, "V01")
    finally:
        warehouse.execute(
            "update intermediate.int_item_instances set elapsed_working_days = elapsed_working_days - 1"
            " where instance_code = 'V01'"
        )


def test_it_reads_marts_alone(world):
    """The connection of these tests is the reader's, who sees nothing else."""
    assert world.info.user == "yidang_reader"
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        world.execute("select 1 from intermediate.int_case_pauses")


def test_publicity_that_stops_nothing_says_why():
    pause = {"is_unclosed_on_decided": False, "stops_promise": False, "stops_statute": False, "local_rule_basis": None}
    assert clock_words.stops(pause | {"reason_code": "5"}) == "不停 none (公示无地方规定 no local rule about it)"
    assert clock_words.stops(pause | {"reason_code": None}) == "不停 none"
    assert clock_words.stops(pause | {"reason_code": "5", "local_rule_basis": "某号文"}) == "不停 none (某号文)"
