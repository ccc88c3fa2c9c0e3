"""The data-quality page: one HTML file that opens without a network. It reads the ledger and never what was landed.

Health is about operations, so here "now" is the clock's.
"""

from __future__ import annotations

import os
from contextlib import suppress
from datetime import datetime
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from yidang import contracts, status
from yidang.errors import ConfigError
from yidang.quality import departments, facts, sparkline
from yidang.settings import TIMEZONE, Settings


def write(settings: Settings, output: Path | None = None) -> Path:
    """Write the page (default: .yidang/reports/quality.html) and give its path. A reader never sees half of it.

    A warehouse that is down or empty is a sentence on the page, not an error. Raises ConfigError when the file cannot
    be written.
    """
    path = output or settings.reports_dir / "quality.html"
    text = render(settings)
    unfinished = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        unfinished.write_text(text, encoding="utf-8")
        unfinished.replace(path)
    except OSError as error:
        with suppress(OSError):
            unfinished.unlink()
        raise ConfigError(f"{path} cannot be written: {error.strerror}.", "Name another file as --output.") from None
    return path


def render(settings: Settings) -> str:
    """The page's HTML."""
    report = status.collect(settings)
    found = facts.Facts() if report.warehouse_problem else facts.collect(settings)
    templates = Environment(
        loader=FileSystemLoader(Path(__file__).parent), autoescape=True, undefined=StrictUndefined, trim_blocks=True
    )
    templates.filters |= {"share": _share, "moment": _moment, "line": sparkline.svg}
    return templates.get_template("page.html").render(
        made_at=datetime.now(TIMEZONE),
        report=report,
        departments=departments.table(report.departments),
        names={state.department: state.name for state in report.departments},
        is_made_up=_is_made_up(settings),
        facts=found,
    )


def _is_made_up(settings: Settings) -> bool:
    """Whether any department is an example: then the page says so, as every page does."""
    try:
        return bool(contracts.example_departments(settings))
    except ConfigError:  # a contract that cannot be read, which the table of departments names
        return True


def _share(value: float | None) -> str:
    if value is None:
        return "—"
    if value == 0:
        return "0"
    return f"{value:.2%}" if value < 0.01 else f"{value:.1%}"


def _moment(value: datetime | None) -> str:
    return f"{value.astimezone(TIMEZONE):%Y-%m-%d %H:%M}" if value else "—"
