"""Forgetting a dialogue: out of ledger, artifacts, caches and tables; a list of the models that saw it."""

from flows.forgetting.forget import Forgetting, forget, refuse_unknown

__all__ = ["Forgetting", "forget", "refuse_unknown"]
