"""The demo's warnings.yml: made-up officers, all of whose mail goes to the mail catcher of this machine."""

from __future__ import annotations

from datetime import date

import yaml

from yidang.settings import Settings
from yidang.warning.receivers import Receivers
from yidang.warning.wording import MADE_UP, ROLES

DOMAIN = "yunxi.example"


def write(settings: Settings, form_url: str, begins_on: date) -> None:
    """Write the file unless there is one; readable by its owner only, as a real one should be."""
    file = settings.warnings_file
    if file.exists():
        return
    content = {
        "begins_on": begins_on,
        "form_url": form_url,
        "channels": {
            "mail": {"url": f"smtp://127.0.0.1:{settings.port('mail')}", "sender": f"yidang@{DOMAIN}"},
        },
        "receivers": [{"role": role, "channel": "mail", "to": f"{role}@{DOMAIN}"} for role in ROLES],
    }
    Receivers.model_validate(content)
    text = yaml.safe_dump(content, allow_unicode=True, sort_keys=False)
    temporary = file.with_suffix(".tmp")
    temporary.touch(mode=0o600)
    temporary.write_text(f"# {MADE_UP}; every key: docs/operations.md, Warnings\n{text}", encoding="utf-8")
    temporary.replace(file)
