"""departments/*.yml: what is accepted, and what every mistake says."""

from __future__ import annotations

import json

import pytest
from landing_support import HEAD, table, write_contract

from yidang import contracts
from yidang import settings as settings_module
from yidang.errors import ConfigError

POSTGRES = """
    kind: postgres
    dsn: ${TEST_DSN}
    schema: hall
"""
REST = """
    kind: rest
    base_url: ${TEST_URL}
    auth: {kind: bearer, token: "${TEST_TOKEN}"}
    paging: {kind: page, size: 10, items: data}
"""
HERE = settings_module.load()


def _with_auth(auth: str) -> str:
    return REST.replace('{kind: bearer, token: "${TEST_TOKEN}"}', auth)


def _signed(algorithm: str, sign: str, more: str = "") -> str:
    login = (
        f'kind: signed, app_key: me, secret: "${{TEST_TOKEN}}", algorithm: {algorithm}, sign: "{sign}", send_in: query'
    )
    return _with_auth(f"{{{login}{more}}}")


def refusal(tmp_path, source, tables) -> str:
    with pytest.raises(ConfigError) as caught:
        contracts.load_department(HERE, write_contract(tmp_path, "ceshi", source, tables))
    assert caught.value.exit_code == 2
    return str(caught.value)


def test_the_eight_departments_load_and_say_that_they_are_made_up():
    departments = contracts.load_departments(HERE)
    assert [item.id for item in departments] == [
        "fagai", "renfang", "shengtai", "shuiwu", "zhengwu", "zhuanban", "zhujian", "zigui",
    ]  # fmt: skip
    assert all(item.example and "虚构示例数据" in item.description for item in departments)


def test_loading_looks_up_no_secret(monkeypatch):
    def refuse(*_):
        raise AssertionError("a secret was read")

    monkeypatch.setattr(settings_module.Settings, "secret", refuse)
    assert contracts.load_departments(HERE)


def test_feeds_and_speakers_of_the_standard():
    departments = contracts.load_departments(HERE)
    assert contracts.spgl_departments(departments) == ["zhujian", "zigui"]
    supplied = contracts.feeds(departments)
    assert supplied["projects"] == ["stg_fagai__projects"]
    assert supplied["cases"] == [f"stg_{name}__cases" for name in ("fagai", "renfang", "shengtai", "shuiwu")]
    assert set(supplied) == set(contracts.FEEDS)


def test_a_speaker_of_the_standard_gets_its_tables_from_the_template():
    zigui, zhujian = (contracts.load_department(HERE, name) for name in ("zigui", "zhujian"))
    assert zigui.tables == zhujian.tables
    assert {item.name for item in zigui.tables} >= {"spgl_xmjbxxb", "spgl_xmspsxblxxb", "spgl_xmspsxblxxxxb"}
    assert all(item.key == ["lsh"] and item.cursor.column == "scsj" for item in zigui.tables)


def test_every_table_has_a_suite_about_columns_it_has():
    """A suite that names a column the table lacks would hold the first real batch."""
    departments = [*contracts.load_departments(HERE), contracts.load_department(HERE, "us_permits")]
    used = set()
    for department in departments:
        for item in department.tables:
            used.add(item.suite)
            suite = json.loads((HERE.root / "expectations" / f"{item.suite}.json").read_text(encoding="utf-8"))
            assert suite["name"] == item.suite
            assert 0 < suite["meta"]["hold_above_share"] <= 1 <= suite["meta"]["hold_from_rows"]
            for expectation in suite["expectations"]:
                assert expectation["kwargs"].get("column") in item.columns, (item.suite, expectation)
                assert expectation["meta"]["severity"] in ("fail", "warn")
                assert expectation["meta"]["reason"] and expectation["meta"]["reason_en"]
    assert used == {path.stem for path in (HERE.root / "expectations").glob("*.json")}


def test_unknown_department_lists_the_known_ones():
    with pytest.raises(ConfigError) as caught:
        contracts.load_department(HERE, "shuili")
    assert "There is no department 'shuili'." in str(caught.value)
    assert "shuiwu" in caught.value.cure and "us_permits" in caught.value.cure


def test_missing_file(tmp_path):
    with pytest.raises(ConfigError, match=r"There is no file .*nowhere\.yml"):
        contracts.load_department(HERE, tmp_path / "nowhere.yml")


def test_broken_yaml_names_the_line(tmp_path):
    path = tmp_path / "ceshi.yml"
    path.write_text(HEAD + "source:\n  kind: rest\n   base_url: x\n", encoding="utf-8")
    with pytest.raises(ConfigError) as caught:
        contracts.load_department(HERE, path)
    assert "ceshi.yml: line 13, column 12: not valid YAML: mapping values are not allowed here." in str(caught.value)
    assert "indentation" in caught.value.cure


def test_a_file_without_keys_and_one_that_is_not_utf8(tmp_path):
    path = tmp_path / "ceshi.yml"
    path.write_text("", encoding="utf-8")
    with pytest.raises(ConfigError, match="holds no keys"):
        contracts.load_department(HERE, path)
    path.write_bytes("name: 水务局".encode("gb18030"))
    with pytest.raises(ConfigError, match="not UTF-8"):
        contracts.load_department(HERE, path)


