"""Petri nets: the datatype, the translation of systems to nets, structure, reductions, formats."""

from madeus.petri.element import Element, ElementKind
from madeus.petri.net import NOW, Arc, Arcs, Marking, Net, NetBuilder, NetError, validate
from madeus.petri.plain import plain, without_clashes, without_inhibitors
from madeus.petri.reachability import ReachabilityGraph, TooManyMarkings, reachability_graph
from madeus.petri.translate import Translation, TranslationError, translate

__all__ = [
    "NOW",
    "Arc",
    "Arcs",
    "Element",
    "ElementKind",
    "Marking",
    "Net",
    "NetBuilder",
    "NetError",
    "ReachabilityGraph",
    "TooManyMarkings",
    "Translation",
    "TranslationError",
    "plain",
    "reachability_graph",
    "translate",
    "validate",
    "without_clashes",
    "without_inhibitors",
]
