"""问题台账: what projects are stuck on, who answers within how many days (123机制), and the coordination meetings."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from random import Random

from yidang.district.catalogue import DEPARTMENTS
from yidang.district.model import Project, World
from yidang.district.systems import copying
from yidang.district.worktime import DAY

TABLES = {
    "problem": copying.columns(
        "problem_no project_code title source kind owner_unit reported_at:timestamp feedback_at:timestamp"
        " path_at:timestamp progress_at:timestamp solved_at:timestamp reopened_at:timestamp updated_at:timestamp"
    ),
    "meeting": copying.columns("meeting_no title chair_unit held_at:timestamp updated_at:timestamp"),
    "meeting_problem": copying.columns("meeting_no problem_no updated_at:timestamp"),
}
SOURCES = {"走访": 0.4, "代办员上报": 0.25, "企业反映": 0.25, "热线": 0.1}
# What it is about → its kind, and the department that answers for it.
MATTERS = {
    "用地边界": ("审批事项", "zigui"),
    "图纸审查意见": ("审批事项", "zhujian"),
    "道路开口": ("审批事项", "zhujian"),
    "临时用水": ("审批事项", "shuiwu"),
    "环评编制": ("审批事项", "shengtai"),
    "人防图纸修改": ("审批事项", "renfang"),
    "管线迁改": ("阻滞障碍", "zhujian"),
    "拆迁腾地": ("阻滞障碍", "zigui"),
    "资金到位": ("阻滞障碍", "fagai"),
    "临时用电": ("阻滞障碍", "fagai"),
}
# Working days after the report in which most are answered: feedback, path, progress.
LIMITS = (1, 2, 3)
IN_TIME_CHANCE, SOLVED_DAYS, REOPENED_CHANCE = 0.93, (3, 40), 0.06
MOST_PER_MEETING = 4


@dataclass(slots=True)
class _Problem:
    number: str
    project: Project
    steps: list[int]  # reported, feedback, path, progress, solved
    reopened: int | None


def rows(world: World) -> dict[str, list[tuple]]:
    """Rows of the three tables.

    world.sizes: problems (default: a quarter of the projects), problem_projects (of so many different ones), visited
    (how many were found in a visit; default: as it comes), meetings (three fifths of the problems).
    """
    random = Random(f"{world.seed}:problems")
    count = world.sizes.get("problems", max(1, len(world.projects) // 4))
    problems = _problems(world, random, count)
    meetings = list(_meetings(world, random, problems, world.sizes.get("meetings", max(1, count * 3 // 5))))
    return {
        "problem": [
            _problem_row(world, problem, random, "走访" if place < world.sizes.get("visited", 0) else None)
            for place, problem in enumerate(problems)
        ],
        "meeting": [(number, title, "重大项目服务专班", world.time.moment(at), world.time.moment(at))
                    for number, title, at, _ in meetings],
        "meeting_problem": [(number, problem.number, world.time.moment(at))
                            for number, _, at, discussed in meetings for problem in discussed],
    }  # fmt: skip


def _problems(world: World, random: Random, count: int) -> list[_Problem]:
    found = []
    for project in _whose(world, random, count):
        first = max(project.registered, world.since) // DAY + 1
        day = random.randrange(first, max(world.time.days - 1, first + 1))
        reported = world.time.after(min(day, world.time.days - 2) * DAY, random.uniform(0.05, 0.9))
        steps = [min(reported, world.time.horizon - 1)]
        for limit in LIMITS:
            late = random.random() > IN_TIME_CHANCE
            answered = world.time.after(
                reported, limit + random.uniform(1, 3) if late else limit * random.uniform(0.3, 0.9)
            )
            steps.append(max(answered, steps[-1]))
        steps.append(max(world.time.after(reported, random.uniform(*SOLVED_DAYS)), steps[-1]))
        reopened = world.time.after(steps[-1], random.uniform(2, 15)) if random.random() < REOPENED_CHANCE else None
        found.append(_Problem("", project, steps, reopened))
    found.sort(key=lambda problem: problem.steps[0])
    for serial, problem in enumerate(found, 1):
        problem.number = f"WT{world.time.moment(problem.steps[0]).year}{serial:05d}"
    return found


def _whose(world: World, random: Random, count: int) -> list[Project]:
    """Of so many different projects as are asked for, each at least once."""
    if "problem_projects" not in world.sizes:
        return random.choices(world.projects, k=count)
    several = random.sample(world.projects, world.sizes["problem_projects"])
    return several + random.choices(several, k=count - len(several))


def _problem_row(world: World, problem: _Problem, random: Random, source: str | None) -> tuple:
    moments = [world.time.moment(step) if step < world.time.horizon else None for step in problem.steps]
    is_reopened = problem.reopened is not None and problem.reopened < world.time.horizon
    reopened = world.time.moment(problem.reopened) if is_reopened else None
    matter, (kind, owner) = random.choice(list(MATTERS.items()))
    return (
        problem.number,
        problem.project.code,
        f"{matter}问题（虚构）",
        source or random.choices(list(SOURCES), weights=list(SOURCES.values()))[0],
        kind,
        DEPARTMENTS[owner].name,
        *moments,
        reopened,
        max(moment for moment in (*moments, reopened) if moment is not None),
    )


def _meetings(
    world: World, random: Random, problems: list[_Problem], count: int
) -> Iterator[tuple[str, str, int, list[_Problem]]]:
    """Number, title, moment and problems of each meeting, evenly over the time; each takes problems not solved yet."""
    first = min(problem.steps[0] for problem in problems)
    for serial in range(1, count + 1):
        share = serial / count
        at = world.time.after(int(first + share * (world.time.horizon - DAY - first)), random.uniform(0.1, 0.4))
        at = min(at, world.time.horizon - 1)
        waiting = [problem for problem in problems if problem.steps[0] < at <= problem.steps[-1]]
        discussed = random.sample(waiting, min(len(waiting), random.randint(1, MOST_PER_MEETING)))
        year = world.time.moment(at).year
        yield f"HY{year}{serial:03d}", f"第{serial}次项目协调会（虚构）", at, discussed
