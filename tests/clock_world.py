"""Raw rows for tests of the build: two departments that speak the national standard, and a hall with a catalogue.

The vectors of the clock enter as a real department's rows would: landed as text with a ledger entry, and nothing in
between but dbt.
"""

from __future__ import annotations

import csv
import json
from datetime import datetime
from pathlib import Path

import psycopg
import pytest
import yaml
from psycopg import sql

from yidang import contracts, landing
from yidang.settings import Settings

DATA = Path(__file__).parent / "data"
STATUS = {
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
    "suspended": 17,
    "resumed": 18,
    "extended": 19,
}
# Valid project codes (the check digit fits) to hang cases on.
PROJECT_CODE = "2509-320193-89-01-544060"
SPGL_TABLES = {
    "spgl_xmjbxxb": (
        "lsh gcdm xmdm xmmc qjdgcdm splclx xmtzly ztze jsddxzqh jsdd sbsj nkgsj njcsj splcbm splcbbh jzmj sfwcqypg"
        " gbhy ydmj sjyxbs"
    ),
    "spgl_xmdwxxb": "lsh gcdm xmdm dwtyshxydm dwmc dwlx sjyxbs",
    "spgl_xmspsxblxxb": "lsh spsxslbm gcdm spsxbm spsxbbh splcbm splcbbh spbmmc slfs blspslbm sxblsx sjyxbs",
    "spgl_xmspsxblxxxxb": "lsh spsxslbm gcdm blzt blsj blcs blr blyj scsj sjyxbs",
    "spgl_xmspsxbltbcxxxb": "lsh spsxslbm gcdm tbcx tbcxmc tbcxkssj tbcxsxlx tbcxsx sjyxbs",
    "spgl_xmspsxpfwjxxb": "lsh spsxslbm gcdm pfrq pfwh pfwjbt pfwjyxqx sjyxbs",
    "spgl_dfxmsplcxxb": "lsh splcbm splcbbh splcmc splclx splcsxsj sjyxbs",
    "spgl_dfxmsplcjdxxb": "lsh splcbm splcbbh spjdxh spjdmc dybzspjdxh spjdsx lcbsxlx sjyxbs",
    "spgl_dfxmsplcjdsxxxb": (
        "lsh splcbm splcbbh spjdxh spsxbm spsxbbh spsxmc spsxblsx spbmmc bjlx qzspsxbm sflcbsx sfsxgzcnz sjyxbs"
    ),
}
SERVICE_ITEM = (
    "item_code version item_name dept_name national_item_code stage_no statutory_limit statutory_unit promised_limit "
    "promised_unit steps materials visits fee_yuan item_kind item_class informed_commitment prerequisite_codes "
    "effective_from effective_to updated_at"
)
HALL_TABLES = {
    "service_item": (["item_code", "version"], SERVICE_ITEM),
    "question": (["id"], "id asked_at channel project_code topic replied_at reply_dept updated_at"),
    "rating": (["id"], "id case_no dept_name rated_at grade is_default updated_at"),
    "visit": (["id"], "id visited_at project_code case_no window_no purpose dept_name updated_at"),
    "agent_order": (
        ["id"],
        "id project_code category agency_name agency_credit_code commissioned_by ordered_at delivered_at price_yuan "
        "updated_at",
    ),
    "callback": (["callback_no"], "callback_no case_no project_code dept_name called_at answered grade updated_at"),
    "complaint": (
        ["complaint_no"],
        "complaint_no received_at project_code about_dept matter closed_at is_upheld updated_at",
    ),
    "item_channel": (["item_code", "since"], "item_code depth cross_province since updated_at"),
    "service_point": (["point_no"], "point_no kind name street is_standard opened_on closed_on updated_at"),
    "item_step": (["item_code", "version", "step_no"], "item_code version step_no step_name actor applicant_present"),
    "item_material": (
        ["item_code", "version", "material_no"],
        "item_code version material_no material_name documents pages cancelled_on",
    ),
    "package": (["package_no"], "package_no package_name audience materials pages visits effective_from effective_to"),
    "package_item": (["package_no", "item_code"], "package_no item_code"),
}


