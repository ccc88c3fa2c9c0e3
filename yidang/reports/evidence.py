"""What stands behind the numbers of a document: metric, slice, n, what is left out, SQL, and the cases one by one."""

from __future__ import annotations

import gzip
import io
from collections.abc import Iterable, Iterator
from pathlib import Path

from openpyxl import Workbook
from openpyxl.styles import Alignment, Font
from openpyxl.utils import get_column_letter
from openpyxl.worksheet.properties import PageSetupProperties
from openpyxl.worksheet.worksheet import Worksheet
from psycopg import sql

from yidang.metrics import Metric
from yidang.reports.figures import Evidence, Figure, Figures, Reading, Slice, conditions
from yidang.reports.source import Source
from yidang.reports.words import names_of

# By what a row of each mart is known.
_IDENTITIES = {
    "dim_agent": "agent_id",
    "dim_item": "item_code || ' ' || item_version",
    "fct_agency_order": "agency_order_id",
    "fct_agent_service": "service_id",
    "fct_callback": "callback_id",
    "fct_case_conduct": "case_id",
    "fct_case_mode": "case_mode_id",
    "fct_case_rating": "case_id",
    "fct_case_visit": "case_id",
    "fct_complaint": "complaint_id",
    "fct_instant_start": "project_code",
    "fct_investment_month": "investment_id",
    "fct_investment_rule_check": "check_id",
    "fct_item_instance": "case_id",
    "fct_joint_acceptance": "works_code",
    "fct_major_project": "entry_id",
    "fct_meeting": "meeting_id",
    "fct_open_case": "case_id",
    "fct_permit": "permit_id",
    "fct_pipeline_project": "pipeline_id",
    "fct_problem": "problem_id",
    "fct_project_lifecycle": "project_code",
    "fct_question": "question_id",
    "fct_service_point": "service_point_id",
    "fct_stage": "works_code || ' ' || stage_number",
    "fct_stage_application": "works_code || ' ' || stage_number",
}
# So many cases of a figure stand in the workbook; all of them are in the list beside it, unless nobody could read them.
SHOWN_CASES = 100
MOST_LISTED = 20_000
_NUMBERS = ("value", "numerator", "denominator")
_COLUMNS = {
    "id": ("编号", 8),
    "printed": ("文中", 44),
    "label": ("指标", 24),
    "slice": ("取数范围", 40),
    "value": ("数值", 14),
    "unit": ("单位", 8),
    "n": ("样本数", 9),
    "numerator": ("分子", 12),
    "denominator": ("分母", 12),
    "excluded": ("不计入的", 30),
    "formula": ("口径 / 算式", 50),
    "metric": ("metric", 26),
    "sql": ("SQL", 80),
}

_CASE_COLUMNS = {
    "id": ("编号", 8),
    "case": ("办件（来源部门:编号）、项目或者事项", 40),
    "name": ("名称", 40),
    "department": ("部门", 20),
    "accepted": ("受理", 12),
    "closed": ("办结", 12),
}
# What a row is called: cases and projects. The others are known by their keys alone.
_NAMES = """
    select replace(case_id, ',', ' '), item_name, department_name, accepted_date, closed_date
    from {marts}.fct_item_instance where case_id = any(%s)
    union all
    select project_code, project_name, null, null, null
    from {marts}.fct_project_lifecycle where project_code = any(%s)
"""
_REMARK_COLUMNS = {
    "subject": ("改革举措或者指标", 30),
    "source": ("出处", 24),
    "claim": ("台账载明", 30),
    "reason": ("备注：原因", 60),
    "measured": ("实测净审批用时中位数", 44),
}


def lines(ids: dict[Evidence, str], printed: dict[str, str], figures: Figures) -> list[dict[str, object]]:
    """One entry per figure in reading order, as plain values. printed: id → where in the document."""
    return [_entry(source, name, ids, figures) | {"printed": printed.get(name)} for source, name in ids.items()]


def _entry(source: Evidence, name: str, ids: dict[Evidence, str], figures: Figures) -> dict[str, object]:
    match source:
        case Figure():
            return _of_figure(source, name, figures)
        case Reading():
            said = {"label": source.label, "unit": source.unit, "n": source.n, "sql": source.sql}
            return {"id": name, "value": _plain(source.value), **said, "formula": source.formula}
    return _of_change(source, name, ids, figures)


