"""Bad inputs as tables of cases: what comes, and exactly what must become of it. Read by test_bad_corpus.py."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

COLUMNS = ("编号", "收件日期", "事项", "备注")
HEADER = ",".join(COLUMNS)
GBK = "kind: csv, encoding: gb18030"
UTF8 = "kind: csv, encoding: utf-8"
XLSX = "kind: xlsx"


@dataclass(frozen=True)
class FileCase:
    """A file in a drop folder.

    content:     its bytes, or text in the encoding that `declared` names; a function is called when the case runs.
    landed:      the rows that must be in raw afterwards, in order.
    quarantined: (line, rule, part of the reason) of each row that must lie in quarantine, in order.
    refused:     part of the error when the whole file is refused; then nothing of it may be anywhere.
    """

    name: str
    content: bytes | str | Callable[[], bytes]
    landed: tuple[tuple[str | None, ...], ...] = ()
    quarantined: tuple[tuple[int, str, str], ...] = ()
    refused: str = ""
    declared: str = GBK
    file_name: str = "审批_1.csv"
    date_columns: tuple[str, ...] = ()
    key: str = "编号"
    columns: tuple[str, ...] = COLUMNS

    @property
    def bytes(self) -> bytes:
        content = self.content() if callable(self.content) else self.content
        return (
            content.encode("utf-8" if "utf-8" in self.declared else "gb18030") if isinstance(content, str) else content
        )
