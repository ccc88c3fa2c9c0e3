"""One command: simulate a world, plant its faults, write the truth and the eight systems."""

from __future__ import annotations

import hashlib
import json
import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import psycopg

from yidang.district import http_api, truth
from yidang.district.plant import plant
from yidang.district.profiles import PLAIN, PROFILES, Profile
from yidang.district.simulate import simulate
from yidang.district.systems import copying, csv_drop, hall, http_store, spgl, xlsx_drop, zhuanban
from yidang.errors import ConfigError
from yidang.services import district as servers
from yidang.settings import Settings

# Raised when the same arguments give another world, so that an older one on disk is made anew.
GENERATOR_VERSION = 8
_ANOTHER_WORLD = (
    "The warehouse already holds rows of a made-up district; landed rows are never replaced, so those of another one"
    " (seed, projects, dates, or Yidang's version) would mix with them."
)
_START_AFRESH = "Run `make clean` first (it removes everything made), or use another YIDANG_HOME and YIDANG_PORT_BASE."
_OWN_SERVER = (
    "Run `make clean`, then drop the databases yidang, yidang_airflow and yidang_superset, which it leaves alone on the"
    " server of YIDANG_DATABASE_URL; or use another YIDANG_HOME, YIDANG_PORT_BASE and YIDANG_DATABASE_URL."
)
SCHEMAS = {"zigui": spgl.SCHEMA, "zhujian": spgl.SCHEMA, "zhengwu": hall.SCHEMA, "zhuanban": zhuanban.SCHEMA}


@dataclass(frozen=True)
class DistrictSummary:
    """What was made. counts: as in truth/summary.json. is_new: False when the same world was already there."""

    seed: int
    projects: int
    start: date
    end: date
    counts: dict[str, object]
    seconds: float
    is_new: bool

    def __str__(self) -> str:
        made = f"made in {self.seconds:.1f} s" if self.is_new else "already there, unchanged"
        numbers = ", ".join(f"{self.counts[name]} {name}" for name in ("projects", "works", "cases", "events"))
        return f"虚构示例数据: {numbers}, {self.start} … {self.end}, seed {self.seed}: {made}."


def generate(
    settings: Settings,
    *,
    seed: int,
    projects: int,
    start: date,
    end: date,
    profile: Profile = PLAIN,
    is_landed: Callable[[], bool] = lambda: False,
) -> DistrictSummary:
    """Write the world of these arguments to truth/ and to every department's system; once, if they are unchanged.

    Nothing after `end` is visible anywhere. Starts the district's PostgreSQL if it does not run.
    is_landed: whether a warehouse already holds rows of the district; asked only before another world is made.
    Raises ConfigError for arguments that make no world, or when another world has already landed.
    """
    if projects < 1:
        raise ConfigError(f"A district of {projects} projects cannot be made.", "Give --projects a number from 1.")
    if (end - start).days < 30:
        raise ConfigError(f"From {start} to {end} is too short.", "Give at least 30 days between start and end.")
    began = time.monotonic()
    wanted = request(seed=seed, projects=projects, start=start, end=end, profile=profile)
    require_no_other(settings, wanted, is_landed)
    servers.start_databases(settings)
    stamp = "虚构示例数据 " + hashlib.sha256(json.dumps(wanted).encode()).hexdigest()[:16]
    summary = _summary(settings)
    known = _known(settings, summary, wanted, stamp)
    counts = known or _make(settings, summary, wanted, stamp)
    return DistrictSummary(seed, projects, start, end, counts, time.monotonic() - began, known is None)


def request(*, seed: int, projects: int, start: date, end: date, profile: Profile = PLAIN) -> dict[str, object]:
    """What makes one world another than the next, as truth/summary.json has it."""
    return {
        "version": GENERATOR_VERSION,
        "like": profile.id,
        "seed": seed,
        "projects": projects,
        "start": start.isoformat(),
        "end": end.isoformat(),
    }


def require_no_other(settings: Settings, wanted: dict[str, object], is_landed: Callable[[], bool]) -> None:
    """Raise ConfigError where rows of another world than `wanted` have landed. Changes and starts nothing."""
    if _recorded(_summary(settings)).get("request") != wanted and is_landed():
        raise ConfigError(_ANOTHER_WORLD, _OWN_SERVER if settings.admin_url else _START_AFRESH)


def _summary(settings: Settings) -> Path:
    return settings.district_dir / "truth" / "summary.json"


def _known(settings: Settings, summary: Path, request: dict[str, object], stamp: str) -> dict[str, object] | None:
    """The counts of the world on disk, if it is the one asked for and every database holds it too."""
    recorded = _recorded(summary)
    places = [servers.drop_folder(settings, department) for department in servers.DROPS]
    places.append(http_api.store_path(settings.district_dir))
    if recorded.get("request") != request or not all(place.exists() for place in places):
        return None
    for department, schema in SCHEMAS.items():
        with _connect(settings, department) as connection:
            if copying.stamp_of(connection, schema) != stamp:
                return None
    return recorded["counts"]


def _recorded(summary: Path) -> dict:
    """The request of the world on disk, and its counts (None while it is being made); empty if there is none."""
    return json.loads(summary.read_text(encoding="utf-8")) if summary.exists() else {}


def _make(settings: Settings, summary: Path, request: dict[str, object], stamp: str) -> dict[str, object]:
    start, end = date.fromisoformat(str(request["start"])), date.fromisoformat(str(request["end"]))
    profile = PROFILES[str(request["like"])]
    world = simulate(int(request["seed"]), int(request["projects"]), start, end, profile=profile)
    plant(world)
    summary.parent.mkdir(parents=True, exist_ok=True)
    # From here to the end the world on disk is not whole; whose it is must outlast a kill.
    truth.write_json(summary, {"notice": "虚构示例数据", "request": request, "counts": None})
    for department in ("zigui", "zhujian"):
        with _connect(settings, department) as connection:
            spgl.write(world, department, connection, servers.reader(department), stamp)
    for department, system in (("zhengwu", hall), ("zhuanban", zhuanban)):
        with _connect(settings, department) as connection:
            system.write(world, connection, servers.reader(department), stamp)
    http_store.write(world, http_api.store_path(settings.district_dir))
    for department in servers.DROPS:
        shutil.rmtree(servers.drop_folder(settings, department), ignore_errors=True)
    dirt = csv_drop.write(world, servers.drop_folder(settings, "shengtai"))
    world.planted["broken_lines"] = dirt["broken_lines"]
    world.planted["repeated_files"] = [dirt["repeated_file"]] if dirt["repeated_file"] else []
    xlsx_drop.write(world, servers.drop_folder(settings, "renfang"))
    truth.write(world, summary.parent)
    counts = truth.summarise(world)
    truth.write_json(summary, {"notice": "虚构示例数据", "request": request, "counts": counts})
    return counts


def _connect(settings: Settings, department: str) -> psycopg.Connection:
    return psycopg.connect(servers.admin_dsn(settings, servers.DATABASES[department]))
