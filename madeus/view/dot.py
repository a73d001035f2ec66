"""Assemblies as DOT, in the style of the Madeus papers: the only file that knows the graphviz package.

A component is a box, a place an ellipse (its border doubled when initial), a transition an arrow between two docks (small
squares), a join a bar in front of its place, a group a dashed outline. Provide ports hang outside the box like lollipops,
filled for services and hollow for data; use ports are sockets; dotted lines lead to what a port is bound to. Node names are
running numbers, so any name of a model may stand in a label.
"""

from __future__ import annotations

from collections.abc import Iterator
from html import escape as html_escape
from itertools import count

from graphviz import Digraph, escape

from madeus.model import Assembly, ComponentType, Instance, PortKind, ProvidePort, Transition, UsePort, default_station
from madeus.semantics.configuration import ComponentState, Configuration
from madeus.view.groups import outlines
from madeus.view.layers import backward

OVERVIEW_ABOVE = 60
"""Assemblies with more components than this are drawn as boxes with ports, unless told otherwise."""

_FONT = "Helvetica,Arial,sans-serif"
_TOKEN = "#2563eb"
_FAILED = "#dc2626"
_LINE = "#334155"
_FAINT = "#94a3b8"
_PLAIN = ComponentState("")


def assembly_dot(assembly: Assembly, configuration: Configuration | None = None, overview: bool | None = None) -> str:
    """DOT of an assembly, with the tokens of a configuration when one is given.

    overview: draw components as boxes with ports only; None: when there are more than OVERVIEW_ABOVE of them.
    """
    if overview is None:
        overview = len(assembly.instances) > OVERVIEW_ABOVE
    graph = _graph(assembly.name)
    if overview:
        _overview(graph, assembly, configuration)
    else:
        _detailed(graph, assembly, configuration)
    return str(graph.source)


def _text(words: str) -> str:
    """Words that DOT is to show as they are; of a type of their own, which `str` would lose again."""
    shown: str = escape(words)
    return shown


def type_dot(kind: ComponentType) -> str:
    """DOT of one component type."""
    graph = _graph(kind.name)
    _Component(graph, kind, kind.name, count(), _start(kind)).draw()
    return str(graph.source)


def _graph(name: str) -> Digraph:
    graph = Digraph(name=_text(name))
    graph.attr(rankdir="TB", compound="true", fontname=_FONT, nodesep="0.25", ranksep="0.3", bgcolor="white", pad="0.2")
    graph.attr("node", fontname=_FONT, fontsize="10", color=_LINE, fontcolor="#0f172a", penwidth="1.1")
    graph.attr("edge", fontname=_FONT, fontsize="9", color=_LINE, fontcolor="#334155", arrowsize="0.7", penwidth="1.1")
    return graph


def _detailed(graph: Digraph, assembly: Assembly, configuration: Configuration | None) -> None:
    numbers = count()
    ports: dict[tuple[str, str], str] = {}
    for instance in assembly.instances:
        kind = assembly.types[instance.type]
        state = _state(instance, kind, configuration)
        component = _Component(graph, kind, title(instance), numbers, state)
        ports.update(((instance.name, port), node) for port, node in component.draw().items())
    for c in assembly.connections:
        carries = assembly.type_of(c.provider).provide[c.provide].kind
        # From who offers to who uses, as values and services flow; without arrowhead for a service, which is held.
        graph.edge(
            ports[(c.provider, c.provide)],
            ports[(c.user, c.use)],
            arrowhead="vee" if carries is PortKind.DATA else "none",
            color=_LINE,
            style="dashed" if carries is PortKind.DATA else "solid",
        )


def _state(instance: Instance, kind: ComponentType, configuration: Configuration | None) -> ComponentState:
    if configuration is None:
        return _start(kind)
    return configuration.components.get(instance.name, _PLAIN)


def _start(kind: ComponentType) -> ComponentState:
    return ComponentState(kind.name)


def title(instance: Instance) -> str:
    """What stands over a component: ``name : Type  @host``."""
    return f"{instance.name} : {instance.type}  @{instance.host}"


