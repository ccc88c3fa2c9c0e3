"""What people change in a real Superset comes back into the files as just that and nothing more.

What can be told apart by its file is changed together and exported once: `edited`, then `quarrelled`, then `settled`.
"""

from __future__ import annotations

import difflib
import json
import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import httpx
import psycopg
import pytest
import yaml
from superset_support import login
from typer.testing import CliRunner

from yidang import cli, superset_assets, superset_check, superset_export
from yidang import settings as settings_module
from yidang.errors import ConfigError
from yidang.services import superset, warehouse
from yidang.settings import SUPERSET_DATABASE, Settings
from yidang.superset_normalise import normalise

HERE = settings_module.load()
ASSETS = superset_check.load(HERE)
BOARD = "dashboards/overview.yaml"
DEFAULTS = HERE.root / "superset" / "control_defaults.json"
# A chart of the board that ranks by a metric, whichever there is.
CHART = next(
    path
    for path, chart in ASSETS.kind("charts").items()
    if chart["uuid"] in superset_check.charts_of(ASSETS.files[BOARD]) and chart["viz_type"] == "echarts_timeseries_bar"
)
# Others that people change: of which only one is changed in each way, so that its file's lines are that change's.
REPAINTED, DISPUTED = [
    path
    for path, chart in ASSETS.kind("charts").items()
    if path != CHART and chart["viz_type"] == "echarts_timeseries_bar" and chart["params"]["color_scheme"] == "yidang"
][:2]
REARRANGED, EXTENDED = "dashboards/open.yaml", "dashboards/projects.yaml"
DELETED = next(path for path, chart in ASSETS.kind("charts").items() if path not in (CHART, REPAINTED, DISPUTED))
OWN_METRIC = {"metric_name": "own_sum", "expression": "sum(1)"}


# -- without a server ----------------------------------------------------------------------------------------
def in_git(kind: str, exported: dict, like: dict, charts: dict[int, str] | None = None) -> dict:
    return normalise(kind, exported, like, chart_uuids=charts or {}, defaults=DEFAULTS)


@pytest.mark.parametrize("path", ASSETS.kind("charts"))
def test_what_the_editor_saves_by_itself_is_left_out(path: str):
    like = ASSETS.files[path]
    known = json.loads(DEFAULTS.read_text(encoding="utf-8"))
    controls = known["*"] | known.get(like["viz_type"], {})
    saved = controls | like["params"] | {"slice_id": 7, "datasource": "3__table", "dashboards": [1], "url_params": {}}
    exported = {**like, "params": saved, "query_context": '{"datasource": {"id": 3}}', "certified_by": None}
    assert in_git("charts", exported, like) == like


def test_every_kind_of_chart_in_the_files_has_its_controls_defaults():
    known = json.loads(DEFAULTS.read_text(encoding="utf-8"))
    assert {chart["viz_type"] for chart in ASSETS.kind("charts").values()} <= known.keys()


def test_a_control_that_was_set_is_kept_also_where_the_file_does_not_name_it():
    like = ASSETS.files[CHART]
    exported = {**like, "params": {**like["params"], "logAxis": True, "forecastEnabled": False}}
    assert in_git("charts", exported, like)["params"] == {**like["params"], "logAxis": True}


def test_marks_of_the_browser_on_filters_are_left_out():
    filters = [{"clause": "WHERE", "expressionType": "SIMPLE", "subject": "x", "operator": "==", "comparator": "1"}]
    like = {**ASSETS.files[CHART], "params": {"viz_type": "pie", "adhoc_filters": filters}}
    marked = [{**filters[0], "filterOptionName": "filter_r4nd0m", "isNew": False, "sqlExpression": None}]
    added = {"clause": "WHERE", "expressionType": "SIMPLE", "subject": "y", "operator": "IN", "comparator": ["2"]}
    exported = {**like, "params": {"viz_type": "pie", "adhoc_filters": [{**added, "isExtra": True}, *marked]}}
    assert in_git("charts", exported, like)["params"]["adhoc_filters"] == [added, *filters]


