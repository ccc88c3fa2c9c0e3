"""The discrete-event model: projects arrive, apply, queue for officers, build, and finish or give up."""

from __future__ import annotations

import math
from collections.abc import Generator, Mapping
from dataclasses import dataclass
from datetime import date
from random import Random

import simpy

from yidang.district import catalogue, codes
from yidang.district.catalogue import DEPARTMENTS, ITEMS, REFORMS, REGION_CODE, STREETS, Item, Reform
from yidang.district.flows import FLOW_SHARES, FLOWS
from yidang.district.model import Case, Event, Project, Works, World
from yidang.district.profiles import PLAIN, Profile
from yidang.district.worktime import DAY, OPENING, WorkTime

Steps = Generator[simpy.Event, object, object]

TYPICAL_SHARE_OF_PROMISE = 0.52  # median working time of a case, as a share of the promise of version 1
SPREAD = 0.40  # sigma of the log of that time
# Chance and factor: some cases are slow, a few get stuck and are still open when the year is counted.
SLOW, STUCK = (0.015, 2.2), (0.004, 7.0)
AWAITED_FACTOR = 0.5  # a plan that another permit of the same day waits for is looked at first
ONLINE_SHARE = 0.8
# How a receipt is answered; a department that keeps no record of refusals, or a window that nobody automates,
# takes 'ordinary' instead.
INTAKE = {"automatic": 0.06, "correction": 0.14, "refusal": 0.015, "silence": 0.01, "ordinary": 0.775}
LATE_CORRECTION_CHANCE = 0.07  # told of missing papers after the 5 working days the law gives
LATER_CORRECTION_CHANCE = 0.03  # asked for corrections only after acceptance
WITHDRAWAL_CHANCE, DENIAL_CHANCE, TOLERANT_CHANCE = 0.015, 0.03, 0.02
NO_SECOND_TRY_CHANCE = 0.12  # after a refusal; otherwise the applicant files anew
GIVING_UP_CHANCE = 0.008  # before each step of a project
REFUSING_DEPARTMENTS = ("zigui", "zhujian", "shuiwu")
OFFICER_SHARE = 0.3  # part of a case's working time that holds an officer; the rest is circulation
OFFICER_LOAD = 0.5  # planned use of the officers' time


def simulate(
    seed: int,
    projects: int,
    start: date,
    end: date,
    reforms: Mapping[str, Reform] = REFORMS,
    profile: Profile = PLAIN,
) -> World:
    """The world of `projects` projects that register between two dates; the same arguments give the same world.

    With other `reforms` (or none) it is the same world but for them: every project, 工程 and case draws the same fate.
    """
    time = WorkTime(start, end)
    world = World(seed, time, _make_projects(seed, projects, time, profile), [], profile=profile)
    _Simulation(world, reforms).run()
    return world


def _make_projects(seed: int, count: int, time: WorkTime, profile: Profile) -> list[Project]:
    random = Random(f"{seed}:projects")
    # The last weeks bring no new project, so that every registered one has at least begun.
    last = max(time.days - 15, 1)
    arrivals = sorted(random.randrange(last) * DAY + random.randrange(8 * 3600, 20 * 3600) for _ in range(count))
    taken: set[str] = set()
    return [_make_project(random, number, arrival, time, taken, profile) for number, arrival in enumerate(arrivals, 1)]


def _make_project(
    random: Random, number: int, arrival: int, time: WorkTime, taken: set[str], profile: Profile
) -> Project:
    flow_type = random.choices(list(FLOW_SHARES), weights=list(FLOW_SHARES.values()))[0]
    flow = FLOWS[flow_type]
    is_government = flow.investment == "政府投资"
    day = time.moment(arrival)
    while True:
        line, kind = ("04", "01") if is_government else ("89", "05")
        code = codes.project_code(day.year, day.month, REGION_CODE, line, kind, random.randrange(100_000))
        if code not in taken:
            taken.add(code)
            break
    low, high = flow.investment_wan
    investment = round(math.exp(random.uniform(math.log(low), math.log(high))))
    project = Project(
        number=number,
        code=code,
        name=f"{profile.name}示例{random.choice(flow.themes)}项目（虚构{number:05d}号）",
        owner_name=f"示例{'代建中心' if is_government else '建设单位'}{random.randrange(1, 10_000):04d}（虚构）",
        owner_credit_code=codes.credit_code(random, REGION_CODE, "12" if is_government else "91"),
        flow_type=flow_type,
        investment_wan=investment,
        street=random.choice(STREETS),
        industry_code=random.choice(flow.industries),
        is_major=investment >= 20_000 and random.random() < 0.5,
        registered=arrival,
    )
    for serial in range(1, random.choices((1, 2, 3, 4), weights=flow.works)[0] + 1):
        project.works.append(
            Works(
                project,
                f"{code}-{serial:03d}",
                f"{project.name}{serial}号工程",
                area=random.randrange(800, 40_000),
                order_break=random.random() < 0.04,
            )
        )
    return project


