"""LoRA experts: base models, the rows they learn from, the trainer, and loading an expert again."""

from tasks.experts.bases import Base, check_base, choose_device, load_base, prepare_base
from tasks.experts.batches import order_rows
from tasks.experts.checkpoints import Checkpoints
from tasks.experts.encoding import MASKED, TrainingRows, count_response_tokens, to_training_rows
from tasks.experts.held_out import corpus_of, find_current_subsets, read_held_out
from tasks.experts.loading import EXPERT_VERSION, check_expert, expert_recipe, load_expert
from tasks.experts.losses import label_nlls
from tasks.experts.quiet import quiet_libraries
from tasks.experts.rendering import TurnEncoder
from tasks.experts.rows import pick_control, pick_rows, read_rows, refuse_leak
from tasks.experts.running import run_trainer
from tasks.experts.steps import EXPERTS, plan_steps
from tasks.experts.training import train_expert

__all__ = [
    "EXPERTS",
    "EXPERT_VERSION",
    "MASKED",
    "Base",
    "Checkpoints",
    "TrainingRows",
    "TurnEncoder",
    "check_base",
    "check_expert",
    "choose_device",
    "corpus_of",
    "count_response_tokens",
    "expert_recipe",
    "find_current_subsets",
    "label_nlls",
    "load_base",
    "load_expert",
    "order_rows",
    "pick_control",
    "pick_rows",
    "plan_steps",
    "prepare_base",
    "quiet_libraries",
    "read_held_out",
    "read_rows",
    "refuse_leak",
    "run_trainer",
    "to_training_rows",
    "train_expert",
]
