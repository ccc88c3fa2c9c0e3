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
from yidang.errors import YidangError, hide_values

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


# -- exactly the rows that fail ------------------------------------------------------------------------------
ODD = ["id", "rule", "reason", "_landed", "全角％ 'x' %s", "b"]


@pytest.fixture
def odd(own, source, tmp_path):
    """A department whose columns are called like what the gate's own queries name."""
    columns = ", ".join(f'"{name}" text' for name in ODD)
    source.execute(f"create table hall.odd ({columns})")
    quoted = [json.dumps(name, ensure_ascii=False) for name in ODD]
    return load(own[0], tmp_path, "ceshi", SOURCE, table("odd", suite="own", columns=quoted))


@pytest.mark.parametrize(
    ("expectation", "broken"),
    [
        (rule("column_values_to_be_unique", column="b"), {1, 2, 4, 5}),
        (rule("column_values_to_be_unique", column="rule"), {2, 4, 5}),
        (rule("compound_columns_to_be_unique", column_list=["rule", "b"]), {4, 5}),
        (rule("column_pair_values_to_be_equal", column_A="rule", column_B="b"), {1, 2, 3, 4, 5}),
        (
            rule(
                "column_pair_values_to_be_equal",
                column_A="rule",
                column_B="b",
                ignore_row_if="either_value_is_missing",
            ),
            {1, 2, 4, 5},
        ),
        (rule("column_values_to_match_regex", column="_landed", regex=r"^(\d%|x)$"), {3}),
        (rule("column_values_to_be_in_set", column="全角％ 'x' %s", value_set=["100%", "o'k"]), {2, 4}),
        (rule("column_values_to_not_match_regex", column="全角％ 'x' %s", regex=r"\d'?|^'$"), {1, 2, 4}),
        (rule("column_value_lengths_to_be_between", column="reason", max_value=3), {5}),
    ],
    ids=lambda value: value["type"] if isinstance(value, dict) else "",
)
def test_exactly_the_failing_rows_are_quarantined_whatever_the_columns_are_called(
    own, warehouse, source, odd, expectation, broken
):
    settings, write = own
    write(expectation, share=1)
    for row in [
        ("1", "p", "ab", "1%", "100%", "same"),
        ("2", "q", "ab", "x", "100", "same"),
        ("3", "r", "ab", "12", "o'k", None),
        ("4", "q", "ab", "2%", "'", "z"),
        ("5", "q", "abcd", None, None, "z"),
        ("6", None, None, None, None, None),
    ]:
        source.execute("insert into hall.odd values (%s, %s, %s, %s, %s, %s)", row)
    (judged,) = landing.pull(settings, odd).gate
    assert {row[1] for row in quarantined(warehouse)} == broken and judged.rows_failed == len(broken)
    assert warehouse.execute(
        "select unexpected_count from landing.expectation_result where rule = %s", (quarantined(warehouse)[0][2],)
    ).fetchall() == [(len(broken),)]
    kept = warehouse.execute("select raw_row from landing.quarantine order by row_number desc limit 1").fetchone()[0]
    assert list(kept) and set(kept) == set(ODD) and kept["id"] == str(max(broken))


def test_good_rows_are_read_by_one_aggregate_and_never_fetched(own, warehouse, source, department):
    """Great Expectations would fetch the whole batch to learn its columns' names, and run queries for every rule."""
    from sqlalchemy import event
    from sqlalchemy.engine import Engine

    settings, write = own
    write(
        rule("column_values_to_not_be_null", column="topic"),
        rule("column_values_to_match_regex", column="topic", regex="."),
        rule("column_values_to_be_in_set", column="topic", value_set=["收费"], mostly=0.5),
    )
    add(source, *["收费"] * 20)
    ran = []

    def note(_connection, _cursor, statement, parameters, *_) -> None:
        ran.append((statement, parameters))

    event.listen(Engine, "after_cursor_execute", note)
    try:
        landing.pull(settings, department)
    finally:
        event.remove(Engine, "after_cursor_execute", note)
    samples = [text for text, parameters in ran if "AS unexpected_values" in text and 0 in parameters.values()]
    names = [text for text, _ in ran if text.endswith("limit 0")]
    counts = [text for text, _ in ran if text not in samples and text not in names]
    assert len(names) == 1 and len(counts) == 2, counts
    assert [text for text in counts if "sum(CASE" in text] == counts[1:], "beside it only the number of rows"


def test_the_batch_is_found_by_its_index(own, warehouse, source, department):
    from yidang.gate import checks

    settings, write = own
    write()
    for topic in ("收费", "退费"):  # the second pull compares, and makes the indexes
        add(source, topic)
        landing.pull(settings, department)
    warehouse.execute(
        "insert into raw_ceshi.question (id, _batch_id, _row_number, _landed_at)"
        " select n::text, 1000 + n / 1000, n, now() from generate_series(1, 20000) n"
    )
    warehouse.execute("vacuum analyze raw_ceshi.question")
    query = checks._rows_of(department, department.tables[0], [1005])
    plan = warehouse.execute(f"explain select count(*) from ({query}) batch").fetchall()  # noqa: S608
    assert any("question__batch_id_idx" in line for (line,) in plan), plan


