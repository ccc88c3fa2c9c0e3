"""Real input: 64 427 building permits through the whole pipeline, and the published figures come out of the warehouse.

Attribution: "Residential Garage-Conversion and ADU Permit Timelines" 2026.1, CC BY 4.0; the building departments of
Los Angeles, San Diego, San Francisco and Seattle; prepared by Renology (PyPI package permittimelines).
"""

from __future__ import annotations

import gzip
import importlib.resources
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date

import permittimelines
import psycopg
import pytest
from psycopg import sql
from psycopg.rows import dict_row

from yidang import build, contracts, landing
from yidang.settings import WAREHOUSE_DATABASE, Settings

pytestmark = pytest.mark.end_to_end

PERCENTILES = ("p25", "median", "p75", "p90")
DAYS = (30, 60, 90, 180, 365)
FORGET = "drop schema if exists raw_us_permits, staging, intermediate, marts cascade"
AS_OF = date(2026, 8, 24)  # the day the records were retrieved


@dataclass(frozen=True)
class Landed:
    first: landing.PullResult
    again: landing.PullResult
    reader: psycopg.Connection


@pytest.fixture(scope="module")
def landed(settings: Settings, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Landed]:
    """The permits pulled twice, gated and built; the test installation then forgets the department again."""
    folder = tmp_path_factory.mktemp("us_permits")
    packed = importlib.resources.files(permittimelines) / "data" / "permit-records.csv.gz"
    with packed.open("rb") as raw, gzip.open(raw) as source, (folder / "permit-records.csv").open("wb") as target:
        shutil.copyfileobj(source, target)
    settings.ensure_secrets([], fixed={"US_PERMITS_DROP": str(folder)})
    department = contracts.load_department(settings, "us_permits")
    with psycopg.connect(settings.admin_dsn(WAREHOUSE_DATABASE), autocommit=True) as warehouse:
        warehouse.execute(FORGET)  # other tests make marts of their own, owned by others
        try:
            first, again = landing.pull(settings, department), landing.pull(settings, department)
            build.build(settings, as_of=AS_OF, select="path:models/examples/us_permits")
            with psycopg.connect(settings.dsn("reader"), row_factory=dict_row) as reader:
                yield Landed(first, again, reader)
        finally:
            warehouse.execute(FORGET)
            for table in ("batch", "table_status", "quarantine", "expectation_result"):
                statement = sql.SQL("delete from landing.{} where department = 'us_permits'")
                warehouse.execute(statement.format(sql.Identifier(table)))


def test_every_permit_lands_once_and_passes_the_gate(landed: Landed):
    (first,), (again,) = landed.first.tables, landed.again.tables
    assert (first.rows_read, first.rows_landed, first.rows_quarantined) == (64_427, 64_427, 0)
    assert [checked.state for checked in landed.first.gate] == ["passed"]
    assert again.rows_landed == 0, "a file that has landed adds nothing"
    assert landed.reader.execute("select count(*) as n from marts.fct_us_permit").fetchone()["n"] == 64_427


def test_the_mart_says_of_each_permit_what_the_publisher_says(landed: Landed):
    mart = {
        (row.pop("city"), row.pop("permit_id")): row
        for row in landed.reader.execute("select * from marts.fct_us_permit").fetchall()
    }
    for record in permittimelines.records():
        row = mart[record["city"], record["permit_id"]]
        assert row == {
            "project_kind": record["project"],
            "review_track": record["review_track"],
            "permit_type_group": record["permit_type_group"],
            "applied_year": record["applied_year"],
            "days_to_issue": record["days_to_issue"],
            "is_issued": record["issued_date"] is not None,
            "is_in_mature_cohort": record["in_mature_cohort"],
            "applied_date": date.fromisoformat(record["applied_date"]),
            "issued_date": date.fromisoformat(record["issued_date"]) if record["issued_date"] else None,
        }


def test_the_published_cohorts_are_reproduced(landed: Landed):
    ours = {
        (row["city"], row["applied_year"]): row
        for row in landed.reader.execute("select * from marts.agg_us_permit_cohort").fetchall()
    }
    published = permittimelines.cohorts()
    assert len(published) == len(ours) == 43
    for cohort in published:
        row = ours[cohort["city"], cohort["year"]]
        assert (row["submitted_count"], row["issued_count"]) == (cohort["submitted"], cohort["issued"])
        assert float(row["resolved_share"]) == cohort["resolved"]
        assert row["is_publishable"] == cohort["publishable"]


def test_the_published_timelines_are_reproduced(landed: Landed):
    ours = {
        (row["city"], row["dimension"], row["group_name"]): row
        for row in landed.reader.execute("select * from marts.agg_us_permit_timeline").fetchall()
    }
    published = {(group["city"], group["dimension"], group["group"]): group for group in permittimelines.timelines()}
    assert ours.keys() == published.keys()
    compared = {"sizes": 0, "shares": 0, "percentiles": 0}
    for key, group in published.items():
        row = ours[key]
        assert (row["permit_count"], row["is_suppressed"]) == (group["n"], group["suppressed"]), key
        assert [row[f"{name}_days"] for name in PERCENTILES] == [group[name] for name in PERCENTILES], key
        assert [row[f"within_{days}_percent"] for days in DAYS] == [group[f"within_{days}"] for days in DAYS], key
        if not group["suppressed"] and group["dimension"] != "project_and_permit_type":
            compared["sizes"] += 1
            compared["percentiles"] += len(PERCENTILES)
            compared["shares"] += len(DAYS)
    assert compared == {"sizes": 35, "percentiles": 140, "shares": 175}


def test_the_publishers_mark_of_mature_cohorts_follows_from_the_cohorts(landed: Landed):
    """The mark is taken over from the source; it must agree with what the cohorts of the same file say."""
    disagreeing = landed.reader.execute(
        """
        select permit.city, permit.permit_id
        from marts.fct_us_permit as permit
        left join marts.agg_us_permit_cohort as cohort using (city, applied_year)
        where permit.is_in_mature_cohort != (permit.is_issued and coalesce(cohort.is_mature, false))
        """
    ).fetchall()
    assert disagreeing == []
