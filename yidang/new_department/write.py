"""A look turned into the texts of a draft: contract, suites, sources and thin models, each guess marked TODO."""

from __future__ import annotations

import json
import re
import textwrap
from dataclasses import dataclass

from yidang.new_department import guess, spelling
from yidang.new_department.guess import CaseTable, LogTable
from yidang.new_department.seen import Seen, SeenTable

_HEAD = """\
# A draft by `yidang new-department {department} {how}`. A person confirms or corrects what is marked.
name: "TODO 部门全称"
short_name: "TODO 简称"
english_name: "TODO the department's English name"
description: "TODO what the records are, and how they come"
leaves_out: "TODO what is known to be missing: other offices, paper cases, years before the system"
owner: "TODO who is asked when it is red"
example: false  # true only for made-up data: then every page says so

schedule: "0 6 * * *"  # TODO how often: five cron fields, Asia/Shanghai
freshness_hours: 30  # TODO after that, `yidang status` calls it stale
"""
_SPGL = """\
speaks: spgl

source:
  kind: postgres  # TODO or mysql, oracle, sqlserver, dameng
  dsn: ${{{secret}}}
  schema: {schema}  # TODO where the SPGL_* tables lie (MySQL: the database)
  statement_timeout_seconds: 1800
"""
_CASES = """\
-- One row per 办件 of {table}. TODO hold each line against what the department says its columns mean.
{notes}select
    '{department}' as source_department,
{columns}
    _batch_id as batch_id,
    _row_number as row_number
from {{{{ latest_landed(source('raw_{department}', '{table}'), {key}) }}}} as latest
{unused}"""
_EVENTS = """\
-- One row per dated step of a case. TODO hold each step against what the department says its columns mean.
{notes}with latest as (
    select * from {{{{ latest_landed(source('raw_{department}', '{table}'), {key}) }}}} as landed
),

typed as (
    select
{typed}
        _batch_id as batch_id,
        _row_number as row_number
    from latest
)

select
    '{department}' as source_department,
    typed.instance_code,
    step.event_kind,
    {event_at},
    step.source_order,
    null as recorded_at,
    step.reason_code,
    null as procedure_name,
    null as responsible_party,
    null as extension_days,
    null as extension_unit,
    null as document_number,
    {office} as office_name,
    {opinion} as opinion,
    typed.batch_id,
    typed.row_number
from typed
cross join lateral (
    values
{steps}
) as step (event_kind, event_at, source_order, reason_code)
where step.event_at is not null
"""
_LOG = """\
-- One row per step of a case, from the table of steps. TODO hold each step against what the department says it means.
{notes}with steps as (
    select
        {code},
        {step},
        {result},
        {at},
        {order} as given_order,
        {office},
        {opinion},
        _batch_id as batch_id,
        _row_number as row_number
    from {{{{ latest_landed(source('raw_{department}', '{table}'), {key}) }}}} as latest
)

select
    '{department}' as source_department,
    instance_code,
    case step
{kinds}
    end as event_kind,
    {event_at},
    {source_order} as source_order,
    null as recorded_at,
    {reason} as reason_code,
    null as procedure_name,
    null as responsible_party,
    null as extension_days,
    null as extension_unit,
    null as document_number,
    office_name,
    opinion,
    batch_id,
    row_number
from steps
where event_at is not null
"""
_SPECIAL = "TODO a special procedure stops the clock (1 勘验, 2 评审, 4 听证 …): is each of these one?"
_PUBLICITY = (
    "TODO 公示 (5) stops no clock as it stands: it is not on the list of 行政许可法 art. 45. Where a local rule"
    " exempts it, dbt_project/seeds/local_pause_rules.csv needs a line {department},5,true,false,<since>,<rule>"
)
_NO_RESULT = "TODO no column with the result was recognised: every decision counts as a grant"
_FEED_NOTES = {
    "items": "-- One row per catalogue version of an item.",
    "projects": "-- One row per registered project: its last landed version.",
}
# Where nothing fits, and what follows from that has to be known.
_MISSED = {
    "item_code": "TODO none was recognised: without it a case has neither limit nor stage",
    "project_code_raw": "TODO none was recognised: without it no case finds its project by a code",
    "stage_number": "TODO 1 立项用地规划许可, 2 工程建设许可, 3 施工许可, 4 竣工验收, 5 并行推进",
    "statutory_limit": "TODO none was recognised: without it there is no statutory clock",
    "promised_limit": "TODO none was recognised: then the catalogue's promise counts",
}
# Where nothing fits and null would not do.
_DEFAULTS = {"is_terminated": "false"}
_UNITS = {"limit_unit": "promised_limit", "promised_unit": "promised_limit", "statutory_unit": "statutory_limit"}
_OPTIONAL_DATE = rf"^\s*$|^{guess.DATE}$"


