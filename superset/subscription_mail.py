"""The mail that brings a subscribed dashboard, and handing it to the mail server.

Not Superset's own: that one is English, names files in a way that mail programs cannot read, and checks no certificate.
"""

import smtplib
from dataclasses import dataclass
from datetime import datetime
from email.message import EmailMessage
from email.utils import format_datetime
from html import escape
from urllib.parse import quote

from yidang import smtp

TIMEOUT_SECONDS = 60
MADE_UP = "虚构示例数据"


@dataclass(frozen=True)
class Letter:
    """key: the same whenever this subscription is tried for this due time, so that a double can be told."""

    key: str
    name: str
    title: str  # of the dashboard
    subject: str  # as the account wrote it; "" where it did not
    said: str  # its description
    note: str  # what stands on top of the page
    link: str
    account: str
    drawn_at: datetime
    kind: str  # pdf or png
    content: bytes


class NotTaken(Exception):
    """The mail server has not taken it. The text says why, without an address."""


def compose(letter: Letter, sender: str, to: list[str], cc: list[str]) -> EmailMessage:
    at = f"{letter.drawn_at:%Y-%m-%d %H:%M}"
    made_up = f"【{MADE_UP}】" if MADE_UP in letter.note else ""
    message = EmailMessage()
    message["From"], message["To"] = sender, ", ".join(to)
    if cc:
        message["Cc"] = ", ".join(cc)
    message["Subject"] = f"{made_up}{letter.subject or letter.title} {letter.drawn_at:%Y-%m-%d}"
    message["Date"] = format_datetime(letter.drawn_at)
    message["Message-ID"] = f"<{letter.key}@{sender.rpartition('@')[2].rstrip('>')}>"
    message["Auto-Submitted"] = "auto-generated"
    lines = [
        f"“{letter.title}”在 {at} 的样子，见{'附件' if letter.kind == 'pdf' else '下图'}。",
        letter.note,
        letter.said,
        f"打开看板：{letter.link}",
        f"本邮件由一档按账号 {letter.account} 的订阅“{letter.name}”自动发送，只含该账号能看到的数据；"
        "在 Superset 的 设置 → 告警和报告 中修改或停用。",
    ]
    lines = [line for line in lines if line]
    message.set_content("\n\n".join(lines) + "\n")
    link = f'<a href="{escape(letter.link)}">{escape(letter.link)}</a>'
    body = "".join(f"<p>{escape(line).replace(escape(letter.link), link)}</p>" for line in lines)
    file = f"{letter.title}_{letter.drawn_at:%Y-%m-%d}.{letter.kind}"
    if letter.kind == "pdf":
        message.add_alternative(f'<html lang="zh"><body>{body}</body></html>', subtype="html")
        message.add_attachment(letter.content, maintype="application", subtype="pdf", filename=file)
    else:
        cid = f"picture.{letter.key}"
        picture = f'<p><img src="cid:{quote(cid)}" alt="{escape(letter.title)}" style="max-width:100%"></p>'
        message.add_alternative(f'<html lang="zh"><body>{body}{picture}</body></html>', subtype="html")
        html = message.get_payload()[1]
        html.add_related(letter.content, "image", "png", cid=f"<{cid}>", filename=file, disposition="inline")
    return message


def deliver(url: str, sender: str, message: EmailMessage, to: list[str]) -> int:
    """Hand it over, to all receivers at once. Returns how many of them the server refused.

    Raises NotTaken where nobody gets it.
    """
    reason, refused = None, {}
    try:
        with smtp.connect(url, TIMEOUT_SECONDS) as client:
            refused = client.send_message(message, sender, to)
    except smtp.NoEncryption:
        reason = "邮件服务器不支持加密"
    except smtplib.SMTPRecipientsRefused as error:
        reason = f"邮件服务器拒收所有收件人（SMTP {min(code for code, _ in error.recipients.values())}）"
    except (smtplib.SMTPException, OSError) as error:
        code = f"SMTP {error.smtp_code}" if isinstance(error, smtplib.SMTPResponseException) else type(error).__name__
        reason = f"邮件服务器没有收下（{code}）"
    if reason:  # raised here, so that the error's context holds no address
        raise NotTaken(reason)
    return len(refused)
