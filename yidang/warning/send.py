"""The sender: exactly once as far as a channel allows.

A message is claimed by its row's lock, which ends with the process, however that ends. The attempt is written down, and
committed by a connection of its own, before anything is sent; its outcome in the transaction that holds the claim. So
an attempt without an outcome is one of which nobody knows whether it arrived: it is sent again with the same key
(`Idempotency-Key`, `Message-ID`), by which the receiver's side can drop the double. A chat's robot knows no keys.
"""

from __future__ import annotations

import logging
from collections import Counter
from dataclasses import dataclass, field
from datetime import timedelta

import psycopg
from psycopg.rows import dict_row

from yidang.errors import ConfigError, YidangError
from yidang.settings import WARNING_KEY, Settings
from yidang.warning import channels, links, receivers, tables, wording

MOST_TRIES = 8
FIRST_WAIT_MINUTES, LONGEST_WAIT_MINUTES = 2, 360
# After so many failures one after the other a channel is left alone until the next run.
FAILURES_IN_A_ROW = 3

log = logging.getLogger(__name__)

_DAY = "select is_working_day from marts.dim_calendar where date_day = %s"
_CLAIM = """
select
    message.message_id, message.warning_id, message.role, message.idempotency_key, message.created_at, message.state,
    message.state_reason, warning.level, warning.raised_on, warning.evaluated, warning.project_code,
    warning.department_id, warning.office_name,
    (
        select count(*)
        from warning.attempt
        where attempt.message_id = message.message_id
            and attempt.started_at > coalesce(message.requeued_at, '-infinity')
    ) as tries
from warning.message
inner join warning.warning using (warning_id)
where message.state in ('queued', 'no_receiver') and message.next_try_at <= now() and message.message_id > %s
order by message.message_id
limit 1
for no key update skip locked
"""
_ALREADY = """
select exists (select from warning.message where warning_id = %s and address_mac = %s and state = 'sent')
"""
_SET = """
update warning.message
set state = %(state)s, state_reason = %(reason)s, channel = coalesce(%(channel)s, channel),
    address_mac = coalesce(%(mac)s, address_mac),
    sent_at = case when %(state)s = 'sent' then now() else sent_at end
where message_id = %(message_id)s
"""
_AGAIN = """
update warning.message
set state = 'queued', state_reason = %(reason)s, channel = %(channel)s,
    next_try_at = clock_timestamp() + %(wait)s
where message_id = %(message_id)s
"""


@dataclass
class Sent:
    """What a run did. closed_day: today is one, and nothing is sent on it.

    counts: messages by what became of them: sent, merged (a second role at the same address), waiting (to be tried
    again), no_receiver, dead (given up), void (raised too early). failures: by channel and reason.
    """

    closed_day: bool = False
    counts: Counter[str] = field(default_factory=Counter)
    failures: Counter[str] = field(default_factory=Counter)


def send(settings: Settings) -> Sent:
    """Send what waits and is due. Several may run at once.

    Raises ConfigError for a broken warnings.yml or a day that the calendar does not know, and, after all that could be
    sent is sent, YidangError when messages were given up.
    """
    known = receivers.load(settings)
    for name, channel in known.channels.items() if known else ():
        channels.check(settings, name, channel)
    tables.ensure(settings)
    sent = Sent()
    with tables.connect(settings, "warnings send") as claims, tables.connect(settings, "warnings attempt") as attempts:
        attempts.autocommit = True
        if not _is_working_day(settings, claims):
            sent.closed_day = True
            return sent
        claims.commit()
        run = _Run(settings, known, claims, attempts, sent)
        last = 0
        while last is not None:
            last = run.next(last)
    if dead := sent.counts["dead"]:
        why = ", ".join(f"{name}: {reason}" for name, reason in sorted({*sent.failures}))
        raise YidangError(
            f"{dead} messages about warnings were given up ({why}).",
            "See which: yidang warnings list. Mend the channel or the address, then: yidang warnings retry",
        )
    return sent


def retry(settings: Settings) -> int:
    """Put what was given up back into the queue. Returns the number of messages."""
    tables.ensure(settings)
    with tables.connect(settings, "warnings retry") as connection:
        return connection.execute(
            "update warning.message set state = 'queued', state_reason = null, next_try_at = now(),"
            " requeued_at = now() where state = 'dead'"
        ).rowcount


def _is_working_day(settings: Settings, connection: psycopg.Connection) -> bool:
    today = settings.as_of()
    if not connection.execute("select to_regclass('marts.dim_calendar') is not null").fetchone()[0]:
        return False  # nothing was ever built, so nothing waits
    found = connection.execute(_DAY, (today,)).fetchone()
    if found is None:
        raise ConfigError(
            f"The calendar does not know whether {today} is a working day, so no warning is sent.",
            "Load the year's notice (yidang calendar load) and build.",
        )
    return found[0]


