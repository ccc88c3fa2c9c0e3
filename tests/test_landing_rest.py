"""HTTP APIs → raw, against a real server that behaves badly on demand."""

from __future__ import annotations

import json
import time

import pytest
from landing_support import count, http_server, load, rows, table
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from yidang import landing

pytestmark = pytest.mark.integration
PAGES = """
    kind: rest
    base_url: ${CESHI_URL}
    auth: {kind: bearer, token: "${CESHI_TOKEN}"}
    paging: {kind: page, size: 10, items: data, total: total}
    requests_per_second: 1000
    retries: 3
"""
LINKS = """
    kind: rest
    base_url: ${CESHI_URL}
    auth: {kind: header, header: X-Api-Token, token: "${CESHI_TOKEN}"}
    paging: {kind: cursor, size: 10, items: result.items, next_cursor: result.next}
    requests_per_second: 1000
"""
QUESTIONS = table(
    extra="path: /questions\nsince_parameter: since\ncursor: {column: updated_at, overlap_minutes: 1}",
)
RAW = "raw_ceshi.question"


class Api:
    """Questions sorted by (updated_at, id), ten a page; `misbehave` may answer instead, or change the data."""

    def __init__(self) -> None:
        self.questions: list[dict] = []
        self.requests: list[dict] = []
        self.misbehave = lambda number: None

    def add(self, number: int, updated: str, **more: object) -> None:
        self.questions.append(
            {"id": number, "asked_at": "2025-03-03T09:00:00", "topic": "收费", "updated_at": updated, **more}
        )

    def selected(self, request: Request) -> list[dict]:
        since = request.query_params.get("since", "")
        chosen = [entry for entry in self.questions if entry["updated_at"] >= since]
        return sorted(chosen, key=lambda entry: (entry["updated_at"], entry["id"]))

    def pages(self, request: Request) -> Response:
        self.requests.append(dict(request.query_params))
        if answer := self.misbehave(len(self.requests)):
            return answer
        if request.headers.get("authorization") != "Bearer right":
            return JSONResponse({"msg": "令牌无效"}, status_code=401)
        found, page, size = (
            self.selected(request),
            int(request.query_params["page"]),
            int(request.query_params["page_size"]),
        )
        return JSONResponse({"code": 0, "total": len(found), "data": found[(page - 1) * size : page * size]})

    def links(self, request: Request) -> Response:
        if request.headers.get("x-api-token") != "right":
            return JSONResponse({"msg": "forbidden"}, status_code=403)
        found, start = self.selected(request), int(request.query_params.get("cursor", "0"))
        end = start + int(request.query_params["limit"])
        following = str(end) if end < len(found) else None
        return JSONResponse({"result": {"items": found[start:end], "next": following}})


@pytest.fixture
def api(settings, empty_warehouse, monkeypatch):
    monkeypatch.setattr("yidang.gate.check_pending", lambda *_: [])  # tested elsewhere, and takes its time
    server = Api()
    app = Starlette(routes=[Route("/questions", server.pages), Route("/linked", server.links)])
    with http_server(app) as url:
        settings.ensure_secrets([], fixed={"CESHI_URL": url, "CESHI_TOKEN": "right"})
        yield server


@pytest.fixture
def department(settings, api, tmp_path):
    return load(settings, tmp_path, "ceshi", PAGES, QUESTIONS)


def ids(warehouse) -> list[int]:
    return sorted(int(number) for (number,) in rows(warehouse, RAW, "id"))


def spread(api, numbers) -> None:
    for number in numbers:
        api.add(number, f"2025-03-03T{number // 60:02d}:{number % 60:02d}:00")


