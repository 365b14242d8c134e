"""Is a new mixture worse than the accepted one? A test of non-inferiority on the likelihood of held-out responses."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import polars as pl
from pydantic import BaseModel, ConfigDict
from scipy import stats

from tasks.config import EvaluationConfig, GateConfig
from tasks.errors import UsageError
from tasks.evaluation.bootstrap import LEAST_UNITS, draw_weights
from tasks.evaluation.metrics.additive import Floats
from tasks.evaluation.summary import TURN

CONFIDENCE = 0.95
"""One-sided: of mixtures that are worse by exactly the tolerance, one in twenty passes."""
BY_HAND = "look at both and promote by hand: `empathy models promote DIGEST`"


class Comparison(BaseModel):
    """Perplexities of two recipes, each the geometric mean of its seeds, and how far they are apart."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    perplexity_new: float
    perplexity_accepted: float
    change: float
    """Share by which perplexity rose, negative where it fell."""
    lowest: float
    highest: float
    """One-sided bounds of that share, each at CONFIDENCE."""
    tolerance: float
    n_seeds_new: int
    n_seeds_accepted: int
    n_turns: int
    n_dialogues: int

    @property
    def is_passed(self) -> bool:
        """Say whether the new recipe is shown to be no worse than the tolerance allows."""
        return self.highest <= self.tolerance

    def describe(self) -> str:
        """Return the figures in a sentence."""
        return (
            f"perplexity {self.perplexity_new:.4g} against {self.perplexity_accepted:.4g} ({self.change:+.2%}, with "
            f"{CONFIDENCE:.0%} confidence at most {self.highest:+.2%}; {self.tolerance:+.2%} is tolerated), seeds "
            f"{self.n_seeds_new} against {self.n_seeds_accepted}, "
            f"{self.n_turns:,} turns of {self.n_dialogues:,} dialogues"
        )


def compare_recipes(
    new: Sequence[pl.DataFrame], accepted: Sequence[pl.DataFrame], gate: GateConfig, config: EvaluationConfig
) -> Comparison:
    """Return how the new recipe's perplexity differs from the accepted one's; each frame holds the rows of one seed.

    With d = the mean loss of a token (nats) over the new seeds minus that over the accepted ones, on the same turns,
    `change` is exp(d) - 1. A new recipe PASSES if the upper end of d's one-sided 95 % interval is at most
    log(1 + tolerance): worse by exactly the tolerance it passes with chance 5 %, and too little data never passes it.
    An equal one passes with chance about P(T < m / se - t), m = log(1 + tolerance) and t the 95 % point of Student's T:
    95 % where the margin is 3.3 standard errors and the degrees of freedom are many.

    The end is d + t se. se has two sources: which dialogues were held out (whole dialogues drawn, both sides on the
    same draw: the paired bootstrap) and which seeds were trained (the spread of the seeds' mean losses, pooled over
    both sides, as retraining draws new seeds from the same recipe; unknown, and left out, with one seed a side: then
    these weights are compared, not recipes). t has Welch-Satterthwaite's degrees of freedom of their sum.

    Sources: non-inferiority by a confidence bound, ICH E9 (1998) 3.3.2; paired bootstrap of test sets, Koehn (2004);
    whole clusters drawn, Davison and Hinkley (1997) 3.8; bootstrap standard errors in a t interval, Efron and
    Tibshirani (1993) 12; degrees of freedom, Welch (1947).

    Raises UsageError where the losses are no comparison: other turns, another tokenizer, under LEAST_UNITS dialogues.
    """
    rows, losses_new, losses_accepted = line_up(new, accepted)
    n_tokens = rows["n_tokens"].to_numpy().astype(float)
    dialogues = rows["dialogue_id"].to_list()
    seeds_new, seeds_accepted = (losses.sum(axis=1) / n_tokens.sum() for losses in (losses_new, losses_accepted))
    difference = float(seeds_new.mean() - seeds_accepted.mean())
    paired = losses_new.mean(axis=0) - losses_accepted.mean(axis=0)
    weights = np.concatenate(list(draw_weights(len(rows), config.bootstrap, config.seed, dialogues)))
    drawn = (weights @ paired) / (weights @ n_tokens)
    n_dialogues = len(set(dialogues))
    spread, free = pool_spread(seeds_new, seeds_accepted)
    reach = find_reach([(float(drawn.var(ddof=1)), n_dialogues - 1), (spread, free)])
    return Comparison(
        perplexity_new=math.exp(seeds_new.mean()), perplexity_accepted=math.exp(seeds_accepted.mean()),
        change=math.expm1(difference), lowest=math.expm1(difference - reach), highest=math.expm1(difference + reach),
        tolerance=gate.tolerance, n_seeds_new=len(new), n_seeds_accepted=len(accepted), n_turns=len(rows),
        n_dialogues=n_dialogues,
    )  # fmt: skip


