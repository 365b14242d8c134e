"""All turns that a mixture is made from, read from the artifacts before anything is trained."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import polars as pl

from tasks.artifacts import ArtifactStore
from tasks.config import RouterConfig
from tasks.experts import EXPERTS, corpus_of, digest_rows, read_held_out, read_rows, refuse_leak
from tasks.router.rows import read_router_rows
from tasks.router.token_gates import pick_shown, read_turns
from tasks.schema import ArtifactRef

LEARNED = ("dialogue_id", "turn_key", "prompt", "completion", "subset")
"""What the stage sees of a turn: its gates are told apart by subset, too."""
SHOWN = ("dialogue_id", "turn_key", "prompt", "response")


@dataclass(frozen=True)
class RouterMaterial:
    """What the router learns from, what its gates may start from, and what it is shown at work on."""

    rows: pl.DataFrame
    own_rows: Mapping[str, pl.DataFrame]
    """Each expert's turns by its name; empty unless the gates start from them."""
    shown: pl.DataFrame
    """A few held-out dialogues, for the token-by-token view."""

    def digests(self, valid: pl.DataFrame | None) -> dict[str, str]:
        """Return the digests of them, and of the turns that the training is tried on, for the mixture's recipe."""
        own = {f"rows of {name}": digest_rows(rows) for name, rows in self.own_rows.items()}
        tried = {} if valid is None else {"tried": digest_rows(valid)}
        return {"rows": digest_router_rows(self.rows), "shown": digest_rows(self.shown, SHOWN), **own, **tried}


def digest_router_rows(rows: pl.DataFrame) -> str:
    """Return the digest of what the router learns from, as the manifest of its mixture states it among the inputs."""
    return digest_rows(rows, LEARNED)


def read_material(artifacts: ArtifactStore, subsets: ArtifactRef, config: RouterConfig) -> RouterMaterial:
    """Return what a mixture of these subsets is made from.

    Raises ArtifactError or UsageError where rows are missing, DataLeakError where one stands in the evaluation split.
    """
    folder, held_out = artifacts.open(subsets), read_held_out(artifacts, subsets)
    rows = read_router_rows(folder, config.data)
    own_rows = {name: read_rows(folder, (name,)) for name in EXPERTS if config.init == "data"}
    for seen in (rows, *own_rows.values()):
        refuse_leak(seen, held_out)
    corpus = [artifacts.open(ref) for ref in corpus_of(artifacts, subsets)]
    return RouterMaterial(rows, own_rows, pick_shown(read_turns(corpus, held_out)))
