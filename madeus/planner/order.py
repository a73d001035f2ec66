"""The program of a change: the pushes of all walks and the changes of connections, in an order that every run keeps to.

What the step relation orders by itself is left to it: a provider does not leave a place while its users are there, and refuses
new ones as soon as the behavior that will take it off is at the head. A wait is written in two cases only: a provider must not
begin to refuse before a user has come, or a user must not come back before its provider has begun to refuse.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from heapq import heapify, heappop, heappush
from typing import NamedTuple

from madeus.model import (
    Add,
    Connect,
    Connection,
    Delete,
    Disconnect,
    Instruction,
    PortKind,
    Push,
    WaitAll,
    WaitComponent,
    WaitPush,
)
from madeus.planner.errors import NotFound
from madeus.planner.life import Lives
from madeus.planner.target import Change, Link
from madeus.planner.walk import Walk

START = -1
"""Stands for the beginning of a walk."""


class Node(NamedTuple):
    """An instruction to be placed."""

    kind: str
    """``add``, ``push``, ``cut``, ``join`` or ``delete``."""
    unit: str
    number: int = 0
    """Of the move in the unit's walk."""
    connection: Connection | None = None


class Span(NamedTuple):
    """A port serves, or is in use, from one move of its unit to another."""

    first: int
    """Move that brings it; START."""
    last: int | None
    """Move that ends it; None: nothing does."""