def test_numbers_of_charts_become_the_files_wherever_they_stand():
    def board(first: int, second: int, **metadata: object) -> dict:
        nodes = {
            name: {"type": "CHART", "id": name, "children": [], "meta": {"chartId": number, "uuid": name, "width": 6}}
            for name, number in (("one", first), ("two", second))
        }
        return {"dashboard_title": "板", "position": {"DASHBOARD_VERSION_KEY": "v2", **nodes}, "metadata": metadata}

    def numbers(first: int, second: int) -> dict:
        return {
            "timed_refresh_immune_slices": [second],
            "expanded_slices": {str(first): True},
            "native_filter_configuration": [{"id": "F", "scope": {"rootPath": ["ROOT_ID"], "excluded": [second]}}],
            "chart_configuration": {
                str(first): {"id": first, "crossFilters": {"scope": {"rootPath": ["ROOT_ID"], "excluded": [second]}}}
            },
            "global_chart_configuration": {"scope": {"rootPath": ["ROOT_ID"], "excluded": [first]}},
        }

    theirs = numbers(41, 77)
    theirs["chart_configuration"]["41"]["crossFilters"]["chartsInScope"] = [41]
    theirs["chart_configuration"]["77"] = {"id": 77, "crossFilters": {"scope": "global", "chartsInScope": [41]}}
    theirs |= {"shared_label_colors": ["a"], "map_label_colors": {"a": "#fff"}, "color_scheme_domain": ["#fff"]}
    found = in_git("dashboards", board(41, 77, **theirs), board(1, 2, **numbers(1, 2)), {41: "one", 77: "two"})
    assert found == board(1, 2, **numbers(1, 2))


# -- a real Superset -----------------------------------------------------------------------------------------
@pytest.fixture(scope="module")
def own(settings: Settings, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Settings]:
    """Superset on a copy of the files that export may write into."""
    root = tmp_path_factory.mktemp("clone")
    shutil.copytree(HERE.root / "superset", root / "superset")
    (root / ".yidang").mkdir()
    for name in ("dbt_project", "requirements", "departments", ".yidang/venv"):
        (root / name).symlink_to(HERE.root / name)
    copy = replace(settings, root=root)
    try:
        superset.start(copy)
        yield copy
    finally:
        superset.stop(copy)
        with psycopg.connect(settings.admin_dsn(), autocommit=True) as admin:
            admin.execute(f"drop database {SUPERSET_DATABASE} with (force)")
        warehouse.prepare(settings)


def texts(settings: Settings) -> dict[str, str]:
    folder = superset_assets.source_dir(settings)
    return {path.relative_to(folder).as_posix(): path.read_text("utf-8") for path in folder.rglob("*.yaml")}


def diff(before: dict[str, str], after: dict[str, str]) -> dict[str, list[str]]:
    """Changed lines of each changed file, without blanks at the ends."""
    found = {}
    for path in sorted(before.keys() | after.keys()):
        lines = difflib.ndiff(before.get(path, "").splitlines(), after.get(path, "").splitlines())
        if changed := [f"{line[0]}{line[1:].strip()}" for line in lines if line[0] in "+-"]:
            found[path] = changed
    return found


def exported(settings: Settings, *dashboards: str, **options: bool) -> tuple[dict[str, list[str]], list[str]]:
    """What an export changes, line by line, and its notes; a second one would change nothing more."""
    before = texts(settings)
    result = superset_export.export(settings, dashboards, **options)
    found = diff(before, texts(settings))
    assert {change.path for change in result.changes} == found.keys()
    if found and not options:
        again = superset_export.export(settings, dashboards)
        assert (again.changes, again.notes) == ([], result.notes)
    return found, result.notes


