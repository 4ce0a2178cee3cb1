"""YAML from people: recipes, spaces and settings, read within bounds, with errors on one line.

A file names no code, and whatever is wrong with it is told with its line. Dates stay texts, as no
field is one.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from kerascnn.errors import UserError
from kerascnn.files import UnreadableError, legible, read_regular
from kerascnn.spec import SpecError

MOST_BYTES = 1_000_000
_MOST_VALUES = 100_000  # aliases counted as often as they stand
_DEEPEST = 40


class _Loader(yaml.SafeLoader):
    """Plain values only, without dates."""


_Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if not tag.endswith(":timestamp")]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


class _FaultError(Exception):
    """What is wrong, on which line (from 0; None where there is none to name), in which field."""

    def __init__(self, text: str, line: int | None = None, field: str = ""):
        super().__init__(f"{field}: {text}" if field else text)
        self.line = line


@dataclass(frozen=True)
class Document:
    """YAML text that was read.

    Attributes:
        values: What it holds: plain values.
        where: Where it is from, for messages.
        text: As it was written.
    """

    values: Any
    where: str
    text: str

    def located(self, error: SpecError) -> UserError:
        """Returns an error with the values, with the line of every fault."""
        faults = ""
        for fault in error.faults:
            line = _line_of(self.text, fault.where)
            faults += f"; line {line}: {fault}" if line else f"; {fault}"
        joined = ", " if faults.startswith("; line ") else ": "
        return UserError(f"{self.where}{joined}{faults.removeprefix('; ')}")


def read_yaml(path: str | Path, what: str) -> Document:
    """Reads a YAML file.

    Args:
        path: The path of the file.
        what: What it is, such as "recipe", for messages.

    Raises:
        UserError: If it cannot be read, is too large, or is not YAML of plain values.
    """
    where = f"{what} {legible(path)}"
    try:
        text = read_regular(path, 4 * MOST_BYTES).decode("utf-8-sig")
    except UnreadableError as error:
        raise UserError(f"{where}: {error.reason}") from None
    except UnicodeDecodeError as error:
        raise UserError(f"{where}: not YAML: byte {error.start} is not UTF-8") from None
    return Document(parse_yaml(text, where), where, text)


def parse_yaml(text: str, where: str) -> Any:
    """Reads YAML text.

    Args:
        text: To read.
        where: Where it is from, for messages.

    Raises:
        UserError: If it is too long or not YAML of plain values; names the line, if there are many.
    """
    try:
        if len(text) > MOST_BYTES:
            raise _FaultError(f"{len(text):,} characters, at most {MOST_BYTES:,} can be")
        _check_depth(text)
        node = yaml.compose(text, Loader=_Loader)
        if node is None:
            return None
        _check_size(node, "", {})
        loader = _Loader("")
        try:
            return loader.construct_document(node)
        finally:
            loader.dispose()
    except _FaultError as fault:
        line, reason = fault.line, str(fault)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line, reason = mark.line if mark else None, f"not YAML: {error.problem or error.context}"
    except (yaml.YAMLError, ValueError, TypeError, OverflowError) as error:
        line, reason = None, f"not YAML: {' '.join(str(error).split())[:200]}"
    place = f", line {line + 1}" if line is not None and "\n" in text.strip() else ""
    raise UserError(f"{where}{place}: {reason}")


def _check_depth(text: str) -> None:
    """Refuses deep nesting, before anything goes through it by recursion."""
    depth = 0
    for event in yaml.parse(text, Loader=_Loader):
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
            if depth > _DEEPEST:
                mark = event.start_mark
                raise _FaultError(f"nested more than {_DEEPEST} deep", mark.line if mark else None)
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1


def _check_size(node: yaml.Node, field: str, sizes: dict[int, int]) -> int:
    """Returns how many values a node stands for; checks every key and every value in it."""
    line = node.start_mark.line
    if id(node) in sizes:
        if sizes[id(node)] == 0:
            raise _FaultError("holds itself", line, field)
        return sizes[id(node)]
    sizes[id(node)] = 0  # until it is known
    total = 1
    for name, child in _children(node, field):
        total += _check_size(child, name, sizes)
        if total > _MOST_VALUES:
            raise _FaultError(f"stands for more than {_MOST_VALUES:,} values", line, field)
    if isinstance(node, yaml.ScalarNode):
        _check_scalar(node, field)
    sizes[id(node)] = total
    return total


def _children(node: yaml.Node, field: str) -> Iterator[tuple[str, yaml.Node]]:
    """Yields what is in a node, each with its dotted name."""
    start = f"{field}." if field else ""
    if isinstance(node, yaml.SequenceNode):
        for number, value in enumerate(node.value):
            yield f"{start}{number}", value
    elif isinstance(node, yaml.MappingNode):
        seen = set()
        for key, value in node.value:
            line = key.start_mark.line
            if not isinstance(key, yaml.ScalarNode) or key.tag != "tag:yaml.org,2002:str":
                shown = key.value if isinstance(key, yaml.ScalarNode) else "a collection"
                reason = f"a key is {shown or 'empty'}, must be text (in quotes if need be)"
                raise _FaultError(reason, line, field)
            if key.value in seen:
                raise _FaultError(f"'{key.value}' stands there twice", line, field)
            seen.add(key.value)
            yield f"{start}{key.value}", value


def _line_of(text: str, field: str) -> int | None:
    """Returns the line, from 1, of a field by its dotted name, or of the nearest that holds it."""
    node, line, found = yaml.compose(text, Loader=_Loader), None, ""
    while node is not None:
        for name, child in _children(node, found):
            if name == field or field.startswith(f"{name}."):
                node, line, found = child, _start(node, child), name
                break
        else:
            break
    return line


def _start(parent: yaml.Node, child: yaml.Node) -> int:
    """Returns the line, from 1, of a value, or of its key where it has one."""
    if isinstance(parent, yaml.MappingNode):
        line: int = next(key for key, value in parent.value if value is child).start_mark.line
    else:
        line = child.start_mark.line
    return line + 1


def _check_scalar(node: yaml.ScalarNode, field: str) -> None:
    """Refuses what cannot be read as what it says it is, by its line."""
    loader = _Loader("")
    try:
        loader.construct_document(node)
    except Exception as error:  # a tag that does not fit raises whatever it leads to
        kind = node.tag.rpartition(":")[2]
        text = node.value if len(node.value) <= 40 else f"{node.value[:40]}..."
        known = "could not determine" not in str(error)
        reason = f"'{text}' is no {kind}" if known else f"'!{kind}' names no plain value"
        raise _FaultError(reason, node.start_mark.line, field) from None
    finally:
        loader.dispose()
