"""Corrections as data: a CSV of (what, field, old value, new value, why, who, when), landed like any other rows.

Nothing landed is ever edited. The models apply a correction where the sender's value still is the old one
(dbt_project/macros/corrections.sql); what became of each is in marts.correction_applied and correction_not_applied.
"""

from __future__ import annotations

import csv
import hashlib
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import astuple, dataclass
from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from pathlib import Path

from yidang import csv_file, landing
from yidang.csv_file import Mistake
from yidang.dbt_variables import declared
from yidang.errors import ConfigError
from yidang.landing import ledger
from yidang.settings import Settings

COLUMNS = ("entity", "key", "field", "old_value", "new_value", "reason", "editor", "date")
# The ledger's name of the sender of corrections; no department may be called so.
SENDER = "corrections"
_TABLE = "correction"
_LIMIT_UNITS = ("working_days", "calendar_days")
_KEY_FORMS = {
    "case": (r"[^:\s]+:.+", "department:instance code"),
    "match": (r"[^:\s]+:.+", "department:instance code"),
    "event": (r"[^:\s]+:.+@[a-z_]+@[^@]+", "department:instance code@event kind@2025-03-03 09:00:00"),
    "works": (r"\S+", "a works code"),
    "project": (r"\d{4}-\d{6}-\d{2}-\d{2}-\d{6}", "a project code of 24 characters"),
}
# An identity card or a mobile number: a reason may say why, never about whom.
_PERSONAL = re.compile(r"(?<!\d)(1[3-9]\d{9}|\d{17}[\dXx])(?!\d)")


@dataclass(frozen=True)
class Correction:
    """One line of a file, its values in the spelling the models compare by; None is no value."""

    entity: str
    key: str
    field: str
    old_value: str | None
    new_value: str | None
    reason: str
    editor: str
    edited_on: str


@dataclass(frozen=True)
class LoadResult:
    """batch_id is None when the same file was loaded before and nothing was added."""

    count: int
    batch_id: int | None


def load(settings: Settings, path: Path) -> LoadResult:
    """Check every line of the file, then land all of them as one batch, or none.

    Raises ConfigError that names each mistake's line, column and cure.
    """
    corrections = read(settings, path)
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    landing.ensure_landing(settings, [])
    with ledger.connect(settings, "corrections") as connection:
        ledger.lock_table(connection, SENDER, _TABLE)
        known = connection.execute(
            "select 1 from landing.batch where department = %s and file_sha256 = %s", (SENDER, digest)
        ).fetchone()
        if known:
            return LoadResult(0, None)
        batch = ledger.new_batch_id(connection)
        with connection.cursor() as cursor:
            cursor.executemany(
                "insert into landing.correction (entity, key, field, old_value, new_value, reason, editor, edited_on,"
                " _batch_id, _row_number) values (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s)",
                [(*astuple(item), batch, number) for number, item in enumerate(corrections, 1)],
            )
        ledger.add_batch(
            connection,
            batch,
            department=SENDER,
            table_name=_TABLE,
            rows_read=len(corrections),
            rows_landed=len(corrections),
            rows_quarantined=0,
            file_name=path.name,
            file_sha256=digest,
            gate="passed",
        )
    return LoadResult(len(corrections), batch)


def read(settings: Settings, path: Path) -> list[Correction]:
    """The corrections of the file, in its order. Raises ConfigError naming each mistake's line, column and cure."""
    fields = correctable_fields(settings)
    kinds = _event_kinds(settings)

    def parse(line: int, row: dict[str, str]) -> Correction:
        cells = {column: row[column].strip() for column in COLUMNS}
        if mistakes := list(_mistakes(cells, fields, kinds)):
            raise ExceptionGroup(f"line {line}", mistakes)
        return _correction(cells, fields, kinds)

    corrections = csv_file.read(path, COLUMNS, parse, effect="nothing was loaded")
    if not corrections:
        raise ConfigError(
            f"{path.name} holds no corrections.", f"Below the header {','.join(COLUMNS)} write one row per value."
        )
    return corrections


def correctable_fields(settings: Settings) -> dict[str, dict[str, str]]:
    """entity -> field -> kind of value, as dbt_project.yml gives them to the models."""
    return declared(settings.dbt_dir)["correctable_fields"]