def address(settings: Settings, uuid: str) -> str:
    """Of an asset, for the API: kind and Superset's number, looked up where Superset keeps them."""
    tables = {"chart": "slices", "dashboard": "dashboards", "dataset": "tables"}
    with psycopg.connect(settings.dsn("superset")) as connection:
        for kind, table in tables.items():
            for (number,) in connection.execute(f"select id from {table} where uuid = %s", (uuid,)):  # noqa: S608
                return f"api/v1/{kind}/{number}"
    raise AssertionError(f"Superset has no {uuid}")


def put(settings: Settings, client: httpx.Client, path: str, **body: object) -> None:
    """As the browser does. path: of the asset's file."""
    client.put(address(settings, ASSETS.files[path]["uuid"]), json=body).raise_for_status()


def made(settings: Settings, client: httpx.Client, path: str) -> dict:
    """What Superset holds of an asset, by the API."""
    return client.get(address(settings, ASSETS.files[path]["uuid"])).json()["result"]


def save_board(settings: Settings, client: httpx.Client, path: str, position: dict, metadata: dict) -> None:
    """As the browser saves a dashboard: the layout within the metadata, with what is derived from the charts."""
    derived = {"shared_label_colors": ["甲局"], "map_label_colors": {}, "color_scheme_domain": ["#1f4e8c"]}
    put(settings, client, path, json_metadata=json.dumps({**metadata, **derived, "positions": position}))


def new_chart(settings: Settings, client: httpx.Client, title: str, params: dict, dashboards: list[int]) -> int:
    dataset = int(address(settings, ASSETS.files[CHART]["dataset_uuid"]).rpartition("/")[2])
    body = {"slice_name": title, "viz_type": params["viz_type"], "dashboards": dashboards}
    body |= {"datasource_id": dataset, "datasource_type": "table"}
    params = {**params, "datasource": f"{dataset}__table"}
    return client.post("api/v1/chart/", json=body | {"params": json.dumps(params)}).raise_for_status().json()["id"]


def test_the_check_finds_a_formula_wherever_a_chart_keeps_it():
    formula = {"expressionType": "SQL", "sqlExpression": "sum(1)", "label": "自算"}
    for params in ({"x": formula}, {"groupby": [formula]}, {"queries": [{"metrics": ["named", formula]}]}):
        assert superset_check.chart_metrics(params) == [formula]
    assert superset_check.chart_metrics({"adhoc_filters": [{**formula, "clause": "WHERE"}]}) == []
    assert superset_check.chart_columns({"groupby": ["a", formula]}) == {"a"}


@pytest.mark.end_to_end
def test_what_was_just_imported_leaves_git_with_nothing_to_say(own: Settings):
    assert exported(own) == ({}, [])
    assert texts(own) == texts(HERE)


# -- what nobody else changed ----------------------------------------------------------------------------------
@dataclass(frozen=True)
class Edited:
    """shown: what a dry run said. found, notes: of the export. The rest is what the browser sent, to compare with."""

    shown: superset_export.Export
    found: dict[str, list[str]]
    notes: list[str]
    filters_before: list
    filter_added: dict
    row: dict
    excluded_uuid: str
    own_board: int


@pytest.fixture(scope="module")
def edited(own: Settings) -> Edited:
    with login(own, "admin") as client:
        put(own, client, CHART, slice_name="另一个名字")
        put(own, client, BOARD, dashboard_title="总览")
        filters = repaint_and_filter(own, client)
        layout = rearrange(own, client)
        extend(own, client)
        own_board = make_own_board(own, client)
    before = texts(own)
    shown = superset_export.export(own, dry_run=True)
    assert texts(own) == before
    return Edited(shown, *exported(own), *filters, *layout, own_board)


