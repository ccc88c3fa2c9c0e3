"""The gate on real batches: which rows go to quarantine, when a batch is held, what it costs when nothing is new."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from dataclasses import replace

import pytest
from landing_support import count, database, load, table
from typer.testing import CliRunner

from yidang import gate, landing
from yidang import settings as settings_module
from yidang.cli import app
from yidang.errors import YidangError

pytestmark = pytest.mark.integration
SOURCE = """
    kind: postgres
    dsn: ${CESHI_DSN}
    schema: hall
"""
CURSOR = "cursor: {column: updated_at}"


def rule(kind, severity="fail", reason="原因", **kwargs):
    meta = {"severity": severity, "reason": reason, "reason_en": "reason"}
    return {"type": f"expect_{kind}", "kwargs": kwargs, "meta": meta}


@pytest.fixture
def own(settings, tmp_path):
    """Settings whose suites lie in a folder of the test's own, and a function that writes the one suite."""
    (tmp_path / "expectations").mkdir()

    def write(*expectations, share=0.5, from_rows=4):
        suite = {"name": "own", "meta": {"hold_above_share": share, "hold_from_rows": from_rows}}
        text = json.dumps({**suite, "expectations": list(expectations)})
        (tmp_path / "expectations" / "own.json").write_text(text, encoding="utf-8")

    write()
    return replace(settings, root=tmp_path), write


@pytest.fixture
def source(settings, empty_warehouse, district_dsn):
    with database(district_dsn, "ceshi") as connection:
        connection.execute("create schema hall")
        connection.execute("create table hall.question (id text, asked_at text, topic text, updated_at timestamp)")
        settings.ensure_secrets([], fixed={"CESHI_DSN": district_dsn.rsplit("/", 1)[0] + "/ceshi"})
        yield connection


@pytest.fixture
def department(own, source, tmp_path):
    return load(own[0], tmp_path, "ceshi", SOURCE, table(extra=CURSOR, suite="own"))


def add(source, *topics, day=3):
    for topic in topics:
        source.execute(
            "insert into hall.question select (count(*) + 1)::text, '2025-03-03', %s, make_date(2025, 3, %s)"
            " from hall.question",
            (topic, day),
        )


def quarantined(warehouse):
    return warehouse.execute(
        "select batch_id, row_number, rule, reason, severity from landing.quarantine"
        " order by batch_id, row_number, rule"
    ).fetchall()


def test_verdicts_in_words():
    def verdict(batch, state, failed, warned):
        return gate.GateResult("ceshi", "question", batch, state, 10, failed, warned, "")

    assert gate.in_words([verdict(1, "passed", 1, 0)]) == "1 batch passed, 1 row quarantined"
    two = [verdict(1, "passed", 0, 2), verdict(2, "held", 9, 0)]
    assert gate.in_words(two) == "1 batch passed, 1 batch held, 9 rows quarantined, 2 rows with a warning"


def test_a_pull_tells_what_the_gate_found_in_batches_that_waited(own, source, department, monkeypatch):
    """After a suite is mended the pull reads nothing new, yet judges what had landed before."""
    settings, write = own
    add(source, "收费", "别的")
    suite = settings.root / "expectations" / "own.json"
    suite.unlink()
    with pytest.raises(landing.PullError):
        landing.pull(settings, department)
    write(rule("column_values_to_be_in_set", column="topic", value_set=["收费"]))
    monkeypatch.setattr(settings_module, "load", lambda: settings)
    result = CliRunner().invoke(app, ["pull", str(settings.root / "ceshi.yml")])
    lines = result.output.splitlines()
    assert result.exit_code == 0 and "landed 0, quarantined 0" in lines[0], result.output
    assert lines[1] == "  gate: 1 batch passed, 1 row quarantined"


def test_failing_rows_are_quarantined_with_rule_and_reason_and_the_batch_passes(own, warehouse, source, department):
    settings, write = own
    write(
        rule("column_values_to_be_in_set", reason="事项不在字典内", column="topic", value_set=["收费", "材料"]),
        rule("column_values_to_not_match_regex", "warn", "像是占位值", column="topic", regex="料$"),
    )
    add(source, "收费", "50% 'off'", "材料", "收费")
    (judged,) = landing.pull(settings, department).gate
    batch = judged.batch_id
    assert (judged.state, judged.rows, judged.rows_failed, judged.rows_warned) == ("passed", 4, 1, 1)
    assert quarantined(warehouse) == [
        (batch, 2, "column_values_to_be_in_set(topic)", "事项不在字典内", "fail"),
        (batch, 3, "column_values_to_not_match_regex(topic)", "像是占位值", "warn"),
    ]
    kept = warehouse.execute("select raw_row from landing.quarantine where row_number = 2").fetchone()[0]
    assert kept == {"id": "2", "asked_at": "2025-03-03", "topic": "50% 'off'", "updated_at": "2025-03-03 00:00:00"}
    assert count(warehouse, "raw_ceshi.question") == 4  # raw keeps everything


def test_only_the_new_batch_is_scanned(own, warehouse, source, department):
    settings, write = own
    add(source, "收费", "收费", "收费")
    landing.pull(settings, department)
    write(rule("column_values_to_be_in_set", column="topic", value_set=["材料"]))
    add(source, "收费", "材料", day=4)
    landing.pull(settings, department)
    assert [row[1] for row in quarantined(warehouse)] == [4]
    scanned = warehouse.execute(
        "select element_count, unexpected_count, success from landing.expectation_result where rule like '%in_set%'"
    ).fetchall()
    # The overlap reads one old day again, which adds nothing: two rows are new.
    assert scanned == [(2, 1, False)]