def write_contracts(folder: Path) -> None:
    """departments/*.yml of the test world: `alpha` and `beta` speak the standard, `zhengwu` has the catalogue."""
    common = {
        "english_name": "Test",
        "description": "Test department.",
        "leaves_out": "Nothing.",
        "owner": "tests",
        "example": True,
        "schedule": "0 6 * * *",
        "freshness_hours": 24,
        "source": {"kind": "postgres", "dsn": "${TEST_DSN}", "schema": "public"},
    }
    spgl = [
        {"name": name, "description": name, "key": ["lsh"], "columns": columns.split(), "suite": "spgl"}
        for name, columns in SPGL_TABLES.items()
    ]
    hall = [
        {"name": name, "description": name, "key": key, "columns": columns.split(), "suite": "hall"}
        for name, (key, columns) in HALL_TABLES.items()
    ]
    contracts = {
        "alpha": {"name": "甲局", "short_name": "甲", "speaks": "spgl", "tables": spgl},
        "beta": {"name": "乙局", "short_name": "乙", "speaks": "spgl", "tables": spgl},
        "zhengwu": {
            "name": "政务服务大厅",
            "short_name": "大厅",
            "feeds": {
                "items": "stg_zhengwu__service_items",
                "ratings": "stg_zhengwu__ratings",
                "agency_orders": "stg_zhengwu__agent_orders",
                "questions": "stg_zhengwu__questions",
                "callbacks": "stg_zhengwu__callbacks",
                "complaints": "stg_zhengwu__complaints",
                "visits": "stg_zhengwu__visits",
                "item_channels": "stg_zhengwu__item_channels",
                "service_points": "stg_zhengwu__service_points",
            },
            "tables": hall,
        },
    }
    folder.mkdir(parents=True, exist_ok=True)
    for department, own in contracts.items():
        text = yaml.safe_dump({**common, **own}, allow_unicode=True, sort_keys=False)
        (folder / f"{department}.yml").write_text(text, encoding="utf-8")


def drop_everything(warehouse: psycopg.Connection) -> None:
    """Every schema that landing or dbt makes, for worlds that live longer than one test."""
    found = warehouse.execute(
        "select quote_ident(nspname) from pg_namespace"
        " where nspname ~ '^(raw_|landing$|warning$|seeds$|staging$|intermediate$|marts$)'"
    )
    for (schema,) in found.fetchall():
        warehouse.execute(f"drop schema {schema} cascade")


def open_world(settings: Settings, folder: Path, patch: pytest.MonkeyPatch) -> None:
    """Point the installation at the test departments and make their (empty) raw tables, and nothing else."""
    with psycopg.connect(settings.admin_dsn("yidang"), autocommit=True) as warehouse:
        drop_everything(warehouse)
    write_contracts(folder)
    patch.setenv("YIDANG_DEPARTMENTS_DIR", str(folder))
    landing.ensure_landing(settings, contracts.load_departments(settings))


def land(warehouse: psycopg.Connection, department: str, table: str, rows: list[dict], gate: str = "passed") -> int:
    """Append rows (values as text, missing columns null) as one batch. Returns the batch id."""
    (batch,) = warehouse.execute(
        "insert into landing.batch (department, table_name, landed_at, rows_read, rows_landed, rows_quarantined, gate)"
        " values (%s, %s, '2026-01-01', %s, %s, 0, %s) returning batch_id",
        (department, table, len(rows), len(rows), gate),
    ).fetchone()
    columns = list(dict.fromkeys(column for row in rows for column in row))
    statement = sql.SQL("copy {}.{} ({}) from stdin").format(
        sql.Identifier(f"raw_{department}"),
        sql.Identifier(table),
        sql.SQL(", ").join(map(sql.Identifier, [*columns, "_batch_id", "_row_number", "_landed_at"])),
    )
    with warehouse.cursor().copy(statement) as copy:
        for number, row in enumerate(rows, start=1):
            values = [None if row.get(column) is None else str(row[column]) for column in columns]
            copy.write_row([*values, batch, number, "2026-01-01"])
    return batch


