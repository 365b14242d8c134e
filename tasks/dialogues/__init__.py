"""Ingest: sources of dialogues in, the dialogues artifact out; rows that cannot be used keep their reason."""

from tasks.dialogues.forgotten import Forgotten, is_named, keep_forgotten, list_forgotten
from tasks.dialogues.index import index_dialogues
from tasks.dialogues.ingest import INGEST_VERSION, ingest, ingest_recipe
from tasks.dialogues.read import read_dialogues
from tasks.dialogues.rejected import Reason, Rejected
from tasks.dialogues.resolve import EMPATHETIC_DIALOGUES_URL, check_url, resolve_source
from tasks.dialogues.source import Format, Source, SourceFile
from tasks.dialogues.splits import assign_split
from tasks.dialogues.turns import iter_turns

__all__ = [
    "EMPATHETIC_DIALOGUES_URL",
    "INGEST_VERSION",
    "Forgotten",
    "Format",
    "Reason",
    "Rejected",
    "Source",
    "SourceFile",
    "assign_split",
    "check_url",
    "index_dialogues",
    "ingest",
    "ingest_recipe",
    "is_named",
    "iter_turns",
    "keep_forgotten",
    "list_forgotten",
    "read_dialogues",
    "resolve_source",
]
