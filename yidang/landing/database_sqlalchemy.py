"""MySQL and MariaDB, Oracle, SQL Server and 达梦 (DM) through their SQLAlchemy dialects, with cursors on the server."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy import exc

from yidang.contracts import Department, references, resolve
from yidang.errors import ConfigError, YidangError, first_line
from yidang.landing.extract import Chunk, Refused, ahead, printable, rows_chunk, unlandable
from yidang.landing.statements import SourceColumn, Statements
from yidang.settings import Settings

ROWS_PER_CHUNK = 10_000


@dataclass(frozen=True)
class _Kind:
    """driver: SQLAlchemy's name of it; package: what brings it; session: makes a connection a read-only snapshot."""

    driver: str
    package: str
    session: tuple[str, ...]
    connect_args: dict[str, object]


# A read-only snapshot, and every value spelled alike whatever the server's defaults are.
_KINDS = {
    "mysql": _Kind(
        "mysql+pymysql",
        "pymysql",
        (
            "set session time_zone = '+08:00'",
            "set session transaction isolation level repeatable read",
            "start transaction with consistent snapshot, read only",
        ),
        {"charset": "utf8mb4", "connect_timeout": 10},
    ),
    "oracle": _Kind("oracle+oracledb", "oracledb", ("set transaction read only",), {}),
    "sqlserver": _Kind(
        "mssql+pymssql", "pymssql", ("set transaction isolation level snapshot",), {"login_timeout": 10}
    ),
    "dameng": _Kind("dm+dmPython", "dmSQLAlchemy", ("set transaction read only",), {}),
}
_REFUSED_LOGIN = ("Access denied", "ORA-01017", "Login failed", "1045")
# MySQL's numbers.
_NO_DATABASE = (1049,)
_NO_RIGHT = (1044, 1142, 1143, 1370)


class SqlAlchemyDatabase:
    """See database.Database."""

    def __init__(self, connection: sa.Connection, schema: str) -> None:
        self.connection, self.schema = connection, schema
        name = connection.dialect.name
        self.dialect = "mysql" if name == "mariadb" else name

    def relations(self) -> list[str]:
        inspector = sa.inspect(self.connection)
        found = {*inspector.get_table_names(self.schema), *inspector.get_view_names(self.schema)}
        return sorted(map(self._as_there, found))

    def columns(self, relation: str) -> list[SourceColumn]:
        try:
            found = sa.inspect(self.connection).get_columns(relation, schema=self.schema)
        except exc.NoSuchTableError:
            return []
        return [
            SourceColumn(
                self._as_there(entry["name"]),
                _type_name(entry["type"]),
                _kind(entry["type"]),
                entry.get("comment") or "",
            )
            for entry in found
        ]

    def unique_keys(self, relation: str) -> list[list[str]]:
        inspector = sa.inspect(self.connection)
        primary = inspector.get_pk_constraint(relation, schema=self.schema)["constrained_columns"]
        required = {
            entry["name"] for entry in inspector.get_columns(relation, schema=self.schema) if not entry["nullable"]
        }
        others = [
            list(index["column_names"])
            for index in inspector.get_indexes(relation, schema=self.schema)
            if index["unique"] and set(index["column_names"]) <= required
        ]
        keys = [list(primary)] * bool(primary) + sorted(others, key=len)
        return [[self._as_there(name) for name in key] for key in keys]

    def is_unique(self, relation: str, key: list[str]) -> bool:
        return any(set(found) <= set(key) for found in self.unique_keys(relation))

    def fetch(self, query: sa.Select) -> list[tuple]:
        return [tuple(_text(value) for value in row) for row in self.connection.execute(query)]

    def _as_there(self, name: str) -> str:
        """SQLAlchemy writes Oracle's ID as id; here it is quoted, and so must be the name itself."""
        dialect = self.connection.dialect
        return dialect.denormalize_name(name) if dialect.requires_name_normalize else name

    def stream(self, statements: Statements, query: sa.Select, names: list[str]) -> Iterator[Chunk | list[Refused]]:
        if self.dialect == "mysql":
            yield from self._lines(statements.copy_lines(query), names)
        else:
            yield from self._rows(query, names)

    def _lines(self, query: sa.Select, names: list[str]) -> Iterator[Chunk | list[Refused]]:
        """The server writes COPY's lines itself, so that Python handles one value per row, not one per field."""
        number = 1
        for rows in ahead(self._partitions(query)):
            lines = [f"{at}\t{line}\n" for at, (line,) in enumerate(rows, number)]
            text = "".join(lines)
            if any(line is None for (line,) in rows):
                raise YidangError(
                    "A row is longer than the source's max_allowed_packet, so it would not come whole.",
                    "Have max_allowed_packet of the source's server raised.",
                )
            refused = []
            if unlandable([text]):
                refused = [
                    Refused(at, "text", f"{reason}.", printable(line))
                    for at, line in enumerate(lines, number)
                    if (reason := unlandable([line]))
                ]
                text = "".join(line for line in lines if not unlandable([line]))
            number += len(rows)
            yield Chunk(["_row_number", *names], lambda copy, text=text: copy.write(text))
            yield refused

    def _rows(self, query: sa.Select, names: list[str]) -> Iterator[Chunk | list[Refused]]:
        number = 1
        for rows in self._partitions(query):
            texts = [(at, *map(_text, row)) for at, row in enumerate(rows, number)]
            number += len(rows)
            yield rows_chunk(["_row_number", *names], [row for row in texts if not unlandable(row)])
            yield [
                Refused(row[0], "text", f"{reason}.", printable(repr(row[1:])))
                for row in texts
                if (reason := unlandable(row))
            ]

    def _partitions(self, query: sa.Select) -> Iterator[Sequence[sa.Row]]:
        with self.connection.execution_options(stream_results=True).execute(query) as result:
            yield from result.partitions(ROWS_PER_CHUNK)


