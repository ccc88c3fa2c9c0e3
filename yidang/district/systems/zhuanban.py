"""重大项目服务专班: the special team's own database with its ledgers."""

from __future__ import annotations

import psycopg

from yidang.district.ledgers import major_projects, pipeline, problems
from yidang.district.model import World
from yidang.district.systems import copying

SCHEMA = "team"
LEDGERS = (problems, major_projects, pipeline)


def write(world: World, connection: psycopg.Connection, reader: str, stamp: str) -> None:
    """Fill schema `team`. Moments are local."""
    copying.recreate_schema(connection, SCHEMA, reader, stamp)
    for ledger in LEDGERS:
        for table, rows in ledger.rows(world).items():
            in_order = sorted(rows, key=lambda row: (row[-1], row[:1]))
            copying.fill(connection, SCHEMA, table, ledger.TABLES[table], in_order, index=("updated_at",))
