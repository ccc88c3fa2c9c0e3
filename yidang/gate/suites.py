"""Suites of expectations: read from their file and completed by what the contract says."""

from __future__ import annotations

import json

from yidang.contracts import Table
from yidang.errors import ConfigError
from yidang.gate.derived import rules_of
from yidang.settings import Settings

# When a batch is held, for a table that has no suite of its own.
HOLD = {"hold_above_share": 0.2, "hold_from_rows": 50}


def load_suite(settings: Settings, table: Table) -> dict:
    """The table's suite, if it names one, and the expectations that follow from the contract. Raises ConfigError."""
    suite = _read(settings, table) if table.suite else {"meta": HOLD, "expectations": []}
    # What the suite itself says about a column, by the same kind of rule, is said better there than derived.
    own = {_subject(rule) for rule in suite["expectations"]}
    derived = [rule for rule in rules_of(table) if rule["meta"]["severity"] == "fail" or _subject(rule) not in own]
    return suite | {"expectations": derived + suite["expectations"]}


def file_of(table: Table) -> str:
    """Where the table's rules stand, for messages."""
    return f"expectations/{table.suite}.json" if table.suite else f"table {table.name}, rules of its contract"


def _read(settings: Settings, table: Table) -> dict:
    path = settings.root / file_of(table)
    try:
        suite = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ConfigError(
            f"Table {table.name}: there is no suite expectations/{table.suite}.json.",
            "Write one, name another as `suite`, or leave `suite` out.",
        ) from None
    except json.JSONDecodeError as error:
        what = f"expectations/{path.name}: line {error.lineno}: not valid JSON: {error.msg}."
        raise ConfigError(what, "Correct it.") from None
    missing = [key for key in HOLD if key not in suite.get("meta", {})]
    for expectation in suite.get("expectations", []):
        missing += [
            f"{key} of {expectation['type']}" for key in ("severity", "reason") if key not in expectation["meta"]
        ]
    if missing:
        raise ConfigError(
            f"expectations/{path.name}: meta lacks {', '.join(missing)}.", "Add it; see the other suites."
        )
    return suite


def _subject(rule: dict) -> tuple[str, str | None]:
    return rule["type"], rule["kwargs"].get("column")
