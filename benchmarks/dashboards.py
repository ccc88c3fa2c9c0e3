#!/usr/bin/env python3
"""Speed of the dashboards: each chart's data, a page until it is interactive, many viewers at once, rows behind charts.

usage: python benchmarks/dashboards.py [--events 1000000] [--viewers 50] [--seconds 300] [DASHBOARD...]
       with the environment that `make test` makes, and Chromium

Without --events it measures the installation of this clone as it stands (`make demo` first). With --events it makes one
of its own in a temporary folder, on free ports, with the made-up world of build_facts.py, and removes it at the end:
10,000,000 events take a quarter of an hour and some gigabytes of disk.

What is asked is what the browser asks: Chromium opens each dashboard once and its requests are kept and sent again.
Cold is after the data cache was emptied, warm is answered from it. A viewer opens one dashboard after the other, asks
for its charts six at a time as a browser does, and looks at it for --look seconds; each comes from an address of its
own (127.0.0.x), because Superset limits requests by address. Exit code 1 if a chart reads a mart of more than 50,000
rows, or a request fails.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import re
import statistics
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count

import httpx
from frame import installation, print_result
from playwright.sync_api import Browser, Page, sync_playwright

from yidang import query, superset_check
from yidang.services import superset
from yidang.settings import Settings

ACCOUNT = "viewer"
MOST_ROWS = 50_000
AIMS = {"warm": 200, "cold": 1000, "interactive": 3000, "viewers": 1000}  # p95 in ms
ALL_AT_ONCE = {"width": 1600, "height": 12_000}  # charts below the window's edge are not asked for
DESK = {"width": 1920, "height": 1080}
CONNECTIONS = 6  # of a browser to one server
LARGEST_PAGE = 100  # of Superset's lists
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--disable-background-networking"]
# Every chart that the window shows has drawn or said that there is nothing, and nothing spins.
SETTLED = """() => document.querySelectorAll('[data-test="chart-container"], .chart-slice').length > 0
    && document.querySelectorAll('[data-test="loading-indicator"], .loading').length === 0"""


@dataclass(frozen=True)
class Request:
    """One POST of the browser for a chart's data."""

    chart: str
    path: str
    body: str


@dataclass
class Board:
    """One dashboard: what the browser asks for, and milliseconds until nothing on the first screen is awaited."""

    slug: str
    requests: list[Request] = field(default_factory=list)
    interactive: dict[str, float] = field(default_factory=dict)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("dashboards", nargs="*", metavar="DASHBOARD", help="slugs; default: all that git holds")
    parser.add_argument("--events", type=int, help="make a warehouse of so many events (default: what is there)")
    parser.add_argument("--rounds", type=int, default=10, help="how often each chart is asked, cold and warm")
    parser.add_argument("--viewers", type=int, default=50)
    parser.add_argument("--seconds", type=int, default=300, help="how long the viewers look, 0: not at all")
    parser.add_argument("--look", type=float, default=10, help="seconds that a viewer looks at a dashboard")
    options = parser.parse_args()
    if not 1 <= options.viewers <= 200 or not 0 <= options.seconds <= 1800:
        parser.error("at most 200 viewers for 1800 seconds")
    with world(options.events) as settings:
        result = measure(settings, options)
    show(result)
    print_result("dashboards", result)
    if result["over_50000_rows"] or result["errors"]:
        sys.exit(1)


@contextmanager
def world(events: int | None) -> Iterator[Settings]:
    """The installation to be measured, with its Superset up."""
    with installation(events) as settings:
        if not events:
            if not superset.is_healthy(settings):
                sys.exit("Superset does not answer. Start it: make demo")
            yield settings
            return
        try:
            superset.start(settings)
            yield settings
        finally:
            superset.stop(settings)


def measure(settings: Settings, options: argparse.Namespace) -> dict:
    """Milliseconds, and rows. Everything the tables and the line of JSON say."""
    assets = superset_check.load(settings)
    slugs = options.dashboards or [one["slug"] for one in assets.kind("dashboards").values()]
    boards = look(settings, slugs)
    requests = [request for board in boards for request in board.requests]
    charts, failed = ask(settings, requests, options.rounds)
    cold, warm = ([one for times in charts.values() for one in times[kind]] for kind in ("cold", "warm"))
    behind = rows_behind(settings, assets)
    viewers = asyncio.run(watch(settings, boards, options)) if options.seconds else None
    return {
        "events": rows(settings, "fct_item_event"),
        "dashboards": {
            board.slug: {"requests": len(board.requests), **{k: round(v) for k, v in board.interactive.items()}}
            for board in boards
        },
        "charts": {
            title: {kind: round(statistics.median(values)) for kind, values in times.items()}
            for title, times in charts.items()
        },
        "cold": spread(cold),
        "warm": spread(warm),
        "viewers": viewers,
        "rows_behind": behind,
        "over_50000_rows": {path: most for path, most in behind.items() if most > MOST_ROWS},
        "errors": failed + (viewers["errors"] if viewers else 0),
    }


