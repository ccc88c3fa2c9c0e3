"""The made-up district: the same seed gives the same world, and every system holds the truth under its dirt."""

from __future__ import annotations

import csv
import hashlib
import json
from collections import Counter, defaultdict
from collections.abc import Iterator
from datetime import date
from itertools import pairwise
from pathlib import Path

import openpyxl
import psycopg
import pytest
from psycopg import sql

from yidang.district import DistrictSummary, generate
from yidang.district.codes import is_valid_credit_code, is_valid_project_code
from yidang.district.ledgers import catalogue_lists
from yidang.district.systems import csv_drop, spgl, xlsx_drop
from yidang.errors import ConfigError
from yidang.services import district as servers
from yidang.settings import Settings

pytestmark = pytest.mark.integration

WORLD = {"seed": 7, "projects": 60, "start": date(2024, 1, 2), "end": date(2025, 12, 31)}
SCHEMAS = {"zigui": "spgl", "zhujian": "spgl", "zhengwu": "hall", "zhuanban": "team"}
FULL_WIDTH_BACK = str.maketrans("０１２３４５６７８９－", "0123456789-")


@pytest.fixture(scope="module")
def world(settings: Settings) -> DistrictSummary:
    return generate(settings, **WORLD)


@pytest.fixture(scope="module")
def truth(settings: Settings, world: DistrictSummary) -> Path:
    return settings.district_dir / "truth"


@pytest.fixture(scope="module")
def cases(truth: Path) -> dict[str, dict[str, str]]:
    return {row["case_id"]: row for row in _read(truth / "cases.csv")}


@pytest.fixture(scope="module")
def events(truth: Path) -> dict[str, list[dict[str, str]]]:
    by_case = defaultdict(list)
    for row in _read(truth / "events.csv"):
        by_case[row["case_id"]].append(row)
    return by_case


# -- the world itself ---------------------------------------------------------------------------------------
def test_the_same_seed_gives_the_same_bytes_and_another_seed_does_not(settings: Settings, world: DistrictSummary):
    first = _fingerprint(settings)
    generate(settings, **{**WORLD, "seed": 8})
    other = _fingerprint(settings)
    generate(settings, **WORLD)
    assert _fingerprint(settings) == first
    same = {name for name in first if other.get(name) == first[name]}
    # The catalogue, the flows and the reform belong to the district, not to the seed.
    of_the_district = {
        "truth/reforms.json",
        "zhengwu.service_item",
        *(f"zhengwu.{name}" for name in catalogue_lists.TABLES),
    }
    assert not [name for name in same - of_the_district if "dfxm" not in name]
    assert len(same) < len(first) / 4


def test_an_unchanged_world_is_not_made_again(settings: Settings, world: DistrictSummary):
    again = generate(settings, **WORLD)
    assert not again.is_new
    assert again.counts == world.counts
    with psycopg.connect(servers.admin_dsn(settings, "zigui_exchange")) as connection:
        connection.execute("comment on schema spgl is 'another world'")
    assert generate(settings, **WORLD).is_new, "a database that holds another world must be filled again"


def test_impossible_requests_are_refused(settings: Settings):
    with pytest.raises(ConfigError, match="0 projects"):
        generate(settings, **{**WORLD, "projects": 0})
    with pytest.raises(ConfigError, match="too short"):
        generate(settings, **{**WORLD, "end": WORLD["start"]})
    with pytest.raises(ConfigError, match="calendar"):
        generate(settings, **{**WORLD, "end": date(2031, 1, 1)})


def test_codes_carry_valid_check_digits_and_projects_are_distinct(truth: Path):
    projects = _read(truth / "projects.csv")
    assert len({row["project_code"] for row in projects}) == len(projects) == WORLD["projects"]
    assert all(is_valid_project_code(row["project_code"]) for row in projects)
    assert all(is_valid_credit_code(row["owner_credit_code"]) for row in projects)
    works = _read(truth / "works.csv")
    assert all(row["works_code"].startswith(row["project_code"] + "-") for row in works)
    assert {row["project_code"] for row in works} == {row["project_code"] for row in projects}


