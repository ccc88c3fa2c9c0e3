"""What columns seem to mean, by their names and a sample of their values. Every guess is for a person to confirm."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import combinations

from yidang.new_department.names import explained, plain, spelled, words
from yidang.new_department.seen import SeenTable, filled

# As expectations/*.json have it, with the fractions and zones that databases write.
DATE = (
    r"\s*(\d{4}-\d{1,2}-\d{1,2}|\d{4}/\d{1,2}/\d{1,2}|\d{4}年\d{1,2}月\d{1,2}日|\d{8})"
    r"([ T]\d{1,2}:\d{2}(:\d{2}(\.\d+)?)?)?( ?(Z|[+-]\d{2}(:?\d{2})?))?\s*"
)
# Names of a column that moves whenever its row changes, as `plain` spells them, the likeliest first.
_LAST = r"(last|latest|gmt|sys|data|record|row|最后|最近|最新|数据|记录|zh|zj|zx|sj)*"
_CURSORS = [
    re.compile(f"{_LAST}({what})")
    for what in (
        r"(updated?|upd)(at|on|time|date|timestamp)?|更新(时间|日期|时间戳)|gx(sj|rq|sjc)",
        r"(modify|modified|modification)(at|on|time|date|timestamp)?|修改(时间|日期|时间戳)|xg(sj|rq|sjc)",
        r"lastchanged?(at|on|time|date|timestamp)?|上传时间|scsj",
    )
]
# Days that somebody planned or the law sets; nothing has happened on them.
_PLANNED = re.compile(
    r"应|计划|预计|拟|截止|限期|到期|期限|承诺|法定|有效|失效|生效|deadline|due|plan|expect|expir|limit|valid"
)
_DATED = re.compile(r"日期|时间|时刻|开始|结束|日$|_at$|date|time|(sj|rq)$|(^|_)(start|begin|end|finish)(ed)?$")
# A day that tells rows of one case apart: when a pause or a step began.
_BEGINS = re.compile(r"开始|起始|发生|操作|办理|(^|_)(start|begin|from|event|step|action)|(ks|bl|cz)sj$|^(时间|time)$")
_NO_DAY = re.compile(r"(人|员|号|单位|部门|科室|处室|意见|方式|材料|名称|结果|by|no|name|id|opinion)$")
_CODED = re.compile(
    r"(结果|结论|状态|类别|类型|种类|方式|等级|级别|result|status|state|type|kind|category|class|grade|level)$"
)
_PERSON = re.compile(
    r"姓名|联系|电话|手机|身份证|证件|法人|办理人|经办人|审批人|地址|phone|mobile|contact|person|address|id_?card"
)
# 2401-330199-04-01-663496: year and month, region, industry, number.
_PROJECT_CODE = re.compile(r"\s*\d{4}-\d{6}-\d{2}-\d{2}-\d{6}\s*")
_KEYLIKE = re.compile(r"(编号|编码|代码|流水号|主键|号|版本|id|code|no|number|version|key|lsh|bh|bm|dm|zj)$")
_VERSION = re.compile(r"版本号?$|version$|bbh$")
_RUNNING = re.compile(r"^(序号|行号|顺序号|排序|no|seq|index|row_?no|row_?number|xh|sort)$")
_MOST_CODES, _MOST_STEPS, _LONGEST_CODE = 12, 30, 12
# What a case's own row tells of its events; the rest of that feed's names is for a table of steps.
_OF_A_CASE = ("office_name", "opinion", "result")


@dataclass(frozen=True)
class Canonical:
    """A column of a canonical feed: its type decides how text is cast (write.py)."""

    column: str
    type: str
    names: tuple[str, ...]


@dataclass(frozen=True)
class Step:
    """A column that holds the day of an event."""

    column: str
    event_kind: str
    reason_code: str
    source_order: int


@dataclass(frozen=True)
class CaseTable:
    """A table with one row per 办件. columns, extras: canonical name -> column, of `cases` and of its events.

    results: event kind -> values of the result column; unknown: its values that no word explains. unused: the columns
    that nothing reads, with what could be said of them. days_only: some dates have no time of day, so none may count.
    """

    table: SeenTable
    columns: dict[str, str]
    extras: dict[str, str]
    steps: list[Step]
    results: dict[str, list[str]]
    unknown: list[str]
    unused: dict[str, str]
    days_only: bool

    @property
    def moments(self) -> set[str]:
        """The columns that become events."""
        return {entry.column for entry in self.steps}


@dataclass(frozen=True)
class LogTable:
    """A table with one row per step of a case. columns: canonical name -> column, `instance_code` among them.

    steps: value of the step column -> what it stands for; unknown: its values that no word explains.
    """

    table: SeenTable
    columns: dict[str, str]
    steps: dict[str, Step]
    unknown: list[str]
    results: dict[str, list[str]]

    @property
    def moments(self) -> set[str]:
        """The columns that become events."""
        return {self.columns["event_at"]}

    @property
    def days_only(self) -> bool:
        """Some dates have no time of day."""
        return not all(has_time(value) for value in self.table.values(self.columns["event_at"]))


# -- words ---------------------------------------------------------------------------------------------------------
@cache
def canonical(feed: str) -> list[Canonical]:
    """The columns of a feed in their order, as architecture.md has them (case_events: those a case's own row tells)."""
    return [
        Canonical(row["column"], row["type"], tuple(row["names"].split("|")))
        for row in words("columns")
        if row["feed"] == feed
    ]


def matched(columns: Sequence[str], feed: str) -> dict[str, str]:
    """canonical column -> the source's column that bears one of its names, the first names first; each serves once."""
    found: dict[str, str] = {}
    for entry in canonical(feed):
        by_name = {plain(column): column for column in reversed(columns) if column not in found.values()}
        if hit := next((by_name[plain(name)] for name in entry.names if plain(name) in by_name), None):
            found[entry.column] = hit
    return found


def is_telling(name: str) -> bool:
    """Whether the name says what a column holds."""
    feeds = {row["feed"] for row in words("columns")}
    is_cursor = any(pattern.fullmatch(plain(name)) for pattern in _CURSORS)
    return is_cursor or step(name) is not None or any(matched([name], feed) for feed in feeds)


def step(column: str) -> Step | None:
    """The event whose day the column seems to hold, by its name alone; None for anything else."""
    name = plain(column)
    if is_planned(column):
        return None
    for row in words("steps"):
        known = [plain(word) for word in row["words"].split("|") if word]
        if name in row["names"].split("|") or any(word in name for word in known):
            return Step(column, row["event_kind"], row["reason_code"], int(row["source_order"]))
    return None


def is_planned(column: str) -> bool:
    """Whether the column holds days that somebody planned or the law sets."""
    return bool(_PLANNED.search(plain(column)))


def outcome(value: str) -> str | None:
    """The event kind that a value of a result column stands for; None where no word of it is known."""
    text = value.strip().lower()
    return next(
        (row["event_kind"] for row in words("results") if any(w in text for w in row["words"].split("|"))), None
    )


# -- keys, cursors, values -----------------------------------------------------------------------------------------
def key(
    columns: Sequence[str],
    rows: list[dict[str, str | None]],
    declared: Sequence[list[str]] = (),
    is_unique: Callable[[list[str]], bool] | None = None,
) -> tuple[list[str], str]:
    """(columns that tell rows apart, why that is doubtful). declared: what the source itself keeps unique.

    is_unique: asks the source about all of its rows; without it the sample alone speaks.
    """
    if declared:
        return list(declared[0]), ""
    likely = sorted((column for column in columns if _is_keylike(column)), key=lambda name: not is_case_code(name))
    others = [
        column for column in columns if column not in likely and not _is_running(column) and not _is_dated(column)
    ]
    # A version tells rows apart only beside what it is a version of, whatever a small sample says.
    single = [[column] for column in likely if not _VERSION.search(spelled(column))]
    wide = [list(pair) for pair in combinations(likely[:8], 2)]
    wide += [[column] for column in others if not is_personal(column) and not column.endswith("名称")]
    begins = [column for column in columns if _BEGINS.search(spelled(column)) and _is_dated(column)][:3]
    coded = [column for column in others if _CODED.search(spelled(column))][:3]
    wide += [[column, begin] for column in likely[:4] for begin in begins]
    wide += [[column, code, begin] for column in likely[:4] for code in coded for begin in begins]
    if not rows:
        return (single or wide or [[columns[0]]])[0], "guessed by its name alone: there are no rows yet"

    def found(candidates: list[list[str]]) -> list[str] | None:
        unique = (columns for columns in candidates if _is_unique_in(rows, columns))
        return next((columns for columns in unique if is_unique is None or is_unique(columns)), None)

    basis = "in all rows; the source does not declare it" if is_unique else "in the rows that were looked at"
    if alone := found(single):
        return alone, f"unique {basis}"
    but_for = {column: blanks for (column,) in single if (blanks := _blanks_beside_unique(rows, column))}
    nearly = "; ".join(
        f"{column} would be, but for {blanks} blank of {len(rows)} rows" for column, blanks in but_for.items()
    )
    # A row without its case's code is none that could be counted: the gate sets it aside and says so.
    best = next((column for column in but_for if is_case_code(column)), None)
    several = None if best else found(wide)
    if several:
        return several, f"unique {basis}{f'; {nearly}' if nearly else ''}"
    if best := best or next(iter(but_for), None):
        return [best], f"unique but for {but_for[best]} blank of {len(rows)} rows, and rows without a key are set aside"
    fallback = likely[0] if likely else columns[0]
    return [fallback], "no column or pair of columns was found to be unique: of rows that share it only the last counts"


def _blanks_beside_unique(rows: list[dict[str, str | None]], column: str) -> int:
    """How many rows lack a value in a column that else tells them apart; 0 where it does not, or too many lack it."""
    values = list(filled(rows, column))
    blanks = len(rows) - len(values)
    return blanks if len(set(values)) == len(values) and blanks <= max(1, len(rows) // 20) else 0


def cursor(table: SeenTable) -> str | None:
    """The column that seems to grow when a row changes, filled in every row of the sample; None: compare the whole."""
    for name in _CURSORS:
        for column in table.columns:
            if not name.fullmatch(plain(column)) or len(list(table.values(column))) < len(table.rows):
                continue
            if table.kinds and table.kinds.get(column) not in ("moment", "date"):
                continue  # text of any spelling, or a number: its order need not be that of time
            return column
    return None


def is_date(table: SeenTable, column: str) -> bool:
    """Whether the column holds dates: by the catalogue, else by its values, else (nothing in it) by its name."""
    if table.kinds.get(column) in ("moment", "date"):
        return True
    if table.kinds.get(column, "text") != "text":
        return False
    values = list(table.values(column))
    if not values:
        return _is_dated(column) or (step(column) is not None and not _NO_DAY.search(spelled(column)))
    share = sum(re.fullmatch(DATE, value) is not None for value in values) / len(values)
    if _is_dated(column) or step(column) is not None:
        return share >= 0.5  # what is typed into such a column and is no date belongs into quarantine
    return share >= 0.8 and any("-" in value for value in values)


def codes(table: SeenTable, column: str) -> list[str]:
    """The few values of a column that its name calls a code, status or result; [] where it is anything else.

    Strict, because these values are written down: nothing that is long, holds a long number or may tell of a person.
    """
    return few(table, column) if _CODED.search(spelled(column)) and not is_personal(column) else []


def few(
    table: SeenTable,
    column: str,
    known: Callable[[str], object] = lambda value: outcome(value) or step(value),
    most: int = _MOST_CODES,
) -> list[str]:
    """The values of a column where they are few and short; known: whether a value is one of a vocabulary."""
    values = list(table.values(column))
    found = sorted(set(values))
    if len(found) > most:
        return []
    if len(found) == len(values) and not all(known(value) for value in found):
        return []  # nothing comes twice: no code list, as far as can be seen
    return [] if any(len(value) > _LONGEST_CODE or re.search(r"\d{5}", value) for value in found) else found


def shape(values: Iterable[str]) -> str | None:
    """A regular expression that all values fit (kinds of characters, never the characters); None if they differ."""
    found = {_shape(value) for value in values}
    return found.pop() if len(found) == 1 else None


def _shape(value: str) -> str:
    runs = re.findall(r"\d+|[A-Za-z]+|[\u4e00-\u9fff]+|.", value, re.DOTALL)
    return "".join(
        r"\d+" if run[0].isdecimal() else "[A-Za-z]+" if run.isascii() and run.isalpha()
        else "[一-鿿]+" if run[0].isalpha() else re.escape(run)
        for run in runs
    )  # fmt: skip


def _is_unique_in(rows: list[dict[str, str | None]], columns: list[str]) -> bool:
    seen = set()
    for row in rows:
        values = tuple(row.get(column) for column in columns)
        if any(not value or not value.strip() for value in values) or values in seen:
            return False
        seen.add(values)
    return True


def _is_keylike(column: str) -> bool:
    return (
        bool(_KEYLIKE.search(spelled(column)))
        and not _is_running(column)
        and not is_personal(column)
        and not _is_dated(column)
    )


def is_personal(column: str) -> bool:
    return bool(_PERSON.search(column.lower()) or _PERSON.search(spelled(column)))


def is_case_code(column: str) -> bool:
    """Whether the name is one for the code of a case."""
    return plain(column) in ("id", "lsh", *(plain(name) for name in canonical("cases")[0].names))


def _is_running(column: str) -> bool:
    return bool(_RUNNING.match(spelled(column)))


def _is_dated(column: str) -> bool:
    return bool(_DATED.search(spelled(column)))


# -- tables --------------------------------------------------------------------------------------------------------
def case_table(tables: Sequence[SeenTable]) -> tuple[CaseTable | None, list[str]]:
    """The table that most looks like one row per 办件, and the names of others that do too."""
    return _best([case for table in tables if (case := _case(table))])


def case_table_by_key(tables: Sequence[SeenTable]) -> tuple[CaseTable | None, list[str]]:
    """As `case_table`, of tables without a code of the case: their key of one column stands for it."""
    return _best([case for table in tables if (case := _case(table, by_key=True))])


def _best(found: list[CaseTable]) -> tuple[CaseTable | None, list[str]]:
    found.sort(key=lambda case: -(len(case.steps) * 2 + len(case.columns)))
    return (found[0] if found else None), [case.table.name for case in found[1:]]


def logged_cases(tables: Sequence[SeenTable]) -> tuple[CaseTable, LogTable] | None:
    """Cases whose steps are rows of a table of their own: the two tables; None where there are none."""
    logs = [log for table in tables if (log := _log(table))]
    if not logs:
        return None
    log = max(logs, key=lambda entry: len(entry.steps))
    cases = [case for table in tables if table is not log.table and (case := _case(table, with_steps=False))]
    return (max(cases, key=lambda case: len(case.columns)), log) if cases else None


def _log(table: SeenTable) -> LogTable | None:
    case = matched(table.columns, "cases").get("instance_code")
    columns = matched([column for column in table.columns if column != case], "case_events")
    if not case or "step" not in columns or "event_at" not in columns or not is_date(table, columns["event_at"]):
        return None
    seen = few(table, columns["step"], most=_MOST_STEPS)
    steps = {value: found for value in seen if (found := step(value)) and found.event_kind != "issued"}
    if len({found.event_kind for found in steps.values()} & {"received", "accepted", "decided"}) < 2:
        return None
    results, _ = _results(table, columns.get("result"))
    unknown = [value for value in seen if value not in steps]
    values = list(table.values(columns["step"]))
    if sum(value in steps for value in values) * 2 < len(values):
        return None  # no vocabulary of steps, and what it is might not be for a file to keep
    return LogTable(table, {"instance_code": case, **columns}, steps, unknown, results)


def _case(table: SeenTable, *, with_steps: bool = True, by_key: bool = False) -> CaseTable | None:
    columns = _with_project_code(table, matched(table.columns, "cases"))
    if by_key and "instance_code" not in columns and _key_stands_for_case(table, columns):
        columns["instance_code"] = table.key[0]
    left = [column for column in table.columns if column not in columns.values()]
    extras = {name: column for name, column in matched(left, "case_events").items() if name in _OF_A_CASE}
    left = [column for column in left if column not in extras.values()]
    steps: dict[tuple[str, str], Step] = {}
    unused: dict[str, str] = {}
    cursor_column = cursor(table)
    for column in left:
        found = step(column) if column != cursor_column and is_date(table, column) else None
        place = (found.event_kind, found.reason_code) if found else ("", "")
        if not found:
            unused[column] = _of_no_use(table, column, cursor_column)
        elif place in steps:
            unused[column] = f"TODO: a day of `{place[0]}` too, of which {steps[place].column} is taken"
        else:
            steps[place] = found
    if issued := steps.pop(("issued", ""), None):
        if ("decided", "") in steps:
            unused[issued.column] = "the day of the certificate; no clock reads it"
        else:
            steps["decided", ""] = Step(issued.column, "decided", "", 9)
    for kind, reason in list(steps):  # what begins and never ends would pause a case for ever
        if kind == "special_start" and ("special_end", reason) not in steps:
            lone = steps.pop((kind, reason))
            unused[lone.column] = "TODO: a special procedure begins here, but no column says when it ends"
        elif kind == "special_end" and ("special_start", reason) not in steps:
            lone = steps.pop((kind, reason))
            unused[lone.column] = "TODO: a special procedure ends here, but no column says when it begins"
    kinds = {kind for kind, _ in steps}
    if "instance_code" not in columns or (not with_steps and len(columns) < 2):
        return None
    if with_steps and (not kinds & {"received", "accepted"} or len(kinds) < 2):
        return None
    results, unknown = _results(table, extras.get("result"))
    return CaseTable(
        table=table,
        columns=columns,
        extras=extras,
        steps=sorted(steps.values(), key=lambda entry: (entry.source_order, entry.reason_code)),
        results=results,
        unknown=unknown,
        unused=unused,
        days_only=not all(has_time(value) for entry in steps.values() for value in table.values(entry.column)),
    )


def _with_project_code(table: SeenTable, columns: dict[str, str]) -> dict[str, str]:
    """What was matched by name, corrected where a column holds what nothing but a project's code looks like."""
    if "project_code_raw" in columns:
        return columns
    for column in table.columns:
        values = list(table.values(column))
        if values and sum(_PROJECT_CODE.fullmatch(value) is not None for value in values) >= 0.8 * len(values):
            others = {name: own for name, own in columns.items() if own != column}
            return {**others, "project_code_raw": column}
    return columns


def _key_stands_for_case(table: SeenTable, columns: dict[str, str]) -> bool:
    (column, *others) = table.key
    is_free = not others and column not in columns.values() and not _is_running(column)
    return is_free and (not table.rows or _is_unique_in(table.rows, table.key))


def _of_no_use(table: SeenTable, column: str, cursor_column: str | None) -> str:
    if column == cursor_column:
        return "when the row changed"
    name = plain(column)
    if is_date(table, column) and re.search(r"录入|登记|补录|创建|entered|created|recorded|lrsj|djsj", name):
        return "TODO: when it was typed in? Then it may be recorded_at of an event (see stg_fagai__case_events)"
    if any(value.startswith("[{") for value in table.values(column)):
        return "TODO: a list; its entries may be events (see stg_shuiwu__case_events)"
    if is_date(table, column):
        return "TODO: a date; of what?"
    return ""


def _results(table: SeenTable, column: str | None) -> tuple[dict[str, list[str]], list[str]]:
    if column is None:
        return {}, []
    found: dict[str, list[str]] = {}
    seen = result_codes(table, column)
    kinds = {value: _outcome_of_code(column, value) for value in seen}
    for row in words("results"):
        usual = [value for value in row["values"].split("|") if value]
        own = [value for value in seen if kinds[value] == row["event_kind"]]
        if values := list(dict.fromkeys([*own, *usual])):
            found[row["event_kind"]] = values
    return found, [value for value in seen if kinds[value] is None]


def result_codes(table: SeenTable, column: str) -> list[str]:
    """The few values of the column with the result of a case, which need not be words where its comment explains."""
    return [] if is_personal(column) else few(table, column, lambda value: _outcome_of_code(column, value))


def _outcome_of_code(column: str, value: str) -> str | None:
    return outcome(explained(column).get(value, value))


def has_time(value: str) -> bool:
    return ":" in value and not re.search(r"[ T]0?0:00(:00(\.0+)?)?( |Z|[+-]|$)", value)


def other_table(tables: Sequence[SeenTable], feed: str) -> tuple[SeenTable, dict[str, str]] | None:
    """The table that most looks like the feed `items` or `projects`, with canonical -> column; None if none does."""
    needed = {"items": ("item_code", "item_name"), "projects": ("project_code_raw", "project_name")}[feed]
    telling = {
        "items": {"statutory_limit", "promised_limit", "stage_number"},
        "projects": {"owner_name", "total_investment_wan", "registered_at", "established_at"},
    }[feed]
    best = None
    for table in tables:
        found = matched(table.columns, feed)
        if not all(name in found for name in needed) or not telling & set(found) or _case(table):
            continue
        if matched(table.columns, "cases").get("instance_code", "编号") != "编号":
            continue
        if best is None or len(found) > len(best[1]):
            best = (table, found)
    return best
