"""Talking to a real Superset in tests: logging in, what its assets are called inside, asking a dataset."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from itertools import count

import httpx

from yidang.services import superset
from yidang.settings import TIMEZONE, Settings

LARGEST_PAGE = 100  # what Superset gives at once


@contextmanager
def login(settings: Settings, user: str, password: str | None = None) -> Iterator[httpx.Client]:
    """A client with the account's session, as a browser has one. password: of an account `make demo` does not make.

    Not with a token: what everybody may (the window's page), Superset answers without looking at one.
    """
    secret = password or settings.secret(superset.SECRETS[f"SUPERSET_{user.upper()}_PASSWORD"])
    with anonymous(settings) as client:
        form = {"username": user, "password": secret, "csrf_token": csrf_of(client.get("login/"))}
        assert client.post("login/", data=form).headers["location"] == "/", f"{user} cannot log in"
        # an account without a role is given none
        client.headers["X-CSRFToken"] = client.get("api/v1/security/csrf_token/").json().get("result", "")
        yield client


def anonymous(settings: Settings) -> httpx.Client:
    """A client of somebody who is not logged in."""
    return httpx.Client(base_url=superset.url(settings), timeout=60, headers={"Referer": superset.url(settings)})


def csrf_of(page: httpx.Response) -> str:
    (token,) = re.findall(r'id="csrf_token"[^>]*value="([^"]+)"', page.text)
    return token


def ids(client: httpx.Client) -> dict[str, tuple[str, int]]:
    """What each asset of ours is called inside Superset: uuid → kind, id."""
    found = {}
    for path in ("chart", "dataset", "dashboard"):
        for page in count():
            query = f"(columns:!(id,uuid),page:{page},page_size:{LARGEST_PAGE})"
            listed = client.get(f"api/v1/{path}/", params={"q": query}).json()["result"]
            found |= {one["uuid"]: (path, one["id"]) for one in listed}
            if len(listed) < LARGEST_PAGE:
                break
    return found


def question(dataset: int, *, kind: str = "table", result_format: str = "json", **query: object) -> dict:
    """The body of POST /api/v1/chart/data for one query, by default 10,000 raw rows."""
    one = {"columns": [], "metrics": None, "filters": [], "orderby": [], "row_limit": 10_000, "extras": {}} | query
    return {
        "datasource": {"id": dataset, "type": kind},
        "queries": [one],
        "result_format": result_format,
        "result_type": "full",
    }


def rows(answer: httpx.Response) -> list[dict]:
    """The rows of an answered question; raises for one that was refused."""
    answer.raise_for_status()
    return answer.json()["result"][0]["data"]


def subscription(name: str, dashboard: int, to: str = "leader@yunxi.example") -> dict:
    """The body of POST /api/v1/report/: the dashboard as PDF to that address, daily.

    Half an hour ago: none is due while a test runs, unless it says so.
    """
    crontab = f"{datetime.now(TIMEZONE) - timedelta(minutes=30):%-M %-H} * * *"
    found = {"type": "Report", "name": name, "dashboard": dashboard, "report_format": "PDF", "crontab": crontab}
    found |= {"recipients": [{"type": "Email", "recipient_config_json": {"target": to}}]}
    return found | {
        "creation_method": "alerts_reports"
    }  # from the list of reports; from a dashboard's menu: dashboards
