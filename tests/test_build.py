"""What a build promises: only gated rows, the last version of each, nothing dropped silently, the same rows again."""

# ruff: noqa: S608 - the queries are put together from our own names

from __future__ import annotations

import threading
import time
from datetime import date, timedelta

import chinese_calendar
import psycopg
import pytest
from clock_world import PROJECT_CODE, Spgl, catalogue_row, land, open_world

from yidang import build
from yidang.clock import policy
from yidang.errors import YidangError

pytestmark = pytest.mark.integration

AS_OF = date(2025, 3, 31)
OLD_CODE = "2017-330199-47-03-000001"
CASES = "+fct_item_instance +fct_project_lifecycle +issue_log"  # a third of all models


@pytest.fixture
def world(settings, warehouse, tmp_path, monkeypatch):
    open_world(settings, tmp_path / "departments", monkeypatch)
    land(warehouse, "zhengwu", "service_item", [catalogue_row("IT01", stage=1, statutory=20, promised=5)])
    return warehouse


def events(*pairs: tuple[str, str]) -> list[dict]:
    return [{"kind": kind, "at": f"{day} 10:00:00"} for kind, day in pairs]


DONE = events(("received", "2025-03-03"), ("accepted", "2025-03-03"), ("decided_pass", "2025-03-06"))


def one(warehouse: psycopg.Connection, query: str, *values) -> tuple:
    row = warehouse.execute(query, values).fetchone()
    assert row is not None, query
    return row


def table_digest(warehouse: psycopg.Connection, mart: str) -> str:
    return one(warehouse, f"select md5(string_agg(t::text, e'\\n' order by t::text)) from marts.{mart} as t")[0]


def test_calendar_agrees_with_the_package_on_every_day(settings, world):
    build.build(settings, as_of=AS_OF, select="+dim_calendar")
    days = world.execute(
        "select date_day, is_working_day, working_day_number, day_kind from marts.dim_calendar order by 1"
    ).fetchall()
    assert (days[0][0], days[-1][0]) == (date(2004, 1, 1), date(2026, 12, 31))
    assert len(days) == (date(2026, 12, 31) - date(2004, 1, 1)).days + 1
    wrong = [day for day, is_working, _, _ in days if is_working != chinese_calendar.is_workday(day)]
    assert wrong == []
    number = 0
    for day, is_working, counted, kind in days:
        number += is_working
        assert counted == number, day
        assert (kind in ("working", "makeup")) == is_working, day
    per_year = {year: sum(d[1] for d in days if d[0].year == year) for year in range(2018, 2027)}
    assert list(per_year.values()) == [250, 250, 249, 250, 249, 249, 251, 248, 248]


def test_whatever_decides_a_figure_is_in_the_rule_version(settings, world):
    """A switch, a threshold of identity, a local rule about pauses: none changes unmarked."""

    def version(select: str = "int_build", **changed) -> str:
        build.build(settings, as_of=AS_OF, select=select, overrides=changed, with_tests=False)
        return one(world, "select rule_version from intermediate.int_build")[0]

    usual = version("+int_build")
    found = [
        version(clock_policy=policy.current(settings) | {"reply_days": 6}),
        version(same_name_from=0.85),
        version(offer_name_from=0.5),
        version(shortest_permit_number=7),
    ]
    world.execute("update seeds.local_pause_rules set stops_statute = true where department = 'zigui'")
    found.append(version())
    world.execute("truncate seeds.local_pause_rules")
    found.append(version())
    assert len({usual, *found}) == 1 + len(found)
    assert version("+int_build") == usual, "the seed is loaded again, and says what it said"


