"""Chinese and English labels of `yidang clock explain`."""

from __future__ import annotations

from collections.abc import Mapping

WEEKDAYS = ("周一 Mon", "周二 Tue", "周三 Wed", "周四 Thu", "周五 Fri", "周六 Sat", "周日 Sun")
EVENTS = {
    "received": "接件 received",
    "withdrawn": "撤件 withdrawn",
    "accepted": "受理 accepted",
    "not_accepted": "不受理 not accepted",
    "refused_acceptance": "不予受理 refused acceptance",
    "correction_requested": "补正开始 correction requested",
    "correction_received": "补正结束 correction received",
    "department_started": "部门开始办理 department started",
    "special_start": "特别程序开始 special procedure starts",
    "special_end": "特别程序结束 special procedure ends",
    "decided_pass": "办结(通过) decided: pass",
    "decided_pass_tolerant": "办结(容缺通过) decided: pass, papers to follow",
    "decided_deny": "办结(不通过) decided: deny",
    "recalled": "撤回 recalled",
    "revoked": "撤销 revoked",
    "suspended": "挂起 suspended",
    "resumed": "恢复 resumed",
    "extended": "延长时限 extended",
}
PAUSES = {"special": "特别程序 special", "suspension": "挂起 suspension", "correction": "补正 correction"}
OUTCOMES = {
    "passed": "通过 passed",
    "denied": "不通过 denied",
    "withdrawn": "撤件 withdrawn",
    "not_accepted": "不受理 not accepted",
    "open": "在办 open",
}
UNITS = {
    "working_days": "工作日 working days",
    "calendar_days": "自然日 calendar days",
    "working_hours": "工作小时 working hours (不计 not counted)",
    "hours": "小时 hours (不计 not counted)",
}
_DAYS = {"working": "工作日 working", "weekend": "周末 weekend", "makeup": "调休上班 make-up"}
DEEMED = "视同受理 deemed accepted: 五个工作日内未告知 no reply within the days to reply"
_NO_CLOCK = {
    "ORDER_ERROR": "办结早于受理 decided before it was accepted",
    "PRE_ACCEPTANCE": "尚未受理 not accepted yet",
    "NO_ACCEPTANCE": "办结而无受理 decided, never accepted",
    "CAL_UNAVAILABLE": "日历未载入该年 a day lies outside the loaded calendar",
}


def label(words: Mapping[str, str], key: str | None) -> str:
    """The label, or the key itself where a newer model knows more."""
    return words.get(key, key) if key else "—"


def day(kind: str, holiday: str | None) -> str:
    return f"假日 holiday {holiday}" if kind == "holiday" else label(_DAYS, kind) + (f" {holiday}" if holiday else "")


def stops(pause: dict) -> str:
    """Which clocks a pause stops, and why not."""
    if pause["is_unclosed_on_decided"]:
        return "不扣除 none: 办结时未结束 never closed"
    clocks = [
        word for word, stop in (("承诺 promise", "stops_promise"), ("法定 statute", "stops_statute")) if pause[stop]
    ]
    basis = f" ({pause['local_rule_basis']})" if pause["local_rule_basis"] else ""
    if not clocks and not basis and pause["reason_code"] == "5":
        basis = " (公示无地方规定 no local rule about it)"
    return (" + ".join(clocks) or "不停 none") + basis


def extension(event: dict) -> str:
    """By how many days, and on whose document."""
    days = f"+{event['extension_days']}" if event["extension_days"] else "天数不明 days unknown"
    return f"{days} ({event['document_number'] or '无批准文号 no document'})"


def no_clock(flags: str | None) -> str:
    return "; ".join(_NO_CLOCK[flag] for flag in (flags or "").split("|") if flag in _NO_CLOCK) or "未受理 not accepted"


def value(given: object) -> str:
    if given is None:
        return "—"
    return {True: "是 yes", False: "否 no"}[given] if isinstance(given, bool) else UNITS.get(given, str(given))
