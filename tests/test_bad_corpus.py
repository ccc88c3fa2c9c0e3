"""Hundreds of bad inputs, each with what must become of it: landed, set aside with its reason, or refused whole."""

from __future__ import annotations

import csv
import os
import time

import jinja2
import psycopg
import pytest
from bad_inputs import contracts as contract_files
from bad_inputs import csv_files, dates_and_codes, xlsx_files
from conftest import drop_built_schemas
from landing_support import load, rows, table

from yidang import contracts, landing
from yidang import settings as settings_module
from yidang.errors import ConfigError
from yidang.settings import WAREHOUSE_DATABASE

pytestmark = pytest.mark.integration
HERE = settings_module.load()
FILES = [(f"bad_{number}", case) for number, case in enumerate([*csv_files.CASES, *xlsx_files.CASES])]


@pytest.fixture(scope="module")
def world(settings, tmp_path_factory):
    """(settings, connection, folder): one warehouse for all cases, each of them a department of its own."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("yidang.gate.check_pending", lambda *_: [])
        with psycopg.connect(settings.admin_dsn(WAREHOUSE_DATABASE), autocommit=True) as connection:
            drop_built_schemas(connection)
            yield settings, connection, tmp_path_factory.mktemp("corpus")


@pytest.mark.parametrize(("department", "case"), FILES, ids=[case.name for _, case in FILES])
def test_file(world, department, case):
    settings, connection, folder = world
    drop = folder / department
    drop.mkdir()
    path = drop / case.file_name
    path.write_bytes(case.bytes)
    os.utime(path, (time.time() - 10,) * 2)
    source = f"kind: files\nfolder: {drop}\nformat: {{{case.declared}}}"
    lines = f"pattern: '*'\ndate_columns: [{', '.join(case.date_columns)}]"
    tables = table("cases", lines, case.columns, suite="permits").replace("key: [id]", f"key: [{case.key}]")
    contract = load(settings, folder, department, source, tables)

    try:
        result, error = landing.pull(settings, contract), ""
    except landing.PullError as raised:
        result, error = raised.result, str(raised)
    columns = ", ".join(f'"{column}"' for column in case.columns)
    landed = rows(connection, f"raw_{department}.cases", columns)
    quarantined = connection.execute(
        "select row_number, rule, reason from landing.quarantine where department = %s order by row_number",
        (department,),
    ).fetchall()
    ledger = connection.execute(
        "select coalesce(sum(rows_read), 0), coalesce(sum(rows_landed + rows_quarantined), 0) from landing.batch"
        " where department = %s",
        (department,),
    ).fetchone()

    assert case.refused in error and bool(error) == bool(case.refused), error
    assert tuple(landed) == case.landed
    assert [found[:2] for found in quarantined] == [expected[:2] for expected in case.quarantined]
    for (_, _, reason), (_, _, expected) in zip(quarantined, case.quarantined, strict=True):
        assert expected in reason and reason.startswith(case.file_name)
    # Nothing is lost: every row that was read has landed or lies in quarantine.
    assert ledger[0] == ledger[1] == len(landed) + len(quarantined) == result.tables[0].rows_read
    if case.refused:
        assert case.file_name in error and "\n  → " in error
        assert landed == quarantined == []


@pytest.mark.parametrize("case", contract_files.CASES, ids=[case.name for case in contract_files.CASES])
def test_contract(tmp_path, case):
    path = tmp_path / "yuanlin.yml"
    path.write_text(case.text, encoding="utf-8")
    with pytest.raises(ConfigError) as caught:
        contracts.load_department(HERE, path)
    assert case.says in str(caught.value)
    assert f"{tmp_path.name}/yuanlin.yml" in caught.value.what and caught.value.cure


def test_the_contract_that_the_mistakes_are_made_in_is_good(tmp_path):
    path = tmp_path / "yuanlin.yml"
    for source in (contract_files.CONTRACT, contract_files.sftp("", "P", "P", "").text):
        path.write_text(source, encoding="utf-8")
        assert contracts.load_department(HERE, path).id == "yuanlin"


def test_dates_and_codes(world):
    """All in one file: each lands as typed, and is read as what it says or as nothing; never a guess."""
    settings, connection, folder = world
    drop = folder / "values"
    drop.mkdir()
    with (drop / "values.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["id", "value"])
        writer.writerows((f"v{number}", case.text) for number, case in enumerate(dates_and_codes.CASES))
    os.utime(drop / "values.csv", (time.time() - 10,) * 2)
    source = f"kind: files\nfolder: {drop}\nformat: {{kind: csv, encoding: utf-8}}"
    tables = table("cases", "pattern: '*'", ["id", "value"], suite="permits")
    landing.pull(settings, load(settings, folder, "bad_values", source, tables))

    macros = jinja2.Template((settings.root / "dbt_project/macros/casts.sql").read_text(encoding="utf-8")).module
    typed = {macro: getattr(macros, macro)("value") for macro in {case.macro for case in dates_and_codes.CASES}}
    columns = ", ".join(f"({sql})::text" for sql in typed.values())
    found = connection.execute(f"select value, {columns} from raw_bad_values.cases order by _row_number").fetchall()  # noqa: S608
    assert [text for text, *_ in found] == [case.text for case in dates_and_codes.CASES]
    read = [dict(zip(typed, row[1:], strict=True)) for row in found]
    wrong = [
        (case, row[case.macro])
        for case, row in zip(dates_and_codes.CASES, read, strict=True)
        if row[case.macro] != case.read
    ]
    assert wrong == []


def test_the_corpus_is_as_large_as_it_says(counted):
    counts = {"files": len(FILES), "contracts": len(contract_files.CASES), "values": len(dates_and_codes.CASES)}
    counted(f"bad inputs: {sum(counts.values())} ({', '.join(f'{n} {what}' for what, n in counts.items())})")
    assert counts["files"] >= 200 and sum(counts.values()) >= 300
