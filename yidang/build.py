"""dbt in this process, with the connection and the variables that make a build reproducible.

Marts are a function of (raw up to a batch, as_of, calendar version, rule version); all of them pass through here. Here
is also decided whether a build may compute only what changed since the last one (build_state); the rows are the same.
"""

from __future__ import annotations

import gc
import hashlib
import json
import time
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from dataclasses import dataclass
from datetime import date
from io import StringIO
from pathlib import Path

import psycopg

from yidang import contracts, landing, metrics, statistics, warning
from yidang.build_state import LOCK, BuildState
from yidang.errors import ConfigError, YidangError
from yidang.landing import ledger
from yidang.settings import DBT_PARSED, Settings, environment

_FAILED = ("error", "fail", "runtime error")
# What dbt read from the project, by all that it was read with, for the builds of one process: reading it takes as long
# as a small build. For the next process dbt keeps it in its target folder, void as soon as a variable changes; so those
# that change by the night, or that only a figure depends on, are the same here, and given when SQL is compiled.
_PARSED: dict[str, object] = {}
_ONLY_COMPILED = (
    *("as_of", "previous_as_of"),
    *("clock_policy", "same_name_from", "offer_name_from", "shortest_permit_number"),
)
# What neither raw nor the day changes; when models or seeds change, all is built. empty: tests of these are run anyway.
_STANDING = ["resource_type:seed", "config.materialized:view", "--indirect-selection", "empty"]
_BUILDING = ("build", "run", "seed", "retry", "clone", "snapshot")
# What dbt has to say is in its result. Of its files only run_results.json is written, by build(): the manifest takes
# longer to write than to read, and nobody reads it.
_SILENT = ["--log-level", "none", "--no-write-json"]
# Loaded without a release, and not by batches; every clock hangs on it.
_CALENDAR = (
    "select * from landing.calendar_notice order by notice_id",
    "select * from landing.calendar_day order by notice_id, date_day",
)
# Sessions of a build on the cluster that Yidang runs itself: few, and what they lose by a crash is built again.
SESSION = {
    "work_mem": "96MB",
    "maintenance_work_mem": "256MB",
    "synchronous_commit": "off",
    "jit": "off",
}


@dataclass(frozen=True)
class BuildResult:
    """Counts over dbt's nodes (seeds, models, data tests, unit tests), wall time in seconds, and what was warned of.

    full_refresh: why everything was computed; '' where only what changed was.
    warnings_raised: new in the outbox (yidang.warning); None where the build was of no concern to anybody today.
    """

    nodes: int
    passed: int
    failed: int
    seconds: float
    warnings: tuple[str, ...]
    full_refresh: str
    warnings_raised: int | None = None

    @property
    def warned(self) -> int:
        return len(self.warnings)


