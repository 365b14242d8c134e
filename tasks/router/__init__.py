"""The mixture: two LoRA experts and a base, joined by gates that are trained."""

from tasks.router.compose import MixtureSpec, compose_mixture
from tasks.router.export import Export, ExportFormat, export_model
from tasks.router.inspection import mean_gates
from tasks.router.mixture import load_mixture, save_mixture
from tasks.router.recipe import ROUTER_VERSION, mixture_recipe
from tasks.router.rows import ROWS_OF, read_router_rows
from tasks.router.training import train_mixture

__all__ = [
    "ROUTER_VERSION",
    "ROWS_OF",
    "Export",
    "ExportFormat",
    "MixtureSpec",
    "compose_mixture",
    "export_model",
    "load_mixture",
    "mean_gates",
    "mixture_recipe",
    "read_router_rows",
    "save_mixture",
    "train_mixture",
]
