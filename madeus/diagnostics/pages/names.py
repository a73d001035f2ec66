"""MAD050 to MAD069: names that nothing has."""

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
_SITE = """
assembly site {
  web:    Web
  client: Client
  connect client.web to web.http
}
"""

PAGES = (
    Page(
        code="MAD050",
        title="an unknown component type",
        text="""
An instance names a component type that neither this file nor one of its imports declares. Names of types are compared
letter by letter, upper and lower case too.
""",
        wrong=_WEB + "\nassembly site {\n  web: Wep\n}\n",
        mended=_WEB + "\nassembly site {\n  web: Web\n}\n",
    ),
    Page(
        code="MAD051",
        title="an unknown place",
        text="""
A transition, a group or a port names a place that the component does not have. Ports may be bound to groups as well;
transitions lead from one single place to another.
""",
        wrong=_WEB.replace("off -> on", "off -> one"),
        mended=_WEB,
    ),
    Page(
        code="MAD052",
        title="an unknown transition",
        text="""
A use port (`for`), a sequence or another question names a transition that the component does not have. A service that
is needed as long as a place is marked is bound with `during`.
""",
        wrong=_CLIENT.replace("for start", "for strat"),
        mended=_CLIENT,
    ),
    Page(
        code="MAD053",
        title="an unknown behavior",
        text="""
A transition (`in`) or a `push` names a behavior that the component does not have. Behaviors are declared by a block,
`behavior update { ... }`, or by their name alone, `behavior update`; `deploy` is always there.
""",
        wrong=_WEB.replace("off -> on", "off -> on in instal").replace(
            "  transition", "  behavior install\n  transition"
        ),
        mended=_WEB.replace("off -> on", "off -> on in install").replace(
            "  transition", "  behavior install\n  transition"
        ),
    ),
    Page(
        code="MAD054",
        title="an unknown port",
        text="A connection or an `available` names a port that the component type of the instance does not have.",
        wrong=_PAIR + _SITE.replace("web.http", "web.https"),
        mended=_PAIR + _SITE,
    ),
    Page(
        code="MAD055",
        title="an unknown instance",
        text="""
Nothing of that name is made in the assembly, or added by one of its programs before it is named. `web[1..3]: Web` makes
`web[1]`, `web[2]` and `web[3]`; `web` alone names them all.
""",
        wrong=_PAIR + _SITE.replace("to web.", "to wep."),
        mended=_PAIR + _SITE,
    ),
    Page(
        code="MAD056",
        title="an unknown assembly",
        text="""
A program (`for`) or a verify block names an assembly that neither this file nor one of its imports declares.
""",
        wrong=_PAIR + _SITE + "\nverify sight {\n  terminates\n}\n",
        mended=_PAIR + _SITE + "\nverify site {\n  terminates\n}\n",
    ),
    Page(
        code="MAD057",
        title="an unknown program",
        text="""
A verify block (`after`) or a rollout names a program that neither this file nor one of its imports declares.
""",
        wrong=_PAIR + _SITE + "\nprogram go for site {\n  wait all\n}\n\nverify site after goo {\n  terminates\n}\n",
        mended=_PAIR + _SITE + "\nprogram go for site {\n  wait all\n}\n\nverify site after go {\n  terminates\n}\n",
    ),
    Page(
        code="MAD058",
        title="an unknown goal",
        text="""
`deployable`, `duration` and their like speak of a goal of the same verify block: `goal up = db.checked and
web.checked`. A goal may be declared after the questions that name it.
""",
        wrong=_PAIR + _SITE + "\nverify site {\n  goal up = web.on\n  deployable ap\n}\n",
        mended=_PAIR + _SITE + "\nverify site {\n  goal up = web.on\n  deployable up\n}\n",
    ),
    Page(
        code="MAD059",
        title="an unknown parameter",
        text="An instance gives a value to a parameter that its component type does not have.",
        wrong="""component Web(port: int = 80) {
  initial place off
  place on
  transition start: off -> on { run "web --port ${port}" }
}

assembly site {
  web: Web(prot = 8080)
}
""",
        mended="""component Web(port: int = 80) {
  initial place off
  place on
  transition start: off -> on { run "web --port ${port}" }
}

assembly site {
  web: Web(port = 8080)
}
""",
    ),
    Page(
        code="MAD060",
        title="an unknown parameter or loop variable",
        text="""
A word in an expression is a parameter of the assembly or the variable of a loop around it. Texts stand in double
quotes.
""",
        wrong=_WEB + "\nassembly site(n: int = 3) {\n  web[1..m]: Web\n}\n".replace("(n: int = 3)", ""),
        mended=_WEB + "\nassembly site(m: int = 3) {\n  web[1..m]: Web\n}\n",
    ),
    Page(
        code="MAD061",
        title="`${...}` names nothing",
        text="""
In an action `${...}` may name a parameter of the component, one of its data use ports (in the transitions it is bound
to), a declared secret, `instance.name`, `host.name`, `host.address` and any other variable of the host, `host.<name>`.
The shell's own `${...}` is written `$${...}`. In an argument it may name parameters and loop variables of the assembly,
and a secret alone.
""",
        wrong='component Web {\n  initial place off\n  place on\n  transition start: off -> on { run "echo ${HOME}" }\n}\n',
        mended='component Web {\n  initial place off\n  place on\n  transition start: off -> on { run "echo $${HOME}" }\n}\n',
    ),
    Page(
        code="MAD062",
        title="an unknown type of values",
        text="Parameters and data ports are of type `string`, `int`, `float`, `bool`, `duration`, `address` or `list`.",
        wrong=_WEB.replace("service http at", "data url: text at"),
        mended=_WEB.replace("service http at", "data url: string at"),
    ),
    Page(
        code="MAD063",
        title="nothing to wait for",
        text="""
`wait` names an instance, until it is idle, or the label of a push of the same program, until that push has finished.
`wait all` waits for every instance.
""",
        wrong=_PAIR + _SITE + "\nprogram go for site {\n  push web.deploy as up\n  wait ap\n}\n",
        mended=_PAIR + _SITE + "\nprogram go for site {\n  push web.deploy as up\n  wait up\n}\n",
    ),
    Page(
        code="MAD064",
        title="an unknown place or port in a formula",
        text="A formula speaks of places (they hold a token) and of provide ports (they are active) of instances.",
        wrong=_PAIR + _SITE + "\nverify site {\n  forbidden web.onn\n}\n",
        mended=_PAIR + _SITE + "\nverify site {\n  forbidden web.on\n}\n",
    ),
    Page(
        code="MAD065",
        title="an action that is nearly a built-in one",
        text="""
The kinds of actions are open: a package of yours may add some. This one is close to a built-in kind, so that a slip is
more likely. The built-in ones are run, script, copy, template, service, package, wait_tcp, wait_http and python.
""",
        wrong='component Web {\n  initial place off\n  place on\n  transition start: off -> on { servise "web" started }\n}\n',
        mended='component Web {\n  initial place off\n  place on\n  transition start: off -> on { service "web" started }\n}\n',
    ),
    Page(
        code="MAD066",
        title="an option that is nearly a common one",
        text="""
Every built-in action takes `timeout`, `retry`, `backoff` and `sensitive`; those that run a command take `user`,
`directory` and `environment` too.
""",
        wrong='component Web {\n  initial place off\n  place on\n  transition start: off -> on { run "web" timout 30s }\n}\n',
        mended='component Web {\n  initial place off\n  place on\n  transition start: off -> on { run "web" timeout 30s }\n}\n',
    ),
    Page(
        code="MAD067",
        title="an unknown setting of a rollout",
        text="""
A rollout may set cluster, representatives, protocol, stages, threshold, failures, test, soak and on_failure.
""",
        wrong=_WEB
        + "\nassembly site {\n  web: Web\n}\n\nprogram go for site {\n  push web.deploy\n}\n"
        + "\nrollout r of program go over fleet {\n  treshold 95%\n}\n",
        mended=_WEB
        + "\nassembly site {\n  web: Web\n}\n\nprogram go for site {\n  push web.deploy\n}\n"
        + "\nrollout r of program go over fleet {\n  threshold 95%\n}\n",
    ),
    Page(
        code="MAD068",
        title="measured durations of something unknown",
        text="""
The entries of a table of durations are named after a type's transition, `"Type.transition"`, or after an instance's,
`"instance.transition"`, with `"assembly/instance.transition"` where two assemblies have an instance of that name.
""",
        wrong=_WEB + '\ndurations "old.json"\n',
        mended=_WEB + '\ndurations "new.json"\n',
        beside=(("old.json", '{ "Web.begin": [1, 2] }\n'), ("new.json", '{ "Web.start": [1, 2] }\n')),
    ),
    Page(
        code="MAD069",
        title="an unknown version of a role",
        text="A version comes after one of the versions of the same role.",
        wrong='role web {\n  base debian12\n  version "2.0"\n  version "2.1" after "2.00"\n}\n',
        mended='role web {\n  base debian12\n  version "2.0"\n  version "2.1" after "2.0"\n}\n',
    ),
)
