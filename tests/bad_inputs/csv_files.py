"""CSV files: dialects, encodings, half files, hostile files."""

from __future__ import annotations

import gzip
import random

from bad_inputs import GBK, HEADER, UTF8, FileCase

A = ("A1", "2025-03-03", "甲", "")
B = ("B1", "2025-03-04", "乙", "二")
ROW_A = "A1,2025-03-03,甲,"
ROW_B = "B1,2025-03-04,乙,二"


def lines(*rows: str, end: str = "\r\n") -> str:
    return "".join(f"{row}{end}" for row in (HEADER, *rows))


def gbk(*parts: str | bytes) -> bytes:
    return b"".join(part.encode("gb18030") if isinstance(part, str) else part for part in parts)


def line(row: bytes) -> bytes:
    """`row` between two good rows, as bytes of GB18030."""
    return gbk(lines(ROW_A), row, b"\r\n", ROW_B, "\r\n")


def one_bad(name: str, row: str | bytes, rule: str, reason: str, declared: str = GBK) -> FileCase:
    """A case of one broken row between two good ones: those land, it is set aside."""
    content = line(row) if isinstance(row, bytes) else lines(ROW_A, row, ROW_B)
    return FileCase(name, content, (A, B), ((3, rule, reason),), declared=declared)


def kept(name: str, row: str, values: tuple[str, ...], declared: str = GBK) -> FileCase:
    """A case of one strange row that lands as received."""
    return FileCase(name, lines(ROW_A, row, ROW_B), (A, values, B), declared=declared)


def bomb() -> bytes:
    return gzip.compress(gbk(HEADER, "\r\n") + (b" " * 99_999 + b"\n") * 800)


def noise() -> bytes:
    return random.Random(7).randbytes(5000)


ENCODINGS = (
    kept("four-byte GB18030", "𠮷1,㐀,䶮龘,𫟹", ("𠮷1", "㐀", "䶮龘", "𫟹")),
    kept("a byte of GBK that looks like a delimiter", "C|1,2025,丂,亅", ("C|1", "2025", "丂", "亅")),
    FileCase(
        "a pipe that is half a character",
        lines(ROW_A).replace(",", "|").replace("甲", "亅巪"),
        (("A1", "2025-03-03", "亅巪", ""),),
        declared=f"{GBK}, delimiter: '|'",
    ),
    kept("the euro sign and a private character of GB18030", "C1,€,\ue000,㎡", ("C1", "€", "\ue000", "㎡")),
    kept("an emoji", "C1,2025,😀,", ("C1", "2025", "😀", ""), UTF8),
    kept(
        "a combining mark and a zero-width blank", "C1,2025,e\u0301,\u200b", ("C1", "2025", "e\u0301", "\u200b"), UTF8
    ),
    FileCase("UTF-8 with a byte order mark", "\ufeff" + lines(ROW_A), (A,), declared=UTF8),
    FileCase("a byte order mark in GB18030", "\ufeff" + lines(ROW_A), (A,)),
    FileCase(
        "a byte order mark before a quoted name", "\ufeff" + lines(ROW_A).replace("编号", '"编号"'), (A,), declared=UTF8
    ),
    FileCase(
        "UTF-8 where GB18030 is declared",
        lines(ROW_A).encode(),
        refused="The file seems to be utf-8, the contract says gb18030",
    ),
    FileCase(
        "GB18030 where UTF-8 is declared",
        gbk(lines(ROW_A)),
        declared=UTF8,
        refused="The file seems to be gb18030, the contract says utf-8",
    ),
    FileCase(
        "UTF-16, which Excel calls Unicode text",
        lines(ROW_A).encode("utf-16"),
        refused="The file is UTF-16; have it saved as gb18030.",
    ),
    FileCase(
        "Big5",
        lines(ROW_A).replace("编号", "編號").replace("项", "項").replace("备注", "備註").encode("big5", "ignore"),
        refused="no longer has the columns 编号",
    ),
    one_bad("a byte that is no GB18030", b"C1,2025,\xff\xfe,", "text", "byte 9 (0xff) is not gb18030"),
    one_bad("half a character at the end of a line", b"C1,2025,x,\xbc", "text", "byte 11 (0xbc) is not gb18030"),
    FileCase(
        "a lone surrogate as UTF-8",
        lines(ROW_A).encode() + b"C1,x,\xed\xa0\x80,\r\n",
        (A,),
        ((3, "text", "byte 6 (0xed) is not utf-8"),),
        declared=UTF8,
    ),
    FileCase(
        "an overlong slash",
        lines(ROW_A).encode() + b"C1,x,\xc0\xaf,\r\n",
        (A,),
        ((3, "text", "is not utf-8"),),
        declared=UTF8,
    ),
    FileCase(
        "one line of the other encoding",
        lines(ROW_A).encode() + gbk("C1,x,审批,\r\n"),
        (A,),
        ((3, "text", "is not utf-8"),),
        declared=UTF8,
    ),
    one_bad("a NUL", "C1,2025,nul\x00,", "text", "a value contains a NUL character"),
    FileCase("nothing but NULs, as a full disk leaves it", b"\x00" * 4096, refused="no longer has the columns"),
    kept("control characters", "C1,\x01\x02,\x1b[31m,\x7f", ("C1", "\x01\x02", "\x1b[31m", "\x7f")),
)

