"""The SELECTs that read one table of a department's database, in the words of its dialect (SQLAlchemy Core).

Every value comes as text, spelled the same whatever the session's defaults are, because raw keeps what was received.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal, InvalidOperation
from typing import Literal

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql
from sqlalchemy.sql.elements import quoted_name

from yidang.contracts import Table

# What no value contains, between values and in place of null, so that no two rows are spelled alike.
_BETWEEN, _NULL = "\x1f", "\x1e"
_POSTGRES = postgresql.dialect(paramstyle="named")
_MOST_ARGUMENTS = 50  # PostgreSQL's functions take a hundred


@dataclass(frozen=True)
class SourceColumn:
    """A column as the source's catalogue has it. kind decides how its values are spelled and compared.

    comment: what the catalogue says about it, '' where it says nothing.
    """

    name: str
    type_name: str
    kind: Literal["moment", "date", "number", "float", "bits", "binary", "text", "other"]
    comment: str = ""


@dataclass(frozen=True)
class Window:
    """Rows by their cursor: from `since` on (lexicographically after it, where it is two values), before `until`."""

    since: tuple[str, ...] | None = None
    until: str | None = None


def postgres_sql(clause: sa.ClauseElement) -> str:
    """As PostgreSQL reads it, without parameters: COPY takes none, and a "%" in a name must stay one."""
    return str(clause.compile(dialect=_POSTGRES, compile_kwargs={"literal_binds": True}))


class Statements:
    """What is asked of one table. relation: its name at the source; is_unique: no two rows there share a key."""

    def __init__(
        self, dialect: str, schema: str, table: Table, columns: Sequence[SourceColumn], *, is_unique: bool
    ) -> None:
        self.dialect, self.table, self.columns, self.is_unique = dialect, table, list(columns), is_unique
        self.relation = sa.table(
            quoted_name(table.relation or table.name, quote=True),
            *(sa.column(quoted_name(column.name, quote=True)) for column in columns),
            schema=quoted_name(schema, quote=True),
        ).alias("source")
        self.kinds = {column.name: column.kind for column in columns}

    def rows(self, window: Window) -> sa.Select:
        """Every column as text, by cursor, then key: rows of one key must come in the order of their changes."""
        query = self._filtered(sa.select(*self._texts([column.name for column in self.columns])), window)
        if self.is_unique:
            return query
        return query.order_by(*(self._column(name) for name in [*self._cursor_names(), *self.table.key]))

    def newest(self, not_after: datetime) -> sa.Select:
        """The greatest cursor: one row of texts, of rows whose moment is credible (see database.py)."""
        names = self._cursor_names()
        query = sa.select(*self._texts(names))
        for name in names:
            query = query.where(self._column(name).is_not(None))
        if self.kinds[names[0]] in ("moment", "date"):
            query = query.where(self._column(names[0]) <= self._value(names[0], f"{not_after:%Y-%m-%d %H:%M:%S}"))
        return query.order_by(*(self._column(name).desc() for name in names)).limit(1)

    def keys(self) -> sa.Select:
        """The key of every row of the table, as text."""
        return sa.select(*self._texts(self.table.key))

    def repeated(self, key: Sequence[str]) -> sa.Select:
        """One row where several rows share these columns' values, or one lacks them; none where they could be a key."""
        columns = [self._column(name) for name in key]
        blank = [column.is_(None) for column in columns]
        query = sa.select(sa.func.count()).select_from(self.relation).group_by(*columns)
        return query.having(sa.or_(sa.func.count() > 1, *blank)).limit(1)

    @property
    def by_day(self) -> bool:
        """Whether the table has a cursor that has days."""
        return bool(self._cursor_names()) and self.kinds[self._cursor_names()[0]] in ("moment", "date")

    def days(self, window: Window, *, with_checksums: bool) -> sa.Select:
        """(day, rows, checksum) per day of the cursor; day is null where the table has none, or the row."""
        checksum = self._checksum() if with_checksums else sa.null()
        if not self.by_day:
            return self._filtered(sa.select(sa.null(), sa.func.count(), checksum), window).select_from(self.relation)
        (cursor,) = self._texts(self._cursor_names()[:1])
        day = (sa.func.substr if self.dialect in ("oracle", "dm") else sa.func.substring)(cursor, 1, 10)
        return self._filtered(sa.select(day, sa.func.count(), checksum), window).group_by(day)

    def copy_lines(self, query: sa.Select) -> sa.Select:
        """MySQL only: each row of `rows` as one line of COPY's text format, put together by the server."""
        texts = dict(zip(self.kinds, self._texts(list(self.kinds)), strict=True))
        free = [name for name, kind in self.kinds.items() if kind in ("text", "other")]

        def line(values: dict[str, sa.ColumnElement]) -> sa.ColumnElement:
            # null only where the value is: of a text too long for max_allowed_packet replace() makes null too, and so,
            # unlike concat_ws, does concat() of the whole line
            parts = [("\t", sa.case((texts[name].is_(None), "\\N"), else_=value)) for name, value in values.items()]
            return sa.func.concat(*[part for pair in parts for part in pair][1:])

        written = line(texts)
        if free:
            # Four replacements of every value cost more than all the rest, and nearly no row needs any.
            together = sa.func.concat_ws("", *(texts[name] for name in free))
            together = sa.cast(together, sa.dialects.mysql.CHAR(charset="utf8mb4"))  # whatever their collations are
            needs_none = together.regexp_match("[\\\\\t\n\r]").is_(False)
            escaped = line(texts | {name: _escaped(texts[name]) for name in free})
            written = sa.case((needs_none, written), else_=escaped)
        return query.with_only_columns(written, maintain_column_froms=True)

    # -- parts -------------------------------------------------------------------------------------------------
    def _cursor_names(self) -> list[str]:
        return self.table.cursor.columns if self.table.cursor else []

    def _column(self, name: str) -> sa.ColumnElement:
        return self.relation.c[name]

    def _texts(self, names: Sequence[str]) -> list[sa.ColumnElement]:
        return [as_text(self.dialect, self._column(name), self.kinds[name]) for name in names]

    def _filtered(self, query: sa.Select, window: Window) -> sa.Select:
        names = self._cursor_names()
        if not names:
            return query
        column, absent = self._column(names[0]), self._column(names[0]).is_(None)
        if window.since and len(window.since) == 1:
            # a row without a value would never be reported as changed: it is asked for each time
            query = query.where(sa.or_(column >= self._value(names[0], window.since[0]), absent))
        elif window.since:
            first, second = (self._value(name, value) for name, value in zip(names, window.since, strict=True))
            tied = sa.and_(column == first, self._column(names[1]) > second)
            query = query.where(sa.or_(column > first, tied, absent))
        if window.until:
            query = query.where(column < self._value(names[0], window.until))
        return query

    def _value(self, name: str, text: str) -> object:
        """A cursor's text as a value to compare with. PostgreSQL reads a bare literal as the column's type."""
        kind = self.kinds[name]
        if self.dialect != "postgresql" and kind in ("moment", "date"):
            return datetime.fromisoformat(text)
        if self.dialect != "postgresql" and kind in ("number", "float"):
            try:
                return Decimal(text)
            except InvalidOperation:
                return text
        return text

    def _checksum(self) -> sa.ColumnElement:
        """Sum over the rows of a digest of their text, whatever their order; null where the dialect has none."""
        texts = self._texts([column.name for column in self.columns])
        if self.dialect == "postgresql":
            return row_checksum(texts)
        if self.dialect == "mysql":
            digest = sa.func.left(sa.func.md5(_joined(texts)), 8)
            return sa.func.sum(sa.cast(sa.func.conv(digest, 16, 10), sa.dialects.mysql.BIGINT(unsigned=True)))
        return sa.null()


