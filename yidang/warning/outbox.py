"""After a build: what newly stands on a ladder goes to the outbox, in one transaction with what no longer stands.

Compared with what was raised, never with the build before: a build that was killed or left out loses nothing, and one
that is repeated raises nothing twice.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import psycopg

_DAY = "select is_working_day from intermediate.int_calendar where date_day = %(as_of)s"
# What the state has left: the case is decided, its clock stopped or running again, or its days were counted anew.
_END = """
update warning.warning as standing
set ended_on = %(as_of)s
where ended_on is null
    and not exists (
        select
        from intermediate.int_warning_states as states
        where states.subject_key = standing.subject_key
            and states.ladder = standing.ladder
            and (states.rung >= standing.rung or states.ladder <> 'limit')
    )
"""
_RAISE = """
with states as (
    select * from intermediate.int_warning_states
),

levels as (
    select * from seeds.warning_levels
),

calendar as (
    select * from intermediate.int_calendar
),

standing as (
    select * from warning.warning
    where ended_on is null
),

-- the last answer about a subject, whatever it was asked
answers as (
    select distinct on (warning.subject_key)
        warning.subject_key,
        answer.promised_date,
        answer.answered_at
    from warning.answer
    inner join warning.warning using (warning_id)
    order by warning.subject_key, answer.answer_id desc
),

-- a promise that has not passed yet keeps the ladder still; one that has is as if nothing had been raised before
heard as (
    select
        states.*,
        answers.promised_date as broken_promise
    from states
    left join answers using (subject_key)
    where answers.promised_date is null or answers.promised_date < %(as_of)s
),

counted as (
    select heard.subject_key, heard.ladder, standing.rung, standing.raised_on
    from heard
    inner join standing using (subject_key, ladder)
    where standing.raised_on > coalesce(heard.broken_promise, '-infinity')
),

-- levels that silence leads to
climbed as (
    select distinct
        heard.subject_key,
        heard.ladder,
        next_level.level,
        next_level.rung
    from heard
    inner join counted using (subject_key, ladder)
    inner join levels as next_level
        on next_level.ladder = heard.ladder
        and next_level.rung = counted.rung + 1
        and next_level.unanswered_working_days is not null
    inner join calendar as raised_day on raised_day.date_day = counted.raised_on
    inner join calendar as today on today.date_day = %(as_of)s
    where today.working_day_number - raised_day.working_day_number >= next_level.unanswered_working_days
),

reached as (
    select subject_key, ladder, level, rung from heard
    union all
    select subject_key, ladder, level, rung from climbed
),

highest as (
    select distinct on (subject_key, ladder) *
    from reached
    order by subject_key, ladder, rung desc
),

news as (
    select highest.*
    from highest
    where not exists (
        select
        from counted
        where counted.subject_key = highest.subject_key
            and counted.ladder = highest.ladder
            and counted.rung >= highest.rung
    )
)

insert into warning.warning
    (
        subject_key, case_id, project_code, department_id, department_name, office_name,
        ladder, level, rung, raised_on, evaluated
    )
select
    news.subject_key,
    heard.case_id,
    heard.project_code,
    heard.department_id,
    heard.department_name,
    heard.office_name,
    news.ladder,
    news.level,
    news.rung,
    %(as_of)s,
    heard.evaluated || jsonb_strip_nulls(jsonb_build_object('broken_promise', heard.broken_promise))
from news
inner join heard using (subject_key, ladder)
on conflict (subject_key, level, raised_on) do nothing
returning warning_id
"""
# Of a subject whose department is not known only the task force can hear.
_ADDRESS = """
insert into warning.message (warning_id, role)
select distinct
    warning.warning_id,
    case when warning.department_id is null then 'task_force' else role end
from warning.warning
inner join seeds.warning_levels as levels using (level)
cross join lateral unnest(string_to_array(levels.receiver_roles, '|')) as role
where warning.warning_id = any(%(raised)s)
on conflict do nothing
"""
# Not sent yet, and no longer true, or said by a higher level, whose receivers are the same and more.
_VOID = """
update warning.message
set state = 'void',
    state_reason = case when old.ended_on is null then 'a newer warning was raised' else 'no longer true' end
from warning.warning as old
where message.warning_id = old.warning_id
    and message.state in ('queued', 'no_receiver')
    and (
        old.ended_on is not null
        or exists (
            select
            from warning.warning as higher
            where higher.warning_id = any(%(raised)s)
                and higher.subject_key = old.subject_key
                and higher.ladder = old.ladder
                and higher.warning_id <> old.warning_id
        )
    )
"""


@dataclass(frozen=True)
class Noted:
    """Warnings raised and ended, messages that need not be sent any more; is_working_day: None where not known."""

    is_working_day: bool | None
    raised: int = 0
    ended: int = 0
    voided: int = 0


def note(dsn: str, as_of: date) -> Noted:
    """Compare the states of the build for that day with the outbox. dsn: the transformer's.

    On a closed day, or one outside the loaded calendar, nothing is raised: the next working day's build does it.
    """
    day = {"as_of": as_of}
    with psycopg.connect(dsn, application_name="yidang warnings note") as connection:
        connection.execute("select pg_advisory_xact_lock(hashtextextended('yidang warning note', 0))")
        found = connection.execute(_DAY, day).fetchone()
        if not found or not found[0]:
            return Noted(found[0] if found else None)
        ended = connection.execute(_END, day).rowcount
        raised = [warning_id for (warning_id,) in connection.execute(_RAISE, day)]
        connection.execute(_ADDRESS, {"raised": raised})
        voided = connection.execute(_VOID, {"raised": raised}).rowcount
        connection.execute(
            "insert into warning.note (as_of, raised, ended, voided) values (%s, %s, %s, %s)",
            (as_of, len(raised), ended, voided),
        )
    return Noted(True, len(raised), ended, voided)
