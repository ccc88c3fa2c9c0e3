"""A suite run by Great Expectations inside the database: every rule counted in one pass over the batches' rows.

The queries for the rows that break a rule are only written, not run: the gate runs them for the rules that need it.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import psycopg
from psycopg import sql

from yidang.contracts import Department, Table
from yidang.errors import ConfigError, YidangError, hide_values
from yidang.gate.suites import file_of
from yidang.settings import Settings

# BASIC with no sample: the aggregates alone, where COMPLETE runs two more queries for every rule.
_RESULT_FORMAT = {
    "result_format": "BASIC",
    "partial_unexpected_count": 0,
    "unexpected_index_column_names": ["_batch_id", "_row_number", "_landed_row"],
    "return_unexpected_index_query": True,
}
# SQLAlchemy begins with the driver's class, which is named after the SQLSTATE as psycopg's own are.
_DRIVERS_ERROR = re.compile(r"\(psycopg2\.errors\.(\w+)\)")
# A name in group 1, or a text.
_QUOTED = re.compile(r"""("(?:[^"]|"")*")|'(?:[^']|'')*'""")


@dataclass(frozen=True)
class Outcome:
    """One expectation's result over some batches.

    mostly: its own threshold, or None. failing_share: of the values that it looked at, as the threshold is.
    The rows that break it, when there are any: those that meet `condition` (over the batch's columns), or the query
    `failing_rows` for (_batch_id, _row_number, _landed_row), where no condition on one row can say it.
    """

    rule: str
    severity: str
    reason: str
    success: bool
    is_about_rows: bool
    mostly: float | None = None
    element_count: int | None = None
    unexpected_count: int | None = None
    failing_share: float | None = None
    observed_value: str | None = None
    condition: str | None = None
    failing_rows: str | None = None


def run_suite(
    settings: Settings, department: Department, table: Table, suite: dict, batches: Sequence[int]
) -> list[Outcome]:
    """Run the suite over these batches' rows. Raises ConfigError where it is wrong, YidangError where it fails."""
    import great_expectations  # takes seconds, so only when there is something to check
    from sqlalchemy import event

    logging.getLogger("great_expectations").setLevel(logging.WARNING)
    context = great_expectations.get_context(mode="ephemeral")
    context.enable_analytics(False)
    context.variables.progress_bars = {"globally": False}
    query = _rows_of(department, table, batches)
    # Without temporary tables, which would copy the batch, and because the gate's own queries need the same rows.
    warehouse = context.data_sources.add_postgres(
        "warehouse", connection_string=settings.dsn("loader", "+psycopg2"), create_temp_table=False
    )
    try:
        engine = warehouse.get_execution_engine().engine

        @event.listens_for(engine, "before_cursor_execute", retval=True)
        def ask_for_names_only(_connection, _cursor, statement, parameters, _context, _many) -> tuple[str, Any]:
            """It learns the columns' names by fetching the whole batch into this process."""
            return (f"{statement} limit 0" if statement == query else statement), parameters

        validation = (
            warehouse.add_query_asset("batch", query=query)
            .add_batch_definition_whole_table("all")
            .get_batch()
            .validate(_expectations(table, suite), result_format=_RESULT_FORMAT)
        )
    finally:
        # It has two engines with a pool each; left alone, both keep a connection until the process ends.
        warehouse.get_execution_engine().engine.dispose()
        warehouse.get_engine().dispose()
    return [_outcome(table, result, query) for result in validation.results]


def _rows_of(department: Department, table: Table, batches: Sequence[int]) -> str:
    """_landed_row is the whole row, also where a column is called as the alias is; free where nobody asks for it."""
    query = sql.SQL(
        "select _landed.*, coalesce(_landed.*) as _landed_row from {} _landed where _landed._batch_id in ({})"
    ).format(sql.Identifier(department.schema, table.name), sql.SQL(", ").join(map(sql.Literal, batches)))
    return query.as_string(None)


class _Quoted(str):
    """A code with an apostrophe. Great Expectations 1.24 writes it into SQL as Python does, in double quotes, unless it
    misses what Python writes in the result: then it lets SQLAlchemy write it.
    """

    def __repr__(self) -> str:
        return r"\\"  # read as a pattern's replacement this is one backslash, so two are not found


def _with_quoted_codes(expectation: dict) -> dict:
    kwargs = expectation["kwargs"]
    if "value_set" not in kwargs:
        return expectation
    codes = [_Quoted(code) if isinstance(code, str) and "'" in code else code for code in kwargs["value_set"]]
    return expectation | {"kwargs": kwargs | {"value_set": codes}}


