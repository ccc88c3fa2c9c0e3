"""The sender over real sockets: a mail server, an SMS gateway, a chat's robot; and a sender that is killed."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import logging
import os
import signal
import subprocess
import sys
import threading
import time
from email import message_from_bytes, policy
from urllib.parse import parse_qs, urlsplit

import pytest
from conftest import drop_built_schemas
from landing_support import answer, tcp_server
from warning_outbox import forget, mail_server, prepare, raise_warning, write_receivers

from yidang import smtp
from yidang.errors import ConfigError, YidangError
from yidang.settings import ROOT
from yidang.warning import channels, listing, receivers, send

pytestmark = pytest.mark.integration

PHONE, MAIL_ADDRESS = "13800138000", "wang@yiju.example"
ROLES = ("handler", "section_head", "department_lead", "task_force")


@pytest.fixture
def outbox(settings, empty_warehouse, monkeypatch):
    """The warehouse's administrator; today is a working day, and nobody is named yet."""
    monkeypatch.setenv("YIDANG_AS_OF", "2025-03-20")
    prepare(settings)
    yield empty_warehouse
    forget(settings)
    drop_built_schemas(empty_warehouse)


def states(outbox) -> list[tuple]:
    return outbox.execute("select role, state from warning.message order by message_id").fetchall()


def due_again(outbox) -> None:
    outbox.execute("update warning.message set next_try_at = now()")


def to(role: str, address: str = MAIL_ADDRESS, channel: str = "mail", **place: str) -> dict:
    return {"role": role, "channel": channel, "to": address, **place}


def mails_to_all(settings, url: str, **changes) -> None:
    everybody = [to(role, f"{role}@yiju.example") for role in ROLES]
    write_receivers(settings, {"mail": {"url": url, "sender": "yidang@qu.example"}}, everybody, **changes)


# -- what arrives ----------------------------------------------------------------------------------------------
def test_a_mail_says_in_chinese_what_is_late_and_links_to_the_form(settings, outbox):
    raise_warning(outbox, "handler")
    with mail_server() as (url, taken):
        mails_to_all(settings, url, form_url="https://yujing.qu.example/")
        assert dict(send.send(settings).counts) == {"sent": 1}
        assert dict(send.send(settings).counts) == {}, "once"
    (envelope,) = taken
    mail = message_from_bytes(envelope.content, policy=policy.default)
    assert envelope.rcpt_tos == ["handler@yiju.example"] == [mail["To"]]
    assert mail["Subject"] == "【一档】（虚构示例数据）督办：逾期 3 个工作日：施工许可"
    text = mail.get_content()
    for words in ("办件编号：GX-1", "承诺到期日：2025-03-17", "数据截至：2025-03-20", "工作日历 2026-1，规则 1-1"):
        assert words in text
    assert "https://yujing.qu.example/w/" in text
    assert mail["Auto-Submitted"] == "auto-generated"


def test_an_sms_gateway_gets_json_in_its_own_words_with_the_idempotency_key(settings, outbox):
    (message,) = raise_warning(outbox, "handler")
    settings.ensure_secrets([], fixed={"SMS_TOKEN": "t0ken"})
    asked = []

    def gateway(request):
        asked.append(request)
        yield answer('{"errcode": 0}')

    with tcp_server(gateway) as base:
        channel = {
            "url": f"{base}/send", "token": "${SMS_TOKEN}", "fields": {"to": "mobile"}, "constants": {"template": "T1"},
        }  # fmt: skip
        write_receivers(settings, {"sms": channel}, [to("handler", PHONE, "sms", department="beta", office="审批科")])
        assert dict(send.send(settings).counts) == {"sent": 1}
    (request,) = asked
    (key,) = outbox.execute("select idempotency_key::text from warning.message").fetchone()
    body = json.loads(request.body)
    assert (body["mobile"], body["template"], body["id"]) == (PHONE, "T1", key) and "to" not in body
    assert "督办" in body["text"] and "http://127.0.0.1:1/w/" in body["text"]
    assert request.headers["idempotency-key"] == key and request.headers["authorization"] == "Bearer t0ken"


