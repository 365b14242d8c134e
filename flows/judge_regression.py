"""Ask a judge about the anchors: does it keep to what must hold, and to the run that was accepted?"""

from __future__ import annotations

from prefect import flow
from prefect.runtime import flow_run

from flows.naming import name_regression, named_by
from flows.notifying import notify_failure
from flows.waiting import take_result
from tasks.config import JudgeConfig, ScoringConfig
from tasks.judges import RegressionConfig, RegressionRun, raise_faults
from tasks.judges.tasks import ask_anchors, keep_regression
from tasks.scoring import open_judge


@flow(name="judge-regression", flow_run_name=named_by(name_regression),
      on_failure=[notify_failure], on_crashed=[notify_failure])  # fmt: skip
def judge_regression(
    judge: JudgeConfig = JudgeConfig(),  # noqa: B008 - frozen, and the form shows it
    scoring: ScoringConfig = ScoringConfig(),  # noqa: B008
    regression: RegressionConfig = RegressionConfig(),  # noqa: B008
) -> RegressionRun:
    """Score the anchors anew and keep the run; fails where the judge has drifted from its accepted run.

    Args:
        judge: Who is asked; with the same options as in scoring it is the same judge.
        scoring: How fast and for how much; what is said of turns does not matter here.
        regression: Which anchors, and what the judge must keep to.
    """
    with open_judge(flow_run.get_id() or "local", judge, scoring) as run:
        replies = take_result(ask_anchors.submit(run, judge, regression))
        kept = keep_regression(run, replies, regression)
    raise_faults(kept)
    return kept
