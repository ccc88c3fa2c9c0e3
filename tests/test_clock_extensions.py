"""Extended limits (行政许可法 art. 42), limits in units no clock counts, and special procedures by name.

Statutory limit 20, promise 10 working days, accepted on Monday 3 March 2025: no holiday before 清明 (Friday 4 April),
so day 20 is 31 March, day 25 is 8 April and day 30 is 15 April. Over the make-up day (Sunday 27 April) and 劳动节
(1 to 5 May), day 42 is 30 April, day 44 is 7 May and day 45 is 8 May.
"""

from __future__ import annotations

from datetime import date

import psycopg
import pytest
from clock_world import PROJECT_CODE, Spgl, catalogue_row, land, open_world
from psycopg.rows import dict_row

from yidang import build, metrics

pytestmark = pytest.mark.integration

ACCEPTED = {"kind": "accepted", "at": "2025-03-03"}
DECIDED = {"kind": "decided_pass", "at": "2025-04-08"}  # day 25
DUE, EXTENDED_DUE = date(2025, 3, 31), date(2025, 4, 15)


def extension(at: str, days: int | None = 10, unit: int = 1, **values) -> dict:
    return {"tbcx": "9", "tbcxkssj": at, "tbcxsxlx": unit, "tbcxsx": days, **values}


CASES = {
    "in_time": ([ACCEPTED, DECIDED], [extension("2025-03-20")]),
    "on_the_due_day": ([ACCEPTED, DECIDED], [extension("2025-03-31")]),
    "a_day_too_late": ([ACCEPTED, DECIDED], [extension("2025-04-01")]),
    "after_the_decision": ([ACCEPTED, DECIDED], [extension("2025-04-09")]),
    "never": ([ACCEPTED, DECIDED], []),
    "not_enough": ([ACCEPTED, {"kind": "decided_pass", "at": "2025-04-16"}], [extension("2025-03-20")]),
    # stopped after day 6 up to day 20, so on 9 April (day 26) 12 days were used; 14 days out move day 30 to 44
    "while_paused_days_do_not_count": (
        [
            ACCEPTED,
            {"kind": "special_start", "at": "2025-03-11"},
            {"kind": "special_end", "at": "2025-03-31"},
            {"kind": "decided_pass", "at": "2025-05-16"},
        ],
        [extension("2025-04-09")],
    ),
    "twice": (
        [ACCEPTED, {"kind": "decided_pass", "at": "2025-05-08"}],
        [extension("2025-03-20"), extension("2025-04-14", 15)],
    ),
    "second_too_late": (
        [ACCEPTED, {"kind": "decided_pass", "at": "2025-05-09"}],
        [extension("2025-03-20"), extension("2025-04-16", 15)],
    ),
    "first_too_late": (
        [ACCEPTED, {"kind": "decided_pass", "at": "2025-05-09"}],
        [extension("2025-04-01"), extension("2025-04-02", 15)],
    ),
    "by_status_without_days": ([ACCEPTED, {"kind": "extended", "at": "2025-03-20"}, DECIDED], []),
    "by_status_and_procedure": (
        [ACCEPTED, {"kind": "extended", "at": "2025-03-20 09:00:00"}, DECIDED],
        [extension("2025-03-20 10:00:00")],
    ),
    "in_calendar_days": ([ACCEPTED, DECIDED], [extension("2025-03-20", unit=2)]),
    # the standard has no code for it: senders write 8 其他 with a name, and sometimes a pause around it
    "by_name_and_written_as_a_pause": (
        [
            ACCEPTED,
            {"kind": "special_start", "at": "2025-03-20"},
            {"kind": "special_end", "at": "2025-03-27"},
            DECIDED,
        ],
        [extension("2025-03-20", tbcx="8", tbcxmc="延长审批期限")],
    ),
    "another_procedure_of_that_code": ([ACCEPTED, DECIDED], [extension("2025-03-20", tbcx="8", tbcxmc="整改延期")]),
    "open_before_the_approval": ([ACCEPTED], [extension("2025-04-21")]),
    "open_and_extended": ([ACCEPTED], [extension("2025-03-28")]),
    "reviewed": (
        [ACCEPTED, {"kind": "special_start", "at": "2025-03-05"}, {"kind": "special_end", "at": "2025-03-12"}, DECIDED],
        [{"tbcx": "2", "tbcxkssj": "2025-03-05"}],
    ),
    # 公示 stops nothing; the review that begins while it lasts does, from 6 to 12 March, when the first of the two ends
    "reviewed_during_a_notice": (
        [
            ACCEPTED,
            *({"kind": "special_start", "at": f"2025-03-{day}"} for day in ("05", "06")),
            *({"kind": "special_end", "at": f"2025-03-{day}"} for day in (12, 20)),
            {"kind": "decided_pass", "at": "2025-03-21"},
        ],
        # and a row beside it does not say what it is
        [*({"tbcx": code, "tbcxkssj": "2025-03-05"} for code in (None, "5")), {"tbcx": "2", "tbcxkssj": "2025-03-06"}],
    ),
    # day 10 is Friday 18 April: on the Saturday after it the case can still be decided in time
    "due_on_friday": ([{"kind": "accepted", "at": "2025-04-03"}], []),
}
UNITS = {
    "IT_HOURS": {"statutory_unit": "工作小时", "promised_unit": "小时"},
    "IT_UNKNOWN": {"statutory_unit": "工作日", "promised_unit": "个月"},
    "IT_CALENDAR": {"statutory_unit": "自然日", "promised_unit": "天"},
}


