"""Accounts of Superset by name, role and department; and who took which data out of it.

Adding and shutting need Superset itself (superset/accounts.py, some ten seconds); listing reads its database.
"""

from __future__ import annotations

import json
import re
import secrets
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from yidang import contracts, csv_file, superset_access
from yidang.csv_file import Mistake
from yidang.errors import ConfigError
from yidang.services import superset
from yidang.settings import TIMEZONE, Settings

# `make demo` makes them, and gives them the passwords of secrets.json at each import.
MADE_BY_DEMO = ("admin", "viewer")


COLUMNS = ("name", "role", "departments", "regions", "mail")
_SEVERAL = ("departments", "regions")


@dataclass(frozen=True)
class Person:
    """Whom an account is for: role as in access.yaml, ids of departments, codes of regions (or `all`)."""

    name: str
    role: str
    departments: list[str]
    regions: list[str]
    mail: str | None = None


@dataclass(frozen=True)
class Account:
    name: str
    roles: list[str]  # as access.yaml names them in Chinese; of roles that people made, their names
    departments: list[str]
    regions: list[str]
    is_active: bool
    last_login: datetime | None  # in Asia/Shanghai


@dataclass(frozen=True)
class Export:
    """Something that left Superset as a file."""

    at: datetime  # in Asia/Shanghai
    account: str
    kind: str  # csv, xlsx or zip; pdf or png of a subscription
    what: str  # chart or dataset, or the path that was asked
    size: int | None  # bytes; None where it was sent in pieces


def add(settings: Settings, people: list[Person]) -> dict[str, str]:
    """Make their accounts, or open shut ones again, in one go. Returns {name: password}, which nothing else keeps.

    Raises ConfigError, before the first is made, for an unknown role, department or region, for one too many or too
    few, for a name in use, and for what is no mail address.
    """
    given, taken = [], _taken(settings)
    for person in people:
        given.append(_given(settings, person, taken))
        taken.add(person.name)
    names = ", ".join(person.name for person in people)
    _run(settings, "add", given, f"Accounts could not be made ({names})")
    return {one["name"]: one["password"] for one in given}


def read_people(settings: Settings, path: Path) -> list[Person]:
    """The people of a CSV file, one per row; several departments or regions of one are parted by `;`.

    Raises ConfigError that names each row whose account could not be made, and why.
    """
    taken = _taken(settings)

    def parse(_: int, row: dict[str, str]) -> Person:
        cells = {column: row[column].strip() for column in COLUMNS}
        several = {name: [part.strip() for part in cells[name].split(";") if part.strip()] for name in _SEVERAL}
        person = Person(**{**cells, **several, "mail": cells["mail"] or None})
        try:
            _given(settings, person, taken)
        except ConfigError as error:
            raise Mistake(None, error.what.rstrip("."), error.cure) from None
        taken.add(person.name)
        return person

    people = csv_file.read(path, COLUMNS, parse, effect="no account was made")
    if not people:
        raise ConfigError(f"{path.name} names nobody.", f"Below the header {','.join(COLUMNS)} write one row each.")
    return people


def _taken(settings: Settings) -> set[str]:
    return {*MADE_BY_DEMO, *(account.name for account in accounts(settings) if account.is_active)}


def _given(settings: Settings, person: Person, taken: set[str]) -> dict:
    """What superset/accounts.py makes the account of, with a new password."""
    name, mail = person.name, person.mail
    if not re.fullmatch(r"[\w.@-]{2,64}", name):
        raise ConfigError(f"{name!r} cannot be an account's name.", "Use 2 to 64 letters, digits, . @ _ or -.")
    if mail and not re.fullmatch(r"[\w.%+-]+@[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+", mail):
        raise ConfigError(f"{mail!r} is no mail address.", "Write it as wang@yunxi.example.gov.cn.")
    if name in taken:
        raise ConfigError(
            f"There is an account {name} already.", f"Another name; or first: yidang superset user remove {name}"
        )
    roles = _roles(settings, person.role, person.departments, person.regions)
    return {"name": name, "roles": roles, "password": secrets.token_urlsafe(15), "mail": mail}


