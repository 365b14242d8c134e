"""LoRA experts: base models, the rows they learn from, the trainer, and loading an expert again."""

from tasks.experts.arguments import share_arguments, split_step
from tasks.experts.bases import Base, check_base, choose_device, load_base, load_shape, load_tokenizer, prepare_base
from tasks.experts.batches import collate, order_rows
from tasks.experts.cards import (
    NOT_EVALUATED,
    NOT_YET,
    Ancestor,
    ModelCard,
    describe_expert,
    describe_origin,
    limits_of_training,
    pick_kind,
    read_lineage,
    tell_training,
    write_card,
    write_expert_card,
)
from tasks.experts.checkpoints import Checkpoints
from tasks.experts.encoding import MASKED, TrainingRows, count_response_tokens, to_training_rows
from tasks.experts.held_out import corpus_of, find_current_subsets, read_corpus, read_held_out, read_valid
from tasks.experts.jobs import Job, launch_expert
from tasks.experts.launching import launch
from tasks.experts.lesson import Lesson, prepare_lesson
from tasks.experts.loading import EXPERT_VERSION, check_expert, expert_recipe, load_expert
from tasks.experts.losses import label_nlls
from tasks.experts.memory import check_memory
from tasks.experts.quiet import quiet_libraries
from tasks.experts.ranks import is_main_process, is_sharded
from tasks.experts.rendering import TurnEncoder
from tasks.experts.row_digest import digest_rows
from tasks.experts.rows import pick_control, pick_rows, read_rows, refuse_leak
from tasks.experts.running import Course, run_trainer
from tasks.experts.runtime import Runtime
from tasks.experts.steps import EXPERTS, plan_steps
from tasks.experts.targets import list_targets
from tasks.experts.telling import describe_training
from tasks.experts.tracking import Tracking, check_trackers
from tasks.experts.training import train_expert
from tasks.experts.working import run_worker

__all__ = [
    "EXPERTS",
    "EXPERT_VERSION",
    "MASKED",
    "NOT_EVALUATED",
    "NOT_YET",
    "Ancestor",
    "Base",
    "Checkpoints",
    "Course",
    "Job",
    "Lesson",
    "ModelCard",
    "Runtime",
    "Tracking",
    "TrainingRows",
    "TurnEncoder",
    "check_base",
    "check_expert",
    "check_memory",
    "check_trackers",
    "choose_device",
    "collate",
    "corpus_of",
    "count_response_tokens",
    "describe_expert",
    "describe_origin",
    "describe_training",
    "digest_rows",
    "expert_recipe",
    "find_current_subsets",
    "is_main_process",
    "is_sharded",
    "label_nlls",
    "launch",
    "launch_expert",
    "limits_of_training",
    "list_targets",
    "load_base",
    "load_expert",
    "load_shape",
    "load_tokenizer",
    "order_rows",
    "pick_control",
    "pick_kind",
    "pick_rows",
    "plan_steps",
    "prepare_base",
    "prepare_lesson",
    "quiet_libraries",
    "read_corpus",
    "read_held_out",
    "read_lineage",
    "read_rows",
    "read_valid",
    "refuse_leak",
    "run_trainer",
    "run_worker",
    "share_arguments",
    "split_step",
    "tell_training",
    "to_training_rows",
    "train_expert",
    "write_card",
    "write_expert_card",
]
