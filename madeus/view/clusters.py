"""Clusters of a fleet as DOT: the reference in the middle, each cluster as far from it as it differs.

The area of a circle is the number of its machines; an edge says how many items differ; a tooltip says which.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import sqrt

from graphviz import Graph, escape

from madeus.fleet.apart import differences
from madeus.fleet.clustering import Clustering
from madeus.fleet.clusters import Cluster

_FONT = "Helvetica,Arial,sans-serif"
SHOWN = 4
"""Keys that a circle names."""


def clusters_dot(clustering: Clustering, most: int = 60) -> str:
    """DOT of the first `most` clusters; lay it out with neato."""
    graph = Graph("clusters", engine="neato")
    graph.attr(overlap="false", splines="true", fontname=_FONT, layout="neato")
    graph.attr("node", fontname=_FONT, fontsize="10", style="filled", fillcolor="#dbeafe", color="#2563eb")
    graph.attr("edge", fontname=_FONT, fontsize="9", color="#94a3b8")
    name = clustering.reference.machine or "nothing"
    graph.node("reference", label=escape(f"reference\n{name}").replace("\n", "\\n"), shape="box", fillcolor="#fef3c7")
    shown = clustering.clusters[:most]
    largest = max((len(cluster.machines) for cluster in shown), default=1)
    for cluster in shown:
        lines = _keys(clustering, cluster)
        width = 0.7 + 1.3 * sqrt(len(cluster.machines) / largest)
        label = "\\n".join(map(escape, [f"{cluster.name}: {_machines(len(cluster.machines))}", *_few(lines)]))
        tip = "\\n".join(map(escape, lines)) or "as the reference"
        graph.node(cluster.name, label=label, shape="circle", width=f"{width:.2f}", tooltip=tip)
        graph.edge("reference", cluster.name, label=str(cluster.distance), len=f"{2 + sqrt(cluster.distance) / 2:.2f}")
    if len(clustering.clusters) > most:
        graph.node("more", label=f"{len(clustering.clusters) - most} more clusters", shape="plaintext", style="")
    return str(graph.source)


def _machines(count: int) -> str:
    return f"{count} machine{'s' * (count != 1)}"


def _keys(clustering: Clustering, cluster: Cluster) -> list[str]:
    told = [f"used by {', '.join(sorted(cluster.applications))}"] if cluster.applications else []
    return told + [change.text[:2] + change.key for change in differences(clustering, cluster.differs)]


def _few(lines: Sequence[str]) -> list[str]:
    short = [line if len(line) <= 40 else f"{line[:2]}...{line[-35:]}" for line in lines[:SHOWN]]
    return short + [f"and {len(lines) - SHOWN} more"] * (len(lines) > SHOWN)
