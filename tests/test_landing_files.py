"""Drop folders → raw: CSV as declared, XLSX as people make them, each content once, broken rows in quarantine."""

from __future__ import annotations

import gzip
import hashlib
import json
import os
import random
import subprocess
import sys
import threading
import time
from datetime import date, datetime

import openpyxl
import pytest
from landing_support import count, load, rows, table

from yidang import landing
from yidang.landing import csv_records
from yidang.landing.drop_local import LocalDrop

pytestmark = pytest.mark.integration
CSV = """
    kind: files
    folder: ${CESHI_DROP}
    format: {kind: csv, encoding: gb18030}
"""
XLSX = """
    kind: files
    folder: ${CESHI_DROP}
    format: {kind: xlsx, header_row: 2}
"""
COLUMNS = ["编号", "收件日期", "事项", "备注"]
HEADER = ",".join(COLUMNS) + "\r\n"
RAW = "raw_ceshi.cases"


def cases(pattern: str) -> str:
    return table("cases", f"pattern: '{pattern}'", COLUMNS, suite="permits").replace("key: [id]", "key: [编号]")


@pytest.fixture
def drop(settings, empty_warehouse, tmp_path, monkeypatch):
    folder = tmp_path / "drop"
    folder.mkdir()
    settings.ensure_secrets([], fixed={"CESHI_DROP": str(folder)})
    # The gate is tested elsewhere; these tables have columns of their own and no suite about them.
    monkeypatch.setattr("yidang.gate.check_pending", lambda *_: [])
    return folder


@pytest.fixture
def department(settings, drop, tmp_path):
    return load(settings, tmp_path, "ceshi", CSV, cases("审批_*.csv"))


def put(folder, name, content, age=10.0):
    """Write a file as if `age` seconds ago."""
    path = folder / name
    path.write_bytes(content.encode("gb18030") if isinstance(content, str) else content)
    moment = time.time() - age
    os.utime(path, (moment, moment))
    return path


def quarantined(warehouse):
    return warehouse.execute(
        "select row_number, rule, reason, raw_row ->> 'line' from landing.quarantine order by batch_id, row_number"
    ).fetchall()


def test_gbk_with_rare_characters_quotes_and_blanks(settings, warehouse, drop, department):
    put(
        drop,
        "审批_20250303.csv",
        HEADER + 'A1,2025/3/3,"㐀𠮷,含逗号",\r\nA2, 2025年3月3日 ,"两行\r\n与""引号""",１２　\r\n\r\n',
    )
    landing.pull(settings, department)
    assert rows(warehouse, RAW, '"编号", "收件日期", "事项", "备注", _row_number') == [
        ("A1", "2025/3/3", "㐀𠮷,含逗号", "", 2),
        ("A2", " 2025年3月3日 ", '两行\r\n与"引号"', "１２　", 3),
    ]


@pytest.mark.parametrize("delimiter", [",", "\t", "|"])
def test_lines_taken_by_the_block_land_like_lines_taken_one_by_one(
    settings, warehouse, drop, tmp_path, monkeypatch, delimiter
):
    """Most lines are plain; now and then one is quoted, runs over lines, is too short, or no text at all."""
    odd = [
        ['"甲,乙"', "x"], ['"两\r\n行"', ""], ["short"], ["a\x00b", ""], ["1.23457E+17", ""], ["a\rb", ""],
        ["a", "b", "c"], ["坏", "\udcff"], ['"never closed', ""],
    ]  # fmt: skip
    plain = [["甲", ""], ["", ""], [r"\N", r"C:\new"], ["a\tb" if delimiter != "\t" else "a,b", "\\"], ["　", "㐀𠮷"]]
    chance = random.Random(7)
    lines = [["编号", "收件日期", "事项", "备注"]]
    lines += [
        [f"A{number}", "2025-03-03", *chance.choice(odd if chance.random() < 0.03 else plain)] for number in range(2000)
    ]
    lines.insert(900, [" ", "", "", ""])
    content = "\r\n".join(map(delimiter.join, lines)).encode("gb18030", "surrogateescape")
    source = CSV.replace("gb18030", f'gb18030, delimiter: "{delimiter}"')
    department = load(settings, tmp_path, "ceshi", source, cases("审批_*.csv"))
    landed = []
    for name in ("by the block", "one by one"):
        put(drop, f"审批_{name}.csv", content)
        with monkeypatch.context() as patch:
            patch.setattr(csv_records, "BLOCK_BYTES", 256)
            if name == "one by one":
                patch.setattr(csv_records, "_plain", lambda *_: None)
            landing.pull(settings, department)
        got = rows(warehouse, RAW, '"编号", "收件日期", "事项", "备注", _row_number')
        landed.append((sorted(got), [line[:2] for line in quarantined(warehouse)]))
        (drop / f"审批_{name}.csv").unlink()
        warehouse.execute(f"truncate {RAW}, landing.batch, landing.file, landing.quarantine")
    assert landed[0] == landed[1]
    good, bad = landed[0]
    assert (len(good) > 1900, len(bad) > 30, len(good) + len(bad) <= 2001) == (True, True, True)


