"""Write the calendar seeds of dbt from the package chinesecalendar (State Council notices, 2004 onwards).

Run it when a new version of the package carries the next year's notice. An installation need not wait for that:
`yidang calendar load` takes a notice from a small CSV.
"""

from __future__ import annotations

import csv
from pathlib import Path

import chinese_calendar
from chinese_calendar import Holiday, constants

SEEDS = Path(__file__).resolve().parent.parent / "dbt_project" / "seeds"
PACKAGE = "chinesecalendar 1.11.0"
# Only notices whose text was compared day by day; the other years rest on the package alone.
NOTICES = {
    2024: ("国办发明电〔2023〕7号", "2023-10-25"),
    2025: ("国办发明电〔2024〕12号", "2024-11-12"),
}


def main() -> None:
    exceptions = {day: (False, name) for day, name in constants.holidays.items()}
    exceptions |= {day: (True, name) for day, name in constants.workdays.items()}
    with (SEEDS / "calendar_exceptions.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["date_day", "is_working", "holiday_name"])
        for day, (is_working, name) in sorted(exceptions.items()):
            if chinese_calendar.is_workday(day) != is_working:
                raise SystemExit(f"{day}: the package contradicts itself")
            writer.writerow([day.isoformat(), str(is_working).lower(), Holiday(name).chinese])
    with (SEEDS / "calendar_years.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["calendar_year", "notice", "valid_from", "source"])
        for year in range(min(exceptions).year, max(exceptions).year + 1):
            notice, valid_from = NOTICES.get(year, ("", f"{year}-01-01"))
            writer.writerow([year, notice, valid_from, PACKAGE])


if __name__ == "__main__":
    main()
