"""`departments/*.yml` as validated models: what a department is, where its data are, and what must come.

Light enough to be imported while Airflow parses DAGs: no network, no database, no secrets. A `${NAME}` in a contract is
the name of a secret; `resolve()` looks it up when a pull needs it.
"""

from __future__ import annotations

import difflib
from pathlib import Path

import yaml
from pydantic import ValidationError

from yidang import yaml_text
from yidang.contracts.mistakes import explain, syntax_error
from yidang.contracts.models import (
    DEADLINE_MINUTES,
    FEEDS,
    REFERENCE,
    SIGNED_PART,
    WHOLE_COMPARISON,
    BasicLogin,
    BearerToken,
    ClientCredentials,
    CsvFormat,
    CursorPages,
    DatabaseSource,
    Department,
    FilesSource,
    HeaderToken,
    LinkPages,
    OffsetPages,
    OneAnswer,
    PageNumbers,
    RestSource,
    Sftp,
    SignedRequests,
    Success,
    Table,
    XlsxFormat,
)
from yidang.errors import ConfigError
from yidang.settings import ROOT, Settings

__all__ = [
    "DEADLINE_MINUTES",
    "FEEDS",
    "REFERENCE",
    "SIGNED_PART",
    "WHOLE_COMPARISON",
    "BasicLogin",
    "BearerToken",
    "ClientCredentials",
    "CsvFormat",
    "CursorPages",
    "DatabaseSource",
    "Department",
    "FilesSource",
    "HeaderToken",
    "LinkPages",
    "OffsetPages",
    "OneAnswer",
    "PageNumbers",
    "RestSource",
    "Sftp",
    "SignedRequests",
    "Success",
    "Table",
    "XlsxFormat",
    "example_departments",
    "feeds",
    "load_department",
    "load_departments",
    "references",
    "require_models",
    "resolve",
    "spgl_departments",
]

# The tables of the national exchange standard, for departments that speak it.
SPGL_TEMPLATE = ROOT / "departments" / "templates" / "spgl.yml"


def load_department(settings: Settings, name_or_path: str | Path) -> Department:
    """The department of that id (also one in examples/) or of that file. Raises ConfigError with file, key and cure."""
    given = Path(name_or_path)
    if given.suffix in (".yml", ".yaml"):
        if not given.is_file():
            raise ConfigError(f"There is no file {given}.", "Give a department's id or the path of its YAML file.")
        return _load(given)
    folder = settings.departments_dir
    for path in (folder / f"{name_or_path}.yml", folder / "examples" / f"{name_or_path}.yml"):
        if path.is_file():
            return _load(path)
    known = [path.stem for path in sorted(folder.glob("*.yml"))]
    known += [f"examples/{path.stem}" for path in sorted(folder.glob("examples/*.yml"))]
    raise ConfigError(
        f"There is no department {str(name_or_path)!r}.",
        f"Known departments: {', '.join(known) or 'none'} (in {folder}).",
    )


def load_departments(settings: Settings) -> list[Department]:
    """Every department of departments/*.yml, sorted by id; examples/ are loaded only by name."""
    return [_load(path) for path in sorted(settings.departments_dir.glob("*.yml"))]


def example_departments(settings: Settings) -> list[Department]:
    """Those of load_departments() that the made-up district plays."""
    return [item for item in load_departments(settings) if item.example]


def feeds(departments: list[Department]) -> dict[str, list[str]]:
    """Per canonical feed, the dbt models that supply it, in the departments' order: {"cases": ["stg_…", …], …}."""
    return {feed: [item.feeds[feed] for item in departments if feed in item.feeds] for feed in FEEDS}


def require_models(settings: Settings, departments: list[Department]) -> None:
    """Raise ConfigError that names every feed whose model is not there, with its file and key."""
    models = {path.stem for path in (settings.dbt_dir / "models").rglob("*.sql")}
    problems = [
        (f"{item.id}.yml: feeds.{feed}: there is no model {model}.", difflib.get_close_matches(model, models, n=1))
        for item in departments
        for feed, model in item.feeds.items()
        if model not in models
    ]
    if problems:
        near = [f"Did you mean `{match}`?" for _, matches in problems for match in matches]
        where = f"A feed names a .sql file below {settings.dbt_dir.name}/models, without its ending."
        raise ConfigError("\n".join(what for what, _ in problems), " ".join(dict.fromkeys([*near, where])))


def spgl_departments(departments: list[Department]) -> list[str]:
    """Ids of the departments whose raw tables are those of the national exchange standard."""
    return [item.id for item in departments if item.speaks == "spgl"]


def resolve(settings: Settings, text: str) -> str:
    """`text` with every ${NAME} replaced by that secret. Keep the result out of logs and errors."""
    return REFERENCE.sub(lambda match: settings.secret(match[1]), text)


def references(text: str) -> str:
    """The secrets that `text` names, for messages: 'ZIGUI_DSN'."""
    return ", ".join(REFERENCE.findall(text))


def _load(path: Path) -> Department:
    shown = f"{path.parent.name}/{path.name}"
    document = _read_yaml(path, shown)
    if document.get("speaks") == "spgl" and "tables" not in document:
        document["tables"] = _read_yaml(SPGL_TEMPLATE, "templates/spgl.yml")["tables"]
    if "id" in document:
        raise ConfigError(f"{shown}: id is not written in the file.", "Delete the line; the file's name is the id.")
    try:
        return Department.model_validate({"id": path.stem, **document})
    except ValidationError as error:
        raise ConfigError(*explain(error, path, shown, Department)) from None


def _read_yaml(path: Path, shown: str) -> dict:
    try:
        document = yaml_text.load(path.read_text(encoding="utf-8"))
    except yaml.YAMLError as error:
        raise ConfigError(*syntax_error(error, shown)) from None
    except UnicodeDecodeError:
        raise ConfigError(f"{shown}: the file is not UTF-8.", "Save it again as UTF-8.") from None
    if not isinstance(document, dict):
        raise ConfigError(f"{shown}: the file holds no keys.", "Begin with name:, description:, source: and tables:.")
    return document