def build(
    settings: Settings,
    *,
    as_of: date,
    select: str | None = None,
    batch_until: int | None = None,
    overrides: dict | None = None,
    departments: list[contracts.Department] | None = None,
    with_tests: bool = True,
    full_refresh: bool = False,
) -> BuildResult:
    """Build and test seeds, staging, intermediate and marts as of a date; where it can, only what changed.

    select:       a dbt selection ("fct_stage+"); everything by default.
    batch_until:  read raw as it was when the batch of this release number had passed the gate, to repeat a build.
    overrides:    other values for the variables of dbt_project.yml, such as another clock_policy.
    departments:  build from these instead of the active ones.
    with_tests:   False leaves out data tests and unit tests.
    full_refresh: compute everything anew.
    Warnings are raised by a whole build for the day that it is (settings.as_of), never by one that repeats the past.
    Raises YidangError that names every failed node with its message, and ConfigError, before anything is touched, for a
    feed whose model is not there.
    """
    began = time.monotonic()
    nodes = [] if with_tests else ["--resource-type", "seed", "--resource-type", "model"]
    sources = active_departments(settings) if departments is None else departments
    contracts.require_models(settings, sources)
    is_plain = select is None and batch_until is None and departments is None and not overrides
    concerns_today = is_plain and as_of == settings.as_of()
    raised = None
    with _one_build_at_a_time(settings, sources) as warehouse:
        state = BuildState(warehouse, f"{(overrides or {}).get('schema_prefix', '')}intermediate")
        made_of = _made_of(warehouse, settings, sources, overrides)
        # What changed is told from the tables of a whole build; and a case's own day lies in one no batch accounts for.
        is_whole = select is None and "observation_dates" not in (overrides or {})
        before = state.last() if is_whole and not full_refresh else None
        reason = state.begin(before, made_of, batch_until)
        values = {
            **variables(settings, sources, as_of=as_of),
            "previous_as_of": before.as_of.isoformat() if before else None,
            "only_changed": reason == "",
            **(overrides or {}),
        }
        with _no_debug_events():
            outcome = _invoke(settings, [*_SILENT, "build", *_selection(select, reason), *nodes], values)
        if outcome.result:
            outcome.result.write(str(settings.dbt_target_dir / "run_results.json"))
        results = list(getattr(outcome.result, "results", None) or [])
        failed = [item for item in results if str(item.status) in _FAILED]
        if failed or not outcome.success:
            raise _build_failed(settings, failed, outcome.exception)
        if not results:
            raise YidangError(f"The selection {select!r} names nothing to build.", "List what there is: yidang dbt ls")
        built = None if select is None else {item.node.name for item in results}
        statistics.refresh(settings, (overrides or {}).get("schema_prefix", ""), built)
        # before the build counts as whole: one that is killed here is built again, and compared then
        if concerns_today:
            raised = warning.note(settings.dsn("transformer"), as_of).raised
        if is_whole:
            state.finish(as_of, made_of)
    warnings = tuple(f"{item.node.name}: {item.message}" for item in results if str(item.status) == "warn")
    passed = sum(str(item.status) in ("success", "pass") for item in results)
    reason = "asked for" if full_refresh else reason if is_whole else "a part is built whole"
    return BuildResult(len(results), passed, len(failed), time.monotonic() - began, warnings, reason, raised)


def is_current(settings: Settings, as_of: date) -> bool:
    """Whether the last build was of everything, by today's models and departments, for this day. Ignores raw."""
    departments = active_departments(settings)
    landing.ensure_landing(settings, departments)
    with _connect(settings) as warehouse:
        before = BuildState(warehouse, "intermediate").last()
        made_of = _made_of(warehouse, settings, departments, None)
    return before is not None and before.as_of == as_of and before.made_of == made_of


def run_dbt(settings: Settings, args: list[str], as_of: date) -> bool:
    """Any dbt command with this project's connection and variables; dbt prints as it does. True if it succeeded.

    A command that builds computes everything it builds anew, and so does the next build.
    """
    departments = active_departments(settings)
    contracts.require_models(settings, departments)
    with _one_build_at_a_time(settings, departments) as warehouse:
        state = BuildState(warehouse, "intermediate")
        state.last()  # staging reads the batches of the last build: the table must be there
        if args and args[0] in _BUILDING:
            state.begin(None, {}, None)
        return _invoke(settings, args, variables(settings, departments, as_of=as_of)).success


def downstream(settings: Settings, models: list[str]) -> list[str]:
    """Names of these dbt models and of all that are built on them; needs no server.

    Raises ConfigError for one that dbt does not have.
    """
    settings.ensure_secrets(["YIDANG_TRANSFORMER_PASSWORD"])  # dbt wants a whole profile before it lists anything
    values = variables(settings, contracts.load_departments(settings), as_of=settings.as_of())
    found: set[str] = set()
    for model in models:
        arguments = ["--quiet", "ls", "--resource-type", "model", "--select", f"{model}+", "--output", "name"]
        with redirect_stdout(StringIO()):  # dbt prints the list as well
            listed = _invoke(settings, arguments, values)
        if not listed.success or not listed.result:
            raise ConfigError(f"dbt has no model {model}.", "Its models are listed by: yidang dbt ls")
        found.update(listed.result)
    return sorted(found)


