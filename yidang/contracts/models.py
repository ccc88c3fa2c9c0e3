"""The keys of a department's YAML, as pydantic models. Every key that is not here is refused."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Annotated, ClassVar, Literal

from croniter import croniter
from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from yidang.settings import TIMEZONE

# How long after it was due a pull has to end by, where its YAML does not say.
DEADLINE_MINUTES = 60
# Sunday, two in the morning: every database is read whole once more. A run of its own, so that a comparison that fails
# keeps no pull from landing.
WHOLE_COMPARISON = "0 2 * * 0"
FEEDS = (
    *("projects", "works", "cases", "case_events", "items", "agency_orders", "permits", "ratings"),
    *("problems", "meetings", "meeting_problems"),
    *("questions", "callbacks", "complaints", "visits", "item_channels", "service_points", "assessment_appeals"),
    *("item_steps", "item_materials", "packages", "package_items"),
    *("measures", "reform_documents", "project_documents", "case_modes", "regional_assessments"),
    *("major_projects", "agents", "agent_services", "pipeline_projects", "pipeline_elements", "investments_done"),
    *("project_plans",),
)
REFERENCE = re.compile(r"\$\{([A-Z][A-Z0-9_]*)\}")
SIGNED_PARTS = ("app_key", "secret", "timestamp", "nonce", "method", "path", "parameters", "body")
SIGNED_PART = re.compile(r"\{(\w*)\}")


def _is_identifier(name: str) -> str:
    if not re.fullmatch(r"[a-z][a-z0-9_]{0,54}", name):
        raise ValueError("must be lower-case letters, digits and _, beginning with a letter, at most 55 characters")
    return name


def _is_column(name: str) -> str:
    if not name.strip() or len(name.encode()) > 63:
        raise ValueError(f"column {name!r} must not be blank nor longer than 63 bytes, PostgreSQL's limit for a name")
    if name in ("_batch_id", "_row_number", "_landed_at"):
        raise ValueError(f"column {name!r} is one that Yidang adds itself")
    return name


def _is_secret_reference(text: str) -> str:
    if not REFERENCE.fullmatch(text):
        raise ValueError("must be the name of a secret, written ${NAME}; never write the secret itself here")
    return text


def _is_host_key(text: str) -> str:
    if not REFERENCE.fullmatch(text) and not re.fullmatch(r"(ssh|ecdsa)-[a-z0-9-]+ [A-Za-z0-9+/]{40,}={0,2}", text):
        raise ValueError("must be the server's public key, 'ssh-ed25519 AAAA…', as `ssh-keyscan <host>` shows it")
    return text


def _is_signed_text(text: str) -> str:
    if not (named := SIGNED_PART.findall(text)) or set(named) - set(SIGNED_PARTS):
        raise ValueError(f"must be made of {', '.join(f'{{{part}}}' for part in SIGNED_PARTS)} and what stands between")
    return text


def _is_path(text: str) -> str:
    if "?" in text or "://" in text:
        raise ValueError("must be a path below base_url; what follows a ? is written under `parameters`")
    return text


def _is_cron(text: str) -> str:
    if not croniter.is_valid(text):
        raise ValueError(f"{text!r} must be a cron line of five fields, such as '30 6 * * *' (times in Asia/Shanghai)")
    return text


def _is_code(value: object) -> object:
    if not isinstance(value, str):
        raise ValueError('must be written in quotation marks, such as "01": YAML reads 01 as 1 and no as false')
    return value


def _stays_inside(pattern: str) -> str:
    if not pattern or pattern.startswith("/") or ".." in pattern.split("/") or "\x00" in pattern:
        raise ValueError("must be a file pattern below the folder, such as '环评审批_*.csv'")
    return pattern


Identifier = Annotated[str, AfterValidator(_is_identifier)]
Column = Annotated[str, AfterValidator(_is_column)]
Code = Annotated[str, BeforeValidator(_is_code)]
Secret = Annotated[str, AfterValidator(_is_secret_reference)]
Pattern = Annotated[str, AfterValidator(_stays_inside)]


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


# -- where the data are ------------------------------------------------------------------------------------
class DatabaseSource(_Model):
    """A database and the schema (MySQL: the database) its tables lie in. postgres: whatever speaks its protocol."""

    kind: Literal["postgres", "mysql", "oracle", "sqlserver", "dameng"]
    dsn: Secret
    schema_name: str = Field(alias="schema")
    statement_timeout_seconds: int = Field(default=1800, ge=1)


class BearerToken(_Model):
    kind: Literal["bearer"]
    token: Secret


class HeaderToken(_Model):
    kind: Literal["header"]
    header: str
    token: Secret


class BasicLogin(_Model):
    """User and password with each request (RFC 7617). `user` may be ${NAME}."""

    kind: Literal["basic"]
    user: str
    password: Secret


class SignedNames(_Model):
    """What the gateway calls the four things that are sent; `nonce: null` where it knows none."""

    app_key: str = "app_key"
    timestamp: str = "timestamp"
    nonce: str | None = "nonce"
    signature: str = "sign"


class SignedRequests(_Model):
    """Each request is signed with a secret and the time of our clock.

    `sign` is the text to sign, such as "{timestamp}{secret}{nonce}{timestamp}". Besides these it may hold {app_key},
    {method} (GET or POST), {path} and {body} as sent, and {parameters}: those of the URL but for the signature, sorted
    by name, each written with `pair` between name and value and with `join` between one another.
    """

    kind: Literal["signed"]
    app_key: str
    secret: Secret
    algorithm: Literal["hmac-sha256", "sha256", "md5", "sm3"]
    sign: Annotated[str, AfterValidator(_is_signed_text)]
    send_in: Literal["header", "query"]
    names: SignedNames = SignedNames()
    timestamp_unit: Literal["s", "ms"] = "s"
    encoding: Literal["hex", "hex_upper", "base64"] = "hex"
    pair: str = "="
    join: str = "&"

    @model_validator(mode="after")
    def _signature_proves_something(self) -> SignedRequests:
        if self.algorithm != "hmac-sha256" and "{secret}" not in self.sign:
            raise ValueError(f"sign: with {self.algorithm} the text must hold {{secret}}, or anybody could sign")
        if "{nonce}" in self.sign and self.names.nonce is None:
            raise ValueError("sign: {nonce} is signed, so names.nonce must say how it is sent")
        return self


class ClientCredentials(_Model):
    """OAuth2 for machines (RFC 6749, 4.4): a token is fetched with id and secret, and renewed before it expires."""

    kind: Literal["oauth2"]
    token_url: str
    client_id: str
    client_secret: Secret
    scope: str | None = None
    credentials_in: Literal["header", "body"] = "header"


class _Counted(_Model):
    """Pages found by counting. The list must be sorted by the table's cursor: the walk goes on from there."""

    sorted_by_cursor: ClassVar[bool] = True
    size: int = Field(default=200, ge=1, le=10_000)
    items: str = "data"
    total: str | None = None


