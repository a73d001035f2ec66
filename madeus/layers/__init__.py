"""Roles, versions, layers and states of machines as values, and what each operation does to them; no input or output."""

from madeus.layers.act import Occasion
from madeus.layers.catalog import SPARE, SYSTEM, Catalog, Machine, Policy, Role, Version
from madeus.layers.change import Change, HostStep, Verb
from madeus.layers.errors import Refused
from madeus.layers.layer import Layer, LayerKind
from madeus.layers.state import State

__all__ = [
    "SPARE",
    "SYSTEM",
    "Catalog",
    "Change",
    "HostStep",
    "Layer",
    "LayerKind",
    "Machine",
    "Occasion",
    "Policy",
    "Refused",
    "Role",
    "State",
    "Verb",
    "Version",
]
