"""Which selection counts: the last one made, of any split and of each."""

from __future__ import annotations

from tasks.artifacts import ArtifactStore
from tasks.schema import ArtifactRef


def put_in_force(artifacts: ArtifactStore, ref: ArtifactRef, split: str) -> bool:
    """Make a selection the one that commands mean; say whether its split's selection is another one than before.

    What is compared is the content of the files: equal ones teach the same, however they were asked for.
    """
    before = artifacts.get_current(f"subsets-{split}")
    artifacts.set_current("subsets", ref)
    artifacts.set_current(f"subsets-{split}", ref)
    return before is None or before.sha256 != ref.sha256