def remove(settings: Settings, name: str) -> None:
    """Shut the account. Raises ConfigError if it is not there, is shut already, or is one of `make demo`'s."""
    if name in MADE_BY_DEMO:
        raise ConfigError(
            f"{name} is made by every `make demo`.", "Keep its password to yourself: .yidang/secrets.json."
        )
    if not any(account.name == name and account.is_active for account in accounts(settings)):
        raise ConfigError(f"There is no open account {name}.", "See: yidang superset user list")
    _run(settings, "remove", [{"name": name}], f"The account {name} could not be shut")


def accounts(settings: Settings) -> list[Account]:
    """Every account, by name."""
    query = """
        select ab_user.username, ab_user.active, ab_user.last_login,
            coalesce(array_agg(ab_role.name order by ab_role.name) filter (where ab_role.name is not null), '{}')
        from ab_user
        left join ab_user_role on ab_user_role.user_id = ab_user.id
        left join ab_role on ab_role.id = ab_user_role.role_id
        group by ab_user.id
        order by ab_user.username
    """
    with superset.connect(settings) as connection:
        rows = connection.execute(query).fetchall()
    return [_account(*row) for row in rows]


def exports(settings: Settings, days: int) -> list[Export]:
    """What left Superset as a file in the last days, newest first; superset/export_log.py writes it."""
    query = """
        select logs.dttm, coalesce(ab_user.username, '（未登录）'), logs.json::jsonb
        from logs
        left join ab_user on ab_user.id = logs.user_id
        where logs.action = 'yidang.export' and logs.dttm >= (now() at time zone 'utc') - make_interval(days => %s)
        order by logs.dttm desc, logs.id desc
    """
    with superset.connect(settings) as connection:
        rows = connection.execute(query, (days,)).fetchall()
    return [Export(_local(at), name, said["kind"], said["what"], said["size"]) for at, name, said in rows]


def _roles(settings: Settings, role: str, departments: list[str], regions: list[str]) -> list[str]:
    access = superset_access.load(settings)
    found = access.role(role)
    if found.rows == "all":
        if departments or regions:
            raise ConfigError(
                f"{found.name} sees every department's rows.",
                "Leave --department and --region out, or take another role.",
            )
        return [superset_access.role_name(found)]
    known = {department.id: department.name for department in contracts.load_departments(settings)}
    listed = ", ".join(f"{key} ({name})" for key, name in known.items())
    if unknown := set(departments) - known.keys():
        raise ConfigError(f"There is no department {', '.join(sorted(unknown))}.", f"Departments: {listed}.")
    if not departments:
        raise ConfigError(
            f"{found.name} sees the rows of its department, and none is given.", f"--department: {listed}."
        )
    allowed = [*access.regions, superset_access.EVERY_REGION] if access.regions else []
    if unknown := set(regions) - set(allowed):
        cure = f"Regions: {', '.join(allowed)}." if allowed else "Leave --region out: access.yaml lists no regions."
        raise ConfigError(f"access.yaml has no region {', '.join(sorted(unknown))}.", cure)
    if allowed and not regions:
        raise ConfigError(
            f"{found.name} sees the rows of its region, and none is given.", f"--region: {', '.join(allowed)}."
        )
    return [
        superset_access.role_name(found),
        *map(superset_access.department_role, departments),
        *map(superset_access.region_role, regions),
    ]


def _account(name: str, is_active: bool, last_login: datetime | None, roles: list[str]) -> Account:
    department, region = superset_access.department_role(""), superset_access.region_role("")
    departments = [role.removeprefix(department) for role in roles if role.startswith(department)]
    regions = [role.removeprefix(region) for role in roles if role.startswith(region)]
    others = [role for role in roles if not role.startswith((department, region))]
    shown = [role.removeprefix(superset_access.OURS) for role in others]
    return Account(name, shown, departments, regions, bool(is_active), last_login and _local(last_login))


def _local(utc: datetime) -> datetime:
    """Superset writes UTC without saying so."""
    return utc.replace(tzinfo=UTC).astimezone(TIMEZONE)


def _run(settings: Settings, what: str, given: list[dict], failure: str) -> None:
    superset.run_script(settings, "accounts", what, failure=failure, given=json.dumps(given))
