"""The columns of the marts in words: read from dbt's YAML, written as docs/dictionary.md, checked by the tests.

One source: the descriptions, Chinese names and units beside the models, and seeds/standard_fields.csv for the codes of
the national exchange standard.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from yidang import yaml_text
from yidang.settings import Settings

_NUMBERS = ("integer", "bigint", "numeric", "double precision")
# Numbers that count nothing: they name, order or grade.
_NO_QUANTITY = ("_number", "_id", "_rank", "_year", "_code", "_order", "batch_until", "seed")


@dataclass(frozen=True)
class Column:
    """data_type: as the contract has it, None without one. zh, unit: None where not given."""

    name: str
    data_type: str | None
    description: str
    zh: str | None
    unit: str | None

    @property
    def needs_unit(self) -> bool:
        """Whether it is a quantity."""
        return self.data_type in _NUMBERS and not self.name.endswith(_NO_QUANTITY)


@dataclass(frozen=True)
class Model:
    """folder: of the YAML under models/, e.g. "marts" or "intermediate/clock"; "seeds" for a seed."""

    name: str
    folder: str
    description: str
    columns: tuple[Column, ...]


def models(settings: Settings) -> list[Model]:
    """Every model and seed that dbt's YAML describes, in order of folder and file."""
    found = []
    for path in sorted((settings.dbt_dir / "models").rglob("*.yml")):
        document = yaml_text.load(path.read_text(encoding="utf-8")) or {}
        folder = path.parent.relative_to(settings.dbt_dir / "models").as_posix()
        found += [_model(entry, folder) for entry in document.get("models") or []]
        # marts that Python writes after dbt are sources to dbt
        sources = [source for source in document.get("sources") or [] if source.get("schema") == "marts"]
        found += [_model(table, "marts") for source in sources for table in source["tables"]]
    seeds = yaml_text.load((settings.dbt_dir / "seeds" / "_seeds.yml").read_text(encoding="utf-8"))["seeds"]
    return [*found, *(_model(entry, "seeds") for entry in seeds)]


def marts(settings: Settings) -> list[Model]:
    """The models that people read, the example of another country left out."""
    return sorted(
        (model for model in models(settings) if model.folder.split("/")[0] == "marts"), key=lambda model: model.name
    )


def markdown(settings: Settings) -> str:
    """docs/dictionary.md: the standard's fields in English and Chinese, then every column of every mart."""
    fields = _standard_fields(settings)
    return "\n".join([*_introduction(), *_fields_table(fields), *_mart_tables(marts(settings), fields)]) + "\n"


def path(settings: Settings) -> Path:
    return settings.root / "docs" / "dictionary.md"


def _model(entry: dict, folder: str) -> Model:
    return Model(
        entry["name"],
        folder,
        " ".join(entry.get("description", "").split()),
        tuple(_column(column) for column in entry.get("columns") or []),
    )


def _column(entry: dict) -> Column:
    meta = {**entry.get("meta", {}), **entry.get("config", {}).get("meta", {})}
    description = " ".join(entry.get("description", "").split())
    return Column(entry["name"], entry.get("data_type"), description, meta.get("zh"), meta.get("unit"))


def _standard_fields(settings: Settings) -> list[dict[str, str]]:
    with (settings.dbt_dir / "seeds" / "standard_fields.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def _introduction() -> list[str]:
    return [
        "# Dictionary 数据字典",
        "",
        "Made by `yidang docs dictionary` from the descriptions beside the models and `seeds/standard_fields.csv`; not",
        "edited. The same with lineage and tests: `yidang docs site`. Words of the field: [glossary.md](glossary.md).",
        "",
    ]


def _fields_table(fields: list[dict[str, str]]) -> Iterator[str]:
    yield "## From the national exchange standard (SPGL 2.0) to the columns"
    yield ""
    yield from _table(
        ("standard 标准", "中文", "column 列"),
        (
            (f"{row['standard_table']}.{row['standard_field']}", row["field_name"], f"`{row['column_name']}`")
            for row in sorted(
                fields, key=lambda row: (row["standard_table"], row["standard_field"], row["column_name"])
            )
        ),
    )


def _mart_tables(found: list[Model], fields: list[dict[str, str]]) -> Iterator[str]:
    codes: dict[str, list[str]] = {}
    for row in fields:
        codes.setdefault(row["column_name"], []).append(f"{row['standard_table']}.{row['standard_field']}")
    for model in found:
        yield f"## {model.name}"
        yield ""
        yield model.description
        yield ""
        yield from _table(
            ("column 列", "中文", "unit 单位", "standard 标准", "meaning 含义"),
            (
                (
                    f"`{column.name}`",
                    column.zh or "",
                    column.unit or "",
                    "<br>".join(codes.get(column.name, [])),
                    column.description,
                )
                for column in model.columns
            ),
        )


def _table(header: tuple[str, ...], rows: Iterator[tuple[str, ...]]) -> Iterator[str]:
    yield "| " + " | ".join(header) + " |"
    yield "|" + "---|" * len(header)
    for row in rows:
        yield "| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |"
    yield ""