class PageNumbers(_Counted):
    """`?page=1&page_size=200`; `total` is where the answer says how many rows there are in all."""

    kind: Literal["page"]
    page_parameter: str = "page"
    size_parameter: str = "page_size"
    first_page: Literal[0, 1] = 1


class OffsetPages(_Counted):
    """`?offset=400&limit=200`: how many rows to leave out, and how many to send."""

    kind: Literal["offset"]
    offset_parameter: str = "offset"
    size_parameter: str = "limit"


class _Chained(_Model):
    """Every answer names the next page; no name means the end.

    `sorted_by_cursor: true` where the list is sorted by the table's cursor: the walk then goes on from the last row
    itself, which is safe also where the API's own names only count rows.
    """

    sorted_by_cursor: bool = False
    size_parameter: str = "limit"
    size: int = Field(default=100, ge=1, le=10_000)
    items: str = "items"


class CursorPages(_Chained):
    """The next page is named by a text to send back."""

    kind: Literal["cursor"]
    cursor_parameter: str = "cursor"
    next_cursor: str = "next_cursor"


class LinkPages(_Chained):
    """The next page is named by its URL: in the header `Link` (RFC 8288, rel="next"), or in the body at `next_url`.

    hosts: servers ("host" or "host:port") other than base_url's that the URL may name, since the login goes there too.
    """

    kind: Literal["link"]
    next_url: str | None = None
    hosts: list[str] = Field(default_factory=list)


