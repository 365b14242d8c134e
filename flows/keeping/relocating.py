"""Artifacts name their parents by place: in another place they name those beside them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tasks.manifest import MANIFEST, hash_of_manifest


def relocate(folder: Path, old_root: str, new_root: str) -> None:
    """Let manifests and notes in a folder, made under `old_root`, name what will stand under `new_root`.

    A manifest's own hash is made anew, which no digest depends on. One that is damaged stays as it is.
    """
    if old_root == new_root:
        return
    for path in sorted(folder.glob(f"*/*/{MANIFEST}")):
        manifest = read(path)
        if not isinstance(manifest, dict) or manifest.get("sha256") != hash_of_manifest(manifest):
            continue
        manifest["parents"] = move(manifest["parents"], old_root, new_root)
        manifest["sha256"] = hash_of_manifest(manifest)
        path.write_text(json.dumps(manifest, indent=1, ensure_ascii=False), encoding="utf-8")
    for path in sorted(folder.glob("*/*.json")):
        note = read(path)
        if note is not None and (moved := move(note, old_root, new_root)) != note:
            path.write_text(json.dumps(moved, ensure_ascii=False), encoding="utf-8")


def read(path: Path) -> Any:
    """Return what a file in JSON says, None if it is damaged."""
    try:
        return json.loads(path.read_bytes())
    except ValueError:
        return None


def move(value: Any, old_root: str, new_root: str) -> Any:
    """Return a value with every text that is a place under the old root made one under the new."""
    if isinstance(value, str):
        return new_root + value[len(old_root) :] if value.startswith(f"{old_root}/") else value
    if isinstance(value, list):
        return [move(entry, old_root, new_root) for entry in value]
    if isinstance(value, dict):
        return {key: move(entry, old_root, new_root) for key, entry in value.items()}
    return value
