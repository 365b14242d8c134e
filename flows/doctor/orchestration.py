"""Prefect's server, its work pools and their workers, asked over HTTP: importing Prefect takes longer than all else."""

from __future__ import annotations

import os
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

from flows.access import ASKED, GIVEN, basic_auth
from flows.doctor.finding import Finding
from flows.doctor.http import Answer, ask, hide_secrets
from flows.server import find_server
from tasks.settings import Settings

PREFECT = "3.8.8"


class Api(NamedTuple):
    """An API that Prefect's settings name, or that of the home's own server."""

    url: str
    whose: str
    headers: Mapping[str, str]


def check_server(settings: Settings) -> Iterator[Finding]:
    """Say which server flows talk to and whether it answers; its pools and workers if it does."""
    api = find_api(settings.home_dir)
    if api is None:
        yield Finding("server", "ok", "none runs; the first command that needs one starts it (`empathy up`)")
        return
    named = hide_secrets(api.url)
    answer = ask(f"{api.url}/health", headers=api.headers)
    known = ask(f"{api.url}/admin/version", headers=api.headers) if answer.status == 200 else answer
    if known.status in (401, 403):  # it tells everybody that it is well, and nothing more
        yield Finding("server", "problem", f"{named} ({api.whose}) asks for a login", advise(api, known))
        return
    if answer.status != 200:
        said = answer.error or f"HTTP {answer.status}"
        yield Finding("server", "problem", f"{named} ({api.whose}) does not answer: {said}", advise(api, answer))
        return
    version = known.content
    said = f"{named} ({api.whose}), Prefect {version or 'of an unknown version'}, {name_database(api)}"
    if version in (PREFECT, None):
        yield Finding("server", "ok", said)
    else:
        do = f"run the server with prefect=={PREFECT}, as this program does"
        yield Finding("server", "warning", said, do)
    yield from check_pools(api)


def find_api(home: Path) -> Api | None:
    """Return the API that commands of this home would use, None where they would start a server first."""
    chosen = {**read_profile(), **os.environ}
    url = chosen.get("PREFECT_API_URL", "").rstrip("/")
    if url:
        return Api(url, "named by Prefect's settings", make_headers(chosen))
    server = find_server(home)
    login = chosen.get(GIVEN) or chosen.get(ASKED, "")
    return Api(server.api_url, "this home's own", basic_auth(login)) if server else None


def read_profile() -> dict[str, str]:
    """Return the settings of Prefect's active profile."""
    file = Path(os.environ.get("PREFECT_PROFILES_PATH") or prefect_home() / "profiles.toml").expanduser()
    try:
        profiles = tomllib.loads(file.read_text(encoding="utf-8"))
        name = os.environ.get("PREFECT_PROFILE") or profiles.get("active", "")
        return {key: str(value) for key, value in profiles.get("profiles", {}).get(name, {}).items()}
    except (OSError, ValueError, AttributeError):
        return {}


def prefect_home() -> Path:
    """Return where Prefect keeps its profiles."""
    return Path(os.environ.get("PREFECT_HOME") or "~/.prefect").expanduser()


def make_headers(chosen: Mapping[str, str]) -> dict[str, str]:
    """Return the headers that say who asks, from Prefect's own settings."""
    if key := chosen.get("PREFECT_API_KEY"):
        return {"Authorization": f"Bearer {key}"}
    return basic_auth(chosen.get(GIVEN, ""))


def advise(api: Api, answer: Answer) -> str:
    """Return what to do about an API that does not answer."""
    if answer.status in (401, 403):
        return "set PREFECT_API_AUTH_STRING (or PREFECT_API_KEY) to what the server asks for"
    if api.whose == "this home's own":
        return "`empathy down`, then `empathy up`; its log is server/server.log in the home"
    return "start that server, or take PREFECT_API_URL away: commands then use a server of their own"


def name_database(api: Api) -> str:
    """Return which database the server keeps its records in, without the password."""
    answer = ask(f"{api.url}/admin/settings", headers=api.headers)
    try:
        url = str(answer.content["server"]["database"]["connection_url"] or "")
    except (KeyError, TypeError):
        return "database not told"
    if url.startswith("sqlite"):
        return f"database SQLite {url.partition('///')[2]}"
    if "://" in url:
        return f"database {hide_secrets(url)}"
    return "database SQLite in its home" if api.whose == "this home's own" else "database not told"


def check_pools(api: Api) -> Iterator[Finding]:
    """Say which work pools have a worker."""
    pools = ask(f"{api.url}/work_pools/filter", {}, api.headers).content
    if not isinstance(pools, list):
        yield Finding("pools", "warning", "the server does not list its work pools")
        return
    if not pools:
        yield Finding("pools", "ok", "no work pools; `empathy deploy` makes them, commands need none")
    for pool in pools:
        name = str(pool.get("name"))
        workers = ask(f"{api.url}/work_pools/{name}/workers/filter", {}, api.headers).content
        online = [str(worker["name"]) for worker in workers or [] if worker.get("status") == "ONLINE"]
        kind = f"{name} ({pool.get('type')})"
        if pool.get("is_paused"):
            yield Finding("pools", "warning", f"{kind} is paused", f"`prefect work-pool resume {name}`")
        elif online:
            yield Finding("pools", "ok", f"{kind}: {len(online)} workers online")
        else:
            do = f"`prefect worker start --pool {name}`" + (", or `empathy up --worker`" if name == "cpu" else "")
            yield Finding("pools", "warning", f"{kind} has no worker online: its runs wait", do)