class OneAnswer(_Model):
    """All rows in one answer."""

    kind: Literal["none"]
    sorted_by_cursor: ClassVar[bool] = False
    items: str = "data"


Scalar = bool | int | float | str


class Success(_Model):
    """Where an answer says that it is one, for gateways that send their errors with HTTP 200.

    is: the good values at `at`. transient: values after which the request is tried again. Compared as text.
    """

    at: str
    good: list[Scalar] = Field(alias="is", min_length=1)
    message_at: str = "msg"
    transient: list[Scalar] = Field(default_factory=list)


class RestSource(_Model):
    """An HTTP API that answers JSON. Dotted paths (`result.items`) lead into the answer; `.` is the answer itself."""

    kind: Literal["rest"]
    base_url: str
    auth: (
        Annotated[
            BearerToken | HeaderToken | BasicLogin | SignedRequests | ClientCredentials, Field(discriminator="kind")
        ]
        | None
    ) = None
    paging: Annotated[PageNumbers | OffsetPages | CursorPages | LinkPages | OneAnswer, Field(discriminator="kind")]
    method: Literal["get", "post"] = "get"
    encoding: Literal["utf-8", "gb18030"] = "utf-8"
    success: Success | None = None
    requests_per_second: float = Field(default=10, gt=0)
    timeout_seconds: float = Field(default=30, gt=0)
    retries: int = Field(default=5, ge=0, le=20)
    largest_answer_mib: int = Field(default=64, ge=1)

    @model_validator(mode="after")
    def _links_are_fetched(self) -> RestSource:
        if self.method == "post" and self.paging.kind == "link":
            raise ValueError("method: a URL that names the next page is fetched with get, so `link` needs method get")
        return self


def _is_regex(text: str) -> str:
    try:
        re.compile(text)
    except re.error as error:
        raise ValueError(f"{text!r} is no regular expression: {error}") from None
    return text


class CsvFormat(_Model):
    """Declared, never guessed. GB18030 reads GBK and GB2312 too, and keeps the rare characters they lack."""

    kind: Literal["csv"]
    encoding: Literal["gb18030", "utf-8"]
    delimiter: str = Field(default=",", min_length=1, max_length=1)
    quote: Literal['"', "'"] | None = '"'
    escape: Literal["\\"] | None = None
    header_row: int = Field(default=1, ge=1)
    footer_pattern: Annotated[str, AfterValidator(_is_regex)] | None = None
    largest_mib: int = Field(default=8192, ge=1)

    @model_validator(mode="after")
    def _signs_differ(self) -> CsvFormat:
        if self.delimiter in (self.quote, self.escape, "\r", "\n", "\x00"):
            raise ValueError("delimiter must not be a line end, nor the sign of quote or escape")
        return self


class XlsxFormat(_Model):
    """One sheet. `header_depth` rows from `header_row` on are the header, their cells joined by "/"."""

    kind: Literal["xlsx"]
    sheet: str | None = None
    header_row: int = Field(default=1, ge=1)
    header_depth: int = Field(default=1, ge=1, le=5)
    fill_merged: bool = False
    footer_pattern: Annotated[str, AfterValidator(_is_regex)] | None = None
    largest_mib: int = Field(default=512, ge=1)


class Sftp(_Model):
    """The server of a drop folder. `host_key` is its public key as `ssh-keyscan` shows it: 'ssh-ed25519 AAAA…'."""

    host: str = Field(min_length=1)
    port: int = Field(default=22, ge=1, le=65535)
    user: str = Field(min_length=1)
    password: Secret | None = None
    private_key: Secret | None = None
    host_key: Annotated[str, AfterValidator(_is_host_key)]

    @model_validator(mode="after")
    def _one_login(self) -> Sftp:
        if (self.password is None) == (self.private_key is None):
            raise ValueError("needs either `password` or `private_key`")
        return self