def test_ledger_and_archive_know_the_file_by_its_content(settings, warehouse, drop, department):
    path = put(drop, "审批_20250303.csv", HEADER + "A1,2025-03-03,甲,\r\n")
    landing.pull(settings, department)
    sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
    ledger = warehouse.execute("select file_name, file_sha256, rows_landed from landing.batch").fetchall()
    assert ledger == [("审批_20250303.csv", sha256, 1)]
    kept = settings.home / "archive" / sha256[:2] / sha256
    assert kept.read_bytes() == path.read_bytes()


def test_the_same_file_again_adds_nothing(settings, warehouse, drop, department):
    content = HEADER + "A1,2025-03-03,甲,\r\nbroken\r\n"
    put(drop, "审批_1.csv", content)
    landing.pull(settings, department)
    put(drop, "审批_1.csv", content, age=5)  # written again
    put(drop, "审批_2.csv", content)  # under another name
    result = landing.pull(settings, department)
    assert result.tables[0].batch_ids == []
    assert count(warehouse, RAW) == count(warehouse, "landing.batch") == count(warehouse, "landing.quarantine") == 1


def test_a_corrected_file_is_a_new_batch_of_what_changed(settings, warehouse, drop, department):
    put(drop, "审批_1.csv", HEADER + "A1,2025-03-03,甲,\r\nA2,2025-03-03,乙,\r\nA3,2025-03-03,丙,\r\n")
    put(drop, "审批_2.csv", HEADER + "A1,2025-03-03,甲,次日改\r\n")
    landing.pull(settings, department)
    put(drop, "审批_1.csv", HEADER + "A1,2025-03-03,甲,\r\nA2,2025-03-03,乙,更正\r\nA4,2025-03-03,丁,\r\n")
    result = landing.pull(settings, department)
    # A1 is as the file always said; the newer state of the next day's file stays the newest.
    assert result.tables[0].rows_landed == 2
    assert rows(warehouse, RAW, '"编号", "备注"')[-2:] == [("A2", "更正"), ("A4", "")]
    assert count(warehouse, "landing.batch") == 3


def test_rows_that_cannot_be_landed_go_to_quarantine_and_the_others_land(settings, warehouse, drop, department):
    lines = [
        HEADER.encode("gb18030"),
        "A1,2025-03-03,甲,\r\n".encode("gb18030"),
        b"A2\r\n",
        b"A3,2025-03-03,\xff\xfe,\r\n",
        b"A4,2025-03-03,nul\x00,\r\n",
        'A5,2025-03-03,"未关,\r\n'.encode("gb18030"),
        "A6,2025-03-03,己,多,余\r\n".encode("gb18030"),
        "A7,2025-03-03,庚,\r\n".encode("gb18030"),
    ]
    put(drop, "审批_1.csv", b"".join(lines))
    result = landing.pull(settings, department)
    assert rows(warehouse, RAW, '"编号", _row_number') == [("A1", 2), ("A7", 8)]
    name = "审批_1.csv"
    assert quarantined(warehouse) == [
        (3, "columns", f"{name}, line 3: the row has 1 columns, the header 4.", "A2"),
        (4, "text", f"{name}, line 4: byte 15 (0xff) is not gb18030.", "A3,2025-03-03,\\xff\\xfe,"),
        (5, "text", f"{name}, line 5: a value contains a NUL character.", "A4,2025-03-03,nul\\x00,"),
        (6, "text", f"{name}, line 6: a quotation mark is never closed.", 'A5,2025-03-03,"未关,'),
        (7, "columns", f"{name}, line 7: the row has 5 columns, the header 4.", "A6,2025-03-03,己,多,余"),
    ]
    table_pull = result.tables[0]
    assert (table_pull.rows_read, table_pull.rows_landed, table_pull.rows_quarantined) == (7, 2, 5)