# -- in the browser --------------------------------------------------------------------------------------------
def look(settings: Settings, slugs: list[str]) -> list[Board]:
    """Open each dashboard: once to keep its requests, then with an empty data cache, then with a full one."""
    boards = [Board(slug) for slug in slugs]
    titles = chart_titles(settings)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=FLAGS)
        state = signed_in(settings, browser)
        for board in boards:
            open_board(settings, browser, state, board, ALL_AT_ONCE, titles)
            superset.clear_cache(settings)
            board.interactive["cold"] = open_board(settings, browser, state, board, DESK)
            times = [open_board(settings, browser, state, board, DESK) for _ in range(3)]
            board.interactive["warm"] = statistics.median(times)
        browser.close()
    return boards


def signed_in(settings: Settings, browser: Browser) -> dict:
    """Cookies of a session, so that every page afterwards begins with an empty browser cache but no login."""
    context = browser.new_context(locale="zh-CN")
    page = context.new_page()
    page.goto(f"{superset.url(settings)}login/")
    page.wait_for_load_state("networkidle")
    page.fill("input[type=text]", ACCOUNT)
    page.fill("input[type=password]", password(settings))
    page.click("button[type=submit]")
    page.wait_for_url("**/superset/**")
    state = context.storage_state()
    context.close()
    return state


def open_board(
    settings: Settings, browser: Browser, state: dict, board: Board, window: dict, titles: dict[int, str] | None = None
) -> float:
    """Milliseconds until the window has settled. With titles: keep the requests, and wait for late ones."""
    context = browser.new_context(locale="zh-CN", viewport=window, storage_state=state)
    page = context.new_page()
    if titles is not None:
        page.on("request", lambda one: _keep(board, titles, one.method, one.url, one.post_data))
    began = time.monotonic()
    page.goto(f"{superset.url(settings)}superset/dashboard/{board.slug}/", wait_until="commit")
    page.wait_for_function(SETTLED, timeout=120_000)
    seconds = time.monotonic() - began
    if titles is not None:
        _wait_until_quiet(page)
    context.close()
    return seconds * 1000


def _keep(board: Board, titles: dict[int, str], method: str, url: str, body: str | None) -> None:
    if method == "POST" and "/api/v1/chart/data" in url and body:
        form = json.loads(body).get("form_data") or {}
        # A filter's own question for the values that it offers belongs to no chart.
        chart = titles.get(form.get("slice_id"), f"filter {form.get('native_filter_id', '')}")
        request = Request(f"{board.slug}: {chart}", url.split("/", 3)[3], body)
        if all(request.body != other.body for other in board.requests):
            board.requests.append(request)


def chart_titles(settings: Settings) -> dict[int, str]:
    """By Superset's number."""
    found: dict[int, str] = {}
    with httpx.Client(base_url=superset.url(settings), timeout=60, headers=login(settings)) as client:
        for page in count():
            asked = {"q": f"(page:{page},page_size:{LARGEST_PAGE})"}
            charts = client.get("api/v1/chart/", params=asked).raise_for_status().json()["result"]
            found |= {chart["id"]: chart["slice_name"] for chart in charts}
            if len(charts) < LARGEST_PAGE:
                return found


def _wait_until_quiet(page: Page) -> None:
    page.wait_for_load_state("networkidle")
    page.wait_for_timeout(1000)
    page.wait_for_load_state("networkidle")


# -- by the API ------------------------------------------------------------------------------------------------
def ask(settings: Settings, requests: list[Request], rounds: int) -> tuple[dict[str, dict[str, list[float]]], int]:
    """Milliseconds of each request, one after the other: cold and warm, by chart. Also how many failed."""
    found = {request.chart: {"cold": [], "warm": []} for request in requests}
    failed = 0
    with httpx.Client(base_url=superset.url(settings), timeout=60, headers=login(settings)) as client:
        for _ in range(rounds):
            superset.clear_cache(settings)
            for kind in ("cold", "warm"):
                for request in requests:
                    began = time.monotonic()
                    answer = client.post(request.path, content=request.body)
                    found[request.chart][kind].append((time.monotonic() - began) * 1000)
                    if answer.status_code != 200:
                        failed += 1
                        print(f"{request.chart}: HTTP {answer.status_code}", file=sys.stderr)
    return found, failed


