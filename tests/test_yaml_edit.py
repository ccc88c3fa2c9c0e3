"""A value changed in a YAML text changes its own lines and no other."""

from __future__ import annotations

import difflib

import pytest
import yaml

from yidang import settings as settings_module
from yidang import superset_assets, yaml_edit

ASSETS = sorted(superset_assets.source_dir(settings_module.load()).rglob("*.yaml"))
TEXT = """\
# what it is
name: '1'
when: "on"  # quoted
rows: &rows
- id: a
  size: 1.0
- id: b
again: *rows
css: |
  one { }
  two { }
empty: null
"""


def changed_lines(before: str, after: str) -> list[str]:
    lines = difflib.unified_diff(before.splitlines(), after.splitlines(), lineterm="", n=0)
    return [line for line in lines if line[0] in "+-" and line[:3] not in ("+++", "---")]


@pytest.mark.parametrize("path", ASSETS, ids=lambda path: path.stem)
def test_every_file_is_written_as_export_would_write_it(path):
    text = path.read_text(encoding="utf-8")
    assert yaml_edit.edited(text, yaml.safe_load(text)) == text


@pytest.mark.parametrize(
    ("change", "lines"),
    [
        ({}, []),
        ({"name": "2"}, ["-name: '1'", "+name: '2'"]),
        ({"name": "off"}, ["-name: '1'", "+name: 'off'"]),
        ({"when": None}, ['-when: "on"  # quoted', "+when: null  # quoted"]),
        ({"empty": "yes"}, ["-empty: null", "+empty: 'yes'"]),
        ({"empty": True}, ["-empty: null", "+empty: true"]),
        ({"css": "one { }\nthree { }\n"}, ["-  two { }", "+  three { }"]),
        (
            {"new": {"deep": ["x", {"y": "a\nb"}]}},
            ["+new:", "+  deep:", "+  - x", "+  - y: |-", "+      a", "+      b"],
        ),
    ],
)
def test_a_change_is_its_own_lines(change: dict, lines: list[str]):
    value = yaml.safe_load(TEXT) | change
    after = yaml_edit.edited(TEXT, value)
    assert yaml.safe_load(after) == value
    assert changed_lines(TEXT, after) == lines


def test_a_key_that_went_takes_its_lines_only():
    value = yaml.safe_load(TEXT)
    del value["empty"]
    assert changed_lines(TEXT, yaml_edit.edited(TEXT, value)) == ["-empty: null"]


def test_an_alias_whose_value_changes_is_written_out_and_the_anchor_stays_as_it_was():
    value = yaml.safe_load(TEXT)
    value["again"] = [{"id": "a", "size": 1.0}, {"id": "c"}]
    after = yaml_edit.edited(TEXT, value)
    assert yaml.safe_load(after) == value
    assert yaml.safe_load(after)["rows"][1] == {"id": "b"}


def test_an_item_more_in_a_list_is_its_own_lines():
    text = "children:\n- a\n- 'b'\n- c\n"
    after = yaml_edit.edited(text, {"children": ["a", "b", "new", "c"]})
    assert changed_lines(text, after) == ["+- new"]


def test_a_new_text_shares_nothing_by_anchors():
    shared = {"x": [1]}
    assert yaml_edit.written({"a": shared, "b": shared}) == "a:\n  x:\n  - 1\nb:\n  x:\n  - 1\n"


def test_true_is_not_one():
    assert yaml_edit.same({"a": [1]}, {"a": [1.0]}) and not yaml_edit.same({"a": [1]}, {"a": [True]})
