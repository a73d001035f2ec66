"""Reachability graphs: breadth-first exploration, fair components, shortest paths.

Nodes are numbered in the order in which a breadth-first search meets them, so a path by parents is a shortest one. A label is a
``Step``; what a node stands for (a configuration, a marking) is the explorer's business.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Hashable, Iterable
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from madeus.checker.engine import Watch
from madeus.semantics import Step, StepKind

S = TypeVar("S", bound=Hashable)


@dataclass(slots=True)
class Graph(Generic[S]):
    """A reachability graph."""

    states: list[S] = field(default_factory=list)
    successors: list[list[tuple[Step, int]]] = field(default_factory=list)
    parents: list[tuple[Step, int] | None] = field(default_factory=list)

    def path_to(self, node: int) -> list[Step]:
        """Steps of a shortest path from the start."""
        steps: list[Step] = []
        entry = self.parents[node]
        while entry is not None:
            steps.append(entry[0])
            entry = self.parents[entry[1]]
        steps.reverse()
        return steps

    def ends(self) -> list[int]:
        """Nodes where nothing can move."""
        return [node for node, out in enumerate(self.successors) if not out]


def explore(start: S, expand: Callable[[S], Iterable[tuple[Step, S]]], watch: Watch) -> Graph[S]:
    """The graph of everything reachable. Raises Exhausted when the watch does."""
    graph: Graph[S] = Graph([start], [], [None])
    index: dict[S, int] = {start: 0}
    node = 0
    while node < len(graph.states):
        watch.tick()
        out: list[tuple[Step, int]] = []
        for step, state in expand(graph.states[node]):
            target = index.get(state)
            if target is None:
                target = index[state] = len(graph.states)
                graph.states.append(state)
                graph.parents.append((step, node))
            out.append((step, target))
        graph.successors.append(out)
        node += 1
    return graph


def components(successors: list[list[tuple[Step, int]]], inside: set[int] | None = None) -> list[list[int]]:
    """Strongly connected components that have an edge inside (Tarjan, without recursion); inside: the nodes to look at."""
    index: dict[int, int] = {}
    low: dict[int, int] = {}
    on_stack: set[int] = set()
    stack: list[int] = []
    found: list[list[int]] = []
    for root in range(len(successors)) if inside is None else sorted(inside):
        if root in index:
            continue
        work: list[tuple[int, int]] = [(root, 0)]
        while work:
            node, at = work.pop()
            if at == 0:
                index[node] = low[node] = len(index)
                stack.append(node)
                on_stack.add(node)
            out = successors[node]
            descended = False
            while at < len(out):
                target = out[at][1]
                at += 1
                if inside is not None and target not in inside:
                    continue
                if target not in index:
                    work.extend(((node, at), (target, 0)))
                    descended = True
                    break
                if target in on_stack:
                    low[node] = min(low[node], index[target])
            if descended:
                continue
            if low[node] == index[node]:
                component: list[int] = []
                while True:
                    member = stack.pop()
                    on_stack.discard(member)
                    component.append(member)
                    if member == node:
                        break
                if len(component) > 1 or any(target == node for _, target in out):
                    found.append(sorted(component))
            if work:
                parent = work[-1][0]
                low[parent] = min(low[parent], low[node])
    return found


def is_fair(successors: list[list[tuple[Step, int]]], component: list[int]) -> bool:
    """Whether a run may stay in a strongly connected component for ever and be fair (weakly, to every step but FAIL).

    Visiting all of it is the fairest thing to do: a step is owed only when it is enabled in every node and taken on no edge.
    """
    return not _owed(successors, component)


def _owed(successors: list[list[tuple[Step, int]]], component: list[int]) -> set[Step]:
    members = set(component)
    common: set[Step] | None = None
    taken: set[Step] = set()
    for node in component:
        here = {step for step, _ in successors[node] if step.kind is not StepKind.FAIL}
        common = here if common is None else common & here
        taken.update(step for step, target in successors[node] if target in members)
    return (common or set()) - taken


def fair_cycle(successors: list[list[tuple[Step, int]]], component: list[int], start: int) -> list[Step]:
    """Steps of a fair cycle through ``start`` inside a fair strongly connected component."""
    members = set(component)
    steps: list[Step] = []
    node = start
    owed = {step for step, _ in successors[start] if step.kind is not StepKind.FAIL}

    def walk(goal: Callable[[int, Step, int], bool]) -> None:
        nonlocal node, owed
        for at, step, target in _shortest(successors, members, node, goal):
            steps.append(step)
            owed.discard(step)
            owed &= {s for s, _ in successors[target]}
            assert at == node
            node = target

    while owed:
        wanted = min(owed)
        walk(lambda _, step, target, w=wanted: step == w or all(s != w for s, _ in successors[target]))  # type: ignore[misc]
    if node != start or not steps:
        walk(lambda _, __, target: target == start)
    return steps


def _shortest(
    successors: list[list[tuple[Step, int]]],
    members: set[int],
    start: int,
    goal: Callable[[int, Step, int], bool],
) -> list[tuple[int, Step, int]]:
    before: dict[int, tuple[int, Step]] = {}
    queue = deque([start])
    seen = {start}
    while queue:
        node = queue.popleft()
        for step, target in successors[node]:
            if target not in members:
                continue
            if goal(node, step, target):
                path = [(node, step, target)]
                while path[0][0] != start:
                    previous, by = before[path[0][0]]
                    path.insert(0, (previous, by, path[0][0]))
                return path
            if target not in seen:
                seen.add(target)
                before[target] = (node, step)
                queue.append(target)
    raise AssertionError("a strongly connected component has a path between any two of its nodes")


def can_reach(successors: list[list[tuple[Step, int]]], targets: Iterable[int]) -> set[int]:
    """Nodes from which one of the targets can be reached."""
    before: list[list[int]] = [[] for _ in successors]
    for node, out in enumerate(successors):
        for _, target in out:
            before[target].append(node)
    found = set(targets)
    pending = list(found)
    while pending:
        for node in before[pending.pop()]:
            if node not in found:
                found.add(node)
                pending.append(node)
    return found
