"""What can be said before anything runs: hosts, actions, names and secrets of everything that a system may execute."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from madeus.diagnostics.suggest import nearest
from madeus.executor.action.prepare import check_action
from madeus.executor.action.registry import Registry
from madeus.executor.drift.ask import check_probe
from madeus.executor.errors import ExecutorError, InputError, InterpolationError, InvalidAction
from madeus.executor.inventory import Host, Inventory
from madeus.executor.scope import known_names, names_in
from madeus.executor.secrets import SecretMissing
from madeus.model import Action, ComponentType, Instance, PortKind, Transition
from madeus.semantics import System


class NotRunnable(InputError):
    """A model that cannot be run as it is, with every reason. Nothing was done."""

    def __init__(self, problems: tuple[tuple[str, ExecutorError], ...]) -> None:
        lines = [
            f"{where}: {error.message}" + (f"\n    {error.help}" if error.help else "") for where, error in problems
        ]
        super().__init__("\n".join(lines))
        self.problems = problems
        """(qualified name, what is wrong there)."""


def check_runnable(
    system: System,
    inventory: Inventory,
    registry: Registry,
    declared: Collection[str] = (),
    given: Collection[str] = (),
    probes: bool = False,
) -> None:
    """Look at every instance, every action and every probe.

    declared: names of the model's secrets. given: those that have a value. probes: whether probes of places will be asked.

    Raises:
        NotRunnable: with every problem; one of a type is told for its first instance.
    """
    found: dict[tuple[str, str], ExecutorError] = {}
    seen: set[tuple[str, tuple[str, ...]]] = set()
    for instance in system.instances.values():
        try:
            host = inventory.resolve(instance.host)
        except InputError as error:
            found.setdefault((instance.name, error.message), error)
            continue
        # Only the names of a host's variables matter: each type is looked at once for those of its first instance.
        key = (instance.type, tuple(name for name, _ in host.variables))
        if key in seen:
            continue
        seen.add(key)
        for where, problem in _problems(system, instance, host, registry, set(declared), set(given), probes):
            found.setdefault((where, problem.message), problem)
    if found:
        raise NotRunnable(tuple((where, error) for (where, _), error in found.items()))


def _problems(
    system: System,
    instance: Instance,
    host: Host,
    registry: Registry,
    declared: set[str],
    given: set[str],
    probes: bool,
) -> Iterator[tuple[str, ExecutorError]]:
    kind = system.tables[instance.type].kind
    for place in kind.places:
        if place.probe is not None:
            try:
                _check_probe(
                    place.probe, f"{kind.name}.{place.name}", registry, known_names(kind, None, host, declared)
                )
            except ExecutorError as error:
                yield f"{instance.name}.{place.name}, its probe", error
            for name in sorted((names_in(place.probe) & declared) - given) if probes else ():
                yield f"{instance.name}.{place.name}, its probe", SecretMissing(name)
    for transition in kind.transitions:
        names = known_names(kind, transition, host, declared)
        if transition.probe is not None:
            try:
                _check_probe(transition.probe, f"{kind.name}.{transition.name}", registry, names)
            except ExecutorError as error:
                yield f"{instance.name}.{transition.name}, its probe", error
        for action in transition.actions:
            try:
                _check(action, kind, transition, registry, names)
            except ExecutorError as error:
                yield f"{instance.name}.{transition.name}", error
            for name in sorted((names_in(action) & declared) - given):
                yield f"{instance.name}.{transition.name}", SecretMissing(name)


def _check_probe(probe: Action, where: str, registry: Registry, names: set[str]) -> None:
    check_probe(probe, registry)
    _check_names(probe, where, names)


def _check_names(action: Action, where: str, names: set[str]) -> None:
    for name in sorted(names_in(action) - names):
        near = nearest(name, names)
        way_out = f"did you mean `${{{near}}}`? " if near else ""
        if name.startswith("host."):
            way_out += f"or give the host the variable `{name[5:]}` in the inventory"
        else:
            way_out += f"write `$${{{name}}}` for the shell's own"
        reason = f"`${{{name}}}` names nothing that is known here"
        raise InterpolationError(name, where, reason, way_out)


def _check(action: Action, kind: ComponentType, transition: Transition, registry: Registry, names: set[str]) -> None:
    check_action(registry.get(action.kind), action)
    _check_names(action, f"{kind.name}.{transition.name}", names)
    for port in action.outputs:
        provided = kind.provide.get(port)
        if provided is None or provided.kind is not PortKind.DATA:
            raise InvalidAction(action.kind, f"`-> {port}` names no data port that {kind.name} provides")
        if provided.bound[0] != transition.destination:
            raise InvalidAction(
                action.kind,
                f"`-> {port}` would get its value at {provided.bound[0]}, {transition.name} leads to {transition.destination}",
            )