@pytest.fixture(scope="module")
def world(settings, tmp_path_factory):
    """The cases above, built once as of Friday 18 April 2025 (those with a later decision on 30 June)."""
    with pytest.MonkeyPatch.context() as patch:
        open_world(settings, tmp_path_factory.mktemp("departments"), patch)
        with psycopg.connect(settings.admin_dsn("yidang"), autocommit=True) as plain:
            alpha = Spgl("alpha")
            alpha.works(f"{PROJECT_CODE}-001", PROJECT_CODE)
            for name, (events, procedures) in CASES.items():
                alpha.case(name, f"{PROJECT_CODE}-001", "IT01", 10, events)
                for procedure in procedures:
                    alpha.add("xmspsxbltbcxxxb", spsxslbm=name, **procedure)
            title = "关于延长审批期限的决定"
            alpha.add("xmspsxpfwjxxb", spsxslbm="in_time", pfrq="2025-03-20", pfwh="甲延〔2025〕3号", pfwjbt=title)
            for item in UNITS:
                alpha.case(item, f"{PROJECT_CODE}-001", item, None, [ACCEPTED, DECIDED])
            alpha.land(plain)
            rows = [catalogue_row("IT01", stage=1, statutory=20, promised=10)]
            rows += [catalogue_row(item, stage=1, statutory=20, promised=8, **units) for item, units in UNITS.items()]
            land(plain, "zhengwu", "service_item", rows)
            plain.execute(
                "create table landing.observation_date (source_department text, instance_code text, as_of date)"
            )
            plain.execute("grant select on landing.observation_date to yidang_transformer")
            plain.execute(
                "insert into landing.observation_date select 'alpha', name, date '2025-04-18'"
                " from unnest(array['open_before_the_approval', 'open_and_extended']) as name"
                " union all select 'alpha', 'due_on_friday', date '2025-04-19'"
            )
        build.build(
            settings,
            as_of=date(2025, 6, 30),
            overrides={"observation_dates": "landing.observation_date"},
            select="+fct_item_instance +fct_item_event +issue_log",
        )
        with psycopg.connect(settings.dsn("reader"), autocommit=True, row_factory=dict_row) as reader:
            yield reader


