"""The form for answers, over real HTTP: what a link shows, once per link; forged, expired and used ones; a phone."""

from __future__ import annotations

import html
import logging
import re
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import httpx
import pytest
from conftest import drop_built_schemas
from landing_support import http_server
from warning_outbox import prepare, raise_warning

from yidang.settings import WARNING_KEY
from yidang.warning import answers, form, links

pytestmark = pytest.mark.integration

GIVEN = {"reason": "等待规划图纸", "promised_date": "2025-03-28"}


@pytest.fixture
def outbox(settings, empty_warehouse, monkeypatch):
    monkeypatch.setenv("YIDANG_AS_OF", "2025-03-20")
    prepare(settings)
    yield empty_warehouse
    drop_built_schemas(empty_warehouse)


@pytest.fixture
def browser(settings, outbox):
    with http_server(form.create_app(settings)) as base, httpx.Client(base_url=base, trust_env=False) as client:
        yield client


def link(settings, outbox, message: int, days: float = 30) -> str:
    query = "select idempotency_key from warning.message where message_id = %s"
    (key,) = outbox.execute(query, (message,)).fetchone()
    return "/w/" + links.make(settings.secret(WARNING_KEY), message, key, datetime.now(UTC) + timedelta(days=days))


def check_of(page: httpx.Response) -> str:
    return re.search(r'name="check" value="([^"]+)"', page.text)[1]


def kept(outbox) -> list[tuple]:
    query = "select message_id, reason, promised_date::text from warning.answer order by answer_id"
    return outbox.execute(query).fetchall()


def test_a_link_shows_the_case_and_takes_one_answer(settings, outbox, browser):
    (message,) = raise_warning(outbox, "handler")
    address = link(settings, outbox, message)
    page = browser.get(address)
    assert page.status_code == 200
    for words in (
        "督办：逾期 3 个工作日",
        "施工许可",
        "GX-1",
        "2025-03-17",
        "乙局",
        "经办人",
        "虚构示例数据",
        "2025-03-20",
    ):
        assert words in page.text
    done = browser.post(address, data={**GIVEN, "check": check_of(page)})
    assert (done.status_code, "已收到答复" in done.text) == (200, True)
    assert kept(outbox) == [(message, "等待规划图纸", "2025-03-28")]
    again = browser.post(address, data={**GIVEN, "reason": "另一个", "check": check_of(page)})
    assert "已经答复" in again.text and "等待规划图纸" in again.text and "<form" not in again.text
    assert "已经答复" in browser.get(address).text
    assert len(kept(outbox)) == 1


def test_opening_a_link_changes_nothing_however_often(settings, outbox, browser):
    """Mail scanners open links before people do."""
    (message,) = raise_warning(outbox, "handler")
    address = link(settings, outbox, message)
    pages = [browser.get(address) for _ in range(5)] + [browser.head(address)]
    assert {page.status_code for page in pages} == {200} and len({page.text for page in pages[:5]}) == 1
    assert kept(outbox) == []
    assert browser.request("PUT", address).status_code == browser.delete(address).status_code == 405


def test_each_receiver_has_a_link_of_his_own_and_the_last_answer_counts(settings, outbox, browser):
    first, second = raise_warning(outbox, "handler", "section_head")
    for message, promised in ((first, "2025-03-28"), (second, "2025-04-02")):
        address = link(settings, outbox, message)
        browser.post(address, data={**GIVEN, "promised_date": promised, "check": check_of(browser.get(address))})
    assert [row[2] for row in kept(outbox)] == ["2025-03-28", "2025-04-02"]


def test_of_two_answers_at_the_same_moment_one_stands(settings, outbox, browser):
    (message,) = raise_warning(outbox, "handler")
    address = link(settings, outbox, message)
    check = check_of(browser.get(address))
    with ThreadPoolExecutor(8) as pool:
        pages = list(
            pool.map(lambda n: browser.post(address, data={**GIVEN, "reason": f"第{n}个", "check": check}), range(8))
        )
    assert sum("已收到答复" in page.text for page in pages) == 1
    assert sum("已经答复" in page.text for page in pages) == 7
    assert len(kept(outbox)) == 1


