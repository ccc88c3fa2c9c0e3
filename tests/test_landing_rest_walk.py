"""Walking a REST source's pages while its rows change: nothing is missed, nothing comes twice, and every walk ends."""

from __future__ import annotations

import json
from urllib.parse import urlencode

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as examples
from hypothesis import strategies as st
from landing_support import http_server, load, read_rest, rows, table
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from yidang import landing
from yidang import settings as settings_module
from yidang.errors import ConfigError, YidangError

HERE = settings_module.load()
SOURCE = """
kind: rest
base_url: ${{CESHI_URL}}
paging: {paging}
requests_per_second: 100000
retries: 0
"""
CURSOR = "since_parameter: since\ncursor: {column: updated_at, overlap_minutes: 1}"
RAW = "raw_ceshi.question"
PAGINGS = {
    "page": "{kind: page, size: 3}",
    "page from 0 with total": "{kind: page, size: 3, first_page: 0, page_parameter: p, total: total}",
    "offset": "{kind: offset, size: 3}",
    "offset with total": "{kind: offset, size: 3, offset_parameter: skip, size_parameter: top, total: total}",
    "cursor": "{kind: cursor, size: 3, items: data, next_cursor: next}",
    "cursor that counts": "{kind: cursor, size: 3, items: data, next_cursor: count, sorted_by_cursor: true}",
    "link in the body": "{kind: link, size: 3, items: data, next_url: links.next}",
    "link in the header that counts": "{kind: link, size: 3, items: ., sorted_by_cursor: true}",
    "none": "{kind: none}",
}


class Api:
    """Rows sorted by (updated_at, id), by each kind of paging. `before` is called before each answer."""

    def __init__(self) -> None:
        self.rows: dict[int, dict] = {}
        self.asked: list[dict] = []
        self.before = lambda number: None
        self.least: str | int = ""  # and of what type updated_at is
        self.order = lambda row: (row["updated_at"], row["id"])
        self.broken = lambda answer: answer

    def put(self, number: int, updated: str | int, topic: str = "收费") -> None:
        self.rows[number] = {"id": number, "asked_at": "", "topic": topic, "updated_at": updated}

    async def answer(self, request: Request) -> JSONResponse:
        sent = dict(request.query_params) if request.method == "GET" else await request.json()
        self.asked.append(sent)
        self.before(len(self.asked))
        since = type(self.least)(sent.get("since", self.least))
        found = sorted((row for row in self.rows.values() if row["updated_at"] >= since), key=self.order)
        after = json.loads(sent["cursor"]) if sent.get("cursor", "").startswith("[") else None
        rest = [row for row in found if after is None or [row["updated_at"], row["id"]] > after]
        size = int(sent.get("limit") or sent.get("page_size") or sent.get("top") or 1_000_000)
        start = int(sent.get("offset") or sent.get("skip") or sent.get("from") or 0)
        if "page" in sent or "p" in sent:
            start = size * (int(sent["page"]) - 1 if "page" in sent else int(sent["p"]))
        if sent.get("cursor", "").isdigit():
            start = int(sent["cursor"])
        page, more = rest[start : start + size], len(rest) > start + size
        last = json.dumps([page[-1]["updated_at"], page[-1]["id"]]) if more else None
        kept = {"since": sent["since"]} if "since" in sent else {}
        answer = {
            "total": len(found),
            "data": page,
            "next": last,
            "count": str(start + size) if more else "",
            "links": {"next": f"?{urlencode(kept | {'limit': size, 'cursor': last})}" if more else None},
        }
        linked = f'</questions?{urlencode(kept | {"limit": size, "from": start + size})}>; rel="next"'
        headers = {"Link": f'</first>; rel="first"{", " + linked if more else ""}'}
        answer = self.broken(answer)
        return JSONResponse(answer["data"] if "bare" in sent else answer, headers=headers)


@pytest.fixture
def api(monkeypatch):
    served = Api()
    with http_server(Starlette(routes=[Route("/questions", served.answer, methods=["GET", "POST"])])) as url:
        monkeypatch.setenv("CESHI_URL", url)
        yield served


