"""TAPAAL's timed-arc nets (``.tapn``): tokens have ages, arcs ask for ages, places bound them.

A timed-arc net is not a time Petri net: an interval speaks of a token's age, not of how long a transition has been enabled.
The two are the same where a timed transition takes the one token of a place that never holds two, and asks for nothing
else; so it is with END in every translated net. The interval is then the age that the arc asks for, its end the most that the
place bears (Jacobsen, Jacobsen, Moller, Srba 2011). Other nets are written without times.
"""

from __future__ import annotations

from collections.abc import Iterator
from math import inf
from xml.sax.saxutils import escape, quoteattr

from madeus.petri.formats.names import TAPAAL
from madeus.petri.formats.tina import in_units, parts_of_a_second
from madeus.petri.net import Arc, Net
from madeus.petri.plain import without_clashes

NAMESPACE = "http://www.informatik.hu-berlin.de/top/pnml/ptNetb"

ANY_AGE = "[0,inf)"
COLUMNS, GAP = 20, 90
"""Nodes in a row of the drawing, and their distance in pixels."""


def untimed_because(net: Net) -> str | None:
    """Why the times of a net cannot be said by ages, as a phrase; None: they can."""
    for t, interval in enumerate(net.intervals):
        if net.urgent[t] or (interval.minimum == 0 and interval.maximum == inf):
            continue
        name = net.transitions[t]
        clocks = _clocks(net, t)
        if len(clocks) != 1 or net.read[t] or net.inhibit[t]:
            return f"{name} takes time and asks for more than one token"
        place, weight = clocks[0]
        if weight > 1 or not (place in net.single or (net.bounds is not None and net.bounds[place] <= 1)):
            return f"{net.places[place]}, where {name} takes time, may hold several tokens"
        if any(place in dict(net.read[u]) and _touches(net, u, place) for u in range(len(net.transitions))):
            return f"{net.places[place]}, where {name} takes time, is read and changed by one transition"
    return None


def _clocks(net: Net, t: int) -> list[Arc]:
    """The tokens that a transition takes, without those of sums, which are there whenever the others are."""
    return [(place, weight) for place, weight in net.pre[t] if place not in net.sums]


def _touches(net: Net, t: int, place: int) -> bool:
    return place in dict(net.pre[t]) or place in dict(net.post[t])


def to_tapaal(net: Net) -> str:
    """The net as TAPAAL reads it, without times where ``untimed_because`` says why; a note in the drawing tells.

    Ages are whole numbers: they count the unit of time that the note tells. Read arcs are pairs of transport arcs, which leave
    the age as it is.
    """
    return "\n".join(_Writer(net).lines()) + "\n"


class _Writer:
    def __init__(self, net: Net) -> None:
        self.reason = untimed_because(net)
        sums = net.sums
        self.net = net = without_clashes(net)
        self.parts = parts_of_a_second(net)
        self.ages: dict[tuple[int, int], str] = {}
        """(timed transition, place) -> age of the token that it takes there."""
        self.longest: dict[int, int] = {}
        """Place -> greatest age that it bears."""
        for t, interval in enumerate(net.intervals):
            if self.reason is not None or net.urgent[t] or (interval.minimum == 0 and interval.maximum == inf):
                continue
            low = in_units(interval.minimum, self.parts)
            (place,) = (p for p, _ in net.pre[t] if p not in sums)
            if interval.maximum == inf:
                self.ages[(t, place)] = f"[{low},inf)"
                continue
            high = in_units(interval.maximum, self.parts)
            self.ages[(t, place)] = f"[{low},{high}]"
            self.longest[place] = min(high, self.longest.get(place, high))

    def lines(self) -> Iterator[str]:
        """The document."""
        net = self.net
        yield '<?xml version="1.0" encoding="UTF-8" standalone="no"?>'
        yield f'<pnml xmlns="{NAMESPACE}">'
        yield f'  <net active="true" id={quoteattr(TAPAAL.encode(net.name))} type="P/T net">'
        yield f'    <labels border="true" height="60" positionX="0" positionY="0" width="600">{escape(self._note())}</labels>'
        for place, name in enumerate(net.places):
            most = self.longest.get(place)
            invariant = "&lt; inf" if most is None else f"&lt;= {most}"
            yield (
                f'    <place displayName="true" id="p{place}" {_name(TAPAAL.encode(name))}'
                f' initialMarking="{net.initial[place]}" invariant="{invariant}" {_position(place, 1)}/>'
            )
        # TAPAAL finds the ends of arcs by names, without asking of which kind they are.
        taken = set(net.places)
        words = [TAPAAL.encode_apart(name) if name in taken else TAPAAL.encode(name) for name in net.transitions]
        below = 2 + len(net.places) // COLUMNS
        for t, word in enumerate(words):
            urgent = "true" if net.urgent[t] and self.reason is None else "false"
            yield (
                f'    <transition angle="0" displayName="true" id="t{t}" {_name(word)} infiniteServer="false" player="0"'
                f' {_position(t, below)} priority="0" urgent="{urgent}"/>'
            )
        for number, (source, target, rest) in enumerate(self._arcs()):
            yield f'    <arc id="a{number}" nameOffsetX="0" nameOffsetY="0" source="{source}" target="{target}" {rest}/>'
        yield "  </net>"
        yield f'  <k-bound bound="{self._extra()}"/>'
        timed = "true" if self.reason is None else "false"
        yield f'  <feature isGame="false" isTimed="{timed}" isColored="false"/>'
        yield "</pnml>"

    def _note(self) -> str:
        if self.reason is not None:
            return f"Without times: {self.reason}."
        return f"One unit of time is 1/{self.parts} s." if self.parts > 1 else "One unit of time is 1 s."

    def _extra(self) -> int:
        """Tokens that there may be beside those at the start."""
        bounds = self.net.bounds
        return 3 if bounds is None else max(0, sum(bounds) - sum(self.net.initial))

    def _arcs(self) -> Iterator[tuple[str, str, str]]:
        """Source, target, and the other attributes of each arc."""
        net = self.net
        for t in range(len(net.transitions)):
            takes, makes = dict(net.pre[t]), dict(net.post[t])
            group = 0
            for place, weight in net.read[t]:
                if _touches(net, t, place):
                    # The one arc that there may be asks for all, and what is not taken is put back.
                    more = max(0, weight - takes.get(place, 0))
                    takes[place] = takes.get(place, 0) + more
                    makes[place] = makes.get(place, 0) + more
                    continue
                group += 1
                words = f'inscription="{ANY_AGE}:{group}" type="transport" weight="{weight}"'
                yield f"p{place}", f"t{t}", words
                yield f"t{t}", f"p{place}", words
            for place, weight in takes.items():
                age = self.ages.get((t, place), ANY_AGE)
                yield f"p{place}", f"t{t}", f'inscription="{age}" type="timed" weight="{weight}"'
            for place, weight in net.inhibit[t]:
                yield f"p{place}", f"t{t}", f'inscription="{ANY_AGE}" type="tapnInhibitor" weight="{weight}"'
            for place, weight in makes.items():
                if weight:
                    yield f"t{t}", f"p{place}", f'inscription="1" type="normal" weight="{weight}"'


def _name(word: str) -> str:
    return f'name={quoteattr(word)} nameOffsetX="0" nameOffsetY="30"'


def _position(number: int, row: int) -> str:
    return f'positionX="{60 + GAP * (number % COLUMNS)}" positionY="{60 + GAP * (row + number // COLUMNS)}"'
