"""agg_reform_effect: before and after a shorter promise, in the same months, against departments without a reform.

The effect is what the reformed items take now less what they would take if they had changed as the others did:
now − base × (control now ÷ control base). Without the last factor it would be a description of what happened.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date

import numpy as np
import pandas
import psycopg

from yidang.statistics import cohorts, observations
from yidang.statistics.change import BASE, Change
from yidang.statistics.cohorts import Compared, Estimate, Windows, months_later
from yidang.statistics.observations import STATES, Stamp
from yidang.statistics.tables import number

MONTHS = 12
ALL, REFORMED, CONTROL = "all", "reformed", "control"
_STRATA = ["item_code", "flow_type", "target", "role"]
_REFORMS = "select * from int_item_reforms order by reform_date, item_code"
_PARTS = ("change_days", "effect_days", "effect_share")


def rows(connection: psycopg.Connection, observed: pandas.DataFrame, stamp: Stamp) -> list[dict]:
    reforms = observations.read(connection, _REFORMS, reform_date="date", version_before="str", version_after="str")
    return effects(observed, reforms, observations.names(connection), stamp)


def effects(observed: pandas.DataFrame, reforms: pandas.DataFrame, names: dict, stamp: Stamp) -> list[dict]:
    """observed: as cohorts.read gives it. reforms: as int_item_reforms. names: of slices, by (kind, key)."""
    days = [day.date() for day in reforms["reform_date"].drop_duplicates()]
    return [row for day in days for row in _rows(observed, reforms, day, names, stamp)]


def windows_of(reform: date) -> Windows:
    """The months after a reform, from its first whole one, and the same months of the year before."""
    first = reform if reform.day == 1 else months_later(reform, 1)
    last = months_later(first, MONTHS - 1)
    return Windows(months_later(first, -12), months_later(last, -12), first, last)


def _rows(
    observed: pandas.DataFrame, reforms: pandas.DataFrame, day: date, names: dict, stamp: Stamp
) -> Iterator[dict]:
    """One row per item whose promise became shorter on that day, and one for all of them together."""
    windows = windows_of(day).cut(stamp.as_of)
    own = reforms[reforms["reform_date"].dt.date == day].set_index("item_code")
    compared = windows and cohorts.arrange(
        _cases(windows.choose(observed), own, _reformed_meanwhile(reforms, windows)), _STRATA, ["target", "role"]
    )
    if not compared:
        return
    known = {key: place for place, (_, key) in enumerate(compared.keys)}
    control = known.get(CONTROL)
    found = cohorts.estimate(compared, lambda change: _parts(change, control))
    for key in (*own.index, *([REFORMED] if len(own) > 1 else [])):
        place = known.get(key)
        if place is None or not compared.cases[place].all():
            continue
        item = None if key == REFORMED else own.loc[key]
        yield {
            "reform_date": day,
            "item_code": ALL if item is None else key,
            "item_name": "全部改革事项" if item is None else names.get(("item", key), key),
            "promised_before": None if item is None else int(item["promised_before"]),
            "promised_after": None if item is None else int(item["promised_after"]),
            **vars(windows),
            **cohorts.counts_columns(compared, found, place),
            **_figures(compared, found, place, control),
            **cohorts.naive_columns(compared, place),
            **cohorts.stamp_columns(stamp),
        }


def _figures(compared: Compared, found: Estimate, place: int, control: int | None) -> dict:
    base, now = found.change.standardised_base, found.change.standardised_now
    is_shown = bool(compared.is_enough[place])
    has_control = control is not None and bool(compared.is_enough[control])
    row = {"control_case_count": 0 if control is None else int(compared.cases[control].sum())}
    row |= {"base_mean_days": number(base[place], is_shown), "now_mean_days": number(now[place], is_shown)}
    row |= {
        "control_base_days": number(base[control]) if has_control else None,
        "control_now_days": number(now[control]) if has_control else None,
    }
    for part, name in enumerate(_PARTS):
        row |= found.columns(name, part, place, is_shown and (has_control or name == "change_days"))
    return row


def _parts(change: Change, control: int | None) -> np.ndarray:
    base, now = change.standardised_base, change.standardised_now
    expected = base * (np.nan if control is None else now[control] / base[control])
    return np.stack([now - base, now - expected, now / expected - 1])


def _cases(table: pandas.DataFrame, own: pandas.DataFrame, meanwhile: set[str]) -> pandas.DataFrame:
    """The reformed items' cases, the control's, and nobody else's. meanwhile: items and departments not in it."""
    item, version = table["item_code"].astype(str), table["item_version"].astype(str)
    before, after = (item.map(own[column].astype(str)) for column in ("version_before", "version_after"))
    is_reformed = item.isin(own.index)
    # Received before the reform and accepted after it: such a case follows the old promise and belongs to neither side.
    is_other = is_reformed & (version != np.where(table["period"] == BASE, before, after))
    marked = table.assign(
        state=np.where(is_other & table["state"].isin(list(STATES)), "other_version", table["state"].astype(str)),
        role=np.where(is_reformed, REFORMED, CONTROL),
        target=np.where(is_reformed, item, CONTROL),
    )
    return marked[is_reformed | ~(item.isin(meanwhile) | table["department_id"].astype(str).isin(meanwhile))]


def _reformed_meanwhile(reforms: pandas.DataFrame, windows: Windows) -> set[str]:
    """What cannot be a control: items whose promise changed between the first and the last month, and the whole
    department of each, for the officers who are done sooner with one item go on with the next.
    """
    day = reforms["reform_date"].dt.date
    found = reforms[(day > windows.base_from) & (day < months_later(windows.now_to, 1))]
    return {*found["item_code"], *found["department_id"]}
