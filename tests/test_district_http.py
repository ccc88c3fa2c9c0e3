"""The district's HTTP interfaces: tokens, pages, cursor, rate limit, planted failures; and the real server."""

from __future__ import annotations

import asyncio
import sqlite3
from contextlib import closing
from datetime import date
from pathlib import Path

import httpx
import pytest
from starlette.applications import Starlette

from yidang.district import generate
from yidang.district.http_api import FAIL_EVERY, create_app
from yidang.district.plant import plant
from yidang.district.simulate import simulate
from yidang.district.systems import http_store
from yidang.services import district as servers
from yidang.settings import Settings

PROJECTS = "/fagai/api/v1/projects"
APPROVALS = "/fagai/api/v1/approvals"
PERMITS = "/shuiwu/api/permits"
FAGAI = {"Authorization": "Bearer fagai-token"}
SHUIWU = {"X-Api-Token": "shuiwu-token"}


class Client:
    """Requests to the application itself, without a socket."""

    def __init__(self, app: Starlette) -> None:
        self.transport = httpx.ASGITransport(app)

    def get(self, path: str, **request: object) -> httpx.Response:
        async def ask() -> httpx.Response:
            async with httpx.AsyncClient(transport=self.transport, base_url="http://district") as client:
                return await client.get(path, **request)

        return asyncio.run(ask())


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    world = simulate(3, 40, date(2024, 1, 2), date(2025, 6, 30))
    plant(world)
    path = tmp_path_factory.mktemp("http") / "store.sqlite"
    http_store.write(world, path)
    return path


@pytest.fixture
def client(store: Path) -> Client:
    return Client(create_app(store, "fagai-token", "shuiwu-token", limit=1000, window_seconds=60))


def test_health_needs_no_token_and_says_that_the_data_are_made_up(client: Client):
    assert client.get("/healthz").json() == {"ok": True, "data": "虚构示例数据"}


@pytest.mark.parametrize(
    ("path", "headers"),
    [(PROJECTS, {}), (PROJECTS, {"Authorization": "Bearer wrong"}), (PERMITS, {"X-Api-Token": "fagai-token"})],
)
def test_a_wrong_token_is_refused(client: Client, path: str, headers: dict[str, str]):
    answer = client.get(path, headers=headers)
    assert answer.status_code == 401
    assert answer.json()["code"] == 401


def test_pages_give_every_project_once_in_order(client: Client, store: Path):
    rows = []
    for page in range(1, 6):
        body = client.get(PROJECTS, headers=FAGAI, params={"page": page, "page_size": 10}).json()
        assert (body["code"], body["page"], body["page_size"]) == (0, page, 10)
        rows += body["data"]
    assert len(rows) == body["total"] == _count(store, "projects") == 42  # 40 and two registered twice
    assert rows == sorted(rows, key=lambda row: (row["updated_at"], row["id"]))
    assert len({row["id"] for row in rows}) == 42
    assert client.get(PROJECTS, headers=FAGAI, params={"page": 6, "page_size": 10}).json()["data"] == []


def test_updated_since_takes_the_moment_itself_and_later(client: Client):
    everything = client.get(APPROVALS, headers=FAGAI, params={"page_size": 500}).json()["data"]
    middle = everything[len(everything) // 2]["updated_at"]
    later = client.get(APPROVALS, headers=FAGAI, params={"updated_since": middle, "page_size": 500}).json()
    assert later["data"] == [row for row in everything if row["updated_at"] >= middle]
    assert later["total"] == len(later["data"]) < len(everything)


def test_the_cursor_gives_every_permit_once(client: Client, store: Path):
    items, cursor = [], None
    for _ in range(100):
        parameters = {"limit": 7, **({"cursor": cursor} if cursor else {"since": "2024-01-01T00:00:00"})}
        body = client.get(PERMITS, headers=SHUIWU, params=parameters)
        if body.status_code == 500:
            continue
        items += body.json()["items"]
        cursor = body.json()["next_cursor"]
        if cursor is None:
            break
    assert len({item["permit_id"] for item in items}) == len(items) == _count(store, "permits")
    assert [item["modified"] for item in items] == sorted(item["modified"] for item in items)
    assert all(sorted(entry["seq"] for entry in item["log"]) == list(range(1, len(item["log"]) + 1)) for item in items)


@pytest.mark.parametrize(
    ("path", "headers", "parameters"),
    [
        (PROJECTS, FAGAI, {"page": "0"}),
        (PROJECTS, FAGAI, {"page_size": "100000"}),
        (PROJECTS, FAGAI, {"updated_since": "yesterday"}),
        (PERMITS, SHUIWU, {"cursor": "nonsense"}),
        (PERMITS, SHUIWU, {"cursor": "MQ=="}),
    ],
)
def test_unreadable_parameters_are_answered_with_400(client: Client, path: str, headers: dict, parameters: dict):
    answer = client.get(path, headers=headers, params=parameters)
    assert answer.status_code == 400
    assert answer.json()["msg"]


def test_too_many_requests_are_told_when_to_come_back(store: Path):
    client = Client(create_app(store, "fagai-token", "shuiwu-token", limit=3, window_seconds=0.3))
    answers = [client.get(PROJECTS, headers=FAGAI).status_code for _ in range(4)]
    assert answers == [200, 200, 200, 429]
    refused = client.get(APPROVALS, headers=FAGAI)
    assert refused.status_code == 429, "the limit counts the department's requests, not one path's"
    assert int(refused.headers["Retry-After"]) >= 1
    assert client.get(PERMITS, headers=SHUIWU).status_code == 200, "the other department has a limit of its own"


def test_every_so_many_requests_one_fails_and_the_next_succeeds(client: Client):
    answers = [client.get(PROJECTS, headers=FAGAI, params={"page_size": 1}).status_code for _ in range(2 * FAIL_EVERY)]
    assert [number for number, status in enumerate(answers, 1) if status == 500] == [FAIL_EVERY, 2 * FAIL_EVERY]
    assert set(answers) == {200, 500}


def test_before_a_world_is_made_the_server_says_so(tmp_path: Path):
    client = Client(create_app(tmp_path / "none.sqlite", "fagai-token", "shuiwu-token"))
    assert client.get(PROJECTS, headers=FAGAI).status_code == 503


@pytest.mark.integration
def test_the_real_servers_start_once_answer_and_stop(settings: Settings):
    try:
        servers.start(settings)
        assert not servers.start(settings), "a second start changes nothing"
        generate(settings, seed=1, projects=10, start=date(2024, 1, 2), end=date(2024, 12, 31))
        headers = {"Authorization": f"Bearer {settings.secret('FAGAI_TOKEN')}"}
        body = httpx.get(settings.secret("FAGAI_URL") + PROJECTS, headers=headers).json()
        assert body["total"] == 12
        assert {row["project_code"][4] for row in body["data"]} == {"-", "－"}
        stopped = servers.stop(settings)
        assert stopped
        assert not servers.is_healthy(settings)
    finally:
        servers.stop(settings)
        servers.start_databases(settings)  # other tests of the session use the cluster


def _count(store: Path, kind: str) -> int:
    with closing(sqlite3.connect(store)) as connection:
        return connection.execute("select count(*) from record where kind = ?", (kind,)).fetchone()[0]