def test_a_forged_or_foreign_link_opens_nothing(settings, outbox, browser):
    first, second = raise_warning(outbox, "handler", "section_head")
    good, other = link(settings, outbox, first), link(settings, outbox, second)
    number, expires, signature = good.removeprefix("/w/").split(".")
    forged = [
        f"/w/{second}.{expires}.{signature}",  # another message's number
        f"/w/{number}.{int(expires) + 86400}.{signature}",  # a longer life
        f"/w/{number}.{expires}.{other.rpartition('.')[2]}",
        f"/w/{number}.{expires}.{signature[:-1]}",
        f"/w/{number}.{expires}." + "A" * 43,
        f"/w/{10**17}.{expires}.{signature}",
        "/w/" + "9" * 4000,
        "/w/1.2.3",
        "/w/'%20or%201=1--",
        "/elsewhere",
    ]
    for address in forged:
        for page in (browser.get(address), browser.post(address, data={**GIVEN, "check": "x"})):
            assert page.status_code == 404, address
            assert "链接无效" in page.text and "GX-1" not in page.text and "施工许可" not in page.text
    assert kept(outbox) == []


def test_a_new_outbox_with_the_same_numbers_does_not_know_old_links(settings, outbox, browser):
    (message,) = raise_warning(outbox, "handler")
    address = link(settings, outbox, message)
    outbox.execute("update warning.message set idempotency_key = gen_random_uuid()")
    assert browser.get(address).status_code == 404


def test_an_expired_link_says_so_and_shows_nothing(settings, outbox, browser):
    (message,) = raise_warning(outbox, "handler")
    address = link(settings, outbox, message, days=-0.01)
    for page in (browser.get(address), browser.post(address, data=GIVEN)):
        assert page.status_code == 410 and "链接已过期" in page.text and "GX-1" not in page.text


def test_what_has_ended_needs_no_answer(settings, outbox, browser):
    (message,) = raise_warning(outbox, "handler")
    address = link(settings, outbox, message)
    check = check_of(browser.get(address))
    outbox.execute("update warning.warning set ended_on = '2025-03-20'")
    assert "无需答复" in browser.get(address).text
    assert "无需答复" in browser.post(address, data={**GIVEN, "check": check}).text
    assert kept(outbox) == []


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"reason": "  "}, "请填写原因。"),
        ({"reason": "长" * 501}, "原因不得超过 500 字，现有 501 字。"),
        ({"promised_date": ""}, "请填写承诺日期"),
        ({"promised_date": "三月底"}, "请填写承诺日期"),
        ({"promised_date": "2025-03-19"}, "承诺日期应在 2025-03-20 至 2025-09-16 之间。"),
        ({"promised_date": "2026-03-19"}, "承诺日期应在"),
    ],
)
def test_a_mistake_is_said_and_what_was_typed_is_kept(settings, outbox, browser, change, said):
    (message,) = raise_warning(outbox, "handler")
    address = link(settings, outbox, message)
    page = browser.post(address, data={**GIVEN, **change, "check": check_of(browser.get(address))})
    assert page.status_code == 422 and said in page.text
    assert html.escape({**GIVEN, **change}["reason"].strip()) in page.text
    assert kept(outbox) == []


