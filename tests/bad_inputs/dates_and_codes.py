"""What people type into cells for dates, numbers and codes: landed as typed, and read as this or as nothing."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class ValueCase:
    """`macro` of dbt_project/macros/casts.sql reads the landed `text` as `read` (in SQL's text form), None for null."""

    macro: str
    text: str
    read: str | None


DAY = "2025-03-03 00:00:00"
DATES = tuple(
    ValueCase("to_timestamp", text, read)
    for text, read in (
        ("2025-03-03", DAY),
        ("2025/3/3", DAY),
        ("2025年3月3日", DAY),
        ("２０２５年３月３日", DAY),
        ("　2025-03-03　", DAY),
        ("20250303", DAY),
        ("2025-03-03 10:22", "2025-03-03 10:22:00"),
        ("2025年3月3日10时22分1秒", "2025-03-03 10:22:01"),
        ("2025-03-03T02:22:01Z", "2025-03-03 10:22:01"),
        ("2025-03-03T10:22:01+08:00", "2025-03-03 10:22:01"),
        ("2025-03-03 24:00:00", "2025-03-04 00:00:00"),
        ("2024-02-29", "2024-02-29 00:00:00"),
        ("2025-02-29", None),
        ("2025-02-30", None),
        ("2025-13-01", None),
        ("2025-00-10", None),
        ("2025-03-32", None),
        ("2025-03-03 25:00:00", None),
        ("2025年", None),
        ("2025年3月", None),
        ("2025", None),
        ("3/4/2025", None),
        ("03-04-2025", None),
        ("25-03-03", None),
        ("45719", None),
        ("45719.5", None),
        ("today", None),
        ("now", None),
        ("infinity", None),
        ("-infinity", None),
        ("epoch", None),
        ("0000-00-00", None),
        ("2025-03-03;2025-03-05", None),
        ("2025-03-03至2025-03-05", None),
        ("三月三日", None),
        ("二〇二五年三月三日", None),
        ("民国114年3月3日", None),
        ("同上", None),
        ("-", None),
        ("/", None),
        ("无", None),
        ("NULL", None),
        ("#REF!", None),
        ("", None),
        ("   ", None),
        ("'; select now(); --", None),
    )
)
NUMBERS = tuple(
    ValueCase(macro, text, read)
    for macro, text, read in (
        ("to_integer", "１０", "10"),
        ("to_integer", "10.0", "10"),
        ("to_integer", " 10 ", "10"),
        ("to_integer", "10个工作日", None),
        ("to_integer", "十", None),
        ("to_integer", "1O", None),
        ("to_integer", "10.5", None),
        ("to_integer", "99999999999", None),
        ("to_integer", "1e3", None),
        ("to_integer", "0x1F", None),
        ("to_numeric", "1.50", "1.50"),
        ("to_numeric", "1,234.5", None),
        ("to_numeric", "约100", None),
        ("to_numeric", "100万元", None),
        ("to_numeric", "12..5", None),
        ("to_numeric", "--5", None),
        ("to_boolean", "是", "true"),
        ("to_boolean", "否", "false"),
        ("to_boolean", "√", None),
        ("to_boolean", "2", None),
    )
)
CODES = tuple(
    ValueCase("clean_text", text, read)
    for text, read in (
        ("２５０１－３３０１９９", "2501-330199"),
        ("ＡＢ　１２", "AB 12"),
        ("\t2501-330199 ", "2501-330199"),
        ("\u00a02501", "2501"),
        ("　", None),
        ("000123", "000123"),
        ("2501-330199-89-05-251983", "2501-330199-89-05-251983"),
        ("＃12", "#12"),
    )
)
CASES = (*DATES, *NUMBERS, *CODES)
