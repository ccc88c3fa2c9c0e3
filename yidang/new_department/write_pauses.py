"""The model of a table of pauses: each row becomes two events of its case."""

from __future__ import annotations

import textwrap

from yidang.new_department import spelling
from yidang.new_department.pauses import PauseTable
from yidang.new_department.seen import SeenTable
from yidang.new_department.write import about_publicity

_PAUSES = """\
-- One row per start and per end of a pause, from {table}. TODO hold each line against what it means.
{notes}with pauses as (
    select
{columns}
        latest._batch_id as batch_id,
        latest._row_number as row_number
    from {{{{ latest_landed(source('raw_{department}', '{table}'), {key}) }}}} as latest
{cases}),

-- What a pause begins and ends with. Special procedures: special_procedure in seeds/code_lists.csv.
kinds (reason, start_kind, end_kind, reason_code) as (
    values
{kinds}
)

select
    '{department}' as source_department,
    pauses.instance_code,
    edge.event_kind,
    {event_at},
    edge.source_order,
    null as recorded_at,
    kinds.reason_code,
    pauses.reason as procedure_name,
    null as responsible_party,
    null as extension_days,
    null as extension_unit,
    null as document_number,
    null as office_name,
    null as opinion,
    pauses.batch_id,
    pauses.row_number
from pauses
{joined}
cross join lateral (
    values
    -- On one day what ends stands before what begins, and both after the acceptance (4); a correction that is answered
    -- on the day it was asked for stands before it.
    (kinds.start_kind, pauses.started_at, case
        when kinds.start_kind != 'correction_requested' then 6
        when pauses.ended_at::date = pauses.started_at::date then 2
        else 5
    end),
    (kinds.end_kind, pauses.ended_at, case
        when kinds.end_kind = 'correction_received' then 3
        when pauses.ended_at::date = pauses.started_at::date then 7
        else 5
    end)
) as edge (event_kind, event_at, source_order)
-- an end may be still to come; a start that cannot be read is named by the build
where edge.event_at is not null or edge.event_kind = kinds.start_kind
"""


def pauses(department: str, found: PauseTable, cases: SeenTable, code: str, *, days_only: bool) -> str:
    """stg_<id>__<table>.sql. code: the column of `cases` with a case's code; days_only: no time of day may count."""
    notes = [f"TODO {doubt}" for doubt in found.doubts]
    if found.unknown:
        notes.append(f"TODO these reasons stop nothing until they stand in kinds: {', '.join(found.unknown)}")
    if found.reason is None:
        notes.append("TODO no column with the reason was recognised: the table's name says what all pauses are")
    if any(kind.reason_code == "5" for kind in found.kinds.values()):
        notes.append(about_publicity(department))
    columns = [
        _code(found, code),
        spelling.cast("text", found.reason, "reason", "latest") if found.reason else "null as reason",
        spelling.cast("timestamp", found.started, "started_at", "latest"),
        spelling.cast("timestamp", found.ended, "ended_at", "latest"),
    ]
    kinds = [
        f"({', '.join([spelling.text(reason), *map(_literal, (kind.start, kind.end, kind.reason_code))])})"
        for reason, kind in found.kinds.items()
    ]
    return _PAUSES.format(
        department=department,
        table=found.table.name,
        key=spelling.key(found.table),
        notes=spelling.lines(notes),
        columns=textwrap.indent("\n".join(f"{column}," for column in columns), " " * 8),
        cases=_cases(department, found, cases) if found.link != code else "",
        kinds=textwrap.indent(",\n".join(kinds), " " * 4),
        event_at="edge.event_at::date::timestamp as event_at" if days_only else "edge.event_at",
        joined="left join kinds on kinds.reason = pauses.reason" if found.reason else "cross join kinds",
    )


def _code(found: PauseTable, code: str) -> str:
    own = spelling.cast("text", found.code, "instance_code", "latest")
    if found.link == code:
        return own
    # a pause of no known case keeps what it says, so that the build can name it
    theirs, own = spelling.cast("text", code, "", "cases"), spelling.cast("text", found.code, "", "latest")
    return f"coalesce({theirs.removesuffix(' as ')}, {own.removesuffix(' as ')}) as instance_code"


def _cases(department: str, found: PauseTable, cases: SeenTable) -> str:
    on = " = ".join(
        spelling.braceless(f"{relation}.{spelling.quoted(column)}")
        for relation, column in (("cases", found.link), ("latest", found.code))
    )
    landed = f"latest_landed(source('raw_{department}', '{cases.name}'), {spelling.key(cases)})"
    return f"    left join {{{{ {landed} }}}} as cases on {on}\n"


def _literal(text: str) -> str:
    return f"'{text}'" if text else "null"
