"""How long actions take in a simulation: a policy gives each END its delay after the FIRE, in seconds."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from math import inf

from madeus.model import Transition

Durations = Callable[[str, Transition], float]
"""(instance, transition) -> duration of this execution in seconds, finite and not negative."""


def minimum(component: str, transition: Transition) -> float:
    """The least duration that the interval admits."""
    return transition.interval.minimum


def maximum(component: str, transition: Transition) -> float:
    """The greatest duration that the interval admits; the least where nothing bounds it."""
    interval = transition.interval
    return interval.minimum if interval.maximum == inf else interval.maximum


def middle(component: str, transition: Transition) -> float:
    """The middle of the interval; the least duration where nothing bounds it."""
    interval = transition.interval
    return interval.minimum if interval.maximum == inf else (interval.minimum + interval.maximum) / 2


def uniform(random: Callable[[], float]) -> Durations:
    """Uniform within the interval; random() gives numbers in [0, 1). Unbounded: the least duration."""

    def draw(component: str, transition: Transition) -> float:
        low, high = transition.interval.minimum, transition.interval.maximum
        return low if high == inf else low + (high - low) * random()

    return draw


def fixed(table: Mapping[str, float], otherwise: Durations = minimum) -> Durations:
    """Durations from a table by ``instance.transition``; what it does not name is left to ``otherwise``.

    A key of a replicated instance without its index (``web.start`` for ``web[2].start``) holds for every replica.
    """

    def look_up(component: str, transition: Transition) -> float:
        value = table.get(f"{component}.{transition.name}")
        if value is None and component.endswith("]"):
            value = table.get(f"{component[: component.index('[')]}.{transition.name}")
        return otherwise(component, transition) if value is None else value

    return look_up
