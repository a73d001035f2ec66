"""TINA's textual nets (``.net``): with static intervals, read arcs (``?n``) and inhibitor arcs (``?-n``)."""

from __future__ import annotations

from fractions import Fraction
from math import inf, lcm

from madeus.model import Interval
from madeus.petri.formats.names import braced
from madeus.petri.net import Net
from madeus.petri.plain import without_clashes

_FINEST = 10**9
"""Parts of a second that are told apart."""


def to_tina(net: Net) -> str:
    """The net as TINA reads it; a transition's label is the step that it stands for.

    TINA's interval bounds are whole numbers: they count the time unit that the first line tells.
    """
    net = without_clashes(net)
    parts = parts_of_a_second(net)
    lines = [f"# one unit of time is 1/{parts} s" if parts > 1 else "# one unit of time is 1 s"]
    lines.append(f"net {braced(net.name)}")
    for place, name in enumerate(net.places):
        tokens = net.initial[place]
        lines.append(f"pl {braced(name)} ({tokens})" if tokens else f"pl {braced(name)}")
    for t, name in enumerate(net.transitions):
        words = [braced(net.places[p]) + (f"*{w}" if w > 1 else "") for p, w in net.pre[t]]
        words += [f"{braced(net.places[p])}?{w}" for p, w in net.read[t]]
        words += [f"{braced(net.places[p])}?-{w}" for p, w in net.inhibit[t]]
        makes = [braced(net.places[p]) + (f"*{w}" if w > 1 else "") for p, w in net.post[t]]
        label = f" : {braced(str(net.labels[t]))}" if net.labels[t] is not None else ""
        interval = _interval(net.intervals[t], parts)
        lines.append(" ".join([f"tr {braced(name)}{label} {interval}", *words, "->", *makes]))
    return "\n".join(lines) + "\n"


def parts_of_a_second(net: Net) -> int:
    """How many units of time make a second, so that all bounds of intervals are whole."""
    parts = 1
    for interval in set(net.intervals):
        for bound in (interval.minimum, interval.maximum):
            if bound != inf:
                parts = lcm(parts, Fraction(bound).limit_denominator(1_000_000).denominator)
    return parts if parts <= _FINEST else _FINEST


def in_units(seconds: float, parts: int) -> int:
    """A time in units of which so many make a second."""
    return round(seconds * parts)


def _interval(interval: Interval, parts: int) -> str:
    low = in_units(interval.minimum, parts)
    return f"[{low},w[" if interval.maximum == inf else f"[{low},{in_units(interval.maximum, parts)}]"
