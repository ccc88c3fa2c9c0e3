"""The dbt docs site as one file: every model with its columns, tests, SQL and lineage, readable without a network."""

from __future__ import annotations

import shutil
from pathlib import Path

from yidang import build
from yidang.errors import YidangError
from yidang.settings import Settings


def generate(settings: Settings) -> Path:
    """Write .yidang/docs/index.html from the models and the built warehouse, which gives types and sizes.

    The page holds its data, styles and scripts; dbt's tracker is part of it and stays off (no usage statistics).
    Raises YidangError if dbt fails.
    """
    if not build.run_dbt(settings, ["--quiet", "docs", "generate", "--static"], settings.as_of()):
        raise YidangError("dbt could not write the docs.", f"Read {settings.log_dir / 'dbt' / 'dbt.log'}.")
    page = settings.home / "docs" / "index.html"
    page.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(settings.dbt_target_dir / "static_index.html", page)
    return page
