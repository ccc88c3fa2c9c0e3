"""The SQL that other databases are asked, without their servers: SQLAlchemy compiles for a dialect without a driver."""

from __future__ import annotations

from datetime import datetime
from types import SimpleNamespace

import pytest
from sqlalchemy.dialects import mssql, mysql, oracle, postgresql

from yidang.contracts.models import Cursor, Table
from yidang.landing.database_sqlalchemy import SqlAlchemyDatabase
from yidang.landing.statements import SourceColumn, Statements, Window

COLUMNS = [
    SourceColumn("ID", "number", "number"),
    SourceColumn("备注", "varchar", "text"),
    SourceColumn("AMOUNT", "float", "float"),
    SourceColumn("PHOTO", "blob", "binary"),
    SourceColumn("CHANGED", "timestamp", "moment"),
]
DIALECTS = {"oracle": oracle.dialect(), "mssql": mssql.dialect(), "mysql": mysql.dialect()}
DIALECTS["dm"] = DIALECTS["oracle"]  # 达梦 speaks Oracle's SQL; its own dialect comes with its driver
DIALECTS["postgresql"] = postgresql.dialect(paramstyle="named")


def statements(dialect: str, **cursor) -> Statements:
    table = Table(
        name="cases",
        relation="T_案件;--",
        description="x",
        key=["ID"],
        columns=[column.name for column in COLUMNS],
        suite="x",
        cursor=Cursor(column="CHANGED", **cursor),
    )
    return Statements(dialect, "EXCHANGE", table, COLUMNS, is_unique=False)


def compiled(dialect: str, query) -> str:
    text = str(query.compile(dialect=DIALECTS[dialect], compile_kwargs={"literal_binds": True}))
    return " ".join(text.split())


@pytest.mark.parametrize(
    ("dialect", "expected"),
    [
        (
            "oracle",
            """SELECT to_char(source."ID", 'TM9', 'NLS_NUMERIC_CHARACTERS=''.,''') AS to_char_1, source."备注",
            to_char(source."AMOUNT") AS to_char_2, rawtohex(source."PHOTO") AS rawtohex_1,
            to_char(source."CHANGED", 'YYYY-MM-DD HH24:MI:SS.FF6') AS to_char_3 FROM "EXCHANGE"."T_案件;--" source
            WHERE source."CHANGED" >= TO_TIMESTAMP('2025-03-03 10:00:00.500000', 'YYYY-MM-DD HH24:MI:SS.FF')
            OR source."CHANGED" IS NULL ORDER BY source."CHANGED", source."ID\"""",
        ),
        (
            "mssql",
            """SELECT convert(nvarchar(max), source.[ID]) AS convert_1, convert(nvarchar(max), source.[备注]) AS
            convert_2, convert(nvarchar(max), source.[AMOUNT], 3) AS convert_3,
            convert(nvarchar(max), source.[PHOTO], 2) AS convert_4,
            convert(nvarchar(max), source.[CHANGED], 121) AS convert_5 FROM [EXCHANGE].[T_案件;--] AS source
            WHERE source.[CHANGED] >= '2025-03-03 10:00:00.500000' OR source.[CHANGED] IS NULL
            ORDER BY source.[CHANGED], source.[ID]""",
        ),
        (
            "mysql",
            """SELECT CAST(source.`ID` AS CHAR) AS `ID`, CAST(source.`备注` AS CHAR) AS `备注`,
            CAST(source.`AMOUNT` AS CHAR) AS `AMOUNT`, hex(source.`PHOTO`) AS hex_1, CAST(source.`CHANGED` AS CHAR) AS
            `CHANGED` FROM `EXCHANGE`.`T_案件;--` AS source WHERE source.`CHANGED` >= '2025-03-03 10:00:00.500000'
            OR source.`CHANGED` IS NULL ORDER BY source.`CHANGED`, source.`ID`""",
        ),
    ],
)
def test_values_come_as_text_and_names_are_quoted(dialect, expected):
    query = statements(dialect).rows(Window(since=("2025-03-03 10:00:00.5",)))
    assert compiled(dialect, query) == " ".join(expected.split())


@pytest.mark.parametrize("dialect", DIALECTS)
def test_every_question_compiles_for_every_dialect(dialect):
    asked = statements(dialect, tie="ID")
    window = Window(since=("2025-03-03 10:00:00", "7"), until="2025-04-01")
    for query in (
        asked.rows(window),
        asked.newest(datetime(2025, 3, 4)),
        asked.keys(),
        asked.days(window, with_checksums=True),
        asked.days(Window(), with_checksums=False),
    ):
        text = compiled(dialect, query)
        assert "T_案件;--" in text and "备注;" not in text
    rows = compiled(dialect, asked.rows(window))
    assert rows.count("2025-03-03 10:00:00") == 2 and "7" in rows and "2025-04-01" in rows


@pytest.mark.parametrize("dialect", ["oracle", "dm"])
def test_a_day_of_oracle_is_cut_from_its_text(dialect):
    text = compiled(dialect, statements(dialect).days(Window(), with_checksums=True))
    assert """substr(to_char(source."CHANGED", 'YYYY-MM-DD HH24:MI:SS.FF6'), 1, 10)""" in text
    assert "NULL" in text  # no checksum that PostgreSQL could repeat


def test_a_key_that_the_source_keeps_unique_needs_no_order():
    asked = statements("postgresql")
    asked.is_unique = True
    assert "ORDER BY" not in compiled("postgresql", asked.rows(Window()))


@pytest.mark.parametrize(
    ("dialect", "name", "there"),
    [("oracle", "id", "ID"), ("oracle", "Mixed", "Mixed"), ("oracle", "备注", "备注"), ("mysql", "id", "id")],
)
def test_a_name_is_quoted_as_the_source_itself_has_it(dialect, name, there):
    database = SqlAlchemyDatabase(SimpleNamespace(dialect=DIALECTS[dialect]), "EXCHANGE")
    assert database._as_there(name) == there
