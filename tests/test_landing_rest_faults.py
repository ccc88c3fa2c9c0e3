"""What goes wrong between an API and us, against a real server that sends any bytes: mended, or said in words."""

from __future__ import annotations

import gzip
import json
import time
import tracemalloc
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from urllib.parse import parse_qsl, urlsplit

import pytest
from landing_support import RESET, answer, load, read_rest, table, tcp_server

from yidang import settings as settings_module
from yidang.errors import YidangError

HERE = settings_module.load()
SOURCE = """
kind: rest
base_url: ${CESHI_URL}
paging: {kind: none}
requests_per_second: 1000
timeout_seconds: 0.5
retries: 2
"""
ROW = {"id": 1, "asked_at": "", "topic": "收费", "updated_at": ""}
BODY = json.dumps({"data": [ROW]}, ensure_ascii=False)
GOOD = answer(BODY)
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n"


@pytest.fixture
def pull(monkeypatch, tmp_path):
    """Reads the table from a server that answers the n-th request (from 1) with what `answers(n)` gives."""

    def run(answers, source: str = SOURCE, extra: str = "path: /questions") -> tuple[list[dict], list, int]:
        asked = []

        def count(request):
            asked.append(request)
            return answers(len(asked))

        with tcp_server(count) as url:
            monkeypatch.setenv("CESHI_URL", url)
            department = load(HERE, tmp_path, "ceshi", source, table(extra=extra))
            try:
                return *read_rest(HERE, department), len(asked)
            except YidangError as error:
                error.requests = len(asked)
                raise

    return run


def drip():
    """A byte now and then, which no read time-out notices."""
    yield b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n"
    while True:
        time.sleep(0.02)
        yield b" "


def silence():
    time.sleep(1.5)
    yield GOOD


PASSING = {
    "429": (lambda: [answer("", "429 Slow down", Retry_After="0")], "HTTP 429"),
    "500": (lambda: [answer("boom", "500 Broken")], "HTTP 500"),
    "503": (lambda: [answer("", "503 Busy")], "HTTP 503"),
    "no answer in time": (silence, "ReadTimeout after 0.5 s"),
    "an answer that drips": (drip, "ReadTimeout after"),
    "closed without a word": (lambda: [], "RemoteProtocolError"),
    "a length that is not reached": (lambda: [answer(BODY, Content_Length="500")], "RemoteProtocolError"),
    "reset in the body": (lambda: [answer(BODY, Content_Length="500"), RESET], "ReadError"),
    "a chunk cut off": (lambda: [CHUNKED, b"fff\r\n" + BODY.encode()], "RemoteProtocolError"),
    "the last chunk missing": (
        lambda: [CHUNKED, f"{len(BODY.encode()):x}\r\n{BODY}\r\n".encode()],
        "RemoteProtocolError",
    ),
    "a chunk without length": (lambda: [CHUNKED, b"what\r\n" + BODY.encode()], "RemoteProtocolError"),
    "JSON cut in half": (lambda: [answer(BODY[:-20])], "the answer is not JSON"),
    "a character cut in half": (lambda: [answer(BODY.encode()[: BODY.encode().index("收".encode()) + 1])], "not utf-8"),
    "gzip that is none": (lambda: [answer(BODY, Content_Encoding="gzip")], "DecodingError"),
    "gzip cut in half": (lambda: [answer(gzip.compress(BODY.encode())[:-15], Content_Encoding="gzip")], "not JSON"),
    "not HTTP": (lambda: [b"SSH-2.0-OpenSSH_9.2\r\n"], "RemoteProtocolError"),
    "a web page": (
        lambda: [answer("<html>系统维护中</html>", Content_Type="text/html")],
        "(Expecting value: line 1 column 1 (char 0)); it is text/html and begins '<html>系统维护中</html>'",
    ),
    "nothing": (lambda: [answer("")], "the answer is not JSON"),
}


