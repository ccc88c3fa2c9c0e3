"""The gate: Great Expectations on each new batch, and only on it. Failing rows go to quarantine with their reason.

A suite is expectations/<name>.json in Great Expectations' own form. Every expectation's meta says `severity` (fail: the
row is kept out of everything built; warn: it is only recorded) and `reason` / `reason_en`. The suite's meta says when a
whole batch is held: `hold_above_share` of failing rows, in batches of at least `hold_from_rows` rows. That a key is
never blank follows from the contract and is in no suite.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import psycopg
from psycopg import sql

from yidang.contracts import Department, Table
from yidang.errors import YidangError
from yidang.gate.suites import Outcome, load_suite, run_suite
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


def in_words(results: Sequence[GateResult]) -> str:
    """The verdicts on a table's batches, for people: "1 batch passed, 2 rows quarantined"."""
    parts = [
        (sum(result.state == "passed" for result in results), "batch", "batches", "passed"),
        (sum(result.state == "held" for result in results), "batch", "batches", "held"),
        (sum(result.rows_failed for result in results), "row", "rows", "quarantined"),
        (sum(result.rows_warned for result in results), "row", "rows", "with a warning"),
    ]
    return ", ".join(f"{n:,} {one if n == 1 else many} {what}" for n, one, many, what in parts if n)


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


def _check(
    settings: Settings, connection: psycopg.Connection, department: Department, table: Table, batches: list[int]
) -> list[GateResult]:
    """Judge batches together (one scan), or one by one when a rule about the whole table fails for them together."""
    suite = load_suite(settings, table)
    outcomes = run_suite(settings, department, table, suite, batches)
    broken = [outcome for outcome in outcomes if outcome.severity == "fail" and not _holds(outcome)]
    if broken and len(batches) > 1:
        return [result for batch in batches for result in _check(settings, connection, department, table, [batch])]
    for outcome in outcomes:
        if outcome.failing_rows:
            _quarantine(connection, department, table, outcome)
    _record(connection, department, table, batches, outcomes)
    reasons = [f"{outcome.reason} ({outcome.rule}: {outcome.observed_value})" for outcome in broken]
    return _judge(connection, department, table, suite["meta"], batches, reasons)


def _holds(outcome: Outcome) -> bool:
    return outcome.success or outcome.is_about_rows


def _quarantine(connection: psycopg.Connection, department: Department, table: Table, outcome: Outcome) -> None:
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
    outcomes: list[Outcome],
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
