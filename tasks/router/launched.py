"""A process that trains a mixture together with others: `python -m tasks.router.launched FOLDER`."""

from __future__ import annotations

import sys
from pathlib import Path

from tasks.experts import run_worker
from tasks.router.jobs import train_mixture_job

if __name__ == "__main__":
    sys.exit(run_worker(train_mixture_job, Path(sys.argv[1])))
