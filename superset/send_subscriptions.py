"""Send the subscriptions that are due. For `yidang superset subscriptions send`; no Celery, no broker.

usage: send_subscriptions.py TARGET, with JSON on the standard input:
    {"mail": {"url", "sender"}, "pages": URL, "link": URL, "now": NAME or null, "make": EXAMPLE or null}
pages: where Chromium reaches Superset. link: where people do. now: only this one, due or not. make: the demo's.
TARGET becomes [{"name", "owner", "result", "said"}]; result: sent, error, off (switched off: it may not any more) or
quiet (an alert that has nothing to say).

One run at a time, by a lock in Superset's database. A due time counts as served when its mail was handed over; what
failed or was broken off is tried again by the next runs, three times in all, with the same Message-ID.
"""

import json
import logging
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from uuid import NAMESPACE_URL, uuid4, uuid5

from chromium import CannotDraw, draw
from export_log import log_leaving
from sqlalchemy import text
from subscription_guards import addresses_of, described, refusal
from subscription_mail import Letter, NotTaken, compose, deliver
from superset.app import create_app

from yidang.due import last_due
from yidang.settings import TIMEZONE

TRIES = 3
# After that the next run goes on, in ten minutes at the latest.
RUN_SECONDS = 480
LOCK = "select pg_advisory_lock(hashtextextended('yidang.subscriptions', 0))"
BROKEN_OFF = "上次发送中断，是否已寄出不得而知"


class Off(Exception):
    """It may not be sent any more; the text says why."""


def main(target: Path, asked: dict) -> None:
    logging.getLogger("alembic").setLevel(logging.WARNING)
    with create_app().app_context():
        from superset import db

        with db.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as held:
            held.execute(text(LOCK))
            if asked.get("make"):
                make(asked["make"])
            results = send_all(asked)
            prune()
    target.write_text(json.dumps(results, ensure_ascii=False), encoding="utf-8")


def send_all(asked: dict) -> list[dict]:
    from superset.reports.models import ReportSchedule

    from superset import db

    until, results = time.monotonic() + RUN_SECONDS, []
    if asked["now"]:
        chosen = db.session.query(ReportSchedule).filter_by(name=asked["now"]).order_by(ReportSchedule.id)
        due = {one.id: _now() for one in chosen}
    else:
        active = db.session.query(ReportSchedule).filter_by(active=True).order_by(ReportSchedule.id)
        due = {one.id: at for one in active if (at := due_time(one))}
    for number, at in due.items():
        if time.monotonic() > until:
            print(f"{len(due) - len(results)} wait for the next run", flush=True)
            break
        if schedule := db.session.get(ReportSchedule, number):  # somebody may delete it meanwhile
            results.append(send_one(schedule, at, asked))
            print(json.dumps(results[-1], ensure_ascii=False), flush=True)
    return results


def due_time(schedule) -> datetime | None:
    """The time it is due for, in UTC; None where that is served already, or was tried often enough."""
    from superset.reports.models import ReportExecutionLog, ReportState

    from superset import db

    tried, made = schedule.last_eval_dttm, schedule.created_on
    since = tried.replace(tzinfo=UTC) if tried else made.astimezone()  # Superset writes the second in local time
    if due := last_due(schedule.crontab, schedule.timezone, since, _now()):
        return due
    if schedule.last_state not in (ReportState.ERROR, ReportState.WORKING):
        return None
    logs = db.session.query(ReportExecutionLog).filter_by(report_schedule_id=schedule.id)
    newest = logs.order_by(ReportExecutionLog.id.desc()).first()
    if newest is None:
        return None
    tries = logs.filter_by(scheduled_dttm=newest.scheduled_dttm, state=ReportState.WORKING).count()
    return newest.scheduled_dttm.replace(tzinfo=UTC) if tries < TRIES else None


