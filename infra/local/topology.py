"""The command line of the local topology; up.sh, down.sh and service.sh call it."""

from __future__ import annotations

import argparse
import importlib.util
import os
import shlex
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import postgresql
from filelock import FileLock
from plan import DEFAULT_PORTS, Topology, find_free_ports, load_topology, make_password
from running import check_ports, find_service, kill_service, start_services, stop_all, stop_service
from services import Service, list_services

from tasks.errors import EmpathyError, UsageError
from tasks.settings import Settings

LOCK_TIMEOUT_S = 600.0


def main() -> int:
    """Do what the command line says; 2 for wrong usage, 1 for what failed."""
    asked = read_command_line()
    folder = asked.folder or Path(os.environ.get("EMPATHY_TOPOLOGY") or Settings().home_dir / "topology")
    try:
        with hold(folder.expanduser().absolute(), is_new=asked.command == "up") as held:
            if asked.command == "up":
                up(held, asked)
            elif asked.command == "down":
                down(held, is_wiped=asked.wipe)
            elif asked.command == "status":
                show(held)
            else:
                change_one(held, asked.command, asked.name)
    except EmpathyError as error:
        print(error, file=sys.stderr)
        return error.exit_code
    except KeyboardInterrupt:
        print("Interrupted; what is up stays up, infra/local/down.sh ends it.", file=sys.stderr)
        return 130
    return 0


