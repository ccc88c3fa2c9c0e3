"""What one made-up district has that another has not: its size, its catalogue, its reform on paper, exact numbers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date

from yidang.district.catalogue import Item


def listed(prefix: str, stage: int, *names: str, first: int = 50, **values: int) -> tuple[Item, ...]:
    """Items of a catalogue that nobody in the made-up world applies for. prefix: of the department."""
    details = {"statutory": 20, "promised": 10, "steps": 1, "materials": 2, **values}
    return tuple(Item(f"{prefix}{number}", name, stage, **details) for number, name in enumerate(names, first))


@dataclass(frozen=True)
class Measure:
    """What makes one measure of a reform differ from another; pairs are (before, after)."""

    name: str
    action: str
    kind: str
    started: date
    document: str
    item_code: str | None = None
    limit: tuple[int | None, int | None] = (None, None)
    units: tuple[str | None, str | None] = (None, None)
    items: tuple[int | None, int | None] = (None, None)
    steps: tuple[int | None, int | None] = (None, None)
    documents: tuple[int | None, int | None] = (None, None)
    pages: tuple[int | None, int | None] = (None, None)
    visits: tuple[int | None, int | None] = (None, None)
    legal_types: tuple[str | None, str | None] = (None, None)
    days_saved: int | None = None
    claim: tuple[float | None, str | None] = (None, None)


@dataclass(frozen=True)
class Document:
    """A document that measures rest on. stated_measures: how many it says there are; None: as many as there are."""

    number: str
    title: str
    signed: date
    published: date
    stated_measures: int | None = None


@dataclass(frozen=True)
class Package:
    """项目一件事: several items asked for at once."""

    name: str
    audience: str
    items: tuple[str, ...]
    materials: int
    pages: int
    visits: int


@dataclass(frozen=True)
class Profile:
    """One district.

    id: what `yidang district --like` calls it. name: as its projects are called after it; made up like everything.
    case: the source case whose countable numbers it has.
    start, end, projects: its world. since: the first day of its reform, with which the reform's ledgers begin.
    sizes: exact numbers of what the ledgers hold, by the names that they document.
    items: of its catalogue beside those of catalogue.py; no case is filed for them.
    cancelled: materials that are asked for no more, (item, material) → since when.
    agencies: kinds of agency work beside those that cases need.
    stage_names: what the district calls a national stage (two may be one of its own); the others as everywhere.
    """

    id: str
    name: str
    case: str
    start: date
    end: date
    projects: int
    since: date
    sizes: Mapping[str, int] = field(default_factory=dict)
    items: tuple[Item, ...] = ()
    public_services: frozenset[str] = frozenset({"SW03"})
    measures: tuple[Measure, ...] = ()
    documents: tuple[Document, ...] = ()
    packages: tuple[Package, ...] = ()
    package_date: date | None = None
    cancelled: Mapping[tuple[str, str], date] = field(default_factory=dict)
    agencies: tuple[str, ...] = ()
    stage_names: Mapping[int, str] = field(default_factory=dict)