def test_a_dingtalk_robot_gets_its_text_form_and_a_signature(settings, outbox):
    raise_warning(outbox, *ROLES)
    settings.ensure_secrets([], fixed={"ROBOT_SECRET": "SEC1"})
    asked = []

    def robot(request):
        asked.append(request)
        yield answer('{"errcode": 0, "errmsg": "ok"}')

    with tcp_server(robot) as base:
        url = f"dingtalk+{base}/robot/send?access_token=T"
        group = [{"role": role, "channel": "group"} for role in ROLES]
        write_receivers(settings, {"group": {"url": url, "secret": "${ROBOT_SECRET}"}}, group)
        assert dict(send.send(settings).counts) == {"sent": 1, "merged": 3}, "one group needs to hear it once"
    (request,) = asked
    assert json.loads(request.body).keys() == {"msgtype", "text"}
    query = {name: values[0] for name, values in parse_qs(urlsplit(request.target).query).items()}
    signed = hmac.new(b"SEC1", f"{query['timestamp']}\nSEC1".encode(), hashlib.sha256).digest()
    assert query["sign"] == base64.b64encode(signed).decode() and query["access_token"] == "T"
    assert abs(int(query["timestamp"]) / 1000 - time.time()) < 60


def test_the_most_exact_receiver_is_taken_and_two_roles_at_one_address_hear_once(settings, outbox):
    raise_warning(outbox, "handler", "section_head")
    with mail_server() as (url, taken):
        people = [
            to("handler", "anybody@yiju.example"),
            to("handler", "beta@yiju.example", department="beta"),
            to("handler", MAIL_ADDRESS, department="beta", office="审批科"),
            to("section_head", MAIL_ADDRESS, department="beta"),
        ]
        write_receivers(settings, {"mail": {"url": url, "sender": "yidang@qu.example"}}, people)
        assert dict(send.send(settings).counts) == {"sent": 1, "merged": 1}
    assert [envelope.rcpt_tos for envelope in taken] == [[MAIL_ADDRESS]]


# -- who cannot be reached -------------------------------------------------------------------------------------
def test_a_missing_receiver_is_a_row_that_says_so_and_is_told_once_there_is_one(settings, outbox):
    raise_warning(outbox, "handler", "task_force")
    with mail_server() as (url, taken):
        assert dict(send.send(settings).counts) == {"no_receiver": 2}, "there is no warnings.yml at all"
        write_receivers(settings, {"mail": {"url": url, "sender": "yidang@qu.example"}}, [to("task_force")])
        assert dict(send.send(settings).counts) == {"no_receiver": 1, "sent": 1}
        entries = listing.entries(settings)
        assert [(entry.role, entry.state) for entry in entries] == [("handler", "no_receiver"), ("task_force", "sent")]
        assert entries[0].state_reason == "warnings.yml names no handler of beta/审批科"
        mails_to_all(settings, url)
        assert dict(send.send(settings).counts) == {"sent": 1}
    assert len(taken) == 2


def test_an_address_that_the_server_does_not_know_is_given_up_at_once_and_can_be_retried(settings, outbox):
    raise_warning(outbox, "handler")
    with mail_server() as (url, taken):
        channel = {"mail": {"url": url, "sender": "yidang@qu.example"}}
        write_receivers(settings, channel, [to("handler", "unknown@yiju.example")])
        with pytest.raises(YidangError, match=r"1 messages about warnings were given up \(mail: SMTP 550\)"):
            send.send(settings)
        assert states(outbox) == [("handler", "dead")]
        assert dict(send.send(settings).counts) == {}
        write_receivers(settings, channel, [to("handler")])
        assert send.retry(settings) == 1
        assert dict(send.send(settings).counts) == {"sent": 1}
    outcomes = outbox.execute("select outcome, answer from warning.attempt order by attempt_id").fetchall()
    assert outcomes == [("refused", "SMTP 550"), ("taken", "SMTP 250")]


def test_a_channel_that_fails_is_tried_again_ever_later_and_given_up_after_eight_times(settings, outbox):
    raise_warning(outbox, "handler")
    with mail_server(lambda envelope: "451 later") as (url, _):
        mails_to_all(settings, url)
        waits = []
        for _ in range(send.MOST_TRIES - 1):
            assert dict(send.send(settings).counts) == {"waiting": 1}
            assert dict(send.send(settings).counts) == {}, "not before its time"
            query = "select round(extract(epoch from next_try_at - now()) / 60)::integer from warning.message"
            waits.append(outbox.execute(query).fetchone()[0])
            due_again(outbox)
        with pytest.raises(YidangError, match="yidang warnings retry"):
            send.send(settings)
    assert waits == [2, 4, 8, 16, 32, 64, 128]
    assert outbox.execute("select state, state_reason from warning.message").fetchone() == (
        "dead", "SMTP 451 after 8 tries",
    )  # fmt: skip