def require_valid(table: Table, suite: dict) -> None:
    """Raise ConfigError where Great Expectations does not understand the suite; only rows tell whether it fits them."""
    _expectations(table, suite)


def _expectations(table: Table, suite: dict) -> Any:
    from great_expectations import ExpectationSuite
    from great_expectations.compatibility.pydantic import ValidationError

    try:
        entries = [_with_quoted_codes(entry) for entry in suite["expectations"]]
        expectations = ExpectationSuite(name=table.suite or table.name, expectations=entries)
    except ValidationError as error:
        raise ConfigError(
            f"{file_of(table)}: {' '.join(str(error).split())[:300]}",
            "Correct its arguments; the batches wait until then.",
        ) from None
    # It leaves out what it does not understand, with nothing but a line in the log.
    understood = {expectation.expectation_type for expectation in expectations.expectations}
    if len(expectations.expectations) != len(suite["expectations"]):
        unknown = sorted({entry["type"] for entry in suite["expectations"]} - understood)
        raise ConfigError(
            f"{file_of(table)}: {', '.join(unknown) or 'an expectation'} is not valid.",
            "Correct its type or its arguments; the batches wait until then.",
        )
    return expectations


def _outcome(table: Table, validated: Any, query: str) -> Outcome:
    config = validated.expectation_config
    rule = f"{config.type.removeprefix('expect_')}({', '.join(_columns(config.kwargs))})"
    problem = _problem(validated.exception_info)
    if problem:
        raise YidangError(
            f"{file_of(table)}: {rule} could not be evaluated: {problem}",
            "Correct the suite; the batches wait until then.",
        )
    result = validated.result or {}
    about_rows = "unexpected_count" in result
    condition = failing_rows = None
    if about_rows and result["unexpected_count"]:
        condition, failing_rows = _failing(result["unexpected_index_query"], query, config.kwargs)
    percent = result.get("unexpected_percent")
    return Outcome(
        rule=rule,
        severity=config.meta["severity"],
        reason=config.meta["reason"],
        success=bool(validated.success),
        is_about_rows=about_rows,
        mostly=config.kwargs.get("mostly"),
        element_count=result.get("element_count"),
        unexpected_count=result.get("unexpected_count"),
        failing_share=None if percent is None else percent / 100,
        observed_value=None if about_rows else str(result.get("observed_value")),
        condition=condition,
        failing_rows=failing_rows,
    )


def _failing(written: str, query: str, kwargs: dict) -> tuple[str | None, str | None]:
    """(condition, query) of the rows that break a rule: one of the two.

    Mends what Great Expectations 1.24 writes: a query asset without its parentheses in the first FROM; the batch joined
    to rows that it already has, for a rule about what several columns have in common; for a rule about two columns or
    more, also the rows that it does not count because their values are missing; % in names doubled.
    """
    written = _QUOTED.sub(lambda found: found[0].replace("%%", "%") if found[1] else found[0], written)
    written = written.strip().rstrip(";")
    head, found, condition = written.partition(f"FROM {query} \nWHERE ")
    if not found or "FROM" in head:
        return None, written.replace(f"FROM {query}, (", "FROM (").replace(f"FROM {query} ", f"FROM ({query}) batch ")
    if len(columns := _columns(kwargs)) > 1:
        names = sql.SQL(", ").join(map(sql.Identifier, columns)).as_string(None)
        counted = {
            "either_value_is_missing": f"num_nulls({names}) = 0",
            "any_value_is_missing": f"num_nulls({names}) = 0",
            "neither": "true",
            "never": "true",
        }.get(kwargs.get("ignore_row_if"), f"num_nonnulls({names}) > 0")
        condition = f"({condition}) and {counted}"
    return condition, None


def _columns(kwargs: dict) -> list[str]:
    names = [kwargs.get("column"), kwargs.get("column_A"), kwargs.get("column_B"), *kwargs.get("column_list", [])]
    return [name for name in names if name]


def _problem(info: dict) -> str:
    """The first exception of an expectation; Great Expectations nests it by metric."""
    for entry in [info, *(value for value in info.values() if isinstance(value, dict))]:
        if entry.get("raised_exception"):
            text = str(entry.get("exception_message")).strip() or "unknown"
            told_by = _DRIVERS_ERROR.search(text)
            # The statement that follows is no use to anybody here; a value may go on over lines.
            line = text[told_by.start() :].splitlines()[0] if told_by else text
            state = getattr(getattr(psycopg.errors, told_by[1], None), "sqlstate", "") if told_by else ""
            return hide_values(line, state)[:300]
    return ""