def repaint_and_filter(own: Settings, client: httpx.Client) -> tuple[list, dict]:
    """As the editor saves it: with every control's default. The filters there were, and the one that is new."""
    known = json.loads(DEFAULTS.read_text(encoding="utf-8"))
    params = json.loads(made(own, client, REPAINTED)["params"])
    assert params["color_scheme"] == "yidang"
    one = {"clause": "WHERE", "expressionType": "SIMPLE", "subject": "stage_name", "operator": "==", "comparator": "1"}
    saved = known["*"] | known["echarts_timeseries_bar"] | params | {"slice_id": 7, "color_scheme": "supersetColors"}
    saved["adhoc_filters"] = [*params["adhoc_filters"], {**one, "filterOptionName": "filter_x1", "isNew": True}]
    put(own, client, REPAINTED, params=json.dumps(saved), query_context='{"datasource": {"id": 3, "type": "table"}}')
    return params["adhoc_filters"], one


def rearrange(own: Settings, client: httpx.Client) -> tuple[dict, str]:
    """Turn a row round and narrow a filter: the row, and the UUID of the chart that the filter leaves out."""
    board = made(own, client, REARRANGED)
    position, metadata = json.loads(board["position_json"]), json.loads(board["json_metadata"])
    row = next(node for node in position.values() if isinstance(node, dict) and len(node.get("children", [])) > 1)
    row["children"].reverse()
    chart = next(node for node in position.values() if isinstance(node, dict) and node["type"] == "CHART")
    metadata["native_filter_configuration"][0]["scope"]["excluded"] = [chart["meta"]["chartId"]]
    save_board(own, client, REARRANGED, position, metadata)
    return row, chart["meta"]["uuid"]


def extend(own: Settings, client: httpx.Client) -> None:
    """One chart saved to the dashboard from its own page, with its own formula; one dragged in, with dbt's."""
    board = made(own, client, EXTENDED)
    position, metadata = json.loads(board["position_json"]), json.loads(board["json_metadata"])
    metric = superset_check.chart_metrics(ASSETS.files[CHART]["params"])[0]
    dragged = new_chart(own, client, "Case count 2026", {"viz_type": "big_number_total", "metric": metric}, [])
    parents = ["ROOT_ID", "GRID_ID"]
    position["GRID_ID"]["children"].append("ROW-new")
    position["ROW-new"] = {"type": "ROW", "id": "ROW-new", "children": ["CHART-new"], "parents": parents, "meta": {}}
    meta = {"chartId": dragged, "width": 4, "height": 50, "sliceName": "Case count 2026"}
    node = {"type": "CHART", "id": "CHART-new", "children": [], "parents": [*parents, "ROW-new"], "meta": meta}
    save_board(own, client, EXTENDED, position | {"CHART-new": node}, metadata)
    column = {"id": 3, "column_name": "due_date", "type": "DATE", "uuid": "5", "is_dttm": True}
    formula = {"expressionType": "SIMPLE", "column": column, "aggregate": "MAX", "label": "自算", "optionName": "m_1"}
    new_chart(own, client, "自己算的", {"viz_type": "big_number_total", "metric": formula}, [board["id"]])


def make_own_board(own: Settings, client: httpx.Client) -> int:
    body = {"dashboard_title": "My own 看板", "slug": "../mine"}
    number = client.post("api/v1/dashboard/", json=body).raise_for_status().json()["id"]
    metric = superset_check.chart_metrics(ASSETS.files[CHART]["params"])[0]
    new_chart(own, client, "Mine", {"viz_type": "big_number_total", "metric": metric}, [number])
    return number


def new_files(edited: Edited) -> list[str]:
    return sorted(edited.found.keys() - ASSETS.files.keys())


@pytest.mark.end_to_end
def test_only_what_was_changed_is_and_what_people_made_for_themselves_is_not_taken(edited: Edited):
    assert edited.notes == [] and len(new_files(edited)) == 2
    assert edited.found.keys() == {CHART, BOARD, REPAINTED, REARRANGED, EXTENDED, *new_files(edited)}
    assert {change.path for change in edited.shown.changes} == edited.found.keys()


