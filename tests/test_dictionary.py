"""Every model says what one row is, every column of a mart what it means and in which unit; the dictionary is true."""

from __future__ import annotations

import csv

import pytest

from yidang import dictionary
from yidang import settings as settings_module

SETTINGS = settings_module.load()
MODELS = dictionary.models(SETTINGS)
READ_BY_PEOPLE = [model for model in MODELS if model.folder.split("/")[0] in ("marts", "examples")]


def test_every_model_and_seed_is_described():
    described = {model.name for model in MODELS if model.description}
    files = [*(SETTINGS.dbt_dir / "models").rglob("*.sql"), *(SETTINGS.dbt_dir / "seeds").glob("*.csv")]
    assert sorted({path.stem for path in files} - described) == []


def test_the_first_sentence_says_what_one_row_is():
    assert [model.name for model in MODELS if not model.description.startswith("One row")] == []


def test_every_described_column_of_any_model_says_something():
    assert [f"{m.name}.{c.name}" for m in MODELS for c in m.columns if not c.description] == []


@pytest.mark.parametrize("model", READ_BY_PEOPLE, ids=lambda model: model.name)
def test_each_column_of_a_mart_has_a_chinese_name_and_a_quantity_its_unit(model):
    assert model.columns or model.name.startswith("stg_")
    if model.name.startswith("stg_"):
        return
    assert [column.name for column in model.columns if not column.zh] == []
    assert [column.name for column in model.columns if column.needs_unit and not column.unit] == []


def test_a_name_means_one_thing():
    """The same column has the same unit wherever it is; a field of the standard that no mart has is no entry."""
    marts = dictionary.marts(SETTINGS)
    names = {column.name for model in marts for column in model.columns}
    with (SETTINGS.dbt_dir / "seeds" / "standard_fields.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert sorted({row["column_name"] for row in rows} - names) == []
    assert len({tuple(row.values()) for row in rows}) == len(rows)


def test_the_dictionary_is_up_to_date():
    written = dictionary.path(SETTINGS).read_text(encoding="utf-8")
    assert written == dictionary.markdown(SETTINGS), "run: yidang docs dictionary"
