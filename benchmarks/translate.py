"""Time to translate stars and chains of components to nets: python benchmarks/translate.py [components ...]"""

from __future__ import annotations

import sys
import time

from madeus.model import (
    Assembly,
    ComponentType,
    Connection,
    Instance,
    Place,
    PortKind,
    ProvidePort,
    Transition,
    UsePort,
)
from madeus.petri import translate
from madeus.semantics.system import System


def component() -> ComponentType:
    """Three places, three transitions, a service and a use."""
    return ComponentType(
        "Node",
        (Place("waiting", initial=True), Place("ready"), Place("running")),
        (
            Transition("install", "waiting", "ready"),
            Transition("configure", "waiting", "ready"),
            Transition("start", "ready", "running"),
        ),
        provides=(ProvidePort("service", PortKind.SERVICE, ("running",)),),
        uses=(UsePort("needed", PortKind.SERVICE, ("start",), optional=True),),
    )


def assembly(shape: str, count: int) -> Assembly:
    """A star (all use the first) or a chain (each uses the one before)."""
    names = [f"n{i}" for i in range(count)]
    connections = tuple(
        Connection(names[i], "needed", names[i - 1 if shape == "chain" else 0], "service") for i in range(1, count)
    )
    return Assembly(shape, {"Node": component()}, tuple(Instance(name, "Node") for name in names), connections)


def main() -> None:
    """Print a table."""
    counts = [int(word) for word in sys.argv[1:]] or [1_000, 10_000]
    print(f"{'family':<8}{'components':>12}{'seconds':>10}{'places':>10}{'transitions':>13}{'arcs':>10}")
    for shape in ("star", "chain"):
        for count in counts:
            system = System(assembly(shape, count))
            start = time.perf_counter()
            net = translate(system).net
            taken = time.perf_counter() - start
            print(
                f"{shape:<8}{count:>12}{taken:>10.3f}{len(net.places):>10}{len(net.transitions):>13}{net.arc_count:>10}"
            )


if __name__ == "__main__":
    main()
