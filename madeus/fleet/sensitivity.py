"""How the completion time of each protocol depends on the time that a fix takes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from madeus.fleet.scenario import Scenario
from madeus.fleet.simulation import Outcome, simulate
from madeus.fleet.times import Time


@dataclass(frozen=True, slots=True)
class Sensitivity:
    """Protocols simulated with different times of a fix."""

    fixes: tuple[Time, ...]
    rows: tuple[tuple[str, tuple[Outcome, ...]], ...]
    """Protocol and its outcomes, one for each time."""

    def penalty(self, protocol: str, against: str) -> tuple[float, ...]:
        """Completion time of a protocol as a multiple of another one's, for each time of a fix."""
        rows = dict(self.rows)
        return tuple(
            mine.completion / other.completion for mine, other in zip(rows[protocol], rows[against], strict=True)
        )


def sensitivity(scenario: Scenario, protocols: Sequence[str], fixes: Sequence[Time]) -> Sensitivity:
    """Simulate every protocol with every time of a fix."""
    rows = tuple((p, tuple(simulate(replace(scenario, fix=fix), p) for fix in fixes)) for p in protocols)
    return Sensitivity(tuple(fixes), rows)


def usual_fixes(scenario: Scenario) -> tuple[Time, ...]:
    """A tenth to ten times the scenario's own."""
    fix = scenario.fix
    return tuple(replace(fix, first=fix.first * by, second=fix.second * by) for by in (0.1, 0.3, 1.0, 3.0, 10.0))
