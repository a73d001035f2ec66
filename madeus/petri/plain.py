"""Nets for tools that know less: the same behavior with clashes, inhibitor arcs or read arcs spelled out as ordinary arcs."""

from __future__ import annotations

from dataclasses import replace

from madeus.petri.net import Arcs, Net, NetBuilder, NetError

CLASH = "clash"
"""Name of the place that is marked once a second token has come to a place of ``Net.single``."""


def without_clashes(net: Net) -> Net:
    """The net with ``single`` spelled out: a step that brings a second token marks the place ``clash`` instead, and stops all.

    The net itself when no place is single.
    """
    if not net.single:
        return net
    builder = NetBuilder(net.name)
    for place, name in enumerate(net.places):
        builder.place(name, net.initial[place])
    clash = builder.place(_free_name(CLASH, net.places))
    names = set(net.transitions)
    for t, name in enumerate(net.transitions):
        taken = {place for place, _ in net.pre[t]}
        meeting = [place for place, _ in net.post[t] if place in net.single and place not in taken]
        running = _with_inhibitors(net.inhibit[t], clash)
        _copy(builder, net, t, name, net.post[t], net.read[t], _with_inhibitors(running, *meeting))
        for number, place in enumerate(meeting):
            copy = _free_name(f"{name} !{number + 1}", names)
            names.add(copy)
            read = tuple({**dict(net.read[t]), place: max(1, dict(net.read[t]).get(place, 0))}.items())
            _copy(builder, net, t, copy, ((clash, 1),), read, _with_inhibitors(running, *meeting[:number]))
    bounds = None
    if net.bounds is not None:
        bounds = [min(b, 1) if p in net.single else b for p, b in enumerate(net.bounds)] + [1]
    return builder.build(bounds)


def without_inhibitors(net: Net) -> Net:
    """The net with read arcs from complement places for its inhibitor arcs.

    Raises NetError when an inhibiting place has no known bound: then no ordinary net says the same.
    """
    net = without_clashes(net)
    inhibiting = sorted({place for arcs in net.inhibit for place, _ in arcs})
    if not inhibiting:
        return net
    if net.bounds is None:
        raise NetError(
            f"place {net.places[inhibiting[0]]} has an inhibitor arc and no known bound; only ordinary arcs are possible here"
        )
    bounds = list(net.bounds)
    names, initial = list(net.places), list(net.initial)
    complement: dict[int, int] = {}
    for place in inhibiting:
        complement[place] = len(names)
        names.append(_free_name(f"not {net.places[place]}", net.places))
        initial.append(bounds[place] - net.initial[place])
        bounds.append(bounds[place])
    pre, post, read = list(net.pre), list(net.post), list(net.read)
    for t in range(len(net.transitions)):
        change = dict(net.post[t])
        for place, weight in net.pre[t]:
            change[place] = change.get(place, 0) - weight
        changes = [(complement[place], c) for place, c in change.items() if c and place in complement]
        pre[t] += tuple((place, c) for place, c in changes if c > 0)
        post[t] += tuple((place, -c) for place, c in changes if c < 0)
        # A weight above the bound never inhibits.
        asked = ((complement[place], bounds[place] - weight + 1) for place, weight in net.inhibit[t])
        read[t] += tuple((place, weight) for place, weight in asked if weight > 0)
    return replace(
        net,
        places=tuple(names),
        initial=tuple(initial),
        pre=tuple(pre),
        post=tuple(post),
        read=tuple(read),
        inhibit=((),) * len(net.transitions),
        bounds=tuple(bounds),
    )


def plain(net: Net) -> Net:
    """The net with ordinary arcs only. Raises NetError as ``without_inhibitors`` does.

    A read arc becomes a loop: the same interleavings, though two readers of one token no longer fire at the very same time.
    """
    net = without_inhibitors(net)
    pre, post = list(net.pre), list(net.post)
    for t, arcs in enumerate(net.read):
        if arcs:
            takes, makes = dict(net.pre[t]), dict(net.post[t])
            for place, weight in arcs:
                more = max(0, weight - takes.get(place, 0))
                if more:
                    takes[place] = takes.get(place, 0) + more
                    makes[place] = makes.get(place, 0) + more
            pre[t], post[t] = tuple(takes.items()), tuple(makes.items())
    return replace(net, pre=tuple(pre), post=tuple(post), read=((),) * len(net.transitions))


def _copy(builder: NetBuilder, net: Net, t: int, name: str, post: Arcs, read: Arcs, inhibit: Arcs) -> None:
    builder.transition(
        name,
        net.pre[t],
        post,
        read,
        inhibit,
        label=net.labels[t],
        urgent=net.urgent[t],
        interval=net.intervals[t],
    )


def _with_inhibitors(arcs: Arcs, *places: int) -> Arcs:
    return tuple({**dict(arcs), **dict.fromkeys(places, 1)}.items())


def _free_name(name: str, taken: tuple[str, ...] | set[str]) -> str:
    while name in taken:
        name += "'"
    return name