def test_a_dead_channel_costs_three_tries_and_leaves_the_others_alone(settings, outbox):
    for number in range(6):
        raise_warning(outbox, "handler", case=f"GX-{number}")
    raise_warning(outbox, "task_force", case="GX-9")
    with mail_server() as (url, taken):
        channels_ = {"sms": {"url": "http://127.0.0.1:1/"}, "mail": {"url": url, "sender": "yidang@qu.example"}}
        write_receivers(settings, channels_, [to("handler", PHONE, "sms"), to("task_force")])
        assert dict(send.send(settings).counts) == {"waiting": 6, "sent": 1}
    assert outbox.execute("select count(*) from warning.attempt where outcome = 'failed'").fetchone() == (3,)


# -- when not --------------------------------------------------------------------------------------------------
def test_nothing_is_sent_on_a_closed_day_or_on_one_that_the_calendar_does_not_know(settings, outbox, monkeypatch):
    raise_warning(outbox, "handler")
    with mail_server() as (url, taken):
        mails_to_all(settings, url)
        monkeypatch.setenv("YIDANG_AS_OF", "2025-03-22")
        assert send.send(settings).closed_day
        monkeypatch.setenv("YIDANG_AS_OF", "2031-01-01")
        with pytest.raises(ConfigError, match="does not know whether 2031-01-01 is a working day"):
            send.send(settings)
        assert taken == []
        monkeypatch.setenv("YIDANG_AS_OF", "2025-03-20")
        assert dict(send.send(settings).counts) == {"sent": 1}


def test_what_was_raised_before_the_first_day_is_not_sent(settings, outbox):
    raise_warning(outbox, "handler")
    with mail_server() as (url, taken):
        mails_to_all(settings, url, begins_on="2025-03-21")
        assert dict(send.send(settings).counts) == {"void": 1}
    assert taken == []