def send_one(schedule, due: datetime, asked: dict) -> dict:
    """Send it and note in Superset's execution log what came of it."""
    from superset.commands.report.execute import BaseReportState
    from superset.reports.models import ReportState
    from superset.utils.core import override_user

    from superset import db

    owner = schedule.owners[0] if len(schedule.owners) == 1 else None
    state = BaseReportState(schedule, due.replace(tzinfo=None), uuid4())
    result = {"name": schedule.name, "owner": owner.username if owner else "", "result": "sent", "said": ""}
    with override_user(owner):
        try:
            if schedule.last_state == ReportState.WORKING:
                state.update_report_schedule_and_log(ReportState.ERROR, BROKEN_OFF)
            state.update_report_schedule_and_log(ReportState.WORKING)
            judge(schedule, owner)
            if schedule.type == "Alert" and not speaks(schedule, state):
                state.update_report_schedule_and_log(ReportState.NOOP)
                return result | {"result": "quiet"}
            result["said"] = mail(schedule, owner, due, asked)
            state.update_report_schedule_and_log(ReportState.SUCCESS, result["said"] or None)
        except Exception as error:
            db.session.rollback()
            result |= {"result": "error", "said": str(error) or type(error).__name__}
            if isinstance(error, Off):
                result["result"], schedule.active = "off", False
                result["said"] = f"已停用：{error}"
            elif not isinstance(error, CannotDraw | NotTaken):
                logging.getLogger(__name__).exception("%s", schedule.name)
            state.update_report_schedule_and_log(ReportState.ERROR, result["said"])
    return result


def judge(schedule, owner) -> None:
    """Raises Off."""
    if owner is None:
        raise Off("没有唯一的所有者")
    if not owner.is_active:
        raise Off("所有者的账号已关闭")
    if said := refusal(described(schedule)):
        raise Off(said)


def speaks(schedule, state) -> bool:
    """Whether an alert has something to say, and has not said it just now."""
    from superset.commands.report.alert import AlertCommand

    triggered, _ = AlertCommand(schedule, state._execution_id).run()
    return triggered and not state.is_in_grace_period()


def mail(schedule, owner, due: datetime, asked: dict) -> str:
    """Draw it, note that it leaves, hand it over. Returns what is to be said of it. Raises CannotDraw, NotTaken."""
    from superset.extensions import machine_auth_provider_factory

    title, kind = schedule.dashboard.dashboard_title, (schedule.report_format or "PNG").lower()
    path = f"superset/dashboard/{schedule.dashboard.slug or schedule.dashboard.id}/"
    cookies = machine_auth_provider_factory.instance.get_auth_cookies(owner)
    page = f"{asked['pages']}{path}?standalone=1&show_filters=0"
    drawn = draw(page, cookies, kind, asked["link"], schedule.custom_width)
    recipients = described(schedule)["recipients"]
    to, cc = addresses_of(recipients, "target"), addresses_of(recipients, "ccTarget")
    everybody = addresses_of(recipients)
    letter = Letter(
        key=str(uuid5(NAMESPACE_URL, f"{schedule.id} {schedule.created_on} {due.isoformat()}")),
        name=schedule.name,
        title=title,
        subject=_one_line(schedule.email_subject),
        said=_one_line(schedule.description),
        note=drawn.note,
        link=f"{asked['link']}{path}",
        account=owner.username,
        drawn_at=_now().astimezone(TIMEZONE),
        kind=kind,
        content=drawn.content,
    )
    what = f"订阅 {schedule.name}：{title} → {'、'.join(everybody)}（{len(everybody)} 个收件人）"
    log_leaving(kind, what, len(drawn.content), f"/{path}")
    sender = asked["mail"]["sender"]
    refused = deliver(asked["mail"]["url"], sender, compose(letter, sender, to, cc), everybody)
    return f"邮件服务器拒收 {len(everybody)} 个收件人中的 {refused} 个" if refused else ""


def make(example: dict) -> None:
    """The demo's subscription, unless there is one of that name."""
    from superset.models.dashboard import Dashboard
    from superset.reports.models import ReportRecipients, ReportSchedule
    from superset.utils.core import override_user

    from superset import db, security_manager

    if db.session.query(ReportSchedule).filter_by(name=example["name"]).count():
        return
    owner = security_manager.find_user(example["owner"])
    recipient = ReportRecipients(type="Email", recipient_config_json=json.dumps({"target": example["to"]}))
    with override_user(owner):
        schedule = ReportSchedule(
            type="Report",
            name=example["name"],
            description=example["description"],
            crontab=example["crontab"],
            timezone=TIMEZONE.key,
            report_format="PDF",
            dashboard=db.session.query(Dashboard).filter_by(slug=example["dashboard"]).one(),
            owners=[owner],
            recipients=[recipient],
        )
        db.session.add(schedule)
        db.session.commit()


def prune() -> None:
    """Execution logs that are older than their subscription keeps them."""
    from superset.commands.report.log_prune import AsyncPruneReportScheduleLogCommand

    AsyncPruneReportScheduleLogCommand().run()


def _now() -> datetime:
    return datetime.now(UTC)


def _one_line(written: str | None) -> str:
    """What people write goes into headers too."""
    return " ".join((written or "").split())


if __name__ == "__main__":
    main(Path(sys.argv[1]), json.load(sys.stdin))
