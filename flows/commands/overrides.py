"""`--set KEY=VALUE`: any field of the experiment by its dotted path, read as TOML reads it, a bare word as text."""

from __future__ import annotations

import tomllib
from collections.abc import Sequence
from difflib import get_close_matches
from typing import TYPE_CHECKING, Annotated, Any, get_args

import typer

from tasks.errors import ConfigError

if TYPE_CHECKING:
    from pydantic import BaseModel

SetOption = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="KEY=VALUE", help="Set a field of the experiment: --set expert.max_length=1024."),
]


def parse_overrides(assignments: Sequence[str]) -> dict[str, Any]:
    """Return `KEY=VALUE` assignments as nested mappings to lay over a profile; of one key twice the last counts.

    Raises ConfigError for one without `=`, and for a key that is no field of the experiment. Whether a value fits
    its field is for the experiment to say.
    """
    overrides: dict[str, Any] = {}
    for assignment in assignments:
        key, sign, text = assignment.partition("=")
        path = [part.strip() for part in key.split(".")]
        if not sign:
            raise _wrong(f"`--set {assignment}` has no `=`.", assignment, "write it as KEY=VALUE")
        check_path(path, assignment)
        group = overrides
        for part in path[:-1]:
            inner = group.get(part)
            group[part] = group = inner if isinstance(inner, dict) else {}
        group[path[-1]] = parse_value(text)
    return overrides


def parse_value(text: str) -> Any:
    """Return a TOML scalar, array or inline table; what TOML cannot read is the text itself, `null` is None."""
    text = text.strip()
    if text == "null":  # TOML has none, and a limit must be removable
        return None
    try:
        parsed = tomllib.loads(f"value = {text}")
    except (ValueError, RecursionError):
        return text
    value = parsed["value"]
    is_one = parsed.keys() == {"value"}  # a line break would begin another key
    return value if is_one and isinstance(value, (str, int, float, list, dict)) else text  # no dates here


def check_path(path: Sequence[str], assignment: str) -> None:
    """Raise ConfigError naming the part of a dotted path that is no field, and those that are like it."""
    from tasks.config import ExperimentConfig

    group: type[BaseModel] | None = ExperimentConfig
    for at, part in enumerate(path):
        name = ".".join(path[: at + 1])
        if group is None:
            raise _wrong(f"{'.'.join(path[:at])} is a value: there is no {name}.", assignment, "set it as a whole")
        if part not in group.model_fields:
            near = get_close_matches(part, group.model_fields, n=1, cutoff=0.5)
            known = ", ".join(group.model_fields)
            do = f"did you mean {'.'.join([*path[:at], near[0]])}?" if near else f"choose one of: {known}"
            raise _wrong(f"There is no field {name!r}.", assignment, do)
        group = _find_group(group.model_fields[part].annotation)


def _find_group(annotation: Any) -> type[BaseModel] | None:
    """Return the group of fields that a field holds, if it holds one."""
    from pydantic import BaseModel

    for kind in (annotation, *get_args(annotation)):
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            return kind
    return None


def _wrong(what: str, assignment: str, do: str) -> ConfigError:
    return ConfigError(what, where=f"--set {assignment}", do=do)
