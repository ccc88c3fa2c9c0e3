"""Mistakes in a department's YAML: a good contract, what is changed in it, and what the error must say."""

from __future__ import annotations

from dataclasses import dataclass

CONTRACT = """\
name: 园林绿化局
short_name: 园林
english_name: Parks Bureau
description: Made up for a test.
leaves_out: Everything else.
owner: tests
example: true
schedule: "30 6 * * *"
freshness_hours: 36
source:
  kind: files
  folder: ${YUANLIN_DROP}
  format:
    kind: csv
    encoding: utf-8
tables:
  - name: trees
    description: A permit.
    pattern: 树木_*.csv
    key: [编号]
    suite: tree_cases
    columns: [编号, 收件]
"""
SFTP = (
    "  folder: /drop\n  sftp:\n    host: sftp.example\n    user: yidang\n    password: ${P}\n"
    f"    host_key: ssh-ed25519 {'A' * 68}\n"
)
POSTGRES = "  kind: postgres\n  dsn: ${DSN}\n  schema: hall\n"
REST = (
    "  kind: rest\n  base_url: http://x\n  auth: {kind: bearer, token: '${T}'}\n  paging: {kind: page, items: data}\n"
)
FILES = CONTRACT[CONTRACT.index("  kind: files") : CONTRACT.index("tables:")]
PATTERN = "    pattern: 树木_*.csv\n"


@dataclass(frozen=True)
class ContractCase:
    """`old` in the good contract is replaced by `new`; `says` must be in the error, beside the file's name."""

    name: str
    old: str
    new: str
    says: str

    @property
    def text(self) -> str:
        assert self.old in CONTRACT
        return CONTRACT.replace(self.old, self.new)


def sftp(name: str, old: str, new: str, says: str) -> ContractCase:
    assert old in SFTP
    return ContractCase(name, "  folder: ${YUANLIN_DROP}\n", SFTP.replace(old, new), says)


def source(name: str, other: str, extra: str, says: str) -> ContractCase:
    """Another kind of source, with `extra` keys of the table in the place of its pattern."""
    return ContractCase(
        name,
        FILES + "tables:\n" + CONTRACT[CONTRACT.index("  - name") : CONTRACT.index("    key")],
        other + "tables:\n  - name: trees\n    description: A permit.\n" + extra,
        says,
    )


WHOLE = (
    ContractCase("an empty file", CONTRACT, "", "the file holds no keys"),
    ContractCase("a list", CONTRACT, "- name: x\n", "the file holds no keys"),
    ContractCase("a sentence", CONTRACT, "园林绿化局\n", "the file holds no keys"),
    ContractCase("a tab as indentation", "  kind: files", "\tkind: files", "not valid YAML"),
    ContractCase("an open bracket", "[编号]", "[编号", "not valid YAML"),
    ContractCase("an open quotation mark", '"30 6 * * *"', '"30 6 * * *', "not valid YAML"),
    ContractCase("a full-width colon", "name: 园林绿化局", "name：园林绿化局", "not valid YAML"),
    ContractCase("a Python object", "tests", "!!python/object/apply:os.system [id]", "not valid YAML"),
    ContractCase("an alias of nothing", "owner: tests", "owner: *who", "not valid YAML"),
    ContractCase("two documents", "tables:", "---\ntables:", "not valid YAML"),
    ContractCase("a control character", "owner: tests", "owner: te\x07sts", "not valid YAML"),
)

KEYS = (
    *(
        ContractCase(f"{key} is missing", f"{key}:", f"# {key}:", f"{key} is missing.")
        for key in ("short_name", "english_name", "leaves_out", "owner", "example", "schedule", "freshness_hours")
    ),
    ContractCase(
        "the id is written", "name: 园林绿化局", "id: yuanlin\nname: 园林绿化局", "id is not written in the file"
    ),
    ContractCase("an unknown key", "owner:", "ownr: x\nowner:", "Did you mean `owner`?"),
    ContractCase("an unknown key like none", "owner:", "zzzz: x\nowner:", "Delete `zzzz`."),
    ContractCase("a blank owner", "owner: tests", "owner:", "owner: must be a valid string"),
    ContractCase("yes for true", "example: true", "example: perhaps", "example: must be a valid boolean"),
    ContractCase(
        "words for hours", "freshness_hours: 36", "freshness_hours: a day", "freshness_hours: must be a valid n"
    ),
    ContractCase("no hours", "freshness_hours: 36", "freshness_hours: 0", "freshness_hours: must be greater than 0"),
    ContractCase(
        "no minutes", "freshness_hours: 36", "freshness_hours: 36\ndeadline_minutes: 0", "must be greater than 0"
    ),
    ContractCase(
        "minutes without end", "freshness_hours: 36", "freshness_hours: 36\ndeadline_minutes: .inf", "deadline_minutes"
    ),
    ContractCase("six cron fields too few", '"30 6 * * *"', '"30 6"', "'30 6' must be a cron line of five fields"),
    ContractCase("a 25th hour", '"30 6 * * *"', '"30 25 * * *"', "must be a cron line of five fields"),
    ContractCase(
        "no tables", CONTRACT[CONTRACT.index("tables:") :], "tables: []\n", "tables: List should have at least 1"
    ),
    ContractCase("tables as a mapping", CONTRACT[CONTRACT.index("  - name: trees") :], "  trees: {}\n", "tables"),
    ContractCase("too many slots", "owner: tests", "owner: tests\nmax_parallel: 99", "max_parallel: must be less than"),
    ContractCase("an unknown feed", "owner: tests", "owner: tests\nfeeds: {trees: stg_x}", "feeds.trees"),
    ContractCase(
        "an unknown dialect of the standard", "owner: tests", "owner: tests\nspeaks: spgl3", "speaks: must be 'spgl'"
    ),
    ContractCase(
        "feeds of a speaker of the standard",
        "owner: tests",
        "owner: tests\nspeaks: spgl\nfeeds: {cases: stg_x}",
        "a department that speaks spgl needs none",
    ),
)

