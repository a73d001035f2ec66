"""PNML P/T nets, version 2009 of the grammar (ISO/IEC 15909-2).

Identifiers in PNML are XML names, so nodes are numbered and carry their real name in ``<name>``. The step that a transition
stands for and its interval are tool-specific information, which other tools skip.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from math import inf
from xml.sax.saxutils import escape, quoteattr

from madeus.petri.net import Net, NetError
from madeus.petri.plain import plain

NAMESPACE = "http://www.pnml.org/version-2009/grammar/pnml"
PTNET = "http://www.pnml.org/version-2009/grammar/ptnet"

_NOT_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def to_pnml(net: Net) -> str:
    """The net as a PNML document.

    Raises NetError when an inhibitor arc cannot be expressed with ordinary arcs, or a name has characters that XML has not.
    """
    return "\n".join(_lines(plain(net))) + "\n"


def _lines(net: Net) -> Iterator[str]:
    yield '<?xml version="1.0" encoding="UTF-8"?>'
    yield f'<pnml xmlns="{NAMESPACE}">'
    yield f'  <net id="net" type="{PTNET}">'
    yield f"    {_name(net.name)}"
    yield '    <page id="page">'
    for place, name in enumerate(net.places):
        tokens = net.initial[place]
        marking = f"<initialMarking><text>{tokens}</text></initialMarking>" if tokens else ""
        yield f'      <place id="p{place}">{_name(name)}{marking}</place>'
    for t, name in enumerate(net.transitions):
        yield f'      <transition id="t{t}">{_name(name)}{_specific(net, t)}</transition>'
    arc = 0
    for t in range(len(net.transitions)):
        for source, target, weight in (
            *((f"p{place}", f"t{t}", weight) for place, weight in net.pre[t]),
            *((f"t{t}", f"p{place}", weight) for place, weight in net.post[t]),
        ):
            text = f"><inscription><text>{weight}</text></inscription></arc>" if weight > 1 else "/>"
            yield f'      <arc id="a{arc}" source="{source}" target="{target}"{text}'
            arc += 1
    yield "    </page>"
    yield "  </net>"
    yield "</pnml>"


def _name(name: str) -> str:
    bad = _NOT_XML.search(name)
    if bad:
        raise NetError(f"the name {name!r} has the character {bad.group()!r}, which XML has not")
    return f"<name><text>{escape(name)}</text></name>"


def _specific(net: Net, t: int) -> str:
    step, interval = net.labels[t], net.intervals[t]
    if step is None:
        return ""
    upper = "" if interval.maximum == inf else f' maximum="{interval.maximum!r}"'
    return (
        '<toolspecific tool="madeus" version="1">'
        f'<step xmlns="" name={quoteattr(str(step))} minimum="{interval.minimum!r}"{upper}/></toolspecific>'
    )