class _Component:
    """Draws one component into the graph."""

    def __init__(
        self, graph: Digraph, kind: ComponentType, heading: str, numbers: Iterator[int], state: ComponentState
    ) -> None:
        self.graph = graph
        self.kind = kind
        self.heading = heading
        self.numbers = numbers
        self.state = state
        self.backward = backward(kind)
        self.nodes: dict[tuple[str, str], str] = {}
        """(sort of element, name) -> DOT node."""
        self.clusters: dict[str, str] = {}
        """Group -> DOT cluster."""

    def draw(self) -> dict[str, str]:
        """Draw everything; DOT node of each port by its name."""
        number = next(self.numbers)
        with self.graph.subgraph(name=f"cluster_c{number}") as outer:
            outer.attr(label="", peripheries="0", margin="6")
            with outer.subgraph(name=f"cluster_b{number}") as box:
                box.attr(
                    label=_text(self.heading),
                    fontname=f"{_FONT} bold",
                    fontsize="11",
                    labeljust="l",
                    style="rounded,filled",
                    fillcolor="#f8fafc",
                    color=_LINE,
                    penwidth="1.6",
                    margin="10",
                    peripheries="1",
                )
                self._inside(box)
            ports = {port.name: self._provide(outer, port) for port in self.kind.provides}
            ports.update((port.name, self._use(outer, port)) for port in self.kind.uses)
        return ports

    def _node(self, sort: str, name: str) -> str:
        node = self.nodes.get((sort, name))
        if node is None:
            node = self.nodes[(sort, name)] = f"n{next(self.numbers)}"
        return node

    def _inside(self, box: Digraph) -> None:
        nested, loose = outlines(self.kind)
        drawn: set[str] = set()
        for outline in nested:
            if outline.parent is None:
                self._group(box, outline.name, drawn)
        for place in self.kind.places:
            if place.name not in drawn:
                self._place(box, place.name)
        for transition in self.kind.transitions:
            self._docks(box, transition, drawn)
            self._arrows(transition)
        for name in loose:
            self._loose_group(box, name)

    def _group(self, box: Digraph, name: str, drawn: set[str]) -> None:
        nested, _ = outlines(self.kind)
        outline = next(o for o in nested if o.name == name)
        cluster = self.clusters[name] = f"cluster_g{next(self.numbers)}"
        with box.subgraph(name=cluster) as inner:
            inner.attr(
                label=_text(name),
                style="dashed,rounded",
                color=_FAINT,
                fontcolor="#475569",
                fontname=f"{_FONT} italic",
                fontsize="9",
                penwidth="1.2",
                margin="8",
            )
            for child in nested:
                if child.parent == name:
                    self._group(inner, child.name, drawn)
            for place in sorted(outline.places):
                if place not in drawn:
                    drawn.add(place)
                    self._place(inner, place)
            for transition in self.kind.transitions:
                if {transition.source, transition.destination} <= outline.places:
                    self._docks(inner, transition, drawn)

    def _loose_group(self, box: Digraph, name: str) -> None:
        """A group that overlaps another one cannot be an outline of its own: a note with dotted lines instead."""
        node = self._node("group", name)
        box.node(node, _text(name), shape="box", style="dashed,rounded", color=_FAINT, fontsize="9", height="0.2")
        for place in sorted(self.kind.group_places[name]):
            box.edge(node, self._node("place", place), style="dotted", arrowhead="none", color=_FAINT)

    def _place(self, box: Digraph, name: str) -> None:
        marked = name in self.state.places
        box.node(
            self._node("place", name),
            _text(name),
            shape="ellipse",
            height="0.3",
            margin="0.06,0.03",
            style="filled",
            peripheries="2" if self.kind.place[name].initial else "1",
            fillcolor=_TOKEN if marked else "white",
            fontcolor="white" if marked else "#0f172a",
        )

    def _docks(self, box: Digraph, transition: Transition, drawn: set[str]) -> None:
        if f"dock {transition.name}" in drawn:
            return
        drawn.add(f"dock {transition.name}")
        for sort, marks in (("out", self.state.output_docks), ("in", self.state.input_docks)):
            fill = _TOKEN if transition.name in marks else "white"
            box.node(
                self._node(sort, transition.name),
                "",
                shape="square",
                width="0.09",
                height="0.09",
                fixedsize="true",
                style="filled",
                fillcolor=fill,
                tooltip=_text(f"{'output' if sort == 'out' else 'input'} dock of {transition.name}"),
            )
        for station in self.kind.stations_of(transition):
            if self._is_join(station) and f"station {station}" not in drawn:
                drawn.add(f"station {station}")
                written = station != default_station(self.kind.station_place[station])
                box.node(
                    self._node("station", station),
                    "",
                    xlabel=_text(station) if written else "",
                    shape="box",
                    width="0.5",
                    height="0.04",
                    fixedsize="true",
                    style="filled",
                    fillcolor=_LINE,
                    fontsize="8",
                    tooltip=_text(f"join of {self.kind.station_place[station]}"),
                )

    def _is_join(self, station: str) -> bool:
        """Whether a station is drawn: it joins several docks, or it has a name that somebody wrote."""
        if station != default_station(self.kind.station_place[station]):
            return True
        return any(len(docks) > 1 for (_, name), docks in self.kind.stations.items() if name == station)

    def _arrows(self, transition: Transition) -> None:
        name = transition.name
        running, failed = name in self.state.running, name in self.state.failed
        colour = _FAILED if failed else _TOKEN if running else _LINE
        self._edge(self._node("place", transition.source), self._node("out", name), name, arrowhead="none")
        self._edge(
            self._node("out", name),
            self._node("in", name),
            name,
            label=_text(f" {name} ✗" if failed else f" {name}"),
            color=colour,
            fontcolor=colour,
            penwidth="2.6" if running or failed else "1.1",
        )
        place = self._node("place", transition.destination)
        for station in self.kind.stations_of(transition):
            if self._is_join(station):
                bar = self._node("station", station)
                self._edge(self._node("in", name), bar, name, arrowhead="none")
                if ("joined", station) not in self.nodes:
                    self.nodes[("joined", station)] = bar
                    self._edge(bar, place, name, arrowhead="none")
            else:
                self._edge(self._node("in", name), place, name, arrowhead="none")

    def _edge(self, tail: str, head: str, transition: str, **attributes: str) -> None:
        """A piece of a transition; one that leads back up is turned round so that initial places stay on top."""
        if transition in self.backward:
            ends = {"arrowhead": "none", "arrowtail": attributes.pop("arrowhead", "normal"), "dir": "both"}
            self.graph.edge(head, tail, weight="1", **ends, **attributes)
        else:
            self.graph.edge(tail, head, weight="3", **attributes)

    def _bound(self, name: str) -> tuple[str, str | None]:
        """Where the dotted line to a place or a group ends: a DOT node, and the cluster whose border cuts the line."""
        if name in self.kind.place:
            return self._node("place", name), None
        if ("group", name) in self.nodes:
            return self.nodes[("group", name)], None
        return self._node("place", min(self.kind.group_places[name])), self.clusters[name]

    def _provide(self, outer: Digraph, port: ProvidePort) -> str:
        node = self._node("provide", port.name)
        filled = port.kind is PortKind.SERVICE
        outer.node(
            node,
            "",
            xlabel=_text(port.name),
            shape="circle",
            width="0.16",
            fixedsize="true",
            style="filled",
            fillcolor=_LINE if filled else "white",
            fontsize="9",
            tooltip=_text(f"provide {port.kind} {port.name}"),
        )
        for bound in port.bound:
            end, cluster = self._bound(bound)
            self.graph.edge(end, node, style="dotted", arrowhead="none", color="#64748b", ltail=cluster)
        return node

    def _use(self, outer: Digraph, port: UsePort) -> str:
        node = self._node("use", port.name)
        outer.node(
            node,
            "",
            xlabel=_text(port.name),
            shape="invhouse",
            width="0.2",
            height="0.16",
            fixedsize="true",
            style="filled",
            fillcolor="#cbd5e1" if port.kind is PortKind.SERVICE else "white",
            fontsize="9",
            tooltip=_text(f"use {port.kind} {port.name}"),
        )
        for name in port.transitions:
            self.graph.edge(node, self._node("out", name), style="dotted", arrowhead="none", color="#64748b")
        for name in port.holders:
            end, cluster = self._bound(name)
            self.graph.edge(node, end, style="dotted", arrowhead="none", color="#64748b", lhead=cluster)
        return node


