"""What the router stage learns from, and for how long."""

from pathlib import Path

import polars as pl
import pytest

from tasks.config import ExpertConfig, RouterConfig
from tasks.errors import UsageError
from tasks.experts import plan_steps
from tasks.router import ROWS_OF, read_router_rows

COUNTS = {"sensibility": 40, "rationality": 20, "discard": 30}


@pytest.fixture
def subsets(tmp_path: Path) -> Path:
    for name, n in COUNTS.items():
        frame = pl.DataFrame({"turn_key": [f"{name} {at}" for at in range(n)], "subset": [name] * n})
        frame.write_parquet(tmp_path / f"{name}.parquet")
    return tmp_path


@pytest.mark.parametrize(
    ("data", "names"),
    [
        ("union", {"sensibility", "rationality"}),
        ("all", {"sensibility", "rationality", "discard"}),
        ("sensibility", {"sensibility"}),
    ],
)
def test_the_data_choice_names_the_subsets_and_one_epoch_is_all_their_turns(
    data: str, names: set[str], subsets: Path
) -> None:
    rows = read_router_rows(subsets, data)
    assert names == set(rows["subset"])
    assert sum(COUNTS[name] for name in names) == len(rows)
    steps = plan_steps(COUNTS, ExpertConfig(batch_size=10), RouterConfig(data=data))
    assert len(rows) / 10 == steps["router"]


def test_every_choice_of_the_config_has_its_subsets() -> None:
    assert ROWS_OF.keys() == set(RouterConfig.model_fields["data"].annotation.__args__)


def test_a_choice_without_a_turn_is_refused(subsets: Path) -> None:
    pl.read_parquet(subsets / "sensibility.parquet").clear().write_parquet(subsets / "sensibility.parquet")
    with pytest.raises(UsageError, match="sensibility is empty"):
        read_router_rows(subsets, "sensibility")
