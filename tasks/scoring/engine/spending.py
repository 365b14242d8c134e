"""The run's budget: a call leaves only if the most that it can cost still fits."""

from __future__ import annotations

from tasks.scoring.ledger.journal import Attempt
from tasks.scoring.ledger.pricing import Price

TOKENS_PER_CHARACTER = 0.5
"""The most tokens a character gives before this run has measured any; English text gives 0.25."""
MARGIN = 1.05


class Spending:
    """What this run has spent and what its calls in flight may yet cost, in USD."""

    def __init__(self, most_usd: float | None, price: Price | None) -> None:
        self.most_usd, self.price = most_usd, price
        self.spent_usd = self.reserved_usd = 0.0
        self._tokens_per_character = 0.0

    @property
    def is_limited(self) -> bool:
        """Whether the run has a budget at all."""
        return self.most_usd is not None

    def worst_of(self, n_characters: int, most_tokens_out: int) -> float:
        """Return the most that a call can cost; 0 where there is no budget."""
        if self.price is None or not self.is_limited:
            return 0.0
        per_character = self._tokens_per_character * MARGIN or TOKENS_PER_CHARACTER
        n_tokens_in = int(n_characters * per_character) + 1
        return self.price.cost_of(n_tokens_in, 0, most_tokens_out) or 0.0

    def note_tokens(self, n_characters: int, n_tokens_in: int | None) -> None:
        """Learn how many tokens a character gives at most."""
        if n_characters and n_tokens_in:
            self._tokens_per_character = max(self._tokens_per_character, n_tokens_in / n_characters)

    def fits(self, cost_usd: float) -> bool:
        """Say whether a call of this cost can still be paid, all calls in flight costing what they may."""
        return self.most_usd is None or self.spent_usd + self.reserved_usd + cost_usd <= self.most_usd

    def reserve(self, cost_usd: float) -> None:
        """Set aside what a call that leaves may cost."""
        self.reserved_usd += cost_usd

    def release(self, cost_usd: float) -> None:
        """Give back what was set aside for a call that never left."""
        self.reserved_usd -= cost_usd

    def settle(self, reserved_usd: float, attempt: Attempt) -> None:
        """Count what a call did cost; one that may have been charged unseen (a timeout) costs what was set aside."""
        self.reserved_usd -= reserved_usd
        self.spent_usd += reserved_usd if attempt.cost_usd is None else attempt.cost_usd
