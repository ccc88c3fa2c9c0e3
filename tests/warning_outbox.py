"""An outbox with warnings in it and no build beneath, and real servers that take the messages."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import yaml
from aiosmtpd.smtp import SMTP, Envelope
from psycopg.types.json import Jsonb

from yidang.settings import Settings
from yidang.warning import tables

TODAY = "2025-03-20"
FACTS = {
    "as_of": TODAY,
    "instance_code": "GX-1",
    "item_name": "施工许可",
    "project_name": "示例学校",
    "accepted_date": "2025-03-03",
    "due_date": "2025-03-17",
    "promised_limit": 10,
    "limit_unit": "working_days",
    "remaining_working_days": -3,
    "overdue_working_days": 3,
    "calendar_version": "2026-1",
    "rule_version": "1-1",
    "is_example": True,
}


def prepare(settings: Settings) -> None:
    """The outbox, and a calendar that knows two days: the 20th of March 2025 (Thursday) and the 22nd (Saturday)."""
    tables.ensure(settings)
    with psycopg.connect(settings.dsn("transformer"), autocommit=True) as transformer:
        transformer.execute(
            "create schema marts; create table marts.dim_calendar (date_day date, is_working_day boolean)"
        )
        transformer.execute("insert into marts.dim_calendar values ('2025-03-20', true), ('2025-03-22', false)")
        transformer.execute("grant usage on schema marts to yidang_messenger")
        transformer.execute("grant select on marts.dim_calendar to yidang_messenger")


def raise_warning(
    warehouse: psycopg.Connection, *roles: str, level: str = "overdue_3", case: str = "GX-1", **facts: object
) -> list[int]:
    """A warning of 乙局 to these roles. Returns the ids of its messages."""
    (warning_id,) = warehouse.execute(
        "insert into warning.warning (subject_key, case_id, project_code, department_id, department_name, office_name,"
        " ladder, level, rung, raised_on, evaluated) values (%(case)s, %(case)s, '2509-320193-89-01-544060', 'beta',"
        " '乙局', '审批科', 'limit', %(level)s, 1, %(day)s, %(facts)s) returning warning_id",
        {"case": case, "level": level, "day": TODAY, "facts": Jsonb({**FACTS, "instance_code": case, **facts})},
    ).fetchone()
    inserted = "insert into warning.message (warning_id, role) values (%s, %s) returning message_id"
    return [warehouse.execute(inserted, (warning_id, role)).fetchone()[0] for role in roles]


def write_receivers(settings: Settings, channels: dict, receivers: list[dict], **changes: object) -> None:
    content = {
        "begins_on": "2025-01-01",
        "form_url": "http://127.0.0.1:1/",
        "channels": channels,
        "receivers": receivers,
    }
    settings.warnings_file.write_text(yaml.safe_dump({**content, **changes}, allow_unicode=True), encoding="utf-8")


@contextmanager
def mail_server(answer: Callable[[Envelope], str] = lambda envelope: "250 ok") -> Iterator[tuple[str, list[Envelope]]]:
    """A real SMTP server on a free loopback port, in a thread. Gives its URL and what it took."""
    taken: list[Envelope] = []

    class Handler:
        async def handle_RCPT(self, server, session, envelope, address, options) -> str:
            if address.startswith("unknown@"):
                return "550 5.1.1 no such user"
            envelope.rcpt_tos.append(address)
            return "250 ok"

        async def handle_DATA(self, server, session, envelope) -> str:
            said = answer(envelope)
            if said.startswith("250"):
                taken.append(envelope)
            return said

    loop = asyncio.new_event_loop()
    make = loop.create_server(lambda: SMTP(Handler(), hostname="localhost", loop=loop), host="127.0.0.1", port=0)
    server = loop.run_until_complete(make)
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    try:
        yield f"smtp://127.0.0.1:{server.sockets[0].getsockname()[1]}", taken
    finally:
        loop.call_soon_threadsafe(server.close)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(timeout=10)


def forget(settings: Settings) -> None:
    Path(settings.warnings_file).unlink(missing_ok=True)