@pytest.mark.parametrize("code", ["2509-320193-89-01-544060", "2603-141124-89-05-346948", "2309-420683-04-01-106139"])
def test_published_project_codes_pass_and_their_neighbours_do_not(code: str):
    assert is_valid_project_code(code)
    assert not is_valid_project_code(code[:-1] + str((int(code[-1]) + 1) % 10))


def test_the_published_credit_code_passes():
    assert is_valid_credit_code("91350100M000100Y43")
    assert not is_valid_credit_code("91350100M000100Y44")


def test_events_follow_the_law_of_order(cases: dict, events: dict):
    terminal = {
        "decided_pass",
        "decided_pass_tolerant",
        "decided_deny",
        "withdrawn",
        "not_accepted",
        "refused_acceptance",
    }
    closes = {"correction_received": "correction_requested", "special_end": "special_start"}
    for code, case in cases.items():
        log = events[code]
        kinds = [event["event_kind"] for event in log]
        assert kinds[0] == "received"
        assert all(left["event_at"] <= right["event_at"] for left, right in pairwise(log)), code
        assert all(event["event_at"] < event["recorded_at"] < "2026-01-01" for event in log), code
        assert [kind in terminal for kind in kinds].count(True) == (case["outcome"] != "open"), code
        assert (kinds[-1] in terminal) == (case["outcome"] != "open"), code
        for end, start in closes.items():
            waiting = 0
            for kind in kinds:
                waiting += (kind == start) - (kind == end)
                assert waiting in (0, 1), code
        if any(kind.startswith("decided") for kind in kinds):
            assert kinds.index("accepted") < len(kinds) - 1, code


def test_an_item_is_granted_after_what_it_requires_except_where_planted(truth: Path, cases: dict):
    requires = {
        **{"ZG03": ["ZG02"], "ZG04": ["ZG02", "ZG03"], "ZJ03": ["ZG04", "ZJ01", "ZJ02"]},
        **{"ZG05": ["ZJ03"], "ZJ05": ["ZG05", "ZJ04"]},
    }
    granted: dict[tuple[str, str], str] = {}
    asked = set()
    for case in cases.values():
        key = (case["project_code" if case["item_code"] == "ZG02" else "works_code"], case["item_code"])
        asked.add(key)
        if case["outcome"] == "passed":
            granted.setdefault(key, case["ended_at"])
    found = set()
    for code, case in cases.items():
        for earlier in requires.get(case["item_code"], []):
            key = (case["project_code" if earlier == "ZG02" else "works_code"], earlier)
            if case["outcome"] == "passed" and key in asked and granted.get(key, "9999") > case["ended_at"]:
                found.add(code)
    assert found == set(_planted(truth)["order_breaks"])


def test_the_reform_shortens_the_work_by_the_factor_it_states(truth: Path, cases: dict):
    factors = {
        row["item_code"]: row["handling_days_factor"] for row in json.loads((truth / "reforms.json").read_text())
    }
    seen = Counter()
    for case in cases.values():
        if case["handling_days"]:
            factor = factors[case["item_code"]] if case["item_version"] == "2" else 1
            expected = float(case["handling_days_without_reform"]) * factor
            assert float(case["handling_days"]) == pytest.approx(expected, abs=1e-3)
            seen[case["item_code"], case["item_version"]] += 1
    assert all(seen[item, version] > 5 for item in factors for version in ("1", "2"))


def test_backfilled_cases_were_keyed_in_after_their_decision_and_no_others(truth: Path, cases: dict, events: dict):
    late = {
        code
        for code, log in events.items()
        if cases[code]["outcome"] != "open" and log[0]["recorded_at"] > log[-1]["event_at"]
    }
    assert late == set(_planted(truth)["backfilled"])


