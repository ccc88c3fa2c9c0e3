"""The project register of 发改 and the permits of 水务, as the JSON records their HTTP interfaces hand out."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import closing
from pathlib import Path
from random import Random

from yidang.district.catalogue import REGION_CODE
from yidang.district.flows import FLOW_TYPES
from yidang.district.model import Case, Event, Project, World
from yidang.district.worktime import DAY

RESULTS = {"passed": "同意", "denied": "不同意", "withdrawn": "撤回"}
STEPS = {
    "received": "收件",
    "accepted": "受理",
    "correction_requested": "补正告知",
    "correction_received": "补正收到",
    "special_start": "专家评审开始",
    "special_end": "专家评审结束",
    "decided_pass": "办结",
    "decided_deny": "办结",
    "not_accepted": "退件",
    "withdrawn": "撤回",
}
STATES = {"passed": "已办结", "denied": "已办结", "withdrawn": "已撤回", "not_accepted": "已退件", "open": "办理中"}
FULL_WIDTH = str.maketrans("0123456789-", "０１２３４５６７８９－")

_TABLES = """
create table record (
    kind text not null, id not null, updated text not null, body text not null, primary key (kind, id)
);
create index record_updated on record (kind, updated, id);
"""


def write(world: World, path: Path) -> None:
    """Write the SQLite file the HTTP server reads; the server sees either the old file or the whole new one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_suffix(".new")
    temporary.unlink(missing_ok=True)
    cases = [case for case in world.cases if case.is_visible]
    with closing(sqlite3.connect(temporary)) as store, store:
        store.executescript(_TABLES)
        _insert(store, "projects", "updated_at", "id", _projects(world))
        _insert(store, "approvals", "updated_at", "id", _approvals(world, cases))
        _insert(store, "permits", "modified", "permit_id", _permits(world, cases))
    temporary.replace(path)


def _insert(store: sqlite3.Connection, kind: str, updated: str, key: str, records: Iterable[dict]) -> None:
    rows = ((kind, record[key], record[updated], json.dumps(record, ensure_ascii=False)) for record in records)
    store.executemany("insert into record (kind, id, updated, body) values (?, ?, ?, ?)", rows)


# -- 发改 -------------------------------------------------------------------------------------------------
def _projects(world: World) -> Iterator[dict]:
    random = Random(f"{world.seed}:fagai")
    twice = set(world.planted["duplicate_projects"])
    last = world.time.horizon - 1
    for project in world.projects:
        moments = (project.registered, project.established, project.started, project.finished, project.abandoned)
        updated = min(max(moment for moment in moments if moment is not None) + random.randint(60, 3600), last)
        record = _project(world, project, updated)
        yield record
        if project.code in twice:
            # Registered once more by another clerk: new id, the code typed with full-width signs and a blank.
            again = min(project.registered + random.randint(3600, 40 * DAY), last)
            typed = project.code.translate(FULL_WIDTH) + " "
            moment = world.time.moment(max(again, updated)).isoformat()
            yield {**record, "id": 900_000 + project.number, "project_code": typed, "updated_at": moment}


def _project(world: World, project: Project, updated: int) -> dict:
    if project.abandoned is not None:
        status = "终止"
    elif project.finished is not None:
        status = "竣工"
    else:
        status = "前期" if project.started is None else "在建"
    return {
        "id": project.number,
        "project_code": project.code,
        "project_name": project.name,
        "owner_name": project.owner_name,
        "owner_credit_code": project.owner_credit_code,
        "invest_type": project.flow.investment,
        "flow_type": FLOW_TYPES[project.flow_type],
        "total_investment_wan": project.investment_wan,
        "region_code": REGION_CODE,
        "street": project.street,
        "industry_code": project.industry_code,
        "is_major": project.is_major,
        "registered_at": _text(world, project.registered),
        "established_at": _text(world, project.established),
        "status": status,
        "updated_at": _text(world, updated),
    }


def _approvals(world: World, cases: list[Case]) -> Iterator[dict]:
    own = (case for case in cases if case.item.department == "fagai")
    for number, case in enumerate(own, 1):
        corrections = case.spans("correction_requested", "correction_received")
        reviews = case.spans("special_start", "special_end")
        yield {
            "id": number,
            "case_no": case.code,
            "item_code": case.item.code,
            "item_name": case.item.name,
            "project_code": typed_project_code(case),
            "project_name": case.project.name,
            "received_at": _text(world, case.received),
            "accepted_at": _text(world, case.accepted),
            "corrections": [
                {"asked_at": _text(world, asked), "answered_at": _text(world, answered)}
                for asked, answered in corrections
            ],
            "reviews": [
                {"kind": "专家评审", "started_at": _text(world, start), "ended_at": _text(world, end)}
                for start, end in reviews
            ],
            "decided_at": _text(world, case.ended),
            "result": RESULTS.get(case.outcome),
            "promised_days": case.promised,
            "document_no": case.document_number or None,
            "entered_at": _text(world, case.events[0].recorded),
            "updated_at": _text(world, case.events[-1].recorded),
        }


# -- 水务 -------------------------------------------------------------------------------------------------
def _permits(world: World, cases: list[Case]) -> Iterator[dict]:
    random = Random(f"{world.seed}:shuiwu")
    for case in cases:
        if case.item.department == "shuiwu":
            log = [_log(world, case, event) for event in case.events if event.kind in STEPS]
            for number, entry in enumerate(log, 1):
                entry["seq"] = number
            if random.random() < 0.05:
                log.reverse()  # the order of the list means nothing; seq does
            yield {
                "permit_id": case.code,
                "matter": case.item.name,
                "matter_code": case.item.code,
                "project_no": typed_project_code(case),
                "works_no": None if case.is_project_level else case.works.code,
                "project_title": case.project.name,
                "applicant": case.project.owner_name,
                "limit_days": case.promised,
                "state": STATES[case.outcome],
                "log": log,
                "licence_no": case.document_number or None,
                "modified": _text(world, case.events[-1].recorded),
            }


def _log(world: World, case: Case, event: Event) -> dict:
    result = {"decided_pass": "准予", "decided_deny": "不予"}.get(event.kind)
    return {
        "seq": 0,
        "step": STEPS[event.kind],
        "time": _text(world, event.at, " "),
        "office": case.office,
        "result": result,
        "entered": _text(world, event.recorded, " "),
    }


def typed_project_code(case: Case) -> str:
    """The project code as the clerk typed it: none where the case is planted as unlinked."""
    return "无" if case.planted == "unlinked" else case.project.code


def _text(world: World, moment: int | None, separator: str = "T") -> str | None:
    return None if moment is None else world.time.moment(moment).isoformat(separator)
