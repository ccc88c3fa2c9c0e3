"""Where things are: paths, ports, secrets and connection strings. The only module that reads the environment."""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import secrets as random_secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime
from functools import cached_property
from pathlib import Path
from urllib.parse import quote, unquote, urlsplit
from zoneinfo import ZoneInfo

from yidang.errors import ConfigError

TIMEZONE = ZoneInfo("Asia/Shanghai")
ROOT = Path(__file__).resolve().parent.parent

# Offsets from YIDANG_PORT_BASE, so that two clones can run side by side by changing one number.
PORT_OFFSETS = {
    "postgres": 0,
    "district_postgres": 1,
    "district_http": 2,
    "airflow": 3,
    "superset": 4,
    "warnings": 5,
    "mail": 6,
}

WAREHOUSE_DATABASE = "yidang"
AIRFLOW_DATABASE = "yidang_airflow"
SUPERSET_DATABASE = "yidang_superset"
DBT_PARSED = "partial_parse.msgpack"  # dbt's name for it
# Signs the links in warnings (yidang/warning/links.py); a new one voids those that are out.
WARNING_KEY = "YIDANG_WARNING_KEY"
# Least privilege: each role can do its own step of the flow and nothing else (yidang/services/warehouse.py).
ROLES = {
    "loader": ("yidang_loader", WAREHOUSE_DATABASE),
    "transformer": ("yidang_transformer", WAREHOUSE_DATABASE),
    "reader": ("yidang_reader", WAREHOUSE_DATABASE),
    "messenger": ("yidang_messenger", WAREHOUSE_DATABASE),
    "personal": ("yidang_personal", WAREHOUSE_DATABASE),
    "airflow": ("yidang_airflow", AIRFLOW_DATABASE),
    "superset": ("yidang_superset", SUPERSET_DATABASE),
}


