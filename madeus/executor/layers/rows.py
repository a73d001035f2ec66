"""The catalog as rows of a table and back. Operations on different machines change different rows."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, replace
from typing import Any

from madeus.layers import Catalog, HostStep, Layer, LayerKind, Machine, Policy, Role, State, Verb, Version

Key = tuple[str, str]
"""Kind and name of a row."""

Rows = dict[Key, str]


def rows_of(catalog: Catalog) -> Rows:
    """One row for each machine, role, state and layer, and for each copy of a layer."""
    rows: Rows = {}
    for machine in catalog.machines.values():
        rows[("machine", machine.name)] = _text(asdict(machine))
    for role in catalog.roles.values():
        rows[("role", role.name)] = _text(asdict(role))
    for state in catalog.states.values():
        rows[("state", state.name)] = _text(asdict(state))
    for layer in catalog.layers.values():
        rows[("layer", layer.id)] = _text({"kind": layer.kind, "frozen": layer.frozen, "source": layer.source})
        for holder in layer.holders:
            rows[("copy", _text([layer.id, holder]))] = ""
    return rows


def catalog_of(rows: Iterable[tuple[str, str, str]]) -> Catalog:
    """The catalog that rows (kind, name, body) stand for."""
    catalog = Catalog()
    machines, roles, layers, states = dict(catalog.machines), dict(catalog.roles), dict(catalog.layers), {}
    holders: dict[str, set[str]] = {}
    for kind, name, body in rows:
        if kind == "copy":
            layer, holder = json.loads(name)
            holders.setdefault(layer, set()).add(holder)
            continue
        data = json.loads(body)
        if kind == "machine":
            machines[name] = Machine(**{**data, "stack": tuple(data["stack"])})
        elif kind == "role":
            roles[name] = _role(data)
        elif kind == "state":
            state = State(**{**data, "stack": tuple(data["stack"])})
            states[(state.machine, state.number)] = state
        else:
            layers[name] = Layer(name, LayerKind(data["kind"]), data["frozen"], data["source"])
    for name, held in holders.items():
        layers[name] = replace(layers[name], holders=frozenset(held))
    return Catalog(machines, roles, layers, states)


def difference(before: Catalog, after: Catalog) -> tuple[Rows, list[Key]]:
    """Rows to write and rows to take away, to come from one catalog to another.

    What both catalogs have in common, the very objects, is not looked at: an operation changes few of many.
    """
    old, new = rows_of(_without(before, after)), rows_of(_without(after, before))
    return {key: body for key, body in new.items() if old.get(key) != body}, [key for key in old if key not in new]


def _without(catalog: Catalog, other: Catalog) -> Catalog:
    """What a catalog has and another one does not have as well."""
    return Catalog(
        {name: one for name, one in catalog.machines.items() if other.machines.get(name) is not one},
        {name: one for name, one in catalog.roles.items() if other.roles.get(name) is not one},
        {name: one for name, one in catalog.layers.items() if other.layers.get(name) is not one},
        {name: one for name, one in catalog.states.items() if other.states.get(name) is not one},
    )


def step_to_json(step: HostStep) -> dict[str, Any]:
    """A host step as JSON."""
    return {"machine": step.machine, "verb": str(step.verb), "arguments": dict(step.arguments)}


def step_from_json(data: Mapping[str, Any]) -> HostStep:
    """A host step of JSON."""
    return HostStep(data["machine"], Verb(data["verb"]), data["arguments"])


def _role(data: dict[str, Any]) -> Role:
    return Role(
        data["name"],
        data["base"],
        tuple(Version(**version) for version in data["versions"]),
        tuple(data["persistent"]),
        tuple(data["services"]),
        tuple(Policy(**policy) for policy in data["policies"]),
        data.get("lingering", "restart"),
    )


def _text(data: Any) -> str:
    return json.dumps(data, sort_keys=True)
