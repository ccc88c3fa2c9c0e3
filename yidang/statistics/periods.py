"""agg_change: the cohorts of int_case_comparison_periods, slice by slice."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas
import psycopg

from yidang.dbt_variables import declared
from yidang.settings import ROOT
from yidang.statistics import cohorts, observations
from yidang.statistics.change import Change
from yidang.statistics.cohorts import Windows
from yidang.statistics.observations import SLICES, Stamp
from yidang.statistics.tables import number

_STRATA: list[str] = declared(ROOT / "dbt_project")["strata"]
_PARTS = ("change_days", "mix_days", "rate_days", "standardised_change_days", "saved_share")
_PERIODS = (
    "select label, base_from, base_to, now_from, now_to from int_case_comparison_periods order by now_from, label"
)


def rows(connection: psycopg.Connection, observed: pandas.DataFrame, stamp: Stamp) -> list[dict]:
    names = observations.names(connection)
    periods = connection.execute(_PERIODS).fetchall()
    return [row for label, *months in periods for row in _rows(observed, label, Windows(*months), names, stamp)]


def _rows(observed: pandas.DataFrame, label: str, windows: Windows, names: dict, stamp: Stamp) -> Iterator[dict]:
    """One row per slice that both cohorts know; none before the later one's first month is over."""
    windows = windows.cut(stamp.as_of)
    compared = windows and cohorts.arrange(windows.choose(observed), _STRATA, list(SLICES.values()))
    if not compared:
        return
    found = cohorts.estimate(compared, _parts)
    kinds = {column: kind for kind, column in SLICES.items()}
    for place, (column, key) in enumerate(compared.keys):
        if not compared.cases[place].all():
            continue
        kind, change, is_shown = kinds[column], found.change, bool(compared.is_enough[place])
        row = {"comparison": label, **vars(windows)}
        row |= {"slice_kind": kind, "slice_key": key, "slice_name": names.get((kind, key), key)}
        row |= cohorts.counts_columns(compared, found, place)
        for name, values in (
            ("base_mean_days", change.base),
            ("now_mean_days", change.now),
            ("standardised_base_days", change.standardised_base),
            ("standardised_now_days", change.standardised_now),
            ("covered_share", change.covered),
        ):
            row[name] = number(values[place], is_shown)
        for part, name in enumerate(_PARTS):
            row |= found.columns(name, part, place, is_shown)
        row |= cohorts.naive_columns(compared, place, mix=change.mix[place] if is_shown else 0)
        yield row | cohorts.stamp_columns(stamp)


def _parts(change: Change) -> np.ndarray:
    standardised = change.standardised_now - change.standardised_base
    saved = 1 - change.standardised_now / change.standardised_base
    return np.stack([change.now - change.base, change.mix, change.rate, standardised, saved])
