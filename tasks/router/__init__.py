"""The mixture: two LoRA experts and a base, joined by gates that are trained."""

from tasks.router.compose import MixtureSpec, compose_mixture, get_spec
from tasks.router.export import Export, ExportFormat, export_model
from tasks.router.inspection import mean_gates
from tasks.router.mixture import load_mixture, save_mixture
from tasks.router.recipe import ROUTER_VERSION, mixture_recipe
from tasks.router.rows import ROWS_OF, read_router_rows
from tasks.router.token_gates import GATES_FILE, TokenGate, read_turns, trace_response
from tasks.router.training import train_mixture

__all__ = [
    "GATES_FILE",
    "ROUTER_VERSION",
    "ROWS_OF",
    "Export",
    "ExportFormat",
    "MixtureSpec",
    "TokenGate",
    "compose_mixture",
    "export_model",
    "get_spec",
    "load_mixture",
    "mean_gates",
    "mixture_recipe",
    "read_router_rows",
    "read_turns",
    "save_mixture",
    "trace_response",
    "train_mixture",
]
