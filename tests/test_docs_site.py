"""`yidang docs site`: one file that needs no network, with every mart and every column of it described.

What lies beneath the marts is described, too: each of its columns where its name appears first.
"""

from __future__ import annotations

import json
import re
import subprocess
from datetime import date

import psycopg
import pytest
from clock_world import land_vectors, open_world

from yidang import build, dictionary
from yidang import settings as settings_module
from yidang.settings import ROOT

pytestmark = pytest.mark.integration

YIDANG = ROOT / ".yidang" / "venv" / "platform" / "bin" / "yidang"


@pytest.fixture(scope="module")
def site(settings, tmp_path_factory) -> tuple[str, dict, dict]:
    """The page, and dbt's manifest and catalog, which it holds."""
    with pytest.MonkeyPatch.context() as patch:
        open_world(settings, tmp_path_factory.mktemp("departments"), patch)
        with psycopg.connect(settings.admin_dsn("yidang"), autocommit=True) as warehouse:
            land_vectors(warehouse)
        build.build(settings, as_of=date(2026, 6, 30), with_tests=False)
        done = subprocess.run([YIDANG, "docs", "site"], capture_output=True, text=True, timeout=300)
        assert done.returncode == 0, done.stdout + done.stderr
        page = settings.home / "docs" / "index.html"
        assert str(page) in done.stdout
        manifest, catalog = (
            json.loads((settings.dbt_target_dir / f"{name}.json").read_text(encoding="utf-8"))
            for name in ("manifest", "catalog")
        )
        yield page.read_text(encoding="utf-8"), manifest, catalog


def test_each_table_of_marts_is_on_the_page_with_every_column_described(site, warehouse):
    page, manifest, catalog = site
    tables = {
        name
        for (name,) in warehouse.execute(
            "select relname from pg_class where relnamespace = 'marts'::regnamespace and relkind in ('r', 'v')"
        )
    }
    entries, built = manifest["nodes"] | manifest["sources"], catalog["nodes"] | catalog["sources"]
    nodes = {key.split(".")[-1]: key for key, node in entries.items() if node.get("schema") == "marts"}
    assert len(tables) > 20 and tables <= set(nodes)
    undescribed = []
    for name in sorted(tables):
        assert f'"{nodes[name]}"' in page
        described = {column for column, entry in entries[nodes[name]]["columns"].items() if entry["description"]}
        undescribed += [f"{name}.{column}" for column in built[nodes[name]]["columns"] if column not in described]
    assert undescribed == []


# As many as the metrics ask for: int_case_months says as a whole what they are.
NUMBERED = re.compile(r"\w+_month\w*__\d+")


def test_each_column_of_an_intermediate_model_is_explained(site):
    """Beside its model, or, as a name means one thing, beside another; and what is a quantity has its unit there."""
    _, _, catalog = site
    models = dictionary.models(settings_module.load())
    columns = [column for model in models if model.folder != "seeds" for column in model.columns]
    explained, with_unit = {column.name for column in columns}, {column.name for column in columns if column.unit}
    built = [
        dictionary.Column(name, column["type"], "", None, None)
        for key, node in catalog["nodes"].items()
        if key.split(".")[-1].startswith("int_")
        for name, column in node["columns"].items()
        if not (key.endswith(".int_case_months") and NUMBERED.fullmatch(name))
    ]
    assert len(built) > 500
    assert sorted({column.name for column in built} - explained) == []
    assert sorted({column.name for column in built if column.needs_unit} - with_unit) == []


def test_the_page_fetches_nothing(site):
    """Scripts, styles and data are inside; the tracker that dbt ships runs only where usage statistics are sent."""
    page, manifest, _ = site
    tags = re.findall(r"<(?:script|link|img|iframe)\b[^>]*>", page)
    assert [tag for tag in tags if re.search(r'(?:src|href)="(?:https?:)?//', tag)] == []
    assert manifest["metadata"]["send_anonymous_usage_stats"] is False
    assert '"send_anonymous_usage_stats": false' in page
    assert "@import" not in page and not re.search(r"url\([\"']?(?:https?:)?//", page)


def test_no_secret_and_no_password_is_on_it(site, settings):
    page, _, _ = site
    secrets = json.loads(settings.secrets_file.read_text(encoding="utf-8"))
    assert [name for name, value in secrets.items() if len(str(value)) > 8 and str(value) in page] == []
