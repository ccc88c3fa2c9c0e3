"""All eight departments of a small made-up district, one of them broken at a time: clear error, the others go on."""

from __future__ import annotations

import json
import os
import subprocess
import time
from dataclasses import replace
from datetime import date
from pathlib import Path

import psycopg
import pytest
from conftest import drop_built_schemas

from yidang import contracts, demo, district, landing
from yidang.errors import ConfigError
from yidang.services import district as district_service
from yidang.services import process
from yidang.settings import ROOT, WAREHOUSE_DATABASE

pytestmark = pytest.mark.integration
ALL = ["fagai", "renfang", "shengtai", "shuiwu", "zhengwu", "zhuanban", "zhujian", "zigui"]


@pytest.fixture(scope="module")
def world(settings):
    """The district's own systems, running."""
    district_service.start(settings)
    try:
        yield district.generate(settings, seed=7, projects=12, start=date(2025, 1, 2), end=date(2026, 3, 31))
    finally:
        process.stop(settings, district_service.HTTP_SERVER)


@pytest.fixture(scope="module")
def landed(settings, world):
    """Everything pulled once. Gives a function that counts the rows of every raw table."""
    with psycopg.connect(settings.admin_dsn(WAREHOUSE_DATABASE), autocommit=True) as admin:
        drop_built_schemas(admin)
        assert pull_all(settings) == {}
        yield lambda: count_all(settings, admin)


def count_all(settings, admin) -> dict[str, int]:
    """Rows of every raw table, by "department.table"."""
    return {
        f"{item.id}.{table.name}": admin.execute(
            f'select count(*) from {item.schema}."{table.name}"'  # noqa: S608 names of a contract
        ).fetchone()[0]
        for item in contracts.load_departments(settings)
        for table in item.tables
    }


def pull_all(settings) -> dict[str, str]:
    """Pull every department, as the DAGs do: each on its own. Gives the errors by department."""
    errors = {}
    for item in contracts.load_departments(settings):
        try:
            landing.pull(settings, item)
        except landing.PullError as error:
            errors[item.id] = str(error)
    return errors


def newest(folder: str) -> Path:
    return max(Path(folder).iterdir())


def drop(path: Path, content: bytes) -> Path:
    path.write_bytes(content)
    os.utime(path, (time.time() - 10, time.time() - 10))
    return path


def test_every_department_lands_and_a_second_round_adds_nothing(settings, warehouse, landed, world):
    before = landed()
    assert [name for name in ALL if not any(rows for key, rows in before.items() if key.startswith(name))] == []
    assert pull_all(settings) == {}
    assert landed() == before
    gates = dict(warehouse.execute("select gate, count(*) from landing.batch group by gate").fetchall())
    assert set(gates) == {"passed"}
    ledger = warehouse.execute(
        "select department || '.' || table_name, sum(rows_landed) from landing.batch group by 1"
    ).fetchall()
    assert {name: int(total) for name, total in ledger} == {name: total for name, total in before.items() if total}


def test_the_raw_tables_hold_what_the_truth_says(settings, warehouse, landed, world):
    """Cases as the departments' systems show them: none missing, none twice."""
    visible = world.counts["visible_cases_by_department"]
    relations = {
        "fagai": ("raw_fagai.approvals", "case_no"),
        "shuiwu": ("raw_shuiwu.permits", "permit_id"),
        "shengtai": ("raw_shengtai.eia_cases", '"受理编号"'),
        "renfang": ("raw_renfang.civil_defence_cases", '"办件编号"'),
    }
    for department, (relation, key) in relations.items():
        found = warehouse.execute(f"select count(distinct {key}) from {relation}").fetchone()[0]  # noqa: S608
        assert found == visible[department], department
    broken = warehouse.execute("select raw_row ->> 'line' from landing.quarantine where rule = 'columns'").fetchall()
    assert len(broken) == world.counts["planted"]["broken_lines"]
    assert all(line.count(",") == 15 for (line,) in broken)


@pytest.mark.parametrize(
    ("secret", "value", "department", "expected"),
    [
        ("ZIGUI_DSN", "postgresql://nobody:x@127.0.0.1:1/zigui_exchange", "zigui", "the source does not answer"),
        ("ZHENGWU_DSN", "postgresql://zhengwu_reader:x@127.0.0.1:{port}/zhengwu_hall", "zhengwu", "refuses the login"),
        ("FAGAI_TOKEN", "expired", "fagai", "Set the secret FAGAI_TOKEN to the token the department gave."),
        ("RENFANG_DROP", "/nowhere", "renfang", "the drop folder does not exist"),
    ],
)
def test_one_department_out_of_reach(settings, landed, secret, value, department, expected):
    before, right = landed(), settings.secret(secret)
    settings.ensure_secrets([], fixed={secret: value.format(port=settings.port("district_postgres"))})
    try:
        errors = pull_all(settings)
    finally:
        settings.ensure_secrets([], fixed={secret: right})
    assert list(errors) == [department] and expected in errors[department]
    assert landed() == before
    assert pull_all(settings) == {}


