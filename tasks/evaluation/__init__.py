"""Evaluation: metrics with intervals, greedy responses, perplexity, and the table of systems."""

from tasks.evaluation.bootstrap import (
    Interval,
    PairedDifference,
    bootstrap_intervals,
    compare_paired,
    paired_bootstrap,
)
from tasks.evaluation.compare import evaluate_system
from tasks.evaluation.files import read_metrics, write_evaluation, write_responses
from tasks.evaluation.generation import generate_responses
from tasks.evaluation.index import index_evaluation
from tasks.evaluation.likelihood import TurnLikelihood, score_responses
from tasks.evaluation.metrics import bleu_n, dist_n, f1, perplexity, rouge
from tasks.evaluation.recipes import evaluation_recipe, responses_recipe
from tasks.evaluation.summary import summarise
from tasks.evaluation.systems import has_mixture, list_adapters, load_system
from tasks.evaluation.table import EvaluationTable, make_table
from tasks.evaluation.turns import pick_held_out, pick_turns

__all__ = [
    "EvaluationTable",
    "Interval",
    "PairedDifference",
    "TurnLikelihood",
    "bleu_n",
    "bootstrap_intervals",
    "compare_paired",
    "dist_n",
    "evaluate_system",
    "evaluation_recipe",
    "f1",
    "generate_responses",
    "has_mixture",
    "index_evaluation",
    "list_adapters",
    "load_system",
    "make_table",
    "paired_bootstrap",
    "perplexity",
    "pick_held_out",
    "pick_turns",
    "read_metrics",
    "responses_recipe",
    "rouge",
    "score_responses",
    "summarise",
    "write_evaluation",
    "write_responses",
]
