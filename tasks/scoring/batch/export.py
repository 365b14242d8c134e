"""The pending turns as batch files, for an endpoint of one's choice: asks nobody."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from tasks.errors import UsageError
from tasks.scoring.batch.requests import BatchLimits, RequestFile, encode_request
from tasks.scoring.engine.asking import Asker, Question
from tasks.scoring.engine.dialect import find_memory, load_dialect
from tasks.scoring.identity import JudgeIdentity
from tasks.scoring.planning import Plan, read_chunk


def write_batch_files(
    plan: Plan,
    identity: JudgeIdentity,
    memory: Path,
    out: Path,
    limits: BatchLimits = BatchLimits(),  # noqa: B008 - frozen
) -> list[tuple[Path, int]]:
    """Write the requests for a plan's turns to `out`, or to `out-1`, `out-2` ... where one batch cannot hold them.

    Return each file with the number of its requests; none where no turn is pending. Raises UsageError where a
    file of such a name exists, OSError where they cannot be written.
    """
    files = list(_fill_files(_encode_turns(plan, identity, memory), out, limits))
    names = (
        [out] if len(files) == 1 else [out.with_name(f"{out.stem}-{n}{out.suffix}") for n in range(1, len(files) + 1)]
    )
    taken = [name for name in names if name.exists()]
    for file, name in zip(files, names, strict=True):
        file.path.unlink() if taken else file.path.rename(name)
    if taken:
        raise UsageError("There is such a file already.", where=str(taken[0]), do="name another one, or remove it")
    return [(name, file.n_requests) for file, name in zip(files, names, strict=True)]


def _encode_turns(plan: Plan, identity: JudgeIdentity, memory: Path) -> Iterator[bytes]:
    asker, dialect = Asker(identity), load_dialect(find_memory(memory, identity))
    for chunk in range(plan.n_chunks):
        for planned in read_chunk(plan, chunk):
            question = Question(planned, n_samples=planned.n_samples)
            yield encode_request(planned.turn.turn_key, asker.make_request(question, dialect))


def _fill_files(lines: Iterator[bytes], out: Path, limits: BatchLimits) -> Iterator[RequestFile]:
    """Yield each file, under a name that does not last, when it is full, or the last."""
    line, number = next(lines, None), 0
    while line is not None:
        number += 1
        partial = out.with_name(f".{out.name}.{number}.partial")
        with RequestFile(partial, limits.most_requests, limits.most_bytes) as file:
            while line is not None and file.has_room_for(line):
                file.write(line)
                line = next(lines, None)
        yield file
