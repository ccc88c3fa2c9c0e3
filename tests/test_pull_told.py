"""What `yidang pull` says: what is held, what changed at the source, what was left out, compared or is not foretold."""

# ruff: noqa: F811 - the fixtures of test_gate

from __future__ import annotations

import re
import subprocess
import threading
import time
from datetime import date

import psycopg
import pytest
from landing_support import count, load, table
from test_cli import YIDANG
from test_gate import CURSOR, SOURCE, add, department, own, rule, source  # noqa: F401
from typer.testing import CliRunner

from yidang import build, contracts, landing
from yidang import settings as settings_module
from yidang.cli import app
from yidang.errors import ConfigError, YidangError
from yidang.landing import ledger

pytestmark = pytest.mark.integration
IN_SET = rule("column_values_to_be_in_set", column="topic", value_set=["收费"])
COMPARED = f"{CURSOR}\ndeletes: compare\nmost_deleted_share: 0.5"


@pytest.fixture
def pull(own, source, department, monkeypatch):
    """Run `yidang pull` on ceshi. Gives exit code, what it printed, and the error's text."""
    monkeypatch.setattr(settings_module, "load", lambda: own[0])

    def run(*options, name=own[0].root / "ceshi.yml"):
        result = CliRunner().invoke(app, ["pull", str(name), *options])
        problem = result.exception
        code = problem.exit_code if isinstance(problem, YidangError) else result.exit_code
        return code, result.output, "" if isinstance(problem, SystemExit | None) else str(problem)

    return run


def as_it_is(text: str) -> str:
    return re.sub(r"\(\d+\.\d s\)", "(x s)", text)


# -- held --------------------------------------------------------------------------------------------------------
def test_each_pull_names_a_batch_that_is_still_held_until_it_is_not(own, warehouse, source, pull):
    own[1](IN_SET)
    add(source, "坏", "坏", "坏", "收费")
    code, told, problem = pull()
    assert code == 1 and "✗ ceshi.question: read 4, landed 4" in told and "gate: 1 batch held" in told
    (batch,) = warehouse.execute("select batch_id from landing.batch").fetchone()
    for landed in (0, 1):  # nothing new, then a good batch
        if landed:
            add(source, "收费", day=9)
        code, told, problem = pull()
        assert code == 1 and f"✗ ceshi.question: read {4 + landed}, landed {landed}" in told
        assert f"  ✗ from an earlier pull, batch {batch} is held: 3 of 4 rows fail, more than 50%" in told
        assert "yidang quarantine replay ceshi" in told and "yidang quarantine release BATCH" in told
        assert "Batches of an earlier pull are still held" in problem and "departments failed" not in problem
    assert pull("--dry-run")[0] == 1
    assert CliRunner().invoke(app, ["quarantine", "release", str(batch), "--reason", "对"]).exit_code == 0
    code, told, _ = pull()
    assert code == 0 and "held" not in told and told.startswith("✓")


# -- columns -----------------------------------------------------------------------------------------------------
def drifted(warehouse):
    return warehouse.execute("select column_name, change from landing.drift order by 1").fetchall()


def test_a_renamed_column_is_recorded_and_both_names_are_said(own, warehouse, source, pull):
    source.execute("alter table hall.question add column extra text")
    add_row = "insert into hall.question values ('1', '2025-03-03', '收费', '2025-03-03', 'x')"
    source.execute(add_row)
    assert "  ! new at the source, no model reads it yet: extra" in pull()[1]
    assert "new at the source" not in pull()[1], "it is news once"
    source.execute("alter table hall.question rename column topic to thema")
    assert "has the new column thema;" in pull("--dry-run")[1]
    assert drifted(warehouse) == [("extra", "added")], "a dry run records nothing"
    for _ in range(2):
        code, told, _ = pull()
        assert code == 1 and "✗ ceshi.question: read 0, landed 0, quarantined 0, then failed" in told
        assert "the source no longer has the column topic, and has the new column thema; nothing of it" in told
        assert "If topic was renamed to thema: write the new name into the contract" in told
    assert drifted(warehouse) == [("extra", "added"), ("thema", "added"), ("topic", "missing")]
    assert count(warehouse, "raw_ceshi.question") == 1


def test_a_refused_type_is_recorded(warehouse, source, pull):
    add(source, "收费")
    pull()
    source.execute("alter table hall.question alter column topic type varchar(9)")
    code, told, _ = pull()
    assert code == 1 and "has given another type to topic (text → character varying); nothing" in told
    assert drifted(warehouse) == [("topic", "retyped")]


