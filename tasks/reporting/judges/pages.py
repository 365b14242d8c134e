"""What a validation or a comparison measured, as a page of its own with its charts as PNGs."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

VALIDATION, COMPARISON = "validation", "comparison"


def name_page(folder: Path, kind: str) -> tuple[Path, Path]:
    """Return the page and the folder of charts that `write_validation_page` writes."""
    return folder / f"{kind}.html", folder / f"{kind}-charts"


def write_validation_page(record: Mapping[str, Any], folder: Path, kind: str) -> list[Path]:
    """Write the page of a record of `empathy judge validate` (kind `validation`) or `compare` (`comparison`).

    Returns the page and the pictures. Raises FileExistsError where the folder of charts exists.
    """
    # Jinja and Altair take two seconds to import, which no command that only starts up should pay.
    from tasks.reporting.judges.comparison import describe_comparison
    from tasks.reporting.judges.records import Comparison, Validation
    from tasks.reporting.judges.validation import describe_validation
    from tasks.reporting.publish import publish

    if kind == VALIDATION:
        title, summary, tabs = describe_validation(Validation.model_validate(record))
    else:
        title, summary, tabs = describe_comparison(Comparison.model_validate(record))
    page, charts = name_page(folder, kind)
    charts.mkdir(parents=True)
    names = publish(page, charts, title, "", summary, tabs)
    return [page, *(charts / f"{name}.png" for name in names)]
