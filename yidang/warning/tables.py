"""The schema `warning`: what was raised, the messages about it, each attempt to send one, and the answers.

No address is kept here: receivers.py finds it when a message is sent.
"""

from __future__ import annotations

import re

import psycopg

from yidang.services import warehouse
from yidang.settings import Settings

# The build writes with the transformer's login; the messenger sends, and records the answers.
TABLES = """
create schema if not exists warning;
create table if not exists warning.note (
    note_id bigint generated always as identity primary key,
    as_of date not null,
    noted_at timestamptz not null default now(),
    raised integer not null,
    ended integer not null,
    voided integer not null
);
create table if not exists warning.warning (
    warning_id bigint generated always as identity primary key,
    subject_key text not null,
    case_id text,
    project_code text,
    department_id text,
    department_name text,
    office_name text,
    ladder text not null,
    level text not null,
    rung integer not null,
    raised_on date not null,
    raised_at timestamptz not null default now(),
    evaluated jsonb not null,
    ended_on date,
    unique (subject_key, level, raised_on)
);
create index if not exists warning_that_stands on warning.warning (subject_key, ladder) where ended_on is null;
create table if not exists warning.message (
    message_id bigint generated always as identity primary key,
    warning_id bigint not null references warning.warning,
    role text not null,
    idempotency_key uuid not null default gen_random_uuid(),
    created_at timestamptz not null default now(),
    state text not null default 'queued'
        check (state in ('queued', 'no_receiver', 'sent', 'merged', 'dead', 'void')),
    state_reason text,
    channel text,
    address_mac text,
    next_try_at timestamptz not null default now(),
    sent_at timestamptz,
    requeued_at timestamptz,
    unique (warning_id, role)
);
create index if not exists message_to_send on warning.message (next_try_at) where state in ('queued', 'no_receiver');
create table if not exists warning.attempt (
    attempt_id bigint generated always as identity primary key,
    message_id bigint not null references warning.message,
    started_at timestamptz not null default now(),
    ended_at timestamptz,
    -- unknown until the channel has answered, and for ever where the sender was killed before
    outcome text not null default 'unknown' check (outcome in ('unknown', 'taken', 'failed', 'refused')),
    answer text
);
create index if not exists attempt_by_message on warning.attempt (message_id);
create table if not exists warning.answer (
    answer_id bigint generated always as identity primary key,
    warning_id bigint not null references warning.warning,
    message_id bigint not null unique references warning.message,
    reason text not null,
    promised_date date not null,
    answered_at timestamptz not null default now()
);
create index if not exists answer_by_warning on warning.answer (warning_id);
grant usage on schema warning to yidang_transformer;
grant select on all tables in schema warning to yidang_transformer;
grant insert on warning.note, warning.warning, warning.message to yidang_transformer;
grant update (ended_on) on warning.warning to yidang_transformer;
grant update (state, state_reason) on warning.message to yidang_transformer;
"""


def connect(settings: Settings, purpose: str) -> psycopg.Connection:
    """The messenger's connection to the warehouse, in transactions. Raises YidangError when it does not answer."""
    login = "The role yidang_messenger is new: `make demo` makes it (in containers, the service `init`)."
    return warehouse.connect(settings, "messenger", purpose, login=login)


def ensure(settings: Settings) -> None:
    """Make what is missing, one process at a time, because `create … if not exists` is not safe in two."""
    names = re.findall(r"create table if not exists (\S+)", TABLES)
    with connect(settings, "warnings ddl") as connection:
        connection.execute("select pg_advisory_xact_lock(hashtextextended('yidang warning ddl', 0))")
        query = "select bool_and(to_regclass(name) is not null) from unnest(%s::text[]) as name"
        if not connection.execute(query, (names,)).fetchone()[0]:
            connection.execute(TABLES)
