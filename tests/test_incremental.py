"""A build of what changed leaves the same rows in every table as a build of everything, whatever happened between."""

# ruff: noqa: S608 - the queries are put together from our own names

from __future__ import annotations

import shutil
from datetime import date, timedelta

import psycopg
import pytest
from clock_world import PROJECT_CODE, Spgl, catalogue_row, land, open_world

from yidang import build, contracts, corrections, landing
from yidang.build_state import BuildState
from yidang.errors import YidangError

pytestmark = pytest.mark.integration

DAY = date(2025, 3, 31)
OTHER = "2603-141124-89-05-346948"
LATE = "2017-330199-47-03-000042"  # a project that is registered after its case
# Of these every build makes only the rows that it needs.
WORK_TABLES = {
    "build_batch", "build_record", "changed_row", "int_changed_cases", "int_changed_projects",
    "int_case_acceptances", "int_case_clocks", "int_case_extensions", "int_case_flags", "int_case_limits",
    "int_case_pauses", "int_touched_cases", "int_stirred_cases", "int_stirred_projects",
    "former_int_case_days", "former_int_case_paths", "former_int_item_instances",
}  # fmt: skip
# All that there are, by the number that a view which is made anew does not keep.
VIEWS = """
select array_agg(relname || ' ' || oid order by relname) from pg_class
where relkind = 'v' and relnamespace::regnamespace::text in ('staging', 'intermediate', 'marts')
"""


@pytest.fixture(scope="module")
def world(settings, tmp_path_factory):
    """alpha and beta speak the standard, fagai sends a feed, zhengwu has the catalogue; connection (autocommit)."""
    with (
        pytest.MonkeyPatch.context() as patch,
        psycopg.connect(settings.admin_dsn("yidang"), autocommit=True) as warehouse,
    ):
        folder = tmp_path_factory.mktemp("departments")
        register = settings.departments_dir / "fagai.yml"
        open_world(settings, folder, patch)
        shutil.copy(register, folder)
        landing.ensure_landing(settings, contracts.load_departments(settings))
        yield warehouse


def works(number: int) -> str:
    return f"{PROJECT_CODE}-{number:03}"


def moments(*pairs: tuple[str, str]) -> list[dict]:
    return [{"kind": kind, "at": f"{day} 10:00:00"} for kind, day in pairs]


def contents(warehouse: psycopg.Connection) -> dict[str, list[str]]:
    """Every row of every table and view of marts and intermediate, as text, sorted."""
    relations = warehouse.execute(
        "select relnamespace::regnamespace || '.' || relname from pg_class"
        " where relnamespace in ('marts'::regnamespace, 'intermediate'::regnamespace) and relkind in ('r', 'v')"
        " and relname <> all(%s) order by 1",
        (list(WORK_TABLES),),
    ).fetchall()
    return {
        name: [row for (row,) in warehouse.execute(f"select t::text from {name} as t order by 1").fetchall()]
        for (name,) in relations
    }


def touched(warehouse: psycopg.Connection) -> set[str]:
    """Cases whose row of int_cases the last build computed."""
    return {case for (case,) in warehouse.execute("select case_id from intermediate.int_touched_cases")}


def one(warehouse: psycopg.Connection, query: str) -> object:
    return warehouse.execute(query).fetchone()[0]


class Story:
    """Lands what happens and builds after each step, first what changed, then everything, and compares."""

    def __init__(self, settings, warehouse) -> None:
        self.settings, self.warehouse = settings, warehouse

    def changes_only(self, as_of: date) -> set[str]:
        """Build what changed; the cases that were computed."""
        result = build.build(self.settings, as_of=as_of, with_tests=False)
        assert result.full_refresh == ""
        return {row for (row,) in self.warehouse.execute("select case_id from intermediate.int_changed_cases")}

    def everything(self, as_of: date) -> dict[str, list[str]]:
        result = build.build(self.settings, as_of=as_of, with_tests=False, full_refresh=True)
        assert result.full_refresh == "asked for"
        return contents(self.warehouse)

    def compare(self, as_of: date) -> set[str]:
        changed = self.changes_only(as_of)
        self.agrees(as_of)
        return changed

    def agrees(self, as_of: date) -> None:
        """What the last build left is what everything gives."""
        found = contents(self.warehouse)
        wanted = self.everything(as_of)
        differing = {
            name: (sorted(set(found.get(name, [])) - set(rows))[:3], sorted(set(rows) - set(found.get(name, [])))[:3])
            for name, rows in wanted.items()
            if found.get(name) != rows
        }
        assert differing == {}
        assert set(found) == set(wanted)


