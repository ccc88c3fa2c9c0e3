"""The gate: Great Expectations on each new batch, and only on it. Failing rows go to quarantine with their reason.

A suite is expectations/<name>.json in Great Expectations' own form. Every expectation's meta says `severity` (fail: the
row is kept out of everything built; warn: it is only recorded) and `reason` / `reason_en`. The suite's meta says when a
whole batch is held: `hold_above_share` of failing rows, in batches of at least `hold_from_rows` rows. That a key is
never blank follows from the contract and is in no suite.
"""

from __future__ import annotations

import json
import logging
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import psycopg
from psycopg import sql

from yidang.contracts import Department, Table
from yidang.errors import ConfigError, YidangError
from yidang.settings import Settings


@dataclass(frozen=True)
class GateResult:
    """The verdict on one batch. `reason` is empty when it passed."""

    department: str
    table: str
    batch_id: int
    state: Literal["passed", "held"]
    rows: int
    rows_failed: int
    rows_warned: int
    reason: str


@dataclass(frozen=True)
class _Outcome:
    """One expectation's result over some batches; `failing_rows` is a query for (_batch_id, _row_number), or None."""

    rule: str
    severity: str
    reason: str
    success: bool
    is_about_rows: bool
    element_count: int | None
    unexpected_count: int | None
    observed_value: str | None
    failing_rows: str | None


def check_pending(settings: Settings, department: Department) -> list[GateResult]:
    """Judge every batch of the department that waits for it. Costs two queries when none does.

    Raises YidangError when a table's suite is missing or cannot be evaluated, after the other tables; its batches wait.
    """
    with psycopg.connect(settings.dsn("loader"), application_name="yidang gate") as connection:
        # For the session, because each table commits: a second gate waits, then finds nothing left to do.
        connection.execute("select pg_advisory_lock(hashtextextended(%s, 0))", (f"yidang gate {department.id}",))
        pending = dict(
            connection.execute(
                "select table_name, array_agg(batch_id order by batch_id) from landing.batch"
                " where department = %s and gate = 'pending' group by table_name",
                (department.id,),
            ).fetchall()
        )
        connection.commit()
        results, errors = [], []
        for table in department.tables:
            if table.name not in pending:
                continue
            try:
                results += _check(settings, connection, department, table, pending[table.name])
                connection.commit()
            except YidangError as error:
                connection.rollback()
                errors.append(error)
    if errors:
        raise YidangError("\n".join(error.what for error in errors), errors[0].cure)
    return results


def load_suite(settings: Settings, table: Table) -> dict:
    """The table's suite with the expectations that follow from its key. Raises ConfigError."""
    path = settings.root / "expectations" / f"{table.suite}.json"
    try:
        suite = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ConfigError(
            f"Table {table.name}: there is no suite expectations/{table.suite}.json.",
            "Write one, or name another as `suite`.",
        ) from None
    except json.JSONDecodeError as error:
        raise ConfigError(f"{_shown(path)}: line {error.lineno}: not valid JSON: {error.msg}.", "Correct it.") from None
    derived = []
    for column in table.key:
        meta = {
            "severity": "fail",
            "reason": f"主键列 {column} 为空",
            "reason_en": f"the key column {column} is blank",
        }
        derived.append({"type": "expect_column_values_to_not_be_null", "kwargs": {"column": column}, "meta": meta})
        derived.append(
            {
                "type": "expect_column_values_to_match_regex",
                "kwargs": {"column": column, "regex": r"[^\s\u3000]"},
                "meta": meta,
            }
        )
    return suite | {"expectations": derived + suite["expectations"]}


def _check(
    settings: Settings, connection: psycopg.Connection, department: Department, table: Table, batches: list[int]
) -> list[GateResult]:
    """Judge batches together (one scan), or one by one when a rule about the whole table fails for them together."""
    suite = load_suite(settings, table)
    outcomes = _run(settings, department, table, suite, batches)
    broken = [outcome for outcome in outcomes if outcome.severity == "fail" and not _holds(outcome)]
    if broken and len(batches) > 1:
        return [result for batch in batches for result in _check(settings, connection, department, table, [batch])]
    for outcome in outcomes:
        if outcome.failing_rows:
            _quarantine(connection, department, table, outcome)
    _record(connection, department, table, batches, outcomes)
    reasons = [f"{outcome.reason} ({outcome.rule}: {outcome.observed_value})" for outcome in broken]
    return _judge(connection, department, table, suite["meta"], batches, reasons)


def _holds(outcome: _Outcome) -> bool:
    return outcome.success or outcome.is_about_rows


def _run(settings: Settings, department: Department, table: Table, suite: dict, batches: list[int]) -> list[_Outcome]:
    """Run the suite in the database over the rows of these batches."""
    import great_expectations  # takes seconds, so only when there is something to check

    logging.getLogger("great_expectations").setLevel(logging.WARNING)
    context = great_expectations.get_context(mode="ephemeral")
    context.variables.progress_bars = {"globally": False}
    # Without temporary tables, because the queries for failing rows run on a connection of our own.
    warehouse = context.data_sources.add_postgres(
        "warehouse", connection_string=settings.dsn("loader", "+psycopg2"), create_temp_table=False
    )
    rows = sql.SQL("select * from {} where _batch_id in ({})").format(
        sql.Identifier(department.schema, table.name), sql.SQL(", ").join(map(sql.Literal, batches))
    )
    query = rows.as_string(None)
    asset = warehouse.add_query_asset("batch", query=query)
    expectations = great_expectations.ExpectationSuite(
        name=table.suite, expectations=suite["expectations"], meta=suite["meta"]
    )
    try:
        validation = (
            asset.add_batch_definition_whole_table("all")
            .get_batch()
            .validate(
                expectations,
                result_format={
                    "result_format": "COMPLETE",
                    "partial_unexpected_count": 0,
                    "unexpected_index_column_names": ["_batch_id", "_row_number"],
                    "return_unexpected_index_query": True,
                },
            )
        )
    finally:
        # It has two engines with a pool each; left alone, both keep a connection until the process ends.
        warehouse.get_execution_engine().engine.dispose()
        warehouse.get_engine().dispose()
    return [_outcome(table, result, query) for result in validation.results]


