"""Change values in a YAML text and leave all else of it as it was written: order, comments, quotes, line ends."""

from __future__ import annotations

import io
from collections.abc import Iterator
from difflib import SequenceMatcher

import yaml
from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap, CommentedSeq
from ruamel.yaml.emitter import Emitter
from ruamel.yaml.representer import RoundTripRepresenter
from ruamel.yaml.scalarstring import LiteralScalarString, ScalarString, SingleQuotedScalarString

from yidang import yaml_text
from yidang.errors import YidangError

# Long texts are wrapped; the first of these that repeats a text as it stands is the width it was written with.
_WIDTHS = (150, 120, 160, 4096)


def edited(text: str, value: dict) -> str:
    """The text with as few lines changed as make it read `value`. An alias whose value changes is written out.

    Raises YidangError rather than return a text that reads otherwise.
    """
    for width in _WIDTHS:
        document = _yaml(width).load(text)
        if _dumped(document, width) == text:
            break
    else:
        width = _WIDTHS[0]
    seen = [id(one) for one in _containers(document)]
    _put(document, value, {one for one in seen if seen.count(one) > 1})
    return _verified(_dumped(document, width), value)


def written(value: dict) -> str:
    """A new text in the same style."""
    return _verified(_dumped(_plain(value), _WIDTHS[0]), value)


def same(one: object, other: object) -> bool:
    """Equal as YAML: 1 is 1.0, but true is not 1."""
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(same(one[key], other[key]) for key in one)
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(same, one, other))
    return isinstance(one, bool) == isinstance(other, bool) and one == other


def _put(old: CommentedMap, new: dict, shared: set[int]) -> None:
    for key in [key for key in old if key not in new]:
        del old[key]
    for key, value in new.items():
        old[key] = _brought(old[key], value, shared) if key in old else _plain(value)


def _brought(old: object, new: object, shared: set[int]) -> object:
    """What to write for `new` where `old` stands; shared: ids of what stands in several places by an alias."""
    if same(old, new):
        return old
    if id(old) not in shared:
        if isinstance(old, dict) and isinstance(new, dict):
            _put(old, new, shared)
            return old
        if isinstance(old, list) and isinstance(new, list):
            return _list(old, new, shared)
    if isinstance(old, ScalarString) and isinstance(new, str):
        return type(old)(new)
    return _plain(new)


def _list(old: CommentedSeq, new: list, shared: set[int]) -> list:
    if len(old) == len(new):
        for place, value in enumerate(new):
            old[place] = _brought(old[place], value, shared)
        return old
    kept = CommentedSeq()
    matcher = SequenceMatcher(None, [repr(one) for one in map(_read, old)], [repr(one) for one in new], autojunk=False)
    for operation, start, _, first, last in matcher.get_opcodes():
        kept += [old[start + n] for n in range(last - first)] if operation == "equal" else _plain(new[first:last])
    return kept


def _read(value: object) -> object:
    """The value without what ruamel.yaml remembers of how it was written."""
    if isinstance(value, dict):
        return {str(key): _read(one) for key, one in value.items()}
    if isinstance(value, list):
        return [_read(one) for one in value]
    return str(value) if isinstance(value, str) else value


def _plain(value: object) -> object:
    """A copy that shares nothing, or it would be written with an anchor; texts of several lines as a block."""
    if isinstance(value, dict):
        return {key: _plain(one) for key, one in value.items()}
    if isinstance(value, list):
        return [_plain(one) for one in value]
    if not isinstance(value, str):
        return value
    if "\n" in value:
        return LiteralScalarString(value)
    # ruamel.yaml writes YAML 1.2, where `on` is a text; all others here read 1.1, where it is true.
    tag = yaml.SafeLoader("").resolve(yaml.ScalarNode, value, (True, False))
    return value if tag == "tag:yaml.org,2002:str" else SingleQuotedScalarString(value)


def _containers(value: object) -> Iterator[object]:
    """Every mapping and list within, as often as it is referred to."""
    if isinstance(value, dict | list):
        yield value
        for one in value.values() if isinstance(value, dict) else value:
            yield from _containers(one)


class _Representer(RoundTripRepresenter):
    """Its own class, because what is added to ruamel.yaml's holds for the whole process."""


_Representer.add_representer(
    type(None), lambda representer, _: representer.represent_scalar("tag:yaml.org,2002:null", "null")
)


class _Emitter(Emitter):
    """Wraps a plain text as PyYAML does, which wrote the files; ruamel.yaml leaves a blank at the line's end."""

    write_plain = yaml.emitter.Emitter.write_plain


def _yaml(width: int) -> YAML:
    parser = YAML()
    parser.width = width
    parser.preserve_quotes = True
    parser.Representer = _Representer
    parser.Emitter = _Emitter
    return parser


def _dumped(document: object, width: int) -> str:
    output = io.StringIO()
    _yaml(width).dump(document, output)
    return output.getvalue()


def _verified(text: str, value: dict) -> str:
    if not same(yaml_text.load(text), value):
        raise YidangError("A value cannot be written as YAML so that it reads the same.", "Please report this.")
    return text