def row_checksum(texts: Sequence[sa.ColumnElement]) -> sa.ColumnElement:
    """PostgreSQL: the sum of 32 bits of each row's digest. Used of the source and of what has landed."""
    bits = sa.cast(sa.literal("x").concat(sa.func.left(sa.func.md5(_joined(texts)), 8)), sa.dialects.postgresql.BIT(32))
    return sa.func.sum(sa.cast(bits, sa.BigInteger))


def as_text(dialect: str, column: sa.ColumnElement, kind: str) -> sa.ColumnElement:
    """A column's value as text: moments in ISO form, numbers with all digits, binary as hexadecimal."""
    if dialect == "postgresql":
        return sa.cast(column, sa.Text)
    if dialect == "mysql":
        return {
            "binary": lambda: sa.func.hex(column),
            "bits": lambda: sa.cast(sa.cast(column, sa.dialects.mysql.BIGINT(unsigned=True)), sa.CHAR),
        }.get(kind, lambda: sa.cast(column, sa.CHAR))()
    if dialect == "mssql":
        styles = {"moment": 121, "date": 23, "float": 3, "binary": 2}
        width = sa.literal_column("nvarchar(max)")
        style = [sa.literal_column(str(styles[kind]))] if kind in styles else []
        return sa.func.convert(width, column, *style)
    if kind == "number":
        return sa.func.to_char(column, "TM9", "NLS_NUMERIC_CHARACTERS='.,'")
    if kind == "float":
        return sa.func.to_char(column)
    if kind == "date":  # Oracle's DATE has a time of day
        return sa.func.to_char(column, "YYYY-MM-DD HH24:MI:SS")
    if kind == "moment":
        return sa.func.to_char(column, "YYYY-MM-DD HH24:MI:SS.FF6")
    return sa.func.rawtohex(column) if kind == "binary" else column


def _joined(texts: Sequence[sa.ColumnElement]) -> sa.ColumnElement:
    fields = [sa.func.coalesce(text, _NULL) for text in texts]
    parts = [fields[at : at + _MOST_ARGUMENTS] for at in range(0, len(fields), _MOST_ARGUMENTS)]
    joined = [sa.func.concat_ws(_BETWEEN, *part) for part in parts]
    return joined[0] if len(joined) == 1 else sa.func.concat_ws(_BETWEEN, *joined)


def _escaped(text: sa.ColumnElement) -> sa.ColumnElement:
    for character, written in (("\\", "\\\\"), ("\t", "\\t"), ("\n", "\\n"), ("\r", "\\r")):
        text = sa.func.replace(text, character, written)
    return text
