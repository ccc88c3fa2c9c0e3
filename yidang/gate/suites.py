"""Suites of expectations: read, completed from the contract, and run by Great Expectations inside the database."""

from __future__ import annotations

import json
import logging
from dataclasses import dataclass

from psycopg import sql

from yidang.contracts import Department, Table
from yidang.errors import ConfigError, YidangError
from yidang.settings import Settings


@dataclass(frozen=True)
class Outcome:
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
        what = f"expectations/{path.name}: line {error.lineno}: not valid JSON: {error.msg}."
        raise ConfigError(what, "Correct it.") from None
    missing = [key for key in ("hold_above_share", "hold_from_rows") if key not in suite.get("meta", {})]
    for expectation in suite.get("expectations", []):
        missing += [
            f"{key} of {expectation['type']}" for key in ("severity", "reason") if key not in expectation["meta"]
        ]
    if missing:
        raise ConfigError(
            f"expectations/{path.name}: meta lacks {', '.join(missing)}.", "Add it; see the other suites."
        )
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


def run_suite(
    settings: Settings, department: Department, table: Table, suite: dict, batches: list[int]
) -> list[Outcome]:
    """Run the suite in the database over the rows of these batches."""
    import great_expectations  # takes seconds, so only when there is something to check

    logging.getLogger("great_expectations").setLevel(logging.WARNING)
    context = great_expectations.get_context(mode="ephemeral")
    context.variables.progress_bars = {"globally": False}
    expectations = great_expectations.ExpectationSuite(
        name=table.suite, expectations=suite["expectations"], meta=suite["meta"]
    )
    # It leaves out what it does not understand, with nothing but a line in the log.
    understood = {expectation.expectation_type for expectation in expectations.expectations}
    if len(expectations.expectations) != len(suite["expectations"]):
        unknown = sorted({entry["type"] for entry in suite["expectations"]} - understood)
        raise ConfigError(
            f"expectations/{table.suite}.json: {', '.join(unknown) or 'an expectation'} is not valid.",
            "Correct its type or its arguments; the batches wait until then.",
        )
    rows = sql.SQL("select * from {} where _batch_id in ({})").format(
        sql.Identifier(department.schema, table.name), sql.SQL(", ").join(map(sql.Literal, batches))
    )
    query = rows.as_string(None)
    # Without temporary tables, because the queries for failing rows run on a connection of our own.
    warehouse = context.data_sources.add_postgres(
        "warehouse", connection_string=settings.dsn("loader", "+psycopg2"), create_temp_table=False
    )
    try:
        validation = (
            warehouse.add_query_asset("batch", query=query)
            .add_batch_definition_whole_table("all")
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


def _outcome(table: Table, validated: object, query: str) -> Outcome:
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
    return Outcome(
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
