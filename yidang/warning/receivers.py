"""warnings.yml: who hears of warnings, and by which channel. It holds addresses, so it lies outside git."""

from __future__ import annotations

from datetime import date
from typing import Literal
from urllib.parse import urlsplit

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from yidang.contracts.mistakes import explain, syntax_error
from yidang.errors import ConfigError
from yidang.settings import Settings

Role = Literal["handler", "section_head", "department_lead", "task_force"]
# By the URL's scheme. A robot speaks to its group: it needs no address.
MAIL, SMS, ROBOT = (
    ("smtp", "smtps"),
    ("http", "https"),
    ("dingtalk+https", "dingtalk+http", "wecom+https", "wecom+http"),
)


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Channel(_Part):
    """One way to reach people. url, token and secret may hold ${NAME} of a secret.

    sender: a mail's From. token: Bearer token of an SMS gateway. secret: a DingTalk robot's signature.
    fields: what an SMS gateway calls the keys of its JSON. constants: what else it wants there (a template's number).
    """

    url: str
    sender: str | None = None
    token: str | None = None
    secret: str | None = None
    fields: dict[Literal["id", "to", "text"], str] = Field(default_factory=dict)
    constants: dict[str, str] = Field(default_factory=dict)

    @property
    def scheme(self) -> str:
        return urlsplit(self.url).scheme

    @property
    def names_receivers(self) -> bool:
        """Whether it needs an address to reach somebody."""
        return self.scheme not in ROBOT

    @model_validator(mode="after")
    def _is_complete(self) -> Channel:
        if self.scheme not in (*MAIL, *SMS, *ROBOT):
            known = ", ".join(f"{scheme}://" for scheme in (*MAIL, "https", "dingtalk+https", "wecom+https"))
            raise ValueError(f"url must begin with one of {known}; only what follows may be a secret")
        if self.scheme in MAIL and not self.sender:
            raise ValueError("a mail channel needs sender, the address that its mails come from")
        return self


class Receiver(_Part):
    """Who has a role: in an office of a department, in the whole department, or everywhere (the most exact counts)."""

    role: Role
    channel: str
    to: str = ""
    department: str | None = None
    office: str | None = None


class Receivers(_Part):
    """The whole file.

    begins_on: nobody is told of what was raised before. form_url: where the receivers reach the form (`yidang warnings
    serve`). link_days: days that a link is good for. superset_url: where they reach the dashboards, for the links in
    subscriptions (yidang/subscriptions.py); by default this machine alone does.
    """

    begins_on: date
    form_url: str = Field(pattern=r"^https?://[^?#]+/$")
    link_days: int = Field(default=30, ge=1, le=365)
    superset_url: str | None = Field(default=None, pattern=r"^https?://[^?#]+/$")
    channels: dict[str, Channel]
    receivers: list[Receiver]

    @model_validator(mode="after")
    def _fits_together(self) -> Receivers:
        places = set()
        for number, receiver in enumerate(self.receivers, 1):
            channel = self.channels.get(receiver.channel)
            if channel is None:
                raise ValueError(f"receiver {number} names the channel {receiver.channel}, which is not in channels")
            if channel.names_receivers and not receiver.to:
                raise ValueError(f"receiver {number} needs `to`: its channel reaches nobody without an address")
            if receiver.office and not receiver.department:
                raise ValueError(f"receiver {number} has an office but no department")
            place = (receiver.role, receiver.department, receiver.office)
            if place in places:
                raise ValueError(f"receiver {number} has the role, department and office of an earlier one")
            places.add(place)
        return self

    def find(self, role: str, department: str | None, office: str | None) -> Receiver | None:
        """Who has the role there; None where nobody has."""
        for place in ((department, office), (department, None), (None, None)):
            for receiver in self.receivers:
                if receiver.role == role and (receiver.department, receiver.office) == place:
                    return receiver
        return None


def load(settings: Settings) -> Receivers | None:
    """The file as it is now; None where there is none. Raises ConfigError with line and cure, without any address."""
    path = settings.warnings_file
    if not path.exists():
        return None
    try:
        return Receivers.model_validate(yaml.safe_load(path.read_text(encoding="utf-8")) or {})
    except yaml.YAMLError as error:
        raise ConfigError(*syntax_error(error, path.name)) from None
    except ValidationError as error:
        what, cure = explain(error, path, path.name, Receivers)
        raise ConfigError(what, cure.replace("departments/README.md", "docs/operations.md (Warnings)")) from None