@dataclass(frozen=True)
class Beside:
    """What else becomes events: models of pauses, whether some of their dates have no time of day, and what to say."""

    models: list[str]
    days_only: bool
    notes: list[str]


def like_spgl(department: str, schema: str | None) -> str:
    """departments/<id>.yml of an exchange library in the national standard."""
    head = _HEAD.format(department=department, how="--like spgl")
    return head + _SPGL.format(secret=f"{department.upper()}_DSN", schema=spelling.flow(schema or "spgl"))


def about_publicity(department: str) -> str:
    """Why 公示 stops nothing yet, and what would."""
    return _PUBLICITY.format(department=department)


def _about_special(department: str, steps: list[guess.Step]) -> list[str]:
    reasons = {entry.reason_code for entry in steps if entry.event_kind == "special_start"}
    return [_SPECIAL] * bool(reasons - {"5"}) + [about_publicity(department)] * ("5" in reasons)


# -- the contract --------------------------------------------------------------------------------------------------
def contract(department: str, seen: Seen, feeds: dict[str, str], notes: list[str], unread: dict[str, str]) -> str:
    """departments/<id>.yml; notes: comments on what was not recognised; unread: table that no model reads -> why."""
    lines = [_HEAD.format(department=department, how="--from …").rstrip()]
    if feeds:
        lines += ["feeds:", *(f"  {feed}: {model}" for feed, model in feeds.items())]
    lines += [f"# TODO {spelling.comment(note)}" for note in notes]
    lines += ["", "source:"]
    for key, value in seen.source.items():
        if key in seen.doubts:
            lines.append(f"  # TODO check: {spelling.comment(seen.doubts[key])}")
        lines.append(f"  {key}: {spelling.flow(value)}")
    lines += ["", "tables:"]
    for table in seen.tables:
        if table.name in unread:
            lines.append(f"  # TODO no model reads {table.name}: {spelling.comment(unread[table.name])}")
        lines += _table(department, table, seen)
    return "\n".join(lines) + "\n"


def _table(department: str, table: SeenTable, seen: Seen) -> list[str]:
    lines = [f"  - name: {table.name}", '    description: "TODO what one row is"']
    if "pattern" in seen.doubts:
        lines.append(f"    # TODO {seen.doubts['pattern']}")
    lines += [f"    {key}: {spelling.flow(value)}" for key, value in table.place.items()]
    lines += [f"    # TODO is it the key? {spelling.comment(table.key_doubt)}"] if table.key_doubt else []
    lines.append(f"    key: {spelling.flow(table.key)}")
    lines += _cursor(table, seen)
    lines += [f"    suite: {suite_name(department, table)}", "    columns:"]
    lines.append(textwrap.indent(spelling.flow(table.columns), "      "))
    return lines