@pytest.mark.end_to_end
def test_a_title_is_one_line(edited: Edited):
    old, title = ASSETS.files[CHART]["slice_name"], ASSETS.files[BOARD]["dashboard_title"]
    assert edited.found[CHART] == [f"-slice_name: {old}", "+slice_name: 另一个名字"]
    assert edited.found[BOARD] == [f"-dashboard_title: {title}", "+dashboard_title: 总览"]
    counts = {change.path: change.counts() for change in edited.shown.changes}
    assert (counts[BOARD], counts[CHART]) == ((1, 1), (1, 1))


@pytest.mark.end_to_end
def test_a_colour_and_a_filter_are_their_own_lines_however_much_the_editor_saves(edited: Edited):
    expected = ["-color_scheme: yidang", "+color_scheme: supersetColors", "+- clause: WHERE"]
    expected += [f"+{key}: {value}" for key, value in list(edited.filter_added.items())[1:4]] + ["+comparator: '1'"]
    if not edited.filters_before:
        expected += ["-adhoc_filters: []", "+adhoc_filters:"]
    assert sorted(edited.found[REPAINTED]) == sorted(expected)


@pytest.mark.end_to_end
def test_a_chart_that_was_moved_and_a_filter_that_was_narrowed_are_few_lines(own: Settings, edited: Edited):
    asset = superset_check.load(own).files[REARRANGED]
    in_file = next(
        node["meta"]["chartId"]
        for node in asset["position"].values()
        if isinstance(node, dict) and node.get("meta", {}).get("uuid") == edited.excluded_uuid
    )
    assert asset["metadata"]["native_filter_configuration"][0]["scope"]["excluded"] == [in_file]
    assert asset["position"][edited.row["id"]]["children"] == edited.row["children"]
    assert not {"positions", "shared_label_colors"} & asset["metadata"].keys()
    assert len(edited.found[REARRANGED]) <= 2 * len(edited.row["children"]) + 3


@pytest.mark.end_to_end
def test_new_charts_on_our_dashboard_become_files(own: Settings, edited: Edited):
    new = new_files(edited)
    assert new[0] == "charts/case_count_2026.yaml"
    assert re.fullmatch("charts/chart_[0-9a-f]{8}.yaml", new[1])
    assert all(line.startswith("+") for line in edited.found[EXTENDED])
    files = superset_check.load(own).files
    assert files[new[1]]["params"]["metric"]["column"] == {"column_name": "due_date", "type": "DATE"}
    broken = superset_check.check(own, superset_check.load(own))
    assert [one.place for one in broken if "the formula '自算' is no dbt metric" in one.what] == [new[1]]
    for path in new:
        assert not re.search(r"owner|slice_id|datasource|password|sqlalchemy|optionName|\bid:", texts(own)[path]), path


# -- what the two sides do not agree on ------------------------------------------------------------------------
@pytest.fixture(scope="module")
def quarrelled(own: Settings, edited: Edited) -> list[str]:
    """The notes of an export that finds a file changed on both sides, a metric made there and a chart deleted there."""
    files = superset_check.load(own).files
    uuids = [files[path]["uuid"] for path in new_files(edited)]
    before = [address(own, uuid) for uuid in uuids]
    assert superset.start(own) is True
    path = superset_assets.source_dir(own) / DISPUTED
    path.write_text(path.read_text("utf-8").replace("color_scheme: yidang", "color_scheme: supersetColors"), "utf-8")
    # the new charts were imported as they are, and what changed here only is not Superset's affair
    assert exported(own) == ({}, [])
    assert [address(own, uuid) for uuid in uuids] == before
    with login(own, "admin") as client:
        put(own, client, DISPUTED, description="在浏览器里写的")
        put(own, client, dataset_of_chart(), metrics=[*metrics_of_dataset(own, client), OWN_METRIC])
        client.delete(address(own, ASSETS.files[DELETED]["uuid"])).raise_for_status()
    found, notes = exported(own)
    assert found == {}
    return notes


