"""JSON as it was sent: numbers keep their spelling, and of a key that comes twice no value is lost unseen."""

from __future__ import annotations

import json


class Number(str):
    """A JSON number in the spelling it was sent in, however long."""

    __slots__ = ()


class Doubled(dict):
    """An object that names a key twice: the last value of each key, and all `pairs` as sent."""

    def __init__(self, pairs: list[tuple[str, object]]) -> None:
        super().__init__(pairs)
        self.pairs = pairs

    @property
    def names(self) -> list[str]:
        """The keys that come more than once."""
        keys = [key for key, _ in self.pairs]
        return [key for key in self if keys.count(key) > 1]


def parse(text: str) -> object:
    """The value; raw control characters within strings are let through. Raises ValueError for what is not JSON."""
    try:
        return json.loads(
            text,
            strict=False,
            parse_int=Number,
            parse_float=Number,
            parse_constant=Number,
            object_pairs_hook=_object,
        )
    except RecursionError:
        raise ValueError("it is nested too deeply") from None


def at(value: object, path: str) -> object:
    """The value at a dotted path, None if there is none; `.` is the value itself. ValueError if a key comes twice."""
    for part in filter(None, path.split(".")):
        if isinstance(value, Doubled) and part in value.names:
            raise ValueError(f"`{part}` comes twice")
        value = value.get(part) if isinstance(value, dict) else None
    return value


def text(value: object) -> str | None:
    """A value as it lands: strings and numbers bare, nested values as compact JSON, null as None."""
    if value is None:
        return None
    return str(value) if isinstance(value, str) else compact(value)


def compact(value: object) -> str:
    """JSON text without blanks; numbers and doubled keys as they were sent."""
    if isinstance(value, Number):
        return value
    if isinstance(value, dict):
        pairs = value.pairs if isinstance(value, Doubled) else value.items()
        return "{" + ",".join(f"{_ENCODER.encode(key)}:{compact(inner)}" for key, inner in pairs) + "}"
    if isinstance(value, list):
        return "[" + ",".join(map(compact, value)) + "]"
    return _ENCODER.encode(value)


def doubled_keys(value: object) -> list[str]:
    """Keys that come twice in one object, anywhere within `value`."""
    if isinstance(value, dict):
        own = value.names if isinstance(value, Doubled) else []
        return own + [key for inner in value.values() if isinstance(inner, (dict, list)) for key in doubled_keys(inner)]
    return [key for inner in value if isinstance(inner, (dict, list)) for key in doubled_keys(inner)]


_ENCODER = json.JSONEncoder(ensure_ascii=False)


def _object(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found = dict(pairs)
    return found if len(found) == len(pairs) else Doubled(pairs)