@dataclass(frozen=True)
class _Joint:
    """An application that goes in together with others. before: those whose grant must come first."""

    online: bool
    group: str
    before: list[simpy.Process]
    is_awaited: bool


class _Simulation:
    def __init__(self, world: World, reforms: Mapping[str, Reform]) -> None:
        self.world = world
        self.reforms = reforms
        self.time = world.time
        self.env = simpy.Environment()
        world.officers = _staff(world)
        self.desks = {name: simpy.Resource(self.env, capacity=size) for name, size in world.officers.items()}

    def run(self) -> None:
        for project in self.world.projects:
            self.env.process(self._project(project, Random(f"{self.world.seed}:{project.number}")))
        self.env.run(until=self.time.horizon)
        self.world.cases.sort(key=lambda case: (case.received, case.sequence))

    # -- a project's way ---------------------------------------------------------------------------------
    def _project(self, project: Project, random: Random) -> Steps:
        yield self.env.timeout(project.registered)
        flow = project.flow
        site = project.works[0]
        filing = random.choices(list(flow.filing), weights=list(flow.filing.values()))[0]
        if not (yield from self._obtain(ITEMS[filing], site, random, gap=(0, 4))):
            project.abandoned = self.env.now
            return
        project.established = self.env.now
        # Side items run beside everything else; each draws from a stream of its own, so that the order in which
        # simultaneous processes wake cannot change what any of them draws.
        for item in self._needed(flow.side_items, random):
            own = Random(random.random())
            self.env.process(self._obtain(ITEMS[item], site, own, gap=(5, 60)))
        for item in self._needed(flow.project_items, random):
            if self._gives_up(random) or not (yield from self._obtain(ITEMS[item], site, random, gap=(4, 25))):
                project.abandoned = self.env.now
                return
        ways = []
        for place, works in enumerate(project.works):
            own = Random(random.random())
            ways.append(self.env.process(self._works(works, own, delay=place * random.randrange(0, 60))))
        yield self.env.all_of(ways)
        if all(works.finished is not None for works in project.works):
            project.finished = self.env.now
        elif all(works.abandoned is not None for works in project.works):
            project.abandoned = self.env.now

    def _works(self, works: Works, random: Random, delay: int) -> Steps:
        flow = works.project.flow
        permits = self._needed(flow.permit_group, random)
        completion = [item for item in self._needed(flow.completion_group, random) if self._follows(item, permits)]
        yield self.env.timeout(delay * DAY)
        for phase in (
            lambda: self._design(works, random),
            lambda: self._permits(works, permits, random),
            lambda: self._build(works, random),
            lambda: self._together(works, completion, random, gap=(5, 30)),
            lambda: self._obtain(ITEMS["ZJ05"], works, random, gap=(1, 15)),
        ):
            if self._gives_up(random) or not (yield from phase()):
                works.abandoned = self.env.now
                return
        works.finished = self.env.now

    def _design(self, works: Works, random: Random) -> Steps:
        flow = works.project.flow
        if flow.design_in_parallel:
            return (yield from self._together(works, list(flow.design), random, gap=(10, 60)))
        for item in flow.design:
            if not (yield from self._obtain(ITEMS[item], works, random, gap=(8, 50))):
                return False
        return True

    def _permits(self, works: Works, permits: list[str], random: Random) -> Steps:
        if works.order_break and permits:
            early = Random(random.random())
            both = [
                self.env.process(self._together(works, permits, random, gap=(8, 45))),
                self.env.process(self._obtain(ITEMS["ZJ03"], works, early, gap=(8, 12))),
            ]
            passed = yield self.env.all_of(both)
            reviewed, permitted = (passed[process] for process in both)
        else:
            reviewed = not permits or (yield from self._together(works, permits, random, gap=(8, 45)))
            permitted = reviewed and (yield from self._obtain(ITEMS["ZJ03"], works, random, gap=(3, 25)))
        if not (reviewed and permitted):
            return False
        if works.project.started is None:
            works.project.started = self.env.now
        if random.random() < 0.7:
            own = Random(random.random())
            self.env.process(self._obtain(ITEMS["SW03"], works, own, gap=(30, 150)))
        return True

    def _build(self, works: Works, random: Random) -> Steps:
        yield self.env.timeout(random.randint(*works.project.flow.build_days) * DAY)
        return True

    def _together(self, works: Works, items: list[str], random: Random, gap: tuple[int, int]) -> Steps:
        """Apply for several items on the same day under one parallel code; all must pass."""
        if not items:
            return True
        yield self.env.timeout(random.randint(*gap) * DAY)
        group = f"BL-{works.code}-{ITEMS[items[0]].stage}" if len(items) > 1 else ""
        online = random.random() < ONLINE_SHARE
        yield self.env.timeout(self._submission(random, online) - self.env.now)
        passed: dict[str, simpy.Process] = {}
        for item in items:
            own = Random(random.random())
            joint = _Joint(
                online,
                group,
                before=[passed[code] for code in ITEMS[item].prerequisites if code in passed],
                is_awaited=any(item in ITEMS[later].prerequisites for later in items),
            )
            passed[item] = self.env.process(self._obtain(ITEMS[item], works, own, joint=joint))
        results = yield self.env.all_of(list(passed.values()))
        return all(results.values())

    # -- one item: apply, and again after a refusal ------------------------------------------------------
    def _obtain(
        self, item: Item, works: Works, random: Random, gap: tuple[int, int] = (8, 40), joint: _Joint | None = None
    ) -> Steps:
        """Whether the item was granted. gap: days the applicant prepares; joint: it goes in now, with others."""
        earlier = None
        for _ in range(3):
            online = joint.online if joint else random.random() < ONLINE_SHARE
            if joint is None:
                yield self.env.timeout(random.randint(*gap) * DAY)
                yield self.env.timeout(self._submission(random, online) - self.env.now)
            case = self._receive(item, works, random, online, joint.group if joint else "", earlier)
            yield from self._handle(case, random, joint)
            if case.is_passed:
                return True
            if random.random() < NO_SECOND_TRY_CHANCE:
                return False
            earlier, gap, joint = case, (8, 40), None
        return False

    def _receive(
        self, item: Item, works: Works, random: Random, online: bool, group: str, earlier: Case | None
    ) -> Case:
        version, promised = catalogue.version_on(item, self.time.moment(self.env.now).date(), self.reforms)
        department = DEPARTMENTS[item.department]
        case = Case(
            sequence=len(self.world.cases),
            item=item,
            version=version,
            promised=promised,
            project=works.project,
            works=works,
            is_project_level=item.code in catalogue.PROJECT_LEVEL,
            online=online,
            parallel_group=group,
            reapply_of=earlier,
            office=department.offices[item.office],
            officer=f"虚构经办员{random.randint(1, self.world.officers[department.id]):02d}",
        )
        self.world.cases.append(case)
        self._note(case, "received", random)
        return case

    # -- one case at the department ------------------------------------------------------------------------
    def _handle(self, case: Case, random: Random, joint: _Joint | None) -> Steps:
        if not (yield from self._intake(case, random)):
            return
        item = case.item
        typical = item.promised * TYPICAL_SHARE_OF_PROMISE * DEPARTMENTS[item.department].pace
        base = typical * random.lognormvariate(0, SPREAD)
        for chance, factor in (SLOW, STUCK):
            if random.random() < chance:
                base *= factor
        is_awaited = joint is not None and joint.is_awaited
        before = joint.before if joint else []
        if is_awaited:
            base *= AWAITED_FACTOR
        case.handling_days_without_reform = base
        case.handling_days = base * (self.reforms[item.code].handling_factor if case.version == 2 else 1.0)
        with self.desks[item.department].request() as desk:
            yield desk
            if item.department != "zhujian":  # there the system itself starts the department with the acceptance
                self._note(case, "department_started", random)
            yield from self._office(case.handling_days * OFFICER_SHARE)
        if not is_awaited:
            yield from self._interruptions(case, random)
        if random.random() < WITHDRAWAL_CHANCE:
            yield from self._office(case.handling_days * 0.3)
            self._finish(case, "withdrawn", "withdrawn", random)
            return
        yield from self._office(case.handling_days * (1 - OFFICER_SHARE))
        for process in before:
            if not (yield process):
                self._finish(case, "withdrawn", "withdrawn", random)
                return
        if before:
            # The later permit is signed the same day or the next, once the earlier one is known.
            yield from self._office(random.uniform(0.02, 0.4))
        fate = random.random()
        if fate < DENIAL_CHANCE:
            self._finish(case, "decided_deny", "denied", random)
        elif fate < DENIAL_CHANCE + TOLERANT_CHANCE and item.department in ("zigui", "zhujian"):
            self._finish(case, "decided_pass_tolerant", "passed", random)
        else:
            self._finish(case, "decided_pass", "passed", random)

    def _intake(self, case: Case, random: Random) -> Steps:
        """From receipt to acceptance. Returns whether the case was accepted."""
        way = random.choices(list(INTAKE), weights=list(INTAKE.values()))[0]
        if way == "automatic" and case.online:
            yield self.env.timeout(random.randint(20, 300))  # accepted by the system itself, also at a weekend
        elif way == "correction":
            late = random.random() < LATE_CORRECTION_CHANCE
            yield from self._office(random.uniform(5.3, 8.0) if late else random.uniform(0.3, 3.8))
            self._note(case, "correction_requested", random, "材料不齐全")
            if random.random() < 0.04:
                yield from self._office(random.uniform(3, 20))
                self._finish(case, "withdrawn", "withdrawn", random)
                return False
            yield from self._answer(case, random, "材料不齐全")
            yield from self._office(random.uniform(0.1, 1.8))
        elif way == "refusal" and case.item.department in REFUSING_DEPARTMENTS:
            yield from self._office(random.uniform(0.5, 3.5))
            kind = "not_accepted" if random.random() < 0.5 or case.item.department == "shuiwu" else "refused_acceptance"
            self._finish(case, kind, "not_accepted", random)
            return False
        elif way == "silence":
            yield from self._office(random.uniform(5.2, 7.5))  # silence: deemed accepted by law
        else:
            yield from self._office(random.uniform(0.05, 1.6))
        self._note(case, "accepted", random)
        if case.item.department == "zhujian":
            self._note(case, "department_started", random)
        return True

    def _interruptions(self, case: Case, random: Random) -> Steps:
        item = case.item
        if random.random() < item.review_chance:
            yield from self._pause(case, random, "专家评审", random.randint(4, 15))
        if random.random() < item.publicity_chance:
            yield from self._pause(case, random, "公示", random.randint(7, 12))
        # A file with one column for corrections cannot hold a second one; such a department asks only once.
        asked = any(event.kind == "correction_requested" for event in case.events)
        if not asked and random.random() < LATER_CORRECTION_CHANCE:
            self._note(case, "correction_requested", random, "图纸需修改")
            yield from self._answer(case, random, "图纸需修改")

    def _pause(self, case: Case, random: Random, reason: str, days: int) -> Steps:
        self._note(case, "special_start", random, reason)
        yield self.env.timeout(days * DAY)
        yield from self._office(random.uniform(0, 0.5))
        self._note(case, "special_end", random, reason)

    def _answer(self, case: Case, random: Random, reason: str) -> Steps:
        yield self.env.timeout(random.randint(1, 12) * DAY)
        if not case.online:
            yield self.env.timeout(self._submission(random, online=False) - self.env.now)
        self._note(case, "correction_received", random, reason)

    def _finish(self, case: Case, kind: str, outcome: str, random: Random) -> None:
        self._note(case, kind, random)
        case.outcome = outcome

    def _note(self, case: Case, kind: str, random: Random, reason: str = "") -> None:
        recorded = self.env.now + random.randint(5, 1500)
        if case.events:
            recorded = max(recorded, case.events[-1].recorded + 1)
        case.events.append(Event(self.env.now, kind, recorded, reason))

    # -- small parts -----------------------------------------------------------------------------------------
    def _office(self, days: float) -> Steps:
        yield self.env.timeout(self.time.after(self.env.now, days) - self.env.now)

    def _submission(self, random: Random, online: bool) -> int:
        """The next moment from tomorrow on at which papers go in: any day online, in office hours at the window."""
        tomorrow = (self.env.now // DAY + 1) * DAY
        if online:
            return tomorrow + random.randint(8 * 3600, 22 * 3600)
        return self.time.after(tomorrow + OPENING - 1, random.uniform(0.02, 0.95))

    def _gives_up(self, random: Random) -> bool:
        return random.random() < GIVING_UP_CHANCE

    @staticmethod
    def _needed(shares: dict[str, float], random: Random) -> list[str]:
        return [item for item, share in shares.items() if random.random() < share]

    @staticmethod
    def _follows(item: str, permits: list[str]) -> bool:
        """Fire and air-defence acceptance follow their design review: both or neither."""
        design = {"ZJ04": "ZJ02", "RF02": "RF01"}.get(item)
        return design is None or design in permits


def _staff(world: World) -> dict[str, int]:
    """Officers per department, for the planned load."""
    effort = dict.fromkeys(DEPARTMENTS, 0.0)
    for project in world.projects:
        flow = project.flow
        once = {**flow.filing, **flow.project_items, **flow.side_items}
        each = {
            **dict.fromkeys(flow.design, 1.0),
            **flow.permit_group,
            **flow.completion_group,
            "ZJ03": 1,
            "ZJ05": 1,
            "SW03": 0.7,
        }
        for shares, times in ((once, 1), (each, len(project.works))):
            for code, share in shares.items():
                item = ITEMS[code]
                effort[item.department] += share * times * item.promised * TYPICAL_SHARE_OF_PROMISE * OFFICER_SHARE
    days = max(len(world.time.working_days), 1)
    return {name: max(2, math.ceil(load / days / OFFICER_LOAD)) for name, load in effort.items()}