@pytest.mark.parametrize("fault", PASSING)
def test_a_fault_is_tried_again_and_said_if_it_lasts(pull, fault):
    broken, expected = PASSING[fault]
    source = SOURCE.replace("0.5", "0.05") if "drips" in fault else SOURCE
    rows, refused, requests = pull(lambda number: broken() if number == 1 else [GOOD], source)
    assert (len(rows), refused, requests) == (1, [], 2)
    with pytest.raises(YidangError) as caught:
        pull(lambda number: broken(), source.replace("retries: 2", "retries: 1"))
    assert caught.value.requests == 2
    assert "ceshi: /questions gave no usable answer in 2 tries: " in str(caught.value)
    assert expected in str(caught.value)
    assert "Nothing is lost" in caught.value.cure and "The address is in CESHI_URL." in caught.value.cure


@pytest.mark.parametrize("form", ["seconds", "date"])
def test_we_wait_as_long_as_the_server_says(pull, form):
    def answers(number):
        wait = "1" if form == "seconds" else format_datetime(datetime.now(UTC) + timedelta(seconds=2), usegmt=True)
        return [answer("", "429 Slow down", Retry_After=wait)] if number == 1 else [GOOD]

    started = time.monotonic()
    assert len(pull(answers)[0]) == 1
    assert 0.9 <= time.monotonic() - started < 10


# -- texts and numbers -------------------------------------------------------------------------------------
@pytest.mark.parametrize("start", [b"", b"\xef\xbb\xbf"])
@pytest.mark.parametrize("packed", [False, True])
def test_a_byte_order_mark_and_gzip_change_nothing(pull, start, packed):
    content = start + BODY.encode()
    sent = answer(gzip.compress(content), Content_Encoding="gzip") if packed else answer(content)
    assert pull(lambda number: [sent])[0][0]["topic"] == "收费"


def test_gbk_is_read_where_it_is_declared_and_named_where_it_is_not(pull):
    sent = answer(BODY.replace("收费", "收费䶮").encode("gb18030"), Content_Type="application/json;charset=GBK")
    assert pull(lambda number: [sent], SOURCE + "encoding: gb18030\n")[0][0]["topic"] == "收费䶮"
    with pytest.raises(YidangError) as caught:
        pull(lambda number: [sent])
    assert "the answer is not utf-8 (at byte 46); it is application/json;charset=GBK" in str(caught.value)
    assert "Set source.encoding to what the API sends" in caught.value.cure


def test_values_land_as_they_were_sent(pull):
    longest = "9" * 5000  # Python itself refuses to read so long a number
    sent = {
        "topic": "12345678901234567890.10",
        "more": "1E+400",
        "long": longest,
        "none": "null",
        "yes": "true",
        "nested": '{"a": [1.50, -0.0, 1e400, "x\\ty", null, {}], "名": "步骤"}',
    }
    fields = ", ".join(f'"{name}": {value}' for name, value in sent.items())
    body = BODY.replace('"topic": "收费"', fields)
    row = pull(lambda number: [answer(body)])[0][0]
    assert [row[name] for name in sent] == [
        "12345678901234567890.10", "1E+400", longest, None, "true",
        '{"a":[1.50,-0.0,1e400,"x\\ty",null,{}],"名":"步骤"}',
    ]  # fmt: skip


def test_a_line_break_within_a_string_is_kept(pull):
    assert pull(lambda number: [answer(BODY.replace("收费", "收\n费"))])[0][0]["topic"] == "收\n费"


def test_nesting_without_end_is_no_json(pull):
    with pytest.raises(YidangError, match="the answer is not JSON .it is nested too deeply"):
        pull(lambda number: [answer('{"data": ' + "[" * 200_000)], SOURCE.replace("retries: 2", "retries: 0"))


def test_a_row_that_names_a_key_twice_is_refused_with_both_values(pull):
    good = json.dumps(ROW | {"id": 2})
    twice = '{"id": 1, "asked_at": "", "topic": "收费", "topic": "退费", "updated_at": ""}'
    inside = '{"id": 3, "asked_at": "", "topic": [{"步骤": 1, "步骤": 2.0}], "updated_at": ""}'
    rows, refused, _ = pull(lambda number: [answer(f'{{"data": [{twice}, {good}, {inside}]}}')])
    assert [row["id"] for row in rows] == ["2"]
    assert [(row.row_number, row.rule, row.reason) for row in refused] == [
        (1, "key", "the row names topic twice."),
        (3, "key", "the row names 步骤 twice."),
    ]
    assert '"topic":"收费","topic":"退费"' in refused[0].text and '{"步骤":1,"步骤":2.0}' in refused[1].text


