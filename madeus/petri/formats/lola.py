"""LoLA's low-level nets (LoLA 2, "PLACE ... MARKING ... TRANSITION ... CONSUME ... PRODUCE ...")."""

from __future__ import annotations

from collections.abc import Iterable

from madeus.petri.formats.names import LOLA
from madeus.petri.net import Arcs, Net
from madeus.petri.plain import plain


def to_lola(net: Net) -> str:
    """The net as LoLA reads it; intervals are left out, since LoLA knows no time.

    Raises NetError when an inhibitor arc cannot be expressed with ordinary arcs.
    """
    net = plain(net)
    names = [LOLA.encode(name) for name in net.places]
    lines = ["PLACE"]
    for bound, places in _by_bound(net, names):
        safe = f"  SAFE {bound}: " if bound else "  "
        lines.append(safe + ", ".join(places) + ";")
    marked = [names[p] if tokens == 1 else f"{names[p]}: {tokens}" for p, tokens in enumerate(net.initial) if tokens]
    lines += ["", "MARKING", "  " + ", ".join(marked) + ";"]
    for t, name in enumerate(net.transitions):
        lines += ["", f"TRANSITION {LOLA.encode(name)}"]
        lines.append(f"  CONSUME {_arcs(net.pre[t], names)};")
        lines.append(f"  PRODUCE {_arcs(net.post[t], names)};")
    return "\n".join(lines) + "\n"


def _by_bound(net: Net, names: list[str]) -> Iterable[tuple[int, list[str]]]:
    if net.bounds is None:
        return [(0, names)]
    groups: dict[int, list[str]] = {}
    for place, bound in enumerate(net.bounds):
        groups.setdefault(max(1, bound), []).append(names[place])
    return sorted(groups.items())


def _arcs(arcs: Arcs, names: list[str]) -> str:
    return ", ".join(f"{names[place]}: {weight}" for place, weight in arcs)
