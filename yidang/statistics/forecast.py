"""fct_case_forecast and fct_project_forecast: will an open case be late, and when is it, or a project, to be finished?

Forecast is each distinct stratum and day that an open case stands at; PostgreSQL then gives every case the forecast of
its own, so that a million open cases never pass through Python.
"""

from __future__ import annotations

import numpy as np
import pandas
import psycopg

from yidang.metrics import MINIMUM_N
from yidang.statistics import observations
from yidang.statistics.conditional import NO_LEVEL, Asked, Forecast, Observed, forecast, strata
from yidang.statistics.incidence import ON_TIME, OPEN, WITHDRAWN
from yidang.statistics.observations import STATES, UNKNOWN, Stamp
from yidang.statistics.speed import CURVE_DAYS

# Six years of working days: a project's life has its building in it.
PROJECT_DAYS = 1500
# Ten cases are an example, but their rate may be far off: first, a stratum is looked for that has more.
ENOUGH = [50, MINIMUM_N]
_PROMISE = ["promised_limit", "limit_unit"]
# From fine to coarse. A promise is worked towards, so cases of another promise are never an example.
CASE_LEVELS = {
    "item_flow_type": ["department_id", "item_code", "flow_type", *_PROMISE],
    "item": ["department_id", "item_code", *_PROMISE],
    "stage": ["stage_number", *_PROMISE],
    "promise": _PROMISE,
}
# Nothing coarser: a small plant is no example for a motorway.
PROJECT_LEVELS = {"flow_type": ["flow_type"]}
_KEYS = ["department_id", "item_code", "flow_type", "stage_number", *_PROMISE]
_PROBABILITIES = ("late", "lower", "upper")
_PERCENTILES = ("p10_day", "p50_day", "p90_day")
_PROJECT_STATES = {"finished": ON_TIME, "withdrawn": WITHDRAWN, "open": OPEN}

# closed_month: null while it is open, so that any month's beginning can be looked at again.
_CASES = f"""
select
    coalesce(department_id, '{UNKNOWN}') as department_id,
    coalesce(item_code, '{UNKNOWN}') as item_code,
    coalesce(flow_type, '{UNKNOWN}') as flow_type,
    coalesce(stage_number::text, '{UNKNOWN}') as stage_number,
    promised_limit,
    coalesce(limit_unit, '{UNKNOWN}') as limit_unit,
    state,
    least(elapsed_working_days, {CURVE_DAYS + 1}) as day,
    date_trunc('month', closed_date)::date as closed_month,
    count(*) as cases
from int_speed_observations
where state is not null and promised_limit is not null
group by 1, 2, 3, 4, 5, 6, 7, 8, 9
order by 1, 2, 3, 4, 5, 6, 7, 8, 9
"""  # noqa: S608
_OPEN_CASES = f"""
select distinct {", ".join(_KEYS)}, day, last_day
from int_open_case_clocks
where last_day is not null and not is_paused
order by {", ".join(_KEYS)}, day, last_day
"""  # noqa: S608
_PROJECTS = f"""
select flow_type, state, least(day, {PROJECT_DAYS + 1}) as day, count(*) as cases
from int_project_durations
where day is not null
group by 1, 2, 3
order by 1, 2, 3
"""  # noqa: S608
_OPEN_PROJECTS = """
select distinct flow_type, day
from int_project_durations
where is_open and day is not null
order by flow_type, day
"""
TYPES = {
    **dict.fromkeys(("department_id", "item_code", "flow_type", "stage_number", "limit_unit", "state"), "str"),
    **dict.fromkeys(("promised_limit", "day", "last_day", "cases"), "int64"),
}

