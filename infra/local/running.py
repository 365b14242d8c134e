"""Starting, stopping and killing services; each has a card with its process id, and its log beside it."""

from __future__ import annotations

import contextlib
import os
import socket
import sys
import time
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psutil
from plan import LOOPBACK, MARK, Topology
from services import Service

from flows.processes import Card, find_process, start_process, stop_process
from tasks.errors import ServerError, UsageError

READY_TIMEOUT_S = 240.0
STOP_TIMEOUT_S = 20.0


def card_file(topology: Topology, service: Service) -> Path:
    """Return where the service's card lies."""
    return topology.run / f"{service.name}.json"


def find_service(topology: Topology, service: Service) -> Card | None:
    """Return the service's card if its process is alive."""
    return find_process(card_file(topology, service))


def check_ports(topology: Topology, services: Iterable[Service]) -> None:
    """Raise UsageError where somebody else listens on the port of a service that is not up."""
    taken = [
        f"{service.port} ({service.name}; held by {find_holder(service.port)})"
        for service in services
        if service.port is not None and find_service(topology, service) is None and not is_free(service.port)
    ]
    if taken:
        raise UsageError(
            f"Somebody else has the port {', '.join(taken)}.",
            where=LOOPBACK,
            do=f"stop that, or choose others: {', '.join(f'--{name}-port' for name in topology.ports)}, --free-ports",
        )


def is_free(port: int) -> bool:
    """Say whether nobody listens on a port; connections that a server has just closed do not count."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except OSError:
            return False
    return True


def find_holder(port: int) -> str:
    """Return who listens on a port, as far as we may see it."""
    with contextlib.suppress(psutil.Error):
        for link in psutil.net_connections("tcp"):
            if link.status == psutil.CONN_LISTEN and link.laddr.port == port and link.pid:
                return f"{psutil.Process(link.pid).name()}, process {link.pid}"
    return "another user's process"


def start_services(topology: Topology, services: list[Service]) -> None:
    """Start the services that are not up, those without needs at once, and wait until all are."""
    waiting = list(services)
    while waiting:
        names = {service.name for service in waiting}
        batch = [service for service in waiting if not names.intersection(service.needs)]
        for service in batch:
            start_service(topology, service)
        for service in batch:
            wait_until_ready(topology, service)
        waiting = [service for service in waiting if service not in batch]


def start_service(topology: Topology, service: Service) -> None:
    """Start a service that is not up."""
    if find_service(topology, service) is None:
        topology.run.mkdir(exist_ok=True)
        service.prepare()
        facts: dict[str, object] = {"port": service.port}
        start_process(card_file(topology, service), service.command(), service.environment, facts)


def wait_until_ready(topology: Topology, service: Service) -> None:
    """Wait until a service answers. Raises ServerError if it ends before, or takes too long."""
    card = find_service(topology, service)
    log = card_file(topology, service).with_suffix(".log")
    started_at = card.started_at if card else 0.0
    deadline = time.monotonic() + READY_TIMEOUT_S
    while card is not None and not service.is_ready(started_at):
        if time.monotonic() > deadline:
            raise ServerError(f"{service.name} did not come up within {READY_TIMEOUT_S:.0f} s.", where=str(log))
        time.sleep(0.2)
        card = find_service(topology, service)
    if card is None:
        raise ServerError(f"{service.name} stopped while starting.", where=str(log), do="read its log")
    place = f"port {service.port}" if service.port else "up"
    print(f"  {service.name:<14} {place:<10} pid {card.pid}", file=sys.stderr, flush=True)


def stop_service(topology: Topology, service: Service) -> bool:
    """Stop a service as it likes to be stopped, and say whether it was up."""
    card = find_service(topology, service)
    if card is not None and service.stop_signal != psutil.signal.SIGTERM:
        process = psutil.Process(card.pid)
        process.send_signal(service.stop_signal)
        with contextlib.suppress(psutil.TimeoutExpired):
            process.wait(STOP_TIMEOUT_S)
    return stop_process(card_file(topology, service)) or card is not None


def kill_service(topology: Topology, service: Service) -> bool:
    """End a service and all that it started at once, as a machine that is switched off; say whether it was up."""
    card = find_service(topology, service)
    card_file(topology, service).unlink(missing_ok=True)
    if card is None:
        return False
    process = psutil.Process(card.pid)
    _kill([process, *process.children(recursive=True)])  # itself first: nobody may report the others' end
    return True


def stop_all(topology: Topology, services: list[Service]) -> list[str]:
    """Stop every service before what it needs, then whatever they left behind; say what was up."""
    stopped = []
    waiting = list(services)
    while waiting:
        needed = {name for service in waiting for name in service.needs}
        batch = [service for service in waiting if service.name not in needed]
        with ThreadPoolExecutor(len(batch)) as pool:
            were_up = list(pool.map(lambda service: stop_service(topology, service), batch))
        stopped += [service.name for service, was_up in zip(batch, were_up, strict=True) if was_up]
        waiting = [service for service in waiting if service not in batch]
    _kill(find_left(topology))
    return stopped


def find_left(topology: Topology) -> list[psutil.Process]:
    """Return the processes of this topology by the mark in their environment: runs whose worker was killed, too."""
    found = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            if process.environ().get(MARK) == str(topology.folder) and process.pid != os.getpid():
                found.append(process)
    return found


def _kill(processes: list[psutil.Process]) -> None:
    for process in processes:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.kill()
    psutil.wait_procs(processes, timeout=10)
