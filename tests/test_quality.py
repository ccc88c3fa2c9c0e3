"""The data-quality page: the ledger's numbers on it, nothing hostile in it, nothing fetched by it, also when empty."""

# ruff: noqa: F811 - the fixtures of test_gate

from __future__ import annotations

import re
from dataclasses import replace
from html.parser import HTMLParser

import pytest
from landing_support import table, write_contract
from test_gate import CURSOR, SOURCE, add, own, quarantined, rule, source  # noqa: F401
from typer.testing import CliRunner

from yidang import contracts, landing, quality
from yidang import settings as settings_module
from yidang.cli import app
from yidang.errors import ConfigError
from yidang.quality import sparkline

pytestmark = pytest.mark.integration
HOSTILE = "<script>alert('坏')</script>"


class Page(HTMLParser):
    """The text of a page by words, its tags and whatever an attribute could fetch."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.fetched: list[str] = []
        self.words: list[str] = []
        self.feed(text)
        self.text = " ".join(" ".join(self.words).split())

    def handle_starttag(self, tag, attributes) -> None:
        self.tags.append(tag)
        self.fetched += [f"{name}={value}" for name, value in attributes if name in ("src", "href", "action", "data")]

    def handle_data(self, data) -> None:
        self.words.append(data)


@pytest.fixture
def here(own, source, tmp_path, monkeypatch):
    """Settings whose only department is `ceshi`, and the function that writes its suite."""
    monkeypatch.setenv("YIDANG_DEPARTMENTS_DIR", str(tmp_path))
    settings, write = own
    (tmp_path / "dbt_project").symlink_to(settings_module.ROOT / "dbt_project")
    write_contract(tmp_path, "ceshi", SOURCE, table(extra=CURSOR, suite="own"))
    return settings, write


def pull(settings) -> landing.PullResult:
    return landing.pull(settings, contracts.load_department(settings, settings.root / "ceshi.yml"))


def test_the_page_has_the_numbers_of_the_ledger(here, warehouse, source):
    settings, write = here
    write(
        rule("column_values_to_be_in_set", "warn", "不在字典内", column="topic", value_set=["收费"], mostly=0.7),
        rule("column_values_to_not_match_regex", reason="占位值", column="asked_at", regex="^1970"),
        rule("table_row_count_to_be_between", "warn", "行数异常", min_value=1),
    )
    add(source, *["收费"] * 9, "别的")
    pull(settings)
    add(source, "收费", "别的", "别的", "收费", day=9)
    pull(settings)
    warehouse.execute("insert into landing.drift values ('ceshi', 'question', 'phone', 'added')")
    warehouse.execute("update landing.reconciliation set source_rows = 12, landed_rows = 9 where day = '2025-03-03'")
    warehouse.execute(
        "insert into landing.reconciliation (department, table_name, day, source_rows, landed_rows, landed_checksum)"
        " values ('ceshi', 'question', '2025-02-28', 5, 5, 9)"  # a source that sends no checksum
    )
    page = Page(quality.render(settings))
    assert "Batches held" not in page.text and "2025-02-28" not in page.text
    warehouse.execute(
        "update landing.batch set gate = 'held', held_because = '坏行太多'"
        " where batch_id = (select max(batch_id) from landing.batch)"
    )
    page = Page(quality.render(settings))
    (batch, rows) = warehouse.execute("select batch_id, rows_landed from landing.batch where gate = 'held'").fetchone()
    assert f"judged 测试局 ceshi.question {batch} 坏行太多 {rows} " in page.text and "1 整批待处理" in page.text
    assert "yidang quarantine replay 部门" in page.text and "yidang quarantine release 批次" in page.text
    assert "✗ 低于阈值 50.0% 2 30.0% 4" in page.text, "the last check's share and count, what may be, rows"
    assert "2 次检查：10.0% → 50.0%，最高 50.0%" in page.text
    assert "✓ 8 条规则符合" not in page.text and "条规则符合" in page.text
    addresses = [f"{batch}/{row}" for batch, row, *_ in quarantined(warehouse)]
    assert f"3 {addresses[0]} {addresses[-1]}" in page.text
    assert "phone 新增 added" in page.text and "2025-03-03 12 9 行数不同" in page.text
    assert re.search(r"测试局 ceshi \d\d-\d\d \d\d:\d\d 14 0\.0 / \d+ h 0 3 \+1 1 ", page.text)
    assert "1 低于阈值的规则" in page.text and "3 提醒条目" in page.text and "虚构示例数据" in page.text
    assert "别的" not in page.text, "no row's contents"


def test_hostile_texts_are_text(here, warehouse, source):
    settings, write = here
    write(rule("column_values_to_be_in_set", reason=HOSTILE, column="topic", value_set=["收费"]))
    add(source, "收费", "坏")
    pull(settings)
    for statement in (
        "insert into landing.drift values (%(x)s, %(x)s, %(x)s, 'retyped')",
        "insert into landing.reconciliation values (%(x)s, %(x)s, %(x)s, 1, 2)",
        "insert into landing.quarantine values (%(x)s, %(x)s, 1, 1, %(x)s, %(x)s, 'warn')",
        "insert into landing.expectation_result (checked_at, department, table_name, batch_from, batch_to, rule,"
        " reason, severity, success, observed_value)"
        " values (now(), %(x)s, %(x)s, 1, 1, %(x)s, %(x)s, 'fail', false, %(x)s)",
    ):
        warehouse.execute(statement, {"x": HOSTILE})
    text = quality.render(settings)
    page = Page(text)
    assert "script" not in page.tags and page.text.count(HOSTILE) >= 10
    assert page.fetched == []
    assert not re.search(r"(https?:)?//|@import|url\(", text), "nothing is fetched, from anywhere"


def test_an_empty_warehouse_has_a_page(here, empty_warehouse):
    page = Page(quality.render(here[0]))
    for sentence in (
        "还没有检查过任何批次",
        "隔离区是空的",
        "各源的列没有变化",
        "没有不符的日期",
        "数据集市从未构建：yidang build。",
        "(Asia/Shanghai). Marts never built: yidang build.",
    ):
        assert sentence in page.text
    assert "有表从未拉取" in page.text
    landing.ensure_landing(here[0], [])  # a ledger that holds nothing
    assert "还没有检查过任何批次" in Page(quality.render(here[0])).text


def test_a_warehouse_that_is_down_is_a_sentence_on_the_page(here):
    lost = replace(here[0], port_base=1000)
    page = Page(quality.render(lost))
    assert "数据仓库不可用" in page.text and "测试局" in page.text


def test_a_rule_that_left_the_suite_leaves_the_page(here, source):
    settings, write = here
    write(rule("column_values_to_not_be_null", "warn", "旧规则", column="topic"))
    add(source, "收费")
    pull(settings)
    assert "旧规则" in quality.render(settings)
    write()
    add(source, "收费", day=9)
    pull(settings)
    assert "旧规则" not in quality.render(settings)


def test_the_command_writes_the_file_at_once_or_says_why_not(here, empty_warehouse, tmp_path, monkeypatch):
    settings, _ = here
    monkeypatch.setattr(settings_module, "load", lambda: settings)
    target = tmp_path / "new" / "page.html"
    result = CliRunner().invoke(app, ["quality", "--output", str(target)])
    assert (result.exit_code, result.output) == (0, f"✓ {target}\n")
    assert target.read_text(encoding="utf-8").startswith("<!doctype html>")
    assert [path.name for path in target.parent.iterdir()] == ["page.html"]
    (tmp_path / "file").write_text("", encoding="utf-8")
    with pytest.raises(ConfigError, match="cannot be written"):
        quality.write(settings, tmp_path / "file" / "page.html")


@pytest.mark.parametrize(
    ("shares", "allowed", "points"),
    [
        ([0.0], None, "129,27.0"),
        ([0.0, 0.5, 1.0], None, "3.0,27.0 66.0,15.0 129.0,3.0"),
        ([0, 0], 0, "3.0,27.0 129.0,27.0"),
    ],
)
def test_a_line_rises_with_the_share_that_fails(shares, allowed, points):
    assert f'points="{points}"' in sparkline.svg(shares, allowed)


def test_a_line_shows_what_is_allowed_below_the_share_that_misses_it():
    drawn = sparkline.svg([0.1, 0.4], 0.2)
    limit, last = (float(re.search(pattern, drawn)[1]) for pattern in (r'y1="([\d.]+)"', r'cy="([\d.]+)"'))
    assert last < limit
