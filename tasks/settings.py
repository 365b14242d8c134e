"""The machine's settings: where things are and which keys it has; resolved anew in every process."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, AliasChoices, Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict

from tasks.bounded import refuse_hidden


def require_store(url: str) -> str:
    """Return the URL without a slash at its end. Raises ValueError where it is none of an object store."""
    if url and not url.startswith("s3://"):
        raise ValueError("must be an s3:// URL; on one machine the journal in the home is enough")
    return url.rstrip("/")


class Settings(BaseSettings):
    """Read from the environment (`EMPATHY_*`); never a task or flow parameter, as those are stored."""

    model_config = SettingsConfigDict(
        env_prefix="EMPATHY_", frozen=True, extra="ignore", env_ignore_empty=True, hide_input_in_errors=True
    )

    home: Path = Field(default=Path("~/.efficient-empathy"), description="Database, journal, caches, server.")
    artifacts: Annotated[str, AfterValidator(refuse_hidden)] = Field(
        default="", description="Folder or s3:// URL of the artifacts; in the home if empty."
    )
    journal: Annotated[str, AfterValidator(refuse_hidden), AfterValidator(require_store)] = Field(
        default="",
        description="s3:// URL that closed journal segments are copied to: hosts then know what each other paid for.",
    )
    judge_base_url: str | None = Field(
        default=None,
        validation_alias=AliasChoices("EMPATHY_JUDGE_BASE_URL", "OPENAI_BASE_URL"),
        description="OpenAI-compatible endpoint of the judge; the openai client's default if not set.",
    )
    judge_api_key: SecretStr | None = Field(
        default=None,
        validation_alias=AliasChoices("EMPATHY_JUDGE_API_KEY", "OPENAI_API_KEY"),
        description="Key of the judge's endpoint.",
    )
    hf_token: SecretStr | None = Field(
        default=None,
        validation_alias=AliasChoices("EMPATHY_HF_TOKEN", "HF_TOKEN"),
        description="Token for gated base models.",
    )
    serve_api_key: SecretStr | None = Field(default=None, description="Key that `empathy serve` asks for.")
    webhook_url: SecretStr | None = Field(default=None, description="Address that is told of runs that failed.")
    webhook_format: Literal["json", "slack"] = Field(default="json", description="How that address is told.")
    device: Literal["auto", "cpu", "cuda"] = Field(default="auto", description="Where models run.")
    checkpoint_every_s: float = Field(
        default=120.0, ge=0, description="Seconds between the checkpoints of a training, 0 for one every step."
    )
    report_to: str = Field(
        default="", description="Trackers to tell of trainings, by commas: tensorboard, mlflow, wandb."
    )
    accelerate_config: Path | None = Field(
        default=None, description="Config file of `accelerate` whose processes train; one process if not set."
    )
    log_format: Literal["text", "json"] = Field(
        default="text", description="How progress and messages are told on stderr: for people, or a JSON object a line."
    )
    lock_timeout_s: float = Field(default=60.0, gt=0, description="How long to wait for the database's lock.")

    @property
    def home_dir(self) -> Path:
        """The home as an absolute path."""
        return self.home.expanduser().absolute()

    @property
    def hub_token(self) -> str | None:
        """The token for gated base models in the clear: for the loader alone."""
        return self.hf_token.get_secret_value() if self.hf_token else None

    @property
    def artifacts_url(self) -> str:
        """The artifact store: as given, or `artifacts` in the home."""
        if "://" in self.artifacts:
            return self.artifacts.rstrip("/")
        return str(Path(self.artifacts).expanduser().absolute() if self.artifacts else self.home_dir / "artifacts")

    @property
    def trackers(self) -> tuple[str, ...]:
        """The trackers of `report_to`."""
        names = (name.strip() for name in self.report_to.split(","))
        return tuple(dict.fromkeys(name for name in names if name))

    @property
    def database(self) -> Path:
        """The DuckDB file."""
        return self.home_dir / "empathy.duckdb"

    @property
    def journal_dir(self) -> Path:
        """Where replies are kept before they are parsed, `journal` being where copies of them go."""
        return self.home_dir / "journal"

    @property
    def regressions_dir(self) -> Path:
        """Where what judges reply to the anchors is kept."""
        return self.home_dir / "regressions"

    @property
    def cache_dir(self) -> Path:
        """Copies that can be made again: converted base models, fetched artifacts."""
        return self.home_dir / "cache"
