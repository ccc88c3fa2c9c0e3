"""A small made-up district, from its own systems through landing and gate to marts: what two test files stand on."""

from __future__ import annotations

from datetime import date

import psycopg
from clock_world import drop_everything

from yidang import build, contracts, district, landing
from yidang.services import district as servers
from yidang.settings import Settings

PROJECTS, START, END = 40, date(2024, 1, 2), date(2025, 9, 30)


def build_district(settings: Settings, *, with_tests: bool) -> None:
    """Generate, pull and build as of END, with dbt's tests or without; what was there before goes."""
    with psycopg.connect(settings.admin_dsn("yidang"), autocommit=True) as warehouse:
        drop_everything(warehouse)
    servers.prepare_secrets(settings)
    servers.start(settings)
    try:
        district.generate(settings, seed=7, projects=PROJECTS, start=START, end=END)
        for department in contracts.load_departments(settings):
            landing.pull(settings, department)
    finally:
        servers.stop(settings)
    build.build(settings, as_of=END, with_tests=with_tests)
