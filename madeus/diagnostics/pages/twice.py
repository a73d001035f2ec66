"""MAD070 to MAD083: names given twice, and names never used."""

from __future__ import annotations

from madeus.diagnostics.page import Page

_IDLE = "component Idle {\n  initial place waiting\n}\n"
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
  use service web any for start
  transition start: off -> on
}
"""
_ACTING = """component Web(port: int = 80) {
  initial place off
  place on
  transition start: off -> on { run "web --port ${port}" }
}
"""

PAGES = (
    Page(
        code="MAD070",
        title="a declaration given twice",
        text="Two component types, assemblies, programs, secrets, rollouts or roles of one file have the same name.",
        wrong=_IDLE + "\n" + _IDLE,
        mended=_IDLE + "\n" + _IDLE.replace("Idle", "Lazy"),
    ),
    Page(
        code="MAD071",
        title="a name that two files declare",
        text="""
A file and everything it imports, directly or not, make one model, in which each name stands for one thing. Rename one
of the two.
""",
        wrong='import "other.madeus"\n\n' + _IDLE,
        mended='import "other.madeus"\n\n' + _IDLE.replace("Idle", "Lazy"),
        beside=(("other.madeus", _IDLE),),
    ),
    Page(
        code="MAD072",
        title="a member of a component given twice",
        text="""
The places and groups of a component share their names, its use and provide ports do, and so do its transitions and its
behaviors among themselves. A transition of several behaviors is written once: `transition t: a -> b in first, second`.
A data use port and a parameter of one name are not told apart by `${name}`.
""",
        wrong="component Web {\n  initial place off\n  place on, off\n  transition start: off -> on\n}\n",
        mended="component Web {\n  initial place off\n  place on\n  transition start: off -> on\n}\n",
    ),
    Page(
        code="MAD073",
        title="a parameter given twice",
        text="Two parameters of a component type or an assembly have the same name.",
        wrong=_ACTING.replace("port: int = 80", "port: int = 80, port: int = 81"),
        mended=_ACTING,
    ),
    Page(
        code="MAD074",
        title="two instances of one name",
        text="""
Each instance of an assembly has a name of its own. In a loop each turn makes another one: `web[i]`. An instance `web`
and replicas `web[1]`, `web[2]` do not go together.
""",
        wrong=_WEB + "\nassembly site {\n  web: Web\n  web: Web\n}\n",
        mended=_WEB + "\nassembly site {\n  web[1..2]: Web\n}\n",
    ),
    Page(
        code="MAD075",
        title="a connection made twice",
        text="The same two ports are connected already, maybe because a name stands for all of its replicas.",
        wrong=_WEB
        + _CLIENT
        + "\nassembly site {\n  web: Web\n  c:   Client\n  connect c.web to web.http\n  connect c.web to web.http\n}\n",
        mended=_WEB + _CLIENT + "\nassembly site {\n  web: Web\n  c:   Client\n  connect c.web to web.http\n}\n",
    ),
    Page(
        code="MAD076",
        title="two goals of one name",
        text="A verify block has two goals of the same name; those inside of `with failures` count too.",
        wrong=_WEB
        + "\nassembly s {\n  w: Web\n}\n\nverify s {\n  goal up = w.on\n  goal up = w.http\n  deployable up\n}\n",
        mended=_WEB + "\nassembly s {\n  w: Web\n}\n\nverify s {\n  goal up = w.on\n  deployable up\n}\n",
    ),
    Page(
        code="MAD077",
        title="a label given twice",
        text="""
Two pushes of a program have the same label, or a label is the name of an instance: `wait` could mean either.
""",
        wrong=_WEB
        + "\nassembly s {\n  w[1..2]: Web\n}\n\nprogram go for s {\n  push w[1].deploy as up\n"
        + "  push w[2].deploy as up\n  wait up\n}\n",
        mended=_WEB
        + "\nassembly s {\n  w[1..2]: Web\n}\n\nprogram go for s {\n  push w[1].deploy as up\n"
        + "  push w[2].deploy as up2\n  wait up\n}\n",
    ),
    Page(
        code="MAD078",
        title="a value given twice",
        text="""
An argument, an option of an action, a key of a map, a setting of a rollout or a version of a role stands there twice.
""",
        wrong=_ACTING + "\nassembly site {\n  web: Web(port = 80, port = 81)\n}\n",
        mended=_ACTING + "\nassembly site {\n  web: Web(port = 81)\n}\n",
    ),
    Page(
        code="MAD079",
        title="a name twice in a list",
        text="A list of places, transitions, behaviors, stations, instances or programs names one of them twice.",
        wrong=_WEB.replace("at on", "at on, on"),
        mended=_WEB,
    ),
    Page(
        code="MAD080",
        title="a loop variable that hides another",
        text="The variable of a loop has the name of a parameter or of the variable of a loop around it.",
        wrong=_WEB + "\nassembly site(n: int = 2) {\n  for n in 1..n {\n    web[n]: Web\n  }\n}\n",
        mended=_WEB + "\nassembly site(n: int = 2) {\n  for i in 1..n {\n    web[i]: Web\n  }\n}\n",
    ),
    Page(
        code="MAD081",
        title="a parameter that nothing reads",
        text="""
A parameter is read as `${name}` in an action, by a default of another parameter, or in the expressions of an assembly.
Nothing is said where an action such as `template` may read it by itself.
""",
        wrong=_ACTING.replace("${port}", "80"),
        mended=_ACTING,
    ),
    Page(
        code="MAD082",
        title="a secret that nothing reads",
        text="A secret is read as `${name}` in an action, or given to a parameter as the argument `${name}`.",
        wrong="secret password\n\n" + _IDLE,
        mended=_IDLE,
    ),
    Page(
        code="MAD083",
        title="a data port that nothing reads",
        text="""
The transitions a data use port is bound to have actions, and none of them reads its value. If only the order matters,
use a service.
""",
        wrong="""component Web {
  initial place off
  place on
  use data db: address for start
  transition start: off -> on { run "web" }
}
""",
        mended="""component Web {
  initial place off
  place on
  use data db: address for start
  transition start: off -> on { run "web --db ${db}" }
}
""",
    ),
)