def test_pages_are_walked_and_values_stay_as_sent(settings, warehouse, api, department):
    spread(api, range(1, 36))
    api.questions[4] |= {"log": [{"步骤": "受理", "seq": 1}], "price": 1.50, "big": 12345678901234567890, "open": True}
    result = landing.pull(settings, department)
    assert ids(warehouse) == list(range(1, 36))
    assert rows(warehouse, RAW, "log, price, big, open, topic")[4] == (
        '[{"步骤":"受理","seq":1}]', "1.5", "12345678901234567890", "true", "收费",
    )  # fmt: skip
    assert result.tables[0].rows_landed == result.tables[0].rows_read == 35
    # Columns of some answers only are landed and noted.
    drift = warehouse.execute("select column_name from landing.drift order by 1").fetchall()
    assert drift == [("big",), ("log",), ("open",), ("price",)]


def test_digits_of_numbers_survive(settings, warehouse, api, department):
    body = '{"total":1,"data":[{"id":1,"asked_at":"2025-03-03","topic":10.50,"updated_at":"2025-03-03"}]}'
    api.misbehave = lambda number: Response(body, media_type="application/json")
    landing.pull(settings, department)
    assert rows(warehouse, RAW, "topic") == [("10.50",)]


def test_the_next_pull_asks_from_the_cursor_less_the_overlap(settings, warehouse, api, department):
    spread(api, range(1, 13))
    landing.pull(settings, department)
    api.requests.clear()
    api.add(99, "2025-03-03T00:20:00")
    result = landing.pull(settings, department)
    assert api.requests[0]["since"] == "2025-03-03T00:11:00"
    assert (result.tables[0].rows_read, result.tables[0].rows_landed) == (3, 1)
    assert landing.pull(settings, department).tables[0].batch_ids == []


def test_nothing_is_lost_when_rows_change_while_we_page(settings, warehouse, api, department):
    """With plain page numbers, a row that moves to the end lets the first row of the next page slide to one read."""
    spread(api, range(1, 41))

    def change(number):
        if number in (2, 3):
            moved = api.questions[number]
            moved |= {"topic": "改", "updated_at": f"2025-03-03T10:00:0{number}"}
            api.add(100 + number, f"2025-03-03T11:00:0{number}")

    api.misbehave = change
    landing.pull(settings, department)
    assert set(ids(warehouse)) == {*range(1, 41), 102, 103}
    once = len(set(rows(warehouse, RAW, "id, topic, updated_at")))
    assert count(warehouse, RAW) == once
    landing.pull(settings, department)
    assert count(warehouse, RAW) == once


def test_many_rows_of_one_moment_do_not_stop_the_walk(settings, warehouse, api, department):
    for number in range(1, 58):
        api.add(number, "2025-03-03T10:00:00" if number > 5 else f"2025-03-03T09:00:0{number}")
    landing.pull(settings, department)
    assert ids(warehouse) == list(range(1, 58))


def test_an_api_that_does_not_sort_is_refused(settings, warehouse, api, department):
    api.selected = lambda request: api.questions
    api.add(1, "2025-03-04T00:00:00")
    api.add(2, "2025-03-03T00:00:00")
    for number in range(3, 20):
        api.add(number, "2025-03-05T00:00:00")
    with pytest.raises(landing.PullError, match="does not sort its pages by updated_at"):
        landing.pull(settings, department)
    assert count(warehouse, RAW) == 0


def test_links_are_followed_to_the_end(settings, warehouse, api, tmp_path):
    department = load(settings, tmp_path, "ceshi", LINKS, QUESTIONS.replace("/questions", "/linked"))
    spread(api, range(1, 31))
    landing.pull(settings, department)
    assert ids(warehouse) == list(range(1, 31))
    assert landing.pull(settings, department).tables[0].rows_landed == 0


def test_a_rate_limit_is_waited_out_as_long_as_it_says(settings, warehouse, api, department):
    spread(api, range(1, 25))
    api.misbehave = lambda number: Response(status_code=429, headers={"Retry-After": "1"}) if number == 2 else None
    started = time.monotonic()
    landing.pull(settings, department)
    assert time.monotonic() - started >= 1
    assert ids(warehouse) == list(range(1, 25))


