"""How a choice of thresholds is made again: the command, and the parameters of the flow."""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping
from typing import Any

from tasks.selection_config import MODIFIERS, SelectionConfig, to_option

QUOTAS = tuple(name for name in MODIFIERS if name.startswith("max_per_"))


def list_settings(config: SelectionConfig | None, split: str, judge_id: str) -> dict[str, Any]:
    """Return what a choice needs beside rule and thresholds: split, judge, and the modifiers of the selection.

    A calibration is none of them: the page has the judge's own scores.
    """
    modifiers = {name: getattr(config, name) for name in (*MODIFIERS, "agree_with")} if config else {}
    settings = {"split": split, "judge_id": judge_id, **modifiers}
    return {name: value for name, value in settings.items() if value not in ("", None)}


def write_command(rule: str, thresholds: tuple[float, float], settings: Mapping[str, Any]) -> str:
    """Return the command line that selects by these thresholds."""
    return f"empathy select {join_options(name_choice(rule, thresholds) | dict(settings))}"


def name_choice(rule: str, thresholds: tuple[float, float]) -> dict[str, Any]:
    """Return rule and thresholds as fields of a selection."""
    return {
        "rule": rule,
        "sensibility_threshold": tidy(thresholds[0]),
        "rationality_threshold": tidy(thresholds[1]),
    }


def join_options(values: Mapping[str, Any]) -> str:
    """Return settings as options of the command line."""
    words = [word for name, value in values.items() for word in (to_option(name), to_word(value))]
    return shlex.join(words)


def to_word(value: float | int | str) -> str:
    """Return a value as it is typed; a number reads back as the same number."""
    return value if isinstance(value, str) else repr(tidy(value))


def tidy(value: float) -> float:
    """Return a number without decimals where it has none."""
    return int(value) if value == int(value) else value


def write_parameters(rule: str, thresholds: tuple[float, float], settings: Mapping[str, Any]) -> str:
    """Return the parameters of the flow `select-subsets`, as JSON."""
    chosen = name_choice(rule, thresholds)
    return json.dumps({"selection": {**chosen, **settings}}, indent=2)


def name_quotas(settings: Mapping[str, Any]) -> list[str]:
    """Return the quotas among the settings, as a person reads them."""
    return [f"{name.replace('_', ' ')} {settings[name]:,}" for name in QUOTAS if name in settings]
