"""Superset's dashboards in a real browser: logging in, opening one at a screen's size, reading what a chart shows."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import playwright.sync_api as playwright

from yidang.services import superset
from yidang.settings import ROOT, Settings

# Pictures of every dashboard, to be looked at; git-ignored.
PICTURES = ROOT / ".yidang" / "test-pictures"
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--disable-background-networking"]


class Screen:
    """One logged-in page, and what its charts were answered."""

    def __init__(self, page: playwright.Page, settings: Settings) -> None:
        self.page = page
        self.base = superset.url(settings)
        self.answers: list[playwright.Response] = []
        page.on("response", lambda answer: self.answers.append(answer) if "/api/v1/chart/data" in answer.url else None)

    def open(self, path: str) -> None:
        """A dashboard by slug and query, until its charts stand."""
        self.answers.clear()
        self.page.goto(f"{self.base}superset/dashboard/{path}")
        self.settle()

    def settle(self) -> None:
        self.page.locator(".dashboard-component-chart-holder").first.wait_for(timeout=60_000)
        self.page.wait_for_load_state("networkidle")
        self.page.locator(".loading").first.wait_for(state="hidden", timeout=60_000)

    def see_all(self) -> None:
        """Charts ask for their data when they come into sight."""
        height = self.page.locator('[data-test="grid-content"]').evaluate("node => node.scrollHeight")
        size = self.page.viewport_size
        self.page.set_viewport_size({"width": size["width"], "height": max(size["height"], height + 300)})
        self.page.wait_for_timeout(1000)
        self.settle()

    def chart(self, key: str) -> playwright.Locator:
        """A chart by its file's name."""
        return self.page.locator(f".dashboard-component-chart-holder:has(#CHART-{key})")

    def cells(self, key: str, column: int) -> list[str]:
        """The texts of one column of a table, from 0, on the page that is shown."""
        rows = self.chart(key).locator("tbody tr")
        return [row.locator("td").nth(column).inner_text().strip() for row in rows.all()]

    def number(self, key: str) -> str:
        return self.chart(key).locator(".header-line").inner_text().strip()

    def failed(self) -> list[str]:
        return [f"{answer.status} {answer.url}" for answer in self.answers if answer.status != 200]

    def picture(self, name: str) -> None:
        PICTURES.mkdir(parents=True, exist_ok=True)
        self.page.screenshot(path=Path(PICTURES) / f"{name}.png")


class Browser:
    """A browser in which one account is logged in; it opens screens of any size."""

    def __init__(self, browser: playwright.Browser, settings: Settings, user: str, password: str) -> None:
        self.browser, self.settings, self.session = browser, settings, None
        self.desk = self._context()  # one for all: Superset's scripts, many MB, are fetched and read once
        with self.screen() as shown:
            page = shown.page
            page.goto(superset.url(settings) + "login/")
            page.get_by_text("请输入用户名和密码").wait_for()
            page.fill("input[type=text]", user)
            page.fill("input[type=password]", password)
            page.click("button[type=submit]")
            page.wait_for_url("**/superset/dashboard/**", timeout=60_000)
            self.session = page.context.storage_state()

    @contextmanager
    def screen(self, width: int = 1600, height: int = 1000) -> Iterator[Screen]:
        context = self._context(is_mobile=True) if width < 600 else self.desk
        page = context.new_page()
        page.set_viewport_size({"width": width, "height": height})
        try:
            yield Screen(page, self.settings)
        finally:
            page.close()

    def _context(self, **options: object) -> playwright.BrowserContext:
        return self.browser.new_context(
            locale="zh-CN", timezone_id="Asia/Shanghai", storage_state=self.session, **options
        )


@contextmanager
def chromium() -> Iterator[playwright.Browser]:
    with playwright.sync_playwright() as started:
        browser = started.chromium.launch(executable_path="/usr/bin/chromium", args=FLAGS)
        try:
            yield browser
        finally:
            browser.close()


@contextmanager
def logged_in(settings: Settings, user: str, password: str) -> Iterator[Browser]:
    with chromium() as browser:
        yield Browser(browser, settings, user, password)
