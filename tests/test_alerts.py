"""Messages to a group chat's robot: taken, tried again, refused; and its token is seen nowhere."""

from __future__ import annotations

import json
import logging
import traceback
from dataclasses import replace

import pytest
from landing_support import answer, tcp_server

from yidang import alerts
from yidang.errors import ConfigError, YidangError
from yidang.settings import Settings

TOKEN = "t0ken-nobody-may-see"  # noqa: S105
TEXT = "【一档】测试局（ceshi）：拉取失败。"


@pytest.fixture
def here(tmp_path, monkeypatch) -> Settings:
    monkeypatch.setattr(alerts, "BACKOFF_SECONDS", 0.01)
    monkeypatch.delenv("YIDANG_ALERT_URL", raising=False)
    return Settings(root=tmp_path, home=tmp_path, port_base=25330, admin_url=None)


def robot(monkeypatch, base: str) -> None:
    monkeypatch.setenv("YIDANG_ALERT_URL", f"{base}/robot/send?access_token={TOKEN}")


def test_a_robot_that_fails_twice_gets_the_message_the_third_time(here, monkeypatch, caplog):
    asked = []

    def answers(request):
        asked.append(request)
        yield answer("", "500 Internal Server Error") if len(asked) < 3 else answer('{"errcode": 0, "errmsg": "ok"}')

    with tcp_server(answers) as base, caplog.at_level(logging.DEBUG):
        robot(monkeypatch, base)
        alerts.tell(here, TEXT)
    assert [(request.method, request.target) for request in asked] == [
        ("POST", f"/robot/send?access_token={TOKEN}")
    ] * 3
    assert json.loads(asked[-1].body) == {"msgtype": "text", "text": {"content": TEXT}}
    assert asked[-1].headers["content-type"] == "application/json"
    assert TEXT in caplog.text and TOKEN not in caplog.text


@pytest.mark.parametrize(
    ("sent", "said"),
    [
        (answer("", "500 Internal Server Error"), "HTTP 500"),
        (answer('{"errcode": 310000, "errmsg": "keywords not in content"}'), "errcode 310000"),
        (answer("", "302 Found", Location="http://127.0.0.1:1/elsewhere"), "HTTP 302"),
        (b"no HTTP at all\r\n\r\n", "RemoteProtocolError"),
    ],
)
def test_a_robot_that_does_not_take_it_is_an_error_without_the_token(here, monkeypatch, caplog, sent, said):
    asked = []

    def answers(request):
        asked.append(request)
        yield sent

    with tcp_server(answers) as base, caplog.at_level(logging.DEBUG):
        robot(monkeypatch, base)
        with pytest.raises(YidangError, match=said) as caught:
            alerts.tell(here, TEXT)
    assert len(asked) == alerts.TRIES
    assert TEXT in caplog.text, "what nobody took stands in the log at least"
    assert TOKEN not in caplog.text + "".join(traceback.format_exception(caught.value))


def test_a_dead_robot_is_an_error_without_the_token(here, monkeypatch, caplog):
    with caplog.at_level(logging.DEBUG):
        robot(monkeypatch, "http://127.0.0.1:1")
        with pytest.raises(YidangError, match="ConnectError") as caught:
            alerts.tell(here, TEXT)
    assert caught.value.__context__ is None
    assert TOKEN not in caplog.text + "".join(traceback.format_exception(caught.value))


@pytest.mark.parametrize(
    "url", ["http://robot.example/", "ftp://127.0.0.1/", "https://", "https://host:port/", "robot"]
)
def test_an_address_that_would_show_the_token_is_refused(here, monkeypatch, caplog, url):
    monkeypatch.setenv("YIDANG_ALERT_URL", f"{url}?access_token={TOKEN}")
    with pytest.raises(ConfigError, match="no https:// address") as caught:
        alerts.tell(here, TEXT)
    assert TOKEN not in caplog.text + "".join(traceback.format_exception(caught.value))


def test_without_an_address_the_message_stands_in_the_log(here, caplog):
    alerts.tell(here, TEXT)
    assert TEXT in caplog.text


def test_the_address_may_be_a_secret_or_a_file_as_any_other_secret(here, tmp_path, monkeypatch):
    assert here.alert_url is None
    here.ensure_secrets([], fixed={"YIDANG_ALERT_URL": "https://robot.example/1"})
    assert replace(here).alert_url == "https://robot.example/1"
    (tmp_path / "url").write_text("https://robot.example/2\n", encoding="utf-8")
    monkeypatch.setenv("YIDANG_ALERT_URL_FILE", str(tmp_path / "url"))
    assert here.alert_url == "https://robot.example/2"


@pytest.mark.parametrize(
    ("error", "shown"),
    [
        (
            "ceshi.question: column 'asked_at' is missing\nKey (name)=(张三)",
            "ceshi.question: column 'asked_at' is missing",
        ),
        ('invalid input syntax for type date: "张三 13800138000"', "invalid input syntax for type date: …"),
        ("GET https://hall.example/api?token=abc failed", "GET … failed"),
        ("no case of 11010119900307123X, ask li@example.com", "no case of …, ask …"),
        ("ceshi.question (张三 的申请.xlsx, sheet 1): a cell is merged", "ceshi.question …: a cell is merged"),
        ("the source doesn't answer, it didn't yesterday", "the source doesn't answer, it didn't yesterday"),
        ("x" * 500, "x" * 200),
    ],
)
def test_a_reason_holds_nothing_personal(error, shown):
    assert alerts.reason(error) == shown
