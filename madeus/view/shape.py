"""The drawing of a component type inside its box, laid out without any tool: what the page shows tokens on.

A layered drawing (Sugiyama): places on even rows, each transition's label on the odd rows between them with bends on every
row a long arrow crosses; rows ordered by barycenters; columns by packing and pulling. Numbers are pixels, y grows downwards.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise

from madeus.model import ComponentType, default_station
from madeus.view.groups import outlines
from madeus.view.layers import backward, layers

CHARACTER = 6.4
"""Width of a letter in the page's font at 11 px; only has to be about right."""
_ROW = 39.0
_PLACE = 22.0
_GAP = 14.0
_TOP = 40.0
_DOCK = 12.0
_PORT = 22.0
_PULLS = 40
"""Passes that straighten lines; long chains of places need many."""


@dataclass(frozen=True, slots=True)
class PlaceShape:
    """A place: a pill around (x, y)."""

    name: str
    x: float
    y: float
    width: float
    initial: bool


@dataclass(frozen=True, slots=True)
class TransitionShape:
    """A transition: a line from its output dock through the label to its input dock."""

    name: str
    points: tuple[tuple[float, float], ...]
    """Output dock, bends, input dock."""
    label: tuple[float, float]


@dataclass(frozen=True, slots=True)
class StationShape:
    """A join that is worth showing: a bar over its docks."""

    label: str
    x: float
    y: float
    width: float
    left: bool
    """Whether there is more room for the label on the left."""


@dataclass(frozen=True, slots=True)
class GroupShape:
    """A dashed outline; several for a group whose places have others between them."""

    name: str
    x: float
    y: float
    width: float
    height: float


@dataclass(frozen=True, slots=True)
class PortShape:
    """A port on the left (use) or right (provide) border."""

    name: str
    kind: str
    y: float
    ends: tuple[tuple[float, float], ...]
    """Where the dotted lines to what it is bound to end."""


@dataclass(frozen=True, slots=True)
class Shape:
    """A component type, drawn."""

    width: float
    height: float
    places: tuple[PlaceShape, ...]
    transitions: tuple[TransitionShape, ...]
    stations: tuple[StationShape, ...]
    groups: tuple[GroupShape, ...]
    uses: tuple[PortShape, ...]
    provides: tuple[PortShape, ...]


def text_width(text: str) -> float:
    """About how wide a label is, in pixels."""
    return len(text) * CHARACTER


def shape(kind: ComponentType, least_width: float = 0.0) -> Shape:
    """Lay out a component type; least_width: of the box, for its title."""
    return _Drawing(kind, least_width).shape()


@dataclass(slots=True)
class _Node:
    """Something that takes room in a row: a place, a transition's label or a bend."""

    row: int
    width: float
    x: float = 0.0


