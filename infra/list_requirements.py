"""Print what pyproject.toml needs, with the extras named: images install it before the code is there.

usage: list_requirements.py pyproject.toml [EXTRA ...]
"""

import sys
import tomllib
from pathlib import Path


def list_requirements(file: Path, extras: list[str]) -> list[str]:
    """Return the requirements of the project and of its extras. Raises KeyError for an extra that there is not."""
    project = tomllib.loads(file.read_text(encoding="utf-8"))["project"]
    return [*project["dependencies"], *(one for extra in extras for one in project["optional-dependencies"][extra])]


if __name__ == "__main__":
    print("\n".join(list_requirements(Path(sys.argv[1]), sys.argv[2:])))