def _cursor(table: SeenTable, seen: Seen) -> list[str]:
    kind = seen.source["kind"]
    column = guess.cursor(table) if kind != "files" else None
    if kind == "files":
        return []
    if column is None:
        return ["    # TODO no cursor: no column of an update time was recognised, so each pull reads the whole table"]
    line = f"cursor: {{column: {spelling.flow(column)}, overlap_minutes: 60}}"
    if kind != "rest":
        return [f"    {line}  # TODO does it move whenever a row changes?"]
    if seen.since_parameter:
        return [
            f"    {line}  # TODO are the pages sorted by it?",
            f"    since_parameter: {spelling.flow(seen.since_parameter)}",
        ]
    return [
        "    # TODO each pull reads everything. Where the API can give what changed since a moment, write:",
        f"    # {line}",
        "    # since_parameter: …",
    ]


# -- checks --------------------------------------------------------------------------------------------------------
def suite_name(department: str, table: SeenTable) -> str:
    return f"{department}_{table.name}"[:55]


def suite(department: str, table: SeenTable, case: CaseTable | None, moments: set[str], no_record: str | None) -> str:
    """expectations/<suite>.json: form of the key, dates that are dates, values of small code columns.

    moments: columns that become events; no_record: how values begin that make a line of a file a total, not a row.
    """
    rules = []
    for column in dict.fromkeys([table.columns[0], *table.key]) if no_record else []:
        rules.append(
            _rule("not_match_regex", column, "fail", "合计或说明行，不是记录", "a total or a note, no record",
                  regex=no_record)
        )  # fmt: skip
    for column in table.key:
        form = guess.shape(table.values(column)) if not guess.is_date(table, column) else None
        if form:
            rules.append(
                _rule("match_regex", column, "warn", f"{column} 的写法与样本不同", "not the form of the sample",
                      regex=rf"^\s*{form}\s*$")
            )  # fmt: skip
    for column in table.columns:
        if guess.is_date(table, column):
            # an event without a readable day would be lost, so its row is kept out and shown
            severity = "fail" if column in moments else "warn"
            rules.append(_rule("match_regex", column, severity, f"{column} 不是日期", "no date", regex=_OPTIONAL_DATE))
        elif values := _codes(table, column, case):
            rules.append(
                _rule("be_in_set", column, "warn", f"{column} 不在样本所见的取值内", "a value the sample did not have",
                      value_set=["", *values])
            )  # fmt: skip
    about = f"TODO one row of {table.name}; drafted from {len(table.rows)} rows, so codes and forms may be incomplete"
    meta = {"about": about, "hold_above_share": 0.2, "hold_from_rows": 50}
    document = {"name": suite_name(department, table), "meta": meta, "expectations": rules}
    return json.dumps(document, ensure_ascii=False, indent=2) + "\n"


def _codes(table: SeenTable, column: str, case: CaseTable | None) -> list[str]:
    if not case or case.table is not table or column != case.extras.get("result"):
        return guess.codes(table, column)
    known = [value for values in case.results.values() for value in values]
    seen = guess.result_codes(table, column)
    return list(dict.fromkeys([*seen, *known])) if seen else []


def _rule(kind: str, column: str, severity: str, reason: str, english: str, **arguments: object) -> dict:
    return {
        "type": f"expect_column_values_to_{kind}",
        "kwargs": {"column": column, **arguments},
        "meta": {"severity": severity, "reason": reason, "reason_en": f"{column}: {english}"},
    }


# -- models --------------------------------------------------------------------------------------------------------
def sources(department: str, seen: Seen, models: dict[str, str]) -> str:
    """_<id>.yml beside the models; models: name -> description."""
    lines = [
        "sources:",
        f"  - name: raw_{department}",
        f"    description: As received, every column text. See departments/{department}.yml.",
        "    tables:",
        *(f"      - {{name: {table.name}, description: One landed version of a row.}}" for table in seen.tables),
    ]
    if models:
        lines += ["", "models:"]
        lines += [f"  - {{name: {name}, description: {json.dumps(text)}}}" for name, text in models.items()]
    return "\n".join(lines) + "\n"