def test_only_gated_rows_are_read_and_the_last_version_of_each_stands(settings, world):
    first = Spgl("alpha")
    first.works(f"{PROJECT_CODE}-001", PROJECT_CODE)
    first.case("A1", f"{PROJECT_CODE}-001", "IT01", 5, DONE)
    first.land(world)
    header = {"spsxslbm": "A1", "gcdm": f"{PROJECT_CODE}-001", "spsxbm": "IT01", "spsxbbh": "1", "sjyxbs": "1"}
    # the same physical row (LSH 2) again with another promise; a void row; a row the gate rejected; a held batch
    newer = land(world, "alpha", "spgl_xmspsxblxxb", [{**header, "lsh": "2", "sxblsx": "7"}])
    land(world, "alpha", "spgl_xmspsxblxxb", [{**header, "lsh": "900", "sxblsx": "1", "sjyxbs": "0"}])
    rejected = land(world, "alpha", "spgl_xmspsxblxxb", [{**header, "lsh": "901", "sxblsx": "2"}])
    land(world, "alpha", "spgl_xmspsxblxxb", [{**header, "lsh": "902", "sxblsx": "3"}], gate="held")
    world.execute(
        "insert into landing.quarantine (department, table_name, batch_id, row_number, rule, reason, severity)"
        " values ('alpha', 'spgl_xmspsxblxxb', %s, 1, 'test', 'test', 'fail')",
        (rejected,),
    )
    build.build(settings, as_of=AS_OF, select=CASES, with_tests=False)
    assert one(world, "select count(*), min(promised_limit), max(batch_id) from marts.fct_item_instance") == (
        1,
        7,
        newer,
    )
    # a part built without what it stands on reads the last version too
    land(world, "alpha", "spgl_xmspsxblxxb", [{**header, "lsh": "2", "sxblsx": "9"}])
    build.build(settings, as_of=AS_OF, select="int_cases", with_tests=False)
    assert one(world, "select count(*), min(given_promised_limit) from intermediate.int_cases") == (1, 9)
    released = f"select release_number from landing.batch where batch_id = {newer}"  # noqa: S608 a number of ours
    build.build(settings, as_of=AS_OF, select=CASES, batch_until=one(world, released)[0] - 1, with_tests=False)
    assert one(world, "select count(*), min(promised_limit) from marts.fct_item_instance") == (1, 5)


def test_what_its_source_has_deleted_is_in_no_figure_and_comes_back_with_a_new_row(settings, world):
    alpha = Spgl("alpha")
    alpha.works(f"{PROJECT_CODE}-001", PROJECT_CODE)
    for code in ("A1", "A2"):
        alpha.case(code, f"{PROJECT_CODE}-001", "IT01", 5, [{"kind": "accepted", "at": "2025-03-03 10:00:00"}])
    alpha.land(world)
    build.build(settings, as_of=AS_OF, with_tests=False)
    cases = "select string_agg(instance_code, ' ' order by instance_code) from marts.fct_item_instance"
    assert one(world, cases) == ("A1 A2",)
    found = land(world, "alpha", "spgl_xmspsxblxxb", [])
    world.execute(
        "insert into landing.deleted_row select 'alpha', 'spgl_xmspsxblxxb', _batch_id, _row_number, %s"
        " from raw_alpha.spgl_xmspsxblxxb where spsxslbm = 'A2'",
        (found,),
    )
    world.execute(
        "insert into landing.reconciliation (department, table_name, day, source_rows, landed_rows, landed_checksum)"
        " values ('alpha', 'spgl_xmspsxblxxb', '2025-03-03', 3, 2, 8),"
        " ('alpha', 'spgl_xmspsxblxxb', '2025-03-04', 1, 1, 9)"  # a source that sends no checksum
    )
    result = build.build(settings, as_of=AS_OF, with_tests=False)
    assert result.full_refresh == "rows were deleted at a source"
    assert one(world, cases) == ("A1",)
    issues = "select rule, business_key from marts.issue_log where rule in ('deleted_at_source', 'source_differs')"
    assert [rule for rule, _ in world.execute(f"{issues} order by 1")] == ["deleted_at_source", "source_differs"]
    header = {"gcdm": f"{PROJECT_CODE}-001", "spsxbm": "IT01", "spsxbbh": "1", "sjyxbs": "1"}
    land(world, "alpha", "spgl_xmspsxblxxb", [{**header, "lsh": "990", "spsxslbm": "A2"}])
    build.build(settings, as_of=AS_OF, with_tests=False)
    assert one(world, cases) == ("A1 A2",)
    world.execute("truncate landing.reconciliation, landing.deleted_row")


