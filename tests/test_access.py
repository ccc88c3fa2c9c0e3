"""Who sees what, on a real Superset over a real built warehouse: each way around the row rules that we know."""

from __future__ import annotations

import hashlib
import io
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
import zipfile
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from datetime import date
from email import message_from_bytes, policy
from functools import cached_property
from pathlib import Path

import httpx
import psutil
import psycopg
import pytest
from aiosmtpd.smtp import Envelope
from browser import chromium
from conftest import drop_built_schemas
from flask.json.tag import TaggedJSONSerializer
from itsdangerous import TimestampSigner, URLSafeTimedSerializer
from PIL import Image
from playwright.sync_api import Browser, BrowserContext
from pypdf import PdfReader
from superset_support import anonymous, csrf_of, ids, login, question, rows, subscription
from typer.testing import CliRunner
from warning_outbox import forget, mail_server, write_receivers

from yidang import build, contracts, district, landing, subscriptions, superset_access, superset_check
from yidang import settings as settings_module
from yidang.cli import app
from yidang.errors import ConfigError
from yidang.services import district as servers
from yidang.services import superset, superset_accounts
from yidang.settings import Settings

HERE = settings_module.load()
AS_OF = date(2025, 6, 30)
OURS, THEIRS = "zhujian", "zigui"  # the handler's own department, and another


@dataclass
class World:
    settings: Settings
    passwords: dict[str, str]
    datasets: dict[str, int]  # table_name → id inside Superset
    cases: dict[str, set[str]]  # department → case_id
    databases: dict[str, int]  # connection → id inside Superset
    clients: dict[str, httpx.Client] = field(default_factory=dict)

    def client(self, user: str) -> httpx.Client:
        """Logged in once: ten logins a minute are all that an account has."""
        if user not in self.clients:
            self.clients[user] = self.open.enter_context(login(self.settings, user, self.passwords.get(user)))
        return self.clients[user]

    @cached_property
    def open(self) -> ExitStack:
        return ExitStack()

    @cached_property
    def foreign(self) -> list[str]:
        """What the handler must never read: the 办件 of all other departments."""
        return sorted(case for department, cases in self.cases.items() if department != OURS for case in cases)

    def told(self, answer: httpx.Response) -> list[str]:
        """The foreign cases in an answer, whatever its form."""
        text = readable(answer)
        return [case for case in self.foreign if case in text]


# -- the file ------------------------------------------------------------------------------------------------------
ASSETS = superset_check.load(HERE)
FILE = superset_access.path(HERE)


def changed(tmp_path: Path, old: str, new: str) -> Settings:
    """Settings of a clone whose access.yaml says `new` where it said `old`."""
    text = FILE.read_text("utf-8")
    assert old in text
    for name in ("departments", "dbt_project"):
        (tmp_path / name).symlink_to(HERE.root / name)
    (tmp_path / "superset").mkdir()
    (tmp_path / "superset" / "access.yaml").write_text(text.replace(old, new), "utf-8")
    return replace(HERE, root=tmp_path)


CASES = "fct_item_instance: {department: department_id, region: project_code}"
OWN = "rows: own, may: [see, export, subscribe]"


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        (f"  {CASES}\n", "", "it does not say who sees fct_item_instance"),
        (
            CASES,
            "fct_item_instance: everyone",
            "has a row per 办件 or part of one, and no department's column is named",
        ),
        (CASES, "fct_item_instance: {department: any}", "no department's column is named"),
        (CASES, "fct_item_instance: {department: nosuch}", "fct_item_instance has no column nosuch"),
        ("  dim_item: everyone", "  nosuch: everyone\n  dim_item: everyone", "neither a dataset nor a mart nosuch"),
        ("dim_item: everyone", "dim_item: public", "its mart has columns that the dataset does not list"),
        ("dim_item: everyone", "dim_item: public", "it shows a public dataset beside others"),
        ("data_note: everyone", "data_note: public", "data_note is public, and its query reads limited marts"),
    ],
)
def test_a_dataset_that_nobody_or_everybody_would_see_is_named(tmp_path: Path, old: str, new: str, said: str):
    found = superset_check.check(changed(tmp_path, old, new), ASSETS)
    assert any(said in one.what and one.cure for one in found), found


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        (
            OWN,
            "rows: own, may: [see, sql]",
            "cannot be kept by a role that may sql",
        ),
        (OWN, "rows: own, may: [see, fly]", "roles.head.may.1"),
        ("explore, sql, manage, personal]", "explore, personal]", "it needs sql too"),
        (OWN, "rows: own, may: [see, subscribe]", "subscribe needs export too"),
        ("mail_domains: []", "mail_domains: [everywhere]", "mail_domains.0"),
        (CASES, "fct_item_instance: {departement: x}", "datasets.fct_item_instance.departement"),
        (CASES, "fct_item_instance: {department: x, only: [boss]}", "names no role of this file: boss"),
        (CASES, 'fct_item_instance: {department: "1=1 or x"}', "datasets.fct_item_instance.department"),
        ("regions: []", 'regions: ["1 or 1"]', "regions.0"),
        ("viewer: leader", "viewer: nosuch", "viewer names no role"),
        ("regions: []", "regions: [", "no YAML"),
    ],
)
def test_a_mistake_in_the_file_is_named(tmp_path: Path, old: str, new: str, said: str):
    with pytest.raises(ConfigError, match=re.escape(said)) as refused:
        superset_access.load(changed(tmp_path, old, new))
    assert "access.yaml" in refused.value.what and refused.value.cure


def test_a_value_in_a_rule_is_quoted():
    assert superset_access._literal("o'clock") == "'o''clock'"


def test_every_department_has_a_role_and_a_rule_and_no_other_role_is_admitted():
    made = json.loads(superset_access.render(HERE, {"fct_item_instance": "u"}))
    departments = {one.id for one in contracts.load_departments(HERE)}
    (base,) = [rule for rule in made["rules"] if rule["type"] == "Base"]
    regular = [rule for rule in made["rules"] if rule["type"] == "Regular"]
    everything = {"Admin", "一档·领导", "一档·分析员", "一档·报告室", "一档·数据组"}
    assert set(base["roles"]) == everything | {f"一档·部门·{one}" for one in departments}
    assert {(rule["clause"], *rule["roles"]) for rule in regular} == {
        (f"department_id = '{one}'", f"一档·部门·{one}") for one in departments
    }


PEOPLE = f"""name,role,departments,regions,mail
ours,经办人,{OURS},all,
both,head,{OURS}; {THEIRS},all,
elsewhere,handler,{OURS},999999,
nobody,handler,{OURS},all,
analyst,analyst,,,
team,数据组,,,
"""


