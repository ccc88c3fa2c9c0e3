"""What a link leads to, and the answer that its receiver gives: once per link."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Literal

from psycopg.rows import dict_row

from yidang.settings import TIMEZONE, WARNING_KEY, Settings
from yidang.warning import links, tables

LONGEST_REASON = 500
LONGEST_PROMISE_DAYS = 180

_FIND = """
select
    message.message_id, message.warning_id, message.role, message.idempotency_key,
    warning.level, warning.raised_on, warning.evaluated, warning.project_code, warning.department_name,
    warning.ended_on, answer.reason, answer.promised_date, answer.answered_at
from warning.message
inner join warning.warning using (warning_id)
left join warning.answer using (message_id)
where message.message_id = %s
"""
_ANSWER = """
insert into warning.answer (warning_id, message_id, reason, promised_date)
select warning_id, message_id, %(reason)s, %(promised_date)s
from warning.message
where message_id = %(message_id)s
on conflict (message_id) do nothing
"""

State = Literal["open", "unknown", "expired", "used", "ended"]


@dataclass(frozen=True)
class Asked:
    """What a link asks. state: open (may be answered), used, ended (no longer true), expired, unknown (forged, or of a
    row that there is not). about: the row of _FIND; empty where the link is not to be believed.
    """

    state: State
    about: dict


def find(settings: Settings, text: str) -> Asked:
    """What the token in a link stands for; changes nothing."""
    token = links.read(text)
    if token is None:
        return Asked("unknown", {})
    with tables.connect(settings, "warnings form") as connection:
        about = connection.cursor(row_factory=dict_row).execute(_FIND, (token.message_id,)).fetchone()
    if about is None or not token.is_signed(settings.secret(WARNING_KEY), about["idempotency_key"]):
        return Asked("unknown", {})
    if about["answered_at"]:
        return Asked("used", about)
    if token.has_expired(datetime.now(TIMEZONE)):
        return Asked("expired", {})
    return Asked("ended" if about["ended_on"] else "open", about)


def promise_range(settings: Settings) -> tuple[date, date]:
    """First and last day that may be promised."""
    today = settings.as_of()
    return today, today + timedelta(days=LONGEST_PROMISE_DAYS)


def mistakes(settings: Settings, reason: str, promised: str) -> list[str]:
    """What is wrong with an answer, in Chinese; empty if nothing is."""
    first, last = promise_range(settings)
    found = []
    if not reason:
        found.append("请填写原因。")
    elif len(reason) > LONGEST_REASON:
        found.append(f"原因不得超过 {LONGEST_REASON} 字，现有 {len(reason)} 字。")
    try:
        if not first <= date.fromisoformat(promised) <= last:
            found.append(f"承诺日期应在 {first} 至 {last} 之间。")
    except ValueError:
        found.append("请填写承诺日期，如 2026-07-15。")
    return found


def record(settings: Settings, about: dict, reason: str, promised: date) -> bool:
    """Keep the answer. Returns False if the link was used meanwhile: the first answer stands."""
    values = {"message_id": about["message_id"], "reason": reason, "promised_date": promised}
    with tables.connect(settings, "warnings form") as connection:
        return connection.execute(_ANSWER, values).rowcount == 1