def test_codes_as_people_type_them_find_their_project_and_the_rest_stays_visible(settings, world):
    alpha = Spgl("alpha")
    alpha.works(f"{PROJECT_CODE}-001", PROJECT_CODE)
    alpha.works(f"{OLD_CODE}-001", OLD_CODE)
    full_width = PROJECT_CODE.translate(str.maketrans("0123456789-", "０１２３４５６７８９－"))
    typed = {
        "equal": f"{PROJECT_CODE}-001",
        "hash": f"{PROJECT_CODE}#001",
        "full_width": f" {full_width}－００１　",
        "letter_o": f"{PROJECT_CODE}-001".replace("0", "O"),
        "no_dashes": PROJECT_CODE.replace("-", "") + "-001",
        "old": f"{OLD_CODE}-001",
        "unknown_works": f"{PROJECT_CODE}-777",
        "project_code_alone": PROJECT_CODE,
        "nothing": "无",
        "other_project": "2603-141124-89-05-346948-001",
    }
    for name, code in typed.items():
        alpha.case(name, code, "IT01", 5, DONE)
    alpha.land(world)
    build.build(settings, as_of=AS_OF, select=CASES, with_tests=False)
    tiers = dict(world.execute("select instance_code, match_tier from marts.fct_item_instance").fetchall())
    assert tiers == {
        "equal": "T1",
        "hash": "T1",
        "full_width": "T1",
        "letter_o": "T1",
        "no_dashes": "T1",
        "old": "T2",
        "unknown_works": "T3",
        "project_code_alone": "T3",
        "nothing": None,
        "other_project": None,
    }
    logged = world.execute("select business_key from marts.issue_log where rule = 'unmatched_case'").fetchall()
    assert sorted(logged) == [("alpha:nothing",), ("alpha:other_project",)]


def test_what_cannot_be_read_is_a_row_of_the_issue_log(settings, world):
    alpha = Spgl("alpha")
    alpha.works(f"{PROJECT_CODE}-001", PROJECT_CODE)
    works = f"{PROJECT_CODE}-001"
    alpha.case("A1", works, "IT01", 5, DONE)
    alpha.case("A2", works, "IT99", None, events(("decided_pass", "2025-03-03"), ("accepted", "2025-03-10")))
    alpha.case("A3", works, "IT01", 5, [])
    alpha.event("A1", works, "special_start", "today")
    alpha.event("A1", works, "special_start", "2025年13月1日")
    alpha.event("A1", works, "special_start", "1970-01-01 00:00:00")
    alpha.event("NONE", works, "accepted", "2025-03-03 10:00:00")
    alpha.event("A1", works, "accepted", "2025-03-04 10:00:00")["blzt"] = "77"
    alpha.land(world)
    codeless = catalogue_row("", stage=1, statutory=20, promised=5, item_name="无编码的事项")
    same_code = catalogue_row("IT01", version="1 ", stage=1, statutory=30, promised=5, item_name="另一事项")
    land(world, "zhengwu", "service_item", [codeless, same_code])
    build.build(settings, as_of=AS_OF, select=CASES)
    found = world.execute(
        "select rule, business_key, count(*) from marts.issue_log group by 1, 2 order by 1, 2"
    ).fetchall()
    assert found == [
        ("case_without_events", "alpha:A3", 1),
        ("event_before_project_code", "alpha:A1", 1),
        ("event_before_project_code", "alpha:A2", 1),
        ("event_time_unreadable", "alpha:A1", 2),
        ("item_sent_twice", "IT01/1", 1),
        ("item_without_code", "无编码的事项", 1),
        ("limit_missing", "alpha:A2", 1),
        ("log_starts_late", "alpha:A2", 1),
        ("no_entry_times", "alpha", 1),
        ("order_error", "alpha:A2", 1),
        ("orphan_event", "alpha:NONE", 1),
        ("stand_in_date", "alpha:A1", 1),
        ("unknown_item", "alpha:A2", 1),
        ("unknown_status", "alpha:A1", 1),
    ]
    (told,) = one(world, "select detail from marts.issue_log where rule = 'item_sent_twice'")
    assert told == "“事项IT01”搁置：同一编码和版本以后到的“另一事项”为准，法定 20 与 30"
    assert one(
        world, "select elapsed_working_days, clock_flags from marts.fct_item_instance where instance_code = 'A1'"
    ) == (3, None)


