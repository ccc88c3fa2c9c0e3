"""What must hold for any case, however odd its events: drawn by hypothesis, landed, built once, compared in pairs."""

from __future__ import annotations

from datetime import date, datetime, timedelta

import psycopg
import pytest
from clock_world import PROJECT_CODE, Spgl, catalogue_row, land, open_world
from hypothesis import HealthCheck, Phase, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from psycopg.rows import dict_row

from yidang import build

pytestmark = pytest.mark.integration

WORKS = f"{PROJECT_CODE}-001"
START = datetime(2025, 6, 3, 9, 0)  # June to September 2025 have no holiday after 端午 (2 June)
AS_OF = date(2025, 9, 19)
WEEKS = 2
STATUTORY, EXTENSION = 20, 10
PAUSES = [("special_start", "special_end"), ("suspended", "resumed"), ("correction_requested", "correction_received")]

hours = st.integers(min_value=0, max_value=24 * 40)
pause = st.tuples(st.sampled_from(PAUSES), hours, st.integers(min_value=0, max_value=24 * 15))
# A case: hours from START of acceptance and decision (None: open), and its pauses as (kinds, begin, length).
cases = st.tuples(hours, st.none() | st.integers(min_value=0, max_value=24 * 45), st.lists(pause, max_size=4))


def at(hour: int) -> datetime:
    return START + timedelta(hours=hour)


def events_of(case: tuple) -> list[dict]:
    accepted, length, pauses = case
    events = [("accepted", at(accepted))]
    for (begin, end), hour, lasting in pauses:
        events += [(begin, at(hour)), (end, at(hour + lasting))]
    if length is not None:
        events.append(("decided_pass", at(accepted + length)))
    return [{"kind": kind, "at": moment} for kind, moment in events]


def shifted(events: list[dict], delta: timedelta) -> list[dict]:
    return [{**event, "at": event["at"] + delta} for event in events]


def with_event_after_decision(case: tuple, events: list[dict]) -> list[dict]:
    accepted, length, _ = case
    if length is None:
        return events
    after = max([at(accepted + length), *(event["at"] for event in events)]) + timedelta(hours=1)
    return [*events, {"kind": "suspended", "at": after}, {"kind": "accepted", "at": after + timedelta(hours=1)}]


