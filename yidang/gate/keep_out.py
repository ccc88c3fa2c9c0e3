"""Rows that break a rule, put into quarantine: one scan for all rules about single rows, one for each other rule."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import psycopg
from psycopg import sql

from yidang.contracts import Department, Table
from yidang.errors import YidangError, without_values
from yidang.gate.checks import Outcome
from yidang.gate.suites import file_of

# Names are qualified, since a source's columns may be called reason or rule. Conditions name them unqualified, so they
# stand where nothing but the raw table can be meant.
_BY_CONDITION = """
select bad._batch_id, bad._row_number, judged.rule, judged.reason, judged.severity, bad._landed_row
from (
    select _landed.*, coalesce(_landed.*) as _landed_row from {relation} _landed
    where _landed._batch_id in ({batches}) and ({any_broken})
) bad
cross join lateral (values {broken}) judged (is_broken, rule, reason, severity)
where judged.is_broken
"""
# By way of a table of its own, because PostgreSQL reads with several workers for that, and with one for an insert.
_FIND = """
create temporary table found as
select batch_id, row_number, rule, reason, severity,
    to_jsonb(landed_row) - array['_batch_id', '_row_number', '_landed_at'] as raw_row
from ({rows}) bad (batch_id, row_number, rule, reason, severity, landed_row)
"""
_INSERT = """
insert into landing.quarantine (department, table_name, batch_id, row_number, rule, reason, severity, raw_row)
select %s, %s, batch_id, row_number, rule, reason, severity, raw_row from found on conflict do nothing
"""


def keep_out(
    connection: psycopg.Connection,
    department: Department,
    table: Table,
    batches: Sequence[int],
    outcomes: Sequence[Outcome],
) -> None:
    """Every row with every rule that it breaks. Raises YidangError for a rule whose rows cannot be asked for."""
    for rules, rows in _queries(department, table, batches, outcomes):
        try:
            connection.execute(sql.SQL(_FIND).format(rows=rows))
        except (psycopg.DataError, psycopg.ProgrammingError) as error:
            raise _cannot(table, rules, error) from None
        connection.execute(_INSERT, (department.id, table.name))
        connection.execute("drop table found")


def _queries(
    department: Department, table: Table, batches: Sequence[int], outcomes: Sequence[Outcome]
) -> Iterator[tuple[Sequence[Outcome], sql.Composed]]:
    """(rules, query for batch, row number, rule, reason, severity and the row itself)"""
    if of_rows := [outcome for outcome in outcomes if outcome.condition]:
        conditions = [sql.SQL("({})").format(sql.SQL(outcome.condition)) for outcome in of_rows]
        yield (
            of_rows,
            sql.SQL(_BY_CONDITION).format(
                relation=sql.Identifier(department.schema, table.name),
                batches=sql.SQL(", ").join(map(sql.Literal, batches)),
                any_broken=sql.SQL(" or ").join(conditions),
                broken=sql.SQL(", ").join(
                    sql.SQL("({}, {}, {}, {})").format(condition, *_literals(outcome))
                    for condition, outcome in zip(conditions, of_rows, strict=True)
                ),
            ),
        )
    for outcome in outcomes:
        if outcome.failing_rows:
            query = "select bad._batch_id, bad._row_number, {}, {}, {}, bad._landed_row from ({}) bad"
            yield [outcome], sql.SQL(query).format(*_literals(outcome), sql.SQL(outcome.failing_rows))


def _literals(outcome: Outcome) -> list[sql.Literal]:
    return [sql.Literal(text) for text in (outcome.rule, outcome.reason, outcome.severity)]


def _cannot(table: Table, rules: Sequence[Outcome], error: psycopg.Error) -> YidangError:
    names = ", ".join(outcome.rule for outcome in rules)
    return YidangError(
        f"{file_of(table)}: the rows that break {names} cannot be found: {without_values(error)}",
        "Say it with another expectation; the batches wait until then.",
    )