def variables(settings: Settings, departments: list[contracts.Department], *, as_of: date) -> dict:
    """What dbt_project.yml declares under `vars` and a build must fill: the day, the departments and the metrics."""
    return {
        "as_of": as_of.isoformat(),
        "active_departments": [item.id for item in departments],
        "departments": [
            {
                "id": item.id,
                "name": item.name,
                "short_name": item.short_name,
                "source_kind": item.source.kind,
                "is_example": item.example,
            }
            for item in departments
        ],
        "spgl_departments": contracts.spgl_departments(departments),
        "feeds": contracts.feeds(departments),
        "metrics": metrics.for_dbt(metrics.load(settings)),
        "wilson_interval": list(metrics.wilson_interval("figures.numerator", "figures.denominator")),
    }


def active_departments(settings: Settings) -> list[contracts.Department]:
    """The departments of departments/*.yml, and of examples/ those that were pulled at least once."""
    examples = [
        contracts.load_department(settings, path) for path in sorted(settings.departments_dir.glob("examples/*.yml"))
    ]
    with ledger.connect(settings, "build") as warehouse:
        schemas = {
            name for (name,) in warehouse.execute("select nspname from pg_namespace where nspname like 'raw\\_%'")
        }
    declared = contracts.load_departments(settings)
    # An example may also have been copied into departments/, as its own comment says.
    taken = {item.id for item in declared}
    return [*declared, *(item for item in examples if item.schema in schemas and item.id not in taken)]


def _selection(select: str | None, full_refresh: str) -> list[str]:
    if select:
        # buildable: only tests whose every parent is selected or built before; others could meet a table not yet there
        return ["--select", *select.split(), "--indirect-selection", "buildable"]
    return [] if full_refresh else ["--exclude", *_STANDING]


def _invoke(settings: Settings, arguments: list[str], values: dict):
    # what a build of what changed refers to is what a full refresh does, and more
    parsed_with = {key: value for key, value in values.items() if key not in _ONLY_COMPILED} | {"only_changed": True}
    parsed_from = _digest([parsed_with, _models_digest(settings), str(settings.dbt_dir), settings.warehouse_database])
    with environment(_environment(settings)), _few_collections():
        from dbt.cli.main import dbtRunner  # 1.5 s of imports that `yidang --help` and DAG parsing must not pay

        if parsed_from not in _PARSED:
            kept = settings.dbt_parsed_file
            known = ["--partial-parse-file-path", str(kept)] if kept.is_file() else []
            parsing = dbtRunner().invoke(
                ["--quiet", "--no-write-json", *known, "parse", *_flags(settings, parsed_with)]
            )
            if not parsing.success:
                return parsing
            _keep_parsed(settings)
            _PARSED[parsed_from] = parsing.result
        return dbtRunner(manifest=_PARSED[parsed_from]).invoke([*arguments, *_flags(settings, values)])


def _keep_parsed(settings: Settings) -> None:
    """dbt writes it into its target folder, where it read something anew."""
    written, kept = settings.dbt_target_dir / DBT_PARSED, settings.dbt_parsed_file
    if written != kept and written.is_file():
        kept.parent.mkdir(parents=True, exist_ok=True)
        written.replace(kept)


def _flags(settings: Settings, values: dict) -> list[str]:
    return [
        "--project-dir", str(settings.dbt_dir),
        "--profiles-dir", str(settings.dbt_dir),
        "--vars", json.dumps(values, ensure_ascii=False),
    ]  # fmt: skip


def _made_of(
    warehouse: psycopg.Connection,
    settings: Settings,
    departments: list[contracts.Department],
    overrides: dict | None,
) -> dict[str, str]:
    """Digests of everything a build depends on except raw and the day (build_state compares them)."""
    return {
        "models": _models_digest(settings),
        "calendar": _digest([warehouse.execute(query).fetchall() for query in _CALENDAR]),
        "departments": _digest([item.model_dump(mode="json") for item in departments]),
        "overrides": _digest(overrides or {}),
    }


