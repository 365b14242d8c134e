"""Who a judge is: everything that could change a score, and nothing else."""

from __future__ import annotations

import json
import re
from dataclasses import asdict, dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from tasks.config import JudgeConfig, PairwiseConfig
from tasks.errors import ConfigError
from tasks.manifest import hash_file
from tasks.schema import digest_of
from tasks.scoring.pair_prompting import PAIR_PROMPT_VERSION
from tasks.scoring.prompting import PROMPT_VERSION
from tasks.scoring.rubric import load_rubric, parse_rubric

OPENAI_URL = "https://api.openai.com/v1"


@dataclass(frozen=True, slots=True)
class JudgeIdentity:
    """A judge's id and what it is the digest of; the endpoint's key is not part of it."""

    judge_id: str
    alias: str
    kind: str
    endpoint_alias: str
    model: str
    rubric: str
    rubric_text: str
    parameters: dict[str, Any]

    @property
    def is_pairwise(self) -> bool:
        """Whether the judge compares two responses, as its rubric says, instead of scoring one."""
        return bool(self.rubric_text) and _read_answer(self.rubric_text) == "verdict"


_read_answer = lru_cache(maxsize=16)(lambda source: parse_rubric(source).answer)  # asked for every reply


def identify_judge(config: JudgeConfig, base_url: str | None) -> JudgeIdentity:
    """Return the identity of a configured judge.

    Raises ArtifactError where weights are missing or damaged; ConfigError where recorded replies do not exist, the
    endpoint's address is none, or the rubric asks for another kind of answer than the judge is to give. `base_url`
    names the endpoint only where the config gives it no alias.
    """
    if config.kind == "distilled":
        from tasks.scoring.distilled import BUNDLED_WEIGHTS, find_weights, read_weights

        path = find_weights(config.weights)
        digest = read_weights(path)[1]
        alias = "distilled" if path == BUNDLED_WEIGHTS else f"distilled-{digest[:6]}"
        return _identity(config, "", "distilled", "", {"weights": digest}, alias)
    if config.kind == "replies":
        path = Path(config.replies_file).expanduser()
        if not path.is_file():
            raise ConfigError("There is no such file of recorded replies.", where=str(path))
        return _identity(config, "", "recorded", "", {"file": hash_file(path)}, f"replies-{slugify(path.stem)}")
    host = host_of(base_url or OPENAI_URL)
    endpoint = config.endpoint_alias or host
    how = [] if config.method == "point" else [config.method]
    alias = slugify("-".join([config.model, Path(config.rubric).stem, *how]))
    rubric_text = load_rubric(config.rubric)
    identity = _identity(config, endpoint, config.model, rubric_text, parameters_of(config), alias)
    if identity.is_pairwise != isinstance(config, PairwiseConfig):
        asked = "compares two responses" if identity.is_pairwise else "scores one response"
        raise ConfigError(
            f"The rubric {config.rubric!r} {asked}.",
            where=f"answer: {_read_answer(rubric_text)}",
            do="give comparisons a rubric with answer: verdict, and scoring another one",
        )
    return identity


def parameters_of(config: JudgeConfig) -> dict[str, Any]:
    """Return the parameters of an LLM judge that can change a score; those of the plain method stay unnamed."""
    temperature = config.temperature
    if temperature is None:
        temperature = 1.0 if config.method == "samples" else 0.0
    parameters: dict[str, Any] = {"temperature": temperature}
    if config.method != "point":
        parameters["method"] = config.method
    if config.method == "samples":
        parameters["n_samples"] = config.n_samples
    return parameters


def host_of(base_url: str) -> str:
    """Return host and port of an endpoint's address, without user and password. Raises ConfigError if it is no URL."""
    try:
        parts = urlsplit(base_url)
        is_usable = parts.scheme in ("http", "https") and bool(parts.hostname)
    except ValueError:
        is_usable = False
    if not is_usable:
        raise ConfigError(
            "The address of the judge's endpoint is not an http(s) URL.",
            where=base_url.rpartition("@")[2],
            do="give one like http://localhost:8000/v1 (--base-url or OPENAI_BASE_URL)",
        )
    return parts.netloc.rpartition("@")[2]


def identify_active(llm: JudgeIdentity, active_digest: str) -> JudgeIdentity:
    """Return the judge that is an LLM where it was asked, and what an active run learnt from it elsewhere."""
    parameters = {"llm": llm.judge_id, "active": active_digest}
    judge_id = digest_of({"kind": "active", "parameters": parameters})[:16]
    alias = f"active-{llm.alias}-{active_digest[:6]}"
    return replace(llm, judge_id=judge_id, alias=alias, kind="active", parameters=parameters)


def write_identity(folder: Path, identity: JudgeIdentity) -> None:
    """Keep the identity beside the judge's journal, so that the tables can be made anew from there."""
    folder.mkdir(parents=True, exist_ok=True)
    partial = folder / "judge.json.partial"
    partial.write_text(json.dumps(asdict(identity), indent=1), encoding="utf-8")
    partial.replace(folder / "judge.json")


def read_identity(folder: Path) -> JudgeIdentity:
    """Return the identity kept beside a journal. Raises OSError or ValueError if it is not there."""
    return JudgeIdentity(**json.loads((folder / "judge.json").read_text(encoding="utf-8")))


def slugify(name: str) -> str:
    """Return a name that is safe in paths, tables and terminals."""
    return re.sub(r"[^a-z0-9.]+", "-", name.lower()).strip("-.") or "judge"


def _identity(
    config: JudgeConfig, endpoint: str, model: str, rubric_text: str, parameters: dict[str, Any], alias: str
) -> JudgeIdentity:
    rubric = Path(config.rubric).stem if rubric_text else ""
    kind = "openai" if config.kind == "openai-batch" else config.kind  # the same judge, asked by another road
    covered = {
        "kind": kind,
        "endpoint_alias": endpoint,
        "model": model,
        "rubric_text": _say_rubric(rubric_text),
        "parameters": parameters,
    }
    judge_id = digest_of(covered)[:16]
    return JudgeIdentity(judge_id, alias, kind, endpoint, model, rubric, rubric_text, parameters)


def _say_rubric(source: str) -> str:
    """Return what of a rubric's file reaches the judge: its name and its origin may change freely."""
    if not source:
        return ""
    rubric = parse_rubric(source)
    version = PAIR_PROMPT_VERSION if rubric.answer == "verdict" else PROMPT_VERSION
    return f"{rubric.text}\n{rubric.answer} {version}"
