"""What the gate kept out can be listed, shown, judged again and, by a decision with a reason, let through."""

# ruff: noqa: F811 - the fixtures of test_gate

from __future__ import annotations

import json

import pytest
from test_gate import add, department, own, rule, source  # noqa: F401
from typer.testing import CliRunner

from yidang import landing
from yidang import settings as settings_module
from yidang.cli import app
from yidang.gate import quarantine

pytestmark = pytest.mark.integration
IN_SET = rule("column_values_to_be_in_set", reason="事项不在字典内", column="topic", value_set=["收费"])


@pytest.fixture
def command(own, monkeypatch):
    monkeypatch.setattr(settings_module, "load", lambda: own[0])

    def run(*arguments):
        result = CliRunner().invoke(app, ["quarantine", *map(str, arguments)])
        return result.exit_code, result.output, result.exception

    return run


def test_it_is_listed_shown_and_judged_again_after_the_suite_was_mended(
    own,
    warehouse,
    source,
    department,
    command,
):
    settings, write = own
    write(IN_SET)
    add(source, "收费", "材料", "收费")
    landing.pull(settings, department)
    assert command("list")[1] == ("ceshi.question  1 × 事项不在字典内  (kept out; column_values_to_be_in_set(topic))\n")
    path = settings.root / "ceshi.yml"
    shown = [json.loads(line) for line in command("show", path, "question")[1].splitlines()]
    assert [(row["row_number"], row["reason"], row["values"]["topic"]) for row in shown] == [
        (2, "事项不在字典内", "材料")
    ]
    write(rule("column_values_to_be_in_set", column="topic", value_set=["收费", "材料"]))
    code, output, _ = command("replay", path)
    assert (code, output) == (0, f"✓ {path}: 1 batch passed. Now run: yidang build\n")
    assert command("list", "ceshi")[1] == "Nothing lies in quarantine and no batch is held.\n"


def test_a_held_batch_passes_with_a_reason_that_is_kept(own, warehouse, source, department, command):
    settings, write = own
    write(IN_SET)
    add(source, "材料", "材料", "材料", "收费")
    with pytest.raises(landing.PullError, match="is held"):
        landing.pull(settings, department)
    (batch,) = warehouse.execute("select batch_id from landing.batch").fetchone()
    assert f"ceshi.question  batch {batch} is held: 3 of 4 rows fail, more than 50%; 4 rows wait" in command("list")[1]
    code, _, problem = command("release", batch, "--reason", " ")
    assert code and "without a reason" in str(problem)
    assert command("release", batch, "--reason", "字典下月更新")[0] == 0
    assert warehouse.execute("select gate, release_number from landing.batch").fetchall() == [("passed", 1)]
    assert warehouse.execute("select batch_id, reason from landing.gate_decision").fetchall() == [
        (batch, "字典下月更新")
    ]
    assert quarantine.entries(settings)[0].rows == 3, "what fails stays out"
    code, _, problem = command("release", batch, "--reason", "x")
    assert code and f"Batch {batch} is not held" in str(problem)


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["show", "{path}", "visit"], "ceshi has no table 'visit'"),
        (["replay", "{path}"], "no batch is held and no row lies in quarantine"),
        (["show", "nobody", "visit"], "There is no department 'nobody'"),
        (["list", "nobody"], "There is no department 'nobody'"),
        (["show", "{path}", "question", "--rule", "x"], "no row in quarantine breaks 'x'"),
    ],
)
def test_a_wrong_request_names_the_cure(own, source, department, command, arguments, sentence):
    landing.ensure_landing(own[0], [department])
    code, _, problem = command(*(part.format(path=own[0].root / "ceshi.yml") for part in arguments))
    assert code and sentence in str(problem) and problem.exit_code == 2 and problem.cure


def test_what_is_not_shown_is_counted(own, source, department, command):
    settings, write = own
    write(IN_SET, share=1)
    add(source, *["材料"] * 23)
    landing.pull(settings, department)
    path = settings.root / "ceshi.yml"
    lines = command("show", path, "question")[1].splitlines()
    assert (len(lines), lines[-1]) == (21, "3 more are not shown; to see all: --limit 23")
    lines = command("show", path, "question", "--limit", 23)[1].splitlines()
    assert len(lines) == 23 and "not shown" not in lines[-1]
    lines = command("show", path, "question", "--rule", "column_values_to_be_in_set(topic)")[1].splitlines()
    assert lines[-1] == "3 more are not shown; to see all: --limit 23"