def split_pauses(case: tuple, events: list[dict]) -> list[dict]:
    """The first pause in two parts that touch. A middle event of the same kind of pause would change the pairing.

    Two cuts would be news, not the same facts: a correction asked for before acceptance is no pause, but asked for
    again after it is; and what begins after the decision never counts, while a pause that only ends after it does.
    """
    accepted, length, pauses = case
    if len(pauses) != 1 or pauses[0][2] < 2:
        return events
    (begin, end), hour, lasting = pauses[0]
    if begin == "correction_requested" and hour <= accepted:
        return events
    if length is not None and hour + lasting // 2 >= accepted + length:
        return events
    middle = at(hour + lasting // 2)
    return [*events, {"kind": end, "at": middle}, {"kind": begin, "at": middle}]


def extended(case: tuple, events: list[dict]) -> list[dict]:
    """Ten more days, approved at an hour of its own that the case's other hours decide."""
    accepted, length, pauses = case
    hour = (7 * accepted + 24 * len(pauses) + 5 * (length or 0)) % (24 * 60)
    # at no other event's moment: a special procedure that begins with an extension to the second is that extension
    return [*events, {"kind": "extended", "at": at(hour) + timedelta(minutes=30)}]


VARIANTS = {
    "extended": extended,
    "same": lambda case, events: events,
    "late_event": with_event_after_decision,
    "split": split_pauses,
    "shifted": lambda case, events: shifted(events, timedelta(weeks=WEEKS)),
}


@hypothesis_settings(
    max_examples=2,
    deadline=None,
    derandomize=True,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
)
@given(drawn=st.lists(cases, min_size=80, max_size=120, unique_by=repr))
def test_properties_of_the_clock(settings, world_folder, drawn):
    rows = build_cases(settings, world_folder, drawn)
    for number, case in enumerate(drawn):
        same = rows[f"same-{number}"]
        elapsed, gross, excluded = (
            same[name] for name in ("elapsed_working_days", "gross_working_days", "excluded_working_days")
        )
        assert elapsed is not None, case
        assert elapsed >= 0, case
        assert 0 <= excluded <= gross, case
        assert same["statutory_elapsed_working_days"] >= elapsed, case
        assert same["due_date"] >= same["accepted_date"], case
        # adding events after the decision changes nothing
        assert clock(rows[f"late_event-{number}"]) == clock(same), case
        # neither does cutting a pause into two that touch
        assert clock(rows[f"split-{number}"]) == clock(same), case
        # an extension touches nothing but the end of the statutory limit, which it never brings forward; what it does
        # not reach in time stays late, and the facts keep what would be without it
        longer = rows[f"extended-{number}"]
        assert clock(longer) == clock(same), case
        assert longer["extension_days"] in (0, EXTENSION), case
        assert longer["statutory_due_date_without_extension"] == same["statutory_due_date"], case
        assert longer["is_statutory_overdue_without_extension"] == same["is_statutory_overdue"], case
        if longer["extension_days"] == 0:
            assert longer["statutory_due_date"] == same["statutory_due_date"], case
            assert longer["is_statutory_overdue"] == same["is_statutory_overdue"], case
        else:
            assert longer["statutory_due_date"] > same["statutory_due_date"], case
            assert longer["is_statutory_overdue"] <= same["is_statutory_overdue"], case
            used = longer["statutory_elapsed_working_days"]
            assert longer["is_statutory_overdue"] == (used > STATUTORY + EXTENSION), case
        # a decided case moved by whole weeks without holidays has the same numbers
        moved = rows[f"shifted-{number}"]
        if same["outcome"] == moved["outcome"] == "passed" and not has_unfinished_business(case):
            for name in ("elapsed_working_days", "excluded_working_days", "span_calendar_days", "pace_state"):
                assert moved[name] == same[name], case
            assert moved["due_date"] - same["due_date"] == timedelta(weeks=WEEKS), case


def has_unfinished_business(case: tuple) -> bool:
    """An event so late that the moved case has not seen it by AS_OF."""
    return any(event["at"].date() + timedelta(weeks=WEEKS) > AS_OF for event in events_of(case))


def clock(row: dict) -> dict:
    names = ("accepted_date", "decided_date", "due_date", "elapsed_working_days", "statutory_elapsed_working_days")
    return {name: row[name] for name in names}


@pytest.fixture(scope="module")
def world_folder(settings, tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        folder = tmp_path_factory.mktemp("departments")
        with psycopg.connect(settings.admin_dsn("yidang"), autocommit=True) as warehouse:
            open_world(settings, folder, patch)
            item = catalogue_row("IT01", stage=1, statutory=STATUTORY, promised=10)
            land(warehouse, "zhengwu", "service_item", [item])
        yield folder


def build_cases(settings, folder, drawn: list[tuple]) -> dict[str, dict]:
    with psycopg.connect(settings.admin_dsn("yidang"), autocommit=True, row_factory=dict_row) as warehouse:
        for table in ("spgl_xmjbxxb", "spgl_xmspsxblxxb", "spgl_xmspsxblxxxxb", "spgl_xmspsxbltbcxxxb"):
            warehouse.execute(f"truncate raw_alpha.{table}")
        alpha = Spgl("alpha")
        alpha.works(WORKS, PROJECT_CODE)
        for variant, change in VARIANTS.items():
            for number, case in enumerate(drawn):
                # the sender writes in the order of time, ends before what begins at the same moment
                events = sorted(change(case, events_of(case)), key=lambda event: event["at"])
                alpha.case(f"{variant}-{number}", WORKS, "IT01", 10, events)
                for event in events:
                    if event["kind"] == "extended":
                        approval = {"tbcxkssj": event["at"], "tbcxsxlx": 1, "tbcxsx": EXTENSION}
                        alpha.add("xmspsxbltbcxxxb", spsxslbm=f"{variant}-{number}", tbcx="9", **approval)
        with psycopg.connect(settings.admin_dsn("yidang"), autocommit=True) as plain:
            alpha.land(plain)
        build.build(settings, as_of=AS_OF, select="+fct_item_instance")
        found = warehouse.execute("select * from marts.fct_item_instance").fetchall()
    return {row["instance_code"]: row for row in found}
