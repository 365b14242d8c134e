"""PostgreSQL as Debian installs it, with a data folder of our own; as root under the user that Debian made for it."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
from hashlib import sha256
from pathlib import Path

from plan import LOOPBACK, USER, Topology, write_secret

from tasks.errors import EmpathyError, UsageError

SERVER_USER = "postgres"


def find_program(name: str) -> str | None:
    """Return a program of PostgreSQL: Debian keeps them off the path, one folder a version."""
    versions = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda folder: int(folder.parent.name))
    return shutil.which(name, path=os.pathsep.join([*map(str, reversed(versions)), os.environ.get("PATH", "")]))


def data_folder(topology: Topology) -> Path:
    """Return where the database lies: in the topology's folder, or where a link there points."""
    return (topology.folder / "postgresql").resolve()


def prepare_database(topology: Topology) -> None:
    """Make the data folder with its user, password and database, if there is none. Raises EmpathyError if it fails."""
    target = topology.folder / "postgresql"
    if not target.exists():
        place = choose_place(topology)
        _make_data(place, topology)
        if place != target:
            target.unlink(missing_ok=True)
            target.symlink_to(place)


def choose_place(topology: Topology) -> Path:
    """Return the topology's folder, or PostgreSQL's home where its user may not enter that one, as below /root."""
    inside = topology.folder / "postgresql"
    if os.geteuid() != 0 or _run(["test", "-x", str(topology.folder)]).returncode == 0:
        return inside
    digest = sha256(str(topology.folder).encode()).hexdigest()[:12]
    return Path(pwd.getpwnam(SERVER_USER).pw_dir) / f"efficient-empathy-{digest}"


def start_command(topology: Topology) -> list[str]:
    """Return what runs the server in the foreground: on loopback only, no socket file."""
    settings = {
        "listen_addresses": LOOPBACK,
        "port": str(topology.ports["postgresql"]),
        "unix_socket_directories": "",
        "max_connections": "200",
    }
    options = [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
    return as_server_user([str(find_program("postgres")), "-D", str(data_folder(topology)), *options])


def is_ready(topology: Topology) -> bool:
    """Say whether it takes connections."""
    asked = [str(find_program("pg_isready")), "-q", "-h", LOOPBACK, "-p", str(topology.ports["postgresql"])]
    return subprocess.run(asked, capture_output=True, check=False).returncode == 0


def as_server_user(command: list[str]) -> list[str]:
    """Return the command under PostgreSQL's own user if we are root, whom it refuses; the process id stays the same."""
    if os.geteuid() != 0:
        return command
    user = pwd.getpwnam(SERVER_USER)
    become = ["setpriv", f"--reuid={user.pw_uid}", f"--regid={user.pw_gid}", "--clear-groups"]
    return [*become, "env", "--chdir=/", *command]  # the folder it is started in may be closed to it


def check_user() -> None:
    """Raise UsageError where root has nobody to run PostgreSQL as."""
    if os.geteuid() == 0 and SERVER_USER not in {user.pw_name for user in pwd.getpwall()}:
        raise UsageError(
            f"PostgreSQL refuses to run as root, and there is no user {SERVER_USER!r}.",
            do="install Debian's postgresql, which makes it, or run this as somebody else",
        )


def _make_data(place: Path, topology: Topology) -> None:
    """Fill a folder beside the place and rename it: one that was killed half-way is made anew."""
    new = place.with_name(f"{place.name}.new")
    shutil.rmtree(new, ignore_errors=True)
    new.mkdir(mode=0o700)
    secret = new.with_suffix(".password")
    write_secret(secret, topology.password)
    if os.geteuid() == 0:
        shutil.chown(new, SERVER_USER)
        shutil.chown(secret, SERVER_USER)
    try:
        _run([str(find_program("initdb")), "-D", str(new), "-U", USER, "-A", "scram-sha-256", f"--pwfile={secret}",
              "-E", "UTF8", "--locale=C.UTF-8"], is_needed=True)  # fmt: skip
        # no server runs yet, so nobody can come between: the one-user mode of the program itself
        _run([str(find_program("postgres")), "--single", "-D", str(new), "postgres"], f"CREATE DATABASE {USER}\n", True)
    finally:
        secret.unlink()
    new.rename(place)


def _run(command: list[str], said: str = "", is_needed: bool = False) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(as_server_user(command), input=said, capture_output=True, text=True, check=False)
    if is_needed and done.returncode != 0:
        last = "\n".join((done.stderr or done.stdout).strip().splitlines()[-5:])
        raise EmpathyError(f"PostgreSQL could not make its data folder: {last}", where=" ".join(command))
    return done
