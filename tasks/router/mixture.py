"""A mixture on disk: `mixture.json`, `router.safetensors` and a plain PEFT folder for each expert.

The router stays out of the adapters, so that each expert can still be served as an ordinary LoRA adapter.
Paths are relative and every file stands with its sha256: a moved mixture loads, an altered one does not.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from tasks.errors import ArtifactError
from tasks.experts import Base, load_base
from tasks.manifest import find_altered, hash_file
from tasks.router.adapters import CONFIG_FILE, WEIGHTS_FILE, write_adapter
from tasks.router.compose import compose_mixture, extract_adapters, get_spec

if TYPE_CHECKING:
    from torch import Tensor, nn
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

FORMAT_VERSION = 1
INDEX_FILE = "mixture.json"
ROUTER_FILE = "router.safetensors"
EXPERTS_FOLDER = "experts"
ROUTER_KEY = re.compile(r"(^|\.)router\.weight$")
LIBRARIES = ("torch", "transformers", "peft")
REBUILD = "remove the folder and run `empathy route` again"


class Entry(BaseModel):
    """A part of the index; unknown names are refused, as they would be ignored otherwise."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class BaseEntry(Entry):
    """The base model that the experts were trained on."""

    name: str
    revision: str
    digest: str


class MixtureIndex(Entry):
    """What `mixture.json` holds."""

    format_version: Literal[1]
    base: BaseEntry
    routing: Literal["block", "linear"]
    attention: Literal["average"]
    experts: list[Annotated[str, Field(pattern=r"^[\w-]+$")]] = Field(min_length=2)
    """Names in the order of the gates; each lies in `experts/<name>/`."""
    files: dict[str, str]
    """sha256 of the gates' and the experts' files by their path in the folder."""
    versions: dict[str, str]


def save_mixture(model: nn.Module, base: Base, folder: Path) -> None:
    """Write a composed model without its base into `folder`, which may exist. Raises ConfigError for another model."""
    from safetensors.torch import save_file

    spec = get_spec(model)
    folder.mkdir(parents=True, exist_ok=True)
    for name, adapter in extract_adapters(model).items():
        write_adapter(adapter, folder / EXPERTS_FOLDER / name)
    save_file(select_router(model.state_dict()), folder / ROUTER_FILE, metadata={"format": "pt"})
    index = MixtureIndex(
        format_version=FORMAT_VERSION,
        base=BaseEntry(name=base.name, revision=base.revision, digest=base.digest),
        routing=spec.routing,
        attention="average",
        experts=list(spec.experts),
        files={name: hash_file(folder / name) for name in list_files(spec.experts)},
        versions={library: version(library) for library in LIBRARIES},
    )
    (folder / INDEX_FILE).write_text(index.model_dump_json(indent=1), encoding="utf-8")


def load_mixture(
    folder: Path, base: Base, device: str = "auto", token: str | None = None
) -> tuple[PreTrainedModel, PreTrainedTokenizerBase]:
    """Return a saved mixture on its base model and the tokenizer; it answers bit for bit as when it was saved.

    Raises ArtifactError if a file is missing or altered, or if `base` is not the base it was trained on.
    """
    index = open_mixture(folder, base)
    weights = _read_router(folder)
    model, tokenizer = load_base(base, device, token)
    compose_mixture(model, expert_folders(folder, index), index.routing, init_std=0.0, seed=0)
    expected = {key: weight.shape for key, weight in select_router(model.state_dict()).items()}
    if expected != {key: weight.shape for key, weight in weights.items()}:
        raise _damaged(folder / ROUTER_FILE, "its gates are not those of this base and these experts")
    model.load_state_dict(weights, strict=False)
    return model, tokenizer


def open_mixture(folder: Path, base: Base) -> MixtureIndex:
    """Return the index of a mixture whose files are whole. Raises ArtifactError as `load_mixture` does."""
    index = read_index(folder)
    if index.base.digest != base.digest:
        raise ArtifactError(
            f"The mixture was trained on the base {index.base.name!r} with digest {index.base.digest[:12]}, "
            f"not on {base.name!r} with digest {base.digest[:12]}.",
            where=str(folder / INDEX_FILE),
            do="load it with the base model it names",
        )
    if altered := find_altered(folder):  # an artifact: its manifest covers mixture.json, too
        raise _damaged(folder / altered, f"{altered} is not what its manifest says")
    verify_files(folder, index)
    return index


def expert_folders(folder: Path, index: MixtureIndex) -> dict[str, Path]:
    """Return the PEFT folder of each expert by its name, in the order of the gates."""
    return {name: folder / EXPERTS_FOLDER / name for name in index.experts}


def read_index(folder: Path) -> MixtureIndex:
    """Return the checked content of `mixture.json`. Raises ArtifactError if it is missing or not an index."""
    path = folder / INDEX_FILE
    try:
        return MixtureIndex.model_validate_json(path.read_text(encoding="utf-8"))
    except OSError:
        raise ArtifactError("There is no mixture here.", where=str(path), do="make one with `empathy route`") from None
    except (ValidationError, UnicodeDecodeError) as error:
        reason = error.errors()[0]["msg"] if isinstance(error, ValidationError) else "not UTF-8"
        raise _damaged(path, f"it is no index that this version reads ({reason})") from None


def verify_files(folder: Path, index: MixtureIndex) -> None:
    """Raise ArtifactError naming the first file that is missing or is not what the index says."""
    for name in list_files(index.experts):
        found = hash_file(folder / name)
        if not found or found != index.files.get(name):
            raise _damaged(folder / name, "the file is not what mixture.json says" if found else "the file is missing")


def list_files(experts: Iterable[str]) -> list[str]:
    """Return the paths in a mixture's folder of its gates and its experts."""
    return [
        ROUTER_FILE,
        *(f"{EXPERTS_FOLDER}/{name}/{file}" for name in experts for file in (CONFIG_FILE, WEIGHTS_FILE)),
    ]


def select_router(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return the gates' weights of a state dict, on the CPU; `gate_proj` is no gate."""
    return {key: value.detach().cpu().contiguous() for key, value in state.items() if ROUTER_KEY.search(key)}


def _read_router(folder: Path) -> dict[str, Tensor]:
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        return load_file(folder / ROUTER_FILE)
    except (OSError, SafetensorError) as error:
        raise _damaged(folder / ROUTER_FILE, str(error)) from None


def _damaged(path: Path, reason: str) -> ArtifactError:
    return ArtifactError(f"The mixture is damaged: {reason}.", where=str(path), do=REBUILD)
