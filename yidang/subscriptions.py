"""Dashboards by mail: who has subscribed to what, and sending what is due (superset/send_subscriptions.py).

Starting Superset costs ten seconds, so it is done only when something is due. Mails go by the first mail channel of
warnings.yml.
"""

from __future__ import annotations

import json
import tempfile
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from yidang import contracts
from yidang.due import last_due, next_due
from yidang.errors import ConfigError, YidangError
from yidang.services import superset
from yidang.settings import TIMEZONE, Settings
from yidang.warning import channels, receivers

SCRIPT = "send_subscriptions"
SCRIPT_TIMEOUT_SECONDS = 1200  # the script itself begins nothing new after eight minutes
# States in which a due time is perhaps to be tried again; the script knows.
UNFINISHED = ("Error", "Working")
# What `make demo` subscribes to.
EXAMPLE = {
    "name": "每周效能总览",
    "description": "虚构示例数据：make demo 建立的订阅，每周一 8 时寄出。",
    "owner": "viewer",
    "dashboard": "overview",
    "crontab": "0 8 * * 1",
    "to": "leader@yunxi.example",
}


@dataclass(frozen=True)
class Subscription:
    name: str
    kind: str  # Report or Alert
    owners: list[str]
    dashboard: str  # its title; "" where it was deleted
    crontab: str
    timezone: str
    is_active: bool
    recipients: int
    since: datetime  # when it was last tried, else made
    state: str  # of the last try, as Superset says it
    said: str  # about the last try
    last: datetime | None  # in Asia/Shanghai
    next: datetime

    @property
    def may_be_due(self) -> bool:
        """Whether sending has to look at it."""
        due = last_due(self.crontab, self.timezone, self.since, datetime.now(UTC))
        return self.is_active and (due is not None or self.state in UNFINISHED)


def subscriptions(settings: Settings) -> list[Subscription]:
    """Every one, by name."""
    query = """
        select report_schedule.name, type, crontab, timezone, coalesce(active, false), last_eval_dttm,
            report_schedule.created_on, coalesce(dashboard_title, ''), coalesce(log.state, ''),
            coalesce(log.error_message, ''), log.end_dttm,
            array(
                select username from report_schedule_user inner join ab_user on ab_user.id = user_id
                where report_schedule_id = report_schedule.id order by 1
            ),
            (
                select coalesce(sum(regexp_count(recipient_config_json, '@')), 0) from report_recipient
                where report_schedule_id = report_schedule.id
            )
        from report_schedule
        left join dashboards on dashboards.id = dashboard_id
        left join lateral (
            select state, error_message, end_dttm from report_execution_log
            where report_schedule_id = report_schedule.id order by id desc limit 1
        ) as log on true
        order by report_schedule.name
    """
    with superset.connect(settings) as connection:
        rows = connection.execute(query).fetchall()
    return [_subscription(*row) for row in rows]


def send(settings: Settings, name: str | None = None) -> list[dict]:
    """Send what is due, or the one of that name now. Returns [{"name", "owner", "result", "said"}].

    Raises ConfigError where there is none of that name or no mail server, YidangError when some were not sent.
    """
    known = subscriptions(settings)
    if name and not any(one.name == name for one in known):
        raise ConfigError(f"There is no subscription {name!r}.", "See: yidang superset subscriptions list")
    if not name and not any(one.may_be_due for one in known):
        return []
    results = _run(settings, {"now": name})
    failed = [f"{one['name']} ({one['owner']}): {one['said']}" for one in results if one["result"] == "error"]
    if failed:
        raise YidangError(
            f"{len(failed)} of {len(results)} subscriptions were not sent: {'; '.join(failed)}",
            "Mend it; the next runs try again, three times in all. Superset shows it under 设置 → 告警和报告.",
        )
    return results


def give_example(settings: Settings) -> None:
    """The demo's: made and sent once. Nothing to do where it was sent before. Raises YidangError."""
    if any(one.name == EXAMPLE["name"] and one.state == "Success" for one in subscriptions(settings)):
        return
    (result,) = _run(settings, {"now": EXAMPLE["name"], "make": EXAMPLE})
    if result["result"] != "sent":
        raise YidangError(f"{result['name']}: {result['said']}")


def _run(settings: Settings, asked: dict) -> list[dict]:
    reached = receivers.load(settings)
    name, channel = next(
        ((name, one) for name, one in (reached.channels if reached else {}).items() if one.scheme in receivers.MAIL),
        (None, None),
    )
    if channel is None:
        raise ConfigError(
            f"No mail server is known: {settings.warnings_file} has no channel with smtp:// or smtps://.",
            "Add one (docs/operations.md, Warnings); the first in the file brings the subscriptions too.",
        )
    channels.check(settings, name, channel)
    asked |= {
        "mail": {"url": contracts.resolve(settings, channel.url), "sender": channel.sender},
        "pages": superset.url(settings),
        "link": reached.superset_url or superset.url(settings),
    }
    with tempfile.TemporaryDirectory() as folder:
        target = Path(folder) / "results.json"
        superset.run_script(
            settings,
            SCRIPT,
            target,
            failure="The subscriptions could not be sent",
            given=json.dumps(asked),
            timeout_seconds=SCRIPT_TIMEOUT_SECONDS,
        )
        return json.loads(target.read_text(encoding="utf-8"))


def _subscription(
    name, kind, crontab, timezone, active, tried, made, dashboard, state, said, last, owners, recipients
) -> Subscription:
    now = datetime.now(UTC)
    return Subscription(
        name=name,
        kind=kind,
        owners=owners,
        dashboard=dashboard,
        crontab=crontab,
        timezone=timezone,
        is_active=active,
        recipients=recipients,
        since=tried.replace(tzinfo=UTC) if tried else made.astimezone(),  # Superset writes that in local time
        state=state,
        said=said,
        last=last and last.replace(tzinfo=UTC).astimezone(TIMEZONE),
        next=next_due(crontab, timezone, now).astimezone(TIMEZONE),
    )