def test_a_key_that_is_no_text_refuses_its_row_only(pull):
    rows = [ROW, ROW | {"id": 2, "x\ud800": 1}, ROW | {"id": 3, "x\x00": 1}, ROW | {"id": 4, "new": 1}]
    landed, refused, _ = pull(lambda number: [answer(json.dumps({"data": rows}))])
    assert [row["id"] for row in landed] == ["1", "4"]
    assert [(row.row_number, row.rule) for row in refused] == [(2, "text"), (3, "text")]
    assert "x\\ud800" in refused[0].text


@pytest.mark.parametrize("key", ["", " ", "_row_number", "_batch_id", "项" * 22])
def test_a_key_that_can_be_no_column_is_named(pull, key):
    with pytest.raises(YidangError, match="ceshi.question: .* cannot be a column's name"):
        pull(lambda number: [answer(json.dumps({"data": [ROW | {key: 1}]}))])


def test_an_answer_that_names_its_rows_twice_is_refused(pull):
    with pytest.raises(YidangError, match="ceshi: in the answer `data` comes twice"):
        pull(lambda number: [answer(f'{{"data": [], "data": [{json.dumps(ROW)}]}}')])


# -- errors within HTTP 200 --------------------------------------------------------------------------------
SUCCESS = SOURCE + 'success: {at: head.code, is: [0, "OK"], message_at: head.msg, transient: [503, BUSY]}\n'


@pytest.mark.parametrize("code", ["0", '"0"', '"OK"'])
def test_a_declared_success_is_one(pull, code):
    rows, _, requests = pull(
        lambda number: [answer(f'{{"head": {{"code": {code}}}, "data": [{json.dumps(ROW)}]}}')], SUCCESS
    )
    assert (len(rows), requests) == (1, 1)


def test_no_rows_may_be_null_in_an_answer_that_is_declared_good(pull):
    assert pull(lambda number: [answer('{"head": {"code": 0}, "data": null}')], SUCCESS)[:2] == ([], [])
    for source, body in ((SOURCE, '{"data": null}'), (SUCCESS, '{"head": {"code": 0}}')):
        with pytest.raises(YidangError, match="the answer has no list of rows at `data`"):
            pull(lambda number, body=body: [answer(body)], source)


@pytest.mark.parametrize(
    ("head", "said"),
    [
        ('{"code": 500, "msg": "查询失败"}', "head.code is 500, and the server says '查询失败'"),
        ('{"code": "00", "msg": {"why": 1.0}}', "head.code is 00, and the server says '{\"why\":1.0}'"),
        ("null", "head.code is None, and the server says 'nothing'"),
    ],
)
def test_anything_else_is_an_error_in_the_servers_words(pull, head, said):
    with pytest.raises(YidangError) as caught:
        pull(lambda number: [answer(f'{{"head": {head}, "data": []}}')], SUCCESS)
    assert f"ceshi: /questions refused the request: {said}." in str(caught.value)
    assert "add it to success.is" in caught.value.cure
    assert caught.value.requests == 1


@pytest.mark.parametrize("code", ["503", '"BUSY"'])
def test_a_transient_one_is_tried_again(pull, code):
    busy = answer(f'{{"head": {{"code": {code}, "msg": "系统繁忙"}}, "data": null}}')
    good = answer(f'{{"head": {{"code": 0}}, "data": [{json.dumps(ROW)}]}}')
    assert len(pull(lambda number: [busy if number < 3 else good], SUCCESS)[0]) == 1
    with pytest.raises(YidangError, match="in 3 tries: head.code is .*, and the server says '系统繁忙'"):
        pull(lambda number: [busy], SUCCESS)


