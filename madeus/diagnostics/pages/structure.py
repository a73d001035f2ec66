"""MAD110 to MAD127: life cycles that cannot work, replicas, connections and circular waits."""

from __future__ import annotations

from madeus.diagnostics.page import Page

_WEB = """component Web {
  initial place off
  place on
  provide service http at on
  transition start: off -> on
}
"""
_CLIENT = """component Client {
  initial place off
  place on
  use service web for start
  transition start: off -> on
}
"""
_PAIR = _WEB + "\n" + _CLIENT
_NEEDING = """component Peer {
  initial place off
  place half, on
  group up = half, on
  provide service first at up
  provide service second at on
  use service other for prepare
  transition prepare: off -> half
  transition start: half -> on
}
"""

PAGES = (
    Page(
        code="MAD110",
        title="no initial place",
        text="""
An instance begins with a token on each of its initial places; a component without one could never do anything.
""",
        wrong=_WEB.replace("initial place", "place"),
        mended=_WEB,
    ),
    Page(
        code="MAD111",
        title="a place that is never reached",
        text="""
No path of transitions, of whatever behaviors, leads from an initial place to this one. Places behind it are not
reported again.
""",
        wrong=_WEB.replace("place on", "place on, lost"),
        mended=_WEB,
    ),
    Page(
        code="MAD112",
        title="a behavior that can never start",
        text="""
The behavior has no transitions, or all of them leave places that are never reached: to push it would do nothing.
""",
        wrong=_WEB.replace("  transition", "  behavior repair\n  transition"),
        mended=_WEB.replace("  transition", "  behavior repair { transition mend: on -> off }\n  transition"),
    ),
    Page(
        code="MAD113",
        title="a station on two places",
        text="""
A station is where transitions that enter one place wait for each other, so it belongs to one place.
""",
        wrong="""component Web {
  initial place off
  place one, two
  transition first: off -> one station done
  transition second: off -> two station done
}
""",
        mended="""component Web {
  initial place off
  place one, two
  transition first: off -> one station done
  transition second: off -> two station done-too
}
""",
    ),
    Page(
        code="MAD114",
        title="a join that never completes",
        text="""
All transitions of one behavior that enter a place by the same station wait for each other. Here some of them are never
taken in the same execution of the behavior, so the others wait for ever. Transitions without a station share the
default one of their place: when each of them is meant to be enough, give each a station of its own.
""",
        wrong="""component Server {
  initial place undeployed
  place allocated, running
  behavior install {
    transition allocate: undeployed -> allocated
    transition resume: allocated -> running
    transition restart: running -> allocated
  }
}
""".replace("    transition restart: running -> allocated\n", "    transition restart: maintenance -> allocated\n")
        .replace("allocated, running", "allocated, running, maintenance")
        .replace("  }\n}\n", "  }\n  behavior suspend { transition suspend: running -> maintenance }\n}\n"),
        mended="""component Server {
  initial place undeployed
  place allocated, running, maintenance
  behavior install {
    transition allocate: undeployed -> allocated station fresh
    transition resume: allocated -> running
    transition restart: maintenance -> allocated station resumed
  }
  behavior suspend { transition suspend: running -> maintenance }
}
""",
    ),
    Page(
        code="MAD115",
        title="a service needed during an initial place",
        text="""
An initial place is marked in the moment that the instance is made, when nothing is connected yet. The service could
never be there in time.
""",
        wrong=_CLIENT.replace("for start", "during off"),
        mended=_CLIENT.replace("for start", "during on"),
    ),
    Page(
        code="MAD116",
        title="an interval whose minimum is above its maximum",
        text="""
`takes 2s..10s` is at least two and at most ten seconds; `takes 5s..` has no upper bound, `takes 5s` is exactly that.
""",
        wrong=_WEB.replace("off -> on", "off -> on takes 10s..2s"),
        mended=_WEB.replace("off -> on", "off -> on takes 2s..10s"),
    ),
    Page(
        code="MAD117",
        title="an action in a place",
        text="""
Transitions do things, places hold. A place may have a `probe`, an action that only looks whether it really holds.
""",
        wrong=_WEB.replace("place on", 'place on { run "web --check" }'),
        mended=_WEB.replace("place on", 'place on { probe run "web --check" }'),
    ),
    Page(
        code="MAD118",
        title="two probes",
        text="A place or a transition has one probe. A command may look at several things.",
        wrong=_WEB.replace("place on", 'place on {\n    probe run "web --check"\n    probe wait_tcp port 80\n  }'),
        mended=_WEB.replace("place on", 'place on { probe run "web --check && nc -z 127.0.0.1 80" }'),
    ),
    Page(
        code="MAD119",
        title="a probe that gives values",
        text="""
A probe looks whether a place or a transition's work still holds: it succeeds or not, and nothing takes what it prints.
""",
        wrong=_WEB.replace("place on", 'place on { probe run "pidof web" -> pid }'),
        mended=_WEB.replace("place on", 'place on { probe run "pidof web" }'),
    ),
    Page(
        code="MAD120",
        title="a use port that is connected to nothing",
        text="""
A use port needs at least one connection unless it is `optional`. When a program of the assembly connects it this is a
warning: until then whatever needs the port waits.
""",
        wrong=_PAIR + "\nassembly site {\n  web: Web\n  c:   Client\n}\n",
        mended=_PAIR + "\nassembly site {\n  web: Web\n  c:   Client\n  connect c.web to web.http\n}\n",
    ),
    Page(
        code="MAD121",
        title="a use port with too many connections",
        text="""
A use port takes exactly one connection unless it says `any` (one active provider is enough) or `all` (every one has to
be active). A name without an index stands for all replicas.
""",
        wrong=_PAIR + "\nassembly site {\n  web[1..2]: Web\n  c: Client\n  connect c.web to web.http\n}\n",
        mended=_WEB
        + "\n"
        + _CLIENT.replace("service web for", "service web any for")
        + "\nassembly site {\n  web[1..2]: Web\n  c: Client\n  connect c.web to web.http\n}\n",
    ),
    Page(
        code="MAD122",
        title="an empty range",
        text="""
Replicas and loops with literal bounds run over at least one number; both ends count. A loop whose bounds depend on
parameters may be empty, replicas may not.
""",
        wrong=_WEB + "\nassembly site {\n  web[3..1]: Web\n}\n",
        mended=_WEB + "\nassembly site {\n  web[1..3]: Web\n}\n",
    ),
    Page(
        code="MAD123",
        title="more than can be handled",
        text="""
An assembly has at most 100,000 instances and 500,000 connections, and its loops at most as many turns. A bound is most
likely mistyped.
""",
        wrong=_WEB + "\nassembly site {\n  web[1..10000000000]: Web\n}\n",
        mended=_WEB + "\nassembly site {\n  web[1..10]: Web\n}\n",
    ),
    Page(
        code="MAD124",
        title="replicas and hosts that differ in number",
        text="""
`web[1..3]: Web on app[1..3]` puts each replica on a host of its own, so both ranges have the same number. `web: Web on
app[1..3]` makes as many replicas as hosts.
""",
        wrong=_WEB + "\nassembly site {\n  web[1..3]: Web on app[1..2]\n}\n",
        mended=_WEB + "\nassembly site {\n  web[1..3]: Web on app[1..3]\n}\n",
    ),
    Page(
        code="MAD125",
        title="a negative index",
        text="Replicas are numbered from 0 or from 1 on.",
        wrong=_WEB + "\nassembly site {\n  for i in 1..3 {\n    web[i - 2]: Web\n  }\n}\n",
        mended=_WEB + "\nassembly site {\n  for i in 1..3 {\n    web[i - 1]: Web\n  }\n}\n",
    ),
    Page(
        code="MAD126",
        title="components that wait for each other for ever",
        text="""
Each of these transitions waits for a service or a value that only comes up after the next one, and so round in a
circle. This is certain before any run: the deployment stops here. Let one of them start without the other, for example
by binding its port to a later transition.
""",
        wrong=_NEEDING
        + "\nassembly site {\n  a: Peer\n  b: Peer\n  connect a.other to b.first\n  connect b.other to a.first\n}\n",
        mended=_NEEDING.replace("for prepare", "for start")
        + "\nassembly site {\n  a: Peer\n  b: Peer\n  connect a.other to b.first\n  connect b.other to a.first\n}\n",
    ),
    Page(
        code="MAD127",
        title="a port that never serves",
        text="""
The deployment needs a port whose places are not all reached by the provider's behavior `deploy`, or are left again by
it: a service that is about to go off refuses new users. Without a program that pushes another behavior the user waits
for ever. Bind the port to the place where the behavior ends, or to a group of places that it stays in.
""",
        wrong=_WEB.replace("place on", "place half, on").replace(
            "start: off -> on", "prepare: off -> half\n  behavior go { transition start: half -> on }"
        )
        + "\n"
        + _CLIENT
        + "\nassembly site {\n  web: Web\n  c:   Client\n  connect c.web to web.http\n}\n",
        mended=_WEB.replace("place on", "place half, on").replace(
            "start: off -> on", "prepare: off -> half\n  transition start: half -> on"
        )
        + "\n"
        + _CLIENT
        + "\nassembly site {\n  web: Web\n  c:   Client\n  connect c.web to web.http\n}\n",
    ),
)