# -- the world -------------------------------------------------------------------------------------------------
@pytest.fixture(scope="module")
def world(settings: Settings, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """A made-up district through the whole path; one more dataset per kind of rule; an account per kind of person."""
    with psycopg.connect(settings.admin_dsn("yidang"), autocommit=True) as warehouse:
        drop_built_schemas(warehouse)
    build_district(settings)
    own = replace(settings, root=copied_root(tmp_path_factory.mktemp("root")))
    with psycopg.connect(settings.admin_dsn("yidang"), autocommit=True) as warehouse:
        pairs = warehouse.execute("select department_id, case_id from marts.fct_item_instance").fetchall()
    cases: dict[str, set[str]] = {}
    for department, case in pairs:
        cases.setdefault(department, set()).add(case)
    try:
        superset.start(own)
        people = tmp_path_factory.mktemp("people") / "people.csv"
        people.write_text(PEOPLE, encoding="utf-8")
        passwords = superset_accounts.add(own, superset_accounts.read_people(own, people))
        with psycopg.connect(own.dsn("superset"), autocommit=True) as connection:  # as people do in the browser
            connection.execute(
                "delete from ab_user_role using ab_user, ab_role where ab_user.id = user_id and ab_role.id = role_id"
                " and username = 'nobody' and ab_role.name like '%·部门·%'"
            )
        with login(own, "admin") as client:
            listed = [client.get(f"api/v1/{one}/", params={"q": "(page_size:100)"}) for one in ("dataset", "database")]
        datasets, databases = (one.json()["result"] for one in listed)
        made = World(
            own,
            passwords,
            {one["table_name"]: one["id"] for one in datasets},
            cases,
            {one["database_name"]: one["id"] for one in databases},
        )
        with made.open:
            yield made
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
    plant_a_person(settings)
    build.build(settings, as_of=AS_OF, with_tests=False)


PERSON, ID_NUMBER, PHONE = "张三丰", "420599199003071234", "13800138000"


def plant_a_person(settings: Settings) -> None:
    """The made-up district knows organisations only: one project becomes a man's, a note bears his telephone number."""
    with psycopg.connect(settings.admin_dsn("yidang"), autocommit=True) as warehouse:
        (project,) = warehouse.execute("select min(project_code) from raw_fagai.projects").fetchone()
        warehouse.execute(
            "update raw_fagai.projects set owner_name = %s, owner_credit_code = %s, project_name = project_name || %s"
            " where project_code = %s",
            (PERSON, ID_NUMBER, f"（联系 {PHONE}）", project),
        )


def copied_root(root: Path) -> Path:
    """The clone, with a superset folder of its own in which regions are told apart."""
    for path in HERE.root.iterdir():
        if path.name not in ("superset", ".git"):
            (root / path.name).symlink_to(path)
    shutil.copytree(HERE.root / "superset", root / "superset", ignore=shutil.ignore_patterns("__pycache__"))
    access = root / "superset" / "access.yaml"
    text = access.read_text("utf-8").replace("regions: []", 'regions: ["420599", "999999"]')
    access.write_text(text, "utf-8")
    return root


def ask(client: httpx.Client, dataset_id: int, **query: object) -> httpx.Response:
    return client.post("api/v1/chart/data", json=question(dataset_id, **query))


def cases_seen(client: httpx.Client, dataset_id: int) -> set[str]:
    return {row["case_id"] for row in rows(ask(client, dataset_id, columns=["case_id"]))}


def readable(answer: httpx.Response) -> str:
    """The text of an answer; of a workbook and a zip file what is packed in it."""
    if not answer.content.startswith(b"PK"):
        return answer.text
    with zipfile.ZipFile(io.BytesIO(answer.content)) as packed:
        return "".join(packed.read(name).decode("utf-8", "replace") for name in packed.namelist())


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
        client = world.client(user)
        assert cases_seen(client, world.datasets["fct_item_instance"]) == cases, user
        events = cases_seen(client, world.datasets["fct_item_event"])
        assert events <= cases and bool(events) == bool(cases), user


@pytest.mark.end_to_end
def test_everybody_with_a_department_sees_where_projects_stand(world: World):
    seen = {}
    for user in ("viewer", "ours", "nobody", "elsewhere"):
        asked = ask(world.client(user), world.datasets["fct_project_lifecycle"], columns=["project_code"])
        seen[user] = {row["project_code"] for row in rows(asked)}
        assert rows(ask(world.client(user), world.datasets["dim_item"], columns=["item_code"])), user
    assert len(seen["viewer"]) == 25
    assert seen["ours"] == seen["viewer"]
    assert seen["nobody"] == seen["elsewhere"] == set()


@pytest.mark.end_to_end
def test_a_query_over_limited_marts_is_limited_too(world: World):
    """The note on top of every dashboard is for everyone, and counts projects' rows, which are not."""
    for user, projects in (("viewer", 25), ("ours", 25), ("nobody", 0)):
        (row,) = rows(ask(world.client(user), world.datasets["data_note"], columns=["note"]))
        cases = sum(map(len, world.cases.values()))
        assert f"可见项目 {projects} 个，全部办件 {cases} 件" in row["note"] and "虚构示例数据" in row["note"], user


@pytest.mark.end_to_end
def test_pages_of_one_project_and_one_case(world: World):
    """A handler sees a shared project's row and none of the 办件 of others in it, on the cards and the timeline too."""
    client = world.client("ours")
    assert {
        row["case_id"] for row in rows(ask(client, world.datasets["case_card"], columns=["case_id"]))
    } == world.cases[OURS]
    forecasts = cases_seen(world.client("viewer"), world.datasets["case_forecast"])
    assert cases_seen(client, world.datasets["case_forecast"]) == forecasts & world.cases[OURS] != forecasts
    projects = {
        row["project_code"] for row in rows(ask(client, world.datasets["project_card"], columns=["project_code"]))
    }
    assert len(projects) == 25
    for name, column in (("fct_project_timeline", "lane_kind"), ("fct_critical_path", "case_id")):
        seen = rows(ask(client, world.datasets[name], columns=[column], row_limit=50_000))
        with psycopg.connect(world.settings.admin_dsn("yidang")) as warehouse:
            query = psycopg.sql.SQL(
                "select count(*) filter (where case_id = any(%s) or case_id is null), count(*) from {}"
            )
            table = psycopg.sql.Identifier("marts", name)
            own, everything = warehouse.execute(query.format(table), (list(world.cases[OURS]),)).fetchone()
        assert len(seen) == own < everything, name
    issues = rows(ask(client, world.datasets["issue_log"], columns=["department"]))
    assert {row["department"] for row in issues} == {OURS}


# -- formulas -----------------------------------------------------------------------------------------------------
READ_ALL = "select case_id from marts.fct_item_instance"
RUN_SQL = f"(ts_stat('select array_to_tsvector(array[case_id]) from ({READ_ALL}) as c')).word"  # noqa: S608
TO_XML = f"query_to_xml('{READ_ALL}', true, false, '')::text"  # the wheel's PostgreSQL lacks it; your own has it
FORMULAS = {
    "a function that runs SQL": RUN_SQL,
    "another": TO_XML,
    "the same, quoted": f"pg_catalog.{TO_XML}".replace("query_to_xml", '"query_to_xml"'),
    "a third": "table_to_xml('marts.fct_item_instance', true, false, '')::text",
    "a subquery": f"({READ_ALL} limit 1)",
    "harmless": "upper(project_code)",
}


def adhoc(formula: str) -> dict:
    return {"expressionType": "SQL", "sqlExpression": formula, "label": "x", "hasCustomLabel": True}


def with_formula(place: str, formula: str) -> dict:
    """A question with a formula in one of the places that take one."""
    column = adhoc(formula)
    return {
        "column": {"columns": [column]},
        "grouped column": {"columns": [column], "metrics": ["cases_received"]},
        "text column": {"columns": [formula], "metrics": ["cases_received"]},
        "raw text column": {"columns": [formula]},
        "metric": {"columns": ["case_id"], "metrics": [adhoc(f"max({formula})")]},
        "order": {"columns": ["case_id"], "orderby": [[column, True]]},
        "filter": {"columns": ["case_id"], "filters": [{"col": column, "op": "!=", "val": "x"}]},
        "where": {"columns": ["case_id"], "extras": {"where": f"length({formula}) > 0"}},
        "having": {
            "columns": ["case_id"],
            "metrics": ["cases_received"],
            "extras": {"having": f"length(max({formula})) > 0"},
        },
        "series": {
            "columns": ["case_id"],
            "series_columns": [column],
            "metrics": ["cases_received"],
            "series_limit": 2,
        },
    }[place]


PLACES = ["column", "grouped column", "text column", "raw text column", "metric", "order", "filter", "where", "having"]
PLACES += ["series"]


@pytest.mark.end_to_end
@pytest.mark.parametrize("place", PLACES)
def test_a_handler_may_not_send_formulas(world: World, place: str):
    for name, formula in FORMULAS.items():
        for table in ("fct_item_instance", "fct_project_lifecycle"):
            answer = ask(world.client("ours"), world.datasets[table], **with_formula(place, formula))
            assert world.told(answer) == [], (place, name)
            assert answer.status_code in (400, 403, 422) or empty(answer), (place, name, answer.text[:300])


def empty(answer: httpx.Response) -> bool:
    return all(not one["data"] and one["error"] for one in answer.json()["result"])


@pytest.mark.end_to_end
def test_the_formulas_do_read_everything_where_they_are_allowed(world: World):
    """Otherwise the test above would prove nothing: Superset lets functions that run SQL through."""
    nothing = [{"col": "case_id", "op": "==", "val": world.foreign[0]}]
    asked = with_formula("column", RUN_SQL) | {"filters": nothing, "row_limit": 10_000}
    assert world.told(ask(world.client("analyst"), world.datasets["fct_item_instance"], **asked)) == world.foreign


@pytest.mark.end_to_end
def test_columns_that_a_dataset_does_not_list_stay_hidden(world: World):
    metric = {"expressionType": "SIMPLE", "column": {"column_name": "late_case_id"}, "aggregate": "MAX", "label": "x"}
    project = world.datasets["fct_project_lifecycle"]
    for asked in ({"columns": [], "metrics": [metric]}, {"columns": ["late_case_id"]}):
        assert ask(world.client("ours"), project, **asked).status_code in (400, 403), asked
    form = {"datasource": f"{project}__table", "viz_type": "para", "metrics": [metric], "groupby": ["project_code"]}
    told = world.client("ours").post("superset/explore_json/", data={"form_data": json.dumps(form)})
    assert told.status_code >= 400 and world.told(told) == []


# -- other ways to the same rows ------------------------------------------------------------------------------------
@pytest.mark.end_to_end
def test_filters_only_narrow(world: World):
    cases, client = world.datasets["fct_item_instance"], world.client("ours")
    for filters, expected in (
        ([{"col": "department_name", "op": "IS NOT NULL"}], len(world.cases[OURS])),
        ([{"col": "case_id", "op": "IN", "val": world.foreign[:5]}], 0),
        ([{"col": "case_id", "op": "==", "val": "x') or ('1' = '1"}], 0),
        ([{"col": "case_id", "op": "ILIKE", "val": "%') or 1=1 --"}], 0),
    ):
        assert len(rows(ask(client, cases, columns=["case_id"], filters=filters))) == expected, filters
    for where in ("1 = 1) or (1 = 1", "1 = 1 or 1 = 1", "department_id = 'zigui'", "1=1 --", "1=1; select 1"):
        answer = ask(client, cases, columns=["case_id"], extras={"where": where})
        assert world.told(answer) == [] and answer.status_code in (400, 403), where


@pytest.mark.end_to_end
@pytest.mark.parametrize("result_format", ["csv", "xlsx"])
def test_an_export_holds_the_rows_that_the_account_sees(world: World, result_format: str):
    body = question(world.datasets["fct_item_instance"], result_format=result_format, columns=["case_id"])
    for user in ("viewer", "ours", "nobody"):
        answer = world.client(user).post("api/v1/chart/data", json=body)
        text = readable(answer)
        seen = {case for cases in world.cases.values() for case in cases if case in text}
        assert seen == {"viewer": set().union(*world.cases.values()), "ours": world.cases[OURS]}.get(user, set()), user
    streamed = body | {"form_data": {"row_limit": 200_000, "viz_type": "table"}, "result_format": "csv"}
    answer = world.client("ours").post("api/v1/chart/data", json=streamed)
    assert answer.status_code == 200 and world.told(answer) == []
    assert all(case in answer.text for case in world.cases[OURS])


@pytest.mark.end_to_end
def test_samples_details_and_filter_options(world: World):
    cases, client = world.datasets["fct_item_instance"], world.client("ours")
    at = f"datasource/samples?force=false&datasource_type=table&datasource_id={cases}&per_page=1000&page=1"
    foreign = {"filters": [{"col": "case_id", "op": "IN", "val": world.foreign[:3]}]}
    for payload, expected in (({}, world.cases[OURS]), ({"filters": []}, world.cases[OURS]), (foreign, set())):
        answer = client.post(at, json=payload)
        assert {row["case_id"] for row in answer.json()["result"]["data"]} == expected, payload
    options = question(cases, columns=["case_id"], metrics=[]) | {
        "form_data": {"type": "NATIVE_FILTER", "native_filter_id": "NATIVE_FILTER-x", "dashboardId": 1}
    }
    assert {row["case_id"] for row in rows(client.post("api/v1/chart/data", json=options))} == world.cases[OURS]
    assert client.get(f"api/v1/datasource/table/{cases}/column/case_id/values/").status_code == 403
    for result_type in ("samples", "drill_detail", "results", "post_processed", "query"):
        answer = client.post(
            "api/v1/chart/data", json=question(cases, columns=["case_id"]) | {"result_type": result_type}
        )
        assert world.told(answer) == [], result_type


@pytest.mark.end_to_end
def test_every_saved_chart_by_its_own_address(world: World):
    world_ids = ids(world.client("admin"))
    charts = [number for kind, number in world_ids.values() if kind == "chart"]
    assert len(charts) > 15
    for number in charts:
        for what in ("data/", "data/?format=csv&force=true", ""):
            assert world.told(world.client("ours").get(f"api/v1/chart/{number}/{what}")) == []


@pytest.mark.end_to_end
def test_the_old_way_of_asking(world: World):
    form = {"datasource": f"{world.datasets['fct_item_instance']}__table", "viz_type": "para", "row_limit": 5000}
    form |= {"metrics": ["cases_received"], "groupby": ["case_id"], "adhoc_filters": []}
    form |= {"series": "case_id", "entity": "case_id", "time_range": "No filter"}

    def told(user: str, how: str, **more: object) -> list[str]:
        body = {"form_data": json.dumps(form | more)}
        return world.told(world.client(user).post(f"superset/explore_json/?{how}", data=body))

    assert told("analyst", "") == told("analyst", "csv=true") == world.foreign
    sql = {"clause": "WHERE", "expressionType": "SQL", "sqlExpression": "1 = 1 or 1 = 1"}
    for how in ("", "csv=true", "results=true", "samples=true", "query=true", "force=true"):
        assert told("ours", how) == []
        assert told("ours", how, adhoc_filters=[sql]) == []
        assert told("ours", how, groupby=[adhoc(RUN_SQL)]) == []
        assert told("ours", how, metrics=[adhoc(f"max({RUN_SQL})")]) == []


@pytest.mark.end_to_end
def test_somebody_elses_cached_answer(world: World):
    body = question(world.datasets["fct_item_instance"], columns=["case_id", "office_name"])
    answer = world.client("viewer").post("api/v1/chart/data", json=body)
    assert len(world.told(answer)) > 100
    (key,) = [one["cache_key"] for one in answer.json()["result"]]
    for path in (f"api/v1/chart/data/{key}", f"superset/explore_json/data/{key}"):
        found = world.client("ours").get(path)
        assert found.status_code >= 400 and world.told(found) == []
    again = world.client("ours").post("api/v1/chart/data", json=body)
    assert again.status_code == 200 and world.told(again) == []


@pytest.mark.end_to_end
def test_what_an_analyst_asked_is_no_door(world: World):
    """A query of SQL Lab can be named as the dataset of a chart; and a dataset that somebody made of one."""
    sql = "select case_id, department_id from marts.fct_item_instance"
    warehouse = world.databases["一档数仓"]
    asked = {"database_id": warehouse, "sql": sql, "client_id": "analyst1", "schema": "marts", "runAsync": False}
    answer = world.client("analyst").post("api/v1/sqllab/execute/", json=asked)
    assert answer.status_code == 200 and len(world.told(answer)) > 100, answer.text[:300]
    query = answer.json()["query"]["queryId"]
    client = world.client("ours")
    made = world.client("admin").post(
        "api/v1/dataset/", json={"database": warehouse, "table_name": "all_cases", "sql": sql, "schema": "marts"}
    )
    virtual = made.json()["id"]
    saved = (
        world.client("analyst")
        .post("api/v1/saved_query/", json={"db_id": warehouse, "sql": sql, "label": "alle"})
        .json()["id"]
    )
    try:
        for kind, number in (("query", query), ("saved_query", saved), ("table", virtual)):
            body = question(number, kind=kind, columns=["case_id"])
            at = f"datasource/samples?datasource_type={kind}&datasource_id={number}&per_page=1000&page=1"
            for found in (
                client.post("api/v1/chart/data", json=body),
                client.post(at, json={}),
                client.get(f"api/v1/datasource/{kind}/{number}/column/case_id/values/"),
            ):
                assert found.status_code >= 400 and world.told(found) == [], (kind, found.text[:200])
        for path in (
            "api/v1/sqllab/export/analyst1/",
            "api/v1/sqllab/results/?q=(key:analyst1)",
            "api/v1/sqllab/",
            "api/v1/query/",
            f"api/v1/query/{query}",
            f"api/v1/saved_query/{saved}",
            f"api/v1/dataset/{virtual}",
            "sqllab/",
            "superset/sqllab",
        ):
            found = client.get(path)
            assert found.status_code in (302, 403, 404) and world.told(found) == [], (path, found.status_code)
        found = client.post("api/v1/sqllab/execute/", json=asked | {"client_id": "ours1"})
        assert found.status_code == 403
        found = client.post("api/v1/sqllab/export_streaming/", data={"client_id": "analyst1"})
        assert found.status_code == 403
    finally:
        world.client("admin").delete(f"api/v1/dataset/{virtual}").raise_for_status()


@pytest.mark.end_to_end
def test_a_handler_may_neither_change_rules_nor_take_things_out(world: World):
    client, cases = world.client("ours"), world.datasets["fct_item_instance"]
    for path in (
        "api/v1/dashboard/export/?q=!(1)",
        "api/v1/chart/export/?q=!(1)",
        "api/v1/dataset/export/?q=!(1)",
        "api/v1/database/export/?q=!(1)",
        "api/v1/assets/export/",
        "api/v1/database/",
        "api/v1/database/1",
        "api/v1/database/1/schemas/",
        "api/v1/database/1/tables/?q=(schema_name:marts)",
        "api/v1/database/1/select_star/fct_item_instance/marts/",
        "api/v1/database/1/table_metadata/?name=fct_item_instance&schema=marts",
        "api/v1/rowlevelsecurity/",
        "api/v1/security/users/",
        "api/v1/security/roles/",
        "api/v1/log/",
        "users/list/",
        "roles/list/",
        "rowlevelsecurity/list/",
        "actionlog/list/",
    ):
        answer = client.get(path)
        assert answer.status_code in (302, 403, 404), (path, answer.status_code)
        assert world.told(answer) == []
    for method, path, body in (
        ("put", f"api/v1/dataset/{cases}", {"sql": "select * from marts.fct_item_instance"}),
        ("post", "api/v1/dataset/", {"database": 1, "table_name": "fct_case_match", "schema": "marts"}),
        ("post", "api/v1/rowlevelsecurity/", {"name": "x", "clause": "1=1", "tables": [cases], "roles": [1]}),
        ("post", "api/v1/security/guest_token/", {"user": {"username": "x"}, "resources": [], "rls": []}),
        ("post", "api/v1/chart/", {"slice_name": "x", "datasource_id": cases, "datasource_type": "table"}),
        ("put", "api/v1/chart/warm_up_cache", {"chart_id": 1}),
        ("post", "api/v1/security/users/", {"username": "x"}),
        ("put", "api/v1/security/users/1", {"roles": [1]}),
        ("post", "api/v1/dashboard/import/", {}),
        ("post", "api/v1/assets/import/", {}),
        ("post", "api/v1/sqllab/estimate/", {"database_id": 1, "sql": "select 1"}),
    ):
        answer = client.request(method, path, json=body)
        assert answer.status_code in (401, 403, 404, 405), (path, answer.status_code, answer.text[:200])
    client.put("api/v1/me/", json={"roles": [1], "active": True})
    assert cases_seen(client, cases) == world.cases[OURS]


@pytest.mark.end_to_end
def test_a_link_to_somebodys_view_holds_no_rows(world: World):
    boards = world.client("viewer").get("api/v1/dashboard/").json()["result"]
    board = next(one["id"] for one in boards if one["slug"] == "overview")
    state = {"dataMask": {}, "activeTabs": [], "urlParams": []}
    link = world.client("viewer").post(f"api/v1/dashboard/{board}/permalink", json=state)
    assert link.status_code == 201, link.text
    for path in (f"api/v1/dashboard/permalink/{link.json()['key']}", f"superset/dashboard/p/{link.json()['key']}/"):
        assert world.told(world.client("ours").get(path)) == []


# -- everybody -----------------------------------------------------------------------------------------------------
@pytest.mark.end_to_end
def test_the_public_sees_the_window_and_nothing_else(world: World):
    with anonymous(world.settings) as client:
        page = client.get("superset/dashboard/window/")
        assert page.status_code == 200
        client.headers["X-CSRFToken"] = csrf_of(page)
        shown = rows(ask(client, world.datasets["window_progress"], columns=["project_code", "stage", "next_step"]))
        assert len({row["project_code"] for row in shown}) > 20
        (note,) = rows(ask(client, world.datasets["window_note"], columns=["note"]))
        assert note["note"].endswith("数据截至 2025年6月30日")
        assert [one["slug"] for one in client.get("api/v1/dashboard/").json()["result"]] == ["window"]
        assert len(client.get("api/v1/chart/").json()["result"]) == 2
        for name, number in world.datasets.items():
            if name.startswith("window_"):
                continue
            (columns,) = [one["columns"] for one in ASSETS.kind("datasets").values() if one["table_name"] == name]
            refused = ask(client, number, columns=[columns[0]["column_name"]])
            assert refused.status_code in (401, 403), (name, refused.text[:200])
        for formula in FORMULAS.values():
            answer = ask(client, world.datasets["window_progress"], columns=[adhoc(formula)])
            assert answer.status_code in (400, 403) and world.told(answer) == []
        for format_ in ("csv", "xlsx"):
            body = question(world.datasets["window_progress"], result_format=format_, columns=["project_code"])
            assert client.post("api/v1/chart/data", json=body).status_code in (401, 403)
        for path in (
            "superset/dashboard/overview/",
            "api/v1/dashboard/overview",
            "api/v1/dataset/",
            "api/v1/database/",
            "api/v1/security/users/",
            "api/v1/sqllab/",
            "api/v1/log/",
            "explore/",
            f"datasource/samples?datasource_type=table&datasource_id={world.datasets['window_progress']}",
        ):
            answer = client.get(path)
            assert answer.status_code in (302, 401, 403, 404, 405), (path, answer.status_code)


@pytest.mark.end_to_end
def test_a_handlers_pages_show_every_chart(world: World):
    """The guards refuse nothing that Superset's own pages ask for. One browser for all: its scripts are many MB."""
    session = world.client("ours").cookies["yidang_superset"]
    cookie = {"name": "yidang_superset", "value": session, "url": superset.url(world.settings)}
    with chromium() as browser:
        context = screen(browser)
        context.add_cookies([cookie])
        slugs = [board["slug"] for board in ASSETS.kind("dashboards").values()]
        found = {slug: opened(world, context, f"superset/dashboard/{slug}/") for slug in slugs}
    assert {slug: set(statuses) for slug, statuses in found.items()} == dict.fromkeys(slugs, {200})


@pytest.mark.end_to_end
def test_the_windows_page_opens_without_login(world: World):
    with chromium() as browser:
        statuses = opened(world, screen(browser), "superset/dashboard/window/", shows="请在上方选择或输入项目代码")
    assert len(statuses) >= 2 and set(statuses) == {200}


def screen(browser: Browser) -> BrowserContext:
    return browser.new_context(viewport={"width": 1600, "height": 6000}, locale="zh-CN")


def opened(world: World, context: BrowserContext, path: str, shows: str | None = None) -> list[int]:
    """The statuses of the answers to what a page's charts ask. shows: a text to wait for."""
    page, statuses = context.new_page(), []
    page.on("response", lambda one: statuses.append(one.status) if "/api/v1/chart/data" in one.url else None)
    with page.expect_response(lambda one: "/api/v1/chart/data" in one.url, timeout=120_000):
        page.goto(superset.url(world.settings) + path)
    page.wait_for_load_state("networkidle", timeout=120_000)
    if shows:
        page.get_by_text(shows).first.wait_for(timeout=120_000)
    page.close()
    return statuses


# -- personal data ----------------------------------------------------------------------------------------------------
@pytest.mark.end_to_end
def test_marts_hold_no_personal_data(world: World):
    """Every text of every mart: no officer of the made-up district, no telephone or id number, not the planted man."""
    dsn = world.settings.admin_dsn("yidang")
    with psycopg.connect(dsn) as warehouse:
        officers = warehouse.execute("select distinct blr from raw_zigui.spgl_xmspsxblxxxxb").fetchall()
        columns = warehouse.execute(
            "select table_name, column_name from information_schema.columns where table_schema = 'marts'"
            " and data_type in ('text', 'jsonb', 'character varying', 'ARRAY')"
        ).fetchall()
        assert len(officers) > 1 and len(columns) > 300
        bad = "|".join([*(re.escape(name) for (name,) in officers), PERSON, ID_NUMBER, PHONE])
        digits = r"(?<![0-9A-Za-z-])(1[3-9]\d{9}|[1-9]\d{5}(19|20)\d{2}[01]\d[0-3]\d{4}[0-9Xx])(?![0-9A-Za-z])"
        found = []
        for table, column in columns:
            query = psycopg.sql.SQL(
                "select {column}::text from marts.{table} where {column}::text ~ %s limit 1"
            ).format(column=psycopg.sql.Identifier(column), table=psycopg.sql.Identifier(table))
            found += [(table, column, *row) for row in warehouse.execute(query, (f"{bad}|{digits}",)).fetchall()]
        assert found == []
        masked = warehouse.execute(
            "select owner_name, project_name from marts.fct_project_lifecycle where owner_name ~ '\\*'"
        )
        ((owner, project),) = masked.fetchall()
        assert owner == "张**" and project.endswith("（联系 *******8000）")
        versions = warehouse.execute(
            "select distinct owner_credit_code from marts.dim_project where owner_name = '张**'"
        )
        assert versions.fetchall() == [("*" * 14 + "1234",)]
        clear = warehouse.execute("select owner_name, owner_id_number from personal.project_owner").fetchall()
        assert clear == [(PERSON, ID_NUMBER)]
    with psycopg.connect(world.settings.dsn("reader")) as reader, pytest.raises(psycopg.errors.InsufficientPrivilege):
        reader.execute("select * from personal.project_owner")
    with psycopg.connect(world.settings.dsn("personal")) as personal:
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            personal.execute("select * from marts.fct_item_instance")
        personal.rollback()
        with pytest.raises(psycopg.errors.ReadOnlySqlTransaction):
            personal.execute("create temporary table copy as select 1")


@pytest.mark.end_to_end
def test_the_clear_names_are_for_the_data_team(world: World):
    asked = {"sql": "select owner_name from personal.project_owner", "schema": "personal", "runAsync": False}
    asked["database_id"] = world.databases["一档个人信息"]
    answer = world.client("team").post("api/v1/sqllab/execute/", json=asked | {"client_id": "team1"})
    assert answer.status_code == 200 and PERSON in json.dumps(answer.json(), ensure_ascii=False)
    for user in ("analyst", "ours", "viewer"):
        answer = world.client(user).post("api/v1/sqllab/execute/", json=asked | {"client_id": f"{user}2"})
        assert answer.status_code >= 400 and PERSON not in json.dumps(answer.json(), ensure_ascii=False), user
    asked["database_id"] = world.databases["一档数仓"]
    answer = world.client("analyst").post("api/v1/sqllab/execute/", json=asked | {"client_id": "analyst3"})
    assert answer.status_code >= 400 and "permission denied" in answer.text


# -- accounts and the log of exports ----------------------------------------------------------------------------------
@pytest.mark.end_to_end
def test_what_left_is_listed_by_account_and_what_was_refused_is_not(world: World):
    before = len(superset_accounts.exports(world.settings, 1))
    body = question(world.datasets["fct_item_instance"], result_format="csv", columns=["case_id"])
    for user in ("ours", "analyst"):
        for result_format in ("csv", "xlsx"):
            asked = body | {"result_format": result_format}
            assert world.client(user).post("api/v1/chart/data", json=asked).status_code == 200
    as_browser = {"form_data": json.dumps(body)}
    assert world.client("ours").post("api/v1/chart/data", data=as_browser).status_code == 200
    with anonymous(world.settings) as client:
        assert client.post("api/v1/chart/data", json=body).status_code in (400, 401, 403)
    sql = {
        "database_id": world.databases["一档数仓"],
        "sql": "select 1 as eins",
        "client_id": "export1",
        "runAsync": False,
    }
    assert world.client("analyst").post("api/v1/sqllab/execute/", json=sql).status_code == 200
    assert world.client("analyst").get("api/v1/sqllab/export/export1/").status_code == 200
    found = superset_accounts.exports(world.settings, 1)
    newest = [(one.account, one.kind, one.what) for one in found[: len(found) - before]]
    cases = "fct_item_instance"
    assert newest == [
        ("analyst", "csv", "SQL: select 1 as eins"),
        ("ours", "csv", cases),
        ("analyst", "xlsx", cases),
        ("analyst", "csv", cases),
        ("ours", "xlsx", cases),
        ("ours", "csv", cases),
    ]
    assert all(one.size is None or one.size > 5 for one in found)


@pytest.mark.end_to_end
def test_a_shut_account_is_out_at_once_and_can_be_opened_again(world: World):
    gone = superset_accounts.Person("gone", "经办人", [OURS], ["all"])
    password = superset_accounts.add(world.settings, [gone])["gone"]
    with login(world.settings, "gone", password) as client:
        assert cases_seen(client, world.datasets["fct_item_instance"]) == world.cases[OURS]
        with pytest.raises(ConfigError, match="There is an account gone already"):
            superset_accounts.add(world.settings, [gone])
        superset_accounts.remove(world.settings, "gone")
        body = question(world.datasets["fct_item_instance"], columns=["case_id"])
        assert client.post("api/v1/chart/data", json=body).status_code in (400, 401, 403)
    with pytest.raises(AssertionError, match="cannot log in"), login(world.settings, "gone", password):
        pass
    with pytest.raises(ConfigError, match="no open account gone"):
        superset_accounts.remove(world.settings, "gone")
    fresh = superset_accounts.add(world.settings, [replace(gone, role="head", departments=[THEIRS])])["gone"]
    assert fresh != password
    with login(world.settings, "gone", fresh) as client:
        assert cases_seen(client, world.datasets["fct_item_instance"]) == world.cases[THEIRS]
    (listed,) = [one for one in superset_accounts.accounts(world.settings) if one.name == "gone"]
    assert (listed.roles, listed.departments, listed.regions) == (["部门负责人"], [THEIRS], ["all"])
    with psycopg.connect(world.settings.dsn("superset")) as connection:
        kept = connection.execute("select password from ab_user where username = 'gone'").fetchone()
    assert fresh not in kept[0]
    logs = "".join(path.read_text("utf-8", "replace") for path in world.settings.log_dir.glob("superset*.log"))
    assert fresh not in logs and password not in logs


@pytest.mark.end_to_end
@pytest.mark.parametrize(
    ("name", "role", "departments", "regions", "said"),
    [
        ("neu", "Gott", [OURS], ["all"], "There is no role 'Gott'"),
        ("neu", "经办人", [], ["all"], "none is given"),
        ("neu", "经办人", ["nosuch"], ["all"], "There is no department nosuch"),
        ("neu", "经办人", [OURS], [], "sees the rows of its region"),
        ("neu", "经办人", [OURS], ["1"], "has no region 1"),
        ("neu", "领导", [OURS], [], "sees every department's rows"),
        ("a'; --", "领导", [], [], "cannot be an account's name"),
        ("admin", "领导", [], [], "There is an account admin already"),
    ],
)
def test_an_account_that_makes_no_sense_is_refused_with_the_cure(
    world: World, name: str, role: str, departments: list[str], regions: list[str], said: str
):
    with pytest.raises(ConfigError, match=said) as refused:
        superset_accounts.add(world.settings, [superset_accounts.Person(name, role, departments, regions)])
    assert refused.value.cure


@pytest.mark.end_to_end
def test_a_list_of_people_is_made_at_once_or_refused_with_every_wrong_row(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(settings_module, "load", lambda: world.settings)
    people, kept = tmp_path / "people.csv", tmp_path / "passwords.csv"
    command = ["superset", "user", "import", str(people), "--password-file", str(kept)]
    wrong = ["neu,Gott,,,", f"eins,经办人,{OURS},all,", f"eins,经办人,{OURS},all,", "zwei,领导,,,nowhere"]
    people.write_text("\n".join(["name,role,departments,regions,mail", *wrong]), encoding="utf-8")
    refused = CliRunner().invoke(app, command)
    assert isinstance(refused.exception, ConfigError) and "3 rows are wrong; no account was made" in str(
        refused.exception
    )
    for words in (
        "line 2: There is no role 'Gott'",
        "line 4: There is an account eins already",
        "line 5: 'nowhere' is no",
    ):
        assert words in str(refused.exception)
    assert not kept.exists() and "eins" not in [one.name for one in superset_accounts.accounts(world.settings)]

    people.write_text(f"name,role,departments,regions,mail\neins,经办人,{OURS},all,\nzwei,领导,,,\n", encoding="utf-8")
    made = CliRunner().invoke(app, command, catch_exceptions=False)
    assert "2 accounts" in made.output and kept.stat().st_mode & 0o777 == 0o600
    passwords = dict(line.split(",") for line in kept.read_text("utf-8").splitlines()[1:])
    assert set(passwords) == {"eins", "zwei"} and not any(one in made.output for one in passwords.values())
    with login(world.settings, "eins", passwords["eins"]) as client:
        assert cases_seen(client, world.datasets["fct_item_instance"]) == world.cases[OURS]
    assert "is there already" in str(CliRunner().invoke(app, command).exception)


# -- the session -------------------------------------------------------------------------------------------------------
@pytest.mark.end_to_end
def test_a_session_ends_after_eight_hours_and_its_cookie_is_closed_to_scripts_and_other_sites(world: World):
    with login(world.settings, "viewer") as client:
        cookie = client.cookies["yidang_superset"]
    signed = URLSafeTimedSerializer(
        world.settings.secret("YIDANG_SUPERSET_SECRET_KEY"),
        salt="cookie-session",
        serializer=TaggedJSONSerializer(),
        signer_kwargs={"key_derivation": "hmac", "digest_method": hashlib.sha1},
    )
    content = signed.loads(cookie)
    for hours, status in ((7.9, 200), (8.1, 401)):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(TimestampSigner, "get_timestamp", lambda self, age=hours: int(time.time() - age * 3600))
            aged = signed.dumps(content)
        with anonymous(world.settings) as client:
            client.cookies.set("yidang_superset", aged)
            assert client.get("api/v1/me/").status_code == status, hours
    with anonymous(world.settings) as client:
        set_cookie = client.get("login/").headers["set-cookie"]
    assert "HttpOnly" in set_cookie and "SameSite=Lax" in set_cookie


@pytest.mark.end_to_end
def test_a_request_of_another_site_is_refused(world: World):
    """CSRF: the session alone changes nothing; the page's token must come with it."""
    client = world.client("ours")
    token = client.headers.pop("X-CSRFToken")
    try:
        body = question(world.datasets["dim_item"], columns=["item_code"])
        assert client.put("api/v1/me/", json={"first_name": "x"}).status_code == 400
        assert client.post("api/v1/dashboard/1/permalink", json={}).status_code == 400
    finally:
        client.headers["X-CSRFToken"] = token
    assert client.post("api/v1/chart/data", json=body).status_code == 200


# -- by mail -----------------------------------------------------------------------------------------------------------
@pytest.fixture(scope="module")
def mails(world: World) -> Iterator[list[Envelope]]:
    """What a real mail server took."""
    with mail_server() as (url, taken):
        write_receivers(world.settings, {"mail": {"url": url, "sender": "yidang@yunxi.example"}}, [])
        yield taken
    forget(world.settings)


def subscribe(world: World, user: str, name: str, slug: str = "open", **changes: object) -> httpx.Response:
    boards = {one["slug"]: one["id"] for one in world.client(user).get("api/v1/dashboard/").json()["result"]}
    return world.client(user).post("api/v1/report/", json=subscription(name, boards[slug]) | changes)


def to(kind: str, target: str) -> dict:
    return {"recipients": [{"type": kind, "recipient_config_json": {"target": target}}]}


def make_due(world: World, *names: str) -> None:
    """As if they had been served two hours ago."""
    with psycopg.connect(world.settings.dsn("superset"), autocommit=True) as connection:
        connection.execute(
            "update report_schedule set last_eval_dttm = now() at time zone 'utc' - interval '2 hours',"
            " last_state = 'Success' where name = any(%s)",
            (list(names),),
        )


def states(world: World, name: str) -> list[str]:
    """What Superset's execution log says of a subscription, oldest first."""
    query = """
        select concat_ws(' ', state, error_message) from report_execution_log as log
        inner join report_schedule on report_schedule.id = report_schedule_id where name = %s order by log.id
    """
    with psycopg.connect(world.settings.dsn("superset")) as connection:
        return [said for (said,) in connection.execute(query, (name,))]


def colours(png: bytes) -> int:
    """How many colours a picture has, up to 10,000; a blank one has one."""
    return len(Image.open(io.BytesIO(png)).convert("RGB").resize((400, 400)).getcolors(160_000))


@pytest.mark.end_to_end
def test_what_is_due_arrives_once_as_its_owner_sees_it(world: World, mails: list[Envelope], tmp_path: Path):
    send, settings = subscriptions.send, world.settings
    wanted = {"全区在办": ("viewer", "open", "PDF"), "本局在办": ("ours", "open", "PDF")}
    wanted |= {"部门": ("ours", "departments", "PNG")}
    both = "a@yunxi.example; unknown@yunxi.example"
    for name, (user, slug, kind) in wanted.items():
        made = subscribe(world, user, name, slug, report_format=kind, **to("Email", both))
        assert made.status_code == 201, made.text
    assert send(settings) == [] and mails == [], "a new one waits for its first time"
    assert {one.timezone for one in subscriptions.subscriptions(settings)} == {"Asia/Shanghai"}
    make_due(world, *wanted)
    sent = send(settings)
    assert {one["name"]: (one["owner"], one["result"]) for one in sent} == {
        name: (user, "sent") for name, (user, _, _) in wanted.items()
    }
    assert all("拒收 2 个收件人中的 1 个" in one["said"] for one in sent)
    assert send(settings) == [] and len(mails) == 3
    assert states(world, "全区在办")[0] == "Working" and states(world, "全区在办")[-1].startswith(
        "Success 邮件服务器拒收"
    )

    letters = [message_from_bytes(one.original_content, policy=policy.default) for one in mails]
    assert len({one["Message-ID"] for one in letters}) == 3
    assert all(one["Subject"].startswith("【虚构示例数据】") for one in letters)
    text = letters[0].get_body(("plain",)).get_content()
    assert f"{superset.url(settings)}superset/dashboard/open/" in text and "数据截至 2025年6月30日" in text
    pages = []
    for letter in letters[:2]:
        (attached,) = letter.iter_attachments()
        assert attached.get_content_type() == "application/pdf" and attached.get_filename().endswith(".pdf")
        (page,) = PdfReader(io.BytesIO(attached.get_content())).pages
        assert page.mediabox.width == 1200 and page.mediabox.height > 900  # points: 1600 pixels
        pages.append(page.extract_text())
        (tmp_path / "page.pdf").write_bytes(attached.get_content())
        subprocess.run(["pdftoppm", "-png", "-r", "40", "-singlefile", "page.pdf", "page"], cwd=tmp_path, check=True)
        assert colours((tmp_path / "page.png").read_bytes()) > 500
    (picture,) = [part for part in letters[2].walk() if part.get_content_type() == "image/png"]
    assert Image.open(io.BytesIO(picture.get_content())).size[0] == 1600
    assert colours(picture.get_content()) > 500

    with psycopg.connect(settings.admin_dsn("yidang")) as warehouse:
        query = "select instance_code, department_id = %s from marts.fct_item_instance where is_open"
        open_cases = dict(warehouse.execute(query, (OURS,)).fetchall())
    seen = [[code for code in open_cases if code in page] for page in pages]
    assert all(open_cases[code] for code in seen[1])
    assert any(not open_cases[code] for code in seen[0]), "the same page shows a leader the others' cases"
    counted = [int(count) for page in pages for count in re.findall(r"全部办件 (\d+) 件", page)]
    assert counted == [sum(map(len, world.cases.values()))] * len(pages)
    left = superset_accounts.exports(settings, 1)[:3]
    assert [(one.account, one.kind) for one in left] == [("ours", "png"), ("ours", "pdf"), ("viewer", "pdf")]
    assert "a@yunxi.example、unknown@yunxi.example（2 个收件人）" in left[0].what
    assert all(one.size > 9999 for one in left)


@pytest.mark.end_to_end
def test_what_was_killed_is_sent_by_the_next_run_and_two_at_once_send_it_once(
    world: World, mails: list[Envelope], tmp_path: Path
):
    make_due(world, "全区在办")
    before = len(mails)
    command = [sys.executable, "-m", "yidang.cli", "superset", "subscriptions", "send"]
    run = subprocess.Popen(command, env={**os.environ, "TMPDIR": str(tmp_path)}, start_new_session=True)

    def browsers() -> list[str]:
        lines = [" ".join(one.info["cmdline"] or []) for one in psutil.process_iter(["cmdline"])]
        return [line for line in lines if f"--user-data-dir={tmp_path}" in line]

    wait_until(browsers, 60)
    os.killpg(run.pid, signal.SIGKILL)
    run.wait()
    wait_until(lambda: not browsers(), 10)
    assert states(world, "全区在办")[-1] == "Working" and len(mails) == before
    with ThreadPoolExecutor(2) as pool:
        results = [one.result() for one in [pool.submit(subscriptions.send, world.settings) for _ in range(2)]]
    assert sorted(map(len, results)) == [0, 1] and len(mails) == before + 1
    assert states(world, "全区在办")[-3].startswith("Error 上次发送中断")


def wait_until(what: Callable[[], object], seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < deadline
        time.sleep(0.05)


@pytest.mark.end_to_end
def test_an_account_that_was_shut_or_lost_its_role_sends_no_more(world: World, mails: list[Envelope]):
    before = len(mails)
    for user in ("both", "elsewhere"):
        assert subscribe(world, user, f"von {user}").status_code == 201
    make_due(world, "von both", "von elsewhere")
    with psycopg.connect(world.settings.dsn("superset"), autocommit=True) as connection:
        connection.execute("update ab_user set active = false where username = 'both'")
        connection.execute(
            "delete from ab_user_role using ab_user where ab_user.id = user_id and username = 'elsewhere'"
        )
    results = subscriptions.send(world.settings)
    assert [(one["owner"], one["result"]) for one in results] == [("both", "off"), ("elsewhere", "off")]
    assert "账号已关闭" in results[0]["said"] and "不能订阅" in results[1]["said"]
    off = [one.name for one in subscriptions.subscriptions(world.settings) if not one.is_active]
    assert off == ["von both", "von elsewhere"] and len(mails) == before


FILTER = {"nativeFilterId": "x", "filterType": "filter_select", "columnName": "department_id", "filterValues": [THEIRS]}


@pytest.mark.end_to_end
@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"type": "Alert", "sql": "select 1", "database": 1, "validator_type": "not null"}, "数据库不存在"),
        (to("Webhook", "http://127.0.0.1:1/"), "只能寄往电子邮箱"),
        (to("Slack", "#x"), "只能寄往电子邮箱"),
        (to("Email", "ours@example.invalid"), "不是真实邮箱"),
        ({"recipients": []}, "没有写收件邮箱"),
        ({"creation_method": "dashboards"}, "不能寄往 ours@example.invalid"),
        ({"owners": [1]}, "一项订阅只属于一个账号"),
        ({"report_format": "CSV"}, "只能以 PDF 或 PNG 寄出"),
        ({"extra": {"dashboard": {"nativeFilters": [FILTER]}}}, ""),
        ({"crontab": "* * * * *"}, "60 minutes"),
        ({"dashboard": None, "chart": 1}, "只能订阅看板"),
    ],
)
def test_what_may_not_be_subscribed_to(world: World, changes: dict, said: str):
    refused = subscribe(world, "ours", "verboten", "quality", **changes)
    assert refused.status_code == 422 and said in json.dumps(refused.json(), ensure_ascii=False), refused.text


