"""The first draft of a department: contract, checks and thin models, written from a look at what is there."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from yidang import contracts
from yidang.contracts.models import Identifier
from yidang.errors import ConfigError
from yidang.new_department import guess, look_api, look_database, look_file, pauses, write, write_pauses
from yidang.new_department.seen import Seen
from yidang.settings import Settings

_ENABLED = "      {0}: {{+enabled: \"{{{{ '{0}' in var('active_departments', []) }}}}\"}}\n"
_PERHAPS_PAUSES = (
    "TODO nothing reads {table}, which has a case's code and two dates ({dates}): if its rows are pauses, the clock"
    " runs on through them until they are written here (docs/add-a-department.md, A table of pauses)"
)


@dataclass(frozen=True)
class Draft:
    """files: what was written, relative to the repository where they lie in it. todos: how often they say TODO.

    said: sentences about what was recognised. following: the commands that come next.
    """

    files: list[str]
    todos: int
    said: list[str]
    following: list[str]


def like(settings: Settings, department: str, example: str, schema: str | None = None) -> Draft:
    """An exchange library in the national standard: one YAML. Raises ConfigError; it overwrites nothing."""
    _check_name(department)
    if example != "spgl":
        raise ConfigError(
            f"There is no pattern {example!r}.", "--like spgl, the national standard; for anything else use --from URL."
        )
    contract = settings.departments_dir / f"{department}.yml"
    _refuse_existing(settings, department, [contract], models=False)
    texts = {contract: write.like_spgl(department, schema)}
    _validate(settings, department, texts[contract])
    secret = f"{department.upper()}_DSN"
    return _write(
        settings,
        texts,
        [],
        [f"add {secret} to {settings.secrets_file} (postgresql://user:password@host/database)"],
        department,
    )  # noqa: E501


def look_and_draft(
    settings: Settings,
    department: str,
    origin: str,
    *,
    schema: str | None = None,
    tables: Sequence[str] = (),
    token_secret: str | None = None,
) -> Draft:
    """A draft from what is at `origin`: a database's URL (or ${NAME} of a secret), an API's answer, or a file.

    token_secret: the variable that holds the API's token. Raises ConfigError (request, login, names; nothing is
    written then) or YidangError (nobody answers).
    """
    _check_name(department)
    models = settings.dbt_dir / "models" / "staging" / department
    contract = settings.departments_dir / f"{department}.yml"
    _refuse_existing(settings, department, [contract, models], models=True)
    named = contracts.references(origin)
    given = f"the secret {named}" if named else "the URL of --from"
    seen = _look(settings, department, contracts.resolve(settings, origin), given, schema, tables, token_secret)
    # A secret that was named instead of written stays where it is.
    secrets = {name: value for name, value in seen.secrets.items() if origin != f"${{{name}}}"}
    _refuse_other_secrets(settings, secrets)

    case, log, others = _cases(seen)
    feeds: dict[str, str] = {}
    texts: dict[Path, str] = {}
    described: dict[str, str] = {}
    said, notes = [], []
    read = {found.table.name for found in (case, log) if found}
    moments = {found.table.name: found.moments for found in (case, log) if found}

    def model(name: str, text: str, about: str, feed: str | None = None) -> None:
        name = f"stg_{department}__{name}"
        texts[models / f"{name}.sql"] = text
        described[name] = f"{about} Canonical feed `{feed}` (docs/architecture.md)." if feed else about
        if feed:
            feeds[feed] = name

    for feed, about in (("items", "One row per catalogue version of an item."), ("projects", "One row per project.")):
        if found := guess.other_table([table for table in seen.tables if table.name not in read], feed):
            said.append(f"{found[0].name}: {feed}")
            model(feed, write.feed(department, feed, *found), about, feed)
            read.add(found[0].name)
    unread = {name: f"it looks like cases too; only {case.table.name} is read" for name in others}
    if case:
        code = case.columns["instance_code"]
        left = [table for table in seen.tables if table.name not in {*read, *unread}]
        stopped, perhaps = pauses.recognised(left, case.table, code)
        beside = write.Beside(
            models=[f"stg_{department}__{entry.table.name}_pauses" for entry in stopped],
            days_only=bool(stopped) and any(entry.days_only for entry in [*stopped, log or case]),
            notes=[
                *_of_no_case(case, log),
                *(_PERHAPS_PAUSES.format(table=name, dates=dates) for name, dates in perhaps.items()),
            ],
        )
        unread |= {name: f"a case's code and two dates ({dates}): pauses?" for name, dates in perhaps.items()}
        in_steps = f"{len(log.steps)} kinds of steps in {log.table.name}" if log else f"{len(case.steps)} dated steps"
        said.insert(0, f"{case.table.name}: cases, with {in_steps}")
        model("cases", write.cases(department, case), "One row per case.", "cases")
        events = write.logged_events(department, log, beside) if log else write.case_events(department, case, beside)
        model("case_events", events, "One row per dated step of a case.", "case_events")
        days_only = beside.days_only or (not log and case.days_only)
        for entry in stopped:
            said.append(
                f"{entry.table.name}: pauses of cases ({', '.join(filter(None, entry.kinds)) or 'by its name'})"
            )
            text = write_pauses.pauses(department, entry, case.table, code, days_only=days_only)
            model(f"{entry.table.name}_pauses", text, f"Pauses of cases, from {entry.table.name}, for case_events.")
            read.add(entry.table.name)
            moments[entry.table.name] = {entry.started, entry.ended}
    else:
        said.append("No table with cases was recognised: no model of cases was written")
        notes.append(
            "no table with cases was recognised: write the models of cases and case_events and name them in feeds"
        )
    for table in seen.tables:
        if table.name not in read:
            unread.setdefault(table.name, "is anything in it that a feed of docs/architecture.md needs?")
            said.append(f"{table.name}: no model reads it; {unread[table.name]}")
    if any(table.name.startswith("spgl_") for table in seen.tables):
        said.append("The tables are those of the national standard? Then one YAML is enough: --like spgl")

    texts[contract] = write.contract(department, seen, feeds, notes, unread)
    texts[models / f"_{department}.yml"] = write.sources(department, seen, described)
    for table in seen.tables:
        path = settings.root / "expectations" / f"{write.suite_name(department, table)}.json"
        texts[path] = write.suite(department, table, case, moments.get(table.name, set()), _undeclared_footer(seen))
    _validate(settings, department, texts[contract])
    _refuse_existing(settings, department, list(texts), models=True)
    texts[settings.dbt_dir / "dbt_project.yml"] = _switched(settings, department)
    if secrets:
        settings.ensure_secrets([], fixed=secrets)
        said.append(f"kept in {_shown(settings, settings.secrets_file)}: {', '.join(secrets)}")
    return _write(settings, texts, said, [], department)


def _cases(seen: Seen) -> tuple[guess.CaseTable | None, guess.LogTable | None, list[str]]:
    """The table of cases, that of their steps where it is another, and the names of others that look like cases."""
    case, others = guess.case_table(seen.tables)
    if not case and (logged := guess.logged_cases(seen.tables)):
        return *logged, []
    if not case:
        feeds = [found[0] for feed in ("items", "projects") if (found := guess.other_table(seen.tables, feed))]
        case, others = guess.case_table_by_key([table for table in seen.tables if table not in feeds])
    return case, None, others


def _of_no_case(case: guess.CaseTable, log: guess.LogTable | None) -> list[str]:
    """What to say where a table of steps seems to name the cases by something else than their code."""
    if not log:
        return []
    code, own = case.columns["instance_code"], log.columns["instance_code"]
    link, doubts = pauses.linked(log.table, own, case.table, code)
    if link != code:
        doubts = [
            f"{own} of {log.table.name} holds {link} of {case.table.name}, not {code}: join it, or no case has steps"
        ]
    return [f"TODO {doubt}" for doubt in doubts]


def _look(
    settings: Settings,
    department: str,
    origin: str,
    given: str,
    schema: str | None,
    tables: Sequence[str],
    token_secret: str | None,
) -> Seen:
    is_database = look_database.is_url(origin)
    is_api = origin.startswith(("http://", "https://"))
    if token_secret and not is_api:
        raise ConfigError("--token-env is for an API.", "Leave it out.")
    if schema and not is_database:
        raise ConfigError("--schema is for a database.", "Leave it out.")
    if is_database:
        return look_database.look(settings, department, origin, schema, tables, given)
    if len(tables) > 1:
        raise ConfigError("An API's answer or a file is one table.", "Give --table once: what Yidang shall call it.")
    name = tables[0] if tables else None
    if name:
        _check_name(name)
    if is_api:
        token = settings.secret(token_secret) if token_secret else _held(settings, f"{department.upper()}_TOKEN")
        return look_api.look(settings, department, origin, token, name)
    if "://" in origin:
        raise ConfigError(
            f"{origin.split('://')[0]}:// is no kind of source that can be looked at.",
            f"Give {', '.join(look_database.SCHEMES)} http://, https:// or the path of a file.",
        )
    return look_file.look(department, Path(origin), name)


def _undeclared_footer(seen: Seen) -> str | None:
    """What a total of a later file begins with, where this one has none and so no footer_pattern."""
    declared = seen.source.get("format")
    return look_file.FOOTER if declared and "footer_pattern" not in declared else None


def _check_name(name: str) -> None:
    try:
        TypeAdapter(Identifier).validate_python(name)
    except ValidationError as error:
        reason = error.errors()[0]["msg"].removeprefix("Value error, ")
        raise ConfigError(f"{name!r} cannot be a name: it {reason}.", "For example yuanlin.") from None


def _refuse_existing(settings: Settings, department: str, paths: list[Path], *, models: bool) -> None:
    cure = "Nothing that exists is overwritten: choose another name, or move it away first."
    for path in [*paths, settings.departments_dir / "examples" / f"{department}.yml"]:
        if path.exists():
            raise ConfigError(f"{_shown(settings, path)} exists.", cure)
    project = settings.dbt_dir / "dbt_project.yml"
    if models and re.search(rf"^      {department}: ", project.read_text(encoding="utf-8"), re.MULTILINE):
        raise ConfigError(f"{_shown(settings, project)} already has a line {department}:.", cure)


def _refuse_other_secrets(settings: Settings, secrets: dict[str, str]) -> None:
    for name, value in secrets.items():
        if _held(settings, name) not in (None, value):
            raise ConfigError(
                f"The secret {name} is set to something else.",
                f"Take it out of the environment or of {settings.secrets_file}, or choose another name.",
            )


def _held(settings: Settings, name: str) -> str | None:
    try:
        return settings.secret(name)
    except ConfigError:
        return None


def _switched(settings: Settings, department: str) -> str:
    """dbt_project.yml with the line that switches the models off where the department is not there."""
    path = settings.dbt_dir / "dbt_project.yml"
    lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
    start = next((at for at, line in enumerate(lines) if line.rstrip() == "    staging:"), None)
    if start is None:
        raise ConfigError(f"{_shown(settings, path)} has no `staging:` among its models.", "Restore it.")
    end = start + 1
    while end < len(lines) and lines[end].startswith("      "):
        end += 1
    return "".join([*lines[:end], _ENABLED.format(department), *lines[end:]])


def _validate(settings: Settings, department: str, text: str) -> None:
    """The contract must be one as it is written. Raises ConfigError, as `yidang pull` would."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "departments" / f"{department}.yml"
        path.parent.mkdir()
        path.write_text(text, encoding="utf-8")
        contracts.load_department(settings, path)


def _write(settings: Settings, texts: dict[Path, str], said: list[str], first: list[str], department: str) -> Draft:
    for path, text in texts.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return Draft(
        files=sorted(_shown(settings, path) for path in texts),
        todos=sum(text.count("TODO") for text in texts.values()),
        said=said,
        following=[
            *first,
            f"yidang pull {department} --dry-run",
            f"yidang pull {department}",
            "yidang build",
        ],
    )


def _shown(settings: Settings, path: Path) -> str:
    return str(path.relative_to(settings.root)) if path.is_relative_to(settings.root) else str(path)