DIALECTS = (
    FileCase("line feeds alone", lines(ROW_A, ROW_B, end="\n"), (A, B)),
    FileCase("mixed line ends", f"{HEADER}\n{ROW_A}\r\n{ROW_B}\n", (A, B)),
    FileCase("no line end at the end", lines(ROW_A, ROW_B).rstrip(), (A, B)),
    FileCase("carriage returns alone", lines(ROW_A, ROW_B, end="\r"), refused="carriage return alone"),
    one_bad(
        "a carriage return within a bare value", "C1,2025,a\rb,", "text", "a carriage return stands inside a value"
    ),
    FileCase(
        "a carriage return within quotation marks", lines('A1,2025-03-03,"a\rb",'), (("A1", "2025-03-03", "a\rb", ""),)
    ),
    kept("doubled quotation marks", 'C1,2025,"说""好""",""', ("C1", "2025", '说"好"', "")),
    kept("a delimiter within quotation marks", 'C1,2025,"甲,乙",', ("C1", "2025", "甲,乙", "")),
    FileCase(
        "line breaks within quotation marks",
        lines(ROW_A, 'C1,2025,"一\r\n二\n三",', ROW_B),
        (A, ("C1", "2025", "一\r\n二\n三", ""), B),
    ),
    one_bad("a quotation mark that is never closed", 'C1,2025,"甲,', "text", "a quotation mark is never closed"),
    one_bad("text after a closing quotation mark", 'C1,2025,"甲"乙,', "text", "it does not follow the dialect"),
    FileCase(
        "two inch signs in two lines",
        lines('C1,2025,5"管,', ROW_A, 'C2,2025,6"管,', ROW_B),
        (A, B),
        ((2, "text", "does not follow the dialect"), (4, "text", "never closed")),
    ),
    kept("an inch sign where nothing is quoted", 'C1,2025,5"管,', ("C1", "2025", '5"管', ""), f"{GBK}, quote: null"),
    kept("single quotation marks", "C1,2025,'甲,''乙''',", ("C1", "2025", "甲,'乙'", ""), f'{GBK}, quote: "\'"'),
    kept("an escaped quotation mark", r'C1,2025,"甲\"乙",', ("C1", "2025", '甲"乙', ""), f"{GBK}, escape: '\\'"),
    kept("an escaped delimiter", r"C1,2025,甲\,乙,", ("C1", "2025", "甲,乙", ""), f"{GBK}, escape: '\\'"),
    kept(
        "a character of GBK that ends in the escape sign",
        '"乗",2025,"誠",""',
        ("乗", "2025", "誠", ""),
        f"{GBK}, escape: '\\'",
    ),
    kept("an escape sign that is not declared", r"C1,2025,C:\temp,", ("C1", "2025", r"C:\temp", "")),
    FileCase("tabs", lines(ROW_A, ROW_B).replace(",", "\t"), (A, B), declared=f'{GBK}, delimiter: "\\t"'),
    FileCase(
        "tabs that are not declared",
        lines(ROW_A).replace(",", "\t"),
        refused="The delimiter seems to be '\\t': correct source.format.delimiter.",
    ),
    FileCase(
        "semicolons that are not declared", lines(ROW_A).replace(",", ";"), refused="The delimiter seems to be ';'"
    ),
    FileCase("full-width commas", lines(ROW_A).replace(",", "，"), refused="no longer has the columns"),
    one_bad("a delimiter too many", "C1,2025,甲,乙,丙", "columns", "the row has 5 columns, the header 4"),
    one_bad("a delimiter too few", "C1,2025,甲", "columns", "the row has 3 columns, the header 4"),
    one_bad(
        "a bare delimiter within a value, last column blank", "C1,2025,甲,乙,", "columns", "5 columns, the header 4"
    ),
    FileCase("a delimiter at the end of every line", lines(ROW_A + ",", ROW_B + ",").replace("备注", "备注,"), (A, B)),
    FileCase(
        "a delimiter at the end of the header alone",
        lines("C1,2025,甲,乙").replace("备注", "备注,"),
        (),
        ((2, "columns", "the row should end in a delimiter like the header, after 4 values; it has 4"),),
    ),
    FileCase(
        "a value behind the last column",
        lines(ROW_A + ",", "C1,2025,甲,乙,丙").replace("备注", "备注,"),
        (A,),
        ((3, "columns", "after 4 values; it has 5"),),
    ),
    FileCase("blank lines", lines(ROW_A, "", "   ", ",,,", " , ,　,", ROW_B), (A, B)),
    FileCase("blanks around values", lines(" A1 ,　2025-03-03　,甲 ,\t"), ((" A1 ", "　2025-03-03　", "甲 ", "\t"),)),
    FileCase(
        "a value of 200 000 characters",
        lines('A1,2025,"' + "长" * 200_000 + '",'),
        (("A1", "2025", "长" * 200_000, ""),),
    ),
    FileCase("the same row twice", lines(ROW_A, ROW_A), (A, A)),
    FileCase("the header once more in the middle", lines(ROW_A, HEADER, ROW_B), (A, tuple(HEADER.split(",")), B)),
)