def _overview(graph: Digraph, assembly: Assembly, configuration: Configuration | None) -> None:
    """Every component a box with its ports; connections between the same two components are one line."""
    graph.attr(rankdir="LR", nodesep="0.15", ranksep="0.9")
    nodes = {instance.name: f"n{number}" for number, instance in enumerate(assembly.instances)}
    for instance in assembly.instances:
        kind = assembly.types[instance.type]
        graph.node(nodes[instance.name], _box(instance, kind, _state(instance, kind, configuration)), shape="plain")
    between: dict[tuple[str, str], list[str]] = {}
    for c in assembly.connections:
        between.setdefault((c.provider, c.user), []).append(c.provide)
    for (provider, user), ports in between.items():
        words = ", ".join(ports) if len(between) <= OVERVIEW_ABOVE else ""
        graph.edge(nodes[provider], nodes[user], label=_text(words), arrowhead="vee", color="#64748b")


def _box(instance: Instance, kind: ComponentType, state: ComponentState) -> str:
    """An HTML-like label: uses on the left, the name and where its tokens are in the middle, provides on the right."""
    uses = "".join(f"<BR/>&#8838; {html_escape(u.name)}" for u in kind.uses).removeprefix("<BR/>")
    sign = {PortKind.SERVICE: "&#9679;", PortKind.DATA: "&#9675;"}
    provides = "".join(f"<BR/>{html_escape(p.name)} {sign[p.kind]}" for p in kind.provides).removeprefix("<BR/>")
    held = sorted(state.places) + sorted(f"{t}…" for t in state.running) + sorted(f"{t} ✗" for t in state.failed)
    colour = _FAILED if state.failed else _TOKEN
    marks = f'<BR/><FONT COLOR="{colour}" POINT-SIZE="9">{html_escape(", ".join(held))}</FONT>' if held else ""
    side = '<TD VALIGN="MIDDLE"><FONT POINT-SIZE="9">{}</FONT></TD>'
    return (
        f'<<TABLE BORDER="1" CELLBORDER="0" CELLSPACING="0" CELLPADDING="4" STYLE="ROUNDED" COLOR="{_LINE}"><TR>'
        f"{side.format(uses) if uses else ''}"
        f"<TD><B>{html_escape(instance.name)}</B> : {html_escape(instance.type)}<BR/>"
        f'<FONT POINT-SIZE="9" COLOR="#475569">@{html_escape(instance.host)}</FONT>{marks}</TD>'
        f"{side.format(provides) if provides else ''}</TR></TABLE>>"
    )
