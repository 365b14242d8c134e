"""Fixtures every test may use."""

from pathlib import Path

import pytest

SHARED_DATA = Path(__file__).resolve().parents[1].parent / "shared" / "data"


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real data beside the clone; tests that need it are skipped where there is none."""
    if not SHARED_DATA.is_dir():
        pytest.skip("real data is not here: ../shared/data does not exist beside this clone")
    return SHARED_DATA