class Spgl:
    """Collects rows of the national standard's tables for one department and lands them in one batch per table."""

    def __init__(self, department: str) -> None:
        self.department = department
        self.rows: dict[str, list[dict]] = {table: [] for table in SPGL_TABLES}
        self.serial = 0

    def add(self, table: str, **values) -> dict:
        self.serial += 1
        row = {"lsh": str(self.serial), "sjyxbs": "1", **values}
        self.rows[f"spgl_{table}"].append(row)
        return row

    def works(self, works_code: str, project_code: str, **values) -> None:
        details = {"xmmc": "示例工程", "splclx": "3", "sbsj": "2024-01-02 09:00:00", "jsddxzqh": "330199"}
        self.add("xmjbxxb", gcdm=works_code, xmdm=project_code, **{**details, **values})

    def case(
        self, instance: str, works_code: str, item: str, promised: int | None, events: list[dict], **values
    ) -> None:
        """events: [{"kind": …, "at": …}] in the order they were written."""
        header = {"spsxbbh": "1", "spbmmc": "甲局", "slfs": "4", **values}
        self.add("xmspsxblxxb", spsxslbm=instance, gcdm=works_code, spsxbm=item, sxblsx=promised, **header)
        for event in events:
            self.event(instance, works_code, event["kind"], event["at"])

    def event(self, instance: str, works_code: str, kind: str, at: str) -> dict:
        return self.add("xmspsxblxxxxb", spsxslbm=instance, gcdm=works_code, blzt=STATUS[kind], blsj=at, blcs="审批科")

    def land(self, warehouse: psycopg.Connection) -> None:
        for table, rows in self.rows.items():
            if rows:
                land(warehouse, self.department, table, rows)
        self.rows = {table: [] for table in SPGL_TABLES}


def catalogue_row(code: str, *, stage: int, statutory: int, promised: int, version: str = "1", **values) -> dict:
    return {
        "item_code": code,
        "version": version,
        "item_name": f"事项{code}",
        "dept_name": "甲局",
        "stage_no": stage,
        "statutory_limit": statutory,
        "statutory_unit": "工作日",
        "promised_limit": promised,
        "promised_unit": "工作日",
        "steps": 4,
        "materials": 6,
        "visits": 1,
        "fee_yuan": 0,
        "item_kind": "承诺件",
        "informed_commitment": "否",
        "effective_from": "2019-01-01",
        **values,
    }


def vectors() -> list[dict]:
    with (DATA / "vectors.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def stage_vectors() -> list[dict]:
    with (DATA / "vectors_stage.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def land_vectors(warehouse: psycopg.Connection) -> None:
    """All clock vectors as cases of `alpha`, all stage vectors as cases of `beta`; the dates they are read on."""
    clock = Spgl("alpha")
    clock.works(f"{PROJECT_CODE}-001", PROJECT_CODE)
    items = {}
    for vector in vectors():
        item = items.setdefault(vector["statutory_days"], f"V{vector['statutory_days']}")
        events = json.loads(vector["events"])
        clock.case(vector["id"], f"{PROJECT_CODE}-001", item, vector["promised_days"], events)
    clock.land(warehouse)
    stages = Spgl("beta")
    for number, vector in enumerate(stage_vectors()):
        project = stage_project(number)
        for works in sorted({item.get("works", "1") for item in json.loads(vector["items"])}):
            stages.works(f"{project}-{works}", project)
        for index, item in enumerate(json.loads(vector["items"])):
            events = [{"kind": "accepted", "at": item["accepted"]}]
            for start, end in item.get("special", []):
                events += [{"kind": "special_start", "at": start}, {"kind": "special_end", "at": end}]
            events.append({"kind": "decided_pass", "at": item["decided"]})
            stages.case(f"{vector['id']}-{index}", f"{project}-{item['works']}", "STAGE", 20, events)
    stages.land(warehouse)
    catalogue = [catalogue_row(code, stage=1, statutory=int(days), promised=1) for days, code in items.items()]
    land(warehouse, "zhengwu", "service_item", [*catalogue, catalogue_row("STAGE", stage=3, statutory=20, promised=20)])
    warehouse.execute("create table landing.observation_date (source_department text, instance_code text, as_of date)")
    warehouse.execute("grant select on landing.observation_date to yidang_transformer")
    for vector in vectors():
        read_on = datetime.fromisoformat(vector["as_of"]).date()
        warehouse.execute("insert into landing.observation_date values ('alpha', %s, %s)", (vector["id"], read_on))


def stage_project(number: int) -> str:
    """A project code of its own for each stage vector, in the old format (no check digit)."""
    return f"2017-330199-47-03-{number:06d}"
