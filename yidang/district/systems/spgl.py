"""The exchange library of a department that speaks the national standard 2.0, with the faults such libraries have."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date
from random import Random

import psycopg

from yidang.district.catalogue import (
    DEPARTMENTS,
    DISTRICT_NAME,
    ITEMS,
    REFORM_DATE,
    REFORMS,
    REGION_CODE,
    STAGE_LIMITS,
    STAGES,
    Item,
)
from yidang.district.codes import credit_code
from yidang.district.flows import FLOW_TYPES, FLOWS
from yidang.district.model import Case, Event, Works, World
from yidang.district.systems import copying
from yidang.district.systems.spgl_tables import TABLES
from yidang.district.worktime import DAY

SCHEMA = "spgl"
STATES = {
    "received": 1,
    "withdrawn": 2,
    "accepted": 3,
    "not_accepted": 4,
    "refused_acceptance": 5,
    "correction_requested": 6,
    "correction_received": 7,
    "department_started": 8,
    "special_start": 9,
    "special_end": 10,
    "decided_pass": 11,
    "decided_pass_tolerant": 12,
    "decided_deny": 13,
}
OPINIONS = {4: "不属于本机关受理范围", 5: "材料不符合法定形式", 6: "请补正材料", 13: "不符合审批条件"}
PROCEDURES = {"专家评审": 2, "公示": 5}
UPLOAD_EVERY = 1800  # the exchange job runs every half hour, so many rows share an upload time
VOID_CHANCE, REPEAT_CHANCE = 0.03, 0.01
FIRST_FLOW_DATE = date(2024, 1, 1)


@dataclass(slots=True)
class _Row:
    """A physical row before it has its LSH. inserted fixes the LSH's order; uploaded becomes SCSJ."""

    inserted: int
    uploaded: int
    values: tuple
    void_reason: str | None = None
    state: int = 3
    failure: str | None = None