def test_half_a_file_lands_its_whole_rows_and_the_rest_later(settings, warehouse, drop, department):
    whole = (HEADER + "A1,2025-03-03,甲,一\r\nA2,2025-03-03,乙,二\r\n").encode("gb18030")
    put(drop, "审批_1.csv", whole[:-9])
    landing.pull(settings, department)
    assert [row[:2] for row in quarantined(warehouse)] == [(3, "columns")]
    put(drop, "审批_1.csv", whole, age=5)
    landing.pull(settings, department)
    assert rows(warehouse, RAW, '"编号", "备注"') == [("A1", "一"), ("A2", "二")]


def test_the_wrong_encoding_is_refused_with_the_likely_cure(settings, warehouse, drop, department):
    put(drop, "审批_1.csv", (HEADER + "A1,2025-03-03,甲,\r\n").encode())
    put(drop, "审批_2.csv", HEADER + "A2,2025-03-03,乙,\r\n")
    with pytest.raises(landing.PullError) as caught:
        landing.pull(settings, department)
    assert "ceshi.cases (审批_1.csv): the source no longer has the columns 编号" in str(caught.value)
    assert "The file seems to be utf-8, the contract says gb18030" in str(caught.value)
    # The other file landed, and the bad one is tried again until it is mended.
    assert rows(warehouse, RAW, '"编号"') == [("A2",)]
    put(drop, "审批_1.csv", HEADER + "A1,2025-03-03,甲,\r\n", age=5)
    landing.pull(settings, department)
    assert rows(warehouse, RAW, '"编号"') == [("A2",), ("A1",)]


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"", "the file has no header in line 1"),
        (HEADER.replace("事项", "编号,事项"), "the columns 编号 come twice"),
        (HEADER.replace("备注", ",备注"), "'' cannot be a column's name"),
        (HEADER.replace("备注", "备注," + "长" * 22), "over 63 bytes"),
        (gzip.compress(b"x" * 9999)[:20], "the compressed file is broken"),
    ],
    # of its own, because a compressed file bears the second it was made in and two workers must agree on the names
    ids=["empty", "twice", "nameless", "long", "compressed"],
)
def test_a_file_that_is_none(settings, warehouse, drop, department, content, expected):
    put(drop, "审批_1.csv", content)
    with pytest.raises(landing.PullError) as caught:
        landing.pull(settings, department)
    assert expected in str(caught.value) and "审批_1.csv" in str(caught.value)
    assert count(warehouse, RAW) == 0


def test_a_compressed_utf8_file_with_byte_order_mark(settings, warehouse, drop, tmp_path):
    source = CSV.replace("gb18030", "utf-8")
    department = load(settings, tmp_path, "ceshi", source, cases("*.csv.gz"))
    put(drop, "a.csv.gz", gzip.compress(("\ufeff" + HEADER + "A1,2025-03-03,甲,\r\n").encode()))
    landing.pull(settings, department)
    assert rows(warehouse, RAW, '"编号", "事项"') == [("A1", "甲")]


def test_a_file_still_being_written_is_left_for_the_next_pull(settings, warehouse, drop, department):
    path = put(drop, "审批_1.csv", HEADER + "A1,2025-03-03,甲,\r\n", age=0)
    put(drop, "审批_2.csv", HEADER + "A2,2025-03-03,乙,\r\n", age=0)

    def keep_writing():
        for number in range(12):
            time.sleep(0.1)
            with path.open("ab") as file:
                file.write(f"B{number},2025-03-03,丙,\r\n".encode("gb18030"))

    writer = threading.Thread(target=keep_writing)
    writer.start()
    landing.pull(settings, department)
    writer.join()
    assert rows(warehouse, RAW, '"编号"') == [("A2",)]
    landing.pull(settings, department)
    assert count(warehouse, RAW) == 14