def _mistakes(cells: Mapping[str, str], fields: Mapping, kinds: frozenset[str]) -> Iterator[Mistake]:
    """Everything that is wrong with a line."""
    entity, key, field, old, new, reason, editor, day = (cells[column] for column in COLUMNS)
    if entity not in fields:
        yield Mistake("entity", f"{entity!r} is unknown", f"Use {', '.join(fields)}.")
        return
    form, example = _KEY_FORMS[entity]
    if not re.fullmatch(form, key):
        yield Mistake("key", f"{key!r} names no {entity}", f"Write {example}.")
    elif entity == "event":
        _, kind, moment = key.rsplit("@", 2)
        yield from _mistake_of("key", kind, "event_kind", kinds)
        yield from _mistake_of("key", moment, "timestamp", kinds)
    if field not in fields[entity]:
        what = f"{field!r} of a {entity} cannot be corrected"
        yield Mistake("field", what, f"These can: {', '.join(fields[entity])}.")
        return
    for column, value in (("old_value", old), ("new_value", new)):
        yield from _mistake_of(column, value, fields[entity][field], kinds)
    if old == new:
        yield Mistake(None, "old_value and new_value are the same", "Leave the line out.")
    if entity == "match" and old:
        yield Mistake("old_value", "a confirmed match has none", "Leave it empty.")
    if entity == "match" and not new:
        yield Mistake("new_value", "a confirmed match names a project", "Write its project code.")
    if not reason:
        yield Mistake("reason", "it is empty", "Say why.")
    if _PERSONAL.search(reason):
        yield Mistake("reason", "it holds what looks like an identity card or mobile number", "Take it out.")
    if not editor:
        yield Mistake("editor", "it is empty", "Say who decided.")
    if not day:
        yield Mistake("date", "it is empty", "Say when it was decided: 2025-03-03.")
    yield from _mistake_of("date", day, "date", kinds)


def _mistake_of(column: str, value: str, kind: str, event_kinds: frozenset[str]) -> Iterator[Mistake]:
    """The mistake in a value, if there is one."""
    try:
        _spelling(column, value, kind, event_kinds)
    except Mistake as mistake:
        yield mistake


def _correction(cells: Mapping[str, str], fields: Mapping, kinds: frozenset[str]) -> Correction:
    """A line without mistakes."""
    entity, key, field, old, new, reason, editor, day = (cells[column] for column in COLUMNS)
    if entity == "event":
        head, moment = key.rsplit("@", 1)
        key = f"{head}@{_spelling('key', moment, 'timestamp', kinds)}"
    kind = fields[entity][field]
    values = (_spelling(column, cells[column], kind, kinds) for column in ("old_value", "new_value"))
    return Correction(entity, key, field, *values, reason, editor, _spelling("date", day, "date", kinds))


def _spelling(column: str, value: str, kind: str, event_kinds: frozenset[str]) -> str | None:
    """A value in the spelling PostgreSQL gives its type; an empty one is no value. Raises Mistake."""
    if not value:
        return None
    if kind in ("event_kind", "limit_unit"):
        allowed, what = (sorted(event_kinds), "kind of event") if kind == "event_kind" else (_LIMIT_UNITS, "unit")
        if value not in allowed:
            raise Mistake(column, f"{value!r} is no {what}", f"Use {', '.join(allowed)}.")
    if kind not in _SPELLINGS:
        return value
    spell, what, cure = _SPELLINGS[kind]
    try:
        return spell(value)
    except ValueError:
        raise Mistake(column, f"{value!r} is {what}", cure) from None


def _boolean(value: str) -> str:
    if value not in ("true", "false"):
        raise ValueError(value)
    return value


def _integer(value: str) -> str:
    if not re.fullmatch(r"-?\d{1,9}", value):
        raise ValueError(value)
    return str(int(value))


def _numeric(value: str) -> str:
    try:
        number = Decimal(value)
    except InvalidOperation:
        raise ValueError(value) from None
    if not number.is_finite():
        raise ValueError(value)
    return value


def _date(value: str) -> str:
    if not re.fullmatch(r"\d{4}-\d{2}-\d{2}", value):
        raise ValueError(value)
    return date.fromisoformat(value).isoformat()


def _timestamp(value: str) -> str:
    if not re.fullmatch(r"\d{4}-\d{2}-\d{2}([ T]\d{2}:\d{2}(:\d{2})?)?", value):
        raise ValueError(value)
    return datetime.fromisoformat(value).isoformat(sep=" ")


# kind -> how it is spelt (ValueError: it cannot be), what a wrong value is, and the cure; any text is right for others.
_SPELLINGS: Mapping[str, tuple[Callable[[str], str], str, str]] = {
    "boolean": (_boolean, "neither true nor false", "Write true or false."),
    "integer": (_integer, "no whole number", "Write 12, say."),
    "numeric": (_numeric, "no number", "Write 12.5, say."),
    "date": (_date, "no day", "Write 2025-03-03."),
    "timestamp": (_timestamp, "no time", "Write 2025-03-03 or 2025-03-03 09:00:00, local time."),
}


def _event_kinds(settings: Settings) -> frozenset[str]:
    with (settings.dbt_dir / "seeds" / "status_codes.csv").open(encoding="utf-8", newline="") as file:
        return frozenset(row["event_kind"] for row in csv.DictReader(file) if row["event_kind"])