def test_half_a_csv_lands_its_whole_rows_and_the_rest_when_it_comes_again(settings, warehouse, landed):
    before = landed()
    whole = newest(settings.secret("SHENGTAI_DROP")).read_bytes()
    header, first = whole.split(b"\r\n")[:2]
    rows = [first.replace(first.split(b",")[0], f"ST9999{number}".encode()) for number in (1, 2, 3)]
    content = b"\r\n".join([header, *rows, b""])
    path = Path(settings.secret("SHENGTAI_DROP")) / "环评审批_20991231.csv"
    try:
        drop(path, content[: len(header) + 2 + len(rows[0]) + 2 + len(rows[1]) // 3])
        assert pull_all(settings) == {}
        assert landed()["shengtai.eia_cases"] == before["shengtai.eia_cases"] + 1
        reason = warehouse.execute("select reason from landing.quarantine order by batch_id desc limit 1").fetchone()[0]
        assert reason.startswith("环评审批_20991231.csv, line 3: the row has ")
        drop(path, content)
        assert pull_all(settings) == {}
        assert landed()["shengtai.eia_cases"] == before["shengtai.eia_cases"] + 3
    finally:
        path.unlink()


def test_an_unknown_department_and_a_broken_contract(settings, tmp_path, monkeypatch):
    with pytest.raises(ConfigError, match=r"shuiwu, zhengwu, zhuanban, zhujian, zigui, examples/us_permits \("):
        contracts.load_department(settings, "shuili")
    monkeypatch.setenv("YIDANG_DEPARTMENTS_DIR", str(tmp_path))
    (tmp_path / "shuiwu.yml").write_text("name: [水务局\n", encoding="utf-8")
    with pytest.raises(ConfigError, match=r"shuiwu\.yml: line 2, column 1: not valid YAML"):
        contracts.load_department(settings, "shuiwu")


def test_a_landed_district_is_not_replaced_by_another(settings, landed, world):
    """Raw is append-only: two made-up worlds in it would give figures of neither."""
    before = landed()
    arguments = ("district", "--start", "2025-01-02", "--end", "2026-03-31", "--projects", "12", "--seed")
    other = run_cli(*arguments, "8")
    assert other.returncode == 2
    assert "already holds rows of a made-up district" in other.stderr and "make clean" in other.stderr
    same = run_cli(*arguments, "7")
    assert same.returncode == 0 and "already there, unchanged" in same.stdout
    assert pull_all(settings) == {}
    assert landed() == before


def test_the_demo_leaves_another_district_as_it_is(settings, landed, monkeypatch):
    """It is refused before Airflow is started, or the day of the district's builds is another."""
    started = []
    monkeypatch.setattr(demo.airflow, "start", started.append)
    monkeypatch.setattr(demo.messages, "start", started.append)
    before = settings.as_of()
    with pytest.raises(ConfigError, match="already holds rows of a made-up district"):
        demo.run(settings)
    assert started == [] and settings.as_of() == before != demo.DISTRICT.end


def test_a_landed_district_may_be_made_again(settings, landed, world):
    """What was lost or half written of the same world comes back; also after a kill, and only of that world."""
    before = landed()
    same = {"seed": 7, "projects": 12, "start": date(2025, 1, 2), "end": date(2026, 3, 31), "is_landed": lambda: True}
    summary = settings.district_dir / "truth" / "summary.json"
    recorded = json.loads(summary.read_text(encoding="utf-8"))
    summary.write_text(json.dumps({**recorded, "counts": None}), encoding="utf-8")
    with pytest.raises(ConfigError, match="already holds rows"):
        district.generate(settings, **{**same, "projects": 13})
    assert district.generate(settings, **same).is_new
    assert not district.generate(settings, **same).is_new
    assert pull_all(settings) == {}
    assert landed() == before


def test_on_a_server_of_ones_own_the_cure_names_its_databases(settings, landed, world):
    """`make clean` leaves them, and the installation made after it has neither the record nor the loader's password."""
    elsewhere = replace(settings, admin_url=settings.admin_dsn())
    assert landing.has_landed(elsewhere, contracts.example_departments(settings))
    with pytest.raises(ConfigError, match="drop the databases yidang, yidang_airflow and yidang_superset"):
        district.generate(
            elsewhere, seed=8, projects=12, start=date(2025, 1, 2), end=date(2026, 3, 31), is_landed=lambda: True
        )


def test_nothing_has_landed_where_there_is_no_warehouse(settings, landed, tmp_path):
    assert not landing.has_landed(replace(settings, home=tmp_path), contracts.example_departments(settings))
    assert not landing.has_landed(settings, [])


def test_a_pull_says_once_what_is_wrong_with_a_department(settings, landed):
    right = settings.secret("ZIGUI_DSN")
    settings.ensure_secrets([], fixed={"ZIGUI_DSN": right.replace("zigui_reader:", "zigui_reader:x")})
    try:
        result = run_cli("pull", "zigui")
    finally:
        settings.ensure_secrets([], fixed={"ZIGUI_DSN": right})
    assert result.returncode == 1
    assert result.stderr.count("the source refuses the login") == 1
    assert "0 of 9 tables of zigui were read" in result.stderr


def run_cli(*arguments: str) -> subprocess.CompletedProcess:
    command = ROOT / ".yidang" / "venv" / "platform" / "bin" / "yidang"
    return subprocess.run([command, *arguments], capture_output=True, text=True, timeout=120)