MOMENTS = {
    "2025-03-03 10:22:01": "2025-03-03 10:22:01",
    "2025-03-03T10:22:01": "2025-03-03 10:22:01",
    "2025-03-03T10:22:01+08:00": "2025-03-03 10:22:01",
    "2025-03-03T02:22:01Z": "2025-03-03 10:22:01",
    "2025-03-03 10:22:01+08": "2025-03-03 10:22:01",
    "2025/3/3": "2025-03-03 00:00:00",
    "2025年3月3日": "2025-03-03 00:00:00",
    "２０２５年３月３日 10时22分": "2025-03-03 10:22:00",
    " 20250303 ": "2025-03-03 00:00:00",
    "2025年2月30日": None,
    "2019年5月": None,
    "today": None,
    "3/4/2025": None,
    "无": None,
}


def test_moments_as_people_type_them(settings, world):
    alpha = Spgl("alpha")
    for number, typed in enumerate(MOMENTS):
        alpha.event(str(number), "X", "accepted", typed)
    alpha.land(world)
    build.build(settings, as_of=AS_OF, select="+stg_spgl__case_events")
    rows = dict(
        world.execute("select instance_code::integer, event_at::text from staging.stg_spgl__case_events").fetchall()
    )
    assert {typed: rows[number] for number, typed in enumerate(MOMENTS)} == MOMENTS


def test_check_digit_and_old_format(settings, world):
    """ISO 7064 MOD 11,10 on published codes; a changed digit, two swapped ones, an old code without a check digit."""
    codes = {
        "2509-320193-89-01-544060": True,
        "2603-141124-89-05-346948": True,
        "2309-420683-04-01-106139": True,
        "2509-320193-89-01-544061": False,
        "2509-320193-89-01-445060": False,
        "2017-330199-47-03-000001": False,
    }
    alpha = Spgl("alpha")
    for code in codes:
        alpha.works(f"{code}-001", code)
    alpha.land(world)
    build.build(settings, as_of=AS_OF, select="+int_projects")
    found = world.execute("select project_code, has_valid_check_digit from intermediate.int_projects").fetchall()
    assert dict(found) == codes


def test_a_build_for_an_earlier_day_knows_nothing_of_later(settings, world):
    alpha = Spgl("alpha")
    works = f"{PROJECT_CODE}-001"
    alpha.works(works, PROJECT_CODE, sbsj="2025-03-01 09:00:00")
    alpha.case("A1", works, "IT01", 5, DONE)
    alpha.add(
        "xmspsxpfwjxxb", spsxslbm="A1", gcdm=works, pfrq="2025-03-06", pfwh="甲〔2025〕1号", pfwjbt="关于工程的批复"
    )
    alpha.case("A2", works, "IT01", 5, events(("received", "2025-03-10"), ("accepted", "2025-03-10")))
    alpha.works(f"{OLD_CODE}-001", OLD_CODE, sbsj="2025-03-20 09:00:00", nkgsj="2025-06-01", njcsj="2026-06-01")
    alpha.land(world)
    seen = {}
    for day in (date(2025, 3, 5), date(2025, 3, 31)):
        build.build(settings, as_of=day, select=f"{CASES} +fct_milestone +fct_case_doubt", with_tests=False)
        cases = world.execute(
            "select instance_code, outcome, elapsed_working_days from marts.fct_item_instance order by 1"
        )
        projects = one(world, "select count(*) from marts.fct_project_lifecycle")[0]
        milestones = one(world, "select count(distinct project_code) from marts.fct_milestone")[0]
        seen[day] = (cases.fetchall(), projects, milestones)
        assert one(world, "select count(*) from marts.fct_case_doubt where is_finish_withheld") == (0,)
    assert seen[date(2025, 3, 5)] == ([("A1", "open", 2)], 1, 1)
    assert seen[date(2025, 3, 31)] == ([("A1", "passed", 3), ("A2", "open", 15)], 2, 2)


