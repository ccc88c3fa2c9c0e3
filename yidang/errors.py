"""The one exception that reaches people: what went wrong, where, and the cure."""

import re


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
_NO_DATABASE = re.compile(r'database ".*" does not exist')
_NO_ENTRY = re.compile(r'permission denied for database "(.*)"')
# What begins a SQLSTATE when the server's message repeats a value: a value that does not fit, or breaks a constraint.
_ABOUT_VALUES = ("22", "23")


def no_connection(
    server: str, error: Exception, *, start: str, login: str, database: str = "Make it: make demo"
) -> YidangError:
    """The error for a PostgreSQL connection that could not be made, with what libpq says first.

    server: begins the sentence, e.g. "The warehouse". start, login, database: the cures when nobody answers, when the
    login is refused, and when it is accepted but there is no such database (both ConfigErrors). libpq's later lines
    only ask whether the server runs, or repeat the attempt.
    """
    said = first_line(error).removeprefix("connection failed: ").removeprefix("connection is bad: ")
    if _NO_DATABASE.search(said):
        return ConfigError(f"{server} has no such database: {said}", database)
    if found := _NO_ENTRY.search(said):
        grant = f'GRANT CONNECT ON DATABASE "{found[1]}" TO the login'
        return ConfigError(f"{server} does not let the login into the database: {said}", f"Have it granted: {grant}.")
    if any(words in said for words in _REFUSED):
        return ConfigError(f"{server} refuses the login: {said}", login)
    return YidangError(f"{server} does not answer: {said}", start)


def first_line(error: Exception) -> str:
    """What an error says first; its type if it says nothing."""
    return (str(error).strip() or type(error).__name__).splitlines()[0]


def without_values(error: Exception) -> str:
    """What a database's error says first, without the value that it is about, which may be personal."""
    return hide_values(first_line(error), getattr(error, "sqlstate", None) or "")


def hide_values(line: str, sqlstate: str) -> str:
    """The line of a server's message with what stands in quotation marks hidden, if errors of that state quote values.

    From the first mark to the last one, since a value may hold some itself; to the end where a line end cut it off.
    """
    return re.sub(r'"(?:.*"|.*$)', '"…"', line) if sqlstate.startswith(_ABOUT_VALUES) else line
