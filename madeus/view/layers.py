"""Layers of a component type's places, the first step of a layered drawing (Sugiyama, Tagawa and Toda 1981)."""

from __future__ import annotations

from collections import deque

from madeus.model import ComponentType


def backward(kind: ComponentType) -> frozenset[str]:
    """Transitions that lead back to where a life cycle came from: drawn upwards.

    Depth-first search from the initial places, in order of declaration; what closes a cycle is backward.
    """
    leaving: dict[str, list[tuple[str, str]]] = {p.name: [] for p in kind.places}
    for t in kind.transitions:
        leaving[t.source].append((t.name, t.destination))
    found: set[str] = set()
    on_path: set[str] = set()
    done: set[str] = set()
    for root in (*kind.initial_places, *leaving):
        pending = [(root, 0)]
        while pending:
            place, at = pending.pop()
            if at == 0:
                if place in done:
                    continue
                on_path.add(place)
            if at < len(leaving[place]):
                name, destination = leaving[place][at]
                pending.append((place, at + 1))
                if destination in on_path:
                    found.add(name)
                elif destination not in done:
                    pending.append((destination, 0))
            else:
                on_path.discard(place)
                done.add(place)
    return frozenset(found)


def layers(kind: ComponentType) -> dict[str, int]:
    """Layer of each place, from 0 down: the longest way to it over transitions that are not backward."""
    back = backward(kind)
    missing = dict.fromkeys((p.name for p in kind.places), 0)
    forward: dict[str, list[str]] = {place: [] for place in missing}
    for t in kind.transitions:
        if t.name not in back:
            forward[t.source].append(t.destination)
            missing[t.destination] += 1
    layer = dict.fromkeys(missing, 0)
    ready = deque(name for name, count in missing.items() if count == 0)
    while ready:
        place = ready.popleft()
        for destination in forward[place]:
            layer[destination] = max(layer[destination], layer[place] + 1)
            missing[destination] -= 1
            if missing[destination] == 0:
                ready.append(destination)
    return layer