SOURCES = (
    ContractCase("an unknown kind", "kind: files", "kind: ftp", "'dameng', 'rest', 'files'"),
    ContractCase("a blank folder", "${YUANLIN_DROP}", "''", "source.folder: String should have at least 1"),
    ContractCase(
        "a delimiter of two signs",
        "encoding: utf-8",
        "encoding: utf-8\n    delimiter: '||'",
        "source.format.delimiter: String should have at most 1",
    ),
    ContractCase(
        "a delimiter that quotes",
        "encoding: utf-8",
        "encoding: utf-8\n    delimiter: '\"'",
        "delimiter must not be a line end, nor the sign of quote or escape",
    ),
    ContractCase(
        "a line feed as delimiter",
        "encoding: utf-8",
        'encoding: utf-8\n    delimiter: "\\n"',
        "delimiter must not be a line end",
    ),
    ContractCase(
        "a Chinese quotation mark", "encoding: utf-8", "encoding: utf-8\n    quote: “", "source.format.quote: must be"
    ),
    ContractCase(
        "an escape sign that is none", "encoding: utf-8", "encoding: utf-8\n    escape: '^'", "source.format.escape"
    ),
    ContractCase("an encoding by its other name", "encoding: utf-8", "encoding: gbk", "must be 'gb18030' or 'utf-8'"),
    ContractCase("no encoding", "    encoding: utf-8\n", "", "source.format.encoding is missing."),
    ContractCase(
        "a header in line 0", "encoding: utf-8", "encoding: utf-8\n    header_row: 0", "header_row: must be greater"
    ),
    ContractCase(
        "a footer that is no pattern",
        "encoding: utf-8",
        "encoding: utf-8\n    footer_pattern: '(合计'",
        "'(合计' is no regular expression",
    ),
    ContractCase(
        "a sheet of a CSV",
        "encoding: utf-8",
        "encoding: utf-8\n    sheet: 明细",
        "source.format.sheet is not a known key",
    ),
    ContractCase(
        "a delimiter of a workbook",
        "kind: csv\n    encoding: utf-8",
        "kind: xlsx\n    delimiter: ','",
        "source.format.delimiter is not a known key",
    ),
    ContractCase(
        "a header of nine rows",
        "kind: csv\n    encoding: utf-8",
        "kind: xlsx\n    header_depth: 9",
        "source.format.header_depth: must be less than or equal to 5",
    ),
    ContractCase("old workbooks", "kind: csv\n    encoding: utf-8", "kind: xls", "'csv', 'xlsx'"),
    ContractCase(
        "a limit of nothing", "encoding: utf-8", "encoding: utf-8\n    largest_mib: 0", "largest_mib: must be greater"
    ),
    ContractCase("a marker that is a path", "  format:\n", "  ready_marker: ../x\n  format:\n", "source.ready_marker"),
    ContractCase(
        "a marker that is a pattern", "  format:\n", "  ready_marker: '*.ok'\n  format:\n", "source.ready_marker"
    ),
    sftp("a password in the file", "${P}", "geheim", "never write the secret itself here"),
    sftp("no login", "    password: ${P}\n", "", "needs either `password` or `private_key`"),
    sftp(
        "two logins",
        "    password: ${P}\n",
        "    password: ${P}\n    private_key: ${K}\n",
        "needs either `password` or",
    ),
    sftp("no host key", f"    host_key: ssh-ed25519 {'A' * 68}\n", "", "source.sftp.host_key is missing."),
    sftp(
        "a fingerprint for the host key", f"ssh-ed25519 {'A' * 68}", "SHA256:abcdef", "must be the server's public key"
    ),
    sftp("any host key", f"ssh-ed25519 {'A' * 68}", "'*'", "must be the server's public key"),
    sftp("a port that is none", "    user:", "    port: 70000\n    user:", "source.sftp.port: must be less than"),
    sftp("no host", "host: sftp.example", "host: ''", "source.sftp.host: String should have at least 1"),
    ContractCase(
        "a DSN written out", FILES, POSTGRES.replace("${DSN}", "postgresql://u:p@h/d"), "never write the secret"
    ),
    source("a pattern of a database", POSTGRES, PATTERN, "a postgres source must not have `pattern`"),
    source("a path of a database", POSTGRES, "    path: /x\n", "a postgres source must not have `path`"),
    source("REST without a path", REST, "", "a rest source needs `path`"),
    source("a since without a cursor", REST, "    path: /x\n    since_parameter: since\n", "go together"),
    source("a token written out", REST.replace("${T}", "abc"), "    path: /x\n", "never write the secret itself here"),
    source("pages of nothing", REST.replace("items: data", "size: 0"), "    path: /x\n", "source.paging.size"),
)

