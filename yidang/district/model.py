"""The records of the made-up world. Moments are simulation seconds (see worktime)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from yidang.district.catalogue import ITEMS, Item
from yidang.district.flows import FLOWS, FlowPlan
from yidang.district.profiles import PLAIN, Profile
from yidang.district.worktime import WorkTime


@dataclass(slots=True, eq=False)
class Project:
    number: int
    code: str
    name: str
    owner_name: str
    owner_credit_code: str
    flow_type: int
    investment_wan: int
    street: str
    industry_code: str
    is_major: bool
    registered: int
    works: list[Works] = field(default_factory=list)
    established: int | None = None
    started: int | None = None
    finished: int | None = None
    abandoned: int | None = None

    @property
    def flow(self) -> FlowPlan:
        return FLOWS[self.flow_type]


@dataclass(slots=True, eq=False)
class Works:
    """One 工程. `order_break`: it applies for the construction permit without waiting for the reviews before it."""

    project: Project
    code: str
    name: str
    area: int
    order_break: bool
    finished: int | None = None
    abandoned: int | None = None


@dataclass(slots=True)
class Event:
    """kind: an event_kind of docs/architecture.md. recorded: when it was keyed into the department's system."""

    at: int
    kind: str
    recorded: int
    reason: str = ""


@dataclass(slots=True, eq=False)
class Case:
    """One 办件. works: the 工程 it is filed under; for project-level items the project's first one."""

    sequence: int
    item: Item
    version: int
    promised: int
    project: Project
    works: Works
    is_project_level: bool
    online: bool
    parallel_group: str
    reapply_of: Case | None
    office: str
    officer: str
    events: list[Event] = field(default_factory=list)
    outcome: str = "open"
    handling_days: float | None = None
    handling_days_without_reform: float | None = None
    code: str = ""
    document_number: str = ""
    planted: str = ""

    def first(self, *kinds: str) -> int | None:
        return next((event.at for event in self.events if event.kind in kinds), None)

    @property
    def received(self) -> int:
        return self.events[0].at

    @property
    def accepted(self) -> int | None:
        return self.first("accepted")

    @property
    def ended(self) -> int | None:
        return None if self.outcome == "open" else self.events[-1].at

    @property
    def is_passed(self) -> bool:
        return self.outcome == "passed"

    def spans(self, start: str, end: str) -> list[tuple[int, int | None]]:
        """(start, end) of each pause of a kind, in order; end is None while it is open."""
        starts = [event.at for event in self.events if event.kind == start]
        ends = [event.at for event in self.events if event.kind == end]
        return [(moment, ends[place] if place < len(ends) else None) for place, moment in enumerate(starts)]

    def reschedule(self, moments: Sequence[int]) -> None:
        """Each event at another moment; it was keyed in as long after that as it had been."""
        recorded = 0
        for event, moment in zip(self.events, moments, strict=True):
            recorded = max(moment + event.recorded - event.at, recorded + 1)
            event.at, event.recorded = moment, recorded

    @property
    def is_visible(self) -> bool:
        """False for a certificate given outside the system (体外循环): no department's case list shows it."""
        return self.planted != "bypass"


@dataclass(frozen=True)
class InstantStart:
    """拿地即开工: when a project got its land and its title; is_four: 四证齐发, all four certificates on one date."""

    land: int
    title: int
    is_four: bool


@dataclass
class World:
    """Everything that happened from the first to the last day; `planted` names the known faults by kind.

    profile: which district it is. instant_starts: the projects that got their permits with the land.
    """

    seed: int
    time: WorkTime
    projects: list[Project]
    cases: list[Case]
    planted: dict[str, list[str]] = field(default_factory=dict)
    officers: dict[str, int] = field(default_factory=dict)
    profile: Profile = PLAIN
    instant_starts: dict[Project, InstantStart] = field(default_factory=dict)

    @property
    def sizes(self) -> Mapping[str, int]:
        """How many of something the ledgers shall hold, where a district must have an exact number."""
        return self.profile.sizes

    @property
    def items(self) -> list[Item]:
        """Its catalogue, those without cases too."""
        return [*ITEMS.values(), *self.profile.items]

    def granted(self, item_code: str) -> dict[Works, int]:
        """When each 工程 that has it was first granted an item."""
        found: dict[Works, int] = {}
        for case in self.cases:
            if case.item.code == item_code and case.is_passed:
                found[case.works] = min(case.ended, found.get(case.works, case.ended))
        return found

    @property
    def since(self) -> int:
        """The moment with which the reform's ledgers begin."""
        return max(self.time.second(self.profile.since), 0)
