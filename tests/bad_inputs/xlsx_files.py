"""XLSX workbooks, most of them written byte by byte: what Excel, WPS, other programs and attackers make."""

from __future__ import annotations

import io
import zipfile
from functools import partial

import openpyxl

from bad_inputs import COLUMNS, XLSX, FileCase

MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
RELATIONS = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
A = ("A1", "2025-03-03", "甲", "一")
B = ("B1", "2025-03-04", "乙", "二")
# Style numbers of STYLES.
PLAIN, DATE, CHINESE_DATE, OWN_DATE, SPAN, MONEY = range(6)
STYLES = (
    f'<styleSheet xmlns="{MAIN}"><numFmts><numFmt numFmtId="180" formatCode="yyyy&quot;年&quot;m&quot;月&quot;d'
    '&quot;日&quot;"/><numFmt numFmtId="181" formatCode="[h]:mm"/><numFmt numFmtId="182" formatCode="#,##0.00'
    '&quot;元&quot;;[Red]-#,##0.00"/></numFmts><cellXfs>'
    + "".join(f'<xf numFmtId="{number}"/>' for number in (0, 14, 31, 180, 181, 182))
    + "</cellXfs></styleSheet>"
)


def text(value: str) -> str:
    return f'<c t="inlineStr"><is><t>{value}</t></is></c>'


def number(value: str, style: int = PLAIN) -> str:
    return f'<c s="{style}"><v>{value}</v></c>'


def row(*cells: str, at: int | None = None) -> str:
    """A row of ready cells; plain words become text cells."""
    body = "".join(cell if cell.startswith("<") else text(cell) for cell in cells)
    place = f' r="{at}"' if at else ""
    return f"<row{place}>{body}</row>"


HEAD = row(*COLUMNS)


def sheet(*rows: str, behind: str = "") -> str:
    return f'<worksheet xmlns="{MAIN}"><sheetData>{"".join(rows)}</sheetData>{behind}</worksheet>'


def merged(*areas: str) -> str:
    return "<mergeCells>" + "".join(f'<mergeCell ref="{area}"/>' for area in areas) + "</mergeCells>"


