"""生态环境局: one GBK-encoded CSV a day, with the dirt that files typed by hand have."""

from __future__ import annotations

import csv
import io
from datetime import date, timedelta
from pathlib import Path
from random import Random

from yidang.district.model import World
from yidang.district.systems.daily import State, states_by_day
from yidang.district.systems.http_store import FULL_WIDTH, RESULTS, typed_project_code

HEADER = [
    "受理编号",
    "项目名称",
    "项目代码",
    "建设单位",
    "环评类别",
    "收件日期",
    "受理日期",
    "补正告知日期",
    "补正提交日期",
    "评审开始",
    "评审结束",
    "公示开始",
    "公示结束",
    "批复日期",
    "批复文号",
    "办理结果",
    "承诺时限",
    "办理科室",
    "录入时间",
]
ENCODING = "gb18030"
DATE_SPELLINGS = ("{0:%Y-%m-%d}", "{0.year}/{0.month}/{0.day}", "{0.year}年{0.month}月{0.day}日")
MISSING_COLUMNS = 3


def write(world: World, folder: Path) -> dict[str, object]:
    """Write 环评审批_YYYYMMDD.csv per day with changes. Returns the broken lines and the repeated file it planted."""
    random = Random(f"{world.seed}:shengtai")
    folder.mkdir(parents=True, exist_ok=True)
    days = states_by_day(world, "shengtai")
    dates = list(days)
    broken = _choose_broken(days, dates, random)
    deferred: list[State] = []
    contents: dict[date, bytes] = {}
    for day in dates:
        present = {state.case for state in days[day]}
        lines = [_row(world, state, random) for state in deferred if state.case not in present]
        deferred = []
        for state in days[day]:
            row = _row(world, state, random)
            if (day, state.case.code) in broken:
                # Half a line now; the whole one comes with the next file.
                row = row[:-MISSING_COLUMNS]
                deferred.append(state)
            lines.append(row)
        contents[day] = _encode(lines)
        (folder / _name(day)).write_bytes(contents[day])
    repeated = _repeat_one(folder, contents, dates)
    return {"broken_lines": sorted(code for _, code in broken), "repeated_file": repeated}


def _choose_broken(days: dict[date, list[State]], dates: list[date], random: Random) -> set[tuple[date, str]]:
    """A few states that do not fall into the last file."""
    pool = [(day, state.case.code) for day in dates[:-1] for state in days[day]]
    return set(random.sample(pool, min(len(pool), max(2, len(pool) // 150))))


def _repeat_one(folder: Path, contents: dict[date, bytes], dates: list[date]) -> str | None:
    """The whole file of one day once more under the next day's name, where that day has no file of its own."""
    for day in dates[len(dates) // 2 :]:
        following = day + timedelta(days=1)
        if following not in contents and following < dates[-1]:
            (folder / _name(following)).write_bytes(contents[day])
            return _name(following)
    return None


def _name(day: date) -> str:
    return f"环评审批_{day:%Y%m%d}.csv"


def _encode(rows: list[list[str]]) -> bytes:
    text = io.StringIO()
    csv.writer(text, lineterminator="\r\n").writerows([HEADER, *rows])
    return text.getvalue().encode(ENCODING)


def _row(world: World, state: State, random: Random) -> list[str]:
    case = state.case
    spelling = random.choices(DATE_SPELLINGS, weights=(6, 3, 2))[0]

    def day(kind: str, reason: str = "") -> str:
        moment = state.at(kind, reason)
        return "" if moment is None else spelling.format(world.time.moment(moment))

    decided = spelling.format(world.time.moment(case.ended)) if state.is_final else ""
    project_code = typed_project_code(case)
    if random.random() < 0.04:
        project_code = project_code.translate(FULL_WIDTH)
    if random.random() < 0.08:
        project_code += "  "
    return [
        case.code,
        case.project.name + (" " if random.random() < 0.05 else ""),
        project_code,
        case.project.owner_name,
        "报告书" if case.item.code == "ST01" else "报告表",
        day("received"),
        day("accepted"),
        day("correction_requested"),
        day("correction_received"),
        day("special_start", "专家评审"),
        day("special_end", "专家评审"),
        day("special_start", "公示"),
        day("special_end", "公示"),
        decided,
        case.document_number if state.is_final else "",
        RESULTS[case.outcome] if state.is_final else "",
        str(case.promised),
        case.office,
        world.time.moment(state.entered).strftime("%Y-%m-%d %H:%M:%S"),
    ]