@pytest.fixture(scope="module")
def cases(world) -> dict[str, dict]:
    return {row["instance_code"]: row for row in world.execute("select * from marts.fct_item_instance")}


def statute(row: dict) -> tuple:
    return row["extension_days"], row["statutory_due_date"], row["is_statutory_overdue"]


@pytest.mark.parametrize(
    ("name", "days", "due", "overdue"),
    [
        ("in_time", 10, EXTENDED_DUE, False),
        ("on_the_due_day", 10, EXTENDED_DUE, False),
        ("a_day_too_late", 0, DUE, True),
        ("after_the_decision", 0, DUE, True),
        ("never", 0, DUE, True),
        ("not_enough", 10, EXTENDED_DUE, True),
        ("while_paused_days_do_not_count", 10, date(2025, 5, 7), True),
        ("twice", 25, date(2025, 5, 8), False),
        ("second_too_late", 10, EXTENDED_DUE, True),
        ("first_too_late", 0, DUE, True),
        ("by_status_without_days", 0, DUE, True),
        ("by_status_and_procedure", 10, EXTENDED_DUE, False),
        ("in_calendar_days", 0, DUE, True),
        ("by_name_and_written_as_a_pause", 10, EXTENDED_DUE, False),
        ("another_procedure_of_that_code", 0, DUE, True),
        ("open_before_the_approval", 0, DUE, True),
        ("open_and_extended", 10, EXTENDED_DUE, True),
    ],
)
def test_the_statutory_limit_grows_only_while_it_runs(cases, name, days, due, overdue):
    assert statute(cases[name]) == (days, due, overdue)


def test_the_promise_and_the_days_used_do_not_change(cases):
    columns = ("due_date", "is_overdue", "elapsed_working_days", "statutory_elapsed_working_days", "pace_state")
    plain = {name: cases["never"][name] for name in columns}
    assert plain["is_overdue"] and plain["elapsed_working_days"] == 25
    for name in ("in_time", "a_day_too_late", "by_status_and_procedure", "by_name_and_written_as_a_pause"):
        assert {column: cases[name][column] for column in columns} == plain, name


def test_what_would_be_late_without_the_extension_stays_visible(cases):
    for name in ("in_time", "not_enough", "never", "a_day_too_late"):
        row = cases[name]
        assert row["statutory_due_date_without_extension"] == DUE, name
        assert row["is_statutory_overdue_without_extension"], name


def test_the_statutory_overdue_rate_is_there_with_and_without_extensions(settings, world):
    """Of four cases, all past 20 days, the extension made two be on time; the others are late either way."""
    found = []
    for name in ("statutory_overdue_rate", "statutory_overdue_rate_without_extension"):
        metric = metrics.load(settings)[name]
        row = world.execute(
            f"select {metric.sql} as rate, {metric.n_sql} as n from marts.fct_item_instance"  # noqa: S608
            " where instance_code in ('in_time', 'on_the_due_day', 'a_day_too_late', 'never')"
        ).fetchone()
        found.append((float(row["rate"]), row["n"]))
    assert found == [(0.5, 4), (1.0, 4)]


@pytest.mark.parametrize(
    ("name", "flags"),
    [
        ("in_time", {"EXTENDED"}),
        ("on_the_due_day", {"EXTENDED", "EXTENSION_UNDOCUMENTED"}),
        ("a_day_too_late", {"EXTENSION_TOO_LATE", "EXTENSION_UNDOCUMENTED", "STATUTORY_OVERDUE"}),
        (
            "after_the_decision",
            {"EXTENSION_TOO_LATE", "EXTENSION_UNDOCUMENTED", "STATUTORY_OVERDUE", "EVENT_AFTER_DECISION"},
        ),
        ("by_status_without_days", {"EXTENSION_UNCLEAR", "EXTENSION_UNDOCUMENTED", "STATUTORY_OVERDUE"}),
        ("in_calendar_days", {"EXTENSION_UNCLEAR", "EXTENSION_UNDOCUMENTED", "STATUTORY_OVERDUE"}),
        ("never", {"STATUTORY_OVERDUE"}),
    ],
)
def test_an_extension_is_flagged_and_doubted(cases, world, name, flags):
    assert set(cases[name]["clock_flags"].split("|")) == flags
    doubts = {flag.lower() for flag in flags if flag.startswith("EXTENSION_")}
    rows = world.execute("select rule from marts.issue_log where business_key = %s", (f"alpha:{name}",)).fetchall()
    assert {row["rule"] for row in rows if row["rule"].startswith("extension_")} == doubts


