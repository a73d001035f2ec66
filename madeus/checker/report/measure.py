"""Numbers that answer a question, in words."""

from __future__ import annotations

from math import inf

from madeus.checker.verdict import Boundaries, Durations, Findings, Measure, TimeOff, Width
from madeus.semantics import Trace

MOST_NAMES = 20


def seconds(value: float) -> str:
    """``12.5 s``, to a microsecond; ``without bound`` for an infinite time."""
    return "without bound" if value == inf else f"{round(value, 6):g} s" if value < 1e5 else f"{value:.1f} s"


def sentence(measure: Measure | None) -> str:
    """The answer to a question that asks for a number; empty for one that does not."""
    match measure:
        case Boundaries(minimum, maximum):
            if minimum == inf:
                return "never reached"
            return f"{seconds(minimum)} to {seconds(maximum)}" if maximum != inf else f"{seconds(minimum)} or more"
        case Width(minimum, maximum):
            return f"at most {maximum} at once" if minimum == maximum else f"{minimum} to {maximum} at once"
        case TimeOff(longest):
            return "off for ever" if longest == inf else f"off for at most {seconds(longest)}"
        case Durations() if measure.empty:
            return "no duration does"
        case Durations(parts=parts) if parts:
            return " or ".join(sentence(part) for part in parts)
        case Durations(minimum, maximum) if minimum == maximum:
            return f"= {seconds(minimum)}"
        case Durations(minimum, maximum):
            left = ">" if measure.open_below else ">="
            right = "<" if measure.open_above else "<="
            upper = "" if maximum == inf else f"{right} {seconds(maximum)}"
            lower = f"{left} {seconds(minimum)}" if minimum > 0 or measure.open_below else ""
            return " and ".join(part for part in (lower, upper) if part) or "any duration does"
        case Findings() | None:
            return ""


def remarks(measure: Measure | None) -> tuple[str, ...]:
    """What else is worth knowing: witnesses, the critical path."""
    match measure:
        case Boundaries():
            found = []
            if measure.fastest is not None and measure.slowest is not None:
                same = critical_path(measure.fastest, lengths=False) == critical_path(measure.slowest, lengths=False)
                if not same:
                    found.append(f"critical path of the fastest run: {critical_path(measure.fastest)}")
            if measure.slowest is not None:
                found.append(f"critical path of the slowest run: {critical_path(measure.slowest)}")
            if measure.unbounded:
                found.append(f"nothing bounds the time of {listed(measure.unbounded)}")
            return tuple(found)
        case Width() if measure.together:
            return (f"together: {listed(measure.together)}",)
        case _:
            return ()


def critical_path(trace: Trace, lengths: bool = True) -> str:
    """The actions that make up the time of a run."""
    names = [
        f"{e.name} {seconds((e.end or e.start) - e.start)}" if lengths else e.name for e in trace.critical_executions
    ]
    return listed(tuple(names), " -> ") or "empty"


def listed(names: tuple[str, ...], between: str = ", ") -> str:
    """Names in a row; of many the first ones and how many more there are."""
    shown = between.join(names[:MOST_NAMES])
    return shown if len(names) <= MOST_NAMES else f"{shown}{between}and {len(names) - MOST_NAMES} more"
