"""Who may have what mailed. Subscriptions are Superset's reports, as narrow as access.yaml wants them.

A subscription is an export that leaves by mail again and again. So it is judged when it is made or changed, and once
more whenever it is sent: accounts, roles and domains change in between.
"""

import json
import re
from datetime import UTC, datetime
from pathlib import Path

from flask import current_app, g

from yidang.settings import TIMEZONE

FORMATS = ("PDF", "PNG")
MOST_ADDRESSES = 50
# Its earlier due times are no longer what was asked for.
TIMES = ("crontab", "timezone", "active")
_SECOND = "您已经订阅了这个看板：请在“设置 → 告警和报告”中修改原有的订阅，或删除后再订阅"


def refusal(wanted: dict) -> str | None:
    """Why the account may not have this mailed (`described`); None where it may. The account is the current user."""
    from superset import security_manager as manager

    addresses, kinds = addresses_of(wanted["recipients"]), {kind for kind, _ in wanted["recipients"]}
    outside = [one for one in addresses if not _is_allowed(one.rpartition("@")[2].lower())]
    owners = wanted["owners"] or [g.user]
    refusals = (
        (not manager.can_access("can_write", "ReportSchedule"), "您的角色不能订阅看板"),
        (not manager.can_access("can_csv", "Superset"), "您的角色不能导出数据，因此也不能订阅看板"),
        (wanted["type"] == "Alert" and not may_alert(wanted), "告警会自行运行 SQL：只给可以自写 SQL 的账号"),
        (wanted["chart"] or not wanted["dashboard"], "只能订阅看板，不能订阅单个图表"),
        (wanted["dashboard"] and not manager.can_access_dashboard(wanted["dashboard"]), "您不能查看这个看板"),
        (wanted["report_format"] not in FORMATS, "看板只能以 PDF 或 PNG 寄出"),
        (kinds - {"Email"}, "只能寄往电子邮箱"),
        (not addresses, "没有写收件邮箱"),
        (len(addresses) > MOST_ADDRESSES, f"收件邮箱不能超过 {MOST_ADDRESSES} 个"),
        (outside, f"不能寄往 {'、'.join(outside)}：不是真实邮箱，或不在允许的域名之内"),
        (len(owners) != 1, "一项订阅只属于一个账号"),
        (not manager.is_admin() and owners[0] != g.user, "订阅只能属于您自己的账号"),
        (any(((wanted["extra"] or {}).get("dashboard") or {}).values()), "只能订阅整个看板，不能带筛选或单个标签页"),
    )
    return next((said for refused, said in refusals if refused), None)


def may_alert(wanted: dict) -> bool:
    """Its SQL runs past the rules about rows, on the connection it names."""
    from superset import security_manager

    database = wanted["database"]
    return security_manager.may_write_sql() and (not database or security_manager.can_access_database(database))


def described(model, changes: dict | None = None) -> dict:
    """The subscription as it is, or will be once these changes are made. model: None for a new one."""
    names = ("type", "dashboard", "chart", "database", "report_format", "owners", "recipients", "extra", *TIMES)
    changes = changes or {}
    found = {name: changes[name] if name in changes else getattr(model, name, None) for name in names}
    found["report_format"] = found["report_format"] or "PNG"  # Superset's own default
    found["recipients"] = [_recipient(one) for one in found["recipients"] or []]
    return found


def addresses_of(recipients: list[tuple[str, dict]], field: str | None = None) -> list[str]:
    """field: target, ccTarget or bccTarget, else all."""
    fields = [field] if field else ["target", "ccTarget", "bccTarget"]
    texts = [config.get(name) or "" for _, config in recipients for name in fields]
    return [one for text in texts for one in re.split(r"[,;\s]+", text) if one]


def _recipient(one: object) -> tuple[str, dict]:
    """As the API takes it, or as it is kept."""
    if isinstance(one, dict):
        return one["type"], one.get("recipient_config_json") or {}
    return one.type, json.loads(one.recipient_config_json or "{}")


def _is_allowed(domain: str) -> bool:
    file = Path(current_app.config["YIDANG_ACCESS_FILE"])
    allowed = json.loads(file.read_text("utf-8")).get("mail_domains", [])
    if not domain or domain.endswith(".invalid"):  # what accounts without an address have
        return False
    return not allowed or any(domain == one or domain.endswith(f".{one}") for one in allowed)


def guard_subscriptions() -> None:
    """Superset's API takes any recipient, kind and owner, asks Slack, and shows everybody's execution log to all."""
    from superset.commands.report.create import CreateReportScheduleCommand
    from superset.commands.report.update import UpdateReportScheduleCommand
    from superset.reports.api import ReportScheduleRestApi
    from superset.reports.logs.api import ReportExecutionLogRestApi

    for command in (CreateReportScheduleCommand, UpdateReportScheduleCommand):
        command.validate = _guarded(command.validate)
    ReportScheduleRestApi.include_route_methods = ReportScheduleRestApi.include_route_methods - {"slack_channels"}
    ReportExecutionLogRestApi.base_filters = [["report_schedule_id", _own_logs(), lambda: []]]


def _guarded(validate):
    from marshmallow import ValidationError
    from superset.commands.report.exceptions import (
        ReportScheduleCreationMethodUniquenessValidationError,
        ReportScheduleInvalidError,
    )

    def guarded(self) -> None:
        try:
            validate(self)
        except ReportScheduleCreationMethodUniquenessValidationError:  # which Superset answers with a 500
            raise ReportScheduleInvalidError(exceptions=[ValidationError(_SECOND, "dashboard")]) from None
        model, changes = getattr(self, "_model", None), self._properties
        if model is None:  # the form shows the browser's and sends none, and Superset takes UTC
            changes.setdefault("timezone", TIMEZONE.key)
        before, after = described(model), described(model, changes)
        if after["active"] is not False and (said := refusal(after)):
            raise ReportScheduleInvalidError(exceptions=[ValidationError(said, "recipients")])
        if model and any(before[name] != after[name] for name in TIMES):
            changes["last_eval_dttm"] = datetime.now(UTC).replace(tzinfo=None)

    return guarded


def _own_logs():
    from superset.reports.filters import ReportScheduleFilter
    from superset.reports.models import ReportExecutionLog, ReportSchedule
    from superset.views.base import BaseFilter

    from superset import db

    class OwnLogs(BaseFilter):
        def apply(self, query, value):
            mine = ReportScheduleFilter.apply(self, db.session.query(ReportSchedule.id), value)
            return query.filter(ReportExecutionLog.report_schedule_id.in_(mine))

    return OwnLogs