# -- thresholds ----------------------------------------------------------------------------------------------
def history(warehouse):
    return warehouse.execute(
        "select success, unexpected_count, round(failing_share::numeric, 3), mostly from landing.expectation_result"
        " where rule like '%in_set%' order by result_id"
    ).fetchall()


def test_a_met_threshold_passes_and_its_bad_rows_are_kept_out_all_the_same(own, warehouse, source, department):
    settings, write = own
    write(rule("column_values_to_be_in_set", column="topic", value_set=["收费"], mostly=0.75))
    add(source, "收费", "收费", "收费", "坏")
    (judged,) = landing.pull(settings, department).gate
    assert (judged.state, judged.rows_failed, judged.drops) == ("passed", 1, ())
    assert [row[1] for row in quarantined(warehouse)] == [4]
    assert [(*row[:2], float(row[2]), row[3]) for row in history(warehouse)] == [(True, 1, 0.25, 0.75)]


def test_a_failing_rule_that_misses_its_own_threshold_holds_only_the_batch_that_misses_it(
    own, warehouse, source, department, monkeypatch
):
    settings, write = own
    write(rule("column_values_to_be_in_set", reason="不在字典内", column="topic", value_set=["收费"], mostly=0.7))
    with monkeypatch.context() as patch:
        patch.setattr("yidang.gate.check_pending", lambda *_: [])
        for day, topics in enumerate((["收费"] * 9, ["收费", "收费", "坏", "收费", "坏"], ["坏", "坏", "坏"]), start=3):
            add(source, *topics, day=day)
            landing.pull(settings, department)
    judged = gate.check_pending(settings, department)
    # Together 9 of 17 rows would miss it; of three rows a share says nothing.
    assert [(result.state, result.rows_failed) for result in judged] == [("passed", 0), ("held", 2), ("passed", 3)]
    assert judged[1].reason.endswith("is held: 不在字典内 (column_values_to_be_in_set(topic): 40.0% fail, 30.0% may)")
    assert [row[0] for row in history(warehouse)] == [True, False, False]


def test_a_warning_that_misses_its_threshold_is_named_as_a_drop_in_quality(own, warehouse, source, department):
    settings, write = own
    write(rule("column_values_to_be_in_set", "warn", "不在字典内", column="topic", value_set=["收费"], mostly=0.7))
    add(source, "收费", "收费", "坏", "收费")
    (good,) = landing.pull(settings, department).gate
    add(source, "坏", "坏", "收费", "收费", day=9)
    (bad,) = landing.pull(settings, department).gate
    add(source, "坏", day=15)
    (small,) = landing.pull(settings, department).gate
    assert (good.state, good.drops, small.drops) == ("passed", (), ())
    assert bad.state == "passed" and gate.in_words([bad]) == (
        "1 batch passed, 2 rows with a warning, quality dropped: 不在字典内"
        " (column_values_to_be_in_set(topic): 50.0% fail, 30.0% may)"
    )
    assert [row[0] for row in history(warehouse)] == [True, False, False]


def test_a_rule_whose_arguments_are_wrong_says_so_and_the_batch_waits(own, warehouse, source, department):
    settings, write = own
    add(source, "收费")
    write(rule("column_values_to_be_between", column="topic", max_value="g"))
    with pytest.raises(YidangError, match=r"expectations/own\.json: .*ExpectColumnValuesToBeBetween max_value"):
        landing.pull(settings, department)
    write(rule("column_values_to_not_be_null", column="topic", mostly=1.5))
    with pytest.raises(YidangError, match=r"expectations/own\.json: .*ExpectColumnValuesToNotBeNull mostly"):
        landing.pull(settings, department)
    assert warehouse.execute("select gate from landing.batch").fetchall() == [("pending",)]


# -- rules that follow from the contract ---------------------------------------------------------------------
def test_a_table_without_a_suite_is_judged_by_its_contract(settings, warehouse, source, tmp_path):
    extra = f'{CURSOR}\ndate_columns: [asked_at]\ncodes: {{topic: ["收费", "01"]}}'
    text = table(extra=extra).replace("  suite: hall_question\n", "")
    assert "suite" not in text
    department = load(settings, tmp_path, "ceshi", SOURCE, text)
    for row in [
        ("1", "2025-03-03", "收费", "2025-03-03"),
        ("2", "3月初", "1", "2025-03-03"),
        (None, "2025年3月3日", "01", "2025-03-03"),
        ("4", " ", None, None),
        ("5", "2025/3/3 9:05", "01", "1970-01-01"),
    ]:
        source.execute("insert into hall.question values (%s, %s, %s, %s)", row)
    (judged,) = landing.pull(settings, department).gate
    assert (judged.state, judged.rows_failed, judged.rows_warned) == ("passed", 1, 3)
    query = "select raw_row ->> 'updated_at', raw_row ->> 'topic', rule, severity from landing.quarantine"
    found = warehouse.execute(query).fetchall()
    assert sorted(found, key=lambda row: (str(row[1]), row[2])) == [
        ("1970-01-01 00:00:00", "01", "column_values_to_match_regex(updated_at)", "warn"),
        ("2025-03-03 00:00:00", "01", "column_values_to_not_be_null(id)", "fail"),
        ("2025-03-03 00:00:00", "1", "column_values_to_be_in_set(topic)", "warn"),
        ("2025-03-03 00:00:00", "1", "column_values_to_match_regex(asked_at)", "warn"),
        (None, None, "column_values_to_not_be_null(updated_at)", "warn"),
    ]


