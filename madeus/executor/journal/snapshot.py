"""What a run keeps of its surroundings, as JSON and back: the assembly with its programs, the inventory, values of ports."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import MISSING, fields
from pathlib import Path
from typing import Any

from immutables import Map

from madeus.executor.inventory import Host, Inventory
from madeus.model import Assembly, Connection, Program, Value
from madeus.model.codec import FORMAT, NotAModel, from_json, read, to_json
from madeus.semantics import ComponentState, Configuration, Pushed, System
from madeus.semantics.configuration import PortName, linked
from madeus.semantics.step import Produced


def program_to_json(assembly: Assembly, stages: Sequence[Sequence[Program]], begin: Configuration | None = None) -> Any:
    """An assembly and the programs that run on it; begin: where it stands when they begin, for a live one."""
    return {
        "format": FORMAT,
        "assembly": to_json(assembly),
        "stages": [[to_json(program) for program in stage] for stage in stages],
        **({} if begin is None else {"begin": configuration_to_json(begin)}),
    }


def system_from_json(coded: Any) -> System:
    """The system that a run drives. Raises NotAModel."""
    assembly, stages = program_from_json(coded)
    begin = coded.get("begin")
    try:
        return System(assembly, stages, None, None if begin is None else configuration_from_json(begin))
    except ValueError as error:
        raise NotAModel(str(error)) from error


def program_from_json(coded: Any) -> tuple[Assembly, tuple[tuple[Program, ...], ...]]:
    """The inverse. Raises NotAModel."""
    try:
        if coded["format"] != FORMAT:
            raise NotAModel(f"format {coded['format']} of a model, where {FORMAT} is known")
        stages = tuple(tuple(read(Program, program) for program in stage) for stage in coded["stages"])
        return read(Assembly, coded["assembly"]), stages
    except (KeyError, TypeError) as error:
        raise NotAModel(f"no snapshot of a model: {error}") from error


def configuration_to_json(conf: Configuration) -> dict[str, Any]:
    """A configuration without the positions of programs."""
    return {
        "components": {
            name: {
                "type": s.type,
                **{key: sorted(tokens) for key, tokens in zip(_TOKENS, s[1:6], strict=True) if tokens},
                **({"queue": [list(pushed) for pushed in s.queue]} if s.queue else {}),
                **({"held": to_json(s.held)} if s.held else {}),
            }
            for name, s in sorted(conf.components.items())
        },
        "connections": [[c.user, c.use, c.provider, c.provide] for c in conf.connections()],
        "data": [
            [component, port, to_json(value)] for (component, port), value in sorted(conf.data.items(), key=_port)
        ],
    }


def configuration_from_json(coded: Any) -> Configuration:
    """The inverse. Raises NotAModel."""
    try:
        components = {
            str(name): ComponentState(
                str(s["type"]),
                frozenset(s.get("places", ())),
                frozenset(s.get("output_docks", ())),
                frozenset(s.get("running", ())),
                frozenset(s.get("failed", ())),
                frozenset(s.get("input_docks", ())),
                tuple(Pushed(*pushed) for pushed in s.get("queue", ())),
                from_json(s.get("held", [])),
            )
            for name, s in coded["components"].items()
        }
        providers, users = linked([Connection(*ends) for ends in coded["connections"]])
        data: dict[PortName, Value | None] = {(c, port): from_json(value) for c, port, value in coded["data"]}
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise NotAModel(f"no configuration: {error}") from error
    return Configuration(Map(components), providers, users, Map(data))


_TOKENS = ("places", "output_docks", "running", "failed", "input_docks")


def _port(item: tuple[PortName, object]) -> PortName:
    return item[0]


def inventory_to_json(inventory: Inventory) -> Any:
    """An inventory; nothing in it is secret (keys are named by their path)."""
    return {
        "path": str(inventory.path) if inventory.path else None,
        "hosts": [_host_to_json(host) for host in inventory.hosts.values()],
        "groups": {name: list(members) for name, members in inventory.groups.items()},
        "total_limit": inventory.total_limit,
    }


def inventory_from_json(coded: Any) -> Inventory:
    """The inverse. Raises NotAModel."""
    try:
        hosts = [_host_from_json(host) for host in coded["hosts"]]
        return Inventory(
            Path(coded["path"]) if coded["path"] else None,
            {host.name: host for host in hosts},
            {name: tuple(members) for name, members in coded["groups"].items()},
            coded["total_limit"],
        )
    except (KeyError, TypeError) as error:
        raise NotAModel(f"no snapshot of an inventory: {error}") from error


def _host_to_json(host: Host) -> dict[str, Any]:
    coded: dict[str, Any] = {}
    for field in fields(Host):
        value = getattr(host, field.name)
        if field.default is not MISSING and value == field.default:
            continue
        match value:
            case Path():
                coded[field.name] = {"path": str(value)}
            case Host():
                coded[field.name] = {"host": _host_to_json(value)}
            case _:
                coded[field.name] = to_json(value)
    return coded


def _host_from_json(coded: Mapping[str, Any]) -> Host:
    values: dict[str, Any] = {}
    for name, value in coded.items():
        match value:
            case {"path": str(path)}:
                values[name] = Path(path)
            case {"host": dict(host)}:
                values[name] = _host_from_json(host)
            case _:
                values[name] = from_json(value)
    return Host(**values)


def produced_to_text(produced: Produced) -> str | None:
    """Values of data ports as a JSON text; None for none."""
    return json.dumps(to_json(produced), separators=(",", ":")) if produced else None


def produced_from_text(text: str | None) -> Produced:
    """The inverse. Raises NotAModel."""
    if not text:
        return ()
    try:
        pairs = from_json(json.loads(text))
    except ValueError as error:
        raise NotAModel(f"no values of ports: {error}") from error
    if not isinstance(pairs, tuple) or not all(isinstance(p, tuple) and len(p) == 2 for p in pairs):
        raise NotAModel("no values of ports")
    return pairs