def dataset_of_chart() -> str:
    uuid = ASSETS.files[CHART]["dataset_uuid"]
    return next(path for path, asset in ASSETS.kind("datasets").items() if asset["uuid"] == uuid)


def metrics_of_dataset(own: Settings, client: httpx.Client) -> list[dict]:
    keys = ("id", "metric_name", "expression", "verbose_name", "description", "d3format")
    return [{key: one[key] for key in keys} for one in made(own, client, dataset_of_chart())["metrics"]]


@pytest.fixture(scope="module")
def settled(own: Settings, edited: Edited, quarrelled: list[str]) -> tuple[dict[str, list[str]], list[str]]:
    """What an export brings when the file here and the dataset there are as they were; with --delete, and people's own.

    A further one brings nothing more.
    """
    path = superset_assets.source_dir(own) / DISPUTED
    path.write_text(path.read_text("utf-8").replace("color_scheme: supersetColors", "color_scheme: yidang"), "utf-8")
    with login(own, "admin") as client:
        kept = [one for one in metrics_of_dataset(own, client) if one["metric_name"] != OWN_METRIC["metric_name"]]
        put(own, client, dataset_of_chart(), metrics=kept)
    result = exported(own, str(edited.own_board), delete=True)
    assert exported(own) == ({}, [])
    return result


@pytest.mark.end_to_end
def test_what_cannot_be_taken_over_is_left_alone_and_named(quarrelled: list[str]):
    assert len(quarrelled) == 3
    assert f"{DELETED} was deleted in Superset. Export with --delete, or `apply` brings it back." in quarrelled
    for start in (f"{DISPUTED} was changed both here and in Superset", "The metric own_sum of "):
        assert sum(note.startswith(start) for note in quarrelled) == 1


@pytest.mark.end_to_end
def test_what_was_settled_and_what_was_asked_for_is_taken(own: Settings, settled: tuple[dict, list]):
    found, notes = settled
    assert (found.keys(), notes) == ({DISPUTED, DELETED, "charts/mine.yaml", "dashboards/mine.yaml"}, [])
    assert "+description: 在浏览器里写的" in found[DISPUTED]
    assert DELETED not in texts(own)
    assert superset_check.charts_of(superset_check.load(own).files["dashboards/mine.yaml"])


@pytest.mark.end_to_end
def test_a_dashboard_that_is_not_there_is_named(own: Settings):
    with pytest.raises(ConfigError, match="no dashboard nosuch"):
        superset_export.export(own, ["nosuch"])


@pytest.mark.end_to_end
def test_the_command_says_what_it_did(own: Settings, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(settings_module, "load", lambda: own)
    with login(own, "admin") as client:
        put(own, client, CHART, slice_name="命令里的名字")
    answer = CliRunner().invoke(cli.app, ["superset", "export", "--dry-run"])
    assert answer.exit_code == 0 and "+slice_name: 命令里的名字\n" in answer.output
    answer = CliRunner().invoke(cli.app, ["superset", "export"])
    assert answer.exit_code == 0 and f"✓ superset/assets/{CHART}  +1 -1" in answer.output
    answer = CliRunner().invoke(cli.app, ["superset", "export"])
    assert "nothing to do" in answer.output


@pytest.mark.end_to_end
def test_nothing_is_taken_for_a_change_where_nobody_knows_what_was_imported(own: Settings):
    record: Path = superset.imported_dir(own) / superset.FINGERPRINT
    told = record.read_text("utf-8")
    try:
        record.write_text("of another import", "utf-8")
        with pytest.raises(ConfigError, match="is not recorded"):
            superset_export.export(own)
    finally:
        record.write_text(told, "utf-8")


def test_no_exported_file_holds_anything_of_the_installation():
    for path, text in texts(HERE).items():
        assert "slice_id" not in text and "sqlalchemy_uri" not in text, path
        assert "query_context: '" not in text and yaml.safe_load(text), path