HEADERS = (
    FileCase("an empty file", b"", refused="the file has no header in line 1"),
    FileCase("line feeds and nothing else", b"\r\n\r\n", refused="the file has no header in line 1"),
    FileCase("a header and no rows", lines()),
    FileCase(
        "title lines above the header",
        f'示例市"审批台账\r\n2025年3月,,,\r\n{lines(ROW_A)}',
        (A,),
        declared=f"{GBK}, header_row: 3",
    ),
    FileCase(
        "a title that was not declared",
        "审批台账\r\n" + lines(ROW_A),
        refused="The header seems to stand in line 2: correct source.format.header_row.",
    ),
    FileCase(
        "fewer lines than the declared header row",
        lines(ROW_A),
        declared=f"{GBK}, header_row: 9",
        refused="the file has no header in line 9",
    ),
    FileCase(
        "no header at all", f"{ROW_A}\r\n{ROW_B}\r\n", refused="no longer has the columns 编号, 收件日期, 事项, 备注"
    ),
    FileCase(
        "line breaks and full-width blanks in names",
        lines(ROW_A).replace("编号", "编　号").replace("收件日期", '"收件\r\n日期"').replace("事项", " 事 项 "),
        (A,),
    ),
    FileCase("a column is missing", "编号,收件日期,事项\r\nA1,2025,甲\r\n", refused="no longer has the column 备注"),
    FileCase("a column was renamed", lines(ROW_A).replace("事项", "事项名称"), refused="no longer has the column 事项"),
    FileCase("columns in another order", "备注,事项,编号,收件日期\r\n,甲,A1,2025-03-03\r\n", (A,)),
    FileCase("a new column", lines(ROW_A + ",新").replace("备注", "备注,联系人"), (A,)),
    FileCase("a column twice", lines(ROW_A + ",").replace("备注", "备注,事项"), refused="the columns 事项 come twice"),
    FileCase(
        "a column twice but for a blank",
        lines(ROW_A + ",").replace("备注", "备注,事　项"),
        refused="the columns 事项 come twice",
    ),
    FileCase(
        "a column without a name", lines(ROW_A + ",").replace("备注", ",备注"), refused="'' cannot be a column's name"
    ),
    FileCase(
        "a name longer than PostgreSQL's",
        lines(ROW_A + ",").replace("备注", "备注," + "长" * 22),
        refused="over 63 bytes",
    ),
    FileCase(
        "a name of Yidang's own",
        lines(ROW_A + ",").replace("备注", "备注,_batch_id"),
        refused="'_batch_id' cannot be a column's name",
    ),
    FileCase("a NUL in a name", lines(ROW_A + ",").replace("备注", "备注,x\x00y"), refused="cannot be a column's name"),
    FileCase(
        "10 000 columns",
        ",".join(f"c{number}" for number in range(10_000)),
        refused="there are 10000 columns, and at most 1500 fit",
    ),
    FileCase("a million columns", "a," * 1_000_000, refused="columns, and at most 1500 fit"),
    FileCase(
        "names that would be SQL",
        lines(ROW_A + ',"1","2","3"').replace("备注", '备注,"x""; drop table landing.batch; --",%s {0},\'; select 1'),
        (A,),
    ),
)

