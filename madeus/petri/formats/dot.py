"""The raw net as a graph in the DOT language: circles and boxes, dashed read arcs, dotted inhibitor arcs."""

from __future__ import annotations

from collections.abc import Iterator

from madeus.petri.formats.names import quoted
from madeus.petri.net import Arcs, Net


def to_dot(net: Net) -> str:
    """The net in DOT. The identifier of a node is its name after ``place `` or ``transition ``."""
    lines = [
        f"digraph {quoted(net.name)} {{",
        "  rankdir=LR;",
        '  node [fontname="sans-serif", fontsize=10];',
        '  edge [fontname="sans-serif", fontsize=9];',
    ]
    for place, name in enumerate(net.places):
        tokens = net.initial[place]
        marked = f", label={quoted(f'{name} ({tokens})')}, style=bold" if tokens else f", label={quoted(name)}"
        lines.append(f"  {quoted('place ' + name)} [shape=ellipse{marked}];")
    for t, name in enumerate(net.transitions):
        label = name if net.urgent[t] else f"{name} {net.intervals[t]}"
        style = "" if net.urgent[t] else ", style=filled, fillcolor=lightgrey"
        lines.append(f"  {quoted('transition ' + name)} [shape=box, label={quoted(label)}{style}];")
    for t, name in enumerate(net.transitions):
        lines.extend(_edges(net, name, net.pre[t], "", True))
        lines.extend(_edges(net, name, net.post[t], "", False))
        lines.extend(_edges(net, name, net.read[t], "style=dashed, dir=none", True))
        lines.extend(_edges(net, name, net.inhibit[t], "style=dotted, arrowhead=odot", True))
    return "\n".join([*lines, "}"]) + "\n"


def _edges(net: Net, transition: str, arcs: Arcs, style: str, inward: bool) -> Iterator[str]:
    for place, weight in arcs:
        ends = (quoted("place " + net.places[place]), quoted("transition " + transition))
        source, target = ends if inward else ends[::-1]
        words = [*([style] if style else []), *([f"label={weight}"] if weight > 1 else [])]
        attributes = f" [{', '.join(words)}]" if words else ""
        yield f"  {source} -> {target}{attributes};"
