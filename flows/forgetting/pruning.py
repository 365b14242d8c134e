"""Entries of a dialogue out of JSON: whatever stands in a list and names its id or one of its keys."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flows.forgetting.traces import Traces
from tasks.schema import ArtifactRef


def prune(value: Any, traces: Traces) -> Any:
    """Return a value without the entries of lists that name the dialogue, and without what stands under its keys."""
    if isinstance(value, list):
        return [prune(entry, traces) for entry in value if not names(entry, traces)]
    if isinstance(value, dict):
        return {key: prune(entry, traces) for key, entry in value.items() if key not in traces.keys}
    return value


def names(entry: Any, traces: Traces) -> bool:
    """Say whether an entry is of the dialogue: an id counts where it is told to be one, as it may be any word."""
    if isinstance(entry, str):
        return entry in traces.keys
    if isinstance(entry, dict) and entry.get("dialogue_id") == traces.dialogue_id:
        return True
    values = entry.values() if isinstance(entry, dict) else entry if isinstance(entry, list) else ()
    return any(isinstance(value, str) and value in traces.keys for value in values)


def renew_refs(value: Any, renewed: Mapping[tuple[str, str], ArtifactRef]) -> Any:
    """Return a value in which references to changed artifacts name what these hold now."""
    if isinstance(value, list):
        return [renew_refs(entry, renewed) for entry in value]
    if not isinstance(value, dict):
        return value
    ref = renewed.get((str(value.get("kind")), str(value.get("config_digest"))))
    if ref is not None and "sha256" in value:
        return value | {"sha256": ref.sha256, "n_rows": ref.n_rows}
    return {key: renew_refs(entry, renewed) for key, entry in value.items()}