class FilesSource(_Model):
    """A drop folder. `folder` may be ${NAME}: a path relative to the repository or, with `sftp`, on that server."""

    kind: Literal["files"]
    folder: str = Field(min_length=1)
    sftp: Sftp | None = None
    ready_marker: str | None = Field(default=None, pattern=r"^[^/*?\[]+$")
    format: Annotated[CsvFormat | XlsxFormat, Field(discriminator="kind")]


# -- what must come ----------------------------------------------------------------------------------------
class Cursor(_Model):
    """Rows whose `column` is at or after (newest seen - overlap) are asked for again; what is held adds nothing.

    tie: a second column that tells rows of one value apart. Only what comes after the last row is asked for then, so
    that a million rows stamped in one second are not read again by every pull.
    """

    column: Column
    tie: Column | None = None  # databases
    overlap_minutes: int = Field(default=0, ge=0)

    @property
    def columns(self) -> list[str]:
        return [self.column, *([self.tie] if self.tie else [])]

    @model_validator(mode="after")
    def _tie_or_overlap(self) -> Cursor:
        if self.tie and self.overlap_minutes:
            raise ValueError("cursor: `tie` reads nothing twice and `overlap_minutes` does; take one of the two")
        return self


class Drift(_Model):
    """What happens when the source's columns change. Each time it is noted in landing.drift.

    refuse: nothing of the table is landed until somebody has decided; what has landed goes on serving.
    """

    added: Literal["accept", "refuse"] = "accept"
    missing: Literal["accept", "refuse"] = "refuse"
    retyped: Literal["accept", "refuse"] = "refuse"


class Table(_Model):
    name: Identifier
    description: str
    key: list[Column] = Field(min_length=1)
    columns: list[Column] = Field(min_length=1, max_length=1500)
    cursor: Cursor | None = None
    suite: Identifier | None = None
    drift: Drift = Drift()
    relation: str | None = None  # databases: the table's or view's name there, when it is not `name`
    # Rows that vanish at the source. flag: it keeps them and marks them void; compare: the keys are compared each time.
    deletes: Literal["flag", "compare"] = "flag"
    most_deleted_share: float = Field(default=0.2, gt=0, le=1)
    reconcile: Literal["checksums", "counts", "none"] = "checksums"  # databases
    path: Annotated[str, AfterValidator(_is_path)] | None = None  # rest
    since_parameter: str | None = None  # rest
    parameters: dict[str, Scalar] = Field(default_factory=dict)  # rest; values may be ${NAME}
    headers: dict[str, str] = Field(default_factory=dict)  # rest; values may be ${NAME}
    pattern: Pattern | None = None  # files
    date_columns: list[Column] = Field(default_factory=list)
    codes: dict[Column, Annotated[list[Code], Field(min_length=1)]] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _names_agree(self) -> Table:
        uses = {
            "as key or cursor": [*self.key, *(self.cursor.columns if self.cursor else [])],
            "in date_columns": self.date_columns,
            "in codes": list(self.codes),
        }
        for use, columns in uses.items():
            for column in columns:
                if column not in self.columns:
                    raise ValueError(f"table {self.name}: {column!r} is used {use} but missing from columns")
        if doubled := sorted({column for column in self.columns if self.columns.count(column) > 1}):
            raise ValueError(f"table {self.name}: columns names {', '.join(doubled)} twice")
        return self