def _models_digest(settings: Settings) -> str:
    folders = [settings.dbt_dir / name for name in ("models", "macros", "seeds", "tests")]
    files = [path for folder in folders for path in folder.rglob("*") if path.suffix in (".sql", ".yml", ".csv")]
    files += [settings.dbt_dir / "dbt_project.yml", *Path(statistics.__file__).parent.glob("*.py")]
    models = hashlib.sha256()
    for path in sorted(files):
        models.update(path.name.encode() + b"\0" + path.read_bytes() + b"\0")
    return models.hexdigest()


def _digest(value: object) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True, default=str).encode()).hexdigest()


def _connect(settings: Settings) -> psycopg.Connection:
    return psycopg.connect(settings.dsn("transformer"), autocommit=True)


@contextmanager
def _few_collections() -> Iterator[None]:
    """What dbt reads lives as long as the build; the collector would go through it all every few thousand objects."""
    thresholds = gc.get_threshold()
    gc.set_threshold(20_000, *thresholds[1:])
    try:
        yield
    finally:
        gc.set_threshold(*thresholds)


@contextmanager
def _no_debug_events() -> Iterator[None]:
    """Nobody hears what dbt says at the level debug, dozens of times for each model: a fifth of a build's CPU time."""
    from dbt_common.events import event_manager_client as events
    from dbt_common.events.base_types import EventLevel
    from dbt_common.events.event_manager import EventManager

    class Audible(EventManager):
        def fire_event(self, e, level=None, *further, **named) -> None:
            if (level or e.level_tag()) != EventLevel.DEBUG:
                super().fire_event(e, level, *further, **named)

    before = events.get_event_manager()
    events.ctx_set_event_manager(Audible())
    try:
        yield
    finally:
        events.ctx_set_event_manager(before)


@contextmanager
def _one_build_at_a_time(settings: Settings, departments: list[contracts.Department]) -> Iterator[psycopg.Connection]:
    """The transformer's connection, once every other build is done and the tables it reads are there."""
    landing.ensure_landing(settings, departments)
    warning.ensure(settings)
    with _connect(settings) as warehouse:
        # two at once would swap the same tables under each other's feet: the second waits
        warehouse.execute("select pg_advisory_lock(hashtext(%s))", (LOCK,))
        yield warehouse  # closing the connection lets the lock go


def _environment(settings: Settings) -> dict[str, str]:
    """What dbt reads from the environment: its connection (profiles.yml), its folders, and no telemetry."""
    user, database = settings.role("transformer")
    host, port = settings.server
    session = (
        {} if settings.admin_url else {"PGOPTIONS": " ".join(f"-c {key}={value}" for key, value in SESSION.items())}
    )
    return {
        **session,
        "YIDANG_DBT_HOST": host,
        "YIDANG_DBT_PORT": str(port),
        "YIDANG_DBT_USER": user,
        "YIDANG_DBT_DATABASE": database,
        "DBT_ENV_SECRET_YIDANG_PASSWORD": settings.secret("YIDANG_TRANSFORMER_PASSWORD"),
        "DBT_TARGET_PATH": str(settings.dbt_target_dir),
        "DBT_LOG_PATH": str(settings.log_dir / "dbt"),
        "DBT_SEND_ANONYMOUS_USAGE_STATS": "false",
        "DBT_LOG_LEVEL_FILE": "info",  # the SQL lies in the target folder; writing it down took a tenth of a build
        "DBT_USE_COLORS": "false",  # its messages become ours
        "DO_NOT_TRACK": "1",
    }


def _build_failed(settings: Settings, failed: list, exception: BaseException | None) -> YidangError:
    lines = [f"  {item.node.name}: {' '.join((item.message or '').split())}" for item in failed]
    if exception:
        lines.append(f"  dbt: {' '.join(str(exception).split())}")
    names = f"{len(failed)} nodes failed" if failed else "dbt did not run"
    return YidangError(
        f"The build failed, {names}:\n" + "\n".join(lines),
        f"Marts of failed nodes keep their last good rows. Read {settings.log_dir / 'dbt' / 'dbt.log'}.",
    )