# -- exactly once ----------------------------------------------------------------------------------------------
def test_two_senders_at_once_send_each_message_once(settings, outbox):
    for number in range(20):
        raise_warning(outbox, *ROLES, case=f"GX-{number}")
    with mail_server() as (url, taken):
        mails_to_all(settings, url)
        threads = [threading.Thread(target=send.send, args=(settings,)) for _ in range(3)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        send.send(settings)  # what one skipped because another held its warning
    keys = [message_from_bytes(envelope.content)["Message-ID"] for envelope in taken]
    assert len(keys) == len(set(keys)) == 80
    assert {state for _, state in states(outbox)} == {"sent"}


def test_a_sender_killed_after_sending_repeats_with_the_same_key_so_that_it_arrives_once(settings, outbox):
    """kill -9 when the gateway has the message and its answer is not recorded; the gateway drops a key it knows."""
    raise_warning(outbox, "handler")
    raise_warning(outbox, "handler", case="GX-2")
    delivered, requests, holding, killed = [], [], threading.Event(), threading.Event()

    def gateway(request):
        key = request.headers["idempotency-key"]
        requests.append((key, request.body))
        if key not in delivered:
            delivered.append(key)
        if len(requests) == 1:
            holding.set()
            killed.wait(30)
        yield answer("{}")

    with tcp_server(gateway) as base:
        write_receivers(settings, {"sms": {"url": base}}, [to("handler", PHONE, "sms")])
        command = [sys.executable, "-c", "from yidang import settings; from yidang.warning import send;"
                   " send.send(settings.load())"]  # fmt: skip
        sender = subprocess.Popen(command, env={**os.environ, "PYTHONPATH": f"{ROOT}"})
        assert holding.wait(60)
        sender.send_signal(signal.SIGKILL)
        sender.wait()
        killed.set()
        assert states(outbox) == [("handler", "queued"), ("handler", "queued")], "neither lost nor believed sent"
        assert outbox.execute("select outcome from warning.attempt").fetchall() == [("unknown",)]
        deadline = time.monotonic() + 30
        while {state for _, state in states(outbox)} != {"sent"}:  # the server notices the dead connection by itself
            send.send(settings)
            assert time.monotonic() < deadline
    assert len(delivered) == 2 and len(requests) == 3
    assert requests[0] == requests[1], "the same key, and the same words: its link too"


def test_an_answer_that_never_comes_is_recorded_as_unknown(settings, outbox, monkeypatch):
    monkeypatch.setattr(channels, "TIMEOUT_SECONDS", 0.3)
    raise_warning(outbox, "handler")

    def gateway(request):
        time.sleep(1)
        yield answer("{}")

    with tcp_server(gateway) as base:
        write_receivers(settings, {"sms": {"url": base}}, [to("handler", PHONE, "sms")])
        assert dict(send.send(settings).counts) == {"waiting": 1}
    assert outbox.execute("select outcome, answer from warning.attempt").fetchone() == ("unknown", "ReadTimeout")


def test_a_mail_that_comes_twice_has_the_same_message_id_and_date(settings, outbox):
    raise_warning(outbox, "handler")
    with mail_server() as (url, taken):
        mails_to_all(settings, url)
        send.send(settings)
        outbox.execute("update warning.message set state = 'queued'")  # as after a kill before it was recorded
        send.send(settings)
    first, second = (message_from_bytes(envelope.content) for envelope in taken)
    assert first.as_bytes() == second.as_bytes()
    (key,) = outbox.execute("select idempotency_key::text from warning.message").fetchone()
    assert first["Message-ID"] == f"<{key}@qu.example>"


# -- what nobody may see ---------------------------------------------------------------------------------------
def test_no_address_no_token_and_no_text_is_in_logs_errors_or_the_database(settings, outbox, caplog):
    raise_warning(outbox, *ROLES)
    settings.ensure_secrets([], fixed={"SMS_TOKEN": "t0ken-nobody-sees"})
    with caplog.at_level(logging.DEBUG), mail_server(lambda envelope: "554 no") as (url, _):
        channels_ = {
            "mail": {"url": url, "sender": "yidang@qu.example"},
            "sms": {"url": "http://127.0.0.1:1/s?key=${SMS_TOKEN}", "token": "${SMS_TOKEN}"},
        }
        people = [to("handler"), to("section_head", PHONE, "sms"), to("task_force", "unknown@yiju.example")]
        write_receivers(settings, channels_, people)
        with pytest.raises(YidangError) as caught:
            send.send(settings)
    tables = ("message", "attempt", "warning")
    dump = str([outbox.execute(f"select * from warning.{name}").fetchall() for name in tables])  # noqa: S608
    logged = "\n".join(
        record.getMessage() for record in caplog.records if record.name != "mail.log"
    )  # the test's server
    for secret in (PHONE, "wang@", "unknown@", "t0ken", "/w/"):
        assert secret not in logged + str(caught.value) + dump, secret
    assert "SMTP 554" in logged and "ConnectError" in logged


@pytest.mark.parametrize(
    ("channels_", "people", "what"),
    [
        ({"sms": {"url": "http://sms.example/"}}, [to("handler", PHONE, "sms")], "in the clear"),
        ({"group": {"url": "wecom+http://robot.example/"}}, [], "url must begin with|in the clear"),
        ({"mail": {"url": "smtp://mail.example"}}, [], "needs sender"),
        ({"fax": {"url": "fax://1"}}, [], "url must begin with one of smtp://"),
        ({}, [to("handler")], "names the channel mail, which is not in channels"),
        ({"sms": {"url": "https://sms.example/"}}, [to("handler", "", "sms")], "needs `to`"),
        ({"sms": {"url": "https://s.example/"}}, [to("handler", PHONE, "sms")] * 2, "of an earlier one"),
        ({"sms": {"url": "https://s.example/"}}, [to("boss", PHONE, "sms")], "receivers.0.role"),
    ],
)
def test_a_wrong_file_says_where_and_shows_no_address(settings, outbox, channels_, people, what):
    write_receivers(settings, channels_, people)
    with pytest.raises(ConfigError, match=what) as caught:
        send.send(settings)
    assert PHONE not in str(caught.value) and "warnings.yml" in str(caught.value)


def test_a_mail_server_without_encryption_is_only_spoken_to_on_this_machine(settings, outbox, monkeypatch):
    raise_warning(outbox, "handler")
    with mail_server() as (url, taken):
        mails_to_all(settings, url)
        monkeypatch.setattr(smtp, "_is_loopback", lambda host: False)
        assert dict(send.send(settings).counts) == {"waiting": 1}
    assert taken == []
    assert outbox.execute("select state_reason from warning.message").fetchone() == (
        "the mail server offers no encryption",
    )


def test_the_example_of_the_demo_is_a_sound_file_that_only_its_owner_reads(settings, tmp_path, monkeypatch):
    from datetime import date

    from yidang.warning import example

    monkeypatch.setenv("YIDANG_WARNINGS_FILE", str(tmp_path / "warnings.yml"))
    example.write(settings, "http://127.0.0.1:25335/", date(2026, 6, 30))
    assert (tmp_path / "warnings.yml").stat().st_mode & 0o777 == 0o600
    known = receivers.load(settings)
    assert {known.find(role, "zigui", "审批科").to for role in ROLES} == {f"{role}@yunxi.example" for role in ROLES}
