"""What stands in the outbox, for `yidang warnings list`: without addresses, with what to do where nobody can hear."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

from psycopg.rows import class_row

from yidang.settings import Settings
from yidang.warning import tables

_LIST = """
select
    message.message_id, warning.subject_key, warning.level, warning.raised_on, message.role, message.state,
    message.state_reason, message.channel,
    (select count(*)::integer from warning.attempt where attempt.message_id = message.message_id) as tries,
    message.sent_at, answer.answered_at, answer.promised_date
from warning.message
inner join warning.warning using (warning_id)
left join warning.answer using (message_id)
where %(everything)s or (warning.ended_on is null and message.state <> 'void')
order by warning.raised_on, warning.subject_key, message.message_id
"""


@dataclass(frozen=True)
class Entry:
    """One message. subject_key: a case_id, or a project's code. tries: attempts of all times."""

    message_id: int
    subject_key: str
    level: str
    raised_on: date
    role: str
    state: str
    state_reason: str | None
    channel: str | None
    tries: int
    sent_at: datetime | None
    answered_at: datetime | None
    promised_date: date | None

    def __str__(self) -> str:
        parts = [f"{self.raised_on}  {self.level:<18} {self.subject_key}  {self.role}: {self.state}"]
        parts += [f"({self.state_reason})"] if self.state_reason else []
        parts += [f"answered, promised for {self.promised_date}"] if self.answered_at else []
        return "  ".join(parts)


def entries(settings: Settings, *, everything: bool = False) -> list[Entry]:
    """Messages of the warnings that stand; with everything=True also ended ones and what need not be sent."""
    tables.ensure(settings)
    with tables.connect(settings, "warnings list") as connection:
        cursor = connection.cursor(row_factory=class_row(Entry))
        return cursor.execute(_LIST, {"everything": everything}).fetchall()
