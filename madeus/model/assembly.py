"""Assemblies: instances of component types on hosts, and the connections between their ports."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

from madeus.model.component import ComponentType
from madeus.model.value import Value

LOCAL_HOST = "local"
"""The host of an instance that names none: the machine the controller runs on."""


@dataclass(frozen=True, slots=True)
class Instance:
    """A component of an assembly."""

    name: str
    """Unique in the assembly; a replica is called ``web[2]``."""
    type: str
    """Name of its component type."""
    host: str = LOCAL_HOST
    """Host name of the inventory, or ``group[i]`` for the i-th of a group."""
    arguments: tuple[tuple[str, Value], ...] = ()
    """Value of every parameter of the type, defaults included."""
    layered: bool = False
    """Whether it lives in the layered root of its host (``in layer``): what its transitions do there can be taken back."""


@dataclass(frozen=True, slots=True, order=True)
class Connection:
    """A use port joined to a provide port."""

    user: str
    use: str
    provider: str
    provide: str

    def __str__(self) -> str:
        return f"{self.user}.{self.use} to {self.provider}.{self.provide}"


@dataclass(frozen=True)
class Assembly:
    """Instances and connections before anything has run."""

    name: str
    types: Mapping[str, ComponentType]
    """Component types by name: those of the instances and those a program may add."""
    instances: tuple[Instance, ...] = ()
    connections: tuple[Connection, ...] = ()
    doc: str = field(default="", compare=False)

    @cached_property
    def instance(self) -> dict[str, Instance]:
        """Instances by name."""
        return {i.name: i for i in self.instances}

    def type_of(self, instance: str) -> ComponentType:
        """Component type of an instance. Raises KeyError for an unknown one."""
        return self.types[self.instance[instance].type]
