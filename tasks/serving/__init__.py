"""Serving: an OpenAI-compatible endpoint over one model, with batched generation of its own."""

from tasks.serving.access import check_access
from tasks.serving.finding import FoundModel, find_model, load_model
from tasks.serving.limits import Limits
from tasks.serving.serve import serve_model

__all__ = ["FoundModel", "Limits", "check_access", "find_model", "load_model", "serve_model"]
