"""Python and the packages: are they those that the project was tested with?"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator, Mapping
from importlib import metadata, resources
from pathlib import Path

from flows.doctor.finding import Finding
from tasks.settings import Settings

PYTHONS = ((3, 11), (3, 14))
"""The first that is supported, and the first that is not."""
PREFECT = "3.8.8"
FASTAPI_BELOW = (0, 151)
INSTALL = "run `make setup`, or `pip install -c constraints.txt -e .`"
MOST_NAMED = 5


def check_python(_: Settings) -> Iterator[Finding]:
    """Say which Python runs this."""
    version = ".".join(map(str, sys.version_info[:3]))
    if PYTHONS[0] <= sys.version_info[:2] < PYTHONS[1]:
        yield Finding("python", "ok", version)
        return
    yield Finding(
        "python", "problem", f"{version} is not supported", "make the environment anew with Python 3.11 to 3.13"
    )


def check_packages(_: Settings) -> Iterator[Finding]:
    """Compare what is installed with what we require and with the tree that was tested."""
    installed = read_installed()
    yield from judge_packages(installed, read_constraints())


def read_installed() -> dict[str, str | None]:
    """Return the versions of the packages that we require, None of those that are not there; optional ones if there."""
    found: dict[str, str | None] = {}
    for requirement in metadata.requires("efficient-empathy") or []:
        match = re.match(r"[A-Za-z0-9._-]+", requirement)
        name = normalize(match[0]) if match else requirement
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            if "extra ==" not in requirement:
                found[name] = None
    return found


def read_constraints() -> dict[str, str]:
    """Return the tested versions by name, none outside a clone."""
    file = Path(str(resources.files("flows"))).parent / "constraints.txt"
    if not file.exists():
        return {}
    lines = (line.split(";")[0].split("#")[0].strip() for line in file.read_text(encoding="utf-8").splitlines())
    pinned = (line.partition("==") for line in lines if "==" in line)
    return {normalize(name): version.strip() for name, _, version in pinned}


def judge_packages(installed: Mapping[str, str | None], tested: Mapping[str, str]) -> Iterator[Finding]:
    """Yield what is wrong with the installed packages, and how many there are of those that are right."""
    missing = [name for name, version in installed.items() if version is None]
    if missing:
        yield Finding("packages", "problem", f"not installed: {', '.join(missing)}", INSTALL)
    prefect, fastapi = installed.get("prefect"), installed.get("fastapi")
    if prefect and prefect != PREFECT:
        yield Finding("packages", "problem", f"prefect {prefect}: only {PREFECT} is known to work", INSTALL)
    if fastapi and read_numbers(fastapi) >= FASTAPI_BELOW:
        said = f"fastapi {fastapi}: the server of Prefect {PREFECT} does not start with 0.151 or newer"
        yield Finding("packages", "problem", said, INSTALL)
    there = {name: version.split("+")[0] for name, version in installed.items() if version}
    others = [f"{name} {version} (tested: {tested[name]})" for name, version in there.items()
              if name in tested and version != tested[name] and name not in ("prefect", "fastapi")]  # fmt: skip
    if others:
        more = f" and {len(others) - MOST_NAMED} more" if len(others) > MOST_NAMED else ""
        said = f"other versions than constraints.txt has: {', '.join(others[:MOST_NAMED])}{more}"
        yield Finding("packages", "warning", said, INSTALL)
    if not missing and not others:
        told = "as in constraints.txt" if tested else "constraints.txt is not here to compare them with"
        yield Finding("packages", "ok", f"{len(there)} required ones, {told}; prefect {prefect}, fastapi {fastapi}")


def normalize(name: str) -> str:
    """Return a package's name as indexes compare it."""
    return re.sub(r"[-_.]+", "-", name.partition("[")[0]).lower().strip()


def read_numbers(version: str) -> tuple[int, ...]:
    """Return the leading numbers of a version."""
    return tuple(int(number) for number in re.findall(r"\d+", version)[:2])
