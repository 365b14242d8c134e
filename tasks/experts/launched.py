"""A process that trains an expert together with others: `python -m tasks.experts.launched FOLDER`."""

from __future__ import annotations

import sys
from pathlib import Path

from tasks.experts.jobs import train_expert_job
from tasks.experts.working import run_worker

if __name__ == "__main__":
    sys.exit(run_worker(train_expert_job, Path(sys.argv[1])))
