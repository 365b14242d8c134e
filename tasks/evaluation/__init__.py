"""Evaluation: metrics with intervals, greedy responses, perplexity, and the table of systems."""

from tasks.evaluation.bootstrap import (
    Interval,
    PairedDifference,
    bootstrap_intervals,
    compare_paired,
    paired_bootstrap,
)
from tasks.evaluation.compare import evaluate_system
from tasks.evaluation.comparison_table import (
    FEW_DIALOGUES,
    LEVEL,
    is_found,
    make_comparison_table,
    tell_missing_controls,
    write_markdown,
)
from tasks.evaluation.files import (
    COMPARISONS_FILE,
    read_comparisons,
    read_metrics,
    read_responses,
    read_wins,
    write_evaluation,
    write_responses,
)
from tasks.evaluation.generation import generate_responses
from tasks.evaluation.index import index_evaluation
from tasks.evaluation.judged import cut_budget, generated_recipe, lift_limits, write_generated
from tasks.evaluation.likelihood import TurnLikelihood, score_responses
from tasks.evaluation.metrics import bleu_n, dist_n, f1, perplexity, rouge
from tasks.evaluation.newest import describe_newest_evaluation
from tasks.evaluation.paired import COMPARISONS, compare_pairs, list_missing_controls, list_partners
from tasks.evaluation.pairwise import check_pairs, list_pairs, questions_recipe, write_questions
from tasks.evaluation.recipes import evaluation_recipe, responses_recipe
from tasks.evaluation.resuming import FinishedBatches
from tasks.evaluation.summary import JUDGED, summarise
from tasks.evaluation.systems import add_partners, has_mixture, list_adapters, load_system
from tasks.evaluation.table import UNJUDGED, EvaluationTable, make_table
from tasks.evaluation.turns import pick_held_out, pick_turns
from tasks.evaluation.wins_table import WINS_CAPTION, make_wins_table

__all__ = [
    "COMPARISONS",
    "COMPARISONS_FILE",
    "FEW_DIALOGUES",
    "JUDGED",
    "LEVEL",
    "UNJUDGED",
    "WINS_CAPTION",
    "EvaluationTable",
    "FinishedBatches",
    "Interval",
    "PairedDifference",
    "TurnLikelihood",
    "add_partners",
    "bleu_n",
    "bootstrap_intervals",
    "check_pairs",
    "compare_paired",
    "compare_pairs",
    "cut_budget",
    "describe_newest_evaluation",
    "dist_n",
    "evaluate_system",
    "evaluation_recipe",
    "f1",
    "generate_responses",
    "generated_recipe",
    "has_mixture",
    "index_evaluation",
    "is_found",
    "lift_limits",
    "list_adapters",
    "list_missing_controls",
    "list_pairs",
    "list_partners",
    "load_system",
    "make_comparison_table",
    "make_table",
    "make_wins_table",
    "paired_bootstrap",
    "perplexity",
    "pick_held_out",
    "pick_turns",
    "questions_recipe",
    "read_comparisons",
    "read_metrics",
    "read_responses",
    "read_wins",
    "responses_recipe",
    "rouge",
    "score_responses",
    "summarise",
    "tell_missing_controls",
    "write_evaluation",
    "write_generated",
    "write_markdown",
    "write_questions",
    "write_responses",
]
