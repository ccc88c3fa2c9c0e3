"""The variables of dbt_project.yml: the one home of what the models and Python both go by."""

from __future__ import annotations

from pathlib import Path

from yidang import yaml_text


def declared(dbt_dir: Path) -> dict:
    """Every variable with the value it has there; a build may be given another."""
    return yaml_text.load((dbt_dir / "dbt_project.yml").read_text(encoding="utf-8"))["vars"]