def pack(parts: dict[str, str | bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in parts.items():
            archive.writestr(name, content)
    return buffer.getvalue()


def parts(
    *sheets: str, names: tuple[str, ...] = (), states: tuple[str, ...] = (), properties: str = "", strings: str = ""
) -> dict[str, str | bytes]:
    """The parts of a workbook, sheet1.xml first; `strings` is the inside of sharedStrings.xml."""
    entries, relations = [], []
    for place in range(len(sheets)):
        name = names[place] if names else f"Sheet{place + 1}"
        state = f' state="{states[place]}"' if states else ""
        entries.append(f'<sheet name="{name}" sheetId="{place + 1}"{state} r:id="r{place}"/>')
        target = f"worksheets/sheet{place + 1}.xml"
        relations.append(f'<Relationship Id="r{place}" Type="{RELATIONS}/worksheet" Target="{target}"/>')
    relations.append(f'<Relationship Id="rs" Type="{RELATIONS}/sharedStrings" Target="sharedStrings.xml"/>')
    found = {
        "xl/workbook.xml": f'<workbook xmlns="{MAIN}" xmlns:r="{RELATIONS}">{properties}'
        f"<sheets>{''.join(entries)}</sheets></workbook>",
        "xl/_rels/workbook.xml.rels": f"<Relationships>{''.join(relations)}</Relationships>",
        "xl/styles.xml": STYLES,
    }
    if strings:
        found["xl/sharedStrings.xml"] = f'<sst xmlns="{MAIN}">{strings}</sst>'
    return found | {f"xl/worksheets/sheet{place}.xml": content for place, content in enumerate(sheets, start=1)}


def book(*rows: str, behind: str = "", **more) -> bytes:
    return pack(parts(sheet(*rows, behind=behind), **more))


def case(name: str, content: object, *landed, declared: str = XLSX, **more) -> FileCase:
    return FileCase(name, content, tuple(landed), declared=declared, file_name="台账_1.xlsx", **more)


def one_bad(name: str, cells: tuple[str, ...], rule: str, reason: str, **more) -> FileCase:
    """A case of one broken row between two good ones: those land, it is set aside."""
    return case(
        name, partial(book, HEAD, row(*A), row(*cells), row(*B)), A, B, quarantined=((3, rule, reason),), **more
    )


def kept(name: str, cells: tuple[str, ...], values: tuple[str | None, ...], **more) -> FileCase:
    """A case of one strange row that lands as its cells say."""
    return case(name, partial(book, HEAD, row(*A), row(*cells), row(*B)), A, values, B, **more)


def refused(name: str, content: object, reason: str, declared: str = XLSX) -> FileCase:
    return case(name, content, declared=declared, refused=reason)


def by_openpyxl(prepare) -> bytes:
    made = openpyxl.Workbook()
    made.active.append(COLUMNS)
    prepare(made)
    buffer = io.BytesIO()
    made.save(buffer)
    return buffer.getvalue()


def filtered(made: openpyxl.Workbook) -> None:
    for values in (A, B):
        made.active.append(values)
    made.active.row_dimensions[2].hidden = True
    made.active.column_dimensions["C"].hidden = True
    made.active.auto_filter.ref = "A1:D3"
    made.active.auto_filter.add_filter_column(0, ["B1"])


def entities() -> bytes:
    nested = "".join(f'<!ENTITY e{level} "{f"&e{level - 1};" * 10}">' for level in range(1, 10))
    return pack(parts(f'<!DOCTYPE x [<!ENTITY e0 "ha">{nested}]>' + sheet(HEAD, row("&e9;", "", "", ""))))


def changed(part: str, content: str | bytes | None) -> bytes:
    """A good workbook with one part replaced, or left out."""
    all_parts = parts(sheet(HEAD, row(*A))) | {part: content}
    return pack({name: value for name, value in all_parts.items() if value is not None})


def encrypted_entry() -> bytes:
    """A ZIP whose entries say that they are encrypted."""
    content = bytearray(book(HEAD, row(*A)))
    at = content.find(b"PK\x01\x02")
    while at >= 0:
        content[at + 8] |= 1
        at = content.find(b"PK\x01\x02", at + 4)
    return bytes(content)


def bomb() -> bytes:
    return changed("xl/worksheets/sheet1.xml", sheet(HEAD) + " " * (60 << 20))


OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 504
DATED = {"date_columns": ("收件日期",)}
TWO_ROWS = f"{XLSX}, header_row: 2, header_depth: 2"
FORMULA = "<c><f>A1&amp;B1</f></c>"

CELLS = (
    kept(
        "numbers, whole and not",
        (number("20250001"), number("1.50"), number("1E3"), number("-0.1")),
        ("20250001", "1.5", "1000", "-0.1"),
    ),
    kept("a date with a date format", ("C1", number("45719", DATE), "丙", ""), ("C1", "2025-03-03", "丙", None)),
    kept(
        "a date in Chinese Excel's own format", ("C1", number("45719", CHINESE_DATE)), ("C1", "2025-03-03", None, None)
    ),
    kept("a date in a format of the file's own", ("C1", number("45719", OWN_DATE)), ("C1", "2025-03-03", None, None)),
    kept("a date and time", ("C1", number("45719.4326504630", DATE)), ("C1", "2025-03-03 10:23:01", None, None)),
    kept("a time a hair before midnight", ("C1", number("45718.999999999", DATE)), ("C1", "2025-03-03", None, None)),
    kept("a time without a day", ("C1", number("0.5", DATE)), ("C1", "12:00:00", None, None)),
    kept("a span of time", ("C1", number("1.5", SPAN)), ("C1", "1 day, 12:00:00", None, None)),
    kept("money", ("C1", "2025", number("1234.5", MONEY)), ("C1", "2025", "1234.5", None)),
    kept(
        "a serial number without a format, declared a date",
        ("C1", number("45719")),
        ("C1", "2025-03-03", None, None),
        **DATED,
    ),
    kept("a serial number without a format, not declared", ("C1", number("45719")), ("C1", "45719", None, None)),
    kept("eight digits in a column of dates", ("C1", number("20250303")), ("C1", "20250303", None, None), **DATED),
    kept("words in a column of dates", ("C1", "2025年3月"), ("C1", "2025年3月", None, None), **DATED),
    case(
        "the 1904 date system",
        partial(
            book,
            HEAD,
            row("C1", number("44257", DATE)),
            row("C2", number("44257")),
            properties='<workbookPr date1904="1"/>',
        ),
        ("C1", "2025-03-03", None, None),
        ("C2", "2025-03-03", None, None),
        **DATED,
    ),
    kept(
        "28 February 1900, before Excel's wrong leap day", ("C1", number("59", DATE)), ("C1", "1900-02-28", None, None)
    ),
    kept(
        "an ISO date cell", ("C1", '<c t="d"><v>2025-03-03T10:22:01</v></c>'), ("C1", "2025-03-03 10:22:01", None, None)
    ),
    one_bad("a negative date", ("C1", number("-5", DATE)), "date", "cell B3 is formatted as a date, but -5 is none"),
    one_bad("a date beyond the year 9999", ("C1", number("99999999", DATE)), "date", "cell B3 is formatted as a date"),
    one_bad(
        "an 18-digit code as a number",
        (number("9.1330100790999E+17"), "2025"),
        "digits",
        "cell A3 holds a number too long for a spreadsheet, so its last digits are lost",
    ),
    one_bad(
        "16 digits written out", ("C1", "2025", number("1234567890123456")), "digits", "cell C3 holds a number too long"
    ),
    one_bad("a code shortened as text", ("C1", "2025", "1.23457E+17"), "digits", "cell C3 holds a number too long"),
    kept("15 digits as a number", (number("123456789012345"), "2025"), ("123456789012345", "2025", None, None)),
    kept("18 digits as text", ("913301007909999999", "2025"), ("913301007909999999", "2025", None, None)),
    one_bad(
        "a formula without a saved result", ("C1", FORMULA), "formula", "cell B3 holds a formula whose result was never"
    ),
    one_bad("a row of formulas alone", (FORMULA, FORMULA), "formula", "cell A3 holds a formula"),
    kept(
        "a formula with its result",
        ("C1", '<c t="str"><f>A1</f><v>甲</v></c>', "<c><f>1+1</f><v>2</v></c>"),
        ("C1", "甲", "2", None),
    ),
    kept("a formula that gives nothing", ("C1", '<c t="str"><f>IF(1,"")</f><v></v></c>', "丙"), ("C1", "", "丙", None)),
    one_bad("#REF!", ("C1", '<c t="e"><v>#REF!</v></c>'), "error", "cell B3 holds the error #REF!"),
    one_bad("#N/A from a formula", ("C1", '<c t="e"><f>VLOOKUP(1,A1,2)</f><v>#N/A</v></c>'), "error", "the error #N/A"),
    one_bad("not a number", ("C1", number("nan")), "error", "cell B3 holds the number nan"),
    kept("true and false", ("C1", '<c t="b"><v>1</v></c>', '<c t="b"><v>0</v></c>'), ("C1", "true", "false", None)),
    kept("text that looks like a formula", ("=1+1", "@x", "+1", "-1"), ("=1+1", "@x", "+1", "-1")),
    kept("a line break and a carriage return", ("C1", "a\nb", "a_x000D_b"), ("C1", "a\nb", "a\rb", None)),
    kept("an emoji in two escapes", ("C1", "_xD83D__xDE00_"), ("C1", "😀", None, None)),
    kept("an escape that is meant", ("C1", "_x005F_x000D_"), ("C1", "_x000D_", None, None)),
    one_bad("half a surrogate pair", ("C1", "_xD83D_"), "text", "half a surrogate pair"),
    one_bad("an escaped NUL", ("C1", "a_x0000_"), "text", "a NUL character"),
    kept("full-width digits and blanks", ("Ａ１　", "２０２５"), ("Ａ１　", "２０２５", None, None)),
    kept(
        "a phonetic reading beside the text",
        ("C1", '<c t="inlineStr"><is><t>審</t><rPh><t>しん</t></rPh></is></c>'),
        ("C1", "審", None, None),
    ),
    kept(
        "text in pieces",
        ("C1", '<c t="inlineStr"><is><r><t>红</t></r><r><t>头</t></r></is></c>'),
        ("C1", "红头", None, None),
    ),
    one_bad("a value behind the last column", ("C1", "2025", "丙", "", "多余"), "columns", "5 columns, the header 4"),
    case(
        "shared texts",
        partial(
            book,
            HEAD,
            row("A1", '<c t="s"><v>1</v></c>', '<c t="s"><v>0</v></c>'),
            strings="<si><t>甲</t></si><si><r><t>20</t></r><r><t>25</t></r></si>",
        ),
        ("A1", "2025", "甲", None),
    ),
    one_bad("a key longer than an index holds", ("k" * 3000, "2025"), "text", "its key is longer than 2600 bytes"),
)

SHEETS = (
    case("hidden rows and columns, and a filter", partial(by_openpyxl, filtered), A, B),
    case(
        "rows that are blank",
        partial(book, HEAD, row(), row("", ""), row(*A, at=9), row("　", at=12)),
        A,
        ("　", None, None, None),
    ),
    case(
        "rows and cells without coordinates, and with",
        partial(book, HEAD, row(*A), '<row r="7"><c r="D7" t="str"><v>x</v></c></row>'),
        A,
        (None, None, None, "x"),
    ),
    case(
        "a title above the header",
        partial(book, row("审批台账（虚构）"), HEAD, row(*A), behind=merged("A1:D1")),
        A,
        declared=f"{XLSX}, header_row: 2",
    ),
    refused(
        "a title that was not declared", partial(book, row("审批台账"), HEAD, row(*A)), "no longer has the columns"
    ),
    refused(
        "a blank row where the header should be",
        partial(book, row("台账"), row("", at=2), row(*COLUMNS, at=3)),
        "the file has no header in line 2",
        f"{XLSX}, header_row: 2",
    ),
    case(
        "names with line breaks and full-width blanks",
        partial(book, row("编　号", "收件\n日期", " 事 项", "备注"), row(*A)),
        A,
    ),
    case(
        "a header of two rows",
        partial(
            book,
            row("台账"),
            row("编号", "收件", "", "备注"),
            row("", "日期", "事项", ""),
            row(*A),
            behind=merged("A1:D1", "A2:A3", "B2:C2", "D2:D3"),
        ),
        A,
        declared=TWO_ROWS,
        columns=("编号", "收件/日期", "收件/事项", "备注"),
    ),
    case(
        "a header of three rows",
        partial(
            book,
            row("编号", "办理", "", ""),
            row("", "收件", "", "备注"),
            row("", "日期", "时间", ""),
            row(*A),
            behind=merged("A1:A3", "B1:D1", "B2:C2", "D2:D3"),
        ),
        A,
        declared=f"{XLSX}, header_depth: 3",
        columns=("编号", "办理/收件/日期", "办理/收件/时间", "办理/备注"),
    ),
    refused(
        "a header of two rows declared as one",
        partial(book, row("编号", "收件", "", "备注"), row("", "日期", "事项"), row(*A)),
        "no longer has the columns 收件日期, 事项",
    ),
    case(
        "merged rows, declared",
        partial(
            book, HEAD, row("A1", "2025", "甲", "一"), row("", "", "乙", "二"), row(*B), behind=merged("A2:A3", "B2:B3")
        ),
        ("A1", "2025", "甲", "一"),
        ("A1", "2025", "乙", "二"),
        B,
        declared=f"{XLSX}, fill_merged: true",
    ),
    refused(
        "merged rows, not declared",
        partial(book, HEAD, row(*A), row("", "2025", "乙"), behind=merged("A2:A3")),
        "the cells A2:A3 are merged, so rows 3 to 3 lack their value",
    ),
    case(
        "a note merged over the whole width",
        partial(book, HEAD, row(*A), row("填表说明"), row(""), behind=merged("A3:D4")),
        A,
        quarantined=((3, "footer", "is no record"),),
        declared=f"{XLSX}, footer_pattern: ^填表说明",
    ),
    case(
        "a total, merged",
        partial(book, HEAD, row(*A), row("合计", "", "", "1"), behind=merged("A3:C3")),
        A,
        quarantined=((3, "footer", "台账_1.xlsx, line 3"),),
        declared=f"{XLSX}, footer_pattern: ^合计",
    ),
    case(
        "several sheets, one of them declared",
        lambda: pack(parts(sheet(row("x")), sheet(HEAD, row(*A)), names=("说明", "明细"))),
        A,
        declared=f"{XLSX}, sheet: 明细",
    ),
    case("empty sheets beside the only one with data", lambda: pack(parts(sheet(HEAD, row(*A)), sheet(), sheet())), A),
    case(
        "a hidden sheet beside the only visible one",
        lambda: pack(parts(sheet(row("字典")), sheet(HEAD, row(*A)), states=("hidden", "visible"))),
        A,
    ),
    refused(
        "several sheets with data",
        lambda: pack(parts(sheet(HEAD, row(*A)), sheet(HEAD, row(*B)))),
        "several sheets hold data: Sheet1, Sheet2",
    ),
    refused(
        "a sheet that is not there",
        partial(book, HEAD),
        "there is no sheet '明细' among ['Sheet1']",
        f"{XLSX}, sheet: 明细",
    ),
    refused("an empty sheet", book, "the file has no header in line 1"),
    refused("a column is missing", partial(book, row(*COLUMNS[:3])), "no longer has the column 备注"),
    refused("a column twice", partial(book, row(*COLUMNS, "事项")), "the columns 事项 come twice"),
    case(
        "names that would be SQL", partial(book, row(*COLUMNS, 'x"; drop table landing.batch; --', "%s{0}"), row(*A)), A
    ),
    refused("two thousand columns", partial(book, row(*(f"c{at}" for at in range(2000)))), "there are 2000 columns"),
    case(
        "the strict variant of the format",
        lambda: pack(
            {
                name: str(value).replace(
                    "http://schemas.openxmlformats.org/spreadsheetml/2006/main",
                    "http://purl.oclc.org/ooxml/spreadsheetml/main",
                )
                for name, value in parts(sheet(HEAD, row(*A))).items()
            }
        ),
        A,
    ),
    case(
        "elements with a prefix",
        lambda: changed(
            "xl/worksheets/sheet1.xml",
            f'<x:worksheet xmlns:x="{MAIN}"><x:sheetData>'
            + "".join(
                "<x:row>" + "".join(f'<x:c t="str"><x:v>{value}</x:v></x:c>' for value in values) + "</x:row>"
                for values in (COLUMNS, A)
            )
            + "</x:sheetData></x:worksheet>",
        ),
        A,
    ),
)

HOSTILE = (
    refused(
        "an old .xls", OLE + "Workbook".encode("utf-16-le"), "this is an old Excel file (.xls), which cannot be read"
    ),
    refused("a password", OLE + "EncryptedPackage".encode("utf-16-le"), "the workbook is protected by a password"),
    refused("a web page named .xlsx", b"\r\n<HTML><body><table>", "this is a web page named like a workbook"),
    refused("a CSV named .xlsx", ",".join(COLUMNS).encode(), "it does not begin like a workbook"),
    refused("an empty file", b"", "it does not begin like a workbook"),
    refused("half a workbook", lambda: book(HEAD, row(*A))[:600], "not a whole XLSX file"),
    refused("a ZIP of nothing", partial(pack, {}), "it is a ZIP without a workbook"),
    refused("a ZIP of something else", lambda: pack({"word/document.xml": "<x/>"}), "it is a ZIP without a workbook"),
    refused("a binary workbook", lambda: pack({"xl/workbook.bin": b"x"}), "it is a binary workbook (.xlsb)"),
    refused("encrypted entries", encrypted_entry, "not a whole XLSX file: RuntimeError"),
    refused("no relations", lambda: changed("xl/_rels/workbook.xml.rels", None), "not a whole XLSX file"),
    refused("no sheet part", lambda: changed("xl/worksheets/sheet1.xml", None), "it has no visible sheet"),
    case("no styles", lambda: changed("xl/styles.xml", None), A),
    refused(
        "broken XML", lambda: changed("xl/worksheets/sheet1.xml", sheet(HEAD, row(*A))[:-30]), "not a whole XLSX file"
    ),
    refused("no XML", lambda: changed("xl/worksheets/sheet1.xml", "编号,事项"), "not a whole XLSX file"),
    refused(
        "a character that XML forbids",
        lambda: changed("xl/worksheets/sheet1.xml", sheet(HEAD, row("a\x01b"))),
        "not a whole XLSX file",
    ),
    refused(
        "half a surrogate pair as a reference",
        lambda: changed("xl/worksheets/sheet1.xml", sheet(HEAD, row("&#xD800;"))),
        "not a whole XLSX file",
    ),
    refused("an entity bomb in the sheet", entities, "not a whole XLSX file: DTDForbidden"),
    refused(
        "an entity bomb in the workbook",
        lambda: changed("xl/workbook.xml", '<!DOCTYPE x [<!ENTITY a "b">]><workbook/>'),
        "not a whole XLSX file: DTDForbidden",
    ),
    refused(
        "a file of this machine as an entity",
        lambda: changed(
            "xl/sharedStrings.xml",
            '<!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/passwd">]><sst><si><t>&a;</t></si></sst>',
        ),
        "not a whole XLSX file: DTDForbidden",
    ),
    refused(
        "a ZIP bomb that calls its sheet a picture",
        lambda: pack(
            {
                name.replace("worksheets", "media"): value
                for name, value in parts(sheet(HEAD) + " " * (60 << 20)).items()
            }
            | {
                "xl/_rels/workbook.xml.rels": f'<Relationships><Relationship Id="r0" Type="{RELATIONS}/worksheet"'
                ' Target="media/sheet1.xml"/></Relationships>'
            }
        ),
        "it has no visible sheet",
    ),
    refused("a ZIP bomb", bomb, "as no honest workbook does"),
    refused(
        "larger than declared once unpacked",
        lambda: changed("xl/worksheets/sheet1.xml", sheet(HEAD) + " " * (2 << 20)),
        "it unpacks to 2 MiB, more than the 1 allowed",
        f"{XLSX}, largest_mib: 1",
    ),
    refused(
        "a path that leads out",
        lambda: changed(
            "xl/_rels/workbook.xml.rels",
            f'<Relationships><Relationship Id="r0" Type="{RELATIONS}/worksheet" Target="../../../etc/passwd"/>'
            "</Relationships>",
        ),
        "it has no visible sheet",
    ),
    refused("a row number of a billion", partial(book, HEAD, row(*A, at=10**9)), "row 1000000000 follows row 1"),
    refused("rows out of order", partial(book, HEAD, row(*A, at=5), row(*B, at=5)), "row 5 follows row 5"),
    refused(
        "a cell twice",
        partial(book, HEAD, '<row><c r="A2"><v>1</v></c><c r="A2"><v>2</v></c></row>'),
        "in row 2, column 1 follows column 1",
    ),
    refused(
        "a column beyond Excel's", partial(book, HEAD, '<row><c r="XFE2"><v>1</v></c></row>'), "column 16385 follows"
    ),
    refused(
        "a coordinate that is none", partial(book, HEAD, '<row><c r="?2"><v>1</v></c></row>'), "not a whole XLSX file"
    ),
    refused("a text that is not there", partial(book, HEAD, row('<c t="s"><v>7</v></c>')), "a cell points to text 7"),
    refused(
        "a text from behind",
        partial(book, HEAD, row('<c t="s"><v>-1</v></c>'), strings="<si><t>x</t></si>"),
        "a cell points to text -1",
    ),
    refused(
        "a number that is none", partial(book, HEAD, row("C1", number("abc"))), "not a whole XLSX file: ValueError"
    ),
    refused("a row of five million characters", lambda: book(HEAD, row("x" * (5 << 20))), "holds more than 4 million"),
    refused(
        "merged cells that overlap a thousand times",
        lambda: book(HEAD, *[row(*A)] * 3, behind=merged(*["A2:A9"] * 2000)),
        "merged cells overlap",
        f"{XLSX}, fill_merged: true",
    ),
)

CASES = (*CELLS, *SHEETS, *HOSTILE)
