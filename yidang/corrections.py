"""Corrections as data: a CSV of (what, field, old value, new value, why, who, when), landed like any other rows.

Nothing landed is ever edited. The models apply a correction where the sender's value still is the old one
(dbt_project/macros/corrections.sql); what became of each is in marts.correction_applied and correction_not_applied.
"""

from __future__ import annotations

import csv
import hashlib
import io
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import astuple, dataclass
from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from pathlib import Path

import yaml

from yidang import landing
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

    Raises ConfigError that names each wrong line with its cure.
    """
    content = _content(path)
    corrections = parse(settings, content, str(path))
    digest = hashlib.sha256(content).hexdigest()
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


def parse(settings: Settings, content: bytes, name: str) -> list[Correction]:
    """The lines of a CSV file (UTF-8, with or without byte order mark). Raises ConfigError naming every wrong one."""
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise ConfigError(f"{name} is not UTF-8.", "Save it as CSV UTF-8.") from None
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    fields = correctable_fields(settings)
    kinds = _event_kinds(settings)
    corrections: list[Correction] = []
    wrong: list[str] = []
    try:
        header = next(reader, None)
        if header != list(COLUMNS):
            raise ConfigError(f"{name}: the first line is not the names of the columns.", f"Write {','.join(COLUMNS)}")
        for cells in reader:
            if not any(cell.strip() for cell in cells):
                continue
            mistakes = list(_mistakes(cells, fields, kinds))
            if mistakes:
                wrong += [f"  line {reader.line_num}: {mistake}" for mistake in mistakes]
            else:
                corrections.append(_correction(cells, fields, kinds))
    except csv.Error as error:
        raise ConfigError(f"{name}, line {reader.line_num}: {error}.", "Is a quote left open?") from None
    if wrong:
        raise ConfigError(
            f"{name}: nothing was loaded.\n" + "\n".join(wrong), "Mend these lines and load the file again."
        )
    if not corrections:
        raise ConfigError(f"{name} holds no corrections.", "One line per value below the names of the columns.")
    return corrections


def correctable_fields(settings: Settings) -> dict[str, dict[str, str]]:
    """entity -> field -> kind of value, as dbt_project.yml gives them to the models."""
    project = yaml.safe_load((settings.dbt_dir / "dbt_project.yml").read_text(encoding="utf-8"))
    return project["vars"]["correctable_fields"]


def _content(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise ConfigError(f"{path} cannot be read: {error.strerror}.", "Name a CSV file.") from None


def _mistakes(cells: list[str], fields: Mapping, kinds: frozenset[str]) -> Iterator[str]:
    """What is wrong with a line and how to mend it."""
    if len(cells) != len(COLUMNS):
        yield f"{len(cells)} cells instead of {len(COLUMNS)}; put text with commas into quotes"
        return
    entity, key, field, old, new, reason, editor, day = (cell.strip() for cell in cells)
    if entity not in fields:
        yield f"entity {entity!r} is unknown; use {', '.join(fields)}"
        return
    form, example = _KEY_FORMS[entity]
    if not re.fullmatch(form, key):
        yield f"key {key!r} names no {entity}; write {example}"
    elif entity == "event":
        _, kind, moment = key.rsplit("@", 2)
        yield from (f"key: {complaint}" for complaint in (_complaint(kind, "event_kind", kinds),) if complaint)
        yield from (f"key: {complaint}" for complaint in (_complaint(moment, "timestamp", kinds),) if complaint)
    if field not in fields[entity]:
        yield f"field {field!r} of a {entity} cannot be corrected; these can: {', '.join(fields[entity])}"
        return
    for column, value in (("old_value", old), ("new_value", new)):
        complaint = _complaint(value, fields[entity][field], kinds)
        if complaint:
            yield f"{column} {complaint}"
    if old == new:
        yield "old_value and new_value are the same; leave the line out"
    if entity == "match" and (old or not new):
        yield "a confirmed match has no old_value and a project code as new_value"
    if not reason:
        yield "reason is empty; say why"
    if _PERSONAL.search(reason):
        yield "reason holds what looks like an identity card or mobile number; take it out"
    if not editor:
        yield "editor is empty; say who decided"
    if not day or _complaint(day, "date", kinds):
        yield f"date {day!r} is no day; write it as 2025-03-03"


def _complaint(value: str, kind: str, event_kinds: frozenset[str]) -> str | None:
    """What is wrong with a value; an empty one is no value and always right."""
    try:
        _spelling(value, kind, event_kinds)
    except ValueError as error:
        return f"{value!r} {error}"
    return None


def _correction(cells: list[str], fields: Mapping, kinds: frozenset[str]) -> Correction:
    entity, key, field, old, new, reason, editor, day = (cell.strip() for cell in cells)
    if entity == "event":
        head, moment = key.rsplit("@", 1)
        key = f"{head}@{_spelling(moment, 'timestamp', kinds)}"
    kind = fields[entity][field]
    values = (_spelling(value, kind, kinds) for value in (old, new))
    return Correction(entity, key, field, *values, reason, editor, date.fromisoformat(day).isoformat())


def _spelling(value: str, kind: str, event_kinds: frozenset[str]) -> str | None:
    """A value in the spelling PostgreSQL gives its type. Raises ValueError that says what it should look like."""
    if not value:
        return None
    if kind == "event_kind" and value not in event_kinds:
        raise ValueError(f"is no kind of event; use {', '.join(sorted(event_kinds))}")
    if kind == "limit_unit" and value not in _LIMIT_UNITS:
        raise ValueError(f"is no unit; use {' or '.join(_LIMIT_UNITS)}")
    return _SPELLINGS.get(kind, str)(value)


def _boolean(value: str) -> str:
    if value not in ("true", "false"):
        raise ValueError("is neither true nor false")
    return value


def _integer(value: str) -> str:
    if not re.fullmatch(r"-?\d{1,9}", value):
        raise ValueError("is no whole number")
    return str(int(value))


def _numeric(value: str) -> str:
    try:
        number = Decimal(value)
    except InvalidOperation:
        number = Decimal("nan")
    if not number.is_finite():
        raise ValueError("is no number")
    return value


def _date(value: str) -> str:
    if not re.fullmatch(r"\d{4}-\d{2}-\d{2}", value):
        raise ValueError("is no day; write it as 2025-03-03")
    return date.fromisoformat(value).isoformat()


def _timestamp(value: str) -> str:
    if not re.fullmatch(r"\d{4}-\d{2}-\d{2}([ T]\d{2}:\d{2}(:\d{2})?)?", value):
        raise ValueError("is no time; write it as 2025-03-03 or 2025-03-03 09:00:00, local time")
    return datetime.fromisoformat(value).isoformat(sep=" ")


_SPELLINGS: Mapping[str, Callable[[str], str]] = {
    "boolean": _boolean,
    "integer": _integer,
    "numeric": _numeric,
    "date": _date,
    "timestamp": _timestamp,
}


def _event_kinds(settings: Settings) -> frozenset[str]:
    with (settings.dbt_dir / "seeds" / "status_codes.csv").open(encoding="utf-8", newline="") as file:
        return frozenset(row["event_kind"] for row in csv.DictReader(file))
