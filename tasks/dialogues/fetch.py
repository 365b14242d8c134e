"""Remote sources brought into the cache: https://, http:// and s3:// through fsspec's one door."""

from __future__ import annotations

import hashlib
import json
import uuid
from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import urlsplit

import fsspec

from tasks.errors import SourceError
from tasks.progress import report_progress

SCHEMES = ("http", "https", "s3")
TIMEOUT_S = 60  # of silence, not of the whole download
VERSION_FIELDS = ("ETag", "Last-Modified", "LastModified", "Content-MD5", "size")


def fetch(url: str, cache_dir: Path, *, is_constant: bool = False) -> Path:
    """Return a local copy of a remote file, or of an s3:// folder.

    A copy in the cache is used again while the server names the same version; for a file that never changes
    (`is_constant`) the server is not asked. Raises SourceError where it cannot be had.
    """
    folder = cache_dir / "sources" / hashlib.sha256(url.encode()).hexdigest()[:16]
    target = folder / (name_of_url(url) or "folder")
    if is_constant and target.exists():
        return target
    try:
        fs, path = _open_filesystem(url)
        if url.startswith("s3://") and fs.isdir(path):
            _fetch_folder(fs, path, target)
        else:
            _fetch_file(fs, path, fs.info(path), target)
    except Exception as error:  # each protocol's library has errors of its own
        raise SourceError(
            f"The source cannot be fetched: {type(error).__name__}: {error}".rstrip(": "),
            where=url,
            do="check the address, the network and your access; or fetch it otherwise and give its path",
        ) from error
    return target


def name_of_url(url: str) -> str:
    """Return the file name at the end of a URL."""
    return PurePosixPath(urlsplit(url).path).name


def _open_filesystem(url: str) -> tuple[Any, str]:
    if url.startswith("s3://"):
        return fsspec.core.url_to_fs(url, use_listings_cache=False)
    import aiohttp

    timeout = aiohttp.ClientTimeout(total=None, sock_connect=TIMEOUT_S, sock_read=TIMEOUT_S)
    return fsspec.core.url_to_fs(url, client_kwargs={"timeout": timeout})


def _read_version(info: Mapping[str, Any]) -> dict[str, str]:
    """Return what tells two versions of a file apart; empty if the server says no more than a size."""
    version = {name: str(info[name]) for name in VERSION_FIELDS if info.get(name) is not None}
    return version if set(version) - {"size"} else {}


def _fetch_folder(fs: Any, path: str, target: Path) -> None:
    """Copy a folder; what was removed there does not stay here."""
    wanted: set[Path] = set()
    for name, info in sorted(fs.find(path, detail=True).items()):
        relative = PurePosixPath(name).relative_to(path.rstrip("/"))
        if ".." not in relative.parts and not name.endswith("/"):
            wanted.add(target / relative)
            _fetch_file(fs, name, info, target / relative)
    for file in target.rglob("*"):
        if file.is_file() and not file.name.startswith(".") and file not in wanted:
            file.unlink()


def _fetch_file(fs: Any, path: str, info: Mapping[str, Any], target: Path) -> None:
    """Copy one file if the copy here is of another version; a killed download is never taken for a file."""
    version = _read_version(info)
    origin = target.with_name(f".{target.name}.origin.json")
    if version and target.exists() and _read_origin(origin) == version:
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    partial = target.with_name(f".{target.name}.{uuid.uuid4().hex[:8]}")
    try:
        fs.get_file(path, str(partial), callback=DownloadProgress())
        partial.replace(target)
    finally:
        partial.unlink(missing_ok=True)
    origin.write_text(json.dumps(version), encoding="utf-8")


def _read_origin(origin: Path) -> dict[str, str] | None:
    try:
        return json.loads(origin.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None


class DownloadProgress(fsspec.Callback):
    """Reports the bytes of a download as they come."""

    def call(self, *_args: Any, **_kwargs: Any) -> None:
        """Report where the download stands; fsspec calls it after each block."""
        if self.size and self.value:
            report_progress("download source", self.value, self.size, unit="bytes")
