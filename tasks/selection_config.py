"""Which turns each expert learns from: the rule, what belongs to it, and the modifiers that go with any rule."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from tasks.judge_config import Part

Threshold = Annotated[float, Field(ge=0, le=10, allow_inf_nan=False)]
MaxTurns = Annotated[int, Field(ge=1, le=1_000_000_000)]
MaxWords = Annotated[int, Field(ge=1, le=100_000)]
RuleName = Literal["paper", "released", "quantile", "lower-bound", "top-k"]
AxisName = Literal["sensibility", "rationality"]

DEFAULT_AXIS: AxisName = "sensibility"
DEFAULT_K_SD = 1.0
_THRESHOLDS = ("sensibility_threshold", "rationality_threshold")
OPTIONS: dict[str, tuple[str, ...]] = {
    "paper": _THRESHOLDS,
    "released": _THRESHOLDS,
    "lower-bound": (*_THRESHOLDS, "k_sd"),
    "quantile": ("keep", "axis"),
    "top-k": ("top_k", "axis"),
}
"""The fields that a rule reads; the others of this table would change nothing and are refused."""
REQUIRED = {"quantile": "keep", "top-k": "top_k"}


class SelectionConfig(Part):
    """Which turns each expert learns from."""

    rule: RuleName = Field(
        default="paper",
        description="paper: S>t and R<t / R>t. released: R>t must also have S<t, which discards more. quantile: the "
        "best share on an axis. lower-bound: paper on score minus k standard deviations. top-k: the best n on an axis.",
    )
    sensibility_threshold: Threshold = Field(
        default=5.0,
        title="Sensibility threshold",
        description="Strict bound on the sensibility score, 0 to 10; of the rules paper, released and lower-bound.",
    )
    rationality_threshold: Threshold = Field(
        default=5.0,
        title="Rationality threshold",
        description="Strict bound on the rationality score, 0 to 10; of the rules paper, released and lower-bound.",
    )
    keep: float | None = Field(
        default=None, gt=0, le=1, allow_inf_nan=False,
        description="Of the rule quantile: share of the turns that goes to the axis' subset; the other axis takes the "
        "same share of the rest.",
    )  # fmt: skip
    top_k: MaxTurns | None = Field(default=None, description="Of the rule top-k: turns in each subset, at most.")
    axis: AxisName | None = Field(
        default=None, description="Of quantile and top-k: the score that chooses first; sensibility if not set."
    )
    k_sd: float | None = Field(
        default=None, ge=0, le=10, allow_inf_nan=False,
        description="Of the rule lower-bound: standard deviations taken off a score before it is compared; 1 if not "
        "set. A score without one loses nothing.",
    )  # fmt: skip
    min_words: MaxWords | None = Field(default=None, description="Discard responses of fewer words.")
    max_words: MaxWords | None = Field(default=None, description="Discard responses of more words.")
    near_duplicates: float | None = Field(
        default=None, ge=0.5, le=1, allow_inf_nan=False,
        description="Discard a turn whose last message and response are this similar (Jaccard of word pairs) to "
        "another's; the one with the smaller hash stays. Nothing is removed if not set.",
    )  # fmt: skip
    max_per_emotion: MaxTurns | None = Field(
        default=None, description="Most turns of one emotion in a subset; those with the best scores stay."
    )
    max_per_position: MaxTurns | None = Field(
        default=None, description="Most turns of one place in the dialogue in a subset; the best scores stay."
    )
    max_per_length_band: MaxTurns | None = Field(
        default=None, description="Most turns of one band of response lengths in a subset; the best scores stay."
    )
    split: Literal["train", "valid", "test", "auto"] = Field(
        default="auto", description="Split to select from; auto: train, or the only split there is."
    )
    judge_id: str = Field(default="", description="Id or alias of the judge; needed when several have scores.")

    @model_validator(mode="after")
    def _check_rule(self) -> SelectionConfig:
        fields = type(self).model_fields
        changed = [name for name in fields if getattr(self, name) != fields[name].default]
        foreign = find_foreign(self.rule, changed)
        if foreign:
            raise ValueError(tell_foreign(self.rule, foreign))
        needed = REQUIRED.get(self.rule)
        if needed and getattr(self, needed) is None:
            raise ValueError(f"the rule {self.rule} needs {needed}")
        if self.min_words and self.max_words and self.min_words > self.max_words:
            raise ValueError(f"min_words={self.min_words} is above max_words={self.max_words}: nothing would be left")
        return self

    @property
    def has_modifiers(self) -> bool:
        """Whether anything but the rule decides."""
        return any(getattr(self, name) is not None for name in MODIFIERS)

    @property
    def label(self) -> str:
        """The rule and what it was given, in a few words."""
        if self.rule == "quantile":
            said = f"keep {self.keep:g} on {self.axis or DEFAULT_AXIS}"
        elif self.rule == "top-k":
            said = f"{self.top_k:,} a subset, {self.axis or DEFAULT_AXIS} first"
        else:
            said = f"S>{self.sensibility_threshold:g} R>{self.rationality_threshold:g}"
            if self.rule == "lower-bound":
                said += f" less {DEFAULT_K_SD if self.k_sd is None else self.k_sd:g} sd"
        modifiers = [f"{name.replace('_', ' ')} {getattr(self, name):g}" for name in MODIFIERS if getattr(self, name)]
        return ", ".join([f"{self.rule} {said}", *modifiers])


MODIFIERS = (
    "min_words", "max_words", "near_duplicates", "max_per_emotion", "max_per_position", "max_per_length_band",
)  # fmt: skip
"""What goes with any rule: filters before it, quotas after it."""


def find_foreign(rule: str, given: Iterable[str]) -> list[str]:
    """Return those of the given fields that belong to other rules only."""
    of_rules = {name for names in OPTIONS.values() for name in names}
    return [name for name in given if name in of_rules and name not in OPTIONS[rule]]


def tell_foreign(rule: str, names: Iterable[str]) -> str:
    """Say which rules fields belong to that were given to another."""
    said = []
    for name in names:
        owners = ", ".join(other for other, options in OPTIONS.items() if name in options)
        said.append(f"{name} is not of the rule {rule}; it belongs to {owners}")
    return "; ".join(said)


def to_option(name: str) -> str:
    """Return a field's option on the command line."""
    return f"--{name.replace('_', '-')}"


def as_recipe(selection: SelectionConfig, split: str) -> dict[str, Any]:
    """Return what decides the subsets, for a recipe: a field that was not set is no part of it."""
    return {**selection.model_dump(exclude={"judge_id"}, exclude_none=True), "split": split}
