"""重大项目服务专班: the special team's own database with its ledgers."""

from __future__ import annotations

import psycopg

from yidang.district.ledgers import measures, modes, problems, project_documents, project_plans
from yidang.district.model import World
from yidang.district.systems import copying

SCHEMA = "team"
LEDGERS = (problems, measures, project_documents, modes, project_plans)


def write(world: World, connection: psycopg.Connection, reader: str, stamp: str) -> None:
    """Fill schema `team`. Moments are local."""
    copying.recreate_schema(connection, SCHEMA, reader, stamp)
    copying.fill_ledgers(connection, SCHEMA, LEDGERS, world)