def department(tmp_path, kind: str, cursor: str = CURSOR, more: str = ""):
    paging = PAGINGS.get(kind, kind)
    extra = f"path: /questions\n{cursor}" + ("\nparameters: {bare: 1}" if "items: .," in paging else "")
    return load(HERE, tmp_path, "ceshi", SOURCE.format(paging=paging) + more, table(extra=extra))


def ids(read: tuple[list[dict], list]) -> list[int]:
    return sorted({int(row["id"]) for row in read[0]})


def spread(api: Api, count: int) -> None:
    for number in range(1, count + 1):
        api.put(number, f"2025-03-03T{number // 60:02d}:{number % 60:02d}:00")


@pytest.mark.parametrize("cursor", [CURSOR, ""])
@pytest.mark.parametrize("kind", PAGINGS)
def test_every_kind_reads_all(api, tmp_path, kind, cursor):
    made = department(tmp_path, kind, cursor)
    for count in (0, 1, 3, 4, 11):
        api.rows.clear()
        spread(api, count)
        assert ids(read_rest(HERE, made)) == list(range(1, count + 1))


@pytest.mark.parametrize("kind", [kind for kind in PAGINGS if "link" not in kind])
def test_a_post_carries_the_same_parameters(api, tmp_path, kind):
    spread(api, 11)
    assert ids(read_rest(HERE, department(tmp_path, kind, more="method: post\n"), "2025-03-03T00:05:00")) == [
        *range(4, 12)
    ]
    assert api.asked[0]["since"] == "2025-03-03T00:04:00"


def test_a_link_is_not_posted(tmp_path):
    with pytest.raises(ConfigError, match="a URL that names the next page is fetched with get"):
        department(tmp_path, "link in the body", more="method: post\n")