def test_a_post_must_come_from_our_form(settings, outbox, browser):
    (message,) = raise_warning(outbox, "handler")
    address = link(settings, outbox, message)
    check = check_of(browser.get(address))
    attempts = [
        ({}, {}),
        ({"check": "x"}, {}),
        ({"check": check}, {"Origin": "https://evil.example"}),
        ({"check": check}, {"Sec-Fetch-Site": "cross-site"}),
    ]
    for data, headers in attempts:
        page = browser.post(address, data={**GIVEN, **data}, headers=headers)
        assert page.status_code == 403 and "提交来源不明" in page.text
    assert kept(outbox) == []
    assert browser.post(address, content=b"reason=" + b"x" * 20_000).status_code == 413
    page = browser.post(address, data={**GIVEN, "check": check}, headers={"Sec-Fetch-Site": "same-origin"})
    assert "已收到答复" in page.text


def test_what_people_write_is_text_and_stays_text(settings, outbox, browser):
    (message,) = raise_warning(outbox, "handler", item_name="<script>alert(1)</script>")
    address = link(settings, outbox, message)
    page = browser.get(address)
    browser.post(address, data={**GIVEN, "reason": '"><img src=x onerror=alert(1)>', "check": check_of(page)})
    for text in (page.text, browser.get(address).text):
        assert "<script" not in text and "<img" not in text


def test_no_page_lets_its_address_out(settings, outbox, browser, caplog):
    """The address is the key: no referrer, no cache, no frame, no script, no cookie, no log."""
    (message,) = raise_warning(outbox, "handler")
    address = link(settings, outbox, message)
    with caplog.at_level(logging.INFO, "uvicorn"):
        pages = [browser.get(address), browser.get("/w/wrong"), browser.post(address, data=GIVEN)]
    for page in pages:
        assert page.headers["referrer-policy"] == "no-referrer" and page.headers["cache-control"] == "no-store"
        assert page.headers["content-security-policy"].startswith("default-src 'none'; style-src 'sha256-")
        assert "frame-ancestors 'none'" in page.headers["content-security-policy"]
        assert "set-cookie" not in page.headers and "http://" not in page.text and "https://" not in page.text
    assert address not in "".join(record.getMessage() for record in caplog.records if record.name.startswith("yidang"))


def test_an_outbox_that_does_not_answer_is_said_in_chinese(settings, outbox, browser):
    outbox.execute("alter schema warning rename to away")
    try:
        page = browser.get(f"/w/1.{2**31}." + "A" * 43)
    finally:
        outbox.execute("alter schema away rename to warning")
    assert page.status_code == 503 and "暂时无法打开" in page.text


def test_on_a_phone_nothing_runs_over_the_edge_and_an_answer_can_be_given(settings, outbox, browser, tmp_path):
    """In Chromium, 390 px wide; the long name of a project is the hard part."""
    from playwright.sync_api import sync_playwright

    name = "云溪区中心城区老旧小区综合改造及配套基础设施提升工程（二期）" + "A" * 40
    (message,) = raise_warning(outbox, "handler", project_name=name)
    address = f"{browser.base_url}".rstrip("/") + link(settings, outbox, message)
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(
            executable_path="/usr/bin/chromium", args=["--no-sandbox", "--disable-gpu"]
        )
        page = chromium.new_context(viewport={"width": 390, "height": 844}, locale="zh-CN").new_page()
        problems = []
        page.on("console", lambda line: problems.append(line.text))
        page.goto(address)
        assert page.evaluate("document.documentElement.scrollWidth") <= 390
        assert page.locator("button").bounding_box()["height"] >= 44, "a thumb must hit it"
        page.screenshot(path=tmp_path / "form.png", full_page=True)
        page.get_by_label("原因").fill("等待规划图纸")
        page.get_by_label("承诺办结").fill("2025-03-28")
        page.get_by_role("button", name="提交答复").click()
        page.get_by_role("heading", name="已收到答复").wait_for()
        page.screenshot(path=tmp_path / "done.png")
        chromium.close()
    assert problems == []
    assert kept(outbox) == [(message, "等待规划图纸", "2025-03-28")]


def test_the_longest_promise_is_said_as_it_is_kept(settings, outbox):
    first, last = answers.promise_range(settings)
    assert (last - first).days == answers.LONGEST_PROMISE_DAYS
