"""The published cases of planning: assemblies by family and size, and what is asked of them.

Component types come from ``data/planner_types.json``; a port bound to several places is bound to the group of them, a dock set
is a station. The parallel user is written for any number of providers. In one thing the published text is not followed: the two
transitions of the provider's ``stop`` start at different places, so that they cannot share a dock set.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from madeus.model import (
    Assembly,
    ComponentType,
    Connection,
    Group,
    Instance,
    Interval,
    Place,
    PortKind,
    ProvidePort,
    Transition,
    UsePort,
)
from madeus.planner import Target

DATA = Path(__file__).parent / "data"
FAMILIES = ("central provider", "central user", "linear", "stratified", "openstack")
VARIANTS = ("deployment", "interruption", "update")


def component_type(name: str, description: Mapping[str, Any], initial: str) -> ComponentType:
    """A type of the published form, its life beginning at a place."""
    groups: list[Group] = []

    def bound(port: str, places: list[str]) -> str:
        if len(places) == 1:
            return places[0]
        groups.append(Group(f"{port}_span", tuple(places)))
        return groups[-1].name

    provides = tuple(
        ProvidePort(port, PortKind.SERVICE, (bound(port, places),)) for port, places in description["provide"].items()
    )
    uses = tuple(
        UsePort(port, PortKind.SERVICE, (), (bound(port, places),)) for port, places in description["use"].items()
    )
    transitions: list[Transition] = []
    for behavior, found in description["behaviors"].items():
        sources = {source for source, _, _ in found.values()}
        for t, (source, destination, dock) in found.items():
            alone = behavior == "stop" and len(sources) > 1
            station = f"{behavior}_{source if alone else dock}_{destination}"
            transitions.append(Transition(t, source, destination, (behavior,), (station,), Interval(1.0, 1.0)))
    places = tuple(Place(p, p == initial) for p in description["places"])
    return ComponentType(
        name, places, tuple(transitions), tuple(description["behaviors"]), tuple(groups), provides, uses
    )


def parallel_user(providers: int) -> dict[str, Any]:
    """The published parallel user, for any number of providers."""
    every = range(providers)
    deploy = {"deploy1": ["uninstalled", "allocated", 0], "deploy4": ["configured", "running", 0]}
    suspend: dict[str, list[Any]] = {}
    for i in every:
        deploy[f"deploy2{i}"] = ["allocated", f"sconf{i}", 0]
        deploy[f"deploy3{i}"] = [f"sconf{i}", "configured", 0]
        suspend[f"suspend1{i}"] = ["running", f"suspended{i}", 0]
        suspend[f"suspend2{i}"] = [f"suspended{i}", "configured", 0]
    own = [place for i in every for place in (f"sconf{i}", f"suspended{i}")]
    use = {f"service{i}": ["running", f"suspended{i}"] for i in every}
    use.update({f"config{i}": [f"sconf{i}", "configured", "running", f"suspended{i}"] for i in every})
    return {
        "places": ["uninstalled", "allocated", "configured", "running", *own],
        "provide": {"config": ["configured", "running"], "service": ["running"]},
        "use": use,
        "behaviors": {"deploy": deploy, "suspend": suspend, "stop": {"stop1": ["configured", "uninstalled", 0]}},
    }


def case(family: str, variant: str, size: int) -> tuple[Assembly, Target]:
    """The assembly of a published case and what is asked of it."""
    published = json.loads((DATA / "planner_types.json").read_text(encoding="utf-8"))
    if family == "openstack":
        return _openstack(published["openstack"])
    initial = "uninstalled" if variant == "deployment" else "running"
    types: dict[str, ComponentType] = {}
    instances: list[Instance] = []
    connections: list[Connection] = []

    def add(name: str, kind: str) -> None:
        if kind not in types:
            known = published["synthetic"].get(kind)
            description = known if kind in ("provider", "transformer") else parallel_user(int(kind.rpartition("_")[2]))
            types[kind] = component_type(kind, description, initial)
        instances.append(Instance(name, kind))

    def connect(user: str, suffix: str, provider: str, of: str = "") -> None:
        connections.append(Connection(user, f"config{suffix}", provider, f"config{of}"))
        connections.append(Connection(user, f"service{suffix}", provider, f"service{of}"))

    match family:
        case "central provider":
            add("p", "provider")
            for i in range(size - 1):
                add(f"u{i}", "user_1")
                connect(f"u{i}", "0", "p")
        case "central user":
            add("u", f"user_{size - 1}")
            for i in range(size - 1):
                add(f"p{i}", "provider")
                connect("u", str(i), f"p{i}")
        case "linear":
            add("p", "provider")
            for i in range(size - 1):
                add(f"t{i}", "transformer")
                connect(f"t{i}", "_in", "p" if i == 0 else f"t{i - 1}", "" if i == 0 else "_out")
        case _:
            _stratified(size, add, connect)
    names = [i.name for i in instances]
    providers = [i.name for i in instances if i.type == "provider"]
    match variant:
        case "deployment":
            last = names if family in ("central provider",) else ["u"] if family != "linear" else names[-1:]
            target = Target(places={name: frozenset(("running",)) for name in last})
        case "interruption":
            target = Target(places={name: frozenset(("uninstalled",)) for name in names})
        case _:
            back = {name: frozenset(("running",)) for name in names}
            target = Target(back, {name: frozenset(("update",)) for name in providers})
    return Assembly(family, types, tuple(instances), tuple(connections)), target


def _stratified(size: int, add: Any, connect: Any) -> None:
    middle = size - 2
    add("u", f"user_{1 if middle == 0 else (middle - 1) % 3 + 1}")
    add("p", "provider")
    if middle == 0:
        connect("u", "0", "p")
    for i in range(middle):
        add(f"u{i}", "user_1" if i < 3 else "user_3")
        below = ["p"] if i < 3 else [f"u{(i - 3) // 3 * 3 + k}" for k in range(3)]
        for k, provider in enumerate(below):
            connect(f"u{i}", str(k), provider)
        if i >= (middle - 1) // 3 * 3:
            connect("u", str(i % 3), f"u{i}")


def _openstack(published: Mapping[str, Any]) -> tuple[Assembly, Target]:
    types = {name: component_type(name, found, "deployed") for name, found in published["types"].items()}
    instances = tuple(Instance(name, name) for name in types)
    connections = []
    for text in published["connections"]:
        provide, use = text.split("->")
        connections.append(Connection(*use.split("."), *provide.split(".")))
    places = {name: frozenset(("deployed",)) for name in types}
    return Assembly("openstack", types, instances, tuple(connections)), Target(
        places, {"mariadb": frozenset(("update",))}
    )
