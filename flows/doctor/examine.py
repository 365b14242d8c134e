"""All checks at once, each with its deadline: one that hangs is a finding too, and holds up nobody."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Mapping

from flows.doctor.endpoint import check_judge
from flows.doctor.finding import Finding
from flows.doctor.machine import check_disk, check_gpu, check_memory
from flows.doctor.orchestration import check_server
from flows.doctor.software import check_packages, check_python
from flows.doctor.storage import check_artifacts, check_database, check_home, check_journal
from tasks.settings import Settings

Check = Callable[[Settings], Iterable[Finding]]
CHECKS: dict[str, Check] = {
    "python": check_python,
    "packages": check_packages,
    "home": check_home,
    "artifacts": check_artifacts,
    "journal": check_journal,
    "database": check_database,
    "server": check_server,
    "judge": check_judge,
    "disk": check_disk,
    "memory": check_memory,
    "gpu": check_gpu,
}
DEADLINE_S = 10.0
"""Of all checks together. What asks a network gives up after two seconds a question, names of hosts aside."""


def examine(settings: Settings, checks: Mapping[str, Check] = CHECKS, deadline_s: float = DEADLINE_S) -> list[Finding]:
    """Run the checks, each in a thread of its own, and return what they found in their order; raises nothing."""
    found: dict[str, list[Finding]] = {}

    def run(area: str, check: Check) -> None:
        try:
            found[area] = list(check(settings))
        except Exception as error:  # noqa: BLE001 - a check that fails is a finding, and the others still count
            said = str(error).partition("\n")[0][:300]
            found[area] = [Finding(area, "problem", f"could not be checked: {type(error).__name__}: {said}")]

    # daemons: a system call that never returns does not keep the program from ending
    threads = [threading.Thread(target=run, args=item, daemon=True) for item in checks.items()]
    for thread in threads:
        thread.start()
    ends_at = time.monotonic() + deadline_s
    for thread in threads:
        thread.join(max(0.0, ends_at - time.monotonic()))
    late = {
        area: [Finding(area, "problem", f"no answer within {deadline_s:g} s", "see network and disk")]
        for area in checks
    }
    return [finding for area in checks for finding in found.get(area, late[area])]
