"""superset/access.yaml: who sees what, as the roles and row rules that Superset is given.

A role has permissions. A rule keeps rows from accounts: one per department and column, and one that keeps everything
from an account without a department, so what nobody thought of shows nothing.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Literal

import yaml
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints, ValidationError, model_validator

from yidang import contracts
from yidang.errors import ConfigError
from yidang.settings import Settings

# What bears it is ours: made, changed and deleted by `yidang superset apply`. All other roles and rules are people's.
OURS = "一档·"
EVERY_REGION = "all"
OR_NONE = " or none"
# What Superset calls the rule's effect: on accounts with one of its roles, on accounts with none of them.
REGULAR, BASE = "Regular", "Base"

Right = Literal["see", "export", "subscribe", "explore", "sql", "manage", "personal"]
# They reach past the rules about rows, which are Superset's own.
WITHOUT_ROW_RULES = {"sql", "manage", "personal"}
Column = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]*( or none)?$")]


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Role(_Model):
    name: str
    rows: Literal["all", "own"]
    may: list[Right]

    @model_validator(mode="after")
    def _row_rules_hold(self) -> Role:
        if "personal" in self.may and "sql" not in self.may:
            raise ValueError("personal is read in SQL Lab: it needs sql too")
        if "subscribe" in self.may and "export" not in self.may:
            raise ValueError("what is mailed has left: subscribe needs export too")
        if self.rows == "own" and (reach := WITHOUT_ROW_RULES & set(self.may)):
            raise ValueError(f"rows: own cannot be kept by a role that may {', '.join(sorted(reach))}")
        return self


class Dataset(_Model):
    """Who sees which rows. department, region: column, or `any` (every department), or None (no limit).

    `COLUMN or none` also lets the rows through in which it is null.
    """

    department: Column | None = None
    region: Column | None = None
    only: list[str] = []
    public: bool = False

    @property
    def is_limited(self) -> bool:
        return self.department is not None or self.region is not None


def _declared(value: object) -> object:
    return {"everyone": {}, "public": {"public": True}}.get(value, value) if isinstance(value, str) else value


class Access(_Model):
    roles: dict[str, Role] = Field(min_length=1)
    viewer: str
    mail_domains: list[Annotated[str, StringConstraints(pattern=r"^[a-z0-9-]+(\.[a-z0-9-]+)+$")]] = []
    regions: list[Annotated[str, StringConstraints(pattern=r"^\d{6,12}$")]]
    datasets: dict[str, Annotated[Dataset, BeforeValidator(_declared)]]

    @model_validator(mode="after")
    def _only_known_roles(self) -> Access:
        if self.viewer not in self.roles:
            raise ValueError(f"viewer names no role of this file: {self.viewer}")
        for name, dataset in self.datasets.items():
            if unknown := set(dataset.only) - self.roles.keys():
                raise ValueError(f"datasets.{name}.only names no role of this file: {', '.join(sorted(unknown))}")
        return self

    def role(self, given: str) -> Role:
        """The role of that key or Chinese name."""
        for key, role in self.roles.items():
            if given in (key, role.name):
                return role
        known = ", ".join(f"{key} ({role.name})" for key, role in self.roles.items())
        raise ConfigError(f"There is no role {given!r}.", f"Roles: {known}.")


def path(settings: Settings) -> Path:
    return settings.root / "superset" / "access.yaml"


def load(settings: Settings) -> Access:
    """Raises ConfigError with the key that is wrong."""
    file = path(settings)
    try:
        return Access.model_validate(yaml.safe_load(file.read_text(encoding="utf-8")))
    except yaml.YAMLError as error:
        raise ConfigError(f"{file}: no YAML: {error}", "Correct the line it names.") from None
    except ValidationError as error:
        found = "\n".join(
            f"{file}: {'.'.join(map(str, one['loc'])) or 'the file'}: {one['msg'].removeprefix('Value error, ')}"
            for one in error.errors()
        )
        raise ConfigError(found, "The head of the file says what may stand where.") from None


def role_name(role: Role) -> str:
    """What Superset calls it."""
    return f"{OURS}{role.name}"


def department_role(department: str) -> str:
    """The role that lets an account see a department's rows. By id: a department may be renamed."""
    return f"{OURS}部门·{department}"