@dataclass
class _Run:
    """One run. claims: holds the row of the message at hand; attempts: in autocommit."""

    settings: Settings
    known: receivers.Receivers | None
    claims: psycopg.Connection
    attempts: psycopg.Connection
    sent: Sent
    in_a_row: Counter[str] = field(default_factory=Counter)

    def next(self, after: int) -> int | None:
        """Handle the next message with a greater id; None when there is none."""
        with self.claims.transaction():
            message = self.claims.cursor(row_factory=dict_row).execute(_CLAIM, (after,)).fetchone()
            if message is None:
                return None
            self.sent.counts[self._handle(message)] += 1
            return message["message_id"]

    def _handle(self, message: dict) -> str:
        if self.known and message["raised_on"] < self.known.begins_on:
            return self._set(message, "void", "raised before begins_on of warnings.yml")
        place = (message["role"], message["department_id"], message["office_name"])
        receiver = self.known.find(*place) if self.known else None
        if receiver is None:
            return self._set(message, "no_receiver", _nobody(*place))
        mac = links.address_mac(self.settings.secret(WARNING_KEY), receiver.channel, receiver.to)
        if self.claims.execute(_ALREADY, (message["warning_id"], mac)).fetchone()[0]:
            return self._set(message, "merged", "another role at this address has it", receiver.channel, mac)
        if self.in_a_row[receiver.channel] >= FAILURES_IN_A_ROW:
            return "waiting"
        return self._try(message, receiver, mac)

    def _try(self, message: dict, receiver: receivers.Receiver, mac: str) -> str:
        letter = self._letter(message, receiver)
        channel = self.known.channels[receiver.channel]
        (attempt,) = self.attempts.execute(
            "insert into warning.attempt (message_id) values (%s) returning attempt_id", (message["message_id"],)
        ).fetchone()
        try:
            answer = channels.deliver(self.settings, receiver.channel, channel, letter)
        except channels.NotTaken as error:
            return self._not_taken(message, receiver.channel, attempt, error)
        self.in_a_row[receiver.channel] = 0
        self._end_attempt(attempt, "taken", answer)
        return self._set(message, "sent", None, receiver.channel, mac)

    def _not_taken(self, message: dict, channel: str, attempt: int, error: channels.NotTaken) -> str:
        self.sent.failures[channel, str(error)] += 1
        tries = message["tries"] + 1
        log.warning("warning.message %s by %s, try %s: %s", message["message_id"], channel, tries, error)
        outcome = "refused" if error.is_final else "unknown" if error.is_unknown else "failed"
        self._end_attempt(attempt, outcome, str(error))
        if error.is_final or tries >= MOST_TRIES:
            return self._set(message, "dead", f"{error} after {tries} tries", channel)
        self.in_a_row[channel] += 1
        wait = timedelta(minutes=min(FIRST_WAIT_MINUTES * 2 ** (tries - 1), LONGEST_WAIT_MINUTES))
        values = {"reason": str(error), "channel": channel, "wait": wait, "message_id": message["message_id"]}
        self.claims.execute(_AGAIN, values)
        return "waiting"

    def _end_attempt(self, attempt: int, outcome: str, answer: str) -> None:
        self.claims.execute(
            "update warning.attempt set ended_at = clock_timestamp(), outcome = %s, answer = %s where attempt_id = %s",
            (outcome, answer, attempt),
        )

    def _set(
        self, message: dict, state: str, reason: str | None, channel: str | None = None, mac: str | None = None
    ) -> str:
        if (message["state"], message["state_reason"]) != (state, reason):
            values = {"state": state, "reason": reason, "channel": channel, "mac": mac}
            self.claims.execute(_SET, {**values, "message_id": message["message_id"]})
        return state

    def _letter(self, message: dict, receiver: receivers.Receiver) -> channels.Letter:
        key = self.settings.secret(WARNING_KEY)
        expires = message["created_at"] + timedelta(days=self.known.link_days)
        token = links.make(key, message["message_id"], message["idempotency_key"], expires)
        link = f"{self.known.form_url}w/{token}"
        about = (message["level"], message["evaluated"])
        return channels.Letter(
            key=message["idempotency_key"],
            written_at=message["created_at"],
            to=receiver.to,
            subject=wording.subject(*about),
            short=wording.short(*about, message["project_code"], link),
            text=wording.letter(*about, message["project_code"], link),
        )


def _nobody(role: str, department: str | None, office: str | None) -> str:
    place = "/".join(part for part in (department, office) if part)
    return f"warnings.yml names no {role}{f' of {place}' if place else ''}"
