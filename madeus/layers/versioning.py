"""How roles come by versions: defined by a file, made on a machine, packaged from a machine that is known to be good."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

from madeus.layers.act import Act, Occasion, layer_name
from madeus.layers.catalog import SPARE, Catalog, Role, Version
from madeus.layers.change import Change, Verb
from madeus.layers.errors import BadName, ChainDiffers, NameTaken, NothingToDo, NotInChain, Refused, StillSpare
from madeus.layers.layer import Layer, LayerKind
from madeus.layers.operation import stack_of

_ROLE = re.compile(r"[A-Za-z_][A-Za-z0-9_-]{0,63}")
_VERSION = re.compile(r"[^\W_][\w.+~:@-]{0,63}")


def define(catalog: Catalog, role: Role, source: str, versions: Sequence[str], occasion: Occasion) -> Catalog:
    """Make a role known, or add versions at the end of its chain; its other properties are replaced.

    role: without versions. source: where its base comes from, if that is new; empty: the host's own system.

    Raises:
        Refused: its versions are others than those that exist, its base stands on another source, or a name that no role or
            version can have.
    """
    if role.name == SPARE:
        raise NameTaken("role", SPARE)
    _check_names(role.name, versions)
    known = catalog.roles.get(role.name)
    chain = known.versions if known is not None else ()
    names = [one.name for one in chain]
    # A file need not repeat versions that were packaged after it was written; what it does say has to be so.
    if any(a != b for a, b in zip(names, versions, strict=False)):
        raise ChainDiffers(role.name, names, versions)
    if known is not None and known.versions and known.base != role.base:
        raise Refused(
            f"role {role.name} stands on the base {known.base}, not on {role.base}",
            "give a role on another base another name",
        )
    base = catalog.layers.get(role.base)
    if base is not None and base.source and base.source != (source or "/"):  # of an adopted one nobody knows the source
        raise Refused(
            f"the base {role.base} comes from {base.source}, not from {source or '/'}", "give another base another name"
        )
    if base is None:
        catalog = catalog.with_layers(Layer(role.base, LayerKind.BASE, True, source or "/"))
    added = tuple(Version(name, layer_name(occasion, role.name, name)) for name in versions[len(names) :])
    return catalog.with_role(replace(role, versions=(*chain, *added)))


def make(catalog: Catalog, role: str, version: str, machine: str, occasion: Occasion, source: str = "") -> Change:
    """Fill the layer of a version on a machine, as the role's definition says. The machine's own root is left alone.

    source: what every host has of itself, so that the layer need not be brought from this one.

    Raises:
        Refused: it is made already, or the one before it is not.
    """
    found = catalog.role(role)
    index = found.index(version)
    layer = found.versions[index].layer
    if catalog.is_made(layer):
        raise NothingToDo(f"{role} {version} is made already, on {', '.join(sorted(catalog.layers[layer].holders))}")
    current = catalog.machine(machine)
    act = Act(catalog, replace(current, stack=()), occasion, "make")
    below = stack_of(found, found.versions[index - 1].name) if index else (found.base,)
    act.provide(below)
    act.step(Verb.CREATE, layer=layer)
    act.step(Verb.MAKE, role=role, version=version, layer=layer, stack=[*below, layer])
    act.step(Verb.FREEZE, layer=layer)
    act.catalog = act.catalog.with_layers(Layer(layer, LayerKind.VERSION, True, source, frozenset((machine,))))
    act.made.append(layer)
    return replace(act.done(current, f"make {role} {version}"), machines=(machine, role_lock(role)))


def bring(catalog: Catalog, machine: str, layers: Sequence[str], occasion: Occasion) -> Change:
    """See to it that a machine has layers, without stacking them."""
    current = catalog.machine(machine)
    act = Act(catalog, replace(current, stack=()), occasion, "bring")
    act.provide(layers)
    return act.done(current, f"bring {', '.join(layers)}")


def package(catalog: Catalog, machine: str, role: str, version: str, occasion: Occasion) -> Change:
    """What a machine has changed since its role's layers, as a new version after the machine's own one.

    Of a spare machine: the first version of a new role. The machine goes on as it is, in a new copy.

    Raises:
        Refused: the machine has another role, a later version exists already, there is nothing to package, or a name that no
            role or version can have.
    """
    current = catalog.machine(machine)
    _check_names(role, (version,))
    if not current.stack:
        raise StillSpare(machine)
    found = catalog.roles.get(role)
    declared = ""
    if current.role == SPARE:
        if found is not None:
            raise NameTaken("role", role)
        found = Role(role, current.stack[0])
    elif current.role != role or found is None:
        reason = "cannot come after it"
        way_out = f"package it as a version of {current.role}; a spare machine begins a new role"
        raise NotInChain(machine, current.version, current.role, f"{role} {version}", reason, way_out)
    else:
        declared = _after(catalog, found, machine, current.version, version)
    copies = catalog.copies(current.stack)
    layer = declared or layer_name(occasion, role, version)
    if not declared:
        found = replace(found, versions=(*found.versions, Version(version, layer)))
    act = Act(catalog.with_role(found), current, occasion, "package")
    copy = act.new_copy()
    stack = (*current.stack, copy)
    act.switch(stack, current)
    act.step(Verb.MERGE, layers=list(copies), into=layer)
    act.step(Verb.FREEZE, layer=layer)
    act.catalog = act.catalog.with_layers(Layer(layer, LayerKind.VERSION, True, holders=frozenset((machine,))))
    act.made.append(layer)
    change = act.done(replace(current, stack=stack), f"package {machine} as {role} {version}")
    return replace(change, machines=(machine, role_lock(role)))


def _check_names(role: str, versions: Sequence[str]) -> None:
    """Roles are named as in the language, so that a file can name them; versions without blanks, so that a command can."""
    if not _ROLE.fullmatch(role):
        raise BadName("role", role, "letters a to z and A to Z, digits, `_` and `-`, a letter or `_` first; 64 at most")
    for version in versions:
        if not _VERSION.fullmatch(version):
            rule = "letters, digits and any of `._-+~:@`, a letter or digit first; 64 at most"
            raise BadName("version", version, rule)


def role_lock(role: str) -> str:
    """What keeps two operations from adding to one role at once."""
    return f"role {role}"


def _after(catalog: Catalog, role: Role, machine: str, now: str, version: str) -> str:
    """The layer of a version that was declared and not made; empty when it has still to be declared."""
    index = role.index(now)
    after = role.versions[index + 1 :]
    if any(one.name == version for one in role.versions[: index + 1]):
        raise NameTaken("version", f"{role.name} {version}")
    if not after:
        return ""
    if after[0].name == version:
        if catalog.is_made(after[0].layer):
            raise NameTaken("version", f"{role.name} {version}")
        return after[0].layer
    reason = f"cannot come after it: {after[0].name} does"
    raise NotInChain(machine, now, role.name, version, reason, f"upgrade {machine} to {role.versions[-1].name} first")