def test_a_file_whose_first_line_is_no_header_shows_nothing_of_it(own, warehouse, empty_warehouse, tmp_path):
    (tmp_path / "drop").mkdir()
    (tmp_path / "drop" / "a.csv").write_text("张三,13800000000\n李四,13900000000\n", encoding="utf-8")
    files = f"kind: files\nfolder: {tmp_path / 'drop'}\nformat: {{kind: csv, encoding: utf-8}}"
    declared = load(own[0], tmp_path, "wenjian", files, table("cases", "pattern: '*'", ["id", "name"], suite="own"))
    with pytest.raises(landing.PullError, match="no longer has the columns id, name; nothing") as caught:
        landing.pull(own[0], declared)
    assert "张三" not in str(caught.value)
    assert drifted(warehouse) == [("id", "missing"), ("name", "missing")]


# -- dry run -----------------------------------------------------------------------------------------------------
def test_a_dry_run_foretells_deletions_and_says_what_it_cannot(own, warehouse, source, pull, tmp_path):
    load(own[0], tmp_path, "ceshi", SOURCE, table(extra=COMPARED, suite="own"))
    add(source, *["收费"] * 4)
    assert pull()[0] == 0
    source.execute("delete from hall.question where id = '2'")
    source.execute("alter table hall.question add column extra text")
    source.execute("update hall.question set extra = 'x' where id = '3'")
    code, told, _ = pull("--dry-run")
    assert code == 0
    assert as_it_is(told).splitlines() == [
        "✓ ceshi.question: read 3, would land 1, quarantined 0, deleted at the source 1  (x s)",
        "  ! new at the source, no model reads it yet: extra",
        "  A dry run lands nothing, so the gate does not judge: which rows it would keep out is not foretold.",
    ]
    assert count(warehouse, "landing.deleted_row") == 0 and drifted(warehouse) == []
    assert "landed 1, quarantined 0, deleted at the source 1" in pull()[1], "as foretold"
    source.execute("delete from hall.question where id <> '1'")
    for options in (["--dry-run"], []):
        code, told, _ = pull(*options)
        assert code == 1 and "2 of 3 rows are no longer at the source, more than 50%" in told
        assert "write `most_deleted_share: 0.67` at table question in ceshi.yml, pull again" in told
    load(own[0], tmp_path, "ceshi", SOURCE, table(extra=COMPARED.replace("0.5", "0.67"), suite="own"))
    assert "deleted at the source 2" in pull()[1]


@pytest.mark.parametrize(
    ("suite", "sentence"),
    [
        (None, "there is no suite expectations/own.json"),
        ("{", "expectations/own.json: line 1: not valid JSON"),
        (rule("column_to_be_beautiful", column="topic"), "expect_column_to_be_beautiful is not valid"),
    ],
)
def test_a_dry_run_finds_a_suite_that_is_missing_or_wrong(own, warehouse, source, pull, suite, sentence):
    settings, write = own
    path = settings.root / "expectations" / "own.json"
    path.unlink() if suite is None else path.write_text(suite) if isinstance(suite, str) else write(suite)
    code, told, _ = pull("--dry-run")
    assert code == 1 and sentence in told and "1 of 1 tables of ceshi were read, 0 new rows would land" in told


def test_a_feed_that_names_no_model_is_found_before_dbt_and_by_a_dry_run(own, warehouse, department, pull, tmp_path):
    models = tmp_path / "dbt_project" / "models"
    models.mkdir(parents=True)
    (models / "stg_ceshi__cases.sql").touch()
    path = tmp_path / "ceshi.yml"
    good = path.read_text("utf-8")
    path.write_text(f"feeds: {{cases: stg_ceshi__case}}\n{good}", encoding="utf-8")
    with pytest.raises(ConfigError, match=r"ceshi\.yml: feeds\.cases: there is no model stg_ceshi__case\.") as caught:
        contracts.require_models(own[0], [contracts.load_department(own[0], path)])
    assert "Did you mean `stg_ceshi__cases`?" in caught.value.cure
    with pytest.raises(ConfigError, match=r"feeds\.cases"):
        build.build(own[0], as_of=date(2025, 3, 31), departments=[contracts.load_department(own[0], path)])
    assert warehouse.execute("select to_regnamespace('intermediate')").fetchone() == (None,), "the last build stands"
    assert "feeds.cases: there is no model" in pull("--dry-run")[1]
    path.write_text(f"feeds: {{case: stg_ceshi__cases}}\n{good}", encoding="utf-8")
    with pytest.raises(ConfigError, match=r"line 1: feeds\.case.*") as caught:
        contracts.load_department(own[0], path)
    assert "cases" in str(caught.value)


