"""Which turns each expert learns from: the rule, what belongs to it, and the modifiers that go with any rule."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from tasks.bounded import Finite, Name
from tasks.judge_config import Part

Threshold = Annotated[Finite, Field(ge=0, le=10)]
MaxTurns = Annotated[int, Field(ge=1, le=1_000_000_000)]
MaxWords = Annotated[int, Field(ge=1, le=100_000)]
RuleName = Literal["paper", "released", "quantile", "lower-bound", "top-k"]
AxisName = Literal["sensibility", "rationality"]
SweptRule = Literal["paper", "released", "lower-bound"]

DEFAULT_AXIS: AxisName = "sensibility"
DEFAULT_K_SD = 1.0
_THRESHOLDS = ("sensibility_threshold", "rationality_threshold")
OPTIONS: dict[str, tuple[str, ...]] = {
    "paper": (*_THRESHOLDS, "target_share"),
    "released": (*_THRESHOLDS, "target_share"),
    "lower-bound": (*_THRESHOLDS, "k_sd", "target_share"),
    "quantile": ("keep", "axis"),
    "top-k": ("top_k", "axis"),
}
"""The fields that a rule reads; the others of this table would change nothing and are refused."""
REQUIRED = {"quantile": "keep", "top-k": "top_k"}


class SelectionConfig(Part):
    """Which turns each expert learns from."""

    rule: RuleName = Field(
        default="paper",
        description="paper: rationality above its threshold, else sensibility above its own. released: one score above "
        "its threshold and the other below, which discards more. quantile: the best share on an axis. lower-bound: "
        "paper on scores less their deviations. top-k: the best turns on an axis.",
    )
    sensibility_threshold: Threshold = Field(
        default=5.0,
        title="Sensibility threshold",
        description="Strict bound on the sensibility score; of the rules paper, released and lower-bound.",
    )
    rationality_threshold: Threshold = Field(
        default=5.0,
        title="Rationality threshold",
        description="Strict bound on the rationality score; of the rules paper, released and lower-bound.",
    )
    split: Literal["train", "valid", "test", "auto"] = Field(
        default="auto", description="Split to select from; auto: train, or the only split there is."
    )
    judge_id: Name = Field(
        default="", title="Judge", description="Id or alias of the judge; needed when several have scores."
    )
    calibration: Name = Field(
        default="", description="Digest of the maps that scores go through before they are compared, made by `empathy "
        "judge calibrate`. The rows keep the judge's own scores. Nothing is mapped if not set.",
    )  # fmt: skip
    keep: Finite | None = Field(
        default=None, gt=0, le=1, title="Rule quantile: share to keep",
        description="Of the rule quantile: share of the turns that goes to the axis' subset; the other axis takes the "
        "same share of the rest.",
    )  # fmt: skip
    top_k: MaxTurns | None = Field(
        default=None, title="Rule top-k: turns", description="Of the rule top-k: turns in each subset, at most."
    )
    axis: AxisName | None = Field(
        default=None, title="Rules quantile and top-k: first axis",
        description="Of quantile and top-k: the score that chooses first. With a target share: the threshold that is "
        "found for it. Sensibility if not set.",
    )  # fmt: skip
    target_share: Finite | None = Field(
        default=None, gt=0, lt=1, title="Rules with thresholds: target share",
        description="Of the rules with thresholds: the share of the scored turns that the axis' subset should have. "
        "Its threshold is then found, the other stays as given, and the run says what was changed and why.",
    )  # fmt: skip
    k_sd: Finite | None = Field(
        default=None, ge=0, le=10, title="Rule lower-bound: deviations",
        description="Of the rule lower-bound: standard deviations taken off a score before it is compared; 1 if not "
        "set. A score without one loses nothing.",
    )  # fmt: skip
    min_words: MaxWords | None = Field(
        default=None, title="Filter: fewest words", description="Discard responses of fewer words."
    )
    max_words: MaxWords | None = Field(
        default=None, title="Filter: most words", description="Discard responses of more words."
    )
    near_duplicates: Finite | None = Field(
        default=None, ge=0.5, le=1, title="Filter: near duplicates",
        description="Discard a turn whose last message and response are this similar (Jaccard of word pairs) to "
        "another's; the one with the smaller hash stays. Nothing is removed if not set.",
    )  # fmt: skip
    agree_with: Name = Field(
        default="", title="Filter: judge that must agree",
        description="Id or alias of another judge whose scores of a turn must be near; with min_agreement.",
    )  # fmt: skip
    min_agreement: Finite | None = Field(
        default=None, gt=0, le=1, title="Filter: least agreement",
        description="Discard a turn whose two judges agree less: 1 less the larger distance of their two scores over "
        "10. A turn that the other judge has not scored is discarded too. Needs agree_with.",
    )  # fmt: skip
    max_per_emotion: MaxTurns | None = Field(
        default=None, title="Quota: turns of one emotion",
        description="Most turns of one emotion in a subset; those with the best scores stay.",
    )  # fmt: skip
    max_per_position: MaxTurns | None = Field(
        default=None, title="Quota: turns of one place in the dialogue",
        description="Most turns of one place in the dialogue in a subset; the best scores stay.",
    )  # fmt: skip
    max_per_length_band: MaxTurns | None = Field(
        default=None, title="Quota: turns of one band of lengths",
        description="Most turns of one band of response lengths in a subset; the best scores stay.",
    )  # fmt: skip

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
        if bool(self.agree_with) != (self.min_agreement is not None):
            raise ValueError("min_agreement and agree_with belong together: how near, and to whose scores")
        if self.min_words and self.max_words and self.min_words > self.max_words:
            raise ValueError(f"min_words={self.min_words} is above max_words={self.max_words}: nothing would be left")
        return self

    @property
    def has_modifiers(self) -> bool:
        """Whether anything but the rule decides."""
        return any(getattr(self, name) is not None for name in MODIFIERS)

    def without_modifiers(self) -> SelectionConfig:
        """Return the rule alone."""
        return self.model_copy(update=dict.fromkeys(MODIFIERS) | {"agree_with": ""})

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
            if self.target_share is not None:
                said += f" target {self.target_share:.4g} of {self.axis or DEFAULT_AXIS}"
        if self.calibration:
            said += f" calibrated by {self.calibration[:12]}"
        modifiers = [f"{name.replace('_', ' ')} {getattr(self, name):g}" for name in MODIFIERS if getattr(self, name)]
        return ", ".join([f"{self.rule} {said}", *modifiers])


MODIFIERS = (
    "min_words", "max_words", "near_duplicates", "min_agreement", "max_per_emotion", "max_per_position",
    "max_per_length_band",
)  # fmt: skip
"""What goes with any rule: filters before it, quotas after it."""


def find_foreign(rule: str, given: Iterable[str]) -> list[str]:
    """Return those of the given fields that belong to other rules only."""
    given = list(given)
    of_rules = {name for names in OPTIONS.values() for name in names}
    own = OPTIONS[rule]
    if "target_share" in own and "target_share" in given:
        own += ("axis",)
    return [name for name in given if name in of_rules and name not in own]


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
    set_ones = selection.model_dump(exclude={"judge_id"}, exclude_none=True)
    return {**{name: value for name, value in set_ones.items() if value != ""}, "split": split}


class SweepConfig(Part):
    """Which selections are counted side by side, without making any of them."""

    rules: tuple[SweptRule, ...] = Field(
        default=("paper", "released"), min_length=1, description="Rules; each is counted at every threshold."
    )
    thresholds: tuple[Threshold, ...] = Field(
        default=(4.0, 5.0, 6.0, 7.0), min_length=1, max_length=41,
        description="Thresholds, 0 to 10; each stands for both scores.",
    )  # fmt: skip
    split: Literal["train", "valid", "test", "auto"] = Field(
        default="auto", description="Split to select from; auto: train, or the only split there is."
    )
    judge_id: Name = Field(default="", description="Id or alias of the judge; needed when several have scores.")

    @property
    def grid(self) -> list[SelectionConfig]:
        """Every rule at every threshold, each once, rules and thresholds in order."""
        return [
            SelectionConfig(rule=rule, sensibility_threshold=value, rationality_threshold=value, split=self.split,
                            judge_id=self.judge_id)
            for rule in dict.fromkeys(self.rules)
            for value in sorted(set(self.thresholds))
        ]  # fmt: skip
