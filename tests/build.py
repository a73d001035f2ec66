"""Short ways to write component types and assemblies in tests."""

from __future__ import annotations

from madeus.model import (
    Assembly,
    ComponentType,
    Connection,
    Group,
    Instance,
    Interval,
    Multiplicity,
    Place,
    PortKind,
    Program,
    ProvidePort,
    Transition,
    UsePort,
)
from madeus.model.program import Instruction


def kind(name: str, *lines: str) -> ComponentType:
    """A component type from lines such as

    ``places a* b c``, ``t: a -> b [in x,y] [station s] [takes 1..2]``, ``group g = a b``, ``provide s at c``,
    ``provide data d at c``, ``use s for t``, ``use s any optional during b``, ``use data d for t``.
    """
    places: list[Place] = []
    transitions: list[Transition] = []
    groups: list[Group] = []
    provides: list[ProvidePort] = []
    uses: list[UsePort] = []
    for line in lines:
        words = line.split()
        match words[0]:
            case "places":
                places += [Place(w.rstrip("*"), w.endswith("*")) for w in words[1:]]
            case "group":
                groups.append(Group(words[1], tuple(words[3:])))
            case "provide":
                data = words[1] == "data"
                words = words[2:] if data else words[1:]
                provides.append(ProvidePort(words[0], PortKind.DATA if data else PortKind.SERVICE, tuple(words[2:])))
            case "use":
                data = words[1] == "data"
                words = words[2:] if data else words[1:]
                end = words.index("for") if "for" in words else words.index("during")
                flags, bound = words[1:end], tuple(words[end + 1 :])
                uses.append(
                    UsePort(
                        words[0],
                        PortKind.DATA if data else PortKind.SERVICE,
                        bound if words[end] == "for" else (),
                        bound if words[end] == "during" else (),
                        next((m for m in Multiplicity if m in flags), Multiplicity.ONE),
                        "optional" in flags,
                    )
                )
            case _:
                transitions.append(_transition(words))
    named = dict.fromkeys(b for t in transitions for b in t.behaviors)
    return ComponentType(
        name, tuple(places), tuple(transitions), tuple(named), tuple(groups), tuple(provides), tuple(uses)
    )


def _transition(words: list[str]) -> Transition:
    options = dict(zip(words[4::2], words[5::2], strict=True))
    low, _, high = options.get("takes", "0..inf").partition("..")
    return Transition(
        words[0].rstrip(":"),
        words[1],
        words[3],
        tuple(options.get("in", "deploy").split(",")),
        tuple(options["station"].split(",")) if "station" in options else (),
        Interval(float(low), float(high or low)),
    )


def assembly(types: list[ComponentType], instances: str, *connections: str) -> Assembly:
    """An assembly: instances as ``a:A b:B``, connections as ``a.use b.provide``."""
    made = tuple(Instance(*word.split(":")) for word in instances.split())
    return Assembly("test", {t.name: t for t in types}, made, tuple(link(c) for c in connections))


def link(text: str) -> Connection:
    """A connection from ``a.use b.provide``."""
    use, provide = text.split()
    return Connection(*use.split("."), *provide.split("."))


def program(name: str, *instructions: Instruction) -> Program:
    """A program of the assembly called test."""
    return Program(name, "test", instructions)
