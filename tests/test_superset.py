"""The dashboard's files agree with the marts and with dbt's metrics, and a real Superset shows every chart of them."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterator
from copy import deepcopy
from dataclasses import replace

import httpx
import psycopg
import pytest
import yaml
from superset_support import anonymous, csrf_of, ids, login
from typer.testing import CliRunner

from yidang import build, cli, metrics, superset_assets, superset_check
from yidang import settings as settings_module
from yidang.errors import ConfigError
from yidang.services import superset
from yidang.settings import Settings

HERE = settings_module.load()
ASSETS = superset_check.load(HERE)
FILES = ASSETS.files


kind = ASSETS.kind
DATASETS = ASSETS.by_uuid("datasets")
DASHBOARD = FILES["dashboards/overview.yaml"]


# -- the files ---------------------------------------------------------------------------------------------
def test_every_link_holds():
    assert superset_check.check(HERE, ASSETS) == []


def test_no_dashboard_shows_a_chart_twice():
    for path, dashboard in kind("dashboards").items():
        charts = superset_check.charts_of(dashboard)
        assert len(charts) == len(set(charts)), path


CHART, DATASET, BOARD = "charts/on_time_by_department.yaml", "datasets/dim_item.yaml", "dashboards/overview.yaml"
FIGURES = "datasets/agg_speed.yaml"


@pytest.mark.parametrize(
    ("path", "keys", "value", "said"),
    [
        (DATASET, ["uuid"], FILES[CHART]["uuid"], f"it has the UUID of {CHART}"),
        (CHART, ["dataset_uuid"], "nosuch", "there is no dataset nosuch"),
        (CHART, ["params", "groupby"], ["nosuch"], "has no column nosuch"),
        (CHART, ["params", "metrics"], ["nosuch__n"], "dbt has no metric nosuch of agg_case_month"),
        (CHART, ["params", "metrics"], ["stage_span_median"], "dbt has no metric stage_span_median"),
        (CHART, ["params", "metrics"], [{"label": "自己算", "sqlExpression": "sum(1)"}], "'自己算' is no dbt metric"),
        (CHART, ["params", "adhoc_filters"], [{"expressionType": "SQL"}], "a filter is written in SQL"),
        (DATASET, ["table_name"], "nosuch", "dbt has no mart nosuch"),
        (DATASET, ["columns", 0, "column_name"], "nosuch", "the mart has no column nosuch"),
        (DATASET, ["metrics"], [], "it lists metrics"),
        (FIGURES, ["extra", "figures"], ["nosuch"], "extra.figures names nosuch"),
        (BOARD, ["position", "CHART-kpi_open", "meta", "uuid"], "nosuch", "there is no chart nosuch"),
        (BOARD, ["metadata", "native_filter_configuration", 0, "targets", 0, "column", "name"], "x", "no column x"),
        (BOARD, ["metadata", "native_filter_configuration", 0, "targets", 0, "datasetUuid"], "x", "to no dataset"),
    ],
)
def test_a_broken_link_is_named_with_its_file(path: str, keys: list, value: object, said: str):
    files = deepcopy(FILES)
    inner = files[path]
    for key in keys[:-1]:
        inner = inner[key]
    inner[keys[-1]] = value
    found = superset_check.check(HERE, superset_check.Assets(files))
    assert any(one.place == path and said in one.what and one.cure for one in found), found


def test_a_chart_that_no_dashboard_shows_is_named():
    files = deepcopy(FILES)
    files["charts/new.yaml"] = files[CHART] | {"uuid": "new"}
    (found,) = superset_check.check(HERE, superset_check.Assets(files))
    assert (found.place, found.what) == ("charts/new.yaml", "no dashboard shows this chart")


def test_what_a_change_of_a_model_touches(settings: Settings):
    assert superset_check.touched(ASSETS, ["agg_reform_effect"]) == {"压缩率": ["改革效果：与同期没有改的事项对照"]}
    assert superset_check.touched(ASSETS, ["dim_build"])["审批效能总览"] == ["数据说明"]
    models = build.downstream(settings, ["int_stages"])
    assert {"fct_stage", "agg_stage_days", "agg_indicator"} <= set(models) and "fct_item_instance" not in models
    charts = superset_check.touched(ASSETS, models)["审批效能总览"]
    assert "各阶段审批用时中位数（工作日）" in charts and "收件数" not in charts
    with pytest.raises(ConfigError, match="no model nosuch"):
        build.downstream(settings, ["nosuch"])


@pytest.mark.parametrize("path", kind("dashboards"))
def test_every_row_of_a_dashboard_fills_the_width(path: str):
    nodes = {key: node for key, node in FILES[path]["position"].items() if isinstance(node, dict)}
    for row in (node for node in nodes.values() if node["type"] == "ROW"):
        assert sum(nodes[child]["meta"]["width"] for child in row["children"]) == 12


def test_links_lead_to_dashboards_and_their_filters():
    boards = {board["slug"]: board for board in kind("dashboards").values()}
    for board in boards.values():
        nodes = [node for node in board["position"].values() if isinstance(node, dict) and node["type"] == "MARKDOWN"]
        texts = "".join(node["meta"]["code"] for node in nodes)
        assert set(re.findall(r"/superset/dashboard/([\w-]+)/", texts)) <= set(boards)
    links = re.findall(r"dashboard_link\('([\w-]+)', '(\w+)', '(\w+)'", json.dumps(FILES, ensure_ascii=False))
    assert len(links) > 3
    for slug, name, column in links:
        filters = boards[slug]["metadata"]["native_filter_configuration"]
        (one,) = [one for one in filters if one["id"] == f"NATIVE_FILTER-{name}"]
        assert one["targets"][0]["column"]["name"] == column


def test_every_column_has_a_chinese_name():
    for path, dataset in kind("datasets").items():
        assert all(re.search("[一-鿿]", column["verbose_name"]) for column in dataset["columns"]), path


@pytest.mark.parametrize("path", kind("charts"))
def test_the_period_of_a_figure_is_that_of_its_definition(path: str):
    """E.g. punctuality by the month when it was due, speed by the month of the decision."""
    params, dataset = FILES[path]["params"], DATASETS[FILES[path]["dataset_uuid"]]
    periods = {one["subject"] for one in params["adhoc_filters"] if one["operator"] == "TEMPORAL_RANGE"}
    known = metrics.of_mart(metrics.load(HERE), dataset["table_name"])
    named = {superset_check.base_metric(name) for name in superset_check.chart_metrics(params)}
    assert periods <= {known[name].date_column for name in named & known.keys()}


def test_git_holds_no_address():
    for path, asset in FILES.items():
        assert "sqlalchemy_uri" not in asset, path


def test_rendering_fills_in_metrics_and_the_address_without_a_password(settings: Settings):
    files = {path: yaml.safe_load(text) for path, text in superset_assets.render(settings).items()}
    assert set(files) == {*FILES, "metadata.yaml", "access.json"}
    uri = files["databases/warehouse.yaml"]["sqlalchemy_uri"]
    assert uri == f"postgresql+psycopg2://yidang_reader@127.0.0.1:{settings.port('postgres')}/yidang"
    cases = {one["metric_name"]: one for one in files["datasets/fct_item_instance.yaml"]["metrics"]}
    on_time = metrics.load(settings)["on_time_rate"]
    assert cases["on_time_rate"]["expression"] == superset_assets.shown_sql(on_time)
    assert cases["on_time_rate__n"]["expression"] == on_time.n_sql
    assert cases["cases_open"]["expression"] == metrics.load(settings)["cases_open"].sql


def test_charts_that_hide_small_samples_say_so():
    known = metrics.load(HERE)
    told = 0
    for path, chart in kind("charts").items():
        named = {superset_check.base_metric(name) for name in superset_check.chart_metrics(chart["params"])}
        if any(known[name].needs_sample for name in named & known.keys()):
            assert "样本不足10" in (chart["description"] or ""), path
            told += 1
    assert told > 5


@pytest.mark.parametrize("path", kind("dashboards"))
def test_a_chart_says_which_filters_do_not_reach_it(path: str):
    """Of the filters by a column; that on time reaches what has a period."""
    dashboard = FILES[path]
    filters = {
        one["targets"][0]["column"]["name"]: one["name"]
        for one in dashboard["metadata"]["native_filter_configuration"]
        if one["targets"][0]
    }
    for uuid in superset_check.charts_of(dashboard):
        chart = ASSETS.by_uuid("charts")[uuid]
        if chart["slice_name"] == "数据说明":
            continue
        columns = {column["column_name"] for column in DATASETS[chart["dataset_uuid"]]["columns"]}
        unreached = {name for column, name in filters.items() if column not in columns}
        _, _, told = (chart["description"] or "").partition("不随")
        assert all(f"“{name}”" in told for name in unreached), (chart["slice_name"], unreached)


# -- the figures, on marts ----------------------------------------------------------------------------------
def test_a_rate_of_fewer_than_ten_is_not_shown_and_comes_last(marts: psycopg.Connection):
    known = metrics.load(HERE)
    rate, cases = known["on_time_rate"], known["cases_received"]
    marts.execute("update marts.fct_item_instance set is_due = true, is_on_time = true")
    marts.execute("update marts.fct_item_instance set department_name = '大局'")
    ranked = f"""
        select department_name, {superset_assets.shown_sql(rate)}, {superset_assets.shown_sql(cases)}
        from marts.fct_item_instance group by 1
        order by coalesce({superset_assets.shown_sql(rate)}, {superset_assets.BELOW_EVERYTHING}) desc
    """  # noqa: S608
    for few, shown in ((9, None), (10, 1)):
        marts.execute(
            "update marts.fct_item_instance set department_name = '小局' where ctid in"
            " (select ctid from marts.fct_item_instance order by department_name = '小局' desc limit %s)",
            (few,),
        )
        marts.execute("update marts.fct_item_instance set is_on_time = (department_name = '小局')")
        found = {name: (value, count) for name, value, count in marts.execute(ranked).fetchall()}
        assert found == {"大局": (0, 28 - few), "小局": (shown, few)}
        assert list(found)[-1] == ("小局" if shown is None else "大局")


def test_the_interval_beside_a_rate_is_agg_indicators_or_says_that_the_sample_is_small(marts: psycopg.Connection):
    marts.execute("update marts.fct_item_instance set is_due = true, is_on_time = true")
    (entry,) = [
        one
        for one in superset_assets._dataset_metrics(metrics.load(HERE)["on_time_rate"])
        if one["metric_name"] == "on_time_rate__interval"
    ]
    for few, shown in ((9, "样本不足"), (10, "72.2%–100.0%")):
        sample = f"(select * from marts.fct_item_instance limit {few}) as few"  # noqa: S608
        assert marts.execute(f"select {entry['expression']} from {sample}").fetchone() == (shown,)  # noqa: S608


@pytest.mark.parametrize(
    ("as_of", "label"), [("2026-06-29", "26-06（未满）"), ("2026-06-30", "26-06"), ("2026-07-02", "26-06")]
)
def test_a_month_that_is_not_over_says_so_on_the_axis(marts: psycopg.Connection, as_of: str, label: str):
    for mart in ("agg_case_month", "agg_case_days"):
        marts.execute(f"update marts.{mart} set as_of = %s", (as_of,))  # noqa: S608
        columns = {one["column_name"]: one for one in FILES[f"datasets/{mart}.yaml"]["columns"]}
        expression = columns["month_label"]["expression"]
        labels = marts.execute(f"select distinct {expression} from marts.{mart} order by 1").fetchall()  # noqa: S608
        assert labels[-1] == (label,) and labels[0] == ("26-01",)


def test_every_trend_by_month_marks_the_month_that_is_not_over():
    trends = [asset["params"] for asset in kind("charts").values() if asset["params"].get("xAxisLabelRotation") == 90]
    assert len(trends) > 5
    assert all(params["x_axis"] == "month_label" for params in trends)


def test_no_axis_of_names_has_dates_on_it():
    """Superset formats their text as a moment then, and writes NaN."""
    datasets = {asset["uuid"]: asset for asset in kind("datasets").values()}
    for path, asset in kind("charts").items():
        if asset["params"].get("xAxisForceCategorical"):
            columns = {one["column_name"]: one for one in datasets[asset["dataset_uuid"]]["columns"]}
            assert not columns[asset["params"]["x_axis"]]["is_dttm"], path


def banner(marts: psycopg.Connection) -> str:
    (row,) = marts.execute(FILES["datasets/data_note.yaml"]["sql"]).fetchall()
    return row[0]


@pytest.mark.parametrize(
    ("examples", "start"),
    [
        ("true", "虚构示例数据：部门、项目和数字均为虚构"),
        ("department_name <> '甲局'", "虚构示例数据：丙局、乙局 为虚构部门"),
        ("false", "数据截至 2026年6月30日"),
    ],
)
def test_banner_names_the_made_up_departments(marts: psycopg.Connection, examples: str, start: str):
    marts.execute(
        "delete from marts.dim_department where ctid not in"
        " (select min(ctid) from marts.dim_department group by department_name)"
    )
    marts.execute(
        "update marts.dim_department set department_id = case department_name when '乙局' then '2' else '1' end"
    )
    marts.execute(f"update marts.dim_department set is_example = ({examples})")  # noqa: S608
    assert banner(marts).startswith(start)


def test_banner_says_when_the_calendar_ends_before_the_data(marts: psycopg.Connection):
    marts.execute("update marts.dim_build set calendar_ends_on = '2026-06-30'")
    assert "日历只到" not in banner(marts)
    marts.execute("update marts.dim_build set calendar_ends_on = '2026-06-29'")
    assert "日历只到 2026年6月29日，之后的用时无法计算" in banner(marts)


# -- a real Superset -----------------------------------------------------------------------------------------
@pytest.fixture(scope="module")
def made(settings: Settings) -> Iterator[Settings]:
    """Marts with the columns that the dbt models declare and a few made-up rows."""
    with psycopg.connect(settings.admin_dsn("yidang"), autocommit=True) as admin:
        make_marts(admin)
    yield settings
    with psycopg.connect(settings.admin_dsn("yidang"), autocommit=True) as admin:
        admin.execute("drop schema if exists marts cascade")


@pytest.fixture
def marts(made: Settings) -> Iterator[psycopg.Connection]:
    """A connection whose changes to the marts are undone."""
    with psycopg.connect(made.admin_dsn("yidang")) as connection:
        yield connection
        connection.rollback()


@pytest.fixture(scope="module")
def served(made: Settings) -> Iterator[Settings]:
    """Superset on these marts."""
    try:
        superset.start(made)
        yield made
    finally:
        superset.stop(made)


def make_marts(admin: psycopg.Connection) -> None:
    admin.execute(
        "drop schema if exists marts cascade; create schema marts; grant usage on schema marts to yidang_reader"
    )
    for model in (
        "fct_item_instance",
        "fct_stage",
        "fct_project_lifecycle",
        "agg_case_month",
        "agg_case_days",
        "agg_match",
        "dim_item",
        "dim_department",
        "dim_build",
    ):
        path = HERE.dbt_dir / "models" / "marts" / f"_{model}.yml"
        (described,) = yaml.safe_load(path.read_text(encoding="utf-8"))["models"]
        columns = {column["name"]: column["data_type"] for column in described["columns"]}
        listing = ", ".join(f"{name} {data_type}" for name, data_type in columns.items())
        admin.execute(f"create table marts.{model} ({listing})")
        for day in range(1, 2 if model == "dim_build" else 29):
            row = {name: example(name, data_type, day) for name, data_type in columns.items()}
            marks = ", ".join(["%s"] * len(row))
            admin.execute(f"insert into marts.{model} values ({marks})", list(row.values()))  # noqa: S608
    admin.execute("grant select on all tables in schema marts to yidang_reader")


def example(name: str, data_type: str, day: int) -> object:
    if data_type == "boolean":
        return day % 4 == 0 if name in ("is_open", "is_overdue") else name != "is_withdrawn"
    if data_type == "date":
        return "2026-06-30" if name == "as_of" else f"2026-0{1 + day % 6}-01"
    if data_type.startswith(("integer", "bigint", "numeric", "smallint", "double")):
        return day % 9 + 1
    if data_type.startswith("timestamp"):
        return "2026-03-02 10:00:00"
    if data_type != "text" and not data_type.startswith("character"):
        return None
    states = {"pace_state": ("ahead", "normal", "late"), "alert_state": ("none", "warn", "overdue", "paused")}
    choices = states.get(name, ("working_days",) if name.endswith("unit") else ("甲局", "乙局", "丙局"))
    return choices[day % len(choices)]


@pytest.mark.end_to_end
def test_importing_again_changes_no_id(served: Settings):
    with login(served, "admin") as client:
        before = ids(client)
    assert {asset["uuid"] for asset in kind("charts").values()} <= set(before)
    assert superset.start(served) is False
    with psycopg.connect(served.dsn("superset"), autocommit=True) as connection:
        connection.execute("comment on database yidang_superset is null")
    assert superset.start(served) is True
    with login(served, "admin") as client:
        assert ids(client) == before


@pytest.mark.end_to_end
def test_what_is_in_no_file_any_more_is_deleted_unless_people_use_it(served: Settings, tmp_path):
    """Two charts of ours leave git; one of them stands on a dashboard that somebody made, and stays as theirs."""
    lonely, used = "charts/kpi_received.yaml", "charts/kpi_p90.yaml"
    with login(served, "admin") as client:
        before = ids(client)
        made = client.post("api/v1/dashboard/", json={"dashboard_title": "我的看板"}).json()["id"]
        _, chart = before[FILES[used]["uuid"]]
        dashboards = [before[DASHBOARD["uuid"]][1], made]
        client.put(f"api/v1/chart/{chart}", json={"dashboards": dashboards}).raise_for_status()
    shutil.copytree(HERE.root / "superset", tmp_path / "superset")
    fewer = deepcopy(DASHBOARD)
    for node in [node for node in fewer["position"].values() if isinstance(node, dict) and node["type"] == "ROW"]:
        gone = {"CHART-kpi_received", "CHART-kpi_p90"}
        node["children"] = [child for child in node["children"] if child not in gone]
    for name in ("kpi_received", "kpi_p90"):
        del fewer["position"][f"CHART-{name}"]
        (tmp_path / "superset" / "assets" / "charts" / f"{name}.yaml").unlink()
    board = tmp_path / "superset" / "assets" / "dashboards" / "overview.yaml"
    board.write_text(yaml.safe_dump(fewer, allow_unicode=True), encoding="utf-8")
    (tmp_path / "dbt_project").symlink_to(served.dbt_dir)
    (tmp_path / ".yidang").mkdir()
    (tmp_path / ".yidang" / "venv").symlink_to(HERE.root / ".yidang" / "venv")
    (tmp_path / "requirements").symlink_to(HERE.root / "requirements")
    try:
        assert superset.start(replace(served, root=tmp_path)) is True
        with login(served, "admin") as client:
            left = ids(client)
            assert set(before) - set(left) == {FILES[lonely]["uuid"]}
            assert left[FILES[used]["uuid"]] == before[FILES[used]["uuid"]]
    finally:
        assert superset.start(served) is True
    with login(served, "admin") as client:
        client.delete(f"api/v1/dashboard/{made}").raise_for_status()
        assert set(ids(client)) == set(before)


@pytest.mark.end_to_end
def test_a_viewer_may_not_query_or_administer(served: Settings):
    with login(served, "viewer") as client:
        assert client.get("api/v1/database/").status_code == 403
        assert client.get("api/v1/security/users/").status_code in (403, 404)
        query = {"database_id": 1, "sql": "select 1"}
        assert client.post("api/v1/sqllab/execute/", json=query).status_code == 403


@pytest.mark.end_to_end
def test_serving_again_says_where_it_is(served: Settings):
    answer = CliRunner().invoke(cli.app, ["superset", "serve"])
    assert answer.exit_code == 0 and f"{superset.url(served)}superset/dashboard/overview/" in answer.output, (
        answer.output
    )


@pytest.mark.end_to_end
def test_guessing_a_password_is_stopped(served: Settings):
    attempt = {"username": "nobody", "password": "wrong", "provider": "db"}
    with httpx.Client(base_url=superset.url(served), timeout=60) as client:
        # Each of the two workers counts for itself.
        statuses = [client.post("api/v1/security/login", json=attempt).status_code for _ in range(25)]
    assert set(statuses) == {401, 429}
    assert statuses[0] == 401


@pytest.mark.end_to_end
def test_the_login_pages_late_report_takes_no_login_back(served: Settings):
    """The report is answered after the login that it was sent before; a browser keeps the cookie that comes last."""
    with anonymous(served) as client:
        token = csrf_of(client.get("login/"))
        report = {"events": "[]", "csrf_token": token}
        answer = client.post("superset/log/?explode=events", data=report)
        assert (answer.status_code, answer.headers.get("set-cookie")) == (200, None)
        form = {"username": "viewer", "password": served.secret("YIDANG_SUPERSET_VIEWER_PASSWORD"), "csrf_token": token}
        assert "set-cookie" in client.post("login/", data=form).headers
        assert client.get("api/v1/me/").status_code == 200


@pytest.mark.end_to_end
def test_pages_load_nothing_from_elsewhere(served: Settings):
    policy = httpx.get(superset.url(served) + "login/").headers["Content-Security-Policy"]
    assert "http" not in policy
    assert "default-src 'self'" in policy
