"""Locks by name in the warehouse. Whoever has to wait says once for whom, so that it does not look like a hang."""

from __future__ import annotations

import logging

import psycopg

from yidang.settings import TIMEZONE

log = logging.getLogger(__name__)

_HOLDER = """
select application_name, coalesce(xact_start, backend_start), host(client_addr)
from pg_locks
inner join pg_stat_activity using (pid)
where locktype = 'advisory'
    and granted
    and database = (select oid from pg_database where datname = current_database())
    and (classid::bigint << 32 | objid::bigint) = hashtextextended(%s, 0)
"""


def hold(connection: psycopg.Connection, name: str, place: str, *, until: str = "transaction") -> None:
    """Take the lock of that name, until the end of the transaction or, with until="session", of the connection.

    place: what it is about, for the line that says who is waited for.
    """
    kind = "advisory_xact_lock" if until == "transaction" else "advisory_lock"
    if not connection.execute(f"select pg_try_{kind}(hashtextextended(%s, 0))", (name,)).fetchone()[0]:
        log.warning("%s: waiting for %s.", place, _holder(connection, name))
        connection.execute(f"select pg_{kind}(hashtextextended(%s, 0))", (name,))


def _holder(connection: psycopg.Connection, name: str) -> str:
    found = connection.execute(_HOLDER, (name,)).fetchone()
    if found is None:
        return "another process that is just ending"
    who, since, address = found
    when = f"{since.astimezone(TIMEZONE):%Y-%m-%d %H:%M:%S}"
    return f"`{who}` from {address or 'this machine'}, which has been at work on the same since {when}"