@pytest.mark.parametrize(
    "broken",
    [
        lambda: Response("boom", status_code=500),
        lambda: Response('{"total": 24, "data": [{"id": 1, "as', media_type="application/json"),
        lambda: Response(b"short", headers={"Content-Length": "500"}, media_type="application/json"),
    ],
)
def test_a_passing_fault_is_tried_again(settings, warehouse, api, department, broken):
    spread(api, range(1, 25))
    api.misbehave = lambda number: broken() if number in (1, 3) else None
    landing.pull(settings, department)
    assert ids(warehouse) == list(range(1, 25))


def test_a_lasting_fault_lands_nothing_and_says_so(settings, warehouse, api, department):
    spread(api, range(1, 25))
    api.misbehave = lambda number: Response(status_code=503) if number > 1 else None
    with pytest.raises(landing.PullError) as caught:
        landing.pull(settings, department)
    assert "ceshi: /questions gave no usable answer in 4 tries: HTTP 503." in str(caught.value)
    assert "The address is in CESHI_URL." in str(caught.value)
    assert len(api.requests) == 5
    assert count(warehouse, RAW) == count(warehouse, "landing.batch") == 0
    api.misbehave = lambda number: None
    landing.pull(settings, department)
    assert ids(warehouse) == list(range(1, 25))


def test_a_wrong_token_is_not_tried_twice_and_not_shown(settings, warehouse, api, department):
    settings.ensure_secrets([], fixed={"CESHI_TOKEN": "wrong-token"})
    with pytest.raises(landing.PullError) as caught:
        landing.pull(settings, department)
    assert "ceshi: /questions refused the token (HTTP 401)." in str(caught.value)
    assert "Set the secret CESHI_TOKEN" in str(caught.value)
    assert "wrong-token" not in str(caught.value)
    assert len(api.requests) == 1


def test_a_server_that_is_down(settings, warehouse, api, tmp_path):
    department = load(settings, tmp_path, "ceshi", PAGES.replace("retries: 3", "retries: 1"), QUESTIONS)
    settings.ensure_secrets([], fixed={"CESHI_URL": "http://127.0.0.1:1"})
    with pytest.raises(landing.PullError, match=r"gave no usable answer in 2 tries: ConnectError"):
        landing.pull(settings, department)


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (
            {"code": 7, "msg": "参数错误"},
            'the answer has no list of rows at `data`; it begins {"code":7,"msg":"参数错误"}',
        ),
        ([1, 2], "the answer has no list of rows at `data`; it begins [1,2]"),
        (
            {"total": 1, "data": [{"id": 1, "topic": "x", "updated_at": "2025-03-03"}]},
            "ceshi.question: the source no longer has the column asked_at; nothing of it was landed.",
        ),
    ],
)
def test_an_answer_of_another_shape(settings, warehouse, api, department, body, expected):
    api.misbehave = lambda number: JSONResponse(body)
    with pytest.raises(landing.PullError) as caught:
        landing.pull(settings, department)
    assert expected in str(caught.value)
    assert count(warehouse, RAW) == 0


def test_another_status_shows_the_answer(settings, api, department):
    api.misbehave = lambda number: Response("since 应为日期", status_code=400)
    with pytest.raises(landing.PullError, match="answered HTTP 400: 'since 应为日期'"):
        landing.pull(settings, department)


def test_a_value_that_is_no_text_goes_to_quarantine(settings, warehouse, api, department):
    spread(api, range(1, 4))
    api.questions[0]["topic"] = "nul \x00 here"
    api.misbehave = lambda number: Response(
        json.dumps({"total": 3, "data": api.questions}).replace('"topic": "\\u6536\\u8d39"', '"topic": "\\ud800"', 1),
        media_type="application/json",
    )
    landing.pull(settings, department)
    assert ids(warehouse) == [3]
    kept = warehouse.execute("select row_number, rule, reason from landing.quarantine order by 1").fetchall()
    assert kept == [
        (1, "text", "a value contains a NUL character."),
        (2, "text", "a value contains half a surrogate pair, which is no character."),
    ]
    # The overlap brings them again; they lie in quarantine already.
    assert landing.pull(settings, department).tables[0].batch_ids == []
    assert count(warehouse, "landing.quarantine") == 2
