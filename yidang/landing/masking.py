"""The secrets of one source: looked up when they are needed, and kept out of every text that people see."""

from __future__ import annotations

import base64
import json
from urllib.parse import quote, quote_plus

from yidang.contracts import REFERENCE
from yidang.errors import ConfigError
from yidang.settings import Settings


class Secrets:
    """`resolve()` looks secrets up; `hide()` takes out of a text all that were looked up or `keep()`-ed."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._shown: dict[str, str] = {}  # what must not be seen → what is shown instead

    def resolve(self, text: str) -> str:
        """`text` with every ${NAME} replaced by that secret."""
        return REFERENCE.sub(lambda match: self.keep(self._settings.secret(match[1]), match[0]), text)

    def keep(self, secret: str, shown: str) -> str:
        """Hide `secret` from now on, also as it looks within a URL, in JSON or in base64. Returns it."""
        within_json = json.dumps(secret)[1:-1]
        spellings = (
            secret,
            quote(secret, safe=""),
            quote_plus(secret),
            within_json,
            within_json.replace("/", "\\/"),
            base64.b64encode(secret.encode()).decode(),
        )
        self._shown |= {spelling: shown for spelling in spellings if spelling}
        return secret

    def hide(self, text: str) -> str:
        """`text` with names in the place of secrets; longer ones first, since one may be part of another."""
        for spelling in sorted(self._shown, key=len, reverse=True):
            text = text.replace(spelling, self._shown[spelling])
        return text

    def for_header(self, place: str, text: str) -> str:
        """resolve(), where the result goes into a header. ConfigError if a header cannot carry it."""
        value = self.resolve(text)
        if not value.isascii() or not value.isprintable() or value != value.strip():
            raise ConfigError(
                f"{place}: what stands for {text} holds characters that a header cannot carry (a line break, a blank at"
                " an end, or other than ASCII).",
                "Correct the secret; mind a line break at its end.",
            )
        return value