def region_role(region: str) -> str:
    return f"{OURS}地区·{region}"


def render(settings: Settings, datasets: dict[str, str]) -> str:
    """What superset/access.py applies, as JSON. datasets: table_name → UUID of what there is in superset/assets.

    {"viewer": role, "mail_domains": [domain], "roles": [{"name", "may", "datasets"}], "public": [UUID], "rules":
    [{"name", "type", "clause", "group", "roles", "datasets"}]}. A dataset that is not declared is seen by Admin alone.
    """
    access = load(settings)
    departments = [department.id for department in contracts.load_departments(settings)]
    declared = {name: access.datasets[name] for name in datasets if name in access.datasets}
    roles = [
        {
            "name": role_name(role),
            "may": role.may,
            "datasets": [
                datasets[name] for name, dataset in declared.items() if not dataset.only or key in dataset.only
            ],
        }
        for key, role in access.roles.items()
    ]
    roles += [{"name": name, "may": [], "datasets": []} for name in _row_roles(access, departments)]
    rules = [*_department_rules(access, declared, departments), *_region_rules(access, declared)]
    for rule in rules:
        rule["datasets"] = [datasets[name] for name in rule["datasets"]]
    public = [datasets[name] for name, dataset in declared.items() if dataset.public]
    found = {"viewer": role_name(access.roles[access.viewer]), "mail_domains": access.mail_domains}
    found |= {"roles": roles, "public": public, "rules": rules}
    return json.dumps(found, ensure_ascii=False, indent=1)


def _row_roles(access: Access, departments: list[str]) -> list[str]:
    regions = [*access.regions, EVERY_REGION] if access.regions else []
    return [*map(department_role, departments), *map(region_role, regions)]


# Where another row tells the department or region: the clause for a column that leads to it.
_THROUGH = {
    "case_id": "case_id in (select case_id from marts.fct_item_instance where department_id = {value})",
    "project_code": "project_code in (select project_code from marts.fct_project_lifecycle"
    " where region_code = {value})",
}


def _department_rules(access: Access, declared: dict[str, Dataset], departments: list[str]) -> list[dict]:
    columns = {name: one.department for name, one in declared.items() if one.department}
    roles = {department: department_role(department) for department in departments}
    return _rules("部门", columns, roles, [*_sees_all(access), *roles.values()])


def _region_rules(access: Access, declared: dict[str, Dataset]) -> list[dict]:
    if not access.regions:
        return []
    columns = {name: one.region for name, one in declared.items() if one.region}
    roles = {region: region_role(region) for region in access.regions}
    return _rules("地区", columns, roles, [*_sees_all(access), *roles.values(), region_role(EVERY_REGION)])


def _sees_all(access: Access) -> list[str]:
    return ["Admin", *(role_name(role) for role in access.roles.values() if role.rows == "all")]


def _rules(kind: str, columns: dict[str, str], roles: dict[str, str], admitted: list[str]) -> list[dict]:
    """One rule that shows nothing but to the admitted roles, and one per value and column for the role of that value.

    columns: dataset → column. roles: value → role. An account with two values sees the rows of both (`group`).
    """
    none = {"name": f"{OURS}{kind}·无", "type": BASE, "clause": "1 = 0", "group": None}
    found = [none | {"roles": admitted, "datasets": list(columns)}]
    for column in sorted(set(columns.values()) - {"any"}):
        datasets = [name for name, own in columns.items() if own == column]
        for value, role in roles.items():
            plain = column.removesuffix(OR_NONE)
            clause = _THROUGH.get(plain, f"{plain} = {{value}}").format(value=_literal(value))
            if plain != column:
                clause = f"{plain} is null or {clause}"
            rule = {"name": f"{OURS}{kind}·{value}·{column}", "type": REGULAR, "clause": clause, "group": kind}
            found.append(rule | {"roles": [role], "datasets": datasets})
    return found


def _literal(value: str) -> str:
    doubled = value.replace("'", "''")
    return f"'{doubled}'"