def test_the_approval_document_is_kept_with_the_event(world):
    rows = world.execute(
        "select extension_days, document_number, procedure_name from marts.fct_item_event"
        " where case_id = 'alpha:in_time' and event_kind = 'extended'"
    ).fetchall()
    assert rows == [
        {"extension_days": 10, "document_number": "甲延〔2025〕3号", "procedure_name": "延长审批时限（地方扩展）"}
    ]


def test_a_special_procedure_is_named_where_it_begins(world):
    rows = world.execute(
        "select event_kind, reason_code, procedure_name from marts.fct_item_event"
        " where case_id = 'alpha:reviewed' and reason_code is not null"
    ).fetchall()
    assert rows == [{"event_kind": "special_start", "reason_code": "2", "procedure_name": "专家评审"}]


def test_a_review_stops_the_clock_although_a_notice_that_does_not_was_begun_before(cases, world):
    row = cases["reviewed_during_a_notice"]
    days = ("gross_working_days", "excluded_working_days", "elapsed_working_days")
    assert tuple(row[name] for name in days) == (14, 4, 10) and not row["is_overdue"]
    starts = world.execute(
        "select reason_code from marts.fct_item_event"
        " where case_id = 'alpha:reviewed_during_a_notice' and event_kind = 'special_start' order by event_at"
    ).fetchall()
    assert [start["reason_code"] for start in starts] == ["5", "2"], "named by what says something"


def test_an_open_case_is_no_late_one_on_the_closed_days_after_its_last(cases):
    row = cases["due_on_friday"]
    assert (row["due_date"], row["is_overdue"], row["is_due"]) == (date(2025, 4, 18), False, False)


def test_a_limit_in_hours_or_in_an_unknown_unit_gets_no_number(cases, world):
    hours, unknown = cases["IT_HOURS"], cases["IT_UNKNOWN"]
    assert (hours["promised_limit"], hours["limit_unit"], hours["statutory_unit"]) == (8, "hours", "working_hours")
    assert (unknown["promised_limit"], unknown["limit_unit"]) == (8, None)
    for row in (hours, unknown):
        assert row["elapsed_working_days"] == 25
        assert (row["due_date"], row["is_on_time"], row["pace_state"], row["is_overdue"]) == (None, None, None, False)
    assert set(hours["clock_flags"].split("|")) == {"LIMIT_UNIT_UNSUPPORTED", "STAT_LIMIT_UNIT_UNSUPPORTED"}
    assert set(unknown["clock_flags"].split("|")) == {"LIMIT_UNIT_UNSUPPORTED", "STATUTORY_OVERDUE"}
    assert unknown["statutory_due_date"] == DUE
    found = world.execute("select business_key from marts.issue_log where rule = 'limit_unit_unsupported'").fetchall()
    assert {row["business_key"] for row in found} == {"alpha:IT_HOURS", "alpha:IT_UNKNOWN"}


def test_a_limit_in_calendar_days_ends_on_a_working_day(cases):
    """3 March + 8 is Tuesday the 11th; + 20 is Sunday the 23rd, so the 24th (民法典 203)."""
    row = cases["IT_CALENDAR"]
    assert (row["due_date"], row["statutory_due_date"]) == (date(2025, 3, 11), date(2025, 3, 24))
