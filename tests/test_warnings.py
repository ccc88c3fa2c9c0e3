"""What is raised on which day, through builds in the real warehouse: the ladder, pauses, closed days, answers."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from datetime import date

import psycopg
import pytest
from warning_world import WORKS, World, opened

from yidang.settings import ROOT
from yidang.warning import outbox

pytestmark = pytest.mark.integration


def answer(world: World, case: str, promised: str) -> None:
    """As the form records it, for the newest message about the case."""
    world.warehouse.execute(
        "insert into warning.answer (warning_id, message_id, reason, promised_date)"
        " select warning_id, message_id, '等待图纸', %s"
        " from warning.message inner join warning.warning using (warning_id)"
        " where subject_key = %s order by message_id desc limit 1",
        (promised, f"alpha:{case}"),
    )


@pytest.fixture(scope="module")
def built(settings, tmp_path_factory):
    """{day: rows} of a month of builds; the world stays as it is on the last day."""
    with opened(settings, tmp_path_factory.mktemp("departments")) as world:
        # due on Monday, 17 March; its window is two days
        for code in ("ANSWERED", "SILENT", "DECIDED"):
            world.case(code, 10, ("received", "2025-03-03"), ("accepted", "2025-03-03"))
        # 6 working days paused on 12 March, where the sender allows 5
        world.case("PAUSED", 10, ("accepted", "2025-03-03"), ("special_start", "2025-03-04"))
        world.sender.add(
            "xmspsxbltbcxxxb", spsxslbm="PAUSED", gcdm=WORKS, tbcx="4", tbcxmc="专家评审",
            tbcxkssj="2025-03-04 10:00:00", tbcxsxlx="1", tbcxsx="5",
        )  # fmt: skip
        # paused without a plan: 20 working days by dbt_project.yml, so not before April
        world.case("PATIENT", 10, ("accepted", "2025-03-03"), ("suspended", "2025-03-11"))
        # long overdue when it was paused
        world.case("LATE", 5, ("accepted", "2025-02-05"), ("suspended", "2025-03-10"))
        world.case("DONE", 10, ("accepted", "2025-03-03"), ("decided_pass", "2025-03-10"))
        # a project without any event for more than a year
        world.stalled_project()
        counts = {"12": world.build("2025-03-12", whole=True)}
        counts["13"] = world.build("2025-03-13")
        counts["13 again"] = world.build("2025-03-13")
        counts["15, a Saturday"] = world.build("2025-03-15")
        counts["17"] = world.build("2025-03-17")
        answer(world, "ANSWERED", "2025-03-19")
        world.event("DECIDED", "decided_pass", "2025-03-17")
        counts["18"] = world.build("2025-03-18")
        counts["20"] = world.build("2025-03-20", whole=True)
        yield world, counts


def test_a_case_climbs_the_ladder_day_by_day(built):
    """Warned two days before, told on the day (Friday's build was left out), on the first and the third day over."""
    world, _ = built
    assert {"ANSWERED", "SILENT", "DECIDED"} == {key for key, level in world.raised("2025-03-13") if level == "warn"}
    assert {("ANSWERED", "due"), ("SILENT", "due"), ("DECIDED", "due")} == world.raised("2025-03-17")
    assert ("SILENT", "overdue_1") in world.raised("2025-03-18")
    assert ("SILENT", "overdue_3") in world.raised("2025-03-20")


def test_each_level_is_told_to_who_must_hear_of_it(built):
    world, _ = built
    found = world.rows(
        "select level, string_agg(role, ' ' order by message_id) as roles from warning.message"
        " inner join warning.warning using (warning_id) where subject_key = 'alpha:SILENT' group by level"
    )
    assert {row["level"]: set(row["roles"].split()) for row in found} == {
        "warn": {"handler"},
        "due": {"handler", "section_head"},
        "overdue_1": {"handler", "section_head", "department_lead"},
        "overdue_3": {"handler", "section_head", "department_lead", "task_force"},
    }


def test_the_numbers_that_were_judged_are_kept(built):
    world, _ = built
    (row,) = world.rows(
        "select evaluated from warning.warning where subject_key = 'alpha:SILENT' and level = 'overdue_3'"
    )
    facts = row["evaluated"]
    kept = {"as_of": "2025-03-20", "due_date": "2025-03-17", "remaining_working_days": -3, "overdue_working_days": 3}
    assert kept.items() <= facts.items()
    assert (facts["calendar_version"], facts["rule_version"]) == tuple(
        world.rows("select calendar_version, rule_version from marts.fct_item_instance limit 1")[0].values()
    )
    assert facts["is_example"] is True


def test_a_build_of_the_same_day_again_raises_nothing(built):
    world, counts = built
    assert counts["13"] == 3 and counts["13 again"] == 0
    doubled = world.rows("select 1 from warning.warning group by subject_key, level, raised_on having count(*) > 1")
    assert doubled == []


def test_nothing_is_raised_on_a_closed_day(built):
    world, counts = built
    assert counts["15, a Saturday"] == 0
    assert world.raised("2025-03-15") == set()


def test_a_paused_case_says_only_that_its_pause_is_older_than_planned(built):
    world, _ = built
    assert {("PAUSED", "paused"), ("LATE", "paused")} & world.raised("2025-03-12") == {("PAUSED", "paused")}
    levels = world.rows(
        "select distinct level from warning.warning where subject_key in ('alpha:LATE', 'alpha:PAUSED')"
    )
    assert {row["level"] for row in levels} == {"paused", "paused_unanswered"}
    assert not world.rows("select 1 from warning.warning where subject_key in ('alpha:PATIENT', 'alpha:LATE')")
    (row,) = world.rows("select evaluated from warning.warning where subject_key = 'alpha:PAUSED' and level = 'paused'")
    assert row["evaluated"]["paused_days"] == 6 and row["evaluated"]["planned_days"] == 5


def test_a_pause_that_nobody_answers_climbs_after_five_working_days(built):
    """Raised on 12 March: the 19th is the fifth working day after it, and the build of the 20th the first since."""
    world, _ = built
    assert ("PAUSED", "paused_unanswered") in world.raised("2025-03-20")
    assert ("PAUSED", "paused_unanswered") not in world.raised("2025-03-18")


def test_a_project_that_stands_still_is_told_and_climbs(built):
    world, _ = built
    stalled = {level for key, level in world.raised("2025-03-12") if level.startswith("stalled")}
    assert stalled == {"stalled"}
    rows = world.rows(
        "select role, department_id from warning.message inner join warning.warning using (warning_id)"
        " where level = 'stalled'"
    )
    assert {row["role"] for row in rows} == ({"department_lead"} if rows[0]["department_id"] else {"task_force"})
    assert "stalled_unanswered" in {level for _, level in world.raised("2025-03-20")}


def test_an_answered_case_climbs_no_further_until_its_promise_has_passed(built):
    """Promised for the 19th: silent on the 18th; on the 20th it is at once where the days have brought it."""
    world, _ = built
    assert "ANSWERED" not in {key for key, _ in world.raised("2025-03-18")}
    assert ("ANSWERED", "overdue_3") in world.raised("2025-03-20")
    (row,) = world.rows(
        "select evaluated from warning.warning where subject_key = 'alpha:ANSWERED' and level = 'overdue_3'"
    )
    assert row["evaluated"]["broken_promise"] == "2025-03-19"


def test_what_is_no_longer_true_ends_and_its_waiting_messages_are_not_sent(built):
    world, _ = built
    rows = world.rows(
        "select ended_on, state, state_reason from warning.warning inner join warning.message using (warning_id)"
        " where subject_key = 'alpha:DECIDED' and level = 'due'"
    )
    assert {(row["ended_on"], row["state"], row["state_reason"]) for row in rows} == {
        (date(2025, 3, 18), "void", "no longer true")
    }
    told = world.rows(
        "select state_reason from warning.message inner join warning.warning using (warning_id)"
        " where subject_key = 'alpha:SILENT' and level = 'warn'"
    )
    assert [row["state_reason"] for row in told] == ["a newer warning was raised"]


def test_the_mart_shows_one_row_per_case_and_level_and_nothing_that_reaches_anybody(built):
    world, _ = built
    with psycopg.connect(world.settings.dsn("reader")) as reader:
        cursor = reader.execute("select * from marts.fct_warning")
        names = [column.name for column in cursor.description]
        rows = [dict(zip(names, row, strict=True)) for row in cursor]
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            reader.execute("select * from warning.message")
    assert len(rows) == world.rows("select count(*) as n from warning.warning")[0]["n"]
    (row,) = [row for row in rows if row["case_id"] == "alpha:ANSWERED" and row["level"] == "due"]
    shown = {
        "level_name": "今日到期",
        "receiver_roles": "经办人、科室负责人",
        "is_answered": True,
        "answer_reason": "等待图纸",
    }
    assert shown.items() <= row.items()
    assert row["promised_date"] == date(2025, 3, 19) and row["remaining_working_days"] == 0
    assert not [name for name in names if name in ("to", "address", "phone", "address_mac")]


def test_each_login_may_do_its_own_step_and_no_more(built):
    """Who reaches the form's login reads neither facts nor raw; the build may add to the outbox, and answer nothing."""
    world, _ = built
    forbidden = {
        "messenger": ["select * from marts.fct_item_instance", "select * from raw_alpha.spgl_xmspsxblxxb"],
        "transformer": [
            "delete from warning.warning",
            "update warning.message set sent_at = now()",
            "insert into warning.answer (warning_id, message_id, reason, promised_date) values (1, 1, '', now())",
        ],
    }
    for role, statements in forbidden.items():
        with psycopg.connect(world.settings.dsn(role), autocommit=True) as connection:
            for statement in statements:
                with pytest.raises(psycopg.errors.InsufficientPrivilege):
                    connection.execute(statement)
    with psycopg.connect(world.settings.dsn("messenger")) as messenger:
        assert messenger.execute("select count(*) from marts.dim_calendar").fetchone()[0] > 1000


def test_dbt_accepts_what_is_in_the_mart(built):
    """The tests beside the model, on warnings that are really there."""
    from yidang import build

    world, _ = built
    assert build.run_dbt(world.settings, ["--quiet", "test", "-s", "fct_warning int_warning_states"], date(2025, 3, 20))


KILL = """
from datetime import date
from yidang import settings
from yidang.warning import outbox
loaded = settings.load()
outbox._VOID = "select pg_sleep(60)"  # everything is written, nothing is committed
print("noting", flush=True)
outbox.note(loaded.dsn("transformer"), date(2025, 3, 20))
"""


def test_a_killed_comparison_loses_and_doubles_nothing(built):
    """kill -9 when all is written and nothing committed: nothing is there; the next one raises all of it once."""
    world, _ = built
    wanted = world.rows("select subject_key, level from warning.warning where raised_on = '2025-03-20' order by 1, 2")
    world.warehouse.execute(
        "delete from warning.message using warning.warning"
        " where message.warning_id = warning.warning_id and raised_on = '2025-03-20';"
        "delete from warning.warning where raised_on = '2025-03-20'"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", KILL],
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    assert process.stdout.readline() == b"noting\n"
    waiting = "select count(*) as n from pg_stat_activity where query like 'select pg_sleep%' and state = 'active'"
    while world.rows(waiting)[0]["n"] == 0:
        assert process.poll() is None
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    assert world.raised("2025-03-20") == set()
    world.warehouse.execute(
        "select pg_terminate_backend(pid) from pg_stat_activity where query like 'select pg_sleep%'"
    )
    for _ in range(2):
        outbox.note(world.settings.dsn("transformer"), date(2025, 3, 20))
        assert (
            world.rows("select subject_key, level from warning.warning where raised_on = '2025-03-20' order by 1, 2")
            == wanted
        )


def test_a_build_for_another_day_than_today_warns_nobody(built):
    from yidang import build

    world, _ = built
    before = world.rows("select count(*) as n from warning.warning")
    world.patch.setenv("YIDANG_AS_OF", "2025-03-20")
    result = build.build(world.settings, as_of=date(2025, 4, 1), with_tests=False)
    assert result.warnings_raised is None
    assert world.rows("select count(*) as n from warning.warning") == before
