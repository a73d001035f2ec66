"""MAD085 to MAD104: values, and the kinds and types of ports."""

from __future__ import annotations

from madeus.diagnostics.page import Page

_WEB = """component Web(port: int) {
  initial place off
  place on
  transition start: off -> on { run "web --port ${port}" }
}
"""
_DB = """component Db {
  initial place off
  place on
  provide data ip: address at on
  provide service sql at on
  transition start: off -> on { run "hostname -i" -> ip }
}
"""
_APP = """component App {
  initial place off
  place on
  use data db_ip: address optional for start
  use service db optional for start
  transition start: off -> on { run "app ${db_ip}" }
}
"""
_PAIR = _DB + "\n" + _APP
_SITE = "\nassembly site {\n  db:  Db\n  app: App\n  connect app.db to db.sql\n}\n"
_PLAIN = """component Db {
  initial place off
  place on
  provide data ip: address at on
  transition start: off -> on
}
"""
_USER = """component App {
  initial place off
  place on
  use data db_ip: address for start
  transition start: off -> on
}
"""

PAGES = (
    Page(
        code="MAD085",
        title="a value of the wrong type",
        text="""
A default or an argument is not of the parameter's type. A whole number is a float too; a time carries its unit and is
no number; texts and addresses stand in double quotes.
""",
        wrong=_WEB + '\nassembly site {\n  web: Web(port = "80")\n}\n',
        mended=_WEB + "\nassembly site {\n  web: Web(port = 80)\n}\n",
    ),
    Page(
        code="MAD086",
        title="a missing argument",
        text="A parameter without a default gets its value where an instance is made.",
        wrong=_WEB + "\nassembly site {\n  web: Web\n}\n",
        mended=_WEB + "\nassembly site {\n  web: Web(port = 80)\n}\n",
    ),
    Page(
        code="MAD087",
        title="a number is needed",
        text="""
`+`, `-` and `*` work on numbers; bounds of ranges, indices, numbers of failures and of transitions are whole ones.
""",
        wrong=_WEB + '\nassembly site {\n  web[1.."3"]: Web(port = 80)\n}\n',
        mended=_WEB + "\nassembly site {\n  web[1..3]: Web(port = 80)\n}\n",
    ),
    Page(
        code="MAD088",
        title="a value that an option does not take",
        text="""
`timeout`, `within` and `backoff` take a time, `retry` a whole number, `user` and `directory` a text, `environment` a
map, and `sensitive` nothing or a truth value.
""",
        wrong='component Web {\n  initial place off\n  place on\n  transition start: off -> on { run "web" retry 5s }\n}\n',
        mended='component Web {\n  initial place off\n  place on\n  transition start: off -> on { run "web" retry 5 }\n}\n',
    ),
    Page(
        code="MAD089",
        title="a number that is too large",
        text="The result of `+`, `-` or `*` lies beyond 10^18, where the language stops to count.",
        wrong=_WEB + "\nassembly site {\n  web: Web(port = 1000000000 * 1000000000 * 1000)\n}\n",
        mended=_WEB + "\nassembly site {\n  web: Web(port = 8 * 1000)\n}\n",
    ),
    Page(
        code="MAD090",
        title="parameters that need each other",
        text="A default may read other parameters, but not in a circle.",
        wrong=_WEB + "\nassembly site(n: int = m, m: int = n) {\n  web[1..n]: Web(port = m)\n}\n",
        mended=_WEB + "\nassembly site(n: int = m, m: int = 4) {\n  web[1..n]: Web(port = m)\n}\n",
    ),
    Page(
        code="MAD091",
        title="a parameter of an assembly without a value",
        text="""
A parameter of an assembly has a default, or gets its value from outside, by a setting such as `site.n=3`.
""",
        wrong=_WEB + "\nassembly site(n: int) {\n  web[1..n]: Web(port = 80)\n}\n",
        mended=_WEB + "\nassembly site(n: int = 3) {\n  web[1..n]: Web(port = 80)\n}\n",
    ),
    Page(
        code="MAD092",
        title="a setting that fits nothing",
        text="""
A setting from outside, `site.n=3` or `n=3`, names a parameter of an assembly and gives it a value of its type. Lists
are parted by commas, times carry their unit.
""",
        wrong=_WEB + "\nassembly site(n: int = 3) {\n  web[1..n]: Web(port = 80)\n}\n",
        mended=_WEB + "\nassembly site(n: int = 3) {\n  web[1..n]: Web(port = 80)\n}\n",
        settings=(("site.n", "three"),),
    ),
    Page(
        code="MAD095",
        title="data connected to a service",
        text="""
A connection joins two data ports or two services. Data is produced once and stays; a service is active as long as its
places hold their tokens.
""",
        wrong=_PAIR + _SITE.replace("db.sql", "db.ip"),
        mended=_PAIR + _SITE,
    ),
    Page(
        code="MAD096",
        title="a port of the wrong direction",
        text="""
`connect` names the use port first and the provide port second. Formulas and `available` speak of provide ports.
""",
        wrong=_PAIR + _SITE.replace("app.db to db.sql", "db.sql to app.db"),
        mended=_PAIR + _SITE,
    ),
    Page(
        code="MAD097",
        title="data of another type",
        text="The two data ports of a connection are of the same type.",
        wrong=_DB
        + "\n"
        + _APP.replace("db_ip: address", "db_ip: int")
        + _SITE.replace("app.db to db.sql", "app.db_ip to db.ip"),
        mended=_PAIR + _SITE.replace("app.db to db.sql", "app.db_ip to db.ip"),
    ),
    Page(
        code="MAD098",
        title="a type missing, or one too many",
        text="""
Data ports say the type of their value, `use data ip: address for start`; services have no value and no type.
""",
        wrong=_PLAIN.replace("data ip: address", "data ip"),
        mended=_PLAIN,
    ),
    Page(
        code="MAD099",
        title="data bound to more than one place",
        text="""
Data is available from the moment that one place is entered, so its port is bound to exactly one, and to no group.
""",
        wrong=_PLAIN.replace("at on", "at off, on"),
        mended=_PLAIN,
    ),
    Page(
        code="MAD100",
        title="data used during a place",
        text="""
Data is read by transitions, so its use port is bound with `for`. Only services are needed `during` a place.
""",
        wrong=_USER.replace("for start", "during on"),
        mended=_USER,
    ),
    Page(
        code="MAD101",
        title="a value captured on the way to another place",
        text="""
A transition produces the data that is bound to the place it leads to: the value becomes available when that place is
entered.
""",
        wrong=_PLAIN.replace("place on\n", "place half, on\n").replace(
            "start: off -> on", 'begin: off -> half { run "hostname -i" -> ip }\n  transition start: half -> on'
        ),
        mended=_PLAIN.replace("place on\n", "place half, on\n").replace(
            "start: off -> on", 'begin: off -> half\n  transition start: half -> on { run "hostname -i" -> ip }'
        ),
    ),
    Page(
        code="MAD102",
        title="a value captured into no data port",
        text="After `->` stand data provide ports of the component, which receive what the action captures.",
        wrong=_DB.replace("-> ip", "-> address"),
        mended=_DB,
    ),
    Page(
        code="MAD103",
        title="two joined transitions that produce the same data",
        text="""
Two transitions of one behavior that enter a place together both capture a value into the same port. Which one ends last
is left to chance, so the value would be too.
""",
        wrong=_DB.replace("  transition", '  transition fetch: off -> on { run "cat address" -> ip }\n  transition'),
        mended=_DB.replace("  transition", '  transition fetch: off -> on { run "cat address" }\n  transition'),
    ),
    Page(
        code="MAD104",
        title="a data port read by a transition it is not bound to",
        text="""
`${port}` reads a data use port in the transitions named by its `for`: only these wait until the value is there.
""",
        wrong="""component App {
  initial place off
  place half, on
  use data ip: address for start
  transition prepare: off -> half { run "ping ${ip}" }
  transition start: half -> on { run "app ${ip}" }
}
""",
        mended="""component App {
  initial place off
  place half, on
  use data ip: address for prepare, start
  transition prepare: off -> half { run "ping ${ip}" }
  transition start: half -> on { run "app ${ip}" }
}
""",
    ),
)