def _outcome(table: Table, validated: object, query: str) -> _Outcome:
    config = validated.expectation_config
    rule = f"{config.type.removeprefix('expect_')}({_subject(config.kwargs)})"
    problem = _problem(validated.exception_info)
    if problem:
        raise YidangError(
            f"expectations/{table.suite}.json: {rule} could not be evaluated: {problem}",
            "Correct the suite; the batches wait until then.",
        )
    result = validated.result or {}
    about_rows = "unexpected_count" in result
    failing_rows = None
    if about_rows and result["unexpected_count"]:
        # Great Expectations 1.24 leaves out the parentheses around a query asset here.
        failing_rows = result["unexpected_index_query"].strip().rstrip(";").replace(query, f"({query}) batch", 1)
    return _Outcome(
        rule=rule,
        severity=config.meta["severity"],
        reason=config.meta["reason"],
        success=bool(validated.success),
        is_about_rows=about_rows,
        element_count=result.get("element_count"),
        unexpected_count=result.get("unexpected_count"),
        observed_value=None if about_rows else str(result.get("observed_value")),
        failing_rows=failing_rows,
    )


def _subject(kwargs: dict) -> str:
    names = [kwargs.get("column"), kwargs.get("column_A"), kwargs.get("column_B"), *kwargs.get("column_list", [])]
    return ", ".join(name for name in names if name)


def _problem(info: dict) -> str:
    """The first exception of an expectation; Great Expectations nests it by metric."""
    for entry in [info, *(value for value in info.values() if isinstance(value, dict))]:
        if entry.get("raised_exception"):
            return str(entry.get("exception_message"))[:300]
    return ""


def _quarantine(connection: psycopg.Connection, department: Department, table: Table, outcome: _Outcome) -> None:
    connection.execute(
        sql.SQL(
            "insert into landing.quarantine"
            " (department, table_name, batch_id, row_number, rule, reason, severity, raw_row)"
            " select {department}, {table}, raw._batch_id, raw._row_number, {rule}, {reason}, {severity},"
            " to_jsonb(raw) - array['_batch_id', '_row_number', '_landed_at']"
            " from {relation} raw where (raw._batch_id, raw._row_number) in"
            " (select _batch_id, _row_number from ({failing}) failing) on conflict do nothing"
        ).format(
            department=sql.Literal(department.id),
            table=sql.Literal(table.name),
            rule=sql.Literal(outcome.rule),
            reason=sql.Literal(outcome.reason),
            severity=sql.Literal(outcome.severity),
            relation=sql.Identifier(department.schema, table.name),
            failing=sql.SQL(outcome.failing_rows),
        )
    )


def _record(
    connection: psycopg.Connection,
    department: Department,
    table: Table,
    batches: list[int],
    outcomes: list[_Outcome],
) -> None:
    """One row per expectation: its history is a line that shows when quality drops."""
    with connection.cursor() as cursor:
        cursor.executemany(
            "insert into landing.expectation_result (checked_at, department, table_name, batch_from, batch_to, rule,"
            " severity, success, element_count, unexpected_count, observed_value)"
            " values (now(), %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)",
            [
                (department.id, table.name, min(batches), max(batches), outcome.rule, outcome.severity, outcome.success,
                 outcome.element_count, outcome.unexpected_count, outcome.observed_value)
                for outcome in outcomes
            ],
        )  # fmt: skip


def _judge(
    connection: psycopg.Connection,
    department: Department,
    table: Table,
    limits: dict,
    batches: list[int],
    reasons: list[str],
) -> list[GateResult]:
    """Mark each batch passed or held, by the rules about the table and by the share of its rows that failed."""
    counted = connection.execute(
        "select batch_id, rows_landed + rows_quarantined,"
        " (select count(distinct row_number) from landing.quarantine bad"
        "  where bad.batch_id = batch.batch_id and severity = 'fail'),"
        " (select count(distinct row_number) from landing.quarantine bad"
        "  where bad.batch_id = batch.batch_id and severity = 'warn')"
        " from landing.batch where batch_id = any(%s) order by batch_id",
        (batches,),
    ).fetchall()
    results = []
    for batch_id, rows, failed, warned in counted:
        causes = list(reasons)
        if rows >= limits["hold_from_rows"] and failed > rows * limits["hold_above_share"]:
            causes.append(f"{failed} of {rows} rows fail, more than {limits['hold_above_share']:.0%}")
        state = "held" if causes else "passed"
        connection.execute(
            "update landing.batch set gate = %s, gated_at = now() where batch_id = %s", (state, batch_id)
        )
        reason = f"{department.id}.{table.name}: batch {batch_id} is held: {'; '.join(causes)}" if causes else ""
        results.append(GateResult(department.id, table.name, batch_id, state, rows, failed, warned, reason))
    return results


def _shown(path: Path) -> str:
    return f"{path.parent.name}/{path.name}"
