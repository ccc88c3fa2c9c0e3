"""The reform's own records: lists, measures, modes, instant starts, investment rules; every answer worked out by hand."""

from __future__ import annotations

from datetime import date

import psycopg
import pytest
from clock_world import catalogue_row, land
from ledger_world import open_ledgers
from psycopg.rows import dict_row

from yidang import build

pytestmark = pytest.mark.integration

AS_OF = date(2025, 10, 17)  # a Friday; 1 to 8 October were holidays, 28 September and 11 October made up for them


@pytest.fixture(scope="module")
def marts(settings, tmp_path_factory):
    """Connection whose rows are dicts, after the world was landed and built as of AS_OF."""
    with pytest.MonkeyPatch.context() as patch:
        open_ledgers(settings, tmp_path_factory.mktemp("departments"), patch)
        with psycopg.connect(settings.admin_dsn("yidang"), autocommit=True) as warehouse:
            land(warehouse, "zhengwu", "service_item", CATALOGUE)
            for table, rows in LISTS.items():
                land(warehouse, "zhengwu", table, rows)
        build.build(settings, as_of=AS_OF)
        with psycopg.connect(settings.admin_dsn("yidang"), autocommit=True, row_factory=dict_row) as connection:
            yield connection


# -- the catalogue's lists: three water items became one on 2025-03-03 (C021, C022: 15 documents to 1, 12 steps to 2) --
def steps(item: str, version: int, *met: str) -> list[dict]:
    """met: for each step whether the applicant meets it."""
    return [
        {
            "item_code": item,
            "version": version,
            "step_no": number,
            "step_name": f"环节{number}",
            "applicant_present": is_met,
        }
        for number, is_met in enumerate(met, 1)
    ]


def material(item: str, version: int, number: int, documents: int, pages: int, cancelled: str | None = None) -> dict:
    row = {"item_code": item, "version": version, "material_no": number, "material_name": f"材料{number}"}
    return {**row, "documents": documents, "pages": pages, "cancelled_on": cancelled}


CATALOGUE = [
    *(
        catalogue_row(f"W{n}", stage=5, statutory=20, promised=5, steps=4, materials=5, item_class="审批事项",
                      effective_from="2024-01-01", effective_to="2025-03-02")
        for n in (1, 2, 3)
    ),
    catalogue_row("W", stage=5, statutory=20, promised=0, steps=2, materials=1, item_class="审批事项",
                  effective_from="2025-03-03"),
    # C059: 170 pages became 17; the documents did not
    catalogue_row("P", stage=3, statutory=7, promised=3, steps=2, materials=4, visits=2, item_class="审批事项",
                  effective_from="2024-01-01", effective_to="2025-06-30"),
    catalogue_row("P", stage=3, statutory=7, promised=3, steps=2, materials=4, visits=1, version="2",
                  item_class="审批事项", effective_from="2025-07-01"),
    catalogue_row("S", stage=5, statutory=5, promised=1, steps=3, materials=3, item_class="公共服务事项",
                  effective_from="2024-01-01"),
]  # fmt: skip
LISTS = {
    "item_step": [
        *(row for n in (1, 2, 3) for row in steps(f"W{n}", 1, "是", "否", "否", "是")),
        *steps("W", 1, "是", "否"),
        *steps("P", 1, "是", "是"),
        *steps("P", 2, "是", "否"),
        *steps("NOBODY", 1, "是"),
    ],
    "item_material": [
        *(material(f"W{n}", 1, number, 1, 2) for n in (1, 2, 3) for number in range(1, 6)),
        material("W", 1, 1, 1, 2),
        material("P", 1, 1, 3, 150),
        material("P", 1, 2, 1, 20),
        material("P", 2, 1, 3, 12),
        material("P", 2, 2, 1, 5),
        material("S", 1, 1, 1, 3),
        material("S", 1, 2, 1, 4, "2025-09-01"),
        material("S", 1, 3, 1, 9, "2025-12-01"),  # only later: nobody knows yet
    ],
    "package": [
        {"package_no": "T1", "package_name": "开工一件事", "materials": 2, "effective_from": "2025-07-01"},
        {"package_no": "T2", "package_name": "改名的事", "materials": 1, "effective_from": "2025-07-01"},
        {"package_no": "T3", "package_name": "无事", "materials": 1, "effective_from": "2026-01-01"},
    ],
    "package_item": [
        {"package_no": "T1", "item_code": "P"},
        {"package_no": "T1", "item_code": "W"},
        {"package_no": "T2", "item_code": "W"},
        {"package_no": "T2", "item_code": "W1"},  # ended
    ],
}  # fmt: skip


def catalogue(marts, month: str) -> tuple:
    row = marts.execute(
        "select array[sum(item_count), sum(step_count), sum(applicant_step_count), sum(material_count),"
        " sum(document_count), sum(page_count), sum(visit_count)] as sums from marts.agg_catalogue where month = %s",
        [month],
    ).fetchone()
    return tuple(row["sums"])


def test_every_month_says_how_large_the_catalogue_was(marts):
    # three water items of 4 steps (2 met), P of 2, S without a list of steps
    assert catalogue(marts, "2025-02-01") == (5, 14, 8, 20, 22, 30 + 170 + 3 + 4 + 9, 3 + 2 + 1)
    assert catalogue(marts, "2025-03-01") == (3, 4, 3, 6, 8, 2 + 170 + 16, 1 + 2 + 1)
    assert catalogue(marts, "2025-08-01") == (3, 4, 2, 6, 8, 2 + 17 + 16, 3)
    assert catalogue(marts, "2025-10-01") == (3, 4, 2, 5, 7, 2 + 17 + 12, 3)
    last = marts.execute("select max(month) as month, max(day) as day, min(month) as first from marts.agg_catalogue")
    assert last.fetchone() == {"month": date(2025, 10, 1), "day": AS_OF, "first": date(2024, 1, 1)}
    (without,) = marts.execute(
        "select item_class, item_without_steps_count from marts.agg_catalogue"
        " where month = '2025-10-01' and item_without_steps_count > 0"
    ).fetchall()
    assert without == {"item_class": "公共服务事项", "item_without_steps_count": 1}


def test_a_catalogue_that_counts_otherwise_than_its_lists_is_remarked(marts):
    rows = marts.execute("select item_code, list_remark from marts.dim_item where list_remark is not null").fetchall()
    assert rows == [{"item_code": "S", "list_remark": "目录载明材料3份，清单列2份"}], "one of three was cancelled since"
    unknown = marts.execute("select item_code from marts.dim_item_step where not is_known_item").fetchall()
    assert unknown == [{"item_code": "NOBODY"}], "a step of no item stays"


def test_a_package_is_compared_with_the_sum_of_its_items(marts):
    rows = {row["package_code"]: row for row in marts.execute("select * from marts.dim_package")}
    one = rows["T1"]
    assert (one["item_count"], one["separate_document_count"], one["document_count"]) == (2, 5, 2)
    assert float(one["document_reduction"]) == pytest.approx(0.6)
    assert (one["separate_page_count"], one["separate_visit_count"], one["remark"]) == (19, 2, None)
    assert (rows["T2"]["document_reduction"], rows["T2"]["remark"]) == (None, "1个事项不在现行目录中，不作比较")
    assert (rows["T3"]["is_current"], rows["T3"]["remark"]) == (False, "未列事项，无从比较")