# -- limits ------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("packed", [False, True])
def test_an_answer_that_is_too_large_is_refused_within_bounds(pull, packed):
    """200 MB, or a small file that unpacks to them: refused after the limit, and never held in memory."""
    block = b" " * 2**20
    compressor = gzip.zlib.compressobj(wbits=31)

    def answers(number):
        yield CHUNKED.replace(b"\r\n\r\n", b"\r\nContent-Encoding: gzip\r\n\r\n") if packed else CHUNKED
        for _ in range(200):
            part = compressor.compress(block) + compressor.flush(gzip.zlib.Z_SYNC_FLUSH) if packed else block
            yield f"{len(part):x}\r\n".encode() + part + b"\r\n"

    tracemalloc.start()
    try:
        with pytest.raises(YidangError) as caught:
            pull(answers, SOURCE.replace("0.5", "30") + "largest_answer_mib: 8\n")
        assert tracemalloc.get_traced_memory()[1] < 40 * 2**20
    finally:
        tracemalloc.stop()
    assert "ceshi: /questions sends more than 8 MiB in one answer." in str(caught.value)
    assert "Set a smaller page size" in caught.value.cure
    assert caught.value.requests == 1


def test_the_limit_is_64_mib_where_none_is_declared(pull):
    def answers(number):
        yield CHUNKED
        for _ in range(65):
            yield b"100000\r\n" + b" " * 2**20 + b"\r\n"

    with pytest.raises(YidangError, match="sends more than 64 MiB"):
        pull(answers, SOURCE.replace("0.5", "30"))


# -- redirects ---------------------------------------------------------------------------------------------
@pytest.mark.parametrize("status", ["301 Moved", "302 Found", "307 Temporary", "308 Permanent"])
def test_a_redirect_on_the_same_server_is_followed(pull, status):
    rows, _, requests = pull(lambda number: [answer("", status, Location="/v2/questions") if number == 1 else GOOD])
    assert (len(rows), requests) == (1, 2)


def test_a_redirect_to_another_server_is_not_followed(pull):
    visits = []
    with tcp_server(lambda asked: visits.append(asked) or [GOOD]) as other:
        with pytest.raises(YidangError) as caught:
            pull(lambda number: [answer("", "302 Found", Location=f"{other}/login?ticket=hidden")])
        assert f"ceshi: /questions leads to another server, {other}; it was not followed" in str(caught.value)
        assert "hidden" not in str(caught.value) and visits == []


def test_redirects_in_a_circle_end(pull):
    with pytest.raises(YidangError, match="/questions redirects more than 5 times") as caught:
        pull(lambda number: [answer("", "302 Found", Location="/questions")])
    assert caught.value.requests == 6


def test_a_post_stays_one_after_a_redirect_that_says_so(monkeypatch, tmp_path):
    asked = []

    def answers(request):
        asked.append((request.method, request.target, request.body))
        return [answer("", "307 Temporary", Location="/v2") if len(asked) == 1 else GOOD]

    extra = "path: /questions\nparameters: {区: 云溪, level: 2, open: true}\nheaders: {X-Kind: json}"
    with tcp_server(answers) as url:
        monkeypatch.setenv("CESHI_URL", url)
        department = load(HERE, tmp_path, "ceshi", SOURCE + "method: post\n", table(extra=extra))
        assert len(read_rest(HERE, department)[0]) == 1
    assert [entry[:2] for entry in asked] == [("POST", "/questions"), ("POST", "/v2")]
    assert [json.loads(entry[2]) for entry in asked] == [{"区": "云溪", "level": 2, "open": True}] * 2


def test_declared_parameters_and_headers_are_sent(monkeypatch, tmp_path):
    asked = []
    monkeypatch.setenv("CESHI_KEY", "k/1")
    extra = 'path: /questions\nparameters: {区: 云溪, key: "${CESHI_KEY}", n: 1, open: true}'
    extra += '\nheaders: {X-Key: "<${CESHI_KEY}>"}'
    with tcp_server(lambda request: asked.append(request) or [GOOD]) as url:
        monkeypatch.setenv("CESHI_URL", url)
        assert len(read_rest(HERE, load(HERE, tmp_path, "ceshi", SOURCE, table(extra=extra)))[0]) == 1
    assert dict(parse_qsl(urlsplit(asked[0].target).query)) == {"区": "云溪", "key": "k/1", "n": "1", "open": "true"}
    assert asked[0].headers["x-key"] == "<k/1>"