def line_up(new: Sequence[pl.DataFrame], accepted: Sequence[pl.DataFrame]) -> tuple[pl.DataFrame, Floats, Floats]:
    """Return the turns that are compared, and each side's losses of them, shape [seeds, turns], in nats.

    A turn that no model can take (0 tokens) is left out.
    """
    frames = [frame.sort(*TURN) for frame in (*new, *accepted)]
    first = frames[0]
    turns = first.select(*TURN, "turn_key", "reference")
    if any(not frame.select(turns.columns).equals(turns) for frame in frames[1:]):
        sizes = ", ".join(f"{n:,}" for n in sorted({len(frame) for frame in frames}))
        raise UsageError(
            "The mixtures were evaluated on different turns: their losses are no comparison.",
            where=f"numbers of turns: {sizes}",
            do="evaluate them on the same dialogues, split and --set evaluation.max_turns",
        )
    counts = first["n_tokens"]
    if any(not frame["n_tokens"].equals(counts) for frame in frames[1:]):
        raise UsageError(
            "The mixtures cut the same responses into different tokens: their losses per token are no comparison.",
            where=f"bits per character: {bits_per_character(new):.4f} new, {bits_per_character(accepted):.4f} accepted",
            do=BY_HAND,
        )
    is_measured = (counts > 0).to_numpy()
    rows = first.filter(counts > 0)
    if rows["dialogue_id"].n_unique() < LEAST_UNITS:
        raise UsageError(
            f"{rows['dialogue_id'].n_unique()} held-out dialogues are too few to compare mixtures on.",
            do=f"evaluate on {LEAST_UNITS} or more: --set evaluation.max_turns=null, or ingest more test dialogues",
        )
    losses = np.array([frame["nll"].to_numpy()[is_measured] for frame in frames])
    return rows, losses[: len(new)], losses[len(new) :]


def bits_per_character(frames: Sequence[pl.DataFrame]) -> float:
    """Return the mean loss of a character of the references, their end markers' loss included.

    The one figure that two tokenizers share, as both spread one probability over the same texts. It is told and not
    judged by: markers and templates differ with the tokenizer, one that maps unknown text to a single token is
    flattered, and the loss of the usual cut of a text is only a bound of the text's own (Cao and Rimell 2021).
    """
    losses = [float(frame["nll"].to_numpy().sum()) for frame in frames]
    n_characters = int(frames[0]["reference"].str.len_chars().to_numpy().sum())
    return float(np.mean(losses)) / math.log(2) / max(1, n_characters)


def pool_spread(new: Floats, accepted: Floats) -> tuple[float, int]:
    """Return the variance of the difference of two means of seeds, the seeds' own pooled, and its freedom."""
    free = len(new) + len(accepted) - 2
    if not free:
        return 0.0, 0
    squares = sum(float(((side - side.mean()) ** 2).sum()) for side in (new, accepted))
    return squares / free * (1 / len(new) + 1 / len(accepted)), free


def find_reach(parts: Sequence[tuple[float, int]]) -> float:
    """Return how far a bound lies from an estimate whose variance is the sum of `parts` (variance, freedom)."""
    variance = sum(part for part, _ in parts)
    if not variance:
        return 0.0
    freedom = variance**2 / sum(part**2 / free for part, free in parts if part)
    return float(stats.t.ppf(CONFIDENCE, freedom)) * math.sqrt(variance)