def test_a_blank_key_fails_without_a_word_in_the_suite(own, warehouse, source, department):
    for number, key in enumerate((None, "", " \u3000", "7")):
        source.execute("insert into hall.question values (%s, 'x', 'y', make_date(2025, 3, %s))", (key, number + 1))
    with pytest.raises(landing.PullError):
        landing.pull(own[0], department)
    assert [(row[1], row[2]) for row in quarantined(warehouse)] == [
        (1, "column_values_to_not_be_null(id)"),
        (2, "column_values_to_match_regex(id)"),
        (3, "column_values_to_match_regex(id)"),
    ]


def test_too_many_failing_rows_hold_the_batch_and_the_next_one_passes(own, warehouse, source, department):
    settings, write = own
    write(rule("column_values_to_be_in_set", column="topic", value_set=["收费"]))
    add(source, "坏", "坏", "坏", "收费")
    with pytest.raises(landing.PullError) as caught:
        landing.pull(settings, department)
    held = caught.value.result.gate[0]
    assert held.state == "held"
    assert f"ceshi.question: batch {held.batch_id} is held: 3 of 4 rows fail, more than 50%" in str(caught.value)
    add(source, "收费", day=9)
    landing.pull(settings, department)
    assert warehouse.execute("select gate from landing.batch order by batch_id").fetchall() == [("held",), ("passed",)]


def test_a_small_batch_is_not_held_for_one_bad_row(own, warehouse, source, department):
    settings, write = own
    write(rule("column_values_to_be_in_set", column="topic", value_set=["收费"]))
    add(source, "坏")
    (judged,) = landing.pull(settings, department).gate
    assert (judged.state, judged.rows_failed) == ("passed", 1)


def test_a_rule_about_the_table_holds_only_the_batch_that_breaks_it(own, warehouse, source, department, monkeypatch):
    settings, write = own
    write(
        rule("table_row_count_to_be_between", reason="行数异常", min_value=2),
        rule("column_values_to_not_be_null", "warn", "没有事项", column="topic"),
    )
    with monkeypatch.context() as patch:
        patch.setattr("yidang.gate.check_pending", lambda *_: [])
        add(source, "收费", None)
        landing.pull(settings, department)
        add(source, "收费", day=4)
        landing.pull(settings, department)
        add(source, "收费", "材料", day=5)
        landing.pull(settings, department)
    write(rule("table_row_count_to_be_between", reason="行数异常", min_value=2, max_value=4))
    judged = gate.check_pending(settings, department)
    assert [result.state for result in judged] == ["passed", "held", "passed"]
    assert "行数异常 (table_row_count_to_be_between(): 1)" in judged[1].reason


def test_a_rule_about_the_table_may_only_warn(own, warehouse, source, department):
    settings, write = own
    write(rule("table_row_count_to_be_between", "warn", "行数异常", min_value=100))
    add(source, "收费")
    assert landing.pull(settings, department).gate[0].state == "passed"
    assert warehouse.execute(
        "select success, observed_value from landing.expectation_result where rule like 'table%'"
    ).fetchall() == [(False, "1")]


def test_a_pull_with_nothing_new_does_not_load_great_expectations(own, source, tmp_path, department):
    settings, _ = own
    add(source, "收费")
    landing.pull(settings, department)
    program = (
        "import sys; from pathlib import Path; from dataclasses import replace;"
        "from yidang import contracts, landing, settings;"
        f"s = replace(settings.load(), root=Path({str(settings.root)!r}));"
        f"d = contracts.load_department(s, {str(tmp_path / 'ceshi.yml')!r});"
        "r = landing.pull(s, d); assert r.tables[0].rows_read == 1 and not r.gate, r;"
        "heavy = {'great_expectations', 'pandas', 'openpyxl'} & set(sys.modules); assert not heavy, heavy"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_a_suite_that_is_missing_broken_or_wrong_says_so_and_the_batch_waits(own, warehouse, source, department):
    settings, write = own
    path = settings.root / "expectations" / "own.json"
    good = path.read_text("utf-8")
    add(source, "收费")
    path.unlink()
    with pytest.raises(YidangError, match=r"there is no suite expectations/own\.json"):
        landing.pull(settings, department)
    path.write_text("{", encoding="utf-8")
    with pytest.raises(YidangError, match=r"expectations/own\.json: line 1: not valid JSON"):
        landing.pull(settings, department)
    path.write_text(good.replace('"hold_from_rows"', '"hold_rows"'), encoding="utf-8")
    with pytest.raises(YidangError, match=r"expectations/own\.json: meta lacks hold_from_rows"):
        landing.pull(settings, department)
    write(rule("column_to_be_beautiful", column="topic"))
    with pytest.raises(YidangError, match=r"expectations/own\.json: expect_column_to_be_beautiful is not valid"):
        landing.pull(settings, department)
    write(rule("column_values_to_not_be_null", column="no_such_column"))
    with pytest.raises(YidangError, match=r"column_values_to_not_be_null\(no_such_column\) could not be evaluated"):
        landing.pull(settings, department)
    assert warehouse.execute("select gate from landing.batch").fetchall() == [("pending",)]
    path.write_text(good, encoding="utf-8")
    landing.pull(settings, department)
    assert warehouse.execute("select gate from landing.batch").fetchall() == [("passed",)]


def test_the_gate_leaves_no_connection_behind(own, warehouse, source, department):
    add(source, "收费")
    landing.pull(own[0], department)
    others = "select application_name, query from pg_stat_activity where usename = 'yidang_loader'"
    deadline = time.monotonic() + 10  # a backend takes a moment to go after its client has closed
    while (left := warehouse.execute(others).fetchall()) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert left == []
