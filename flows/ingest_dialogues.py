"""Read a source of dialogues: what can be kept becomes turns, what cannot goes to quarantine with a reason."""

from __future__ import annotations

from typing import Literal

from prefect import flow

from flows.naming import name_ingest, named_by
from tasks.bounded import Place
from tasks.dialogues.tasks import ingest_source, note_dialogues
from tasks.schema import ArtifactRef


@flow(name="ingest-dialogues", flow_run_name=named_by(name_ingest))
def ingest_dialogues(
    source: Place = "sample", source_split: Literal["auto", "train", "valid", "test"] = "auto"
) -> ArtifactRef:
    """Read a source and keep its dialogues.

    Args:
        source: Path, directory, https:// or s3:// URL, or the names 'sample', 'empathetic-dialogues'.
        source_split: Split of the whole source; auto: from its files, else 90/5/5 by hash of the dialogue's id.
    """
    dialogues = ingest_source(source, source_split)
    return note_dialogues(dialogues)
