"""The mixture: two LoRA experts and a base, joined by gates that are trained."""

from tasks.router.compose import MixtureSpec, compose_mixture, get_spec
from tasks.router.export import Background, Export, ExportFormat, export_model
from tasks.router.gate_layers import NEAR_HALF, LayerGates, average_layers, say_not_routed
from tasks.router.inspection import mean_gates
from tasks.router.jobs import launch_mixture
from tasks.router.material import RouterMaterial, digest_router_rows, read_material
from tasks.router.mixture import load_mixture, save_mixture
from tasks.router.mixture_card import write_mixture_card
from tasks.router.recipe import ROUTER_VERSION, mixture_recipe
from tasks.router.rows import ROWS_OF, read_router_rows
from tasks.router.token_gates import GATES_FILE, TokenGate, read_turns, trace_response
from tasks.router.training import train_mixture

__all__ = [
    "GATES_FILE",
    "NEAR_HALF",
    "ROUTER_VERSION",
    "ROWS_OF",
    "Background",
    "Export",
    "ExportFormat",
    "LayerGates",
    "MixtureSpec",
    "RouterMaterial",
    "TokenGate",
    "average_layers",
    "compose_mixture",
    "digest_router_rows",
    "export_model",
    "get_spec",
    "launch_mixture",
    "load_mixture",
    "mean_gates",
    "mixture_recipe",
    "read_material",
    "read_router_rows",
    "read_turns",
    "save_mixture",
    "say_not_routed",
    "trace_response",
    "train_mixture",
    "write_mixture_card",
]
