"""Evaluation: metrics with intervals, greedy responses, perplexity, and the table of systems."""

from tasks.evaluation.accepted import (
    ACCEPTED,
    Acceptance,
    find_accepted,
    promote,
    read_history,
    require_accepted,
    roll_back,
    stack_up,
)
from tasks.evaluation.bootstrap import (
    Interval,
    PairedDifference,
    bootstrap_intervals,
    compare_paired,
    paired_bootstrap,
)
from tasks.evaluation.candidates import (
    Candidates,
    Verdict,
    ask_alike,
    find_candidates,
    judge_candidates,
    read_base_name,
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
from tasks.evaluation.listed import ListedMixture, list_mixtures
from tasks.evaluation.metrics import bleu_n, dist_n, f1, perplexity, rouge
from tasks.evaluation.newest import describe_newest_evaluation, find_newest_evaluation
from tasks.evaluation.non_inferiority import Comparison, compare_recipes
from tasks.evaluation.paired import COMPARISONS, compare_pairs, list_missing_controls, list_partners
from tasks.evaluation.pairwise import check_pairs, list_pairs, questions_recipe, write_questions
from tasks.evaluation.recipes import evaluation_recipe, responses_recipe
from tasks.evaluation.reseeded import find_reseeded, list_reseeded
from tasks.evaluation.resuming import FinishedBatches
from tasks.evaluation.revision import find_revision
from tasks.evaluation.summary import JUDGED, summarise
from tasks.evaluation.systems import add_partners, has_mixture, list_adapters, load_system
from tasks.evaluation.table import UNJUDGED, EvaluationTable, make_table
from tasks.evaluation.turns import pick_held_out, pick_turns
from tasks.evaluation.wins_table import WINS_CAPTION, make_wins_table

__all__ = [
    "ACCEPTED",
    "COMPARISONS",
    "COMPARISONS_FILE",
    "FEW_DIALOGUES",
    "JUDGED",
    "LEVEL",
    "UNJUDGED",
    "WINS_CAPTION",
    "Acceptance",
    "Candidates",
    "Comparison",
    "EvaluationTable",
    "FinishedBatches",
    "Interval",
    "ListedMixture",
    "PairedDifference",
    "TurnLikelihood",
    "Verdict",
    "add_partners",
    "ask_alike",
    "bleu_n",
    "bootstrap_intervals",
    "check_pairs",
    "compare_paired",
    "compare_pairs",
    "compare_recipes",
    "cut_budget",
    "describe_newest_evaluation",
    "dist_n",
    "evaluate_system",
    "evaluation_recipe",
    "f1",
    "find_accepted",
    "find_candidates",
    "find_newest_evaluation",
    "find_reseeded",
    "find_revision",
    "generate_responses",
    "generated_recipe",
    "has_mixture",
    "index_evaluation",
    "is_found",
    "judge_candidates",
    "lift_limits",
    "list_adapters",
    "list_missing_controls",
    "list_mixtures",
    "list_pairs",
    "list_partners",
    "list_reseeded",
    "load_system",
    "make_comparison_table",
    "make_table",
    "make_wins_table",
    "paired_bootstrap",
    "perplexity",
    "pick_held_out",
    "pick_turns",
    "promote",
    "questions_recipe",
    "read_base_name",
    "read_comparisons",
    "read_history",
    "read_metrics",
    "read_responses",
    "read_wins",
    "require_accepted",
    "responses_recipe",
    "roll_back",
    "rouge",
    "score_responses",
    "stack_up",
    "summarise",
    "tell_missing_controls",
    "write_evaluation",
    "write_generated",
    "write_markdown",
    "write_questions",
    "write_responses",
]