def test_an_unknown_key_names_file_line_and_the_likely_one(tmp_path):
    message = refusal(tmp_path, POSTGRES.replace("schema:", "shema:"), table())
    assert "ceshi.yml, line 14: source.shema is not a known key." in message
    assert "source.schema is missing." in message
    assert "Did you mean `schema`?" in message


def test_a_wrong_value_names_the_key_as_written(tmp_path):
    message = refusal(tmp_path, REST.replace("size: 10", "size: ten"), table(extra="path: /questions"))
    assert "line 15: source.paging.size: must be a valid integer" in message


def test_an_unknown_kind_names_the_known_ones(tmp_path):
    message = refusal(tmp_path, "kind: ftp", table())
    assert "source" in message and "'postgres', 'mysql', 'oracle', 'sqlserver', 'dameng', 'rest', 'files'" in message


@pytest.mark.parametrize(
    ("source", "tables", "expected"),
    [
        (POSTGRES.replace("${TEST_DSN}", "postgresql://u:p@h/d"), table(), "never write the secret itself here"),
        (POSTGRES, table(columns=["asked_at", "topic", "updated_at"]), "'id' is used as key or cursor but missing"),
        (POSTGRES, table(columns=["id", "topic", "topic"]), "names topic twice"),
        (POSTGRES, table(columns=["id", "项" * 22]), "longer than 63 bytes"),
        (POSTGRES, table(columns=["id", "_batch_id"]), "one that Yidang adds itself"),
        (POSTGRES, table() + table(), "every table needs a name of its own"),
        (POSTGRES, table(name="Question"), "lower-case letters"),
        (POSTGRES, table(extra="path: /x"), "a postgres source must not have `path`"),
        (REST, table(), "a rest source needs `path`"),
        (REST, table(extra="path: /x\nsince_parameter: since"), "`cursor` and `since_parameter` go together"),
        (REST, table(extra="path: /x?kind=1"), "what follows a ? is written under `parameters`"),
        (REST, table(extra="path: /x\nparameters: {page: 1}"), "parameters.page is one that the walk sets itself"),
        (POSTGRES, table(extra="headers: {X: y}"), "only a rest source has `headers`"),
        (_with_auth("{kind: basic, user: me, password: secret}"), table(extra="path: /x"), "never write the secret"),
        (_with_auth("{kind: oauth2}"), table(extra="path: /x"), "source.auth.token_url is missing"),
        (_signed("md5", "{timestamp}"), table(extra="path: /x"), "must hold {secret}, or anybody could sign"),
        (
            _signed("md5", "{secret}{time}"),
            table(extra="path: /x"),
            "source.auth.sign: must be made of {app_key}, {secret}",
        ),
        (_signed("md4", "{secret}"), table(extra="path: /x"), "'hmac-sha256', 'sha256', 'md5' or 'sm3'"),
        (_signed("sm3", "{secret}{nonce}", ", names: {nonce: null}"), table(extra="path: /x"), "names.nonce must say"),
        (
            "kind: files\nfolder: drops\nformat: {kind: csv, encoding: gb18030}",
            table(extra="pattern: ../*.csv"),
            "a file pattern below the folder",
        ),
        (
            "kind: files\nfolder: drops\nformat: {kind: csv, encoding: big5}",
            table(extra="pattern: '*.csv'"),
            "'gb18030'",
        ),
    ],
)
def test_each_mistake_says_what_to_write(tmp_path, source, tables, expected):
    message = refusal(tmp_path, source, tables)
    assert expected in message
    assert message.startswith(tmp_path.name + "/ceshi.yml")


def test_a_wrong_schedule(tmp_path):
    path = write_contract(tmp_path, "ceshi", POSTGRES, table())
    path.write_text(path.read_text("utf-8").replace("0 7 * * *", "every day"), encoding="utf-8")
    with pytest.raises(ConfigError, match="'every day' must be a cron line"):
        contracts.load_department(HERE, path)


def test_every_line_about_an_api_in_the_guide_is_a_contract(tmp_path):
    """docs/add-a-department.md shows one line per kind of login and paging; all kinds are there."""
    guide = (HERE.root / "docs" / "add-a-department.md").read_text(encoding="utf-8").partition("## An API")[2]
    lines = [
        line for line in guide.splitlines() if line.split(":")[0] in ("auth", "paging", "method", "success", "encoding")
    ]
    kinds = set()
    for line in lines:
        key = line.split(":")[0]
        source = [f"{key}: {line.partition(': ')[2]}", "kind: rest", "base_url: ${TEST_URL}"]
        source += [] if key == "paging" else ["paging: {kind: none}"]
        path = write_contract(tmp_path, "ceshi", "\n".join(source), table(extra="path: /x"))
        loaded = contracts.load_department(HERE, path).source
        kinds.add((key, getattr(getattr(loaded, key), "kind", None)))
    assert {kind for key, kind in kinds if key == "auth"} == {"bearer", "header", "basic", "oauth2", "signed"}
    assert {kind for key, kind in kinds if key == "paging"} == {"page", "offset", "cursor", "link", "none"}
    assert {"method", "success", "encoding"} <= {key for key, _ in kinds}
