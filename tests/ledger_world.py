"""A hand-made world for the tests of the ledgers: clock_world's two departments, and the hall and the team as they are.

Their contracts are the real ones of departments/, so that a table, a feed or a column that is missing there is seen.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import date
from pathlib import Path

import psycopg
import pytest
from clock_world import drop_everything, write_contracts
from psycopg.rows import dict_row

from yidang import build, contracts, landing
from yidang.settings import Settings

REAL = Path(__file__).parent.parent / "departments"
LEDGER_KEEPERS = ("zhengwu", "zhuanban")


def open_ledgers(settings: Settings, folder: Path, patch: pytest.MonkeyPatch) -> None:
    """Point the installation at these departments and make their (empty) raw tables, and nothing else."""
    with psycopg.connect(settings.admin_dsn("yidang"), autocommit=True) as warehouse:
        drop_everything(warehouse)
    write_contracts(folder)
    for keeper in LEDGER_KEEPERS:
        text = (REAL / f"{keeper}.yml").read_text(encoding="utf-8")
        (folder / f"{keeper}.yml").write_text(text, encoding="utf-8")
    patch.setenv("YIDANG_DEPARTMENTS_DIR", str(folder))
    landing.ensure_landing(settings, contracts.load_departments(settings))


@contextmanager
def built_ledgers(
    settings: Settings,
    folder: Path,
    as_of: date,
    land: Callable[[psycopg.Connection], None],
    marts: Sequence[str],
) -> Iterator[psycopg.Connection]:
    """Connection whose rows are dicts, after these marts and dbt's tests of them were run on what `land` lands."""
    with pytest.MonkeyPatch.context() as patch:
        open_ledgers(settings, folder, patch)
        with psycopg.connect(settings.admin_dsn("yidang"), autocommit=True) as warehouse:
            land(warehouse)
        build.build(settings, as_of=as_of, select=" ".join(f"+{mart}" for mart in marts))
        with psycopg.connect(settings.admin_dsn("yidang"), autocommit=True, row_factory=dict_row) as connection:
            yield connection