@pytest.mark.end_to_end
def test_a_second_subscription_to_a_dashboard_is_told_of_the_first(world: World):
    first = subscribe(world, "analyst", "one", "quality", **to("Email", "a@yunxi.example"))
    second = subscribe(world, "analyst", "two", "quality", creation_method="dashboards")
    assert first.status_code == 201, first.text
    assert second.status_code == 422, second.text
    assert "您已经订阅了这个看板" in json.dumps(second.json(), ensure_ascii=False)
    assert world.client("analyst").delete(f"api/v1/report/{first.json()['id']}").status_code == 200


@pytest.mark.end_to_end
def test_only_who_may_write_sql_gets_alerts_and_only_allowed_domains_get_mail(world: World):
    alert = {"type": "Alert", "sql": "select 1", "validator_type": "not null", "database": world.databases["一档数仓"]}
    made = subscribe(world, "analyst", "alert", **alert)
    assert made.status_code == 201, made.text
    assert world.client("analyst").delete(f"api/v1/report/{made.json()['id']}").status_code == 200
    access = superset.imported_dir(world.settings) / "access.json"
    before = access.read_text("utf-8")
    access.write_text(before.replace('"mail_domains": []', '"mail_domains": ["gov.example"]'), "utf-8")
    try:
        assert subscribe(world, "ours", "x", **to("Email", "a@evilgov.example")).status_code == 422
        made = subscribe(world, "ours", "x", **to("Email", "a@zhujian.gov.example"))
        assert made.status_code == 201
        change = to("Email", "a@elsewhere.example")
        assert world.client("ours").put(f"api/v1/report/{made.json()['id']}", json=change).status_code == 422
        assert world.client("ours").delete(f"api/v1/report/{made.json()['id']}").status_code == 200
    finally:
        access.write_text(before, "utf-8")


