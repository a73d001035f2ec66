"""The net as a JSON value, with the map back to the model."""

from __future__ import annotations

from math import inf
from typing import Any

from madeus.petri.element import Element
from madeus.petri.net import Arcs, Net
from madeus.semantics.step import Step

FORMAT = 1
"""Version of the JSON form."""


def to_json(net: Net, elements: tuple[Element, ...] = ()) -> dict[str, Any]:
    """The net as a JSON value. elements: the model element of each place, where the net is a translation."""
    places = []
    for number, name in enumerate(net.places):
        place: dict[str, Any] = {"name": name, "tokens": net.initial[number]}
        if net.bounds is not None:
            place["bound"] = net.bounds[number]
        if number in net.single:
            place["single"] = True
        if elements:
            place["element"] = {k: str(v) for k, v in elements[number]._asdict().items() if v}
        places.append(place)
    transitions = [
        {
            "name": name,
            "label": _label(net.labels[t]),
            "urgent": net.urgent[t],
            "interval": [
                net.intervals[t].minimum,
                None if net.intervals[t].maximum == inf else net.intervals[t].maximum,
            ],
            "takes": _arcs(net, net.pre[t]),
            "makes": _arcs(net, net.post[t]),
            "reads": _arcs(net, net.read[t]),
            "inhibited_by": _arcs(net, net.inhibit[t]),
        }
        for t, name in enumerate(net.transitions)
    ]
    return {"format": FORMAT, "name": net.name, "places": places, "transitions": transitions}


def _arcs(net: Net, arcs: Arcs) -> dict[str, int]:
    return {net.places[place]: weight for place, weight in arcs}


def _label(step: Step | None) -> dict[str, Any] | None:
    if step is None:
        return None
    words: dict[str, Any] = {k: str(v) for k, v in step._asdict().items() if v and k != "position"}
    if not step.element:
        words["position"] = step.position
    return words
