"""What a department that exports files writes each day: the full state of every case keyed in or changed that day."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from datetime import date, timedelta

from yidang.district.model import Case, Event, World
from yidang.district.worktime import DAY


@dataclass(slots=True)
class State:
    """A case as its department knew it at the end of one day."""

    case: Case
    events: list[Event]

    def at(self, kind: str, reason: str = "") -> int | None:
        return next((event.at for event in self.events if event.kind == kind and event.reason.startswith(reason)), None)

    @property
    def entered(self) -> int:
        return self.events[-1].recorded

    @property
    def is_final(self) -> bool:
        return len(self.events) == len(self.case.events) and self.case.outcome != "open"


def states_by_day(world: World, department: str) -> dict[date, list[State]]:
    """Days with changes, in order, each with the states keyed in on it (in order of entry)."""
    days: dict[int, list[State]] = defaultdict(list)
    for case in world.cases:
        if case.item.department == department and case.is_visible:
            # recorded never runs backwards within a case, so a day's last event closes that day's state.
            for place, event in enumerate(case.events, 1):
                is_last_of_day = place == len(case.events) or case.events[place].recorded // DAY > event.recorded // DAY
                if is_last_of_day:
                    days[event.recorded // DAY].append(State(case, case.events[:place]))
    ordered = {}
    for day in sorted(days):
        ordered[world.time.start + timedelta(days=day)] = sorted(
            days[day], key=lambda state: (state.entered, state.case.code)
        )
    return ordered
