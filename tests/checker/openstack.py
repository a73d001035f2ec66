"""The OpenStack assembly of tests/golden/openstack as a model."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable
from pathlib import Path

from madeus.checker.engines.structural.events import EventGraph
from madeus.model import (
    ANY_TIME,
    And,
    Assembly,
    ComponentType,
    Connection,
    Goal,
    Instance,
    Interval,
    Marked,
    Place,
    PortKind,
    ProvidePort,
    Transition,
    UsePort,
)
from madeus.petri.net import Net, NetBuilder
from madeus.semantics import StepKind, System

FOLDER = Path(__file__).parent.parent / "golden" / "openstack"


def durations(cluster: str, registry: str) -> dict[tuple[str, str], Interval]:
    """Least and greatest durations that were measured."""
    with (FOLDER / "durations.csv").open() as file:
        return {
            (row["component"], row["transition"]): Interval(float(row["min_s"]), float(row["max_s"]))
            for row in csv.DictReader(file)
            if (row["cluster"], row["registry"]) == (cluster, registry)
        }


def openstack(intervals: dict[tuple[str, str], Interval] | None = None, only: Iterable[str] = ()) -> Assembly:
    """The whole assembly, or the components listed with the connections among them."""
    described = json.loads((FOLDER / "assembly.json").read_text())["components"]
    kept = set(only) or set(described)
    types, connections = {}, []
    for name, entry in described.items():
        if name not in kept:
            continue
        users: dict[str, list[str]] = {}
        transitions = []
        for transition, (source, destination, services) in entry["tr"].items():
            interval = (intervals or {}).get((name, transition), ANY_TIME)
            transitions.append(Transition(transition, source, destination, interval=interval))
            for service in services:
                provider = service.split(".")[0]
                if provider in kept:
                    users.setdefault(provider, []).append(transition)
        connections += [Connection(name, provider, provider, "service") for provider in users]
        types[name] = ComponentType(
            name,
            tuple(Place(p, initial=p == "initiated") for p in entry["places"]),
            tuple(transitions),
            provides=(ProvidePort("service", PortKind.SERVICE, ("deployed",)),),
            uses=tuple(UsePort(p, PortKind.SERVICE, tuple(ts)) for p, ts in users.items()),
        )
    return Assembly("openstack", types, tuple(Instance(name, name) for name in types), tuple(connections))


def deployed(assembly: Assembly) -> Goal:
    """Every component is deployed."""
    return Goal("deployed", And(tuple(Marked(i.name, "deployed") for i in assembly.instances)))


def fired_and_ended(assembly: Assembly) -> Net:
    """A net whose markings are the configurations of a choice-free assembly as far as fired and ended transitions go."""
    graph = EventGraph(System(assembly))
    builder = NetBuilder("fired and ended")
    done: dict[int, int] = {}

    def earlier(event: int) -> set[int]:
        found: set[int] = set()
        for before in graph.before[event]:
            found |= {before} if graph.steps[before].kind is StepKind.END else earlier(before)
        return found

    for end in graph.ends():
        fire = graph.before[end][0]
        name = f"{graph.steps[fire].component}.{graph.steps[fire].element}"
        fired, ended = builder.place(f"{name} fired"), builder.place(f"{name} ended")
        done[end] = ended
        reads = [(done[e], 1) for e in sorted(earlier(fire))]
        builder.transition(f"fire {name}", post=[(fired, 1)], read=reads, inhibit=[(fired, 1)])
        builder.transition(f"end {name}", post=[(ended, 1)], read=[(fired, 1)], inhibit=[(ended, 1)])
    return builder.build()
