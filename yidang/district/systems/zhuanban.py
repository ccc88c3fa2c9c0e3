"""重大项目服务专班: the special team's own database with its ledgers."""

from __future__ import annotations

import psycopg

from yidang.district.ledgers import (
    assessment,
    major_projects,
    measures,
    modes,
    pipeline,
    problems,
    project_documents,
    project_plans,
)
from yidang.district.model import World
from yidang.district.systems import copying

SCHEMA = "team"
LEDGERS = (problems, major_projects, pipeline, measures, project_documents, modes, assessment, project_plans)


def write(world: World, connection: psycopg.Connection, reader: str, stamp: str) -> None:
    """Fill schema `team`. Moments are local."""
    copying.recreate_schema(connection, SCHEMA, reader, stamp)
    copying.fill_ledgers(connection, SCHEMA, world, LEDGERS)