def _of_figure(figure: Figure, name: str, figures: Figures) -> dict[str, object]:
    return {
        "id": name,
        "metric": figure.metric.name,
        "label": figure.metric.label,
        "slice": figure.where.in_words(names_of(figures)),
        "where": figure.where.as_plain(),
        "value": _plain(figure.value),
        "unit": figure.metric.unit,
        "n": figure.n,
        "numerator": _plain(figure.numerator),
        "denominator": _plain(figure.denominator),
        "excluded": figures.excluded(figure),
        "formula": figure.metric.formula,
        "sql": figure.sql,
    }


def _of_change(source: Evidence, name: str, ids: dict[Evidence, str], figures: Figures) -> dict[str, object]:
    formula = source.formula.replace("later", ids[source.later]).replace("earlier", ids[source.earlier])
    later, earlier = (side.where.in_words(names_of(figures)) for side in (source.later, source.earlier))
    slices = f"{later}，较 {earlier}"
    label = f"{source.later.metric.label}的变化"
    return {"id": name, "label": label, "slice": slices, "value": _plain(source.value), "formula": formula}


def _plain(value: object) -> str | None:
    return None if value is None else f"{value:f}"


def write_cases(ids: dict[Evidence, str], figures: Figures, path: Path) -> dict[str, list[str]]:
    """Write `id,case,part` of the rows of every figure of at most MOST_LISTED as gzipped CSV; return the first of each.

    part: what the row gives to the value (of a rate, whether it is in the numerator). One scan per mart.
    """
    first: dict[str, list[str]] = {}
    by_model: dict[str, list[tuple[str, Metric, Slice]]] = {}
    for source, name in ids.items():
        if isinstance(source, Figure) and source.metric.model in _IDENTITIES and 0 < source.n <= MOST_LISTED:
            metric = figures.smallest(source.metric, source.where)
            by_model.setdefault(metric.model, []).append((name, metric, source.where))
    with path.open("wb") as file, gzip.GzipFile(filename="", fileobj=file, mode="wb", mtime=0) as packed:
        packed.write(b"id,case,part\n")
        for source, name in ids.items():
            if isinstance(source, Reading) and source.cases:
                known = [case.replace(",", " ") for case in source.cases]
                packed.write("".join(f"{name},{case},\n" for case in known).encode())
                if source.value is None:  # the workbook names a project's cases once, not at each of its numbers
                    first[name] = known[:SHOWN_CASES]
        for model, found in by_model.items():
            for rest in figures.stream(_cases_query(model, found, figures.schema)):
                packed.write(rest)
                for line in rest.decode().splitlines():
                    name, case, _ = line.split(",", 2)
                    if len(first.setdefault(name, [])) < SHOWN_CASES:
                        first[name].append(case)
    return first


def cases_of(entry: dict[str, object], figures: Figures) -> Iterator[str]:
    """The rows of one figure of a manifest as `id,case,part`, however many, from marts of the day it was issued for."""
    metric = figures.metrics[entry["metric"]]
    query = _cases_query(metric.model, [(entry["id"], metric, Slice.from_plain(entry["where"]))], figures.schema)
    for rest in figures.stream(query):
        yield from rest.decode().splitlines()


def _cases_query(model: str, found: Iterable[tuple[str, Metric, Slice]], schema: str) -> sql.Composed:
    counted, rows = [], []
    for name, metric, where in found:
        counted.append(sql.SQL(" and ").join([*conditions(metric, where), sql.SQL("(" + metric.counted_sql + ")")]))
        rows.append(sql.SQL("({}, {}, {}::text)").format(sql.Literal(name), counted[-1], sql.SQL(metric.part_sql)))
    # most rows stand behind no figure: they are passed over before the figures are told apart
    return sql.SQL(
        "select figure.id, replace({identity}, ',', ' '), figure.part"
        " from (select * from {table} where {any_counted} offset 0) as behind"
        " cross join lateral (values {rows}) as figure (id, is_counted, part)"
        " where figure.is_counted order by 1, 2"
    ).format(
        identity=sql.SQL(_IDENTITIES[model]),
        table=sql.Identifier(schema, model),
        any_counted=sql.SQL(" or ").join(sql.SQL("({})").format(one) for one in counted),
        rows=sql.SQL(", ").join(rows),
    )