def test_a_missing_folder(settings, drop, department):
    settings.ensure_secrets([], fixed={"CESHI_DROP": str(drop / "gone")})
    with pytest.raises(landing.PullError) as caught:
        landing.pull(settings, department)
    assert "ceshi: the drop folder does not exist" in str(caught.value) and "CESHI_DROP" in str(caught.value)


def test_a_file_of_several_chunks_lands_whole(settings, warehouse, drop, department):
    lines = "".join(f"A{number},2025-03-03,甲,{'x' * 50}\r\n" for number in range(60_000))
    put(drop, "审批_1.csv", HEADER + lines)
    landing.pull(settings, department)
    found = [number for (number,) in rows(warehouse, RAW, "_row_number")]
    assert found == list(range(2, 60_002))


# -- XLSX ----------------------------------------------------------------------------------------------------
@pytest.fixture
def ledger_book(settings, drop, tmp_path):
    return load(settings, tmp_path, "ceshi", XLSX, cases("台账_*.xlsx"))


def workbook(folder, name, lines, header=COLUMNS):
    book = openpyxl.Workbook()
    sheet = book.active
    sheet.append(["审批台账（虚构）"])
    sheet.merge_cells(start_row=1, start_column=1, end_row=1, end_column=len(header))
    sheet.append(header)
    for line in lines:
        sheet.append(line)
    path = folder / name
    book.save(path)
    os.utime(path, (time.time() - 10, time.time() - 10))
    return path


def test_cells_become_text_whatever_they_are(settings, warehouse, drop, ledger_book):
    workbook(
        drop,
        "台账_1.xlsx",
        [
            [20250001.0, datetime(2025, 3, 3, 10, 22, 1), "甲", 1.5],
            ["A2", date(2025, 3, 3), True, None],
            [None, None, None, None],
            ["A3", "2025年3月3日", "丙"],
            ["A4", "", "丁", "", "多余"],
        ],
    )
    landing.pull(settings, ledger_book)
    assert rows(warehouse, RAW, '"编号", "收件日期", "事项", "备注", _row_number') == [
        ("20250001", "2025-03-03 10:22:01", "甲", "1.5", 3),
        ("A2", "2025-03-03", "true", None, 4),
        ("A3", "2025年3月3日", "丙", None, 6),
    ]
    assert [row[:3] for row in quarantined(warehouse)] == [
        (7, "columns", "台账_1.xlsx, line 7: the row has 5 columns, the header 4.")
    ]