def test_milliseconds_are_walked_like_moments(api, tmp_path):
    """More rows of one number than a page holds, and one of them leaves while we read."""
    api.least = 0
    for number in range(1, 12):
        api.put(number, 1741000000000 + number // 8)
    api.before = lambda number: api.put(1, 1741000000009) if number == 3 else None
    assert ids(read_rest(HERE, department(tmp_path, "page"))) == [*range(1, 12)]


# -- changes while we read ---------------------------------------------------------------------------------
COUNTED = [kind for kind in PAGINGS if "page" in kind or "offset" in kind or "counts" in kind]


@pytest.mark.parametrize("kind", COUNTED)
def test_a_row_that_leaves_a_crowded_moment_lets_none_slide_out(api, tmp_path, kind):
    for number in range(1, 11):
        api.put(number, "2025-03-03T10:00:00")
    api.before = lambda number: api.put(1, "2025-03-03T12:00:00", "改") if number == 3 else None
    assert ids(read_rest(HERE, department(tmp_path, kind))) == [*range(1, 11)]


@pytest.mark.parametrize("kind", COUNTED)
def test_a_row_that_is_deleted_lets_none_slide_out(api, tmp_path, kind):
    """With a total, it shrinks to what has been read already."""
    for number in range(1, 8):
        api.put(number, "2025-03-03T10:00:00")
    api.before = lambda number: api.rows.pop(1, None) if number == 3 else None
    assert set(range(2, 8)) <= set(ids(read_rest(HERE, department(tmp_path, kind))))


@pytest.mark.parametrize("kind", ["page from 0 with total", "offset with total"])
def test_a_total_that_shrinks_does_not_end_a_list_without_cursor(api, tmp_path, kind):
    spread(api, 9)

    def before(number):
        if number == 2:
            for gone in (7, 8, 9):
                del api.rows[gone]
            spread(api, 6)
        if number == 3:
            spread(api, 9)

    api.before = before
    assert ids(read_rest(HERE, department(tmp_path, kind, cursor=""))) == [*range(1, 10)]


def test_rows_of_one_moment_in_another_order_each_time_are_refused(api, tmp_path):
    for number in range(1, 8):
        api.put(number, "2025-03-03T10:00:00")
    api.order = lambda row: (row["updated_at"], hash((row["id"], len(api.asked))))
    with pytest.raises(YidangError) as caught:
        read_rest(HERE, department(tmp_path, "offset"))
    assert "fill several pages, and these come in another order each time" in str(caught.value)
    assert "Ask the department to sort by updated_at and key" in caught.value.cure


@st.composite
def histories(draw):
    """(at which of two moments each row lies at first; changes: before which request, of which id, seconds since)."""
    first = draw(st.lists(st.integers(0, 1), min_size=5, max_size=14))
    change = st.tuples(st.integers(1, 12), st.integers(1, 16), st.sampled_from([0, 1, 5]))
    return first, sorted(draw(st.lists(change, min_size=1, max_size=10)))


@pytest.fixture
def pulled(api, settings, empty_warehouse, tmp_path, monkeypatch):
    """Pulls this paging twice while this history happens; gives (all versions there were, rows of raw in order)."""
    monkeypatch.setattr("yidang.gate.check_pending", lambda *_: [])  # tested elsewhere, and takes its time

    def run(kind, history):
        first, changes = history
        made = department(tmp_path, kind)
        landing.ensure_landing(settings, [made])
        empty_warehouse.execute(f"truncate landing.batch, landing.table_status, landing.quarantine, {RAW}")
        api.rows.clear()
        api.asked.clear()
        versions = set()

        def put(number, updated):
            api.put(number, updated, f"v{len(versions)}")
            versions.add((str(number), updated, api.rows[number]["topic"]))

        for number, moment in enumerate(first, 1):
            put(number, f"2025-03-03T0{moment}:00:00")
        now, waiting = 0, list(changes)

        def before(number):
            nonlocal now
            while waiting and waiting[0][0] <= number:
                _, changed, passed = waiting.pop(0)
                now += passed
                put(changed, f"2025-03-03T08:{now // 60:02d}:{now % 60:02d}")

        api.before = before
        landing.pull(settings, made)
        before(1000)
        landing.pull(settings, made)
        return versions, rows(empty_warehouse, RAW, "id, updated_at, topic")

    return run


@pytest.mark.integration
@pytest.mark.parametrize("kind", PAGINGS)
def test_whatever_changes_while_we_read_raw_ends_with_every_last_version_once(api, pulled, kind):
    """Without an overlap that would mend it: the rows at first lie hours before those that change."""

    @examples(max_examples=12, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
    @given(histories())
    def holds(history):
        versions, landed = pulled(kind, history)
        assert len(landed) == len(set(landed))
        assert set(landed) <= versions
        last = {number: (updated, topic) for number, updated, topic in landed}
        assert last == {str(row["id"]): (row["updated_at"], row["topic"]) for row in api.rows.values()}

    holds()


# -- walks that would never end ----------------------------------------------------------------------------
@pytest.mark.parametrize("cursor", [CURSOR, ""])
@pytest.mark.parametrize("kind", ["page", "offset", "page from 0 with total"])
def test_an_api_that_does_not_know_the_page_parameter_is_found_out(api, tmp_path, kind, cursor):
    for number in range(1, 11):
        api.put(number, "2025-03-03T10:00:00")
    page = [*api.rows.values()][:3]
    api.broken = lambda answer: answer | {"data": page}
    with pytest.raises(YidangError) as caught:
        read_rest(HERE, department(tmp_path, kind, cursor))
    assert "ceshi.question: page 2 has the rows of page 1; the pages would never end" in str(caught.value)
    assert "Check the names of the paging parameters" in caught.value.cure


def test_pages_without_their_key_are_not_taken_for_one_another(api, tmp_path):
    spread(api, 9)
    api.broken = lambda answer: answer | {"data": [{"nr": row["id"]} for row in answer["data"]]}
    with pytest.raises(YidangError, match="the source no longer has the columns id, asked_at, topic, updated_at"):
        read_rest(HERE, department(tmp_path, "page"))


def test_pages_that_circle_are_found_out(api, tmp_path):
    spread(api, 9)
    every = [*api.rows.values()]
    api.broken = lambda answer: answer | {"data": every[(len(api.asked) - 1) % 3 * 3 :][:3]}
    with pytest.raises(YidangError, match="page 4 has the rows of page 1; the pages would never end"):
        read_rest(HERE, department(tmp_path, "page", cursor=""))


@pytest.mark.parametrize("period", [1, 3])
@pytest.mark.parametrize("kind", ["cursor", "link in the body"])
def test_next_pages_that_circle_are_found_out(api, tmp_path, kind, period):
    spread(api, 9)

    def circle(answer):
        named = str(len(api.asked) % period)
        fresh = [{"id": len(api.asked), "asked_at": "", "topic": "", "updated_at": "2025-03-03"}]
        return {"data": fresh, "next": f"c{named}", "links": {"next": f"/questions?limit=3&at={named}"}}

    api.broken = circle
    with pytest.raises(YidangError, match="the API names a next page that it has named before"):
        read_rest(HERE, department(tmp_path, kind))
    assert len(api.asked) == period + 1


def test_a_page_that_comes_again_under_other_cursors_is_found_out(api, tmp_path):
    spread(api, 3)
    api.broken = lambda answer: answer | {"next": f"c{len(api.asked)}"}
    with pytest.raises(YidangError, match="page 2 has the rows of page 1"):
        read_rest(HERE, department(tmp_path, "cursor"))


@pytest.mark.parametrize("kind", ["page", "offset with total", "cursor that counts"])
def test_an_api_that_does_not_know_the_since_parameter_is_found_out(api, tmp_path, kind):
    for number in range(1, 29):
        api.put(number, f"2025-03-{number:02d} 10:00:00")
    made = department(tmp_path, kind, CURSOR.replace("since_parameter: since", "since_parameter: start"))
    with pytest.raises(YidangError) as caught:
        read_rest(HERE, made)
    assert "so it takes no notice of `start`, and would be read from the start for every page" in str(caught.value)
    assert len(api.asked) < 20


# -- links and totals that lead astray ---------------------------------------------------------------------
@pytest.mark.parametrize("url", ["http://127.0.0.2:9/questions?page=2", "//elsewhere/questions", "file:///etc/passwd"])
def test_a_link_to_another_server_is_refused(api, tmp_path, url):
    spread(api, 4)
    api.broken = lambda answer: answer | {"links": {"next": url}}
    with pytest.raises(YidangError) as caught:
        read_rest(HERE, department(tmp_path, "link in the body"))
    assert "ceshi.question: the next page leads to another server" in str(caught.value)
    assert "the login would go there" in str(caught.value)
    assert caught.value.cure == "If the login may go there, name it in source.paging.hosts."
    assert len(api.asked) == 1


def test_a_link_to_a_declared_server_is_followed(api, tmp_path):
    spread(api, 4)
    asked = []
    other = Api()
    other.rows = {9: {"id": 9, "asked_at": "", "topic": "", "updated_at": "2025-03-03T10:00:00"}}
    with http_server(Starlette(routes=[Route("/more", other.answer)])) as url:
        api.broken = lambda answer: asked.append(1) or answer | {"links": {"next": f"{url}/more?limit=3"}}
        host = url.removeprefix("http://")
        paging = f'{{kind: link, size: 3, items: data, next_url: links.next, hosts: ["{host}"]}}'
        assert ids(read_rest(HERE, department(tmp_path, paging))) == [1, 2, 3, 9]
    assert len(asked) == 1


@pytest.mark.parametrize(
    ("kind", "broken", "expected"),
    [
        ("offset with total", {"total": None}, "the answer has no number of rows at `total`"),
        ("page from 0 with total", {"total": "many"}, "the answer has no number of rows at `total`"),
        ("none", {"data": {"rows": []}}, "the answer has no list of rows at `data`"),
        ("link in the body", {"links": {"next": "http://h:x"}}, "names as the next page is no URL: 'http://h:x'"),
    ],
)
def test_an_answer_without_what_the_contract_says(api, tmp_path, kind, broken, expected):
    spread(api, 4)
    api.broken = lambda answer: answer | broken
    with pytest.raises(YidangError, match=expected):
        read_rest(HERE, department(tmp_path, kind))
