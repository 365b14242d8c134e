"""What a model was made from, as the rows, licences and limits of its card: artifacts and figures, and no path."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tasks.experts.bases import Base
from tasks.experts.cards.licences import BY_NAME, ED_DATASET, ED_NAME, Licence, licence_of_base, licence_of_dialogues
from tasks.experts.cards.lineage import Ancestor, pick_kind, trim_lineage

Rows = list[tuple[str, str]]
"""Names and what is said of them, in their order."""
UNKNOWN = "not known"
KINDS = {
    "distilled": "the bundled judge, a regression fitted to the scores of an LLM",
    "openai": "an LLM behind an OpenAI-compatible endpoint",
    "replies": "recorded replies",
}


@dataclass(frozen=True)
class Origin:
    """Where a model comes from."""

    base: str
    """The base model's name; of a folder its own name only."""
    rows: Rows
    licences: Rows
    hub_licence: str
    """The licence's id on the Hugging Face hub; `other` where several hold, or one has none."""
    datasets: list[str]
    """Data sets by their id on the Hugging Face hub, where they have one."""


def show_code(text: object) -> str:
    """Return a name that somebody chose as code in Markdown."""
    return "`" + str(text).replace("`", "'") + "`"


def describe_origin(base: Base, lineage: Sequence[Ancestor]) -> Origin:
    """Return where a model comes from: its base, and the lineage that starts with the artifacts it was made from."""
    subsets = pick_kind(lineage, "subsets")[:1]
    data = trim_lineage(lineage, subsets[0]) if subsets else []  # an expert may have been trained on other subsets
    dialogues, scores = pick_kind(data, "dialogues"), pick_kind(data, "scores")
    licences = [licence_of_base(base), *(licence_of_dialogues(one.facts) for one in dialogues)]
    is_known = any(one.facts.get("source") == ED_NAME for one in dialogues)
    return Origin(
        base=name_base(base),
        rows=[
            *_tell_base(base),
            *([row for one in subsets for row in _tell_subsets(one)] or [("subsets", UNKNOWN)]),
            *([row for one in scores for row in tell_scores(one.facts)] or [("judge of the turns", UNKNOWN)]),
            *([("dialogues", _tell_dialogues(one)) for one in dialogues] or [("dialogues", UNKNOWN)]),
        ],
        licences=_tell_licences(licences, dialogues, scores),
        hub_licence=_find_hub_licence(licences, has_data=bool(dialogues), scores=scores),
        datasets=[ED_DATASET] if is_known else [],
    )


def name_base(base: Base) -> str:
    """Return the name that a base model may be shown under: a folder's last part, not its place on this machine."""
    return Path(base.path).name if base.name not in BY_NAME and Path(base.path).is_dir() else base.name


def tell_scores(facts: Mapping[str, Any]) -> Rows:
    """Return who scored the turns, how far that can be trusted, and what it cost."""
    judge = facts.get("judge", {})
    parts = [f"{show_code(facts.get('alias', UNKNOWN))}, id `{facts.get('judge_id', UNKNOWN)}`"]
    parts += [KINDS[judge["kind"]]] if judge.get("kind") in KINDS else []
    if judge.get("kind") == "openai":
        method = judge.get("parameters", {}).get("method", "point")
        parts += [f"model {show_code(judge['model'])}", f"rubric {show_code(judge['rubric'])}", f"method `{method}`"]
    return [
        ("judge of the turns", ", ".join(parts)),
        ("agreement of the judge", tell_agreement(judge)),
        ("cost of the scores", tell_cost(facts, judge.get("kind", ""))),
    ]


def tell_agreement(judge: Mapping[str, Any]) -> str:
    """Return how far a judge's scores are known to agree with others: measured for the bundled weights only."""
    from tasks.scoring import read_bundled_agreement

    found = read_bundled_agreement(judge.get("parameters", {}).get("weights", ""))
    if not found:
        return "not validated"
    figures = ", ".join(f"{value:.3f} ({dimension})" for dimension, value in found.items())
    return f"Spearman {figures} with its teacher's scores on unseen dialogues; not validated with people"


def tell_cost(facts: Mapping[str, Any], kind: str) -> str:
    """Return what the calls for the scores cost, in USD, as far as it is known."""
    if kind == "distilled":
        return "nothing: no endpoint was asked"
    if facts.get("cost_usd") is None:
        return UNKNOWN
    n_unpriced = facts.get("n_calls_unpriced") or 0
    more = f", and {n_unpriced:,} calls whose price is not known" if n_unpriced else ""
    return f"{facts['cost_usd']:.4f} USD{more}"


def _tell_base(base: Base) -> Rows:
    revision = f", revision {show_code(base.revision)}" if base.revision else ""
    return [("base model", f"{show_code(name_base(base))}{revision}, digest {show_code(base.digest)}")]


def _tell_subsets(subsets: Ancestor) -> Rows:
    from tasks.config import SelectionConfig
    from tasks.selection import RULES

    rows = [("subsets", f"`{subsets.name}`, sha256 `{subsets.ref.sha256}`")]
    config, facts = subsets.config, subsets.facts
    if config.get("rule") in RULES:
        label = SelectionConfig.model_validate(config).label  # with all that the rule was given, and nothing else
        rows.append(("rule", f"{show_code(label)}. {RULES[config['rule']].summary}"))
    if "counts" in facts:
        shares = facts.get("shares", {})
        counted = [
            f"{name} {n:,}" + (f" ({shares[name]:.1%})" if name in shares else "")
            for name, n in facts["counts"].items()
        ]
        rows.append(("turns", f"{', '.join(counted)}, of the split `{config.get('split', UNKNOWN)}`"))
    return rows


def _tell_dialogues(dialogues: Ancestor) -> str:
    by_split = dialogues.facts.get("by_split", {})
    turns = ", ".join(f"{split} {n:,}" for split, n in by_split.items())
    licence = licence_of_dialogues(dialogues.facts).text
    name = show_code(name_source(dialogues.facts)) + (f" (turns: {turns})" if turns else "")
    return f"{name}, `{dialogues.name}`, sha256 `{dialogues.ref.sha256}`, licence: {licence}"


def name_source(facts: Mapping[str, Any]) -> str:
    """Return a source's own name: the last part of a path or URL, without what else a URL may carry."""
    source = str(facts.get("source") or UNKNOWN).split("?")[0].split("#")[0]
    return source.rstrip("/\\").replace("\\", "/").rsplit("/", 1)[-1] or UNKNOWN


def _tell_licences(licences: Sequence[Licence], dialogues: Sequence[Ancestor], scores: Sequence[Ancestor]) -> Rows:
    named = ["base model", *(f"dialogues {show_code(name_source(one.facts))}" for one in dialogues)]
    rows = list(zip(named, (licence.text for licence in licences), strict=True))
    if _is_bundled_judge(scores):
        rows.append(
            ("scores", "given by the bundled judge, whose weights are for non-commercial use only (its NOTICE)")
        )
    return rows


def _find_hub_licence(licences: Sequence[Licence], has_data: bool, scores: Sequence[Ancestor]) -> str:
    ids = {licence.hub_id for licence in licences}
    return ids.pop() if len(ids) == 1 and "" not in ids and has_data and not _is_bundled_judge(scores) else "other"


def _is_bundled_judge(scores: Sequence[Ancestor]) -> bool:
    return any(one.facts.get("judge", {}).get("kind") == "distilled" for one in scores)