def workbook(
    entries: list[dict[str, object]],
    cases: dict[str, list[str]],
    remarked: list[dict[str, str]],
    source: Source,
    title: str,
) -> bytes:
    """The evidence annex as .xlsx: 说明, 数字 (a line per figure), 办件 (the first of each figure's) and 备注."""
    book = Workbook()
    notes = book.active
    notes.title = "说明"
    snapshot = source.figures.snapshot
    for line in (
        ("文件", title),
        ("数据截至", snapshot.as_of.isoformat()),
        ("数据批次号", snapshot.release),
        ("工作日历版本", snapshot.calendar_version),
        ("计时规则版本", snapshot.rule_version),
        (
            "怎样查一个数",
            "在“数字”表的“文中”一列找到那句话，那一行就是它的来历；"
            "在 Word 里，每个数字是一个书签，其名的前半（如 F012）是那一行的编号；"
            "或者：yidang trace 文件 F012",
        ),
        (
            "办件清单",
            f"“办件”表列每个数字的前{SHOWN_CASES}件；全部办件在同名的 .cases.csv.gz 中。"
            f"样本超过{MOST_LISTED}件的数字不附清单，yidang trace 列出全部。",
        ),
        (
            "备注",
            "“备注”表列台账载明、而数据不能得出数字的说法：原话、原因，和旁边的实测数；连月百分之百的比率也列在其中。",
        ),
    ):
        notes.append(line)
    notes.column_dimensions["A"].width, notes.column_dimensions["B"].width = 16, 80
    _sheet(book.create_sheet("数字"), _COLUMNS, entries)
    listed = book.create_sheet("办件")
    _head(listed, _CASE_COLUMNS)
    described = _described({case for found in cases.values() for case in found}, source.figures)
    for name, found in sorted(cases.items()):
        for case in found:
            listed.append((name, case, *described.get(case, ())))
    _sheet(book.create_sheet("备注"), _REMARK_COLUMNS, remarked or [{"subject": "无"}])
    for sheet in book:
        _for_print(sheet, title)
    buffer = io.BytesIO()
    book.save(buffer)
    return buffer.getvalue()


def _described(cases: set[str], figures: Figures) -> dict[str, tuple]:
    known = sorted(cases)
    return {case: rest for case, *rest in figures.read(_NAMES, known, known)}


def _for_print(sheet: Worksheet, title: str) -> None:
    """An annex is filed on paper: as wide as a page, headed on each, numbered."""
    sheet.page_setup.paperSize = Worksheet.PAPERSIZE_A4
    sheet.page_setup.orientation = Worksheet.ORIENTATION_LANDSCAPE
    sheet.sheet_properties.pageSetUpPr = PageSetupProperties(fitToPage=True)
    sheet.page_setup.fitToHeight = 0  # as many pages as it takes
    if sheet.freeze_panes:
        sheet.print_title_rows = "1:1"
    sheet.oddHeader.left.text = title
    sheet.oddHeader.right.text = "&A"
    sheet.oddFooter.center.text = "第 &P 页，共 &N 页"


def _sheet(sheet: Worksheet, columns: dict[str, tuple[str, int]], entries: list[dict[str, object]]) -> None:
    _head(sheet, columns)
    for entry in entries:
        sheet.append([_cell(column, entry.get(column)) for column in columns])
    wrapped = Alignment(vertical="top", wrap_text=True)
    for row in sheet.iter_rows(min_row=2):
        for cell in row:
            cell.alignment = wrapped


def _head(sheet: Worksheet, columns: dict[str, tuple[str, int]]) -> None:
    sheet.append([label for label, _ in columns.values()])
    for place, (_, width) in enumerate(columns.values(), start=1):
        sheet.cell(1, place).font = Font(bold=True)
        sheet.column_dimensions[get_column_letter(place)].width = width
    sheet.freeze_panes = "B2"
    sheet.auto_filter.ref = f"A1:{get_column_letter(len(columns))}1"


def _cell(column: str, value: object) -> object:
    if isinstance(value, dict):
        return "；".join(f"{reason} {count}" for reason, count in value.items())
    if column in _NUMBERS and value is not None:
        return float(value)
    return value
