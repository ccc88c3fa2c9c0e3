"""What Airflow calls when a run is late or a task has failed for good. Light, because DAG files import it."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from yidang import settings

if TYPE_CHECKING:
    from airflow.sdk import DeadlineAlert


def deadline(minutes: float, department: str | None = None) -> DeadlineAlert:
    """A run that has not ended so many minutes after it was due is told of. department: whose pull it is."""
    from airflow.sdk import DeadlineAlert, DeadlineReference, SyncCallback  # only DAG files have Airflow loaded

    late = SyncCallback(run_is_late, {"minutes": minutes, "department": department})
    return DeadlineAlert(DeadlineReference.DAGRUN_QUEUED_AT, timedelta(minutes=minutes), late)


def run_is_late(*, context: dict, minutes: float, department: str | None) -> None:
    """A run has not ended by its deadline. context: as the scheduler sends it, plain JSON."""
    from yidang import watch

    watch.tell_late(settings.load(), context["dag_run"]["dag_id"], minutes, department)


def run_failed(context: dict, *, department: str | None = None) -> None:
    """A task has failed and is not tried again. context: the task's."""
    from yidang import watch

    watch.tell_failed(settings.load(), context["ti"].dag_id, department)
