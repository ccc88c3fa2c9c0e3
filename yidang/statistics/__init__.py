"""Honest figures about speed (rules C2, C3), computed from cases that dbt has counted and written back as marts.

`refresh` is the step of a build after dbt: the models of INPUTS in; agg_speed,
agg_cumulative_incidence, agg_change, agg_reform_effect, fct_case_forecast, fct_project_forecast and
agg_forecast_calibration out. docs/statistics.md says how each is made.
From int_what_if_works, int_what_if_steps and int_prerequisites comes agg_what_if (docs/process.md).
"""

from __future__ import annotations

import psycopg

from yidang.settings import Settings

# What a selection must build, or the marts that are made of it are left as they are.
INPUTS = {
    "int_case_comparison_periods",
    "int_speed_observations",
    "int_item_reforms",
    "int_open_case_clocks",
    "int_forecast_origins",
    "int_project_durations",
}
WHAT_IF_INPUTS = {"int_what_if_works", "int_what_if_steps", "int_prerequisites"}


def refresh(settings: Settings, schema_prefix: str = "", built: set[str] | None = None) -> dict[str, int]:
    """Replace the marts, all of them or none, as of the build that made their input. Returns rows by table.

    schema_prefix: of a build beside the real one, whose input is read and whose marts are written.
    built: names of the models that were built, None for all; marts whose input is not among them stay as they are.
    """
    has_speed, has_what_if = (built is None or inputs <= built for inputs in (INPUTS, WHAT_IF_INPUTS))
    if not (has_speed or has_what_if):
        return {}
    # pandas: half a second that `yidang --help` need not pay
    from yidang.statistics import calibration, cohorts, forecast, observations, periods, reforms, speed, tables, what_if

    definitions = tables.definitions(settings.dbt_dir)
    found = f"-c search_path={schema_prefix}intermediate,{schema_prefix}seeds"
    with psycopg.connect(settings.dsn("transformer"), options=found) as connection:
        stamp = observations.stamp(connection)
        made, asked = {}, {}
        if has_speed:
            speeds, curves = speed.rows(connection, stamp)
            observed = cohorts.read(connection)
            cases = forecast.cases(connection)
            made = {
                "agg_speed": speeds,
                "agg_cumulative_incidence": curves,
                "agg_change": periods.rows(connection, observed, stamp),
                "agg_reform_effect": reforms.rows(connection, observed, stamp),
                "agg_forecast_calibration": calibration.rows(connection, cases, stamp),
            }
            asked = {
                "fct_case_forecast": forecast.of_cases(connection, cases, stamp),
                "fct_project_forecast": forecast.of_projects(connection, stamp),
            }
        if has_what_if:
            made["agg_what_if"] = what_if.rows(connection, stamp)
        schema = f"{schema_prefix}marts"
        written = {name: tables.replace(connection, schema, definitions[name], rows) for name, rows in made.items()}
        for name, (query, values) in asked.items():
            written[name] = tables.replace_by_query(connection, schema, definitions[name], query, values)
        return written
