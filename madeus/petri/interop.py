"""Nets as objects of other Python packages: SNAKES and networkx. The only module that imports them, when it is asked to."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from madeus.petri.net import Marking, Net
from madeus.petri.plain import plain
from madeus.petri.reachability import ReachabilityGraph

if TYPE_CHECKING:
    import networkx


def to_snakes(net: Net) -> Any:
    """The net as a ``snakes.nets.PetriNet`` of black tokens and ordinary arcs, with the same names.

    Raises NetError when an inhibitor arc cannot be expressed, ImportError without SNAKES.
    """
    snakes = _snakes()
    one = snakes.Value(snakes.dot)

    def annotation(weight: int) -> Any:
        return one if weight == 1 else snakes.MultiArc([one] * weight)

    net = plain(net)
    made = snakes.PetriNet(net.name)
    for place, name in enumerate(net.places):
        made.add_place(snakes.Place(_place(name), [snakes.dot] * net.initial[place]))
    for t, name in enumerate(net.transitions):
        made.add_transition(snakes.Transition(_transition(name)))
        for place, weight in net.pre[t]:
            made.add_input(_place(net.places[place]), _transition(name), annotation(weight))
        for place, weight in net.post[t]:
            made.add_output(_place(net.places[place]), _transition(name), annotation(weight))
    return made


def snakes_graph(net: Net, tick: Callable[[], None] = lambda: None) -> ReachabilityGraph:
    """The state graph as SNAKES finds it, an independent referee. Markings and transition numbers are those of ``plain(net)``.

    tick: called after each state; what it raises stops the search. Endless for an unbounded net. Raises as ``to_snakes`` does.
    """
    net = plain(net)
    graph = _snakes().StateGraph(to_snakes(net))
    for _ in graph:
        tick()
    markings: list[Marking] = []
    edges: list[tuple[tuple[int, int], ...]] = []
    for state in range(len(graph)):
        graph.goto(state)
        marking = graph.net.get_marking()
        markings.append(tuple(len(marking(_place(name))) for name in net.places))
        edges.append(
            tuple((net.transition_index[transition.name[2:]], after) for after, transition, _ in graph.successors())
        )
    return ReachabilityGraph(tuple(markings), tuple(edges))


def _snakes() -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # SNAKES 0.9.33 imports modules on their way out
        import snakes.nets
    return snakes.nets


def _place(name: str) -> str:
    # SNAKES has one space of names for places and transitions.
    return f"p:{name}"


def _transition(name: str) -> str:
    return f"t:{name}"


def to_networkx(net: Net) -> networkx.DiGraph[Any]:
    """The net as a bipartite graph: nodes ("place", name) and ("transition", name), edges with ``kind`` and ``weight``.

    Two arcs between the same nodes and in the same direction (a read arc beside an ordinary one) are one edge, with the list of
    both in ``arcs``.
    """
    import networkx

    graph: networkx.DiGraph[Any] = networkx.DiGraph(name=net.name)
    for place, name in enumerate(net.places):
        graph.add_node(("place", name), bipartite=0, tokens=net.initial[place])
    for t, name in enumerate(net.transitions):
        node = ("transition", name)
        graph.add_node(node, bipartite=1, label=net.labels[t], urgent=net.urgent[t])
        for kind, arcs, inward in (
            ("take", net.pre[t], True),
            ("make", net.post[t], False),
            ("read", net.read[t], True),
            ("inhibit", net.inhibit[t], True),
        ):
            for place, weight in arcs:
                other = ("place", net.places[place])
                ends = (other, node) if inward else (node, other)
                if not graph.has_edge(*ends):
                    graph.add_edge(*ends, kind=kind, weight=weight, arcs=[])
                graph.edges[ends]["arcs"].append((kind, weight))
    return graph


def graph_to_networkx(graph: ReachabilityGraph, net: Net) -> networkx.MultiDiGraph[Any]:
    """A reachability graph: nodes are numbers of markings with ``marking``, edges have ``transition`` and ``label``."""
    import networkx

    made: networkx.MultiDiGraph[Any] = networkx.MultiDiGraph(name=net.name)
    for number, marking in enumerate(graph.markings):
        made.add_node(number, marking=net.marked(marking))
    for number, edges in enumerate(graph.edges):
        for transition, after in edges:
            made.add_edge(number, after, transition=net.transitions[transition], label=net.labels[transition])
    return made
