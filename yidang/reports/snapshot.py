"""The marts that a report is written from: those that stand, or, for another day or release, ones built beside them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date

import psycopg

from yidang import beside, build, metrics, query, statistics
from yidang.errors import YidangError, first_line
from yidang.progress import Progress, aside
from yidang.reports.figures import Figures
from yidang.settings import Settings

_PREFIX = "report_"
# What a report, or the statistics, read beside the marts that metrics are counted on.
_READ = (
    "agg_assessment",
    "agg_case_mode",
    "agg_flat_series",
    "agg_indicator",
    "dim_build",
    "dim_calendar",
    "dim_department",
    "dim_item",
    "dim_package",
    "fct_open_case",
    "fct_project_plan",
    "fct_project_timeline",
    "fct_reform_document",
    "fct_reform_measure",
    "fct_warning",
    "issue_log",
    "code_lists",
)


@contextmanager
def figures_as_of(settings: Settings, as_of: date | None, release: int | None = None) -> Iterator[Figures]:
    """Figures of one day, all of one transaction.

    as_of:   None takes the day that the marts are built for.
    release: read raw up to this release number, to write an issued report again; None takes everything that passed.
    Raises YidangError if the marts are missing, or a build beside them fails.
    """
    try:
        with _reading(settings) as figures:
            if as_of in (None, figures.snapshot.as_of) and release in (None, figures.snapshot.release):
                yield figures
                return
            as_of = as_of or figures.snapshot.as_of
        with _built(settings, as_of, release) as figures:
            yield figures
    except (
        psycopg.errors.UndefinedTable,
        psycopg.errors.UndefinedColumn,
        psycopg.errors.InsufficientPrivilege,
    ) as error:
        raise YidangError(f"The marts are not built: {first_line(error)}", "Run `yidang build`.") from None


@contextmanager
def _reading(settings: Settings) -> Iterator[Figures]:
    with query.reader(settings) as connection:
        # One snapshot for all figures, even if a build runs meanwhile.
        connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        # the reader's minute is for what anybody may ask; these questions are known, and the lists of cases are long
        connection.execute("set statement_timeout = '10min'")
        yield Figures(connection, metrics.load(settings))


def selection(defined: dict[str, metrics.Metric]) -> str:
    """What a build must select for a report: the marts of the metrics and what else it reads, with all upstream."""
    marts = {*_READ, *statistics.INPUTS, *(metric.model for metric in defined.values())}
    return " ".join(f"+{mart}" for mart in sorted(marts))


@contextmanager
def _built(settings: Settings, as_of: date, release: int | None) -> Iterator[Figures]:
    defined = metrics.load(settings)
    with beside.schemas(settings, (_PREFIX,), "report as of another day") as connection:
        with Progress("The marts of another day are built beside the real ones", aside).step(f"as of {as_of}"):
            build.build(
                settings,
                as_of=as_of,
                select=selection(defined),
                batch_until=release,
                overrides={"schema_prefix": _PREFIX},
                with_tests=False,
            )
        yield Figures(connection, defined, prefix=_PREFIX)
