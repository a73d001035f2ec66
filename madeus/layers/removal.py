"""Taking away what nobody needs, and giving machines other names."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from madeus.layers.catalog import SPARE, Catalog, Machine
from madeus.layers.change import Change, HostStep, Verb
from madeus.layers.errors import NameTaken, NothingToDo, Refused, StillReferred


def delete_version(catalog: Catalog, role: str, version: str) -> Change:
    """Take the last version of a role away, with its layer.

    Raises:
        StillReferred: a state or machine has it (named), or a later version comes after it.
    """
    found = catalog.role(role)
    index = found.index(version)
    layer = found.versions[index].layer
    what = f"{role} {version}"
    if index < len(found.versions) - 1:
        raise StillReferred(
            what, [f"{role} {found.versions[index + 1].name}"], "delete the last version of the chain first"
        )
    _check_free(catalog, layer, what, {what})
    smaller = catalog.with_role(replace(found, versions=found.versions[:index]))
    return _without(smaller, (layer,) if layer in catalog.layers else (), f"delete {what}")


def delete_role(catalog: Catalog, role: str) -> Change:
    """Take a role away, with the layers of its versions, and its base when no other role stands on it.

    Raises:
        StillReferred: states or machines have it; named.
    """
    found = catalog.role(role)
    if role == SPARE:
        raise Refused("the role spare cannot be deleted: machines without a role have it")
    own = {f"role {role}", *(f"{role} {version.name}" for version in found.versions)}
    by = [m.name for m in catalog.machines.values() if m.role == role]
    by += [s.name for s in catalog.states.values() if s.role == role]
    for version in found.versions:
        by += [one for one in catalog.referring(version.layer) if one not in own]
    if by:
        raise StillReferred(f"role {role}", sorted(set(by)), _FORGET)
    smaller = replace(catalog, roles={name: one for name, one in catalog.roles.items() if name != role})
    needed = smaller.referred()
    gone = [v.layer for v in found.versions if v.layer in catalog.layers]
    gone += [found.base] if found.base not in needed else []
    return _without(smaller, gone, f"delete role {role}")


def delete_layer(catalog: Catalog, layer: str) -> Change:
    """Take a layer away.

    Raises:
        StillReferred: something needs it; named.
    """
    catalog.layer(layer)
    _check_free(catalog, layer, f"layer {layer}", ())
    return _without(catalog, (layer,), f"delete layer {layer}")


def forget_states(catalog: Catalog, machine: str, numbers: Iterable[int]) -> Change:
    """Forget states of a machine; their layers go with the next collection.

    Raises:
        Unknown: there is no such state.
    """
    states = dict(catalog.states)
    names = []
    for number in numbers:
        names.append(catalog.state(machine, number).name)
        del states[(machine, number)]
    return Change("forget", f"forget {', '.join(names)}", replace(catalog, states=states), machines=(machine,))


def collect(catalog: Catalog) -> Change:
    """Take away every layer that no machine, state or role refers to. Raises NothingToDo."""
    needed = catalog.referred()
    gone = sorted(layer for layer in catalog.layers if layer not in needed)
    if not gone:
        raise NothingToDo("every layer is needed by a machine, a state or a role")
    return _without(catalog, gone, f"collect {len(gone)} layers", "collect")


def add_machine(catalog: Catalog, name: str) -> Catalog:
    """A machine that is new, as `SPARE`. Raises NameTaken."""
    if name in catalog.machines:
        raise NameTaken("machine", name)
    return catalog.with_machine(Machine(name))


def remove_machine(catalog: Catalog, name: str) -> Change:
    """Forget a machine, with its states. What stands on it is left there.

    Raises:
        StillReferred: it alone holds the layer of a version.
    """
    catalog.machine(name)
    alone = frozenset((name,))
    sole = [
        f"{role.name} {version.name}"
        for role in catalog.roles.values()
        for version in role.versions
        if version.layer in catalog.layers
        and catalog.layers[version.layer].holders == alone
        and not catalog.layers[version.layer].source
    ]
    if sole:
        raise StillReferred(
            f"machine {name}", sole, "it is the only one that holds their layers; assign them elsewhere first"
        )
    machines = {one: machine for one, machine in catalog.machines.items() if one != name}
    states = {key: state for key, state in catalog.states.items() if key[0] != name}
    layers = {one: replace(layer, holders=layer.holders - alone) for one, layer in catalog.layers.items()}
    layers = {one: layer for one, layer in layers.items() if layer.holders or layer.source}
    after = replace(catalog, machines=machines, states=states, layers=layers)
    return Change("remove", f"remove machine {name}", after, machines=(name,))


def rename_machine(catalog: Catalog, old: str, new: str) -> Change:
    """Give a machine another name; its stack, its states and their numbers stay.

    Raises:
        Unknown, NameTaken: of the names.
    """
    machine = catalog.machine(old)
    if new in catalog.machines:
        raise NameTaken("machine", new)
    machines = {one: m for one, m in catalog.machines.items() if one != old} | {new: replace(machine, name=new)}
    states = {}
    for (owner, number), state in catalog.states.items():
        mine = owner == old
        states[(new if mine else owner, number)] = replace(state, machine=new) if mine else state
    layers = {
        name: replace(layer, holders=layer.holders - {old} | {new}) if old in layer.holders else layer
        for name, layer in catalog.layers.items()
    }
    after = replace(catalog, machines=machines, states=states, layers=layers)
    return Change("rename", f"rename {old} to {new}", after, machines=(old, new))


_FORGET = "`madeus states HOST --forget N` forgets a state"


def _check_free(catalog: Catalog, layer: str, what: str, own: Iterable[str]) -> None:
    by = [name for name in catalog.referring(layer) if name not in own]
    if by:
        raise StillReferred(what, by, _FORGET)


def _without(catalog: Catalog, gone: Iterable[str], summary: str, operation: str = "delete") -> Change:
    """The change that takes layers away from every machine that holds them."""
    gone = tuple(gone)
    held: dict[str, list[str]] = {}
    for layer in gone:
        for holder in sorted(catalog.layers[layer].holders):
            held.setdefault(holder, []).append(layer)
    layers = {name: layer for name, layer in catalog.layers.items() if name not in gone}
    steps = tuple(HostStep(machine, Verb.DELETE, {"layers": names}) for machine, names in sorted(held.items()))
    return Change(operation, summary, replace(catalog, layers=layers), steps)
