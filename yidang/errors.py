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


# In what libpq says when the server answered, but would not let us in.
_REFUSED = ("authentication failed", "role ", "pg_hba.conf", "permission denied", "does not exist")


def no_connection(server: str, error: Exception, *, start: str, login: str) -> YidangError:
    """The error for a PostgreSQL connection that could not be made, with what libpq says first.

    server: begins the sentence, e.g. "The warehouse". start, login: the cures when nobody answers, and when the login
    is refused (a ConfigError). libpq's later lines only ask whether the server runs, or repeat the attempt.
    """
    said = first_line(error).removeprefix("connection failed: ").removeprefix("connection is bad: ")
    if any(words in said for words in _REFUSED):
        return ConfigError(f"{server} refuses the login: {said}", login)
    return YidangError(f"{server} does not answer: {said}", start)


def first_line(error: Exception) -> str:
    """What an error says first; its type if it says nothing."""
    return (str(error).strip() or type(error).__name__).splitlines()[0]