def test_changes_only_and_everything_give_the_same_rows(settings, world, tmp_path):
    story = Story(settings, world)
    land(
        world, "zhengwu", "service_item", [catalogue_row(f"IT0{n}", stage=n, statutory=20, promised=5) for n in (1, 2)]
    )
    register = [
        {
            "id": "1",
            "project_code": PROJECT_CODE,
            "project_name": "甲项目",
            "registered_at": "2025-01-02",
            "flow_type": "x",
        },
        {"id": "2", "project_code": OTHER, "project_name": "乙项目", "registered_at": "2025-04-02", "flow_type": "x"},
    ]
    land(world, "fagai", "projects", register)
    approval = {
        "id": "1", "case_no": "F1", "item_code": "IT01", "project_code": PROJECT_CODE, "received_at": "2025-03-03",
        "accepted_at": "2025-03-04", "corrections": "[]", "reviews": "[]", "promised_days": "5",
        "updated_at": "2025-03-04",
    }  # fmt: skip
    land(world, "fagai", "approvals", [approval, {**approval, "id": "2", "case_no": "F2"}])
    alpha, beta = Spgl("alpha"), Spgl("beta")
    alpha.works(f"{OTHER}-001", OTHER)
    for number in range(12):
        alpha.works(works(number), PROJECT_CODE)
    started = moments(("received", "2025-03-03"), ("accepted", "2025-03-04"))
    for number in range(6):
        done = moments(("decided_pass", f"2025-03-{10 + number:02}")) if number < 4 else []
        alpha.case(f"A{number}", works(number), "IT01", 5, [*started, *done])
    alpha.case("A6", f"{OTHER}-001", "IT02", 5, moments(("received", "2025-04-01"), ("accepted", "2025-04-02")))
    alpha.case(
        "A7", "无", "IT02", 5, [*started, *moments(("special_start", "2025-03-10"), ("special_end", "2025-04-03"))]
    )
    alpha.case("A9", f"{LATE}-001", "IT02", 5, started)
    # nobody answers: after five working days it counts as accepted, though nothing happens
    alpha.case("A10", works(6), "IT01", 5, moments(("received", "2025-03-26")))
    alpha.add("xmspsxpfwjxxb", spsxslbm="A7", pfwh="云环审〔2025〕7号", pfrq="2025-03-20")
    nobody = {"spsxslbm": "NOBODY", "gcdm": works(0), "pfwh": "云环审〔2025〕9号", "pfrq": "2025-03-20"}
    alpha.add("xmspsxpfwjxxb", **nobody, pfwjbt="关于事项IT02的批复")
    moving = alpha.add("xmspsxblxxb", spsxslbm="A8", gcdm=works(8), spsxbm="IT02", spsxbbh="1", sxblsx=5)
    event = alpha.event("A8", works(8), "accepted", "2025-03-05 09:00:00")
    for number in range(3):
        beta.case(f"B{number}", works(9 + number), "IT02", 5, [*started, *moments(("decided_pass", "2025-03-12"))])
    case_of_b2 = beta.rows["spgl_xmspsxblxxb"][2]
    alpha.land(world)
    beta.land(world)
    story.everything(DAY)

    # the next days: only what is open and what they bring; and what no code leads to a project is tried again
    assert story.changes_only(DAY + timedelta(days=3)) == {
        "alpha:A10", "alpha:A4", "alpha:A5", "alpha:A6", "alpha:A7", "alpha:A8", "alpha:A9", "fagai:F1", "fagai:F2"
    }  # fmt: skip
    assert touched(world) == {"alpha:A7", "alpha:A9"}
    deemed = "select is_deemed_accepted from intermediate.int_case_acceptances where case_id = 'alpha:A10'"
    assert one(world, deemed)
    story.agrees(DAY + timedelta(days=3))

    # a decision; a pause that a void row takes back; a case that moves to another project; an event that moves to
    # another case; a feed's case that is decided and one that vanishes; a batch that waits at the gate; who applies for
    # a 工程; a permit number that leads a case without a code to its project; a project registered after its case
    alpha.event("A4", works(4), "decided_pass", "2025-04-02 10:00:00")
    alpha.add("xmspsxpfwjxxb", spsxslbm="A4", pfwh="云环审〔2025〕7号", pfrq="2025-04-02")
    alpha.add("xmdwxxb", gcdm=works(5), dwtyshxydm="91350100M000100Y43", dwmc="示例置业", dwlx="1")
    alpha.land(world)
    land(world, "fagai", "projects", [{**register[1], "id": "3", "project_code": LATE}])
    land(world, "alpha", "spgl_xmspsxblxxb", [{**moving, "gcdm": f"{OTHER}-001"}])
    land(world, "alpha", "spgl_xmspsxblxxxxb", [{**event, "spsxslbm": "A3", "blsj": "2025-03-06 09:00:00"}])
    land(world, "fagai", "approvals", [{**approval, "decided_at": "2025-04-01", "result": "同意"}])
    land(world, "fagai", "approvals", [{**approval, "id": "2", "case_no": "F3"}])
    late = {"lsh": "9001", "spsxslbm": "B0", "blzt": "15", "blsj": "2025-04-03 09:00:00", "sjyxbs": "1"}
    waiting = land(world, "beta", "spgl_xmspsxblxxxxb", [late], gate="pending")
    changed = story.compare(DAY + timedelta(days=4))
    links = "select case_id, match_tier, applicant_name from intermediate.int_cases where case_id = any(%s) order by 1"
    assert world.execute(links, (["alpha:A5", "alpha:A7", "alpha:A9"],)).fetchall() == [
        ("alpha:A5", "T1", "示例置业"),
        ("alpha:A7", "T4", None),
        ("alpha:A9", "T3", None),
    ]
    assert {"alpha:A3", "alpha:A4", "alpha:A8", "fagai:F1", "fagai:F2", "fagai:F3"} <= changed
    assert not changed & {"alpha:A0", "alpha:A1", "alpha:A2", "beta:B0", "beta:B1", "beta:B2"}

    # the gate lets the older batch through; then a case is taken back, an item gets another limit, a project another
    # name, an event another day, and the day goes back
    world.execute("update landing.batch set gate = 'passed' where batch_id = %s", (waiting,))
    land(world, "beta", "spgl_xmspsxblxxb", [{"lsh": case_of_b2["lsh"], "spsxslbm": "B2", "sjyxbs": "0"}])
    later = catalogue_row("IT02", version="2", stage=3, statutory=10, promised=4, effective_from="2025-04-05")
    land(world, "zhengwu", "service_item", [catalogue_row("IT02", stage=2, statutory=10, promised=5), later])
    land(world, "fagai", "projects", [{**register[0], "project_name": "甲项目（一期）"}])
    file = tmp_path / "corrections.csv"
    file.write_text(
        "entity,key,field,old_value,new_value,reason,editor,date\n"
        "event,alpha:A1@decided_pass@2025-03-11 10:00:00,event_at,2025-03-11 10:00,2025-03-13,"
        "按纸质件更正,数据组,2025-04-01\n",
        encoding="utf-8",
    )
    corrections.load(settings, file)
    assert {"alpha:A1", "beta:B0", "beta:B2", "alpha:A7"} <= story.compare(DAY + timedelta(days=1))

    # the day passes the beginning of a version of the catalogue, which also says what a permit of nobody's case is
    stage = "select stage_number from intermediate.int_case_permits where case_id = 'alpha:NOBODY'"
    assert one(world, stage) == 2
    story.compare(DAY + timedelta(days=5))
    assert one(world, stage) == 3