def read_command_line() -> argparse.Namespace:
    """Return the command and its options."""
    parser = argparse.ArgumentParser(prog="infra/local/topology.sh", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    start = commands.add_parser("up", help="bring everything up; what is up is left alone")
    start.add_argument("--cpu-workers", type=int, help="workers of the pool cpu [default: 1]")
    start.add_argument("--home", type=Path, help="home of the workers [default: FOLDER/home, as its S3 forgets]")
    start.add_argument("--gpu-home", type=Path, help="home of the gpu worker, as on a machine of its own [the same]")
    for name, port in DEFAULT_PORTS.items():
        start.add_argument(f"--{name}-port", type=int, help=f"[default: {port}]")
    start.add_argument("--s3-url", help="what clients are given for S3, as a proxy before it [default: its port]")
    start.add_argument("--free-ports", action="store_true", help="ports that are free now; for tests")
    stop = commands.add_parser("down", help="end everything; the data stay")
    stop.add_argument("--wipe", action="store_true", help="remove the folder with all its data, too")
    status = commands.add_parser("status", help="what is up")
    ones = [commands.add_parser(word, help=f"{word} one service") for word in ("start", "stop", "restart", "kill")]
    for one in ones:
        one.add_argument("name", help="postgresql, redis, s3, server, services, worker-cpu-1, …")
    for one in (start, stop, status, *ones):
        one.add_argument("folder", nargs="?", type=Path, help="state [default: EMPATHY_TOPOLOGY, else HOME/topology]")
    return parser.parse_args()


@contextmanager
def hold(folder: Path, is_new: bool) -> Iterator[Path]:
    """Keep two commands on one topology apart."""
    if is_new:
        folder.parent.mkdir(parents=True, exist_ok=True)
        folder.mkdir(mode=0o711, exist_ok=True)  # PostgreSQL's user must get through; secrets are files of ours alone
    elif not (folder / "topology.json").exists():
        raise UsageError(
            "There is no topology.", where=str(folder), do="name its folder, or infra/local/up.sh makes one"
        )
    with FileLock(folder / "lock", timeout=LOCK_TIMEOUT_S):
        yield folder


def up(folder: Path, asked: argparse.Namespace) -> None:
    """Bring up what is not up, and say where it is."""
    check_programs()
    topology = plan_topology(folder, asked)
    services = list_services(topology)
    check_ports(topology, services)
    topology.save()
    # Prefect reads its settings when it is imported, and a worker would make pools that are not as pools.yaml says
    before_workers = [service for service in services if not service.name.startswith("worker-")]
    start_services(topology, before_workers)
    os.environ.update({name: value for name, value in topology.worker_environment.items() if name != "EMPATHY_HOME"})
    from flows.deploy import make_pool

    for pool in ("cpu", "gpu"):
        make_pool(pool)
    start_services(topology, [service for service in services if service not in before_workers])
    print(f"Prefect: {topology.api_url.removesuffix('/api')}\nsource {shlex.quote(f'{folder}/env.sh')}")


def down(folder: Path, *, is_wiped: bool) -> None:
    """Stop everything, and remove its data if that is wanted."""
    topology = read_topology(folder)
    stopped = stop_all(topology, list_services(topology))
    print(f"Stopped: {', '.join(stopped)}." if stopped else "Nothing was running.")
    if is_wiped:
        shutil.rmtree(postgresql.data_folder(topology), ignore_errors=True)
        shutil.rmtree(folder)
        print(f"Removed {folder}.")


def change_one(folder: Path, command: str, name: str) -> None:
    """Start, stop, restart or kill one service."""
    topology = read_topology(folder)
    service = find_named(topology, name)
    if command != "start":
        end = kill_service if command == "kill" else stop_service
        print(f"{name}: {'ended' if end(topology, service) else 'was not up'}.")
    if command in ("start", "restart"):
        check_ports(topology, [service])
        start_services(topology, [service])


def show(folder: Path) -> None:
    """Print what is up."""
    topology = read_topology(folder)
    for service in list_services(topology):
        card = find_service(topology, service)
        print(f"{service.name:<14} {f'pid {card.pid}' if card else 'down':<12} {service.port or ''}")


def find_named(topology: Topology, name: str) -> Service:
    """Return the service of a name. Raises UsageError if there is none."""
    services = {service.name: service for service in list_services(topology)}
    if name not in services:
        raise UsageError(f"There is no service {name!r}.", do=f"one of {', '.join(services)}")
    return services[name]


def read_topology(folder: Path) -> Topology:
    """Return the folder's topology, which `hold` has seen."""
    topology = load_topology(folder)
    assert topology is not None  # noqa: S101 - by then it is there
    return topology


def plan_topology(folder: Path, asked: argparse.Namespace) -> Topology:
    """Return the folder's topology as asked for. Raises UsageError if it is up with other ports, homes or workers."""
    known = load_topology(folder)
    said = {name: getattr(asked, f"{name}_port") for name in DEFAULT_PORTS}
    ports = known.ports if known else find_free_ports() if asked.free_ports else DEFAULT_PORTS
    home = (asked.home or (known.home if known else folder / "home")).expanduser().absolute()
    gpu_home = asked.gpu_home or (known.gpu_home if known and not asked.home else home)
    n_workers = asked.cpu_workers if asked.cpu_workers is not None else known.cpu_workers if known else 1
    if n_workers < 1:
        raise UsageError("At least one worker of the pool cpu is needed.", where=f"--cpu-workers {n_workers}")
    wanted = Topology(
        folder=folder, home=home, gpu_home=gpu_home.expanduser().absolute(), cpu_workers=n_workers,
        ports={name: said[name] or port for name, port in ports.items()},
        password=known.password if known else make_password(),
        s3_front=asked.s3_url or (known.s3_front if known else None),
    )  # fmt: skip
    is_up = known is not None and any(find_service(known, service) for service in list_services(known))
    if known is not None and is_up and wanted.model_copy(update={"cpu_workers": known.cpu_workers}) != known:
        raise UsageError(
            "The topology is up with other ports or homes.", where=str(folder), do="infra/local/down.sh first"
        )
    if known is not None and is_up and n_workers < known.cpu_workers:
        raise UsageError("The topology is up with more workers.", where=str(folder), do="infra/local/down.sh first")
    return wanted


def check_programs() -> None:
    """Raise UsageError for what is not installed, in one message."""
    programs = {"redis-server": shutil.which("redis-server"), "postgresql": postgresql.find_program("initdb")}
    missing = [package for package, found in programs.items() if not found]
    if missing:
        raise UsageError(f"Missing: {', '.join(missing)}.", do=f"apt-get install -y {' '.join(sorted(missing))}")
    extras = {"services": "prefect_redis", "dev": "moto"}
    absent = [extra for extra, module in extras.items() if importlib.util.find_spec(module) is None]
    if absent:
        raise UsageError(
            f"This Python lacks {', '.join(extras[extra] for extra in absent)}.",
            where=sys.executable,
            do=f"python -m pip install -c constraints.txt -e '.[{','.join(absent)}]'",
        )
    postgresql.check_user()


if __name__ == "__main__":
    sys.exit(main())