async def watch(settings: Settings, boards: list[Board], options: argparse.Namespace) -> dict:
    """Many viewers for some time. Milliseconds of each answer under that load."""
    headers = login(settings)
    until = time.monotonic() + options.seconds
    times, errors, opened = [], [], []

    async def viewer(number: int) -> None:
        dice = random.Random(number)
        transport = httpx.AsyncHTTPTransport(
            local_address=f"127.0.{1 + number // 250}.{1 + number % 250}",
            # The server closes a connection that is idle for two seconds; a browser notices, this client would not.
            limits=httpx.Limits(max_connections=CONNECTIONS, max_keepalive_connections=CONNECTIONS, keepalive_expiry=1),
        )
        base = superset.url(settings)
        async with httpx.AsyncClient(base_url=base, transport=transport, timeout=60, headers=headers) as client:
            await asyncio.sleep(dice.random() * options.look)  # they do not all come at the same moment
            while time.monotonic() < until:
                board = dice.choice(boards)
                gate = asyncio.Semaphore(CONNECTIONS)
                await asyncio.gather(*(send(client, gate, request) for request in board.requests))
                opened.append(board.slug)
                await asyncio.sleep(options.look * (0.5 + dice.random()))

    async def send(client: httpx.AsyncClient, gate: asyncio.Semaphore, request: Request) -> None:
        async with gate:
            began = time.monotonic()
            try:
                answer = await client.post(request.path, content=request.body)
                if answer.status_code != 200:
                    errors.append(f"{request.chart}: HTTP {answer.status_code}")
            except httpx.TransportError as error:
                errors.append(f"{request.chart}: {type(error).__name__}")
            times.append((time.monotonic() - began) * 1000)

    await asyncio.gather(*(viewer(number) for number in range(options.viewers)))
    for error in sorted(set(errors)):
        print(f"{errors.count(error)} × {error}", file=sys.stderr)
    said = {"viewers": options.viewers, "seconds": options.seconds, "dashboards_opened": len(opened)}
    return said | {"requests": len(times), "errors": len(errors), **spread(times)}


def login(settings: Settings) -> dict[str, str]:
    """Headers of a session. By the form: where Public may read, Superset takes no API token for an account."""
    base = superset.url(settings)
    with httpx.Client(base_url=base, timeout=60, headers={"Referer": base}) as client:
        (token,) = re.findall(r'name="csrf_token"[^>]*value="([^"]+)"', client.get("login/").text)
        form = {"username": ACCOUNT, "password": password(settings), "csrf_token": token}
        if client.post("login/", data=form).headers.get("location") != "/":
            raise SystemExit(f"{ACCOUNT} cannot log in to {base}.")
        mark = client.get("api/v1/security/csrf_token/").raise_for_status().json()["result"]
        cookies = "; ".join(f"{name}={value}" for name, value in client.cookies.items())
    return {"Referer": base, "Content-Type": "application/json", "X-CSRFToken": mark, "Cookie": cookies}


def password(settings: Settings) -> str:
    return settings.secret(superset.SECRETS[f"SUPERSET_{ACCOUNT.upper()}_PASSWORD"])


# -- rows ------------------------------------------------------------------------------------------------------
def rows_behind(settings: Settings, assets: superset_check.Assets) -> dict[str, int]:
    """For each dataset's file that a chart stands on, the rows of the largest mart that it reads."""
    used = {chart["dataset_uuid"] for chart in assets.kind("charts").values()}
    return {
        path: max(rows(settings, mart) for mart in sorted(superset_check.marts_of(dataset)))
        for path, dataset in assets.kind("datasets").items()
        if dataset["uuid"] in used
    }


def rows(settings: Settings, mart: str) -> int:
    with query.reader(settings) as connection:
        return connection.execute(f"select count(*) from marts.{mart}").fetchone()[0]  # noqa: S608 - names from git


# -- said ------------------------------------------------------------------------------------------------------
def spread(times: list[float]) -> dict[str, int]:
    ordered = sorted(times)
    return {
        "p50": round(statistics.median(ordered)),
        "p95": round(ordered[min(len(ordered) - 1, int(0.95 * len(ordered)))]),
        "max": round(ordered[-1]),
    }


def show(result: dict) -> None:
    print(f"\n{result['events']:,} events; milliseconds")
    print(f"{'dashboard':<28}{'requests':>10}{'interactive, cold':>20}{'warm':>8}   (aim {AIMS['interactive']})")
    for slug, board in result["dashboards"].items():
        print(f"{slug:<28}{board['requests']:>10}{board['cold']:>20}{board['warm']:>8}")
    print(f"\n{'data of every chart':<28}{'p50':>8}{'p95':>8}{'max':>8}")
    for kind in ("cold", "warm"):
        print(f"{kind:<28}" + "".join(f"{result[kind][key]:>8}" for key in ("p50", "p95", "max")), end="")
        print(f"   (aim for p95 {AIMS[kind]})")
    if viewers := result["viewers"]:
        print(f"{viewers['viewers']} viewers, {viewers['seconds']} s".ljust(28), end="")
        print("".join(f"{viewers[key]:>8}" for key in ("p50", "p95", "max")), end="")
        said = f"{viewers['requests']} requests, {viewers['errors']} failed"
        print(f"   (aim for p95 {AIMS['viewers']}; {said})")
    print("\nslowest charts, cold (medians)")
    for chart, times in sorted(result["charts"].items(), key=lambda item: -item[1]["cold"])[:10]:
        print(f"  {chart:<40}{times['cold']:>8}{times['warm']:>8}")
    for path, most in result["over_50000_rows"].items():
        print(f"✗ {path}: a chart stands on {most:,} rows, more than {MOST_ROWS:,}")


if __name__ == "__main__":
    main()