@pytest.fixture(scope="module")
def built_twice(settings, tmp_path_factory):
    """Connection (autocommit) to a world after two builds, and the digests of its marts after each."""
    with (
        pytest.MonkeyPatch.context() as patch,
        psycopg.connect(settings.admin_dsn("yidang"), autocommit=True) as warehouse,
    ):
        open_world(settings, tmp_path_factory.mktemp("departments"), patch)
        land(warehouse, "zhengwu", "service_item", [catalogue_row("IT01", stage=1, statutory=20, promised=5)])
        alpha = Spgl("alpha")
        alpha.works(f"{PROJECT_CODE}-001", PROJECT_CODE)
        for number in range(20):
            day = date(2025, 3, 3) + timedelta(days=number)
            received = events(("received", "2025-03-03"), ("accepted", f"{day}"))
            alpha.case(f"A{number}", f"{PROJECT_CODE}-001", "IT01", 5, received)
        alpha.land(warehouse)
        marts = [
            "fct_item_instance",
            "fct_stage",
            "fct_project_lifecycle",
            "fct_item_event",
            "issue_log",
            "agg_indicator",
        ]
        select = " ".join(f"+{mart}" for mart in [*marts, "dim_calendar", "agg_indicator"])
        digests = []
        for _ in range(2):
            build.build(settings, as_of=AS_OF, select=select, with_tests=False)
            digests.append([table_digest(warehouse, mart) for mart in [*marts, "dim_calendar", "agg_indicator"]])
        yield warehouse, digests


def test_a_repeated_build_gives_the_same_rows(built_twice):
    _, digests = built_twice
    assert digests[0] == digests[1]


def test_the_reader_sees_marts_and_nothing_else(settings, built_twice):
    warehouse, _ = built_twice
    with psycopg.connect(settings.dsn("reader"), autocommit=True) as reader:
        relations = "select relname from pg_class where relnamespace = 'marts'::regnamespace and relkind in ('r', 'v')"
        marts = [name for (name,) in warehouse.execute(relations).fetchall()]
        assert len(marts) >= 8
        for mart in marts:
            reader.execute(f"select count(*) from marts.{mart}")
        for hidden in ("intermediate.int_cases", "raw_alpha.spgl_xmjbxxb", "landing.batch", "staging.stg_spgl__works"):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                reader.execute(f"select count(*) from {hidden}")


def test_a_failed_build_names_the_node_and_keeps_the_last_good_marts(settings, world):
    alpha = Spgl("alpha")
    alpha.works(f"{PROJECT_CODE}-001", PROJECT_CODE)
    alpha.case("A1", f"{PROJECT_CODE}-001", "IT01", 5, DONE)
    alpha.land(world)
    build.build(settings, as_of=AS_OF, select=CASES, with_tests=False)
    world.execute("drop table raw_beta.spgl_xmspsxblxxb cascade")
    world.execute(
        "create table raw_beta.spgl_xmspsxblxxb (spsxbm jsonb, _batch_id bigint,"
        " _row_number bigint generated by default as identity, _landed_at timestamptz)"
    )  # landing adds the other declared columns
    world.execute("alter table raw_beta.spgl_xmspsxblxxb owner to yidang_loader")
    with pytest.raises(YidangError) as caught:
        build.build(settings, as_of=AS_OF, select=CASES, with_tests=False)
    assert "int_permit_numbers" in caught.value.what
    assert "(jsonb) does not exist" in caught.value.what
    assert one(world, "select count(*) from marts.fct_item_instance") == (1,)


def test_a_selection_that_names_nothing_is_an_error(settings, world):
    with pytest.raises(YidangError, match="nothing to build"):
        build.build(settings, as_of=AS_OF, select="no_such_model")


def test_a_second_build_waits_for_the_first(settings, world):
    finished = threading.Event()

    def run() -> None:
        build.build(settings, as_of=AS_OF, select="dim_calendar+ +dim_calendar")
        finished.set()

    with psycopg.connect(settings.dsn("transformer"), autocommit=True) as first:
        first.execute("select pg_advisory_lock(hashtext('yidang build'))")
        second = threading.Thread(target=run)
        second.start()
        waiting = "select count(*) from pg_locks where locktype = 'advisory' and not granted"
        deadline = time.monotonic() + 30
        while one(world, waiting) == (0,):
            assert time.monotonic() < deadline, "the second build never came to the lock"
            time.sleep(0.05)
        assert not finished.is_set()
    second.join(timeout=120)
    assert finished.is_set()


def test_any_dbt_command_runs_with_the_same_connection(settings, world):
    assert build.run_dbt(settings, ["ls", "--resource-type", "model", "--quiet"], AS_OF)
    assert not build.run_dbt(settings, ["run-operation", "no_such_macro"], AS_OF)