@pytest.mark.end_to_end
def test_the_subscriptions_of_others_are_hidden(world: World):
    theirs = subscribe(world, "viewer", "fremd", **to("Email", "geheim@yunxi.example")).json()["id"]
    mine = subscribe(world, "ours", "eigen").json()["id"]
    with psycopg.connect(world.settings.dsn("superset"), autocommit=True) as connection:
        (log,) = connection.execute(
            "insert into report_execution_log (id, scheduled_dttm, state, error_message, report_schedule_id)"
            " select coalesce(max(id), 0) + 1000, now(), 'Error', 'geheim', %s from report_execution_log returning id",
            (theirs,),
        ).fetchone()
    client = world.client("ours")
    assert {one["owners"][0]["first_name"] for one in client.get("api/v1/report/").json()["result"]} == {"ours"}
    for path in (f"{theirs}", f"{theirs}/log/", f"{theirs}/log/{log}", f"{mine}/log/{log}"):
        answer = client.get(f"api/v1/report/{path}")
        assert answer.status_code == 404 or answer.json().get("count") == 0, (path, answer.text)
        assert "geheim" not in answer.text
    assert client.get("api/v1/report/slack_channels/", params={"q": "()"}).status_code == 404
    assert client.put(f"api/v1/report/{theirs}", json=to("Email", "a@b.example")).status_code == 404
    assert client.delete(f"api/v1/report/{theirs}").status_code == 404
    assert client.put(f"api/v1/report/{mine}", json={"owners": [1]}).status_code == 422
    changed = client.put(f"api/v1/report/{mine}", json={"crontab": "30 * * * *"})
    assert changed.status_code == 200, changed.text
    assert "geheim" in world.client("viewer").get(f"api/v1/report/{theirs}/log/").text