# -- the systems hold the truth under their dirt --------------------------------------------------------------
@pytest.mark.parametrize("department", ["zigui", "zhujian"])
def test_the_exchange_library_holds_every_case_and_event(
    settings: Settings, truth: Path, cases: dict, events: dict, department: str
):
    planted = _planted(truth)
    visible = {code for code, case in cases.items() if case["department"] == department and case["is_visible"] == "1"}
    with psycopg.connect(settings.secret(f"{department.upper()}_DSN")) as reader:
        headers = reader.execute(
            "select distinct on (spsxslbm) spsxslbm, gcdm, spsxbm, spsxbbh, sxblsx, blspslbm from spgl.spgl_xmspsxblxxb"
            " where sjyxbs = 1 order by spsxslbm, lsh desc"
        ).fetchall()
        rows = reader.execute(
            "select distinct spsxslbm, blzt, blsj from spgl.spgl_xmspsxblxxxxb where sjyxbs = 1 and blzt not in (3, 8)"
            " union all (select spsxslbm, blzt, min(blsj) from spgl.spgl_xmspsxblxxxxb"
            " where sjyxbs = 1 and blzt in (3, 8) group by spsxslbm, blzt)"
        ).fetchall()
        papers = {code for (code,) in reader.execute("select spsxslbm from spgl.spgl_xmspsxpfwjxxb where sjyxbs = 1")}
        void, silent = reader.execute(
            "select count(*) filter (where sjyxbs = 0), count(*) filter (where sjyxbs = 0 and sjwxyy is null)"
            " from spgl.spgl_xmspsxblxxxxb"
        ).fetchone()
        ties = reader.execute(
            "select count(*) from spgl.spgl_xmspsxblxxxxb as acceptance join spgl.spgl_xmspsxblxxxxb as start"
            " using (spsxslbm, blsj) where acceptance.blzt = 3 and start.blzt = 8 and acceptance.lsh < start.lsh"
        ).fetchone()[0]
    expected = {
        (
            code,
            *(
                cases[code][name]
                for name in ("works_code", "item_code", "item_version", "promised_limit", "parallel_group")
            ),
        )
        for code in visible
    }
    assert {(row[0], row[1], row[2], str(row[3]), str(row[4]), row[5] or "") for row in headers} == expected
    states = {
        (code, spgl.STATES[event["event_kind"]], event["event_at"])
        for code in visible
        for event in (events[code][:-1] if code in planted["withheld"] else events[code])
    }
    assert {(code, state, moment.isoformat()) for code, state, moment in rows} == states
    granted = {code for code, case in cases.items() if case["department"] == department and case["outcome"] == "passed"}
    assert papers == granted, "a permit given outside the system leaves its certificate, and only that"
    assert void > 0
    assert silent == 0
    assert ties > 0, "3 and 8 at the same second, told apart only by LSH"


def test_only_zhujian_keeps_the_flows_of_the_whole_district(settings: Settings, world: DistrictSummary):
    query = "select count(distinct spsxbm), count(distinct splcbm), max(splcbbh) from spgl.spgl_dfxmsplcjdsxxxb"
    with psycopg.connect(settings.secret("ZHUJIAN_DSN")) as reader:
        assert reader.execute(query).fetchone() == (21, 6, 2)
        with pytest.raises(psycopg.errors.ReadOnlySqlTransaction):
            reader.execute("delete from spgl.spgl_xmjbxxb")
    with psycopg.connect(settings.secret("ZIGUI_DSN")) as reader:
        assert reader.execute(query).fetchone() == (0, 0, None)


def test_the_hall_keeps_both_versions_of_reformed_items(settings: Settings, world: DistrictSummary, cases: dict):
    with psycopg.connect(settings.secret("ZHENGWU_DSN")) as reader:
        second = reader.execute(
            "select item_code, effective_from from hall.service_item where version = 2 order by item_code"
        ).fetchall()
        shorter = reader.execute(
            "select bool_and(two.promised_limit < one.promised_limit and one.effective_to + 1 = two.effective_from)"
            " from hall.service_item as one join hall.service_item as two using (item_code)"
            " where one.version = 1 and two.version = 2"
        ).fetchone()[0]
        rated = {code for (code,) in reader.execute("select case_no from hall.rating")}
    assert second == [(code, date(2025, 3, 1)) for code in ("ZG03", "ZG04", "ZJ01", "ZJ03")]
    assert shorter
    assert rated
    assert rated <= {code for code, case in cases.items() if case["is_visible"] == "1"}


