"""重大项目库 and 代办团队: which projects are on a year's list, and who serves them (1 项目长, 1 服务专员, N 代办员).

world.sizes: major_projects (entries of the last list year; by default every major project), agents, and of that year's
key new starts (重点新开工) exact numbers: new_starts, new_starts_established, new_starts_permitted.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from random import Random

from yidang.district.catalogue import DEPARTMENTS
from yidang.district.model import Project, World
from yidang.district.systems import copying
from yidang.district.worktime import DAY

TABLES = {
    "major_project": copying.columns(
        "entry_no list_year:integer project_code project_name level total_investment_wan:integer lead_post chief_code"
        " specialist_code is_new_start planned_start_date:date listed_at:timestamp delisted_at:timestamp"
        " updated_at:timestamp"
    ),
    "agent": copying.columns("agent_code unit role joined_at:date left_at:date updated_at:timestamp"),
    "agent_service": copying.columns(
        "service_no project_code agent_code role assigned_at:timestamp first_response_at:timestamp ended_at:timestamp"
        " updated_at:timestamp"
    ),
}
LEVELS = {"国家": 0.02, "省": 0.13, "市": 0.3, "区": 0.55}
LEAD_POSTS = ("区委书记", "区长", "常务副区长", "分管工业副区长", "分管城建副区长", "区政协主席")
CHIEF, SPECIALIST, AGENT = "项目长", "服务专员", "代办员"
# Listed before the project was registered: the list knows it by name alone.
NO_CODE, UNREGISTERED_SHARE, UNREGISTERED_WAN = "暂无", 0.04, (20_000, 150_000)
UNITS = ("重大项目服务专班", *(department.name for department in DEPARTMENTS.values()))
DEFAULT_AGENTS, LEFT_CHANCE = 32, 0.1
DELISTED_CHANCE, UNSERVED_CHANCE = 0.05, 0.06
RESPONSE_DAYS, SLOW_RESPONSE_CHANCE = (0.1, 1.0), 0.12


@dataclass(slots=True)
class _Entry:
    project: Project | None  # None: not registered yet
    year: int
    is_new_start: bool
    listed: int
    delisted: int | None


@dataclass(slots=True)
class _Agent:
    code: str
    unit: str
    role: str
    joined: int
    left: int | None


def rows(world: World) -> dict[str, list[tuple]]:
    """Rows of the three tables."""
    random = Random(f"{world.seed}:major_projects")
    entries = _entries(world, random)
    agents = _agents(world, random)
    projects = dict.fromkeys(entry.project for entry in entries if entry.project is not None)
    teams = {project: _team(agents, random) for project in projects}
    return {
        "major_project": [
            _entry_row(world, serial, entry, teams.get(entry.project) or _team(agents, random), random)
            for serial, entry in enumerate(entries, 1)
        ],
        "agent": [_agent_row(world, agent) for agent in agents],
        "agent_service": list(_services(world, random, entries, teams)),
    }


def first_permits(world: World) -> dict[Project, int]:
    """When each project that has one was granted its first construction permit."""
    found: dict[Project, int] = {}
    for case in world.cases:
        if case.item.code == "ZJ03" and case.is_passed:
            found[case.project] = min(found.get(case.project, case.ended), case.ended)
    return found


def _entries(world: World, random: Random) -> list[_Entry]:
    """A list per year of the major projects then known and not finished; new starts had no permit when it began."""
    years = range(world.time.start.year, world.time.end.year + 1)
    permits = first_permits(world)
    majors = [project for project in world.projects if project.is_major]
    found = [entry for year in years[:-1] for entry in _of_year(world, random, majors, permits, year)]
    last = _of_year(world, random, majors, permits, years[-1])
    if "new_starts" in world.sizes:
        last = _exact(world, random, last, permits, years[-1])
    return found + last[: world.sizes.get("major_projects", len(last))]


def _of_year(
    world: World, random: Random, projects: list[Project], permits: dict[Project, int], year: int
) -> list[_Entry]:
    first = max(world.time.second(date(year, 1, 1)), 0)
    last = min(world.time.second(date(year + 1, 1, 1)), world.time.horizon)
    found = []
    for project in projects:
        ended = min(moment for moment in (project.finished, project.abandoned, world.time.never) if moment is not None)
        if project.registered >= last - DAY or ended <= first:
            continue
        listed = min(max(first, project.registered) + random.randrange(5 * DAY, 40 * DAY), last - 1)
        delisted = random.randrange(listed, last) if random.random() < DELISTED_CHANCE else None
        is_new = permits.get(project, world.time.never) >= first
        found.append(_Entry(project, year, is_new, listed, delisted))
    found += [_unregistered(world, year, last - 1) for _ in range(round(len(found) * UNREGISTERED_SHARE))]
    return found


def _unregistered(world: World, year: int, latest: int) -> _Entry:
    return _Entry(None, year, is_new_start=True, listed=latest - latest % DAY - 20 * DAY + DAY // 2, delisted=None)


def _exact(world: World, random: Random, entries: list[_Entry], permits: dict[Project, int], year: int) -> list[_Entry]:
    """The year's list with exactly the new starts that world.sizes asks for, and how far they are on the last day."""
    wanted = {name: world.sizes[name] for name in ("new_starts", "new_starts_established", "new_starts_permitted")}
    known = [project for project in world.projects if project.registered < world.time.horizon - DAY]
    random.shuffle(known)
    by_reach: list[list[Project]] = [[], [], []]
    faulty = _with_hidden_dates(world)
    for project in known:
        if project.abandoned is None and project not in faulty:
            by_reach[(project.established is not None) + (project in permits)].append(project)
    counts = (
        wanted["new_starts"] - wanted["new_starts_established"],
        wanted["new_starts_established"] - wanted["new_starts_permitted"],
        wanted["new_starts_permitted"],
    )
    chosen = [project for pool, count in zip(by_reach, counts, strict=True) for project in pool[:count]]
    first, latest = max(world.time.second(date(year, 1, 1)), 0), world.time.horizon - 1
    starts = [
        _Entry(
            project,
            year,
            is_new_start=True,
            listed=min(max(first, project.registered) + DAY // 2, latest),
            delisted=None,
        )
        for project in chosen
    ]
    starts += [_unregistered(world, year, latest) for _ in range(wanted["new_starts"] - len(chosen))]
    others = [entry for entry in entries if entry.project is not None and entry.project not in chosen]
    for entry in others:
        entry.is_new_start = False
    return starts + others


def _with_hidden_dates(world: World) -> set[Project]:
    """Projects with a planted fault, of which the warehouse may not learn when something was granted."""
    return {case.project for case in world.cases if case.planted}


def _agents(world: World, random: Random) -> list[_Agent]:
    found = []
    for serial in range(1, world.sizes.get("agents", DEFAULT_AGENTS) + 1):
        role = (CHIEF, SPECIALIST, AGENT, AGENT)[serial % 4]
        left = None
        if "agents" not in world.sizes and random.random() < LEFT_CHANCE:
            left = random.randrange(world.time.horizon)
        found.append(_Agent(f"DB{serial:03d}", UNITS[serial % len(UNITS)], role, 0, left))
    return found


def _team(agents: list[_Agent], random: Random) -> list[_Agent]:
    """One 项目长, one 服务专员 and one to three 代办员, as far as the roster has them."""
    found = []
    for role, count in ((CHIEF, 1), (SPECIALIST, 1), (AGENT, random.randint(1, 3))):
        pool = [agent for agent in agents if agent.role == role and agent.left is None]
        found += random.sample(pool, min(len(pool), count))
    return found


def _entry_row(world: World, serial: int, entry: _Entry, team: list[_Agent], random: Random) -> tuple:
    codes = {agent.role: agent.code for agent in team}
    first = max(world.time.start, date(entry.year, 1, 1))
    planned = date(entry.year, random.randint(first.month, 12), 28) if entry.is_new_start else None
    changed = [moment for moment in (entry.listed, entry.delisted) if moment is not None]
    project = entry.project
    return (
        f"ZD{entry.year}{serial:04d}",
        entry.year,
        project.code if project else NO_CODE,
        project.name if project else f"{world.profile.name}示例储备项目（虚构{serial:05d}号）",
        random.choices(list(LEVELS), weights=list(LEVELS.values()))[0],
        project.investment_wan if project else random.randrange(*UNREGISTERED_WAN),
        random.choice(LEAD_POSTS),
        codes.get(CHIEF),
        codes.get(SPECIALIST),
        "是" if entry.is_new_start else "否",
        planned,
        world.time.moment(entry.listed),
        None if entry.delisted is None else world.time.moment(entry.delisted),
        world.time.moment(max(changed)),
    )


def _agent_row(world: World, agent: _Agent) -> tuple:
    joined = world.time.moment(agent.joined)
    left = None if agent.left is None else world.time.moment(agent.left)
    changed = left or joined
    return (agent.code, agent.unit, agent.role, joined.date(), left and left.date(), changed)


def _services(world: World, random: Random, entries: list[_Entry], teams: dict[Project, list[_Agent]]) -> list[tuple]:
    listed: dict[Project, int] = {}
    for entry in entries:
        if entry.project is not None:
            listed.setdefault(entry.project, entry.listed)
    found = []
    for project, first in listed.items():
        if random.random() < UNSERVED_CHANCE and "new_starts" not in world.sizes:
            continue
        for agent in teams[project]:
            assigned = world.time.after(first, random.uniform(0, 3))
            if assigned >= world.time.horizon:
                continue
            is_slow = random.random() < SLOW_RESPONSE_CHANCE
            response = world.time.after(assigned, random.uniform(1.5, 4) if is_slow else random.uniform(*RESPONSE_DAYS))
            ended = world.time.after(project.finished, 2) if project.finished is not None else world.time.never
            moments = [
                world.time.moment(moment) if moment < world.time.horizon else None
                for moment in (assigned, response, max(ended, response))
            ]
            changed = max(moment for moment in moments if moment is not None)
            found.append((project.code, agent.code, agent.role, *moments, changed))
    found.sort(key=lambda row: row[3])
    return [(f"DBFW{serial:05d}", *row) for serial, row in enumerate(found, 1)]