def _text(value: object) -> str | None:
    """What a driver makes of a text: a string, or a large object to be read."""
    if hasattr(value, "read"):
        value = value.read()
    if isinstance(value, bytes | bytearray):
        return value.decode()
    return value


def _kind(kind: sa.types.TypeEngine) -> str:
    if isinstance(kind, sa.DateTime | sa.TIMESTAMP):
        return "moment"
    if type(kind).__name__ == "BIT":
        return "bits"
    for found, classes in (
        ("date", (sa.Date,)),
        ("binary", (sa.LargeBinary, sa.types._Binary)),
        ("float", (sa.Float,)),
        ("number", (sa.Numeric, sa.Integer)),
        ("text", (sa.String,)),
    ):
        if isinstance(kind, classes):
            return found
    return "other"


def _type_name(kind: sa.types.TypeEngine) -> str:
    """The type without its length: a column that was made wider is still the same."""
    return kind.__visit_name__.lower()


@contextmanager
def connect(settings: Settings, department: Department) -> Iterator[SqlAlchemyDatabase]:
    """A read-only snapshot. Raises ConfigError (URL, driver, login) or YidangError (nobody answers)."""
    source = department.source
    kind = _KINDS[source.kind]
    secret = references(source.dsn)
    engine = _engine(settings, department, kind, secret)
    try:
        with engine.connect() as connection:
            for statement in (*_time_limit(connection, source.statement_timeout_seconds), *kind.session):
                connection.exec_driver_sql(statement)
            driver = connection.connection.driver_connection
            try:
                yield SqlAlchemyDatabase(connection, source.schema_name)
            except exc.DBAPIError:
                # PyMySQL would try to read the rest of a broken connection when the result is collected.
                if unread := getattr(driver, "_result", None):
                    unread.unbuffered_active = False
                raise
    except exc.DBAPIError as error:
        raise _failed(department, secret, error) from None
    finally:
        engine.dispose()


def _engine(settings: Settings, department: Department, kind: _Kind, secret: str) -> sa.Engine:
    wrong = ConfigError(
        f"{department.id}: the secret {secret} is not a URL of a {department.source.kind} database.",
        f"Write it as {department.source.kind}://user:password@host:port/database, with %40 for an @ in the password.",
    )
    try:
        url = sa.make_url(resolve(settings, department.source.dsn))
    except (exc.ArgumentError, ValueError):
        raise wrong from None
    if url.drivername.split("+")[0] not in (department.source.kind, kind.driver.split("+")[0], "mariadb"):
        raise wrong
    connect_args = dict(kind.connect_args)
    if department.source.kind == "mysql" and url.password:
        connect_args["password"] = str(url.password).encode()  # the driver itself knows only Latin letters
    try:
        return sa.create_engine(
            url.set(drivername=kind.driver), poolclass=sa.NullPool, connect_args=connect_args, hide_parameters=True
        )
    except (ModuleNotFoundError, exc.NoSuchModuleError):
        raise ConfigError(
            f"{department.id}: the driver for {department.source.kind} is not installed.",
            f"Install it: .yidang/venv/uv/bin/uv pip install --python .yidang/venv/platform {kind.package}",
        ) from None


def _time_limit(connection: sa.Connection, seconds: int) -> list[str]:
    if connection.dialect.name in ("mysql", "mariadb"):
        if connection.dialect.is_mariadb:
            return [f"set session max_statement_time = {seconds}"]
        return [f"set session max_execution_time = {seconds * 1000}"]
    if connection.dialect.name == "oracle":
        connection.connection.driver_connection.call_timeout = seconds * 1000
    return []


def _failed(department: Department, secret: str, error: exc.DBAPIError) -> YidangError:
    said = first_line(error.orig) if error.orig else first_line(error)
    number = next(iter(getattr(error.orig, "args", ())), None)
    if number in _NO_RIGHT:
        grant = f"GRANT SELECT ON `{department.source.schema_name}`.* TO the login named above"
        return YidangError(f"{department.id}: the source's login may not read: {said}", f"Ask for: {grant};")
    if number in _NO_DATABASE:
        cure = f"Correct the database's name, the last part of the URL in the secret {secret}."
        return ConfigError(f"{department.id}: the source has no such database: {said}", cure)
    if any(words in said for words in _REFUSED_LOGIN):
        return ConfigError(f"{department.id}: the source refuses the login: {said}", f"Correct the secret {secret}.")
    return YidangError(
        f"{department.id}: the source's database failed: {said}",
        f"Is the department's server up and reachable from here? Its address is in the secret {secret}.",
    )
