"""The dataset card of a selection: `datasets.load_dataset(folder)` reads its head."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tasks.selection.decide import EXCLUDED, SUBSETS

CARD = "README.md"
N_EMOTIONS = 50

_HEAD = "---\npretty_name: Empathetic turns selected by {rule}\ntask_categories:\n- text-generation\ntags:\n- empathy\n- conversational\n- trl\nconfigs:\n{configs}---\n"  # noqa: E501 - one block
_CONFIG = "- config_name: {name}\n  data_files:\n  - split: train\n    path: {name}.parquet\n"
_COLUMNS = """## Columns
`prompt` and `completion` are chat messages (`role`, `content`), as TRL takes them. `sensibility` and `rationality` are
the judge's scores, 0 to 10. `subset` and `reason` say where a turn went and why; `turn_key` is the sha256 of what it
says. The dialogues keep the licence of their source.
"""


def write_card(facts: Mapping[str, Any], split: str) -> str:
    """Return the card of subsets with these facts.

    It holds nothing that two selections of equal content may differ in: no time, no path, no cost.
    """
    rule, judge = facts["rule"], facts["scores"]["judge"] or {}
    configs = "".join(
        _CONFIG.format(name=name) + ("  default: true\n" if name == SUBSETS[0] else "") for name in (*SUBSETS, EXCLUDED)
    )
    said = [
        f"Rule `{rule['label']}`. {rule['summary']}",
        f"Judge `{facts['scores']['alias']}` (model `{judge.get('model') or 'unknown'}`, rubric "
        f"`{judge.get('rubric') or 'none'}`). Split `{split}`.",
        f"{facts['n_unscored']:,} turns had no score and were not selected.",
        "Content digests do not depend on the order of rows or the layout of files; "
        f"`empathy select --verify {facts['digest']}` computes them again.",
    ]
    return "\n".join(
        [
            _HEAD.format(rule=rule["name"], configs=configs),
            "# Empathetic turns, selected",
            "\n\n".join(said),
            "",
            *_tabulate_subsets(facts),
            *_tabulate_emotions(facts["emotions"]),
            _COLUMNS,
        ]
    )


def _tabulate_subsets(facts: Mapping[str, Any]) -> list[str]:
    shares = {name: f"{share:.1%}" for name, share in facts["shares"].items()}
    rows = [
        f"| {name} | {n:,} | {shares.get(name, '')} | `{facts['digests'][name]}` |"
        for name, n in facts["counts"].items()
    ]
    return ["| subset | turns | share of the scored | content digest |", "|---|---|---|---|", *rows, ""]


def _tabulate_emotions(emotions: Mapping[str, Mapping[str, int]]) -> list[str]:
    names = sorted({name for counts in emotions.values() for name in counts})
    if len(names) > N_EMOTIONS:
        return [f"{len(names):,} emotions; their counts are in the manifest.", ""]
    rows = [
        f"| {_escape(name)} | {' | '.join(str(emotions[subset].get(name, 0)) for subset in SUBSETS)} |"
        for name in names
    ]
    return [f"| emotion | {' | '.join(SUBSETS)} |", "|---|---|---|---|", *rows, ""]


def _escape(text: str) -> str:
    """Return text as one cell of a table."""
    return " ".join(text.split()).replace("\\", "\\\\").replace("|", "\\|").replace("<", "&lt;")