def test_the_last_csv_row_of_a_case_is_its_truth(settings: Settings, truth: Path, cases: dict):
    files = sorted(Path(settings.secret("SHENGTAI_DROP")).glob("环评审批_*.csv"))
    latest: dict[str, dict[str, str]] = {}
    short = Counter()
    for file in files:
        rows = csv.reader(file.read_bytes().decode("gbk").splitlines())
        assert next(rows) == csv_drop.HEADER
        for row in rows:
            if len(row) == len(csv_drop.HEADER) - csv_drop.MISSING_COLUMNS:
                short[row[0]] += 1
            else:
                latest[row[0]] = dict(zip(csv_drop.HEADER, row, strict=True))
    expected = {code: case for code, case in cases.items() if case["department"] == "shengtai"}
    planted = _planted(truth)
    results = {"passed": "同意", "denied": "不同意", "withdrawn": "撤回", "open": ""}
    assert latest.keys() == expected.keys()
    assert sorted(short.elements()) == planted["broken_lines"]
    (repeated,) = planted["repeated_files"]
    contents = Counter(file.read_bytes() for file in files)
    assert contents[(Path(settings.secret("SHENGTAI_DROP")) / repeated).read_bytes()] == 2
    for code, row in latest.items():
        assert row["办理结果"] == results[expected[code]["outcome"]]
        assert _day(row["收件日期"]) == expected[code]["received_at"][:10]
        assert _day(row["受理日期"]) == expected[code]["accepted_at"][:10]
        assert _day(row["批复日期"]) == expected[code]["ended_at"][:10]
        linked = "无" if code in planted["unlinked"] else expected[code]["project_code"]
        assert row["项目代码"].translate(FULL_WIDTH_BACK).strip() == linked
    spellings = {row["收件日期"][4] for row in latest.values()}
    assert spellings == {"-", "/", "年"}


def test_the_last_spreadsheet_row_of_a_case_is_its_truth(settings: Settings, cases: dict):
    latest: dict[str, dict[str, object]] = {}
    kinds = Counter()
    for file in sorted(Path(settings.secret("RENFANG_DROP")).glob("人防审批台账_*.xlsx")):
        title, header, *rows = openpyxl.load_workbook(file).active.iter_rows(values_only=True)
        assert "虚构示例数据" in title[0]
        assert list(header) == xlsx_drop.HEADER
        for row in rows:
            latest[row[1]] = dict(zip(xlsx_drop.HEADER, row, strict=True))
            kinds[type(row[6]).__name__] += 1
            assert isinstance(row[12], str)
    expected = {code: case for code, case in cases.items() if case["department"] == "renfang"}
    assert latest.keys() == expected.keys()
    assert kinds.keys() == {"str", "datetime"}
    for code, row in latest.items():
        assert _day(row["接件时间"]) == expected[code]["received_at"][:10]
        assert _day(row["办结时间"]) == expected[code]["ended_at"][:10]
        assert row["工程代码"].replace("#", "-") == expected[code]["works_code"]


# -- helpers ----------------------------------------------------------------------------------------------------
def _planted(truth: Path) -> dict[str, list[str]]:
    return json.loads((truth / "planted.json").read_text(encoding="utf-8"))


def _read(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def _day(value: object) -> str:
    """ISO day of a real date, or of one typed in any of the spellings; '' for none."""
    if not value:
        return ""
    if not isinstance(value, str):
        return value.date().isoformat()
    parts = value.replace("年", "-").replace("月", "-").replace("日", "").replace("/", "-").split(" ")[0].split("-")
    return date(*map(int, parts)).isoformat()


def _fingerprint(settings: Settings) -> dict[str, str]:
    """Hash of every file and of every table's rows."""
    return dict([*_file_hashes(settings.district_dir), *_table_hashes(settings)])


def _file_hashes(folder: Path) -> Iterator[tuple[str, str]]:
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            yield str(path.relative_to(folder)), hashlib.sha256(path.read_bytes()).hexdigest()


def _table_hashes(settings: Settings) -> Iterator[tuple[str, str]]:
    for department, schema in SCHEMAS.items():
        with psycopg.connect(servers.admin_dsn(settings, servers.DATABASES[department])) as connection:
            tables = connection.execute("select tablename from pg_tables where schemaname = %s", (schema,)).fetchall()
            for (table,) in tables:
                query = sql.SQL("select md5(coalesce(string_agg(t::text, '|' order by t::text), '')) from {} as t")
                yield (
                    f"{department}.{table}",
                    connection.execute(query.format(sql.Identifier(schema, table))).fetchone()[0],
                )
