"""The truth of the made-up world as files: what the warehouse must find again, and what no department knows."""

from __future__ import annotations

import csv
import json
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

from yidang.district.catalogue import DEPARTMENTS, REFORM_DATE, REFORMS
from yidang.district.flows import FLOW_TYPES
from yidang.district.model import Case, Project, World

CASE_COLUMNS = [
    "case_id",
    "department",
    "item_code",
    "item_version",
    "item_name",
    "stage",
    "flow_type",
    "project_code",
    "works_code",
    "is_project_level",
    "channel",
    "parallel_group",
    "statutory_limit",
    "promised_limit",
    "received_at",
    "accepted_at",
    "ended_at",
    "outcome",
    "is_tolerant",
    "correction_count",
    "pause_count",
    "handling_days",
    "handling_days_without_reform",
    "reapply_of",
    "document_number",
    "planted",
    "is_visible",
]


def write(world: World, folder: Path) -> None:
    """projects.csv, works.csv, cases.csv, events.csv, reforms.json, planted.json in `folder`.

    Moments are local 'YYYY-MM-DDTHH:MM:SS'; an empty cell means it has not happened by the last day.
    """
    folder.mkdir(parents=True, exist_ok=True)
    _write_csv(folder / "projects.csv", PROJECT_COLUMNS, (_project_row(world, project) for project in world.projects))
    works = (
        (works.code, project.code, works.name, works.area, _text(world, works.finished), _text(world, works.abandoned))
        for project in world.projects
        for works in project.works
    )
    _write_csv(
        folder / "works.csv", ["works_code", "project_code", "works_name", "area", "finished_at", "abandoned_at"], works
    )
    _write_csv(folder / "cases.csv", CASE_COLUMNS, (_case_row(world, case) for case in world.cases))
    events = (
        (case.code, number, event.kind, _text(world, event.at), _text(world, event.recorded), event.reason)
        for case in world.cases
        for number, event in enumerate(case.events, 1)
    )
    _write_csv(
        folder / "events.csv", ["case_id", "sequence", "event_kind", "event_at", "recorded_at", "reason"], events
    )
    reforms = [
        {
            "item_code": reform.item_code,
            "effective_from": REFORM_DATE.isoformat(),
            "promised_limit": reform.promised,
            "handling_days_factor": reform.handling_factor,
        }
        for reform in REFORMS.values()
    ]
    write_json(folder / "reforms.json", reforms)
    write_json(folder / "planted.json", world.planted)


def summarise(world: World) -> dict[str, object]:
    """Counts that anybody may compare with the warehouse."""
    cases = Counter(case.item.department for case in world.cases)
    visible = Counter(case.item.department for case in world.cases if case.is_visible)
    return {
        "projects": len(world.projects),
        "works": sum(len(project.works) for project in world.projects),
        "cases": len(world.cases),
        "events": sum(len(case.events) for case in world.cases),
        "projects_finished": sum(project.finished is not None for project in world.projects),
        "projects_abandoned": sum(project.abandoned is not None for project in world.projects),
        "cases_by_department": {name: cases[name] for name in DEPARTMENTS},
        "visible_cases_by_department": {name: visible[name] for name in DEPARTMENTS},
        "cases_by_outcome": dict(sorted(Counter(case.outcome for case in world.cases).items())),
        "planted": {kind: len(names) for kind, names in sorted(world.planted.items())},
    }


def write_json(path: Path, content: object) -> None:
    path.write_text(json.dumps(content, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")


PROJECT_COLUMNS = [
    "project_code",
    "project_name",
    "owner_name",
    "owner_credit_code",
    "flow_type",
    "flow_type_name",
    "invest_type",
    "total_investment_wan",
    "street",
    "industry_code",
    "is_major",
    "works_count",
    "registered_at",
    "established_at",
    "started_at",
    "finished_at",
    "abandoned_at",
]


def _project_row(world: World, project: Project) -> tuple:
    moments = (project.registered, project.established, project.started, project.finished, project.abandoned)
    return (
        project.code,
        project.name,
        project.owner_name,
        project.owner_credit_code,
        project.flow_type,
        FLOW_TYPES[project.flow_type],
        project.flow.investment,
        project.investment_wan,
        project.street,
        project.industry_code,
        int(project.is_major),
        len(project.works),
        *(_text(world, moment) for moment in moments),
    )


def _case_row(world: World, case: Case) -> tuple:
    kinds = Counter(event.kind for event in case.events)
    days = (case.handling_days, case.handling_days_without_reform)
    return (
        case.code,
        case.item.department,
        case.item.code,
        case.version,
        case.item.name,
        case.item.stage,
        case.project.flow_type,
        case.project.code,
        case.works.code,
        int(case.is_project_level),
        "online" if case.online else "window",
        case.parallel_group,
        case.item.statutory,
        case.promised,
        *(_text(world, moment) for moment in (case.received, case.accepted, case.ended)),
        case.outcome,
        int(kinds["decided_pass_tolerant"] > 0),
        kinds["correction_requested"],
        kinds["special_start"],
        *("" if number is None else f"{number:.4f}" for number in days),
        case.reapply_of.code if case.reapply_of else "",
        case.document_number,
        case.planted,
        int(case.is_visible),
    )


def _text(world: World, moment: int | None) -> str:
    return "" if moment is None else world.time.moment(moment).isoformat()


def _write_csv(path: Path, columns: list[str], rows: Iterable[tuple]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(columns)
        writer.writerows(rows)