def test_what_a_suite_says_itself_is_not_derived_again(own, warehouse, source, tmp_path):
    settings, write = own
    write(rule("column_values_to_be_in_set", reason="自己的", column="topic", value_set=["收费"]))
    extra = f'{CURSOR}\ncodes: {{topic: ["材料"]}}'
    department = load(settings, tmp_path, "ceshi", SOURCE, table(extra=extra, suite="own"))
    add(source, "收费", "材料")
    landing.pull(settings, department)
    assert [row[1:] for row in quarantined(warehouse)] == [(2, "column_values_to_be_in_set(topic)", "自己的", "fail")]


def test_great_expectations_sends_nothing_anywhere(own, source, department, monkeypatch):
    """The database driver speaks for itself; whatever else opens a connection goes through Python's sockets."""
    import socket

    import great_expectations

    called, contexts, make = [], [], great_expectations.get_context

    def note_context(*arguments, **options):
        contexts.append(make(*arguments, **options))
        return contexts[-1]

    add(source, "收费")
    with monkeypatch.context() as patch:
        patch.setattr(great_expectations, "get_context", note_context)
        patch.setattr(socket.socket, "connect", lambda _, address: called.append(address))
        patch.setattr(socket, "getaddrinfo", lambda *arguments, **_: called.append(arguments) or [])
        landing.pull(own[0], department)
    assert called == []
    assert [context.config.analytics_enabled for context in contexts] == [False]


def test_a_ledger_that_an_older_version_made_takes_the_new_history(own, warehouse, source, department):
    settings, write = own
    add(source, "收费")
    landing.pull(settings, department)
    warehouse.execute(
        "alter table landing.expectation_result drop column failing_share, drop column mostly, drop column reason"
    )
    write(rule("column_values_to_be_in_set", column="topic", value_set=["材料"], mostly=0.5))
    add(source, "收费", day=9)
    assert landing.pull(settings, department).gate[0].rows_failed == 1
    assert [(row[0], row[3]) for row in history(warehouse)] == [(False, 0.5)]


# -- values stay where they are ------------------------------------------------------------------------------
@pytest.mark.parametrize("where", ["while it is counted", "while its rows are looked for"])
def test_no_message_of_the_gate_repeats_a_value(own, warehouse, source, department, monkeypatch, where):
    settings, write = own
    write(rule("column_values_to_be_in_set", column="topic", value_set=["收费"]))
    if where == "while it is counted":
        write(rule("column_values_to_be_between", column="topic", min_value=1))
        monkeypatch.setattr("yidang.gate.checks._rows_of", cast)
    else:
        keep_out = sys.modules["yidang.gate.keep_out"]  # the package has a function of that name
        monkeypatch.setattr(keep_out, "_BY_CONDITION", keep_out._BY_CONDITION.replace(
            "judged.is_broken", "judged.is_broken and bad.topic::int > 0"
        ))  # fmt: skip
    add(source, '张三 "三"\n13800000000')
    with pytest.raises(YidangError) as caught:
        landing.pull(settings, department)
    said = str(caught.value)
    assert 'invalid input syntax for type integer: "…"' in said and "own.json" in said
    assert "张三" not in said and "138" not in said


def cast(department, table, batches):
    return (
        "select _batch_id, _row_number, id, updated_at, topic::int as topic, coalesce(_landed.*) as _landed_row"  # noqa: S608
        f" from {department.schema}.{table.name} _landed where _landed._batch_id in ({batches[0]})"
    )


@pytest.mark.parametrize(
    ("line", "state", "hidden"),
    [
        ('invalid input syntax for type integer: "张 "三""', "22P02", 'invalid input syntax for type integer: "…"'),
        ('invalid input syntax for type date: "张', "22007", 'invalid input syntax for type date: "…"'),
        ('value "138" is out of range for type smallint', "22003", 'value "…" is out of range for type smallint'),
        ('column "topic" does not exist', "42703", 'column "topic" does not exist'),
    ],
)
def test_what_may_be_a_value_is_hidden_and_a_name_is_not(line, state, hidden):
    assert hide_values(line, state) == hidden