TABLES = (
    ContractCase("no pattern", PATTERN, "", "a files source needs `pattern`"),
    ContractCase(
        "a pattern that leaves the folder", "树木_*.csv", "../树木_*.csv", "must be a file pattern below the folder"
    ),
    ContractCase(
        "a pattern that begins at the root", "树木_*.csv", "/树木_*.csv", "must be a file pattern below the folder"
    ),
    ContractCase("a blank pattern", "树木_*.csv", "''", "must be a file pattern below the folder"),
    ContractCase("a cursor of files", PATTERN, PATTERN + "    cursor: {column: 收件}\n", "files have no cursor"),
    ContractCase(
        "a name that is SQL", "name: trees", "name: 'trees\"; drop table x; --'", "must be lower-case letters"
    ),
    ContractCase("a Chinese table name", "name: trees", "name: 树木", "must be lower-case letters"),
    ContractCase("a name of 56 letters", "name: trees", f"name: {'t' * 56}", "at most 55 characters"),
    ContractCase("a suite that is a path", "suite: tree_cases", "suite: ../x", "must be lower-case letters"),
    ContractCase("no key", "key: [编号]", "key: []", "tables.0.key: List should have at least 1"),
    ContractCase("a key as a word", "key: [编号]", "key: 编号", "tables.0.key: must be a valid list"),
    ContractCase(
        "a key that is no column", "key: [编号]", "key: [证号]", "'证号' is used as key or cursor but missing"
    ),
    ContractCase("a column twice", "[编号, 收件]", "[编号, 收件, 收件]", "columns names 收件 twice"),
    ContractCase("a blank column", "[编号, 收件]", "[编号, ' ']", "must not be blank nor longer than 63 bytes"),
    ContractCase("a column of 22 characters", "[编号, 收件]", f"[编号, {'长' * 22}]", "longer than 63 bytes"),
    ContractCase("a column of Yidang's own", "[编号, 收件]", "[编号, _row_number]", "one that Yidang adds itself"),
    ContractCase("a number as column", "[编号, 收件]", "[编号, 2025]", "tables.0.columns.1: must be a valid string"),
    ContractCase(
        "too many columns",
        "[编号, 收件]",
        f"[编号, {', '.join(f'c{at}' for at in range(1500))}]",
        "tables.0.columns: List should have at most 1500",
    ),
    ContractCase(
        "a code that YAML reads as a number",
        "    key:",
        "    codes: {收件: [01]}\n    key:",
        'must be written in quotation marks, such as "01"',
    ),
    ContractCase(
        "a code that YAML reads as false",
        "    key:",
        "    codes: {收件: [no]}\n    key:",
        'must be written in quotation marks, such as "01"',
    ),
    ContractCase("no code", "    key:", "    codes: {收件: []}\n    key:", "List should have at least 1"),
    ContractCase(
        "codes of no column",
        "    key:",
        '    codes: {受理: ["01"]}\n    key:',
        "'受理' is used in codes but missing from columns",
    ),
    ContractCase(
        "a date column that is no column",
        "    key:",
        "    date_columns: [受理]\n    key:",
        "'受理' is used in date_columns but missing from columns",
    ),
    ContractCase(
        "two tables of one name",
        CONTRACT[CONTRACT.index("  - name: trees") :],
        CONTRACT[CONTRACT.index("  - name: trees") :] * 2,
        "every table needs a name of its own",
    ),
)

CASES = (*WHOLE, *KEYS, *SOURCES, *TABLES)
