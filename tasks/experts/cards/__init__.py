"""Model cards: where a model comes from, how it was trained, what it does not show, and which licences hold."""

from tasks.experts.cards.expert_card import describe_expert, write_expert_card
from tasks.experts.cards.lineage import Ancestor, pick_kind, read_lineage
from tasks.experts.cards.model_card import (
    NOT_EVALUATED,
    NOT_YET,
    ModelCard,
    limits_of_training,
    tell_training,
    write_card,
)
from tasks.experts.cards.origin import describe_origin

__all__ = [
    "NOT_EVALUATED",
    "NOT_YET",
    "Ancestor",
    "ModelCard",
    "describe_expert",
    "describe_origin",
    "limits_of_training",
    "pick_kind",
    "read_lineage",
    "tell_training",
    "write_card",
    "write_expert_card",
]