class Department(_Model):
    """One department. `id` is the stem of its file and names the schema raw_<id>."""

    id: Identifier
    name: str
    short_name: str
    english_name: str
    description: str
    leaves_out: str
    owner: str
    example: bool
    schedule: Annotated[str, AfterValidator(_is_cron)]
    freshness_hours: float = Field(gt=0)
    deadline_minutes: float = Field(default=DEADLINE_MINUTES, gt=0, le=7 * 24 * 60, allow_inf_nan=False)
    max_parallel: int = Field(default=1, ge=1, le=32)
    priority: int = Field(default=1, ge=1, le=100)
    speaks: Literal["spgl"] | None = None
    feeds: dict[Literal[FEEDS], Identifier] = Field(default_factory=dict)
    source: Annotated[DatabaseSource | RestSource | FilesSource, Field(discriminator="kind")]
    tables: list[Table] = Field(min_length=1)

    @property
    def schema(self) -> str:
        """Name of the department's schema in the warehouse."""
        return f"raw_{self.id}"

    @property
    def schedules(self) -> list[str]:
        """Cron lines of its runs: its own and, of a database, the weekly comparison of everything with the source."""
        return [self.schedule, *([WHOLE_COMPARISON] if self._can_be_compared else [])]

    def compares_whole(self, slot: datetime | None) -> bool:
        """Whether the run of this moment of the schedule (None: begun by hand) is the weekly comparison."""
        return (
            self._can_be_compared and slot is not None and croniter.match(WHOLE_COMPARISON, slot.astimezone(TIMEZONE))
        )

    def next_run(self, after: datetime) -> datetime:
        """When one of its schedules comes round next. after: a time in Asia/Shanghai."""
        return min(croniter(cron, after).get_next(datetime) for cron in self.schedules)

    @property
    def _can_be_compared(self) -> bool:
        return isinstance(self.source, DatabaseSource) and any(table.reconcile != "none" for table in self.tables)

    @model_validator(mode="after")
    def _tables_fit_the_source(self) -> Department:
        names = [table.name for table in self.tables]
        if len(names) != len(set(names)):
            raise ValueError("tables: every table needs a name of its own")
        for table in self.tables:
            needs = {"rest": "path", "files": "pattern"}.get(self.source.kind)
            for field in ("path", "pattern"):
                if (getattr(table, field) is None) == (field == needs):
                    verb = "needs" if field == needs else "must not have"
                    raise ValueError(f"table {table.name}: a {self.source.kind} source {verb} `{field}`")
            if self.source.kind == "rest" and (table.cursor is None) != (table.since_parameter is None):
                raise ValueError(f"table {table.name}: `cursor` and `since_parameter` go together")
            for field in ("since_parameter", "parameters", "headers"):
                if self.source.kind != "rest" and getattr(table, field):
                    raise ValueError(f"table {table.name}: only a rest source has `{field}`")
            if self.source.kind == "rest" and (doubled := set(table.parameters) & _own_parameters(self.source, table)):
                raise ValueError(f"table {table.name}: parameters.{min(doubled)} is one that the walk sets itself")
            if not isinstance(self.source, DatabaseSource) and (table.relation or (table.cursor and table.cursor.tie)):
                raise ValueError(f"table {table.name}: only a database has `relation` and `cursor.tie`")
            if self.source.kind == "files" and table.deletes == "compare":
                raise ValueError(f"table {table.name}: a file says nothing of rows that are in no file: no `deletes`")
            if self.source.kind == "rest" and table.deletes == "compare" and table.cursor:
                raise ValueError(
                    f"table {table.name}: an API is compared whole: `deletes: compare` goes without `cursor`"
                )
            if self.source.kind == "files" and table.cursor:
                raise ValueError(f"table {table.name}: files have no cursor; a file is known by its content")
            if self.source.kind == "files" and self.source.sftp and "**" in table.pattern.split("/"):
                raise ValueError(f"table {table.name}: `**` in a pattern is for local folders; name each level")
        if self.speaks and self.feeds:
            raise ValueError("feeds: a department that speaks spgl needs none")
        return self


def _own_parameters(source: RestSource, table: Table) -> set[str]:
    names = {
        getattr(source.paging, field) for field in type(source.paging).model_fields if field.endswith("_parameter")
    }
    return names | ({table.since_parameter} if table.since_parameter else set())
