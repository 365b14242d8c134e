"""Backup and restore: what is true of a home as one file, and a home made from it elsewhere."""

from flows.keeping.backup import Kept, back_up
from flows.keeping.restore import Restored, restore

__all__ = ["Kept", "Restored", "back_up", "restore"]
