"""Who sees what, on a real Superset over a real built warehouse: every way around the row rules that we know is tried."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path

import httpx
import psycopg
import pytest
import yaml
from conftest import drop_built_schemas
from superset_support import login, question, rows

from yidang import build, contracts, district, landing, superset_check
from yidang import settings as settings_module
from yidang.services import district as servers
from yidang.services import superset, superset_accounts
from yidang.settings import Settings

HERE = settings_module.load()
AS_OF = date(2025, 6, 30)
OURS, THEIRS = "zhujian", "zigui"  # the handler's own department, and another
DATABASE = yaml.safe_load((superset_check.superset_assets.source_dir(HERE) / "databases/warehouse.yaml").read_text())


@dataclass(frozen=True)
class World:
    settings: Settings
    passwords: dict[str, str]
    datasets: dict[str, int]  # table_name → id inside Superset
    cases: dict[str, set[str]]  # department → case_id

    def login(self, user: str):
        return login(self.settings, user, self.passwords.get(user))

    @property
    def url(self) -> str:
        return superset.url(self.settings)


# -- the world -------------------------------------------------------------------------------------------------
@pytest.fixture(scope="module")
def world(settings: Settings, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """A made-up district through the whole path; one more dataset per kind of rule; an account per kind of person."""
    with psycopg.connect(settings.admin_dsn("yidang"), autocommit=True) as warehouse:
        drop_built_schemas(warehouse)
    build_district(settings)
    own = replace(settings, root=copied_root(tmp_path_factory.mktemp("root")))
    with psycopg.connect(settings.admin_dsn("yidang"), autocommit=True) as warehouse:
        warehouse.execute(
            "create table marts.window_project as select project_code, current_stage_name from"
            " marts.fct_project_lifecycle; grant select on marts.window_project to yidang_reader"
        )
        pairs = warehouse.execute("select department_id, case_id from marts.fct_item_instance").fetchall()
    cases: dict[str, set[str]] = {}
    for department, case in pairs:
        cases.setdefault(department, set()).add(case)
    try:
        superset.start(own)
        passwords = {
            "ours": superset_accounts.add(own, "ours", "经办人", [OURS], ["all"]),
            "both": superset_accounts.add(own, "both", "head", [OURS, THEIRS], ["all"]),
            "elsewhere": superset_accounts.add(own, "elsewhere", "handler", [OURS], ["999999"]),
            "nobody": superset_accounts.add(own, "nobody", "handler", [OURS], ["all"]),
            "analyst": superset_accounts.add(own, "analyst", "analyst", [], []),
        }
        with psycopg.connect(own.dsn("superset"), autocommit=True) as connection:  # as people do in the browser
            connection.execute(
                "delete from ab_user_role using ab_user, ab_role where ab_user.id = user_id and ab_role.id = role_id"
                " and username = 'nobody' and ab_role.name like '%·部门·%'"
            )
        with login(own, "admin") as client:
            listed = client.get("api/v1/dataset/", params={"q": "(page_size:100)"}).json()["result"]
        yield World(own, passwords, {one["table_name"]: one["id"] for one in listed}, cases)
    finally:
        superset.stop(own)
        with psycopg.connect(settings.admin_dsn("yidang"), autocommit=True) as warehouse:
            drop_built_schemas(warehouse)


def build_district(settings: Settings) -> None:
    servers.prepare_secrets(settings)
    servers.start(settings)
    try:
        district.generate(settings, seed=7, projects=25, start=date(2024, 1, 2), end=AS_OF)
        for department in contracts.load_departments(settings):
            landing.pull(settings, department)
    finally:
        servers.stop(settings)
    build.build(settings, as_of=AS_OF)


def copied_root(root: Path) -> Path:
    """The clone, with a superset folder of its own that has a dataset more of events, and a public page."""
    for path in HERE.root.iterdir():
        if path.name not in ("superset", ".git"):
            (root / path.name).symlink_to(path)
    shutil.copytree(HERE.root / "superset", root / "superset", ignore=shutil.ignore_patterns("__pycache__"))
    assets = root / "superset" / "assets"
    (model,) = yaml.safe_load((HERE.dbt_dir / "models/marts/_fct_item_event.yml").read_text("utf-8"))["models"]
    write(assets / "datasets/events.yaml", dataset("fct_item_event", "e1", [c["name"] for c in model["columns"]]))
    write(assets / "datasets/window.yaml", dataset("window_project", "e2", ["project_code", "current_stage_name"]))
    write(assets / "charts/window.yaml", window_chart())
    write(assets / "dashboards/window.yaml", window_dashboard())
    access = root / "superset" / "access.yaml"
    text = access.read_text("utf-8").replace("regions: []", 'regions: ["420599", "999999"]')
    text += "  window_project: public\n"
    if "  fct_item_event:" not in text:
        text += "  fct_item_event: {department: case_id, region: project_code}\n"
    access.write_text(text, "utf-8")
    return root


def write(path: Path, content: dict) -> None:
    path.write_text(yaml.safe_dump(content, allow_unicode=True), "utf-8")


def uuid(name: str) -> str:
    return f"00000000-0000-4000-8000-0000000000{name}"


def dataset(table: str, name: str, columns: list[str]) -> dict:
    return {
        "table_name": table,
        "schema": "marts",
        "sql": None,
        "uuid": uuid(name),
        "database_uuid": DATABASE["uuid"],
        "version": "1.0.0",
        "columns": [
            {"column_name": one, "verbose_name": one, "type": "TEXT", "groupby": True, "filterable": True}
            for one in columns
        ],
    }


def window_chart() -> dict:
    params = {"viz_type": "table", "query_mode": "raw", "all_columns": ["project_code", "current_stage_name"]}
    params |= {"adhoc_filters": [], "row_limit": 100}
    return {
        "slice_name": "项目进度",
        "viz_type": "table",
        "uuid": uuid("e3"),
        "dataset_uuid": uuid("e2"),
        "version": "1.0.0",
        "query_context": None,
        "params": params,
    }


def window_dashboard() -> dict:
    chart = {"type": "CHART", "id": "CHART-w", "children": [], "parents": ["ROOT_ID", "GRID_ID", "ROW-1"]}
    chart["meta"] = {"chartId": 1, "uuid": uuid("e3"), "sliceName": "项目进度", "width": 12, "height": 50}
    row = {"type": "ROW", "id": "ROW-1", "children": ["CHART-w"], "parents": ["ROOT_ID", "GRID_ID"]}
    row["meta"] = {"background": "BACKGROUND_TRANSPARENT"}
    return {
        "dashboard_title": "窗口查询",
        "slug": "window",
        "published": True,
        "uuid": uuid("e4"),
        "version": "1.0.0",
        "css": "",
        "position": {
            "DASHBOARD_VERSION_KEY": "v2",
            "ROOT_ID": {"type": "ROOT", "id": "ROOT_ID", "children": ["GRID_ID"]},
            "GRID_ID": {"type": "GRID", "id": "GRID_ID", "children": ["ROW-1"], "parents": ["ROOT_ID"]},
            "ROW-1": row,
            "CHART-w": chart,
        },
        "metadata": {"native_filter_configuration": []},
    }


def ask(client: httpx.Client, dataset_id: int, **query: object) -> httpx.Response:
    return client.post("api/v1/chart/data", json=question(dataset_id, **query))


def cases_seen(client: httpx.Client, dataset_id: int) -> set[str]:
    return {row["case_id"] for row in rows(ask(client, dataset_id, columns=["case_id"]))}


# -- what each sees -----------------------------------------------------------------------------------------------
@pytest.mark.end_to_end
def test_each_sees_the_cases_of_its_departments(world: World):
    everything = set().union(*world.cases.values())
    assert len(world.cases) > 4 and len(everything) > 200
    expected = {
        "viewer": everything,
        "analyst": everything,
        "admin": everything,
        "ours": world.cases[OURS],
        "both": world.cases[OURS] | world.cases[THEIRS],
        "nobody": set(),
        "elsewhere": set(),
    }
    # each asks after somebody who sees more has filled the cache with the same question
    for user, cases in expected.items():
        with world.login(user) as client:
            assert cases_seen(client, world.datasets["fct_item_instance"]) == cases, user
            assert cases_seen(client, world.datasets["fct_item_event"]) <= cases, user
            if cases:
                assert cases_seen(client, world.datasets["fct_item_event"]), user


@pytest.mark.end_to_end
def test_everybody_with_a_department_sees_where_projects_stand(world: World):
    seen = {}
    for user in ("viewer", "ours", "nobody", "elsewhere"):
        with world.login(user) as client:
            asked = ask(client, world.datasets["fct_project_lifecycle"], columns=["project_code"])
            seen[user] = {row["project_code"] for row in rows(asked)}
            catalogue = rows(ask(client, world.datasets["dim_item"], columns=["item_code"]))
            assert catalogue, user
    assert len(seen["viewer"]) == 25
    assert seen["ours"] == seen["viewer"]
    assert seen["nobody"] == seen["elsewhere"] == set()
