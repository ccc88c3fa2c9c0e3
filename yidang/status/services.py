"""Which processes of this installation run, and where they answer."""

from __future__ import annotations

from dataclasses import dataclass

from yidang.services import airflow, messages, postgres, process, superset
from yidang.settings import Settings


@dataclass(frozen=True)
class ServiceState:
    """One service: where it answers, and why it does not ('' if it does)."""

    name: str
    running: bool
    where: str
    problem: str


def look(settings: Settings) -> list[ServiceState]:
    host, port = settings.server
    district_port = settings.port("district_postgres")
    states = [
        _state("PostgreSQL (warehouse)", _warehouse_runs(settings), f"{host}:{port}"),
        _state(
            "PostgreSQL (made-up district)",
            postgres.is_running(settings, postgres.DISTRICT),
            f"127.0.0.1:{district_port}",
        ),
    ]
    for name, label, port_name, where in (
        ("district_http", "HTTP (made-up district)", "district_http", _address(settings, "district_http")),
        (airflow.API, "Airflow api-server", "airflow", airflow.url(settings)),
        (airflow.SCHEDULER, "Airflow scheduler", None, ""),
        (airflow.DAG_PROCESSOR, "Airflow dag-processor", None, ""),
        (airflow.TRIGGERER, "Airflow triggerer", None, ""),
        ("superset", "Superset", "superset", superset.url(settings)),
        (messages.FORM, "Form for warnings", messages.FORM, messages.form_url(settings)),
        (messages.MAIL, "Mail catcher (made-up)", messages.MAIL, f"127.0.0.1:{settings.port(messages.MAIL)}"),
    ):
        lives = process.find(settings, name) is not None
        if lives and port_name and not process.port_answers(settings.port(port_name)):
            problem = f"its process lives, but nothing answers at {where}: is YIDANG_PORT_BASE the one it began with?"
            states.append(ServiceState(label, False, where, problem))
        else:
            states.append(_state(label, lives, where))
    return states


def _state(label: str, running: bool, where: str) -> ServiceState:
    return ServiceState(label, running, where, "" if running else "not running: make demo")


def _address(settings: Settings, service: str) -> str:
    return f"http://127.0.0.1:{settings.port(service)}/"


def _warehouse_runs(settings: Settings) -> bool:
    if settings.admin_url:
        return process.port_answers(settings.server[1], settings.server[0])
    return postgres.is_running(settings, postgres.WAREHOUSE)