def cases(department: str, case: CaseTable) -> str:
    """stg_<id>__cases.sql."""
    columns, notes = _columns(guess.canonical("cases"), case.columns, case.table)
    code = case.columns["instance_code"]
    if not guess.is_case_code(code):
        notes.append(
            f"TODO no column with the code of a case was recognised: the key {code} stands for it. Which is it?"
        )
    project = case.columns.get("project_code_raw")
    if project and not guess.matched([project], "cases").get("project_code_raw"):
        notes.append(f"TODO {project} is read as the project's code, by the form of its values. Is it?")
    codes = list(case.table.values(code))
    if [code] != case.table.key and len(set(codes)) < len(codes):
        notes.append(f"TODO several rows of the sample share one {code}; this feed must have one row per case")
    unused = [_not_used(name, why) for name, why in case.unused.items()]
    return _CASES.format(
        department=department, table=case.table.name, key=spelling.key(case.table), columns=columns,
        notes=spelling.lines(notes), unused="".join(f"{line}\n" for line in unused),
    )  # fmt: skip


def case_events(department: str, case: CaseTable, beside: Beside) -> str:
    """stg_<id>__case_events.sql."""
    notes = [*beside.notes]
    days_only = case.days_only or beside.days_only
    if days_only:
        notes.append("Some dates have no time of day: among those of one day the steps' own order decides.")
    if case.unknown:
        notes.append(f"TODO what do these results mean? {', '.join(case.unknown)}")
    notes += _about_special(department, case.steps)
    kinds = {entry.event_kind for entry in case.steps}
    if "decided" in kinds and not case.results:
        notes.append(_NO_RESULT)
    typed = [spelling.cast("text", case.columns["instance_code"], "instance_code")]
    typed += [spelling.cast("text", column, name) for name, column in case.extras.items()]
    typed += [spelling.cast("timestamp", entry.column, _alias(entry)) for entry in case.steps]
    steps = [_value(entry, case, kinds) for entry in case.steps]
    return _EVENTS.format(
        department=department,
        table=case.table.name,
        key=spelling.key(case.table),
        notes=spelling.lines(notes),
        typed=textwrap.indent("\n".join(f"{line}," for line in typed), " " * 8),
        event_at="step.event_at::date::timestamp as event_at" if days_only else "step.event_at",
        office="typed.office_name" if "office_name" in case.extras else "null",
        opinion="case when step.source_order = 9 then typed.opinion end" if "opinion" in case.extras else "null",
        steps=textwrap.indent(",\n".join(steps), " " * 4),
    ) + _united(beside)


def _united(beside: Beside) -> str:
    return "".join(f"\nunion all\n\nselect * from {{{{ ref('{model}') }}}}\n" for model in beside.models)


def logged_events(department: str, log: LogTable, beside: Beside) -> str:
    """stg_<id>__case_events.sql where each step is a row of a table of its own."""
    notes = [*beside.notes]
    if log.unknown:
        notes.append(f"TODO these steps say nothing to the clock as it stands: {', '.join(log.unknown)}")
    notes += _about_special(department, list(log.steps.values()))
    if any(entry.event_kind == "decided" for entry in log.steps.values()) and not log.results:
        notes.append(_NO_RESULT)
    kinds, orders, reasons = [], [], []
    for value, entry in log.steps.items():
        kind = _outcomes(log.results) if entry.event_kind == "decided" else f"'{entry.event_kind}'"
        kinds.append(f"when {spelling.text(value)} then {kind}")
        orders.append(f"when {spelling.text(value)} then {entry.source_order}")
        reasons += [f"when {spelling.text(value)} then '{entry.reason_code}'"] if entry.reason_code else []

    def column(name: str, kind: str = "text") -> str:
        return spelling.cast(kind, log.columns[name], name) if name in log.columns else f"null as {name}"

    # among the days of pauses only the steps' own order has a meaning
    order = None if beside.days_only else log.columns.get("source_order")
    return _LOG.format(
        department=department,
        table=log.table.name,
        key=spelling.key(log.table),
        notes=spelling.lines(notes),
        code=column("instance_code"),
        step=column("step"),
        result=column("result"),
        at=column("event_at", "timestamp"),
        order=f"{{{{ to_integer({spelling.jinja(spelling.quoted(order))}) }}}}" if order else "null",
        office=column("office_name"),
        opinion=column("opinion"),
        kinds=textwrap.indent("\n".join(kinds), " " * 8),
        source_order="given_order" if order else f"case step {' '.join(orders)} else 5 end",
        reason=f"case step {' '.join(reasons)} end" if reasons else "null",
        event_at="event_at::date::timestamp as event_at" if beside.days_only else "event_at",
    ) + _united(beside)


