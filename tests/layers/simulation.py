"""Random operations on a catalog, with hosts in memory that do the steps."""

from __future__ import annotations

from madeus.executor.layers.simulated import SimulatedHost
from madeus.layers import Catalog, Change, Layer, LayerKind, Occasion, Role, Verb, Version
from madeus.layers.removal import add_machine


class World:
    """A catalog and its hosts, kept in step; what every state showed when it was recorded."""

    def __init__(self, machines: int = 2, versions: int = 3) -> None:
        self.clock = 0
        self.catalog = catalog(machines, versions)
        self.hosts = {name: SimulatedHost(name) for name in self.catalog.machines}
        self.contents: dict[str, dict[str, str]] = {}
        for layer in self.catalog.layers.values():
            for holder in layer.holders:
                self.hosts[holder].layers[layer.id] = {f"/srv/{layer.id}": layer.id, "/etc/version": layer.id}
                self.hosts[holder].frozen.add(layer.id)

    def occasion(self) -> Occasion:
        """Another one each time."""
        self.clock += 1
        return Occasion(f"n{self.clock}", float(self.clock))

    def do(self, change: Change) -> None:
        """Do the steps, then believe the catalog."""
        for key, state in change.catalog.states.items():
            if key not in self.catalog.states:
                self.contents[state.name] = self.hosts[state.machine].shown(state.stack)
        for step in change.steps:
            host = self.hosts[step.machine]
            if step.verb is Verb.FETCH:
                layer = step.arguments["layer"]
                host.layers[layer] = dict(self.hosts[step.arguments["holder"]].layers[layer])
                host.frozen.add(layer)
            elif step.verb is Verb.MAKE:
                host.layers[step.arguments["layer"]]["/srv/made"] = str(step.arguments["version"])
            else:
                host.call(step.verb, step.arguments)
        self.catalog = change.catalog


def catalog(machines: int = 2, versions: int = 3) -> Catalog:
    """Machines ``m1`` and on, the roles ``web`` and ``db`` with versions ``1`` and on, whose layers ``m1`` holds."""
    found = Catalog()
    for number in range(1, machines + 1):
        found = add_machine(found, f"m{number}")
    found = found.with_layers(Layer("debian", LayerKind.BASE, True, "/"))
    for role in ("web", "db"):
        chain = tuple(Version(str(n), f"{role}-{n}") for n in range(1, versions + 1))
        found = found.with_role(Role(role, "debian", chain, ("/var/data",), (role, "cron")))
        layers = [Layer(one.layer, LayerKind.VERSION, True, holders=frozenset(("m1",))) for one in chain]
        found = found.with_layers(*layers)
    return found
