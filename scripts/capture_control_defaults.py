#!/usr/bin/env python3
"""Write superset/control_defaults.json: what Superset's chart editor saves by itself, per kind of chart.

usage: .yidang/venv/platform/bin/python scripts/capture_control_defaults.py [KIND...]     with Superset up (make demo)

Saving a chart in the browser writes every control of its kind, also those that nobody touched. `yidang superset export`
leaves these out where a file does not name them. Run it again after an upgrade of Superset, or for another KIND of
chart. A chart of each kind is made, saved in the editor in Chromium with the request caught, and deleted.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import httpx
from playwright.sync_api import Error, Page, Route, sync_playwright

from yidang import settings as settings_module
from yidang.services import superset

TARGET = Path(__file__).resolve().parent.parent / "superset" / "control_defaults.json"
KINDS = ["big_number", "big_number_total", "box_plot", "bubble_v2", "bullet", "echarts_area", "echarts_timeseries"]
KINDS += [f"echarts_timeseries_{shape}" for shape in ("bar", "line", "scatter", "smooth", "step")]
KINDS += ["funnel", "gantt_chart", "gauge_chart", "graph_chart", "handlebars", "heatmap_v2", "histogram_v2"]
KINDS += ["mixed_timeseries", "partition", "pie", "pivot_table_v2", "pop_kpi", "radar", "sankey_v2", "sunburst_v2"]
KINDS += ["table", "treemap_v2", "waterfall", "word_cloud"]
DATASET = "fct_item_instance"
NAME, DAY, METRIC = "department_name", "decided_month", "cases_received"
# Whatever one of the kinds requires; what is named here is never taken for a default.
GIVEN = {
    **dict.fromkeys(["metric", "secondary_metric", "metric_2", "x", "y", "size"], METRIC),
    **dict.fromkeys(["metrics", "metrics_b"], [METRIC]),
    **dict.fromkeys(["groupby", "groupby_b", "columns", "groupbyRows", "groupbyColumns"], [NAME]),
    **dict.fromkeys(["source", "target", "entity", "series", "y_axis", "name"], NAME),
    **dict.fromkeys(["x_axis", "start_time", "end_time", "granularity_sqla"], DAY),
    "query_mode": "aggregate",
    "column": "elapsed_working_days",
    "adhoc_filters": [],
    "adhoc_filters_b": [],
}
# Which chart, dataset and dashboard it is, and what the dataset or the installation brings in.
NOT_CONTROLS = {"datasource", "slice_id", "viz_type", "dashboards", "url_params", "color_scheme", "time_grain_sqla"}
NOT_CONTROLS |= {"temporal_columns_lookup"}


def main() -> None:
    settings = settings_module.load()
    base = superset.url(settings)
    password = settings.secret("YIDANG_SUPERSET_ADMIN_PASSWORD")
    found, missed = known(), []
    with httpx.Client(base_url=base, timeout=60, headers={"Referer": base}) as client, sync_playwright() as playwright:
        login = {"username": "admin", "password": password, "provider": "db"}
        answer = client.post("api/v1/security/login", json=login).raise_for_status()
        client.headers["Authorization"] = f"Bearer {answer.json()['access_token']}"
        client.headers["X-CSRFToken"] = client.get("api/v1/security/csrf_token/").json()["result"]
        datasets = client.get("api/v1/dataset/", params={"q": "(page_size:100)"}).json()["result"]
        (dataset,) = [one["id"] for one in datasets if one["table_name"] == DATASET]
        flags = ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--disable-background-networking"]
        browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=flags)
        page = browser.new_context(viewport={"width": 1600, "height": 1000}, locale="zh-CN").new_page()
        page.goto(f"{base}login/")
        page.wait_for_load_state("networkidle")
        page.fill("input[type=text]", "admin")
        page.fill("input[type=password]", password)
        page.click("button[type=submit]")
        page.wait_for_url("**/dashboard/**")
        for kind in sys.argv[1:] or KINDS:
            chart = {"slice_name": f"control defaults of {kind}", "viz_type": kind}
            chart |= {"datasource_id": dataset, "datasource_type": "table"}
            params = GIVEN | {"viz_type": kind, "datasource": f"{dataset}__table"}
            made = client.post("api/v1/chart/", json=chart | {"params": json.dumps(params)}).raise_for_status()
            try:
                saved = save_in_editor(page, base, made.json()["id"])
                kept = {key: value for key, value in saved.items() if key not in GIVEN.keys() | NOT_CONTROLS}
                found[kind] = dict(sorted(kept.items()))
            except Error as error:
                missed.append(f"{kind}: {str(error).splitlines()[0]}")
            finally:
                client.delete(f"api/v1/chart/{made.json()['id']}").raise_for_status()
        browser.close()
    everywhere = {
        key: value
        for key, value in next(iter(found.values())).items()
        if all(controls.get(key, ...) == value for controls in found.values())
    }
    own = {kind: {k: v for k, v in controls.items() if k not in everywhere} for kind, controls in found.items()}
    TARGET.write_text(json.dumps({"*": everywhere} | own, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    print(f"{len(found)} kinds in {TARGET}")
    if missed:
        sys.exit("\n".join(["Not captured:", *missed]))


def known() -> dict[str, dict]:
    """What was captured before, so that one kind can be captured alone."""
    if not TARGET.exists():
        return {}
    kinds = json.loads(TARGET.read_text(encoding="utf-8"))
    everywhere = kinds.pop("*")
    return {kind: everywhere | own for kind, own in kinds.items()}


def save_in_editor(page: Page, base: str, chart: int) -> dict:
    """The params that the editor would save; nothing is saved."""
    caught = []

    def catch(route: Route) -> None:
        if route.request.method != "PUT":
            route.continue_()
            return
        caught.append(json.loads(route.request.post_data))
        route.fulfill(json={"id": chart, "result": caught[-1]})

    page.route(f"**/api/v1/chart/{chart}*", catch)
    page.goto(f"{base}explore/?slice_id={chart}")
    page.wait_for_load_state("networkidle")
    overwrite = page.locator("[data-test=save-overwrite-radio]")
    for _ in range(5):  # while the editor settles, a click on its button is lost
        page.click("[data-test=query-save-button]", timeout=15_000)
        page.wait_for_timeout(2000)
        if overwrite.count():
            break
    overwrite.click(force=True, timeout=5_000)
    with page.expect_request(lambda request: request.method == "PUT", timeout=15_000):
        page.click("[data-test=btn-modal-save]", timeout=5_000)
    page.wait_for_timeout(300)
    (saved,) = [body for body in caught if body.get("params")]
    return json.loads(saved["params"])


if __name__ == "__main__":
    main()
