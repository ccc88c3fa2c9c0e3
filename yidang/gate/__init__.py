"""The gate: Great Expectations on each new batch, and only on it. Failing rows go to quarantine with their reason.

A suite is expectations/<name>.json in Great Expectations' own form. Every expectation's meta says `severity` (fail: the
row is kept out of everything built; warn: it is only recorded) and `reason` / `reason_en`. The suite's meta says when a
whole batch is held: `hold_above_share` of failing rows, in batches of at least `hold_from_rows` rows. A rule's own
threshold is Great Expectations' `mostly`: whatever it says, rows that break the rule are kept out or recorded; missing
it, in batches of `hold_from_rows` rows on, holds the batch (fail) or is named as a drop in quality (warn). What follows
from the contract, such as that a key is never blank, is in no suite (derived.py).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import psycopg

from yidang import locks
from yidang.contracts import Department, Table
from yidang.errors import ConfigError, YidangError
from yidang.gate.checks import Outcome, require_valid, run_suite
from yidang.gate.keep_out import keep_out
from yidang.gate.suites import load_suite
from yidang.settings import Settings


@dataclass(frozen=True)
class GateResult:
    """The verdict on one batch. `reason` is empty when it passed; `drops` names the warnings' thresholds it missed."""

    department: str
    table: str
    batch_id: int
    state: Literal["passed", "held"]
    rows: int
    rows_failed: int
    rows_warned: int
    reason: str
    drops: tuple[str, ...] = ()


def in_words(results: Sequence[GateResult]) -> str:
    """The verdicts on a table's batches, for people: "1 batch passed, 2 rows quarantined"."""
    parts = [
        (sum(result.state == "passed" for result in results), "batch", "batches", "passed"),
        (sum(result.state == "held" for result in results), "batch", "batches", "held"),
        (sum(result.rows_failed for result in results), "row", "rows", "quarantined"),
        (sum(result.rows_warned for result in results), "row", "rows", "with a warning"),
    ]
    counted = [f"{n:,} {one if n == 1 else many} {what}" for n, one, many, what in parts if n]
    drops = dict.fromkeys(drop for result in results for drop in result.drops)
    return ", ".join([*counted, *(f"quality dropped: {drop}" for drop in drops)])


def check_pending(settings: Settings, department: Department) -> list[GateResult]:
    """Judge every batch of the department that waits for it. Costs two queries when none does.

    Raises YidangError when a table's suite is missing or cannot be evaluated, after the other tables; its batches wait.
    """
    with psycopg.connect(settings.dsn("loader"), application_name="yidang gate") as connection:
        # For the session, because each table commits: a second gate waits, then finds nothing left to do.
        locks.hold(connection, f"yidang gate {department.id}", f"{department.id}: the gate", until="session")
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


def require_suites(settings: Settings, department: Department) -> None:
    """Raise ConfigError that names every table whose suite is missing or not understood, before anything has landed."""
    problems = []
    for table in department.tables:
        try:
            suite = load_suite(settings, table)
            if table.suite:
                require_valid(table, suite)
        except ConfigError as error:
            problems.append(error)
    if problems:
        raise ConfigError(
            "\n".join(error.what for error in problems), " ".join(dict.fromkeys(error.cure for error in problems))
        )


def _check(
    settings: Settings, connection: psycopg.Connection, department: Department, table: Table, batches: list[int]
) -> list[GateResult]:
    """Judge batches together, in one scan, or one by one when it matters which of them breaks a rule or threshold."""
    suite = load_suite(settings, table)
    outcomes = run_suite(settings, department, table, suite, batches)
    if len(batches) > 1 and any(_may_hold(outcome) for outcome in outcomes):
        return [result for batch in batches for result in _check(settings, connection, department, table, [batch])]
    keep_out(connection, department, table, batches, outcomes)
    _record(connection, department, table, batches, outcomes)
    return _judge(connection, department, table, suite["meta"], batches, outcomes)


def _may_hold(outcome: Outcome) -> bool:
    """Whether one of the batches may have to be held for it, beside the suite's own share."""
    if outcome.is_about_rows:
        return outcome.severity == "fail" and outcome.mostly is not None and bool(outcome.unexpected_count)
    return outcome.severity == "fail" and not outcome.success


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
            " reason, severity, success, element_count, unexpected_count, failing_share, mostly, observed_value)"
            " values (now(), %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)",
            [
                (department.id, table.name, min(batches), max(batches), outcome.rule, outcome.reason, outcome.severity,
                 outcome.success, outcome.element_count, outcome.unexpected_count, outcome.failing_share,
                 outcome.mostly, outcome.observed_value)
                for outcome in outcomes
            ],
        )  # fmt: skip


def _judge(
    connection: psycopg.Connection,
    department: Department,
    table: Table,
    limits: dict,
    batches: list[int],
    outcomes: list[Outcome],
) -> list[GateResult]:
    """Mark each batch passed or held: by rules about the table, by a rule's own threshold, by the share that failed."""
    counted = connection.execute(
        "select batch_id, rows_landed + rows_quarantined,"
        " (select count(distinct row_number) from landing.quarantine bad"
        "  where bad.batch_id = batch.batch_id and severity = 'fail'),"
        " (select count(distinct row_number) from landing.quarantine bad"
        "  where bad.batch_id = batch.batch_id and severity = 'warn')"
        " from landing.batch where batch_id = any(%s) order by batch_id",
        (batches,),
    ).fetchall()
    of_table = [_words(outcome) for outcome in outcomes if not outcome.is_about_rows and _is_missed(outcome, "fail")]
    shares = [_words(outcome) for outcome in outcomes if outcome.is_about_rows and _is_missed(outcome, "fail")]
    drops = tuple(_words(outcome) for outcome in outcomes if _is_missed(outcome, "warn"))
    # Of few rows a share says nothing. A warning's is that of all the batches, so many small ones do say something.
    if sum(rows for _, rows, _, _ in counted) < limits["hold_from_rows"]:
        drops = ()
    results = []
    for batch_id, rows, failed, warned in counted:
        speaks = rows >= limits["hold_from_rows"]
        causes = of_table + (shares if speaks else [])
        if speaks and failed > rows * limits["hold_above_share"]:
            causes.append(f"{failed} of {rows} rows fail, more than {limits['hold_above_share']:.0%}")
        state = "held" if causes else "passed"
        why = "; ".join(causes)
        connection.execute(
            "update landing.batch set gate = %s, gated_at = now(), held_because = nullif(%s, '') where batch_id = %s",
            (state, why, batch_id),
        )
        reason = f"{department.id}.{table.name}: batch {batch_id} is held: {why}" if causes else ""
        results.append(GateResult(department.id, table.name, batch_id, state, rows, failed, warned, reason, drops))
    return results


def _is_missed(outcome: Outcome, severity: str) -> bool:
    """Whether a rule about the table, or a rule's own threshold, is missed. Without one a bad row is only that."""
    has_threshold = outcome.mostly is not None or not outcome.is_about_rows
    return outcome.severity == severity and has_threshold and not outcome.success


def _words(outcome: Outcome) -> str:
    if not outcome.is_about_rows:
        return f"{outcome.reason} ({outcome.rule}: {outcome.observed_value})"
    return f"{outcome.reason} ({outcome.rule}: {outcome.failing_share:.1%} fail, {1 - outcome.mostly:.1%} may)"
