"""What is remembered of a selection, small enough to keep of every run."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, ConfigDict

from tasks.selection.decide import SUBSETS
from tasks.selection_config import DEFAULT_AXIS


class Spread(BaseModel):
    """Mean and deviation of one quantity over the scored turns; of a score also the counts in its bins."""

    model_config = ConfigDict(frozen=True)

    mean: float | None = None
    sd: float | None = None
    counts: tuple[int, ...] = ()


class SelectionSummary(BaseModel):
    """Rule, judge, sizes and distributions of one selection; what its manifest does not say is empty."""

    model_config = ConfigDict(frozen=True)

    config: dict[str, Any]
    label: str = ""
    target_reason: str = ""
    judge_id: str = ""
    alias: str = ""
    judge: dict[str, Any] = {}
    cost_usd: float | None = None
    counts: dict[str, int]
    shares: dict[str, float]
    n_unscored: int = 0
    emotions: dict[str, int] = {}
    spreads: dict[str, Spread] = {}

    @property
    def n_scored(self) -> int:
        """Turns that the rule decided on."""
        return sum(self.counts.get(name, 0) for name in SUBSETS)

    @property
    def split(self) -> str:
        """The split that was selected from."""
        return str(self.config.get("split", ""))

    @property
    def target_field(self) -> str:
        """The threshold that was found for a target share; empty if none was asked for."""
        return f"{self.config.get('axis', DEFAULT_AXIS)}_threshold" if "target_share" in self.config else ""

    @property
    def asked(self) -> dict[str, Any]:
        """What was asked for: without the threshold and the scores' digest, which each run finds anew."""
        return {name: value for name, value in self.config.items() if name not in (self.target_field, "agree_with")}

    def is_like(self, other: SelectionSummary) -> bool:
        """Whether both were asked for alike, of the same judge, so that their shares may be compared."""
        return (self.asked, self.judge_id) == (other.asked, other.judge_id)

    def is_of_another_judge(self, other: SelectionSummary) -> bool:
        """Whether two judges are known to have scored, so that no score of one may be held against the other's."""
        return bool(self.judge_id and other.judge_id) and self.judge_id != other.judge_id


def summarise(manifest: Mapping[str, Any]) -> SelectionSummary:
    """Return the summary of a selection from its manifest."""
    facts = manifest["facts"]
    scores = {name: value for name, value in facts.get("scores", {}).items() if value is not None}
    emotions: Counter[str] = Counter()
    for of_subset in facts.get("emotions", {}).values():
        emotions.update(of_subset)
    distribution = facts.get("distribution", {})
    return SelectionSummary(
        config=manifest["config"],
        label=facts.get("rule", {}).get("label", manifest["config"].get("rule", "")),
        target_reason=facts.get("target", {}).get("reason", ""),
        counts=facts["counts"],
        shares=facts["shares"],
        n_unscored=facts.get("n_unscored", 0),
        emotions=dict(emotions),
        spreads={name: Spread(**spread) for name, spread in distribution.items() if isinstance(spread, dict)},
        **{name: scores[name] for name in ("judge_id", "alias", "judge", "cost_usd") if name in scores},
    )
