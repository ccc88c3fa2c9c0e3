"""The parts of a subscription that need no Superset: when it is due, and the mail."""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from email import message_from_bytes, policy

import pytest
from warning_outbox import mail_server

from yidang.due import last_due, next_due
from yidang.settings import ROOT, TIMEZONE

sys.path.append(str(ROOT / "superset"))

from subscription_mail import Letter, NotTaken, compose, deliver  # noqa: E402

MONDAY = datetime(2026, 11, 23, 8, tzinfo=TIMEZONE)


@pytest.mark.parametrize(
    ("since", "now", "due"),
    [
        ((22, 9), (23, 7), None),  # not yet
        ((22, 9), (23, 9), MONDAY),
        ((23, 9), (23, 10), None),  # served
        ((1, 0), (27, 0), MONDAY),  # a machine that was off for weeks: once
    ],
)
def test_a_time_is_due_once(since: tuple, now: tuple, due: datetime | None):
    since, now = (datetime(2026, 11, *at, tzinfo=TIMEZONE) for at in (since, now))
    assert last_due("0 8 * * 1", "Asia/Shanghai", since, now) == due
    assert next_due("0 8 * * 1", "Asia/Shanghai", now) > now


def test_a_time_zone_that_nobody_knows_is_utc():
    now = datetime(2026, 11, 27, 7, tzinfo=UTC)
    assert next_due("0 8 * * *", "Mars/Olympus", now) == datetime(2026, 11, 27, 8, tzinfo=UTC)


def letter(**changes: object) -> Letter:
    plain = {
        "key": "k",
        "name": "每周",
        "title": "效能总览",
        "subject": "",
        "said": "",
        "note": "数据截至 2026年6月30日",
    }
    plain |= {"link": "http://127.0.0.1:1/superset/dashboard/overview/", "account": "viewer", "drawn_at": MONDAY}
    return Letter(**plain | {"kind": "pdf", "content": b"%PDF-1.4"} | changes)


def test_the_mail_is_chinese_and_its_file_has_a_name_and_a_type():
    sent = compose(letter(note="虚构示例数据：…"), "yidang@yunxi.example", ["a@b.example"], ["c@b.example"])
    mail = message_from_bytes(sent.as_bytes(), policy=policy.default)
    assert mail["Subject"] == "【虚构示例数据】效能总览 2026-11-23" and mail["Cc"] == "c@b.example"
    assert "打开看板：http://127.0.0.1:1/superset/dashboard/overview/" in mail.get_body(("plain",)).get_content()
    (file,) = mail.iter_attachments()
    assert (file.get_filename(), file.get_content_type()) == ("效能总览_2026-11-23.pdf", "application/pdf")


def test_what_people_write_is_text_and_no_html():
    sent = compose(letter(kind="png", title="<b>x", said="<script>"), "y@b.example", ["a@b.example"], [])
    mail = message_from_bytes(sent.as_bytes(), policy=policy.default)
    html = mail.get_body(("html",)).get_content()
    assert "<script>" not in html and "<b>" not in html and 'src="cid:picture.k"' in html
    assert [part.get_content_type() for part in mail.walk()][-1] == "image/png"


def test_a_mail_that_nobody_takes_is_said_without_an_address():
    mail = compose(letter(), "y@b.example", ["unknown@b.example"], [])
    with mail_server() as (url, taken):
        with pytest.raises(NotTaken, match="SMTP 550") as refused:
            deliver(url, "y@b.example", mail, ["unknown@b.example"])
        assert deliver(url, "y@b.example", mail, ["unknown@b.example", "a@b.example"]) == 1
    with pytest.raises(NotTaken, match="ConnectionRefusedError"):
        deliver("smtp://127.0.0.1:9", "y@b.example", mail, ["a@b.example"])
    assert "unknown" not in str(refused.value) and len(taken) == 1