FOOTERS = (
    FileCase(
        "a total that is set aside",
        lines(ROW_A, ROW_B, "合计,2,,"),
        (A, B),
        ((4, "footer", "the line fits footer_pattern and is no record"),),
        declared=f"{GBK}, footer_pattern: ^合计",
    ),
    FileCase(
        "a footer of another width",
        lines(ROW_A, "制表人：张三　2025年3月"),
        (A,),
        ((3, "footer", "is no record"),),
        declared=f"{GBK}, footer_pattern: '^(合计|制表人)'",
    ),
    FileCase(
        "a footer that is not declared and too narrow",
        lines(ROW_A, "制表人：张三"),
        (A,),
        ((3, "columns", "the row has 1 columns, the header 4"),),
    ),
    FileCase(
        "subtotals between the rows",
        lines(ROW_A, "小计,,,", ROW_B, "小计,,,"),
        (A, B),
        ((3, "footer", "line 3"), (5, "footer", "line 5")),
        declared=f"{GBK}, footer_pattern: ^小计",
    ),
    FileCase(
        "a footer that cannot be decoded",
        gbk(lines(ROW_A), b"\xba\xcf\xbc\xc6,\xff\xff\r\n"),
        (A,),
        ((3, "footer", "is no record"),),
        declared=f"{GBK}, footer_pattern: ^合计",
    ),
)

VALUES = (
    one_bad("a credit code as Excel shows it", "9.13301E+17,2025-03-03,甲,", "digits", "its last digits are lost"),
    one_bad("a project code as Excel shows it", "C1,2025,2.51133E+23,", "digits", "its last digits are lost"),
    one_bad("twelve digits as Excel shows them", "C1,2025,1.33012E+11,", "digits", "formatted as text"),
    kept("a small power of ten", "C1,2025,1.5E+3,E+17", ("C1", "2025", "1.5E+3", "E+17")),
    kept("a code with leading zeros", "000123,2025,甲,007", ("000123", "2025", "甲", "007")),
    kept("eighteen digits as text", "913301007909999999,2025,甲,", ("913301007909999999", "2025", "甲", "")),
    kept("full-width digits and blanks", "Ａ１２　３,２０２５,甲,", ("Ａ１２　３", "２０２５", "甲", "")),
    kept("a formula", "=HYPERLINK(1),=1+1,+1,-1@x", ("=HYPERLINK(1)", "=1+1", "+1", "-1@x")),
    kept("a call of a program", "C1,=cmd|'/C calc'!A0,@SUM(1),", ("C1", "=cmd|'/C calc'!A0", "@SUM(1)", "")),
    kept("SQL", "'; drop table raw; --,$$,%s,{0}", ("'; drop table raw; --", "$$", "%s", "{0}")),
    kept("what COPY would read as null or an end", r"\N,\.,\\,\t", (r"\N", r"\.", r"\\", r"\t")),
    kept("a page's markup", "<b>,<script>,&amp;,", ("<b>", "<script>", "&amp;", "")),
    kept("an apostrophe before a number, as Excel's text mark", "'0012,2025,甲,", ("'0012", "2025", "甲", "")),
    kept("words for nothing", "C1,NULL,无,/", ("C1", "NULL", "无", "/")),
    kept("a key that is blank", ",2025,甲,", ("", "2025", "甲", "")),
    kept("two dates in one cell", "C1,2025-03-03;2025-03-05,甲,", ("C1", "2025-03-03;2025-03-05", "甲", "")),
    one_bad("a key longer than an index holds", "k" * 3000 + ",2025,甲,", "text", "its key is longer than 2600 bytes"),
    FileCase("a key of a thousand characters", lines("键" * 800 + ",2025,甲,"), (("键" * 800, "2025", "甲", ""),)),
)