def test_the_next_night_neither_reads_the_project_nor_makes_views(settings, world):
    parsed, views = settings.dbt_target_dir / "partial_parse.msgpack", one(world, VIEWS)
    parsed_at = parsed.stat().st_mtime_ns
    build._PARSED.clear()  # as in another process
    Story(settings, world).changes_only(DAY + timedelta(days=2))
    assert parsed.stat().st_mtime_ns == parsed_at
    assert one(world, VIEWS) == views


def test_after_a_build_that_broke_off_everything_is_computed(settings, world):
    alpha = Spgl("alpha")
    alpha.serial = 500
    alpha.event("A5", works(5), "decided_pass", "2025-04-02 10:00:00")
    alpha.land(world)
    world.execute("alter table marts.dim_item rename to broken")
    world.execute("create materialized view marts.dim_item as select 1 as item_code")
    try:
        with pytest.raises(YidangError, match="dim_item"):
            build.build(settings, as_of=DAY, with_tests=False)
    finally:
        world.execute("drop materialized view if exists marts.dim_item cascade")
        world.execute("drop table if exists marts.broken cascade")
    result = build.build(settings, as_of=DAY, with_tests=False)
    assert result.full_refresh == "no whole build to start from"
    assert one(world, "select outcome from marts.fct_item_instance where case_id = 'alpha:A5'") == "open"


