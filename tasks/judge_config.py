"""Who judges: turns one by one, or the responses of two systems side by side. Part of `tasks.config`."""

from __future__ import annotations

from typing import Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationInfo, field_validator, model_validator

from tasks.bounded import Finite, Name, Place, Seed, fit_form, title_field

SystemName = Literal[
    "base", "prompted", "sensibility", "rationality", "mixture", "union", "full", "random", "length-matched"
]

DEFAULT_N_SAMPLES = 5
"""Replies a turn where a judge takes several, and no number is said."""


class Part(BaseModel):
    """A frozen group of parameters; unknown names are refused."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", field_title_generator=title_field, json_schema_extra=fit_form
    )

    @field_validator("*", mode="before")
    @classmethod
    def _refuse_truth(cls, value: Any, info: ValidationInfo) -> Any:
        if isinstance(value, bool) and cls.model_fields[info.field_name or ""].annotation is not bool:
            raise ValueError("true and false are no value of this field")
        return value

    @field_validator("*")
    @classmethod
    def _zero_has_no_sign(cls, value: Any) -> Any:
        return value + 0.0 if isinstance(value, float) else value


class JudgeConfig(Part):
    """Who scores the turns, and how; with the endpoint, everything that can change a score."""

    kind: Literal["distilled", "openai", "openai-batch", "replies"] = Field(
        default="distilled",
        description="distilled: the bundled judge. openai: an LLM endpoint. openai-batch: its batch API, at half the "
        "price. replies: recorded ones.",
    )
    model: Name = Field(default="gpt-4o-mini", min_length=1, description="Model the endpoint is asked for.")
    endpoint_alias: Name = Field(
        default="", description="Name of the endpoint in the judge's identity; its host if empty."
    )
    rubric: Place = Field(
        default="paper",
        min_length=1,
        description="The rubric the judge is given: 'paper', 'anchored', or a Markdown file of your own.",
    )
    method: Literal["point", "logprobs", "samples"] = Field(
        default="point",
        description="point: the score as written. logprobs: its expected value over the score tokens. "
        "samples: the mean of several replies.",
    )
    n_samples: int = Field(
        default=DEFAULT_N_SAMPLES, ge=2, le=50, description="Replies a turn, for the method 'samples'."
    )
    temperature: Finite | None = Field(
        default=None, ge=0, le=2, description="Sampling temperature; if empty 1 for the method 'samples', else 0."
    )
    replies_file: Place = Field(default="", description="JSON Lines of recorded replies, for the kind 'replies'.")
    weights: Place = Field(
        default="", description="Weights of a distilled judge of your own, for the kind 'distilled'; else the bundled."
    )
    encoder: Place = Field(
        default="", description="Sentence encoder that those weights need: a folder, an installed package or a hub id."
    )

    @model_validator(mode="after")
    def _replies_need_a_file(self) -> JudgeConfig:
        if (self.kind == "replies") != bool(self.replies_file):
            raise ValueError(f"kind={self.kind!r} does not fit replies_file={self.replies_file!r}")
        return self

    @model_validator(mode="after")
    def _weights_are_of_a_distilled_judge(self) -> JudgeConfig:
        if self.kind != "distilled" and (self.weights or self.encoder):
            raise ValueError(f"kind={self.kind!r} has no weights={self.weights!r} and no encoder={self.encoder!r}")
        if self.encoder and not self.weights:
            raise ValueError(f"encoder={self.encoder!r} needs weights: the bundled judge has no encoder")
        return self

    @model_validator(mode="after")
    def _samples_need_chance(self) -> JudgeConfig:
        if self.method == "samples" and self.temperature == 0:
            raise ValueError("method='samples' does not fit temperature=0: all samples would be the same")
        return self


class ActiveConfig(Part):
    """How much of a corpus an LLM is asked about; the rest is guessed by what is learnt from its scores."""

    budget: Finite = Field(
        default=0.25, gt=0, le=1, description="Share of the distinct turns that the LLM is asked about, at most."
    )
    bound: Finite = Field(
        default=0.05,
        ge=0,
        le=1,
        description="Stop asking when no larger share of the turns is expected in another subset than by a full run.",
    )
    audit: Finite = Field(
        default=0.1,
        ge=0,
        le=0.5,
        description="Share of the calls for turns drawn by chance at the end, which tell how good the guesses are.",
    )
    n_rounds: int = Field(default=5, ge=1, le=50, description="Times that it learns before the audit.")
    sensibility_threshold: Finite = Field(
        default=5, ge=0, le=10, description="Threshold that turns will be selected by."
    )
    rationality_threshold: Finite = Field(default=5, ge=0, le=10, description="The same of rationality.")
    seed: Seed = Field(default=0, description="Seed of what is drawn by chance.")


class PairwiseConfig(JudgeConfig):
    """The LLM that compares the responses of two systems to the same turn, and which systems it compares."""

    kind: Literal["openai"] = Field(default="openai", description="An LLM endpoint: no other judge can compare.")
    rubric: Place = Field(
        default="pairwise", min_length=1, description="'pairwise', or a Markdown file of your own with answer: verdict."
    )
    method: Literal["point"] = Field(default="point", description="The verdict as it is written.")
    pairs: tuple[tuple[SystemName, SystemName], ...] = Field(
        default=(("mixture", "union"), ("sensibility", "random"), ("mixture", "sensibility")),
        description="Pairs to compare; those of which a system is not in the table are left out.",
    )

    @model_validator(mode="after")
    def _pairs_are_of_two_systems(self) -> Self:
        sets = [frozenset(pair) for pair in self.pairs]
        if any(len(pair) != 2 for pair in sets) or len(set(sets)) < len(sets):
            raise ValueError(f"pairs={self.pairs!r} must each be of two systems, and none stand twice")
        return self
