"""MAD160 to MAD168: what `madeus check` finds out about what can happen."""

from __future__ import annotations

from madeus.diagnostics.page import Page

_TYPES = """component Web {
  initial place off
  place on
  provide service http at on
  behavior start { transition start: off -> on }
  behavior stop  { transition stop: on -> off }
}

component Client {
  initial place off
  place on
  use service web for start
  behavior start { transition start: off -> on }
}

assembly site {
  web: Web
  c:   Client
  connect c.web to web.http
}
"""
_SERVER = """component Server {
  initial place off
  place ready, on, paused
  behavior start {
    transition install: off -> ready    station fresh
    transition resume:  paused -> ready station again
    transition run:     ready -> on
  }
  behavior pause { transition pause: on -> paused }
}

assembly site { s: Server }

program up for site { push s.start }
"""
_ALONE = """component Web {
  initial place off
  place on
  transition start: off -> on takes 10s..20s
}

assembly site { web: Web }

verify site {
  goal up = web.on
  duration up <= 15s
}
"""

_JOIN = """component Web {
  initial place off
  place on
  provide service http at on
  behavior start { transition start: off -> on }
  behavior stop  { transition stop: on -> off }
}

component Client {
  initial place off
  place on
  use service web for load
  behavior start {
    transition start: off -> on
    transition load:  off -> on
  }
}

assembly site {
  web: Web
  c:   Client
  connect c.web to web.http
}

program go for site { push c.start }

verify site after go { terminates }
"""


def _site(*programs: str, after: str = "go", questions: str = "terminates") -> str:
    """Types, an assembly, programs (``name: step; step``) and a verify block."""
    text = _TYPES
    for program in programs:
        name, _, steps = program.partition(": ")
        text += f"\nprogram {name} for site {{\n" + "".join(f"  {step}\n" for step in steps.split("; ")) + "}\n"
    asked = "".join(f"  {question}\n" for question in questions.split("; "))
    return f"{text}\nverify site after {after} {{\n{asked}}}\n"


_BOTH = "go: push web.start; push c.start; wait all"
_GOAL = "goal up = web.on and c.on; deployable up"

PAGES = (
    Page(
        code="MAD160",
        title="a property that is violated",
        text="""
The property is false, and below it stands a shortest run that shows it: each step in the model's own words, and where the run
stops what waits for what. `madeus check FILE --trace out.html` writes the run as a page to step through.
""",
        wrong=_ALONE,
        mended=_ALONE.replace("15s", "20s"),
        by_checker=True,
    ),
    Page(
        code="MAD161",
        title="a property that nobody knows to hold or not",
        text="""
The budget of time or memory was spent, or no engine that is installed can answer the question. This is never taken for
verified: the exit code is 3. Give more with `--budget` and `--memory`, name another engine with `--engine`, or ask a smaller
question: fewer replicas (`--set n=2`) often show the same fault. The example stands for a model that is too large for
the budget.
""",
        wrong=_site(_BOTH, questions=_GOAL),
        mended=_site(_BOTH, questions=_GOAL),
        by_checker=True,
    ),
    Page(
        code="MAD162",
        title="a property that holds of nothing",
        text="""
The property is true because what it speaks of never happens: the second transition of a `sequence` never fires, the service of
an `available` is never on. That is seldom what was meant.
""",
        wrong=_site(_BOTH, questions="sequence c.start, web.stop"),
        mended=_site(_BOTH, "down: push web.stop", after="go, down", questions="sequence c.start, web.stop"),
        by_checker=True,
    ),
    Page(
        code="MAD163",
        title="a deadlock",
        text="""
There is a run to a point where nothing can move although something is left to do. The notes name, for everything that is stuck,
the port or instruction it waits for, and the circle where there is one.
""",
        wrong=_site("one: push web.start; push c.start", "two: push web.stop", after="one and two"),
        mended=_site("one: push web.start; push c.start", "two: push web.stop", after="one, two"),
        by_checker=True,
    ),
    Page(
        code="MAD164",
        title="two tokens for one place",
        text="""
A place, dock or transition that holds a token may get a second one: two ways into a place are both taken. Transitions that
enter a place together belong in one station (the default), which is entered once, when all of them have ended.
""",
        wrong="""component Web {
  initial place off
  place on
  transition start: off -> on station one
  transition cache: off -> on station other
}

assembly site { web: Web }
""",
        mended="""component Web {
  initial place off
  place on
  transition start: off -> on
  transition cache: off -> on
}

assembly site { web: Web }
""",
        by_checker=True,
    ),
    Page(
        code="MAD165",
        title="a transition that never fires",
        text="""
The transition belongs to a behavior that is executed, and in no run of any verify block of the assembly does it fire: its
place is never reached, or a port it uses is never served when it could be.
""",
        wrong=_SERVER + "\nverify site after up { terminates }\n",
        mended=_SERVER
        + "\nprogram again for site {\n  push s.pause\n  push s.start\n}\n\nverify site after up, again { terminates }\n",
        by_checker=True,
    ),
    Page(
        code="MAD166",
        title="a behavior that never starts",
        text="""
The behavior is pushed, and none of its transitions ever fires: when its turn comes the component is elsewhere. It finishes
at once and does nothing.
""",
        wrong=_site(_BOTH, "down: push web.stop", after="down, go"),
        mended=_site(_BOTH, "down: push web.stop", after="go, down"),
        by_checker=True,
    ),
    Page(
        code="MAD167",
        title="a join that never completes",
        text="""
Several transitions enter a place by one station, which waits for all of them, and in no run do all of them come.
Transitions that are alternatives belong in stations of their own.
""",
        wrong=_JOIN,
        mended=_JOIN.replace("push c.start", "push web.start push c.start"),
        by_checker=True,
    ),
    Page(
        code="MAD168",
        title="a port that is never used",
        text="""
The use port is connected, and in no run of any verify block does anything use it: nothing that it is bound to ever happens.
The connection orders nothing.
""",
        wrong=_site("go: push web.start; wait all"),
        mended=_site(_BOTH),
        by_checker=True,
    ),
)