# A finish n working days ahead is the n-th working day after as_of; beyond the loaded years it has no date.
_AHEAD = """ahead as (
    select
        days.date_day,
        days.working_day_number - today.working_day_number as working_days
    from int_calendar as today
    inner join int_calendar as days on days.is_working_day
    where today.date_day = %(as_of)s
)"""
_FINISH = """    case when judged.level is not null then judged.p50_ahead is not null end as is_expected_reached,
    judged.p50_ahead as expected_working_days,
    p50.date_day as expected_date,
    p10.date_day as expected_date_p10,
    p90.date_day as expected_date_p90,
    %(as_of)s::date as as_of,
    %(calendar_version)s as calendar_version,
    %(rule_version)s as rule_version
from judged
left join ahead as p10 on p10.working_days = judged.p10_ahead
left join ahead as p50 on p50.working_days = judged.p50_ahead
left join ahead as p90 on p90.working_days = judged.p90_ahead
"""
_CASE_ROWS = f"""
with cases as (
    select * from int_open_case_clocks
),

{_AHEAD},

judged as (
    select
        cases.*,
        case
            when cases.is_overdue then 'overdue'
            when cases.last_day is null then 'calendar_unavailable'
            when cases.is_paused then 'paused'
            when cases.last_day <= cases.day then 'last_day'
            when given.level is null then 'too_few_cases'
            else 'forecast'
        end as forecast_state,
        given.level,
        given.case_count,
        given.at_risk_count,
        given.late,
        given.lower,
        given.upper,
        given.p10_day - cases.day as p10_ahead,
        given.p50_day - cases.day as p50_ahead,
        given.p90_day - cases.day as p90_ahead
    from cases
    left join given_cases as given
        on given.department_id = cases.department_id
        and given.item_code = cases.item_code
        and given.flow_type = cases.flow_type
        and given.stage_number = cases.stage_number
        and given.promised_limit = cases.promised_limit
        and given.limit_unit = cases.limit_unit
        and given.day = cases.day
        and given.last_day = cases.last_day
        and not cases.is_paused
)

select
    judged.case_id,
    judged.department_id,
    judged.project_code,
    judged.forecast_state,
    case judged.forecast_state
        when 'overdue' then '已逾期'
        when 'calendar_unavailable' then '日历未加载'
        when 'paused' then '暂停计时'
        when 'last_day' then '期限最后一天'
        when 'too_few_cases' then '样本不足'
        else '预测'
    end as forecast_name,
    judged.level as stratum_level,
    case judged.level
        when 'item_flow_type' then '同部门、同事项、同流程类型、同承诺时限'
        when 'item' then '同部门、同事项、同承诺时限'
        when 'stage' then '同阶段、同承诺时限'
        when 'promise' then '同承诺时限'
    end as stratum_level_name,
    judged.case_count as stratum_case_count,
    judged.at_risk_count,
    judged.day as elapsed_working_days,
    case judged.forecast_state when 'overdue' then 1 when 'forecast' then judged.late end as late_probability,
    case judged.forecast_state when 'forecast' then judged.lower end as late_probability_lower,
    case judged.forecast_state when 'forecast' then judged.upper end as late_probability_upper,
{_FINISH}"""  # noqa: S608
_PROJECT_ROWS = f"""
with projects as (
    select * from int_project_durations
    where is_open
),

{_AHEAD},

judged as (
    select
        projects.*,
        case
            when projects.day is null then projects.exclusion_reason
            when given.level is null then 'too_few_projects'
            else 'forecast'
        end as forecast_state,
        given.level,
        given.case_count,
        given.at_risk_count,
        given.p10_day - projects.day as p10_ahead,
        given.p50_day - projects.day as p50_ahead,
        given.p90_day - projects.day as p90_ahead
    from projects
    left join given_projects as given
        on given.flow_type = projects.flow_type
        and given.day = projects.day
)

select
    judged.project_code,
    judged.flow_type,
    judged.forecast_state,
    case judged.forecast_state
        when 'not_begun' then '尚未收件'
        when 'calendar_unavailable' then '日历未加载'
        when 'order_error' then '日期顺序错误'
        when 'too_few_projects' then '样本不足'
        else '预测'
    end as forecast_name,
    judged.case_count as stratum_project_count,
    judged.at_risk_count,
    judged.first_received_date,
    judged.day as elapsed_working_days,
{_FINISH}"""  # noqa: S608


def cases(connection: psycopg.Connection) -> pandas.DataFrame:
    """Cases with a clock and a promise, by what they are compared by, and by the month in which they were closed."""
    table = observations.read(connection, _CASES, closed_month="date", **TYPES)
    return table.assign(end=table["state"].map(STATES))


def of_cases(connection: psycopg.Connection, table: pandas.DataFrame, stamp: Stamp) -> tuple[str, dict]:
    """The rows of fct_case_forecast as a query and its parameters. table: as `cases` gives it."""
    asked = observations.read(connection, _OPEN_CASES, **TYPES)
    levels = strata(CASE_LEVELS.values(), table, asked)
    given = forecast(observed(table, levels[0]), to_ask(asked, levels[1]), CURVE_DAYS, ENOUGH)
    _lay_out(connection, "given_cases", asked, given, [*CASE_LEVELS])
    return _CASE_ROWS, vars(stamp)


def of_projects(connection: psycopg.Connection, stamp: Stamp) -> tuple[str, dict]:
    """The rows of fct_project_forecast, likewise."""
    table = observations.read(connection, _PROJECTS, **TYPES)
    table = table.assign(end=table["state"].map(_PROJECT_STATES))
    asked = observations.read(connection, _OPEN_PROJECTS, **TYPES)
    asked = asked.assign(last_day=asked["day"])  # nobody has promised when a project is finished
    levels = strata(PROJECT_LEVELS.values(), table, asked)
    given = forecast(observed(table, levels[0]), to_ask(asked, levels[1]), PROJECT_DAYS, [MINIMUM_N])
    _lay_out(connection, "given_projects", asked, given, [*PROJECT_LEVELS])
    return _PROJECT_ROWS, vars(stamp)


def observed(table: pandas.DataFrame, levels: np.ndarray) -> Observed:
    return Observed(levels, *(table[name].to_numpy(dtype=int) for name in ("day", "end", "cases")))


def to_ask(table: pandas.DataFrame, levels: np.ndarray) -> Asked:
    return Asked(levels, table["day"].to_numpy(), table["last_day"].to_numpy())


def _lay_out(
    connection: psycopg.Connection, name: str, asked: pandas.DataFrame, given: Forecast, levels: list[str]
) -> None:
    """A temporary table of what was asked and answered, for this transaction; without answer, no row."""
    numbers = {
        "case_count": "integer",
        "at_risk_count": "integer",
        **dict.fromkeys(_PROBABILITIES, "float8"),
    }
    types = {column: "text" if TYPES[column] == "str" else "integer" for column in asked}
    types |= {"level": "text", **numbers, **dict.fromkeys(_PERCENTILES, "integer")}
    columns = ", ".join(f"{column} {kind}" for column, kind in types.items())
    connection.execute(f"create temporary table {name} ({columns}) on commit drop")
    is_known = given.level != NO_LEVEL
    table = asked[is_known].assign(
        level=np.array(levels, dtype=object)[given.level[is_known]],
        case_count=given.case_count[is_known],
        at_risk_count=given.at_risk[is_known],
        **{part: getattr(given, part)[is_known] for part in _PROBABILITIES},
        **{
            column: pandas.array(given.days[place, is_known]).astype("Int64")
            for place, column in enumerate(_PERCENTILES)
        },
    )
    with connection.cursor().copy(f"copy {name} from stdin (format csv)") as copy:
        copy.write(table.to_csv(index=False, header=False))
    connection.execute(f"analyze {name}")
