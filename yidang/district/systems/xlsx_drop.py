"""人民防空办公室: one XLSX a day under a merged title, dates partly real and partly typed, numbers as text."""

from __future__ import annotations

import zipfile
from datetime import date, datetime
from pathlib import Path
from random import Random

from openpyxl import Workbook
from openpyxl.writer.excel import ExcelWriter

from yidang.district.model import World
from yidang.district.systems.daily import State, states_by_day
from yidang.district.systems.http_store import RESULTS

HEADER = [
    "序号",
    "办件编号",
    "事项名称",
    "项目代码",
    "工程代码",
    "项目名称",
    "接件时间",
    "受理时间",
    "补正开始",
    "补正结束",
    "办结时间",
    "办理结果",
    "承诺工作日",
    "经办科室",
    "登记时间",
]
TITLE = "云溪区人防审批台账（虚构示例数据）"
WRITTEN = datetime(2024, 1, 1)  # a fixed stamp inside the file, so that the same seed gives the same bytes


def write(world: World, folder: Path) -> None:
    """Write 人防审批台账_YYYYMMDD.xlsx per day with changes."""
    random = Random(f"{world.seed}:renfang")
    folder.mkdir(parents=True, exist_ok=True)
    for day, states in states_by_day(world, "renfang").items():
        rows = [_row(world, number, state, random) for number, state in enumerate(states, 1)]
        _save(folder / f"人防审批台账_{day:%Y%m%d}.xlsx", day, rows)


def _row(world: World, number: int, state: State, random: Random) -> list[object]:
    case = state.case

    def moment(second: int | None) -> datetime | str | None:
        if second is None:
            return None
        value = world.time.moment(second)
        return _typed(value, random) if random.random() < 0.4 else value

    return [
        str(number),
        case.code,
        case.item.name,
        case.project.code,
        _works_code(case.works.code, random),
        case.project.name,
        moment(state.at("received")),
        moment(state.at("accepted")),
        moment(state.at("correction_requested")),
        moment(state.at("correction_received")),
        moment(case.ended) if state.is_final else None,
        RESULTS[case.outcome] if state.is_final else None,
        str(case.promised),
        case.office,
        world.time.moment(state.entered).strftime("%Y-%m-%d %H:%M:%S"),
    ]


def _works_code(code: str, random: Random) -> str:
    """Now and then with '#' before the serial, as it is written inside the department."""
    return "#".join(code.rsplit("-", 1)) if random.random() < 0.05 else code


def _typed(value: datetime, random: Random) -> str:
    spellings = (
        "{0:%Y-%m-%d %H:%M:%S}",
        "{0:%Y-%m-%d}",
        "{0.year}/{0.month}/{0.day}",
        "{0.year}年{0.month}月{0.day}日",
    )
    return random.choice(spellings).format(value)


class _TimelessZip(zipfile.ZipFile):
    """A zip whose entries carry WRITTEN instead of the clock's time."""

    def writestr(self, name: str | zipfile.ZipInfo, data: str | bytes, *_: object) -> None:
        entry = zipfile.ZipInfo(name if isinstance(name, str) else name.filename, WRITTEN.timetuple()[:6])
        entry.compress_type = zipfile.ZIP_DEFLATED
        super().writestr(entry, data)

    def write(self, filename: str, arcname: str, *_: object) -> None:
        self.writestr(arcname, Path(filename).read_bytes())


def _save(path: Path, day: date, rows: list[list[object]]) -> None:
    book = Workbook()
    book.properties.created = book.properties.modified = WRITTEN
    book.properties.title = TITLE
    sheet = book.active
    sheet.title = "台账"
    sheet.append([f"{TITLE} {day.isoformat()}"])
    sheet.merge_cells(start_row=1, start_column=1, end_row=1, end_column=len(HEADER))
    sheet.append(HEADER)
    for row in rows:
        sheet.append(row)
    with _TimelessZip(path, "w", zipfile.ZIP_DEFLATED) as archive:
        ExcelWriter(book, archive).save()