BROKEN = (
    FileCase("cut in the middle of a row", lines(ROW_A, ROW_B)[:-11], (A,), ((3, "columns", "the row has"),)),
    FileCase(
        "cut in the middle of a character",
        gbk(lines(ROW_A, "B1,2025,乙,二"))[:-3],
        (A,),
        ((3, "text", "is not gb18030"),),
    ),
    FileCase(
        "cut in the middle of a quoted value",
        lines(ROW_A, 'B1,2025,"乙\r\n二")[:-2]')[:-9],
        (A,),
        ((3, "text", "never closed"), (4, "columns", "the row has 1 columns")),
    ),
    FileCase("noise", noise, refused="no longer has the columns"),
    FileCase("a workbook named .csv", b"PK\x03\x04" + noise(), refused="this is a ZIP or XLSX file, not CSV"),
    FileCase(
        "an old Excel file named .csv",
        b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + noise(),
        refused="this is an old Excel (.xls) file, not CSV",
    ),
    FileCase(
        "a web page named .csv",
        "<html><body><table><tr><td>编号</td></tr></table>",
        refused="no longer has the columns",
    ),
    FileCase("JSON named .csv", '[{"编号": "A1"}]', refused="no longer has the columns"),
    FileCase("a compressed file", gzip.compress(gbk(lines(ROW_A))), (A,)),
    FileCase("a compressed file that is cut", gzip.compress(noise())[:3000], refused="the compressed file is broken"),
    FileCase(
        "a compressed file with a wrong checksum",
        gzip.compress(gbk(lines(ROW_A)))[:-8] + b"\0" * 8,
        refused="the compressed file is broken",
    ),
    FileCase(
        "a compressed file with noise behind its head",
        b"\x1f\x8b\x08\0\0\0\0\0\0\x03" + noise(),
        refused="the compressed file is broken",
    ),
    FileCase("a gzip bomb of rows", bomb, refused="unpacks to more than 64 MiB; nothing of it was landed"),
    FileCase(
        "a gzip bomb without a line feed",
        lambda: gzip.compress(b"0" * 30_000_000),
        refused="line 1 is longer than 4 MiB",
    ),
    FileCase(
        "more than declared once unpacked",
        lambda: gzip.compress(gbk(lines()) + random.Random(7).randbytes(1 << 20)),
        declared=f"{GBK}, largest_mib: 1",
        refused="or raise source.format.largest_mib",
    ),
    FileCase(
        "more than declared",
        b"x" * (2 << 20),
        declared=f"{GBK}, largest_mib: 1",
        refused="the file has 2 MiB, more than the 1 allowed",
    ),
    FileCase("a row without an end", gbk(lines(ROW_A)) + b"x" * (5 << 20), refused="line 3 is longer than 4 MiB"),
)

CASES = (*ENCODINGS, *DIALECTS, *HEADERS, *FOOTERS, *VALUES, *BROKEN)