# -- rights ------------------------------------------------------------------------------------------------------
@pytest.fixture
def stranger(source, district_dsn, monkeypatch):
    """The source is read by a login that may nothing yet. Gives what to run a grant with."""
    source.execute("drop role if exists stranger")
    source.execute("create role stranger login password 'x'")
    place = district_dsn.rpartition("@")[2].rsplit("/", 1)[0]
    monkeypatch.setenv("CESHI_DSN", f"postgresql://stranger:x@{place}/ceshi")
    yield source.execute
    source.execute("drop owned by stranger; drop role stranger")


def test_a_right_that_is_lacking_is_named_and_granting_it_helps(stranger, source, pull):
    add(source, "收费")
    for what in ("schema hall", "hall.question"):
        code, told, _ = pull()
        assert code == 1 and f"The source's login stranger may not read {what}." in told
        stranger(re.search(r"Ask the department for: (GRANT .*;)", told)[1])
    assert pull()[0] == 0
    stranger("revoke select on hall.question from stranger; grant select (id, topic) on hall.question to stranger")
    assert 'GRANT SELECT ON "hall"."question" TO "stranger";' in pull()[1], "of some columns only"


def test_a_database_that_is_not_there_is_no_refused_login(own, pull, monkeypatch):
    monkeypatch.setenv("CESHI_DSN", own[0].secret("CESHI_DSN").rsplit("/", 1)[0] + "/nosuch")
    told = pull()[1]
    assert "the source has no such database" in told and "refuses the login" not in told
    assert "Correct the database's name, the last part of the URL in the secret CESHI_DSN." in told


# -- days and comparison -----------------------------------------------------------------------------------------
def test_days_are_said_as_they_are_meant_and_tables_without_are_named(own, source, pull, tmp_path):
    source.execute("create table hall.visit (like hall.question)")
    load(own[0], tmp_path, "ceshi", SOURCE, table(extra=CURSOR, suite="own") + table("visit", suite="own"))
    add(source, "收费", day=3)
    add(source, "收费", day=4)
    code, told, _ = pull("--since", "2025-03-03", "--until", "2025-03-04")
    assert code == 0 and as_it_is(told).splitlines()[:3] == [
        "  ceshi: the days from 2025-03-03 up to, not including, 2025-03-04 are read again; the cursor stays as it is.",
        "  ceshi: left out, because they have no cursor: visit. Without days they are read too.",
        "✓ ceshi.question: read 1, landed 1, quarantined 0  (x s)",
    ]
    assert "the days from 2025-03-04 on are read again" in pull("--since", "2025-03-04")[1]


def test_a_comparison_says_that_all_agrees_or_once_what_does_not(own, warehouse, source, pull, tmp_path):
    source.execute("create table hall.visit (like hall.question)")
    visit = table("visit", "reconcile: none", suite="own")
    load(own[0], tmp_path, "ceshi", SOURCE, table(extra=CURSOR, suite="own") + visit)
    add(source, "收费", "收费")
    add(source, "收费", day=4)
    pull()
    code, told, _ = pull("--reconcile")
    assert code == 0 and told.count("  compared with the source: 3 rows of 2 days, all agree") == 1
    assert "  not compared with the source: `reconcile: none`" in told
    source.execute("update hall.question set topic = '改' where id = '1'")
    result = subprocess.run(
        [YIDANG, "pull", own[0].root / "ceshi.yml", "--reconcile"], capture_output=True, text=True, timeout=120
    )
    both = result.stdout + result.stderr
    assert both.count("question 2025-03-03: the source has 2 rows") == 1 and "agree" not in both.replace("disagree", "")


# -- waiting -----------------------------------------------------------------------------------------------------
def test_a_pull_that_waits_says_once_for_whom_and_since_when(own, warehouse, source, department):
    add(source, "收费")
    landing.ensure_landing(own[0], [department])
    name = "pull other"
    with psycopg.connect(own[0].dsn("loader"), application_name=f"yidang {name}") as other:
        ledger.lock_table(other, "ceshi", "question")
        waiting = subprocess.Popen(
            [YIDANG, "pull", own[0].root / "ceshi.yml"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        said = []
        reader = threading.Thread(target=lambda: said.append(waiting.stderr.readline()))
        reader.start()
        reader.join(timeout=30)
        assert re.fullmatch(
            r"ceshi\.question: waiting for `yidang pull other` from 127\.0\.0\.1, which has been at work on the same"
            r" since \d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\n",
            said[0],
        ), said
        time.sleep(0.2)
        assert waiting.poll() is None
    out, err = waiting.communicate(timeout=60)
    assert "waiting" not in err and "landed 1" in out