class Order:
    """Instructions and what comes before what. Raises NotFound."""

    def __init__(self, change: Change, walks: dict[str, Walk], lives: Lives) -> None:
        self.change = change
        self.walks = walks
        self.lives = lives
        self.nodes: dict[Node, None] = {}
        self.before: dict[Node, set[Node]] = defaultdict(set)
        """Has to be written earlier."""
        self.hinted: dict[Node, set[Node]] = defaultdict(set)
        """Happens earlier, but the step relation sees to it."""
        self.finished: dict[Node, set[Node]] = defaultdict(set)
        """Pushes that have to have finished."""
        self.prepared: dict[Node, set[Node]] = defaultdict(set)
        """Pushes that had better have finished, so that what is let go of is needed for a short time only."""
        self._walks()
        for link in change.links:
            self._link(link)
        for link in change.links:
            self._serve(link)

    # ---- what comes before what --------------------------------------------------------------------------------------

    def _walks(self) -> None:
        for key, unit in self.change.units.items():
            previous = self._node(Node("add", key)) if unit.added else None
            for number in range(len(self.walks[key].moves)):
                node = self._node(Node("push", key, number))
                if previous is not None:
                    self.before[node].add(previous)
                previous = node
            if unit.deleted:
                gone = self._node(Node("delete", key))
                if previous is not None:
                    self.before[gone].add(previous)
        for key, unit in self.change.units.items():
            if unit.added and key != unit.name:
                self.before[Node("add", key)].add(Node("delete", unit.name))

    def _node(self, node: Node) -> Node:
        self.nodes.setdefault(node)
        return node

    def _link(self, link: Link) -> None:
        c = link.connection
        units = self.change.units
        if link.kept:
            return
        if link.now:
            cut = self._node(Node("cut", link.user, 0, c))
            for key in (link.user, link.provider):
                if units[key].deleted:
                    self.before[Node("delete", key)].add(cut)
            for span in self.uses(link.user, c.use):
                if span.first == START and span.last is not None:
                    self.before[cut].add(Node("push", link.user, span.last))
                elif span.first >= 0 and span.first >= self.walks[link.user].valley:
                    self.before[Node("push", link.user, span.first)].add(cut)
            return
        join = self._node(Node("join", link.user, 0, c))
        for key in (link.user, link.provider):
            if units[key].added:
                self.before[join].add(Node("add", key))
        for other in self.change.by_user[(link.user, c.use)]:
            if other.now and not other.then:
                self.before[join].add(Node("cut", link.user, 0, other.connection))
        for span in self.uses(link.user, c.use):
            if span.first >= self.walks[link.user].valley:
                self.before[Node("push", link.user, span.first)].add(join)

    def uses(self, key: str, use: str) -> list[Span]:
        """When a use port is in use."""
        found: list[Span] = []
        first: int | None = None
        unit, walk = self.change.units[key], self.walks[key]
        if use in self.lives.rest(unit.type, walk.start).using:
            first = START
        for number, move in enumerate(walk.moves):
            for hold in move.phases.holds.get(use, ()):
                if hold.taken is not None:
                    first = number
                if hold.released is not None and first is not None:
                    found.append(Span(first, number))
                    first = None
        if first is not None:
            found.append(Span(first, None))
        return found

    def serves(self, key: str, port: str) -> list[Span]:
        """When a service takes users."""
        found: list[Span] = []
        unit, walk = self.change.units[key], self.walks[key]
        first: int | None = START if port in self.lives.rest(unit.type, walk.start).serving else None
        for number, move in enumerate(walk.moves):
            turn = move.phases.turns[port]
            if turn.refuses and first is not None:
                found.append(Span(first, number))
                first = None
            if turn.after and first is None:
                first = number
        if first is not None:
            found.append(Span(first, None))
        return found

    def _serve(self, link: Link) -> None:
        """Order the takings of a use port and the times at which its provider serves it."""
        c = link.connection
        provider = self.change.units[link.provider]
        spans = [s for s in self.uses(link.user, c.use) if self._speaks_of(link, s)]
        if not spans:
            return
        if self.lives.kind(provider.type).provide[c.provide].kind is PortKind.DATA:
            self._read(link, spans)
            return
        served = self.serves(link.provider, c.provide)
        if not served or served[0].first != START:
            # Its provider went off under a user that stays: there is nothing to keep, and nothing the step relation asks for.
            spans = [span for span in spans if span.first != START]
        least = 0
        for span in spans:
            at = self._choose(span, served, least)
            if at is None:
                raise NotFound(f"{c.provider}.{c.provide} does not serve {c.user}.{c.use} when it is needed")
            least = at
            self._during(link, span, served, at)

    def _speaks_of(self, link: Link, span: Span) -> bool:
        """Whether the connection is there while the use port is in use."""
        if link.kept:
            return True
        late = span.first >= self.walks[link.user].valley
        return late if link.then else not late

    def _choose(self, span: Span, served: list[Span], least: int) -> int | None:
        if span.first == START:
            return 0 if served and served[0].first == START else None
        if span.last is None:
            return len(served) - 1 if served and served[-1].last is None else None
        later = range(least, len(served))
        return next((at for at in reversed(later) if served[at].last is None), next(iter(later), None))

    def _during(self, link: Link, span: Span, served: list[Span], at: int) -> None:
        if span.first != START:
            taking = Node("push", link.user, span.first)
            if at > 0:
                refusing = served[at - 1].last
                assert refusing is not None
                self.before[taking].add(Node("push", link.provider, refusing))
                if refusing > 0:
                    self.finished[taking].add(Node("push", link.provider, refusing - 1))
            if served[at].first != START:
                raising = Node("push", link.provider, served[at].first)
                self.hinted[taking].add(raising)
                self._prepare(link, raising)
        going = served[at].last
        if going is not None:
            dropping = Node("push", link.provider, going)
            if span.last is None:
                c = link.connection
                raise NotFound(f"{c.user}.{c.use} is in use when {c.provider}.{c.provide} goes off")
            self.hinted[dropping].add(Node("push", link.user, span.last))
            if span.first == START and going > 0:
                self.prepared[Node("push", link.user, span.last)].add(Node("push", link.provider, going - 1))
            if span.first != START:
                self.finished[dropping].add(Node("push", link.user, span.first))

    def _prepare(self, link: Link, raising: Node) -> None:
        """A new provider comes up before its user lets go of the old one."""
        unit = self.change.units[link.provider]
        if link.now or not unit.added or unit.key != unit.name:
            return
        for span in self.uses(link.user, link.connection.use):
            if span.first == START and span.last is not None:
                self.prepared[Node("push", link.user, span.last)].add(raising)

    def _read(self, link: Link, spans: list[Span]) -> None:
        provider = self.change.units[link.provider]
        port = link.connection.provide
        if port in provider.data:
            return
        moves = self.walks[link.provider].moves
        number = next((n for n, move in enumerate(moves) if port in move.phases.produced), None)
        if number is not None:
            for span in spans:
                self.hinted[Node("push", link.user, span.first)].add(Node("push", link.provider, number))

    # ---- writing it down ---------------------------------------------------------------------------------------------

    def _arrange(self, finished: Mapping[Node, set[Node]]) -> list[Node]:
        hard = {node: self.before[node] | finished[node] for node in self.nodes}
        soft = {node: self.hinted[node] - hard[node] for node in self.nodes}
        followers: dict[Node, list[Node]] = defaultdict(list)
        missing: dict[Node, int] = {}
        for node in self.nodes:
            causes = hard[node] | soft[node]
            missing[node] = len(causes)
            for cause in causes:
                followers[cause].append(node)
        # Instructions that wait come as late as they can.
        waits = {node: bool(finished[node]) or node.kind in ("cut", "delete") for node in self.nodes}
        key = {node: (int(waits[node]), index) for index, node in enumerate(self.nodes)}
        ready = [(key[node], node) for node in self.nodes if not missing[node]]
        heapify(ready)
        order: dict[Node, None] = {}
        while len(order) < len(self.nodes):
            if not ready:
                # Behaviors that need each other half-way: any of them may be pushed first.
                free = [n for n in self.nodes if n not in order and all(cause in order for cause in hard[n])]
                if not free:
                    raise NotFound("the changes of some components wait for each other")
                heappush(ready, (key[free[0]], free[0]))
            _, node = heappop(ready)
            if node in order:
                continue
            order[node] = None
            for follower in followers[node]:
                missing[follower] -= 1
                if missing[follower] == 0 and follower not in order:
                    heappush(ready, (key[follower], follower))
        return list(order)

    def instructions(self, prepared: bool = False, cautious: bool = False) -> tuple[Instruction, ...]:
        """The program. prepared: nothing is let go of before what can be done earlier is done. cautious: whatever happens
        earlier has finished. Raises NotFound when there is no such order.
        """
        finished = {node: set(self.finished[node]) for node in self.nodes}
        for node in self.nodes:
            if prepared:
                finished[node] |= self.prepared[node]
            if cautious:
                finished[node] |= self.hinted[node]
        order = self._arrange(finished)
        labels = self._labels(order, finished)
        written: list[Instruction] = []
        pushed: dict[str, int] = {}
        known: dict[str, int] = {}
        for node in order:
            for cause in sorted(finished[node]):
                if known.get(cause.unit, START) >= cause.number:
                    continue
                name = self.change.units[cause.unit].name
                last = pushed.get(cause.unit) == cause.number
                written.append(WaitComponent(name) if last else WaitPush(labels[cause]))
                known[cause.unit] = cause.number
            written.append(self._write(node, labels))
            if node.kind == "push":
                pushed[node.unit] = node.number
        if pushed:
            written.append(WaitAll())
        return tuple(written)

    def _labels(self, order: list[Node], finished: Mapping[Node, set[Node]]) -> dict[Node, str]:
        """Labels of the pushes that are waited for when another one of their component has been pushed."""
        pushed: dict[str, int] = {}
        known: dict[str, int] = {}
        found: dict[Node, str] = {}
        taken = {unit.name for unit in self.change.units.values()}
        for node in order:
            for cause in sorted(finished[node]):
                if known.get(cause.unit, START) >= cause.number:
                    continue
                known[cause.unit] = cause.number
                if pushed.get(cause.unit) != cause.number:
                    move = self.walks[cause.unit].moves[cause.number]
                    name = self.change.units[cause.unit].name.replace("[", "-").replace("]", "")
                    label = f"{name}-{move.behavior}"
                    while label in taken:
                        label += "-again"
                    taken.add(label)
                    found[cause] = label
            if node.kind == "push":
                pushed[node.unit] = node.number
        return found

    def _write(self, node: Node, labels: dict[Node, str]) -> Instruction:
        unit = self.change.units[node.unit]
        match node.kind:
            case "add":
                return Add(unit.instance)
            case "delete":
                return Delete(unit.name)
            case "push":
                return Push(unit.name, self.walks[node.unit].moves[node.number].behavior, labels.get(node, ""))
            case _:
                assert node.connection is not None
                return Connect(node.connection) if node.kind == "join" else Disconnect(node.connection)