@dataclass
class _Library:
    """Rows per table, in the order they are thought of; written out in the order they were inserted."""

    world: World
    department: str
    random: Random
    rows: dict[str, list[_Row]] = field(default_factory=lambda: {table: [] for table in TABLES})

    def add(self, table: str, moment: int, values: tuple, wrong: tuple | None = None) -> None:
        """One true row at the first upload after `moment`; now and then it takes a void row or two to get there.

        wrong: the values a first, mistaken upload of the same key carried (None: never mistaken).
        """
        uploaded = -(-moment // UPLOAD_EVERY) * UPLOAD_EVERY
        if uploaded >= self.world.time.horizon:
            return  # not visible yet on the last day
        luck = self.random.random()
        later = uploaded + self.random.randint(2, 240) * UPLOAD_EVERY
        if later >= self.world.time.horizon:
            luck = 1.0
        if wrong is not None and luck < VOID_CHANCE:
            # The mistaken row is voided in place by the correction, so its upload time moves and its LSH does not.
            self.rows[table].append(_Row(uploaded, later, wrong, void_reason="填报有误，作废重报"))
            self.rows[table].append(_Row(later, later, values))
        elif luck < VOID_CHANCE + REPEAT_CHANCE:
            self.rows[table].append(_Row(uploaded, uploaded, values, state=2, failure="接口超时，请重新上传"))
            self.rows[table].append(_Row(later, later, values))
        else:
            age = self.world.time.horizon - uploaded
            # The platform checks within half a day and takes over within a day.
            state = 0 if age < DAY // 2 else 1 if age < DAY else 3
            self.rows[table].append(_Row(uploaded, uploaded, values, state=state))

    def physical(self, table: str) -> Iterator[tuple]:
        time = self.world.time
        rows = sorted(self.rows[table], key=lambda row: row.inserted)  # stable: ties keep the order of the events
        for lsh, row in enumerate(rows, 1_000_001):
            uploaded = time.moment(row.uploaded)
            is_valid = 0 if row.void_reason else 1
            tail = (is_valid, row.void_reason, row.failure, uploaded.date(), row.state, uploaded)
            yield (lsh, f"{self.department}-{lsh}", REGION_CODE, *row.values, *tail)


def write(world: World, department: str, connection: psycopg.Connection, reader: str, stamp: str) -> None:
    """Fill schema `spgl` of the department's database; zhujian also keeps the whole district's flow definitions."""
    library = _Library(world, department, Random(f"{world.seed}:spgl:{department}"))
    if department == "zhujian":
        _flows(library)
    works: dict[Works, int] = {}
    for case in world.cases:
        if case.item.department == department:
            works.setdefault(case.works, case.events[0].recorded)
            _case(library, case)
    for place, moment in works.items():
        _works(library, place, moment)
    copying.recreate_schema(connection, SCHEMA, reader, stamp)
    for table, columns in TABLES.items():
        copying.fill(connection, SCHEMA, table, columns, library.physical(table), index=("scsj", "lsh"))


# -- flow definitions -------------------------------------------------------------------------------------
def _flows(library: _Library) -> None:
    world = library.world
    first = min(FIRST_FLOW_DATE, world.time.start)
    versions = [(1, first, 8 * 3600)]
    if world.time.end >= REFORM_DATE:
        versions.append((2, REFORM_DATE, max(world.time.second(REFORM_DATE) - 6 * 3600, 9 * 3600)))
    for version, effective, moment in versions:
        for flow_type, name in FLOW_TYPES.items():
            flow = flow_code(flow_type)
            library.add("spgl_dfxmsplcxxb", moment, (flow, name, version, effective, flow_type, None, None, None, None))
            for stage, title in ({**STAGES, **world.profile.stage_names}).items():
                values = (flow, version, f"{flow}-{version}-{stage}", title, stage, str(stage), STAGE_LIMITS[stage], 1)
                library.add("spgl_dfxmsplcjdxxb", moment, values)
            for code in FLOWS[flow_type].items():
                library.add("spgl_dfxmsplcjdsxxxb", moment, _flow_item(flow, version, flow_type, ITEMS[code]))


def _flow_item(flow: str, flow_version: int, flow_type: int, item: Item) -> tuple:
    reformed = flow_version == 2 and item.code in REFORMS
    department = DEPARTMENTS[item.department]
    return (
        flow,
        flow_version,
        item.stage,
        item.code,
        2 if reformed else 1,
        item.name,
        item.national_code,
        int(item.commitment),
        2,
        1,
        "1",
        REFORMS[item.code].promised if reformed else item.promised,
        department.code,
        department.name,
        ",".join(item.prerequisites) or None,
        int(item.code in FLOWS[flow_type].milestones),
    )


def flow_code(flow_type: int) -> str:
    return f"YX-LC-{flow_type}"


# -- cases --------------------------------------------------------------------------------------------------
def _case(library: _Library, case: Case) -> None:
    if case.document_number:
        _document(library, case)
    if not case.is_visible:
        return
    department = DEPARTMENTS[case.item.department]
    flow_version = 2 if library.world.time.moment(case.received).date() >= REFORM_DATE else 1

    def header(limit: int) -> tuple:
        return (
            case.works.code,
            case.item.code,
            case.version,
            flow_code(case.project.flow_type),
            flow_version,
            case.code,
            department.code,
            department.name,
            4 if case.online else 1,
            1,
            case.parallel_group or None,
            limit,
        )

    library.add("spgl_xmspsxblxxb", case.events[0].recorded, header(case.promised), wrong=header(case.promised + 5))
    for place, event in enumerate(case.events):
        if case.planted == "withheld" and place == len(case.events) - 1:
            continue
        _event(library, case, event)
        _repeated_state(library, case, event)
        if event.kind == "special_start":
            start = library.world.time.moment(event.at)
            values = (case.works.code, case.code, PROCEDURES[event.reason], event.reason, start, 1, 0)
            library.add("spgl_xmspsxbltbcxxxb", event.recorded, values)


def _event(library: _Library, case: Case, event: Event) -> None:
    random = library.random
    state = STATES[event.kind]
    moment = library.world.time.moment(event.at)
    opinion = OPINIONS.get(state) or ("暂无意见" if random.random() < 0.05 else "同意")
    values = (case.works.code, case.code, case.office, case.officer, state, opinion, moment)
    mistaken = library.world.time.moment(max(event.at - random.randint(1, 6) * DAY, 0))
    library.add("spgl_xmspsxblxxxxb", event.recorded, values, wrong=(*values[:-1], mistaken))


def _repeated_state(library: _Library, case: Case, event: Event) -> None:
    """After a pause the sender's system writes the state held before it once more, at the same second."""
    accepted = case.accepted
    if event.kind not in ("special_end", "correction_received") or accepted is None or event.at < accepted:
        return
    state = 8 if event.kind == "special_end" else 3
    moment = library.world.time.moment(event.at)
    values = (case.works.code, case.code, case.office, case.officer, state, "同意", moment)
    library.add("spgl_xmspsxblxxxxb", event.recorded, values)


def _document(library: _Library, case: Case) -> None:
    decided = library.world.time.moment(case.ended).date()
    title = f"关于{case.project.name}{case.item.name}的批复"
    expiry = date(9999, 1, 1)
    values = (
        case.works.code,
        case.code,
        decided,
        case.document_number,
        title,
        expiry,
        "批文.pdf",
        "pdf",
        f"FJ{case.code}",
    )
    library.add("spgl_xmspsxpfwjxxb", case.events[-1].recorded, values)


# -- 工程 and the bodies behind it ------------------------------------------------------------------------
def _works(library: _Library, works: Works, moment: int) -> None:
    random = library.random
    project = works.project
    time = library.world.time
    is_government = project.flow.investment == "政府投资"
    stand_in = random.random() < 0.03
    planned = time.moment(project.registered + 300 * DAY).date()
    flow_version = 2 if time.moment(moment).date() >= REFORM_DATE else 1

    def basics(area: int, finished: int | None = None) -> tuple:
        return (
            project.code,
            project.name,
            works.code,
            works.name,
            None,
            1 if is_government else 2,
            2 if is_government else 4,
            int(project.flow_type == 5),
            0,
            project.flow_type,
            1 if is_government else 3,
            23,
            1,
            1,
            "2017",
            "A01" if stand_in else project.industry_code,
            date(1970, 1, 1) if stand_in else planned,
            date(1970, 12, 31) if stand_in else time.moment(project.registered + 900 * DAY).date(),
            int(finished is not None),
            None if finished is None else time.moment(finished).date(),
            project.investment_wan,
            REGION_CODE,
            f"{DISTRICT_NAME}{project.street}",
            None,
            None,
            "虚构示例工程",
            0 if stand_in else round(area * 0.6),
            area,
            time.moment(project.registered),
            flow_code(project.flow_type),
            flow_version,
        )

    area = 0 if stand_in else works.area
    library.add("spgl_xmjbxxb", moment, basics(area), wrong=basics(1))
    if works.finished is not None:
        # The finished 工程 is sent again; the earlier row stays valid, and the higher LSH governs.
        library.add("spgl_xmjbxxb", max(works.finished, moment) + DAY, basics(area, works.finished))
    bodies = [(project.owner_credit_code, project.owner_name, 1)]
    for kind, name in ((4, "设计"), (2, "施工")):
        bodies.append((credit_code(random, REGION_CODE), f"示例{name}单位{random.randrange(1, 400):03d}（虚构）", kind))
    for credit, name, kind in bodies:
        library.add("spgl_xmdwxxb", moment, (works.code, project.code, credit, name, kind))
