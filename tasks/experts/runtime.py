"""Where and how a training runs: everything that its result does not depend on."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path

from tasks.experts.checkpoints import Checkpoints
from tasks.experts.tracking import Tracking, check_trackers
from tasks.settings import Settings


@dataclass(frozen=True)
class Runtime:
    """The machine's side of a training."""

    device: str = "auto"
    token: str | None = field(default=None, repr=False)
    """For gated base models."""
    checkpoints: Checkpoints | None = None
    """Where a stopped training goes on from; from nowhere if not given."""
    token_cache: Path | None = None
    """Where turns are kept as tokens; nowhere if not given."""
    tracking: Tracking | None = None
    accelerate_config: Path | None = None
    """Config file of `accelerate`, whose processes do the training; this process if not given."""

    @classmethod
    def of(cls, settings: Settings, digest: str, run_name: str, max_minutes: float | None = None) -> Runtime:
        """Return what the machine's settings say for the training of one recipe, which `digest` names.

        Raises ConfigError for a tracker that cannot be told.
        """
        folder = settings.cache_dir / "training" / digest
        services, run = settings.trackers, f"{run_name}-{digest[:12]}"
        check_trackers(services)
        return cls(
            device=settings.device,
            token=settings.hub_token,
            checkpoints=Checkpoints(folder, settings.checkpoint_every_s, max_minutes),
            token_cache=settings.cache_dir / "tokens",
            tracking=Tracking(services, settings.home_dir / "tracking", run) if services else None,
            accelerate_config=settings.accelerate_config,
        )

    def without_token(self) -> Runtime:
        """Return it as it may be written down."""
        return replace(self, token=None)

    def clear(self) -> None:
        """Remove the checkpoints of a training that is done."""
        if self.checkpoints is not None:
            self.checkpoints.clear()