def feed(department: str, name: str, table: SeenTable, found: dict[str, str]) -> str:
    """stg_<id>__items.sql or stg_<id>__projects.sql."""
    columns, notes = _columns(guess.canonical(name), found, table)
    left = [column for column in table.columns if column not in found.values()]
    return _CASES.format(
        department=department, table=table.name, key=spelling.key(table), columns=columns, notes=spelling.lines(notes),
        unused="".join(f"{_not_used(column)}\n" for column in left),
    ).replace(f"-- One row per 办件 of {table.name}.", _FEED_NOTES[name], 1)  # fmt: skip


def _columns(wanted: list[guess.Canonical], found: dict[str, str], table: SeenTable) -> tuple[str, list[str]]:
    """The select list, and what should be said about it."""
    lines, notes = [], []
    for entry in wanted:
        column = found.get(entry.column)
        if column is not None:
            said = getattr(column, "comment", "")
            lines.append(
                f"{spelling.cast(entry.type, column, entry.column)},{f'  -- {spelling.comment(said)}' if said else ''}"
            )
            values = list(table.values(column))
            if entry.type == "integer" and not all(re.fullmatch(r"\d+(\.0*)?", value) for value in values):
                notes.append(f"TODO {column} is not always a whole number; where it is none, {entry.column} is null")
        elif _UNITS.get(entry.column) in found:
            lines.append(f"'working_days' as {entry.column},  -- TODO or calendar_days")
        else:
            missed = f"  -- {_MISSED[entry.column]}" if entry.column in _MISSED else ""
            lines.append(f"{_DEFAULTS.get(entry.column, 'null')} as {entry.column},{missed}")
    return textwrap.indent("\n".join(lines), " " * 4), notes


def _not_used(column: str, why: str = "") -> str:
    said = "; ".join(text for text in (getattr(column, "comment", ""), why) if text)
    return f"-- not used: {spelling.comment(column)}{f' ({spelling.comment(said)})' if said else ''}"


def _value(entry: guess.Step, case: CaseTable, kinds: set[str]) -> str:
    kind, order = f"'{entry.event_kind}'", str(entry.source_order)
    if entry.event_kind == "decided":
        kind = _outcomes(case.results)
    if entry.event_kind == "correction_requested" and {"correction_received", "accepted"} <= kinds:
        answered, accepted = "correction_received_at", "accepted_at"
        order = f"{{{{ same_day_correction_order('{_alias(entry)}', '{answered}', '{accepted}') }}}}"
    reason = f"'{entry.reason_code}'" if entry.reason_code else "null"
    return f"({kind}, {_alias(entry)}, {order}, {reason})"


def _outcomes(results: dict[str, list[str]]) -> str:
    """The event kind of a decision, by its result."""
    branches = [
        f"when result in ({', '.join(spelling.text(value) for value in values)}) then '{outcome}'"
        for outcome, values in results.items()
    ]
    return "case\n    " + "\n    ".join(branches) + "\nend" if branches else "'decided_pass'"


def _alias(entry: guess.Step) -> str:
    return f"{entry.event_kind}{f'_{entry.reason_code}' if entry.reason_code else ''}_at"
