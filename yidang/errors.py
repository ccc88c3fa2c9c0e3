"""The one exception that reaches people: what went wrong, where, and the cure."""


class YidangError(Exception):
    """A failure a person can mend.

    what:  one sentence that names the place (file, key, table, port …).
    cure:  one sentence that says what to do about it.
    """

    exit_code = 1

    def __init__(self, what: str, cure: str = "") -> None:
        super().__init__(what)
        self.what = what
        self.cure = cure

    def __str__(self) -> str:
        return f"{self.what}\n  → {self.cure}" if self.cure else self.what


class ConfigError(YidangError):
    """The request itself is wrong: unknown department, broken YAML, missing setting. Retrying cannot help."""

    exit_code = 2
