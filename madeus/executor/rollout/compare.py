"""Whether a metric is worse on upgraded machines than on those not yet upgraded: the Mann-Whitney U test, one-sided."""

from __future__ import annotations

from collections.abc import Sequence

from madeus.executor.rollout.errors import MissingScipy


def p_worse(upgraded: Sequence[float], others: Sequence[float], better: str) -> float:
    """The chance of values at least this bad if the upgrade changes nothing.

    better: ``lower`` or ``higher``. Exact for small samples without ties (scipy chooses). Raises MissingScipy.
    """
    try:
        from scipy.stats import mannwhitneyu
    except ImportError as error:
        raise MissingScipy from error
    side = "greater" if better == "lower" else "less"
    return float(mannwhitneyu(list(upgraded), list(others), alternative=side).pvalue)