@dataclass(frozen=True)
class Settings:
    """Resolved settings of one installation. Build with `load()`."""

    root: Path
    home: Path
    port_base: int
    admin_url: str | None
    warehouse_database: str = WAREHOUSE_DATABASE  # another one only inside services.warehouse.scratch()

    # -- paths ---------------------------------------------------------------------------------------
    @property
    def departments_dir(self) -> Path:
        return Path(os.environ.get("YIDANG_DEPARTMENTS_DIR", self.root / "departments"))

    @property
    def dbt_dir(self) -> Path:
        return self.root / "dbt_project"

    @property
    def log_dir(self) -> Path:
        return self.home / "log"

    @property
    def dbt_target_dir(self) -> Path:
        """What dbt compiles; a scratch warehouse has one of its own, so that it disturbs no running build."""
        scratch = self.warehouse_database != WAREHOUSE_DATABASE
        return self.home / "dbt" / (self.warehouse_database if scratch else "target")

    @property
    def dbt_parsed_file(self) -> Path:
        """What dbt read from the project, for the next process; it stays when a scratch folder goes."""
        scratch = self.warehouse_database != WAREHOUSE_DATABASE
        folder = self.home / "dbt" / "parsed"
        return folder / f"{self.warehouse_database}.msgpack" if scratch else self.dbt_target_dir / DBT_PARSED

    @property
    def run_dir(self) -> Path:
        return self.home / "run"

    @property
    def district_dir(self) -> Path:
        return self.home / "district"

    @property
    def reports_dir(self) -> Path:
        return self.home / "reports"

    @property
    def secrets_file(self) -> Path:
        return Path(os.environ.get("YIDANG_SECRETS_FILE", self.home / "secrets.json"))

    @property
    def postgres_dir(self) -> Path:
        """Clusters and binaries. PostgreSQL refuses to run as root, and the service user it then runs as
        cannot enter e.g. /root, so root keeps them in /var/lib; an ordinary user keeps them in the clone."""
        if os.geteuid() == 0:
            return Path("/var/lib/yidang") / hashlib.sha256(str(self.home).encode()).hexdigest()[:12]
        return self.home / "postgres"

    def port(self, service: str) -> int:
        return self.port_base + PORT_OFFSETS[service]

    def python(self, environment: str) -> Path:
        """Interpreter of an environment: 'platform' or 'superset'."""
        return self.root / ".yidang" / "venv" / environment / "bin" / "python"

    @property
    def warnings_file(self) -> Path:
        """Who hears of warnings, by which channel (yidang/warning/receivers.py). It holds addresses: never in git."""
        return Path(os.environ.get("YIDANG_WARNINGS_FILE", self.home / "warnings.yml"))

    @property
    def mail_dir(self) -> Path:
        """Where the demo's mail catcher puts what it was sent."""
        return self.home / "mail"

    # -- secrets -------------------------------------------------------------------------------------
    def secret(self, name: str) -> str:
        """A secret by name: environment variable, then the file named by NAME_FILE, then secrets.json."""
        given = self._given(name)
        if given is not None:
            return given
        try:
            return self._secrets[name]
        except KeyError:
            raise ConfigError(
                f"The secret {name} is not set.",
                f"Set the environment variable {name}, or {name}_FILE, or add it to {self.secrets_file}.",
            ) from None

    @staticmethod
    def _given(name: str) -> str | None:
        """A secret given from outside, which always wins over a generated one."""
        if name in os.environ:
            return os.environ[name]
        if f"{name}_FILE" in os.environ:
            return Path(os.environ[f"{name}_FILE"]).read_text(encoding="utf-8").strip()
        return None

    @cached_property
    def _secrets(self) -> dict[str, str]:
        if not self.secrets_file.exists():
            return {}
        return json.loads(self.secrets_file.read_text(encoding="utf-8"))

    @property
    def alert_url(self) -> str | None:
        """Where messages about operations are posted (yidang/alerts.py). It holds a token: never show it."""
        return self._given("YIDANG_ALERT_URL") or self._secrets.get("YIDANG_ALERT_URL")

    def ensure_secrets(self, names: list[str], fixed: dict[str, str] | None = None) -> dict[str, str]:
        """Generate the missing secrets and keep them in secrets.json (mode 600). Returns all of them.

        fixed: values that are not random (a URL of the made-up district, say); they are overwritten each time.
        """
        missing = [name for name in names if name not in self._secrets and self._given(name) is None]
        known = dict(self._secrets)
        if missing or not (fixed or {}).items() <= known.items():
            self.secrets_file.parent.mkdir(parents=True, exist_ok=True)
            with self.secrets_file.with_suffix(".lock").open("w") as lock:
                fcntl.flock(lock, fcntl.LOCK_EX)  # services start side by side, each adding its own
                self.__dict__.pop("_secrets", None)
                known = {name: random_secrets.token_urlsafe(32) for name in missing} | self._secrets | (fixed or {})
                _write_private(self.secrets_file, known)
                self.__dict__["_secrets"] = known
        outside = {name: given for name in [*known, *names] if (given := self._given(name)) is not None}
        return known | outside

    def remember(self) -> None:
        """Keep ports and server for later commands (`load`); the URL may hold a password, so the file is private."""
        chosen = {"YIDANG_PORT_BASE": str(self.port_base)}
        if self.admin_url:
            chosen["YIDANG_DATABASE_URL"] = self.admin_url
        self.home.mkdir(parents=True, exist_ok=True)
        _write_private(self.home / "choices.json", chosen)

    # -- the warehouse -------------------------------------------------------------------------------
    @property
    def server(self) -> tuple[str, int]:
        """Host and port of the PostgreSQL server that holds warehouse, Airflow and Superset."""
        if self.admin_url:
            parts = urlsplit(self.admin_url)
            return parts.hostname or "127.0.0.1", parts.port or 5432
        return "127.0.0.1", self.port("postgres")

    def admin_dsn(self, database: str = "postgres") -> str:
        """Superuser (or CREATEROLE + CREATEDB) connection, used only to create roles and databases."""
        if self.admin_url:
            parts = urlsplit(self.admin_url)
            user = unquote(parts.username or "postgres")
            # A URL without a password lets the password come as a file, as containers give it.
            password = unquote(parts.password) if parts.password else (self._given("YIDANG_POSTGRES_PASSWORD") or "")
        else:
            user, password = "postgres", self.secret("YIDANG_POSTGRES_PASSWORD")
        host, port = self.server
        return f"postgresql://{quote(user)}:{quote(password, safe='')}@{host}:{port}/{database}{self._url_options}"

    def dsn(self, role: str, driver: str = "") -> str:
        """URL for one of ROLES, e.g. dsn('reader'). driver: '+psycopg2' for SQLAlchemy users."""
        user, database = self.role(role)
        password = quote(self.secret(f"YIDANG_{role.upper()}_PASSWORD"), safe="")
        host, port = self.server
        return f"postgresql{driver}://{user}:{password}@{host}:{port}/{database}{self._url_options}"

    def role(self, role: str) -> tuple[str, str]:
        """Login name and database of one of ROLES, in this settings' warehouse."""
        user, database = ROLES[role]
        return user, self.warehouse_database if database == WAREHOUSE_DATABASE else database

    @property
    def _url_options(self) -> str:
        """Options of YIDANG_DATABASE_URL that every connection needs too, e.g. ?sslmode=require."""
        query = urlsplit(self.admin_url).query if self.admin_url else ""
        return f"?{query}" if query else ""

    # -- the day the figures are true for --------------------------------------------------------------
    def as_of(self, given: date | None = None) -> date:
        """The as-of date of a build: as given, else YIDANG_AS_OF, else the one `make demo` recorded, else today."""
        if given:
            return given
        text = os.environ.get("YIDANG_AS_OF")
        if not text and self.as_of_file.exists():
            text = self.as_of_file.read_text(encoding="utf-8").strip()
        if not text:
            return datetime.now(TIMEZONE).date()
        try:
            return date.fromisoformat(text)
        except ValueError:
            raise ConfigError(f"The as-of date is {text!r}.", "Write YIDANG_AS_OF as YYYY-MM-DD.") from None

    @property
    def as_of_file(self) -> Path:
        """Where the demo records the last day of the made-up district, so that later builds agree with it."""
        return self.home / "as_of"