def test_readers_never_miss_a_mart_that_is_a_view(settings, world):
    """A full refresh of the table beneath alone: the view stands and shows the new rows. The next build is whole."""
    before = one(world, "select 'marts.fct_item_instance'::regclass::oid")
    tomorrow = DAY + timedelta(days=1)
    assert build.is_current(settings, DAY)
    build.build(settings, as_of=tomorrow, with_tests=False, select="int_build int_item_instances")
    assert one(world, "select 'marts.fct_item_instance'::regclass::oid") == before
    assert one(world, "select min(as_of) from marts.fct_item_instance") == tomorrow
    with psycopg.connect(settings.dsn("reader")) as reader:
        assert reader.execute("select count(*) from marts.fct_item_instance").fetchone()[0] > 0
    assert not build.is_current(settings, tomorrow)


MADE_OF = dict.fromkeys(("models", "calendar", "departments", "overrides"), "as before")


@pytest.fixture
def state(settings, world):
    """State of a set of schemas of its own, after a whole build of every batch; gone at the end."""
    with psycopg.connect(settings.dsn("transformer"), autocommit=True) as transformer:
        found = BuildState(transformer, "other_intermediate")
        assert found.begin(found.last(), MADE_OF, None) == "no whole build to start from"
        found.finish(DAY, MADE_OF)
        yield found
        world.execute("drop schema if exists other_intermediate, other_staging cascade")


def test_the_next_build_starts_from_the_last(state, world):
    new = land(world, "beta", "spgl_xmspsxblxxxxb", [{"lsh": "9100"}])
    assert state.last().as_of == DAY
    assert state.begin(state.last(), MADE_OF, None) == ""
    assert world.execute("select batch_id from other_intermediate.build_batch where is_new").fetchall() == [(new,)]
    assert state.last() is None, "while it runs, nobody may start from it"


def quarantine(world: psycopg.Connection) -> None:
    world.execute(
        "insert into landing.quarantine (department, table_name, batch_id, row_number, rule, reason, severity)"
        " select department, table_name, batch_id, 1, 'late', 'late', 'fail' from landing.batch order by 1 limit 1"
    )


@pytest.mark.parametrize("part", MADE_OF)
def test_whatever_else_changed_everything_is_computed(state, part):
    assert state.begin(state.last(), MADE_OF | {part: "otherwise"}, None) != ""


@pytest.mark.parametrize(
    ("happens", "batch_until", "reason"),
    [
        (lambda world: None, 3, "batches that were read before are not to be read now"),
        (quarantine, None, "rows that were read before were quarantined or released"),
        (
            lambda world: world.execute("create table other_intermediate.by_hand ()"),
            None,
            "tables or views were made or dropped by hand",
        ),
        (
            lambda world: world.execute("create schema other_staging create view by_hand as select 1"),
            None,
            "tables or views were made or dropped by hand",
        ),
        (
            lambda world: land(world, "alpha", "spgl_dfxmsplcxxb", [{"lsh": "1"}]),
            None,
            "new definitions of flows",
        ),
    ],
    ids=["earlier batch", "quarantine", "table by hand", "view by hand", "flows"],
)
def test_what_a_build_of_changes_cannot_follow(state, world, happens, batch_until, reason):
    happens(world)
    assert state.begin(state.last(), MADE_OF, batch_until) == reason