# -- the file again: last, because it takes a role away -------------------------------------------------------------
@pytest.mark.end_to_end
def test_what_leaves_the_file_leaves_superset_and_what_people_made_stays(world: World):
    assert superset.start(world.settings) is False
    with psycopg.connect(world.settings.dsn("superset"), autocommit=True) as connection:
        connection.execute("insert into ab_role (id, name) select max(id) + 1, '自建角色' from ab_role")
        before = names(connection)
        access = superset_access.path(world.settings)
        text = access.read_text("utf-8")
        line = next(line for line in text.splitlines() if line.lstrip().startswith("analyst:"))
        access.write_text(text.replace(f"{line}\n", "").replace('"420599", "999999"', '"420599"'), "utf-8")
        assert superset.start(world.settings) is True
        after = names(connection)
    gone = {"一档·分析员", "一档·地区·999999"}
    assert before["ab_role"] - after["ab_role"] == gone and "自建角色" in after["ab_role"]
    left = before["row_level_security_filters"] - after["row_level_security_filters"]
    assert left == {"一档·地区·999999·project_code", "一档·地区·999999·region_code"}
    # the account is still there, and sees nothing: it has no role
    with login(world.settings, "analyst", world.passwords["analyst"]) as client:
        asked = ask(client, world.datasets["fct_item_instance"], columns=["case_id"])
    assert asked.status_code in (400, 401, 403) and world.told(asked) == []


def names(connection: psycopg.Connection) -> dict[str, set[str]]:
    return {
        table: {name for (name,) in connection.execute(f"select name from {table}")}  # noqa: S608
        for table in ("ab_role", "row_level_security_filters")
    }
