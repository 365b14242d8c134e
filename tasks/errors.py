"""Every error a person can meet, as one tree; the exit code belongs to the class.

EmpathyError                 1  failed
├── UsageError               2  wrong usage or configuration
│   ├── SourceError             a source that cannot be read at all
│   ├── ConfigError             a value out of bounds, an unknown profile, a missing key
│   ├── JudgeChoiceError        several judges have scores and none was named
│   └── LeaseHeldError          another run is scoring with this judge
├── ArtifactError            1  an artifact is missing or not what its manifest says
├── DriftError               1  a judge no longer scores as in the run that was accepted
├── GateError                1  a new mixture is not shown to be as good as the accepted one
├── StoreError               1  the database is locked, damaged or from a newer version
├── ServerError              1  the background server did not come up
├── DataLeakError            1  a training row stands in the evaluation split
├── EndpointError            1  the judge's endpoint refuses us (key, quota, model, request)
├── ScoreParseError          1  a reply that holds no pair of scores
└── StoppedShortError        3  stopped in a way that running again can mend
"""


class EmpathyError(Exception):
    """What happened, where, and what to do; survives pickling between processes."""

    exit_code = 1

    def __init__(self, what: str, where: str = "", do: str = "") -> None:
        super().__init__(what, where, do)
        self.what, self.where, self.do = what, where, do

    def __str__(self) -> str:
        lines = [self.what]
        if self.where:
            lines.append(f"  where: {self.where}")
        if self.do:
            lines.append(f"  do:    {self.do}")
        return "\n".join(lines)


class UsageError(EmpathyError):
    """The command, a parameter or the configuration is wrong."""

    exit_code = 2


class SourceError(UsageError):
    """A source of dialogues that cannot be read at all (single bad rows go to quarantine)."""


class ConfigError(UsageError):
    """A configuration value that is unknown, out of bounds or missing."""


class JudgeChoiceError(UsageError):
    """Several judges have scores, and none was named."""


class LeaseHeldError(UsageError):
    """Another run is scoring with this judge; its turns would be paid twice."""


class ArtifactError(EmpathyError):
    """An artifact is missing, or is not what its manifest says."""


class DriftError(EmpathyError):
    """A judge no longer scores the anchors as in its accepted run, or not as well as it must."""


class GateError(EmpathyError):
    """A new mixture is worse than the accepted one, or not shown to be as good."""


class StoreError(EmpathyError):
    """The database cannot be opened or is of another version."""


class ServerError(EmpathyError):
    """The background Prefect server did not come up."""


class DataLeakError(EmpathyError):
    """A training row, or its text, stands in the evaluation split."""


class EndpointError(EmpathyError):
    """The judge's endpoint refuses every call: wrong key, no quota, unknown model, bad request."""


class ScoreParseError(EmpathyError):
    """A reply does not hold exactly one sensibility and one rationality from 0 to 10."""


class StoppedShortError(EmpathyError):
    """Stopped before the end in a way that running the same command again can mend."""

    exit_code = 3