class _Drawing:
    def __init__(self, kind: ComponentType, least_width: float) -> None:
        self.kind = kind
        self.least_width = least_width
        self.back = backward(kind)
        self.nodes: dict[tuple[str, ...], _Node] = {}
        self.chains: dict[str, list[tuple[str, ...]]] = {}
        """Transition -> its nodes from the upper place to the lower one."""
        self.label_at: dict[str, tuple[str, ...]] = {}
        self._make_nodes()
        self.rows = self._ordered_rows()
        self._assign_columns()

    def _make_nodes(self) -> None:
        layer = layers(self.kind)
        for place in self.kind.places:
            self.nodes[("place", place.name)] = _Node(2 * layer[place.name], max(44.0, text_width(place.name) + 18))
        for t in self.kind.transitions:
            upper, lower = (t.destination, t.source) if t.name in self.back else (t.source, t.destination)
            first, last = 2 * layer[upper], 2 * layer[lower]
            if first == last:  # from a place to itself: the label hangs below it
                last = first + 2
            middle = first + 1 + 2 * ((last - first - 1) // 4)
            chain: list[tuple[str, ...]] = [("place", upper)]
            for row in range(first + 1, last):
                key = ("bend", t.name, str(row))
                self.nodes[key] = _Node(row, text_width(t.name) + 16 if row == middle else 10.0)
                if row == middle:
                    self.label_at[t.name] = key
                chain.append(key)
            chain.append(("place", lower))
            self.chains[t.name] = chain

    def _ordered_rows(self) -> list[list[tuple[str, ...]]]:
        rows: list[list[tuple[str, ...]]] = [[] for _ in range(max(n.row for n in self.nodes.values()) + 1)]
        for key, node in self.nodes.items():
            rows[node.row].append(key)
        self.near: dict[tuple[str, ...], list[tuple[str, ...]]] = {key: [] for key in self.nodes}
        for chain in self.chains.values():
            for one, other in pairwise(chain):
                self.near[one].append(other)
                self.near[other].append(one)
        for sweep in range(6):
            order = range(1, len(rows)) if sweep % 2 == 0 else range(len(rows) - 2, -1, -1)
            step = -1 if sweep % 2 == 0 else 1
            for row in order:
                position = {key: i for i, key in enumerate(rows[row + step])}
                rows[row] = _by_barycenter(rows[row], self.near, position)
        return rows

    def _assign_columns(self) -> None:
        for keys in self.rows:
            x = 0.0
            for key in keys:
                node = self.nodes[key]
                node.x = x + node.width / 2
                x += node.width + _GAP
        for sweep in range(_PULLS):
            for keys in self.rows if sweep % 2 == 0 else reversed(self.rows):
                wanted = [self._wanted(key) for key in keys]
                for key, x in zip(keys, _apart(wanted, [self.nodes[k].width for k in keys]), strict=True):
                    self.nodes[key].x = x
        left = min(node.x - node.width / 2 for node in self.nodes.values())
        right = max(node.x + node.width / 2 for node in self.nodes.values())
        margin = 16 + self._port_margin(self.kind.use)
        room = self.least_width - margin - (right - left) - 16 - self._port_margin(self.kind.provide)
        margin += max(room, 0.0) / 2
        for node in self.nodes.values():
            node.x += margin - left

    def _wanted(self, key: tuple[str, ...]) -> float:
        near = self.near[key]
        return sum(self.nodes[other].x for other in near) / len(near) if near else self.nodes[key].x

    @staticmethod
    def _port_margin(names: Iterable[str]) -> float:
        return max((text_width(name) for name in names), default=0.0) * 0.9 + 12

    def shape(self) -> Shape:
        content = max(node.x + node.width / 2 for node in self.nodes.values())
        width = max(content + 16 + self._port_margin(self.kind.provide), self.least_width)
        height = self._y(len(self.rows) - 1) + 26
        docks = self._docks()
        transitions = tuple(self._transition(name, docks) for name in self.kind.transition)
        uses = self._ports([(u.name, str(u.kind), self._use_ends(u.name, transitions)) for u in self.kind.uses])
        provides = self._ports([(p.name, str(p.kind), self._bound(p.bound)) for p in self.kind.provides])
        lowest = max((port.y for port in (*uses, *provides)), default=0.0)
        places = tuple(
            PlaceShape(p.name, node.x, self._y(node.row), node.width, p.initial)
            for p in self.kind.places
            for node in (self.nodes[("place", p.name)],)
        )
        return Shape(
            round(width),
            round(max(height, lowest + 20)),
            places,
            transitions,
            tuple(self._stations(docks)),
            tuple(self._groups()),
            uses,
            provides,
        )

    def _y(self, row: float) -> float:
        return _TOP + _PLACE / 2 + row * _ROW

    def _docks(self) -> dict[tuple[str, str], tuple[float, float]]:
        """(transition, "out" or "in") -> where the dock sits on the border of its place, spread along that border."""
        sides: dict[tuple[str, int], list[tuple[float, str, str]]] = {}
        for t in self.kind.transitions:
            chain = self.chains[t.name]
            turned = t.name in self.back
            upper, lower = ("in", "out") if turned else ("out", "in")
            below_itself = t.source == t.destination
            sides.setdefault((chain[0][1], 1), []).append((self.nodes[chain[1]].x, t.name, upper))
            side = 1 if below_itself else -1
            sides.setdefault((chain[-1][1], side), []).append((self.nodes[chain[-2]].x, t.name, lower))
        docks: dict[tuple[str, str], tuple[float, float]] = {}
        for (place, side), entries in sides.items():
            node = self.nodes[("place", place)]
            step = min(_DOCK * 2, (node.width - 12) / max(len(entries) - 1, 1))
            for index, (_, name, sort) in enumerate(sorted(entries)):
                x = node.x + (index - (len(entries) - 1) / 2) * step
                docks[(name, sort)] = (x, self._y(node.row) + side * (_PLACE / 2 + 4))
        return docks

    def _transition(self, name: str, docks: dict[tuple[str, str], tuple[float, float]]) -> TransitionShape:
        chain = self.chains[name][1:-1]
        bends = [(self.nodes[key].x, self._y(self.nodes[key].row)) for key in chain]
        if name in self.back:
            bends.reverse()
        node = self.nodes[self.label_at[name]]
        return TransitionShape(name, (docks[(name, "out")], *bends, docks[(name, "in")]), (node.x, self._y(node.row)))

    def _stations(self, docks: dict[tuple[str, str], tuple[float, float]]) -> Iterable[StationShape]:
        shown: set[str] = set()
        for (_, station), members in self.kind.stations.items():
            written = station != default_station(self.kind.station_place[station])
            if station in shown or (len(members) < 2 and not written):
                continue
            shown.add(station)
            ends = [docks[(member, "in")] for member in members]
            # Docks of one station may sit above and below the place (an arrow back up): one bar for each side.
            for y in sorted({y for _, y in ends}):
                xs = [x for x, at in ends if at == y]
                middle = self.nodes[("place", self.kind.station_place[station])].x
                left = (min(xs) + max(xs)) / 2 <= middle
                yield StationShape(station if written else "", min(xs) - 6, y, max(xs) - min(xs) + 12, left)

    def _groups(self) -> Iterable[GroupShape]:
        nested, crossing = outlines(self.kind)
        order = {outline.name: depth for depth, outline in enumerate(nested)}
        for group in self.kind.groups:
            places = [self.nodes[("place", p)] for p in group.places]
            pad = 12.0 - min(order.get(group.name, 0), 2) * 3
            box = self._around(places, pad)
            inside = [n for n in self.nodes.values() if _overlaps(box, n, self._y(n.row))]
            members = {id(n) for n in places}
            strangers = [k for k, n in self.nodes.items() if k[0] == "place" and n in inside and id(n) not in members]
            if group.name in crossing or strangers:
                for node in places:
                    yield GroupShape(group.name, *self._around([node], pad))
            else:
                yield GroupShape(group.name, *box)

    def _around(self, nodes: list[_Node], pad: float) -> tuple[float, float, float, float]:
        left = min(n.x - n.width / 2 for n in nodes) - pad
        right = max(n.x + n.width / 2 for n in nodes) + pad
        top = min(self._y(n.row) for n in nodes) - _PLACE / 2 - pad
        bottom = max(self._y(n.row) for n in nodes) + _PLACE / 2 + pad
        return left, top, right - left, bottom - top

    def _bound(self, names: Iterable[str]) -> list[tuple[float, float]]:
        ends: list[tuple[float, float]] = []
        for name in names:
            places = [self.nodes[("place", p)] for p in sorted(self.kind.group_places[name])]
            row = sum(n.row for n in places) / len(places)
            ends.append((max(n.x + n.width / 2 for n in places), self._y(row)))
        return ends

    def _use_ends(self, name: str, transitions: tuple[TransitionShape, ...]) -> list[tuple[float, float]]:
        use = self.kind.use[name]
        if use.holders:
            places = [self.nodes[("place", p)] for h in use.holders for p in sorted(self.kind.group_places[h])]
            return [(n.x - n.width / 2, self._y(n.row)) for n in places]
        labels = {t.name: t.label for t in transitions}
        return [(labels[t][0] - text_width(t) / 2 - 5, labels[t][1]) for t in use.transitions]

    @staticmethod
    def _ports(wanted: list[tuple[str, str, list[tuple[float, float]]]]) -> tuple[PortShape, ...]:
        """Ports at the height of what they are bound to, moved down where they would meet; in order of declaration."""
        heights = [sum(y for _, y in ends) / len(ends) if ends else _TOP for _, _, ends in wanted]
        taken: dict[int, float] = {}
        free = 0.0
        for index in sorted(range(len(wanted)), key=lambda i: heights[i]):
            taken[index] = max(heights[index], free)
            free = taken[index] + _PORT
        return tuple(PortShape(n, kind, taken[i], tuple(ends)) for i, (n, kind, ends) in enumerate(wanted))


def _by_barycenter(
    keys: list[tuple[str, ...]],
    near: dict[tuple[str, ...], list[tuple[str, ...]]],
    position: dict[tuple[str, ...], int],
) -> list[tuple[str, ...]]:
    def center(item: tuple[int, tuple[str, ...]]) -> tuple[float, int]:
        index, key = item
        beside = [position[other] for other in near[key] if other in position]
        return (sum(beside) / len(beside) if beside else index, index)

    return [key for _, key in sorted(enumerate(keys), key=center)]


def _apart(wanted: list[float], widths: list[float]) -> list[float]:
    """Positions near the wanted ones, in the same order and without overlap: blocks that meet are moved as one."""
    blocks: list[tuple[float, list[int]]] = []  # (left edge wanted, members)
    for index, x in enumerate(wanted):
        left, members = x - widths[index] / 2, [index]
        while blocks and blocks[-1][0] + _span(blocks[-1][1], widths) + _GAP > left:
            before_left, before = blocks.pop()
            shift = _span(before, widths) + _GAP
            left = (before_left * len(before) + (left - shift) * len(members)) / (len(before) + len(members))
            members = before + members
        blocks.append((left, members))
    found = [0.0] * len(wanted)
    for left, members in blocks:
        for index in members:
            found[index] = left + widths[index] / 2
            left += widths[index] + _GAP
    return found


def _span(members: list[int], widths: list[float]) -> float:
    return sum(widths[i] for i in members) + _GAP * (len(members) - 1)


def _overlaps(box: tuple[float, float, float, float], node: _Node, y: float) -> bool:
    left, top, width, height = box
    inside = node.x + node.width / 2 > left and node.x - node.width / 2 < left + width
    return inside and top < y < top + height