def test_a_spreadsheet_that_is_cut_off_or_has_other_columns(settings, warehouse, drop, ledger_book):
    whole = workbook(drop, "台账_1.xlsx", [["A1", "2025-03-03", "甲", ""]]).read_bytes()
    put(drop, "台账_1.xlsx", whole[: len(whole) // 2])
    workbook(drop, "台账_2.xlsx", [["A2", "甲"]], header=["编号", "事项"])
    workbook(drop, "台账_3.xlsx", [["A3", "2025-03-03", "甲", ""]])
    with pytest.raises(landing.PullError) as caught:
        landing.pull(settings, ledger_book)
    assert "ceshi.cases (台账_1.xlsx): not a whole XLSX file" in str(caught.value)
    assert "ceshi.cases (台账_2.xlsx): the source no longer has the columns 收件日期, 备注" in str(caught.value)
    assert rows(warehouse, RAW, '"编号"') == [("A3",)]


# -- the folder ----------------------------------------------------------------------------------------------
def test_a_file_counts_when_its_marker_is_there(settings, warehouse, drop, tmp_path):
    source = CSV + "    ready_marker: .ok\n"
    department = load(settings, tmp_path, "ceshi", source, cases("*"))
    put(drop, "a.csv", HEADER + "A1,2025-03-03,甲,\r\n")
    put(drop, "b.csv", HEADER + "B1,2025-03-03,乙,\r\n")
    put(drop, "b.csv.ok", "")
    put(drop, "c.csv.ok", "")  # a marker of nothing is no data either
    landing.pull(settings, department)
    assert rows(warehouse, RAW, '"编号"') == [("B1",)]
    put(drop, "a.csv.ok", "")
    landing.pull(settings, department)
    assert rows(warehouse, RAW, '"编号"') == [("B1",), ("A1",)]
    names = warehouse.execute("select file_name from landing.file order by 1").fetchall()
    assert names == [("a.csv",), ("b.csv",)]


def test_what_is_no_file_of_the_folder_is_refused_and_the_others_land(settings, warehouse, drop, tmp_path):
    department = load(settings, tmp_path, "ceshi", CSV, cases("*.csv"))
    (tmp_path / "secret.csv").write_bytes((HEADER + "X,2025-03-03,geheim,\r\n").encode("gb18030"))
    (drop / "a.csv").symlink_to(tmp_path / "secret.csv")
    (drop / "b.csv").symlink_to("nowhere")
    (drop / "c.csv").mkdir()
    os.mkfifo(drop / "d.csv")
    put(drop, os.fsdecode("审批.csv".encode("gb18030")), HEADER + "E,2025-03-03,戊,\r\n")
    put(drop, "'; drop table landing.file; -- %s {0}.csv", HEADER + "F,2025-03-03,己,\r\n")
    (drop / "g.csv").symlink_to(put(drop, "g.bak", HEADER + "G,2025-03-03,庚,\r\n"))  # leads out of nothing
    with pytest.raises(landing.PullError) as caught:
        landing.pull(settings, department)
    assert "ceshi (a.csv): the name leads out of the drop folder; the file was not read." in str(caught.value)
    assert "ceshi (\\udcc9\\udcf3\\udcc5\\udcfa.csv): the file's name is not UTF-8" in str(caught.value)
    assert rows(warehouse, RAW, '"编号"') == [("F",), ("G",)]


def test_a_file_that_is_gone_or_changes_while_it_is_copied_lands_nothing(
    settings, warehouse, drop, department, monkeypatch
):
    put(drop, "审批_1.csv", HEADER + "A1,2025-03-03,甲,\r\n")
    path = put(drop, "审批_2.csv", HEADER + "A2,2025-03-03,乙,\r\n")
    real = LocalDrop.open

    def open_late(self, file):
        (drop / "审批_1.csv").unlink(missing_ok=True)
        path.write_bytes(path.read_bytes() + "A3,2025-03-03,丙,\r\n".encode("gb18030"))
        return real(self, file)

    monkeypatch.setattr(LocalDrop, "open", open_late)
    abandoned = settings.home / "archive" / "partial.killed"
    abandoned.parent.mkdir(exist_ok=True)
    abandoned.write_bytes(b"half")
    os.utime(abandoned, (time.time() - 7200, time.time() - 7200))
    with pytest.raises(landing.PullError) as caught:
        landing.pull(settings, department)
    assert "ceshi (审批_1.csv): the file is gone again; nothing of it was landed." in str(caught.value)
    assert count(warehouse, RAW) == count(warehouse, "landing.file") == 0
    assert not abandoned.with_name(f"partial.{os.getpid()}").exists() and not abandoned.exists()


def test_a_file_that_postgresql_refuses_does_not_keep_the_others_from_landing(settings, warehouse, drop, department):
    wide = [f"c{number}" for number in range(1400)]
    put(
        drop,
        "审批_1.csv",
        ",".join([*COLUMNS, *wide]) + "\r\nA1,2025-03-03,甲,," + ",".join(["x" * 30] * 1400) + "\r\n",
    )
    put(drop, "审批_2.csv", HEADER + "A2,2025-03-03,乙,\r\n")
    with pytest.raises(landing.PullError) as caught:
        landing.pull(settings, department)
    assert "ceshi.cases (审批_1.csv): row is too big" in str(caught.value)
    assert rows(warehouse, RAW, '"编号"') == [("A2",)]


def test_memory_does_not_grow_with_the_file(settings, empty_warehouse):
    """The benchmark's way through folder, archive, COPY and ledger, with a smaller file."""
    command = [sys.executable, settings.root / "benchmarks" / "land_big_file.py", "--mib", "100"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=600, check=True)
    measured = json.loads(done.stdout)
    assert measured["rows"] > 200_000
    assert measured["peak_mib"] <= 300
