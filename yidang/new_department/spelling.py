"""How names and values are spelled in the SQL, Jinja and YAML of a draft."""

from __future__ import annotations

import re

import yaml

from yidang.new_department.names import Name
from yidang.new_department.seen import SeenTable

yaml.SafeDumper.add_representer(Name, yaml.representer.SafeRepresenter.represent_str)

_CASTS = {"integer", "numeric", "boolean", "timestamp", "date", "limit_unit"}


def cast(kind: str, column: str, name: str, relation: str = "") -> str:
    """`column` as the type it is to have, called `name`; relation: where two have a column of that name."""
    column = f"{relation}.{quoted(column)}" if relation else quoted(column)
    if kind == "raw":
        return f"{braceless(column)} as {name}"
    macro = f"to_{kind}" if kind in _CASTS else "clean_text"
    return f"{{{{ {macro}({jinja(column)}) }}}} as {name}"


def key(table: SeenTable) -> str:
    """The second argument of latest_landed()."""
    return jinja(", ".join(quoted(column) for column in table.key))


def quoted(column: str) -> str:
    return '"' + column.replace('"', '""') + '"'


def text(value: str) -> str:
    return braceless("'" + value.replace("'", "''") + "'")


def jinja(text: str) -> str:
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"


def braceless(text: str) -> str:
    """SQL outside of a macro: what Jinja would take for its own is written as a string of Jinja."""
    return f"{{{{ {jinja(text)} }}}}" if re.search(r"\{[{%#]", text) else text


def comment(text: str) -> str:
    return re.sub(r"\s+", " ", text).replace("{", "(").replace("}", ")")


def lines(notes: list[str]) -> str:
    return "".join(f"-- {comment(note)}\n" for note in notes)


def flow(value: object) -> str:
    """A value as one piece of flow YAML, without what PyYAML puts behind a scalar."""
    text = yaml.safe_dump(value, default_flow_style=True, allow_unicode=True, sort_keys=False, width=110)
    return text.removesuffix("...\n").rstrip("\n")
