"""The import rules of docs/architecture.md: one direction, no circles, one place that reads the environment."""

from __future__ import annotations

import ast
from pathlib import Path

from yidang.settings import ROOT

PACKAGE = ROOT / "yidang"
# Lower may not import higher. Modules of one rank may import each other only inside the same package.
RANK = {
    "errors": 0,
    "yaml_text": 0,
    "alerts": 2,
    "callbacks": 10,
    "watch": 9,
    "csv_file": 1,
    "due": 1,
    "smtp": 1,
    "dbt_variables": 1,
    "wilson": 1,
    "progress": 1,
    "yaml_edit": 1,
    "settings": 1,
    "contracts": 2,
    "locks": 2,
    "beside": 2,
    "metrics": 2,
    "dictionary": 2,
    "statistics": 3,
    "metric_page": 3,
    "superset_access": 2.5,  # between the departments' contracts and the files that Superset imports
    "superset_assets": 3,
    "superset_check": 4,
    "superset_normalise": 4,
    "superset_export": 5,
    "services": 4,
    "query": 4,
    "district": 5,
    "gate": 5,
    "process": 5,
    "what_if": 5,
    "landing": 6,
    "new_department": 7,
    "build_state": 5,
    "warning": 5,
    "build": 7,
    "calendar": 7,
    "corrections": 7,
    "clock": 8,
    "docs_site": 8,
    "status": 8,
    "subscriptions": 8,
    "reports": 8,
    "quality": 9,
    "demo": 9,
    "cli_options": 1,
    "cli_reports": 9,
    "cli": 10,
}


def modules() -> list[Path]:
    return [path for path in PACKAGE.rglob("*.py") if path.name != "__init__.py" or path.parent != PACKAGE]


def top(path: Path) -> str:
    first = path.relative_to(PACKAGE).parts[0]
    return first.removesuffix(".py")


def imported_parts(tree: ast.AST) -> set[str]:
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module and node.module.split(".")[0] == "yidang":
            parts = node.module.split(".")
            found |= {parts[1]} if len(parts) > 1 else {alias.name for alias in node.names}
        elif isinstance(node, ast.Import):
            found |= {name.name.split(".")[1] for name in node.names if name.name.startswith("yidang.")}
    return found


def test_there_are_modules_and_each_has_a_rank():
    names = {top(path) for path in modules()}
    assert len(names) > 8
    assert names - set(RANK) == set()


def test_imports_go_downwards_only():
    wrong = []
    for path in modules():
        own = top(path)
        for other in imported_parts(ast.parse(path.read_text(encoding="utf-8"))):
            if other != own and other in RANK and RANK[other] >= RANK[own]:
                wrong.append(f"{path.relative_to(ROOT)} imports yidang.{other}")
    assert wrong == []


def test_only_settings_reads_the_environment():
    """Paths, ports and secrets have one source. Passing the environment on to a child (**os.environ) is not reading."""
    wrong = []
    for path in modules():
        if top(path) == "settings":
            continue
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
            if "os.environ" in line.replace("**os.environ", "") or "os.getenv" in line:
                wrong.append(f"{path.relative_to(ROOT)}:{number}: {line.strip()}")
    assert wrong == []


def test_figures_never_ask_what_time_it_is():
    """as_of, never now(): SQL of the models and the reports are functions of the data and an explicit date."""
    wrong = []
    for path in [*(ROOT / "dbt_project" / "models").rglob("*.sql"), *(PACKAGE / "reports").rglob("*.py")]:
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
            text = line.split("--")[0].lower()
            if any(
                word in text for word in ("now()", "current_date", "current_timestamp", "date.today", "datetime.now")
            ):
                wrong.append(f"{path.relative_to(ROOT)}:{number}: {line.strip()}")
    assert wrong == []
