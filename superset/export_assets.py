"""Write what Superset holds of our assets as JSON: [{kind, id, asset}], the asset as Superset exports it.

usage: export_assets.py ASSETS_DIR TARGET [SLUG_OR_ID...], with the environment of superset_config.py

Ours are the assets of ASSETS_DIR by UUID, what our dashboards show, and the named dashboards with what they show; also
the datasets behind all these. Nothing is changed in Superset. The rest is yidang/superset_export.py.
"""

import json
import os
import sys
from pathlib import Path

import yaml
from quick_yaml import use_libyaml
from superset.app import create_app

CHART_SIZE = {"width": 4, "height": 50}


def main(assets_dir: Path, target: Path, named: list[str]) -> None:
    use_libyaml()
    uuids = {yaml.safe_load(path.read_text("utf-8")).get("uuid") for path in assets_dir.rglob("*.yaml")} - {None}
    app = create_app()
    with app.app_context():
        # These modules need the application, so they cannot be imported above.
        from superset.connectors.sqla.models import SqlaTable
        from superset.models.dashboard import Dashboard
        from superset.models.slice import Slice
        from superset.utils.core import override_user

        from superset import db, security_manager

        def ours(model) -> list:
            return db.session.query(model).filter(model.uuid.in_(uuids)).order_by(model.id).all()

        with override_user(security_manager.find_user("admin")), db.session.no_autoflush:
            dashboards = {item.id: item for item in [*ours(Dashboard), *find_dashboards(named)]}
            charts = {item.id: item for item in ours(Slice)}
            datasets = {item.id: item for item in ours(SqlaTable)}
            for dashboard in dashboards.values():
                for chart in complete_position(dashboard):
                    charts.setdefault(chart.id, chart)
                for dataset_id in filtered_datasets(dashboard) - datasets.keys():
                    if dataset := db.session.get(SqlaTable, dataset_id):
                        datasets[dataset_id] = dataset
            for chart in charts.values():
                if chart.table:
                    datasets.setdefault(chart.table.id, chart.table)
            found = exported(dashboards.values(), charts.values(), datasets.values())
            db.session.rollback()  # complete_position touched what only the export should see
    descriptor = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        json.dump(found, file, ensure_ascii=False)


def exported(dashboards, charts, datasets) -> list[dict]:
    from superset.commands.chart.export import ExportChartsCommand
    from superset.commands.dashboard.export import ExportDashboardsCommand
    from superset.commands.dataset.export import ExportDatasetsCommand

    return [
        {
            "kind": kind,
            "id": item.id,
            "asset": yaml.safe_load(command._file_content(item)),
        }
        for kind, command, items in (
            ("dashboards", ExportDashboardsCommand, dashboards),
            ("charts", ExportChartsCommand, charts),
            ("datasets", ExportDatasetsCommand, datasets),
        )
        for item in items
    ]


def find_dashboards(names: list[str]) -> list:
    """By slug, or by the number in their address; who asked misses what is not found."""
    from superset.models.dashboard import Dashboard

    from superset import db

    numbers = [int(name) for name in names if name.isdigit()]
    return db.session.query(Dashboard).filter(Dashboard.slug.in_(names) | Dashboard.id.in_(numbers)).all()


def complete_position(dashboard) -> list:
    """Give every chart of the dashboard a place with its UUID, and return the charts.

    What was dragged in is placed by its number alone. What was saved to the dashboard from its own page has no place at
    all: people see it below everything. Superset's export would give it one too, but another one each time.
    """
    from superset.commands.dashboard.export import get_default_position
    from superset.models.slice import Slice

    from superset import db

    position = json.loads(dashboard.position_json or "null") or get_default_position(dashboard.dashboard_title)
    placed = {}
    for node in position.values():
        if isinstance(node, dict) and node.get("type") == "CHART":
            chart = db.session.get(Slice, node["meta"].get("chartId"))
            if chart is not None:
                node["meta"]["uuid"] = str(chart.uuid)
                placed[chart.id] = chart
    parents = ["ROOT_ID"]
    while position[parents[-1]]["type"] in ("ROOT", "TABS"):
        parents.append(position[parents[-1]]["children"][0])
    for chart in sorted(dashboard.slices, key=lambda item: item.id):
        if chart.id not in placed:
            name = str(chart.uuid)[:8]
            row, node = f"ROW-{name}", f"CHART-{name}"
            position[parents[-1]]["children"].append(row)
            meta = {"background": "BACKGROUND_TRANSPARENT"}
            position[row] = {"type": "ROW", "id": row, "children": [node], "parents": parents, "meta": meta}
            meta = {"chartId": chart.id, "uuid": str(chart.uuid), "sliceName": chart.slice_name, **CHART_SIZE}
            position[node] = {"type": "CHART", "id": node, "children": [], "parents": [*parents, row], "meta": meta}
            placed[chart.id] = chart
    dashboard.position_json = json.dumps(position)
    return list(placed.values())


def filtered_datasets(dashboard) -> set[int]:
    metadata = json.loads(dashboard.json_metadata or "{}")
    targets = [target for one in metadata.get("native_filter_configuration", []) for target in one.get("targets", [])]
    return {target["datasetId"] for target in targets if target.get("datasetId")}


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3:])
