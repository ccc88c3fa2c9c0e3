#!/usr/bin/env python3
"""Case durations by pandas and by pm4py, and nothing else: what compare_durations.py runs in an environment of its own.

usage: python benchmarks/durations_in_python.py EVENTS.csv     (case_id, activity, event_at)

Prints one line of JSON: per library its version, the seconds to read or convert and to compute (median of three), and
the sum of all durations in seconds, so that the caller can see that all computed the same. pm4py is AGPL: it is run
here to be timed and is no part of Yidang.
"""

from __future__ import annotations

import contextlib
import io
import json
import statistics
import sys
import time
from collections.abc import Callable

import pandas


def main(path: str) -> None:
    events, reading = timed(lambda: pandas.read_csv(path, parse_dates=["event_at"]))
    found = {
        "pandas": {"version": pandas.__version__, "prepare": round(reading, 2)} | measure(lambda: by_pandas(events))
    }
    try:
        with contextlib.redirect_stderr(io.StringIO()):  # it greets at length
            import pm4py
    except ImportError as error:
        found["pm4py"] = {"missing": str(error)}
    else:
        log, preparing = timed(
            lambda: pm4py.format_dataframe(events, case_id="case_id", activity_key="activity", timestamp_key="event_at")
        )
        found["pm4py"] = {"version": pm4py.__version__, "prepare": round(preparing, 2)} | measure(
            lambda: sum(pm4py.get_all_case_durations(log))
        )
    print(json.dumps(found))


def by_pandas(events: pandas.DataFrame) -> float:
    ends = events.groupby("case_id", sort=False)["event_at"].agg(["min", "max"])
    return (ends["max"] - ends["min"]).dt.total_seconds().sum()


def measure(work: Callable[[], float]) -> dict:
    runs = [timed(work) for _ in range(3)]
    return {"compute": round(statistics.median(seconds for _, seconds in runs), 2), "total": round(runs[0][0])}


def timed(work: Callable) -> tuple:
    began = time.monotonic()
    result = work()
    return result, time.monotonic() - began


if __name__ == "__main__":
    main(sys.argv[1])