def load() -> Settings:
    """Settings from YIDANG_HOME, YIDANG_PORT_BASE, YIDANG_DATABASE_URL (all optional).

    Where a variable is not set, the one that `make demo` was last given counts: `yidang sql` in a new shell must not
    ask another server than the dashboards do.
    """
    home = Path(os.environ.get("YIDANG_HOME", ROOT / ".yidang")).resolve()
    given = {name: os.environ[name] for name in _REMEMBERED if os.environ.get(name)}
    chosen = _recorded_choices(home) | given
    base = chosen.get("YIDANG_PORT_BASE", "25330")
    if not base.isdigit() or not 1024 <= int(base) <= 65000:
        raise ConfigError(
            f"YIDANG_PORT_BASE is {base!r}.", "Give a number from 1024 to 65000; ten ports from it are used."
        )
    return Settings(root=ROOT, home=home, port_base=int(base), admin_url=chosen.get("YIDANG_DATABASE_URL"))


_REMEMBERED = ("YIDANG_PORT_BASE", "YIDANG_DATABASE_URL")


def _recorded_choices(home: Path) -> dict[str, str]:
    file = home / "choices.json"
    return json.loads(file.read_text(encoding="utf-8")) if file.exists() else {}


def _write_private(file: Path, content: dict[str, str]) -> None:
    """As JSON, readable by its owner only, whole or not at all."""
    temporary = file.with_suffix(".tmp")
    handle = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(handle, "w", encoding="utf-8") as opened:
        json.dump(content, opened, indent=1, sort_keys=True)
    temporary.replace(file)


@contextmanager
def environment(values: dict[str, str]) -> Iterator[None]:
    """Set environment variables for code inside that reads them itself (dbt), and put the old ones back afterwards."""
    before = {name: os.environ.get(name) for name in values}
    os.environ.update(values)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
