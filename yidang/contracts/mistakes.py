"""A contract's mistakes in words: which file, which line, which key, what to write instead."""

from __future__ import annotations

import difflib
from pathlib import Path
from types import UnionType
from typing import Union, get_args, get_origin

import yaml
from pydantic import BaseModel, ValidationError


def syntax_error(error: yaml.YAMLError, shown: str) -> tuple[str, str]:
    """(what, cure) for a file that is not YAML at all."""
    mark = getattr(error, "problem_mark", None)
    place = f"line {mark.line + 1}, column {mark.column + 1}" if mark else "unknown line"
    problem = getattr(error, "problem", None) or str(error)
    return f"{shown}: {place}: not valid YAML: {problem}.", "Mind the indentation, the colons and the quotation marks."


def explain(error: ValidationError, path: Path, shown: str, model: type[BaseModel]) -> tuple[str, str]:
    """(what, cure) for every mistake pydantic found, one per line with the key's path and the line in the file."""
    root = yaml.compose(path.read_text(encoding="utf-8"))
    sentences, cures = [], []
    for mistake in error.errors():
        keys, line = _locate(root, mistake["loc"])
        where = f"{shown}{f', line {line}' if line else ''}: {'.'.join(map(str, keys)) or 'the file'}"
        if mistake["type"] == "extra_forbidden":
            sentences.append(f"{where} is not a known key.")
            near = difflib.get_close_matches(str(keys[-1]), _field_names(model), n=1, cutoff=0.6)
            cures.append(f"Did you mean `{near[0]}`?" if near else f"Delete `{keys[-1]}`.")
        elif mistake["type"] == "missing":
            sentences.append(f"{where} is missing.")
            cures.append(f"Add `{keys[-1]}`.")
        else:
            text = mistake["msg"].removeprefix("Value error, ").replace("Input should be", "must be")
            sentences.append(f"{where}: {text}.")
    cure = " ".join(dict.fromkeys(cures)) or "Correct the file; departments/README.md describes every key."
    return "\n".join(sentences), cure


def _locate(root: yaml.Node | None, location: tuple[int | str, ...]) -> tuple[list[int | str], int | None]:
    """The keys as written in the file, and the line of the last one that exists.

    pydantic puts the tag of a union ('rest', 'page') into the location; it is no key, so it is left out.
    """
    keys: list[int | str] = []
    node, line = root, None
    for position, part in enumerate(location):
        last = position == len(location) - 1
        if isinstance(node, yaml.MappingNode):
            children = {key.value: (key, value) for key, value in node.value}
            if part in children:
                line, node = children[part][0].start_mark.line + 1, children[part][1]
            elif any(part == value.value for key, value in children.values() if key.value == "kind") and not last:
                continue
        elif isinstance(node, yaml.SequenceNode) and isinstance(part, int) and part < len(node.value):
            node = node.value[part]
            line = node.start_mark.line + 1
        keys.append(part)
    return keys, line


def _field_names(model: type[BaseModel]) -> set[str]:
    """Every key that may occur anywhere below `model`."""
    names: set[str] = set()
    for name, field in model.model_fields.items():
        names.add(field.alias or name)
        for inner in _models_in(field.annotation):
            names |= _field_names(inner)
    return names


def _models_in(annotation: object) -> list[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    if get_origin(annotation) in (Union, UnionType, list, dict) or get_args(annotation):
        return [model for part in get_args(annotation) for model in _models_in(part)]
    return []
