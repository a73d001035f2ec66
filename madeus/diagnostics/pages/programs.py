"""MAD130 to MAD158: programs, verify blocks, rollouts and roles."""

from __future__ import annotations

from madeus.diagnostics.page import Page

_WEB = """component Web {
  initial place off
  place on
  provide service http at on
  transition start: off -> on
  behavior stop { transition stop: on -> off }
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
_SITE = _PAIR + "\nassembly site {\n  web: Web\n  c:   Client\n  connect c.web to web.http\n}\n"
_REPLICAS = _WEB + "\nassembly site {\n  web[1..3]: Web\n}\n"
_ROLLED = _SITE + "\nprogram go for site {\n  push web.deploy\n}\n\nrollout r of program go over fleet {\n  "


def _program(body: str) -> str:
    return _SITE + "\nprogram go for site {\n" + "".join(f"  {line}\n" for line in body.split("; ")) + "}\n"


def _verify(body: str) -> str:
    return (
        _SITE + "\nverify site {\n  goal up = web.on and c.on\n" + "".join(f"  {b}\n" for b in body.split("; ")) + "}\n"
    )


PAGES = (
    Page(
        code="MAD130",
        title="an instance added that exists",
        text="""
`add` makes an instance that does not exist yet; `delete` takes one away, and its name may be used again.
""",
        wrong=_program("add web: Web"),
        mended=_program("add web2: Web"),
    ),
    Page(
        code="MAD131",
        title="an instance named after it was deleted",
        text="After `delete` nothing can be pushed to the instance, connected to it or waited for.",
        wrong=_program("disconnect c.web from web.http; delete c; push c.deploy"),
        mended=_program("push c.deploy; wait c; disconnect c.web from web.http; delete c"),
    ),
    Page(
        code="MAD132",
        title="an instance deleted while it is connected",
        text="""
`delete` waits until the instance is idle and none of its ports is connected. This connection is never taken away.
""",
        wrong=_program("delete c"),
        mended=_program("disconnect c.web from web.http; delete c"),
    ),
    Page(
        code="MAD133",
        title="a connection taken away that is not there",
        text="""
`disconnect` names a connection of the assembly, or one that a program has made before, the use port first.
""",
        wrong=_program("disconnect c.web from web.http; disconnect c.web from web.http; delete c"),
        mended=_program("disconnect c.web from web.http; delete c"),
    ),
    Page(
        code="MAD134",
        title="a push that does nothing",
        text="""
None of the behavior's transitions leaves a place that can be marked when the push is reached, so it ends at once.
""",
        wrong=_program("add web2: Web; push web2.stop; wait all"),
        mended=_program("add web2: Web; push web2.deploy; push web2.stop; wait all"),
    ),
    Page(
        code="MAD135",
        title="a wait before its push",
        text="A program is done line by line: the push that has the label stands before the `wait` for it.",
        wrong=_program("wait up; push web.deploy as up"),
        mended=_program("push web.deploy as up; wait up"),
    ),
    Page(
        code="MAD136",
        title="a recovery that does not match its push",
        text="""
`on_failure push` names as many components as the push itself, each for its own, or one single component for all.
""",
        wrong=_REPLICAS + "\nprogram go for site {\n  push web.deploy on_failure push web[1..2].stop\n}\n",
        mended=_REPLICAS + "\nprogram go for site {\n  push web.deploy on_failure push web.stop\n}\n",
    ),
    Page(
        code="MAD137",
        title="an added instance with a port left open",
        text="""
The program adds an instance and ends without connecting one of its use ports, which is not `optional`. What needs the
port waits until another program connects it.
""",
        wrong=_program("add c2: Client"),
        mended=_program("add c2: Client; connect c2.web to web.http"),
    ),
    Page(
        code="MAD140",
        title="a comparison that makes no sense",
        text="""
`duration` and `parametric` are compared with `<`, `<=`, `>` or `>=`: an upper bound speaks of the slowest run, a lower
one of the fastest. `available ... off` takes `<=`.
""",
        wrong=_verify("duration up = 3min"),
        mended=_verify("duration up <= 3min"),
    ),
    Page(
        code="MAD141",
        title="a sequence of one transition",
        text="""
`sequence a.start, b.start` says that `b.start` never begins before `a.start` has ended; it takes at least two.
""",
        wrong=_verify("sequence web.start"),
        mended=_verify("sequence web.start, c.start"),
    ),
    Page(
        code="MAD142",
        title="failures inside of failures",
        text="""
A block `with failures` says how many actions may fail; one inside of another would leave open which number counts.
""",
        wrong=_verify("with failures 1 { reachable up with failures 2 { terminates } }"),
        mended=_verify("with failures 1 { reachable up }; with failures 2 { terminates }"),
    ),
    Page(
        code="MAD143",
        title="a program of another assembly",
        text="A verify block asks about programs for its own assembly.",
        wrong=_SITE + "\nassembly other {\n  w: Web\n}\n\nprogram go for other {\n  push w.deploy\n}\n"
        "\nverify site after go {\n  terminates\n}\n",
        mended=_SITE + "\nassembly other {\n  w: Web\n}\n\nprogram go for other {\n  push w.deploy\n}\n"
        "\nverify other after go {\n  terminates\n}\n",
    ),
    Page(
        code="MAD144",
        title="a place or a port",
        text="""
The component has a place and a provide port of this name, which are not active at the same times: a formula could mean
either.
""",
        wrong=_WEB.replace("service http at on", "service off at on")
        + "\nassembly site {\n  web: Web\n}\n\nverify site {\n  forbidden web.off\n}\n",
        mended=_WEB + "\nassembly site {\n  web: Web\n}\n\nverify site {\n  forbidden web.off\n}\n",
    ),
    Page(
        code="MAD145",
        title="a question about one instance",
        text="""
A `parametric` question is about one transition of one instance; a name without an index stands for all replicas.
""",
        wrong=_REPLICAS + "\nverify site {\n  goal up = web.on\n  parametric web.start for up <= 3min\n}\n",
        mended=_REPLICAS + "\nverify site {\n  goal up = web.on\n  parametric web[1].start for up <= 3min\n}\n",
    ),
    Page(
        code="MAD146",
        title="a negative number",
        text="Numbers of failures and of transitions, and times, are not negative.",
        wrong=_verify("with failures -1 { reachable up }"),
        mended=_verify("with failures 1 { reachable up }"),
    ),
    Page(
        code="MAD150",
        title="a setting that cannot be read",
        text="""
The settings of a rollout: `cluster by fingerprint diameter 2` (or by a variable of the inventory), `representatives 1`,
`protocol balanced` (or no_staging, front_loading, random, representatives_first, one_by_one), or `stages [1, 10, 50%]` in
place of a protocol, `threshold 95%`, `failures max 3 per cluster` (or stage, or rollout; each once), `out max 10%`, `test
transition check`, `test command "..." within 30s`, `test http "..." status 200`, `test metric "..." lower` (or higher),
`soak 30s`, `on_failure rollback drain undo` (the behaviors that do it; `rollback` unless named) or `on_failure freeze`.
""",
        wrong=_ROLLED + "protocol ballanced\n}\n",
        mended=_ROLLED + "protocol balanced\n}\n",
    ),
    Page(
        code="MAD151",
        title="a role without exactly one base",
        text="The stack of a role's machines begins with one base layer.",
        wrong='role web {\n  version "2.0"\n}\n',
        mended='role web {\n  base debian12\n  version "2.0"\n}\n',
    ),
    Page(
        code="MAD152",
        title="versions that form no line",
        text="""
The versions of a role depend on each other in one line: the first has no `after`, every other one names the one before
it, and no two name the same.
""",
        wrong='role web {\n  base debian12\n  version "1"\n  version "2" after "1"\n  version "3" after "1"\n}\n',
        mended='role web {\n  base debian12\n  version "1"\n  version "2" after "1"\n  version "3" after "2"\n}\n',
    ),
    Page(
        code="MAD153",
        title="an unknown origin of a version",
        text="""
A version is packaged from a machine (`version "2.0" from package m1`), made from files (`from "files/"`, a directory or a tar
file) or by actions in braces.
""",
        wrong='role web {\n  base debian12\n  version "2.0" from machine m1\n}\n',
        mended='role web {\n  base debian12\n  version "2.0" from package m1\n}\n',
    ),
    Page(
        code="MAD154",
        title="a version that is made in two ways",
        text="The layer of a version comes from somewhere or is made by actions, not both.",
        wrong='role web {\n  base debian12\n  version "1" from package m1 { run "apt-get install -y nginx" }\n}\n',
        mended='role web {\n  base debian12\n  version "1" { run "apt-get install -y nginx" }\n}\n',
    ),
    Page(
        code="MAD155",
        title="something in a version that it cannot have",
        text="""
The actions of a version are done once, when its layer is made. There is no component whose data ports could take what they
print, and nothing that a probe could look at later.
""",
        wrong='role web {\n  base debian12\n  version "1" {\n    probe run "test -d /srv"\n  }\n}\n',
        mended='role web {\n  base debian12\n  version "1" {\n    run "mkdir -p /srv"\n  }\n}\n',
    ),
    Page(
        code="MAD129",
        title="an action of a version that nothing brings",
        text="""
The actions in a version's braces are done when its layer is made. The kinds of actions are open, but none of the packages that
are installed here brings this one: `madeus role define` refuses the role. On a computer that only checks it is a warning.
""",
        wrong='role web {\n  base debian12\n  version "1" { pacman "nginx" }\n}\n',
        mended='role web {\n  base debian12\n  version "1" { package "nginx" }\n}\n',
    ),
    Page(
        code="MAD156",
        title="a directory that cannot be persistent",
        text="""
`persistent` names a directory that stands beside the stack, so that no upgrade and no rollback changes what is in it. Its
path is absolute. /proc, /sys, /dev, /run and /tmp come from the host in any case.
""",
        wrong='role db {\n  base debian12\n  persistent "var/lib/mysql"\n  version "1"\n}\n',
        mended='role db {\n  base debian12\n  persistent "/var/lib/mysql"\n  version "1"\n}\n',
    ),
    Page(
        code="MAD157",
        title="a policy that cannot be read",
        text="""
A policy says what an upgrade does with a file that the machine has changed and the new version has changed, too: `keep` the
machine's, `take` the version's, `merge` both, or `ask`. `*` and `?` stay within a directory, `**` goes through.
""",
        wrong='role web {\n  base debian12\n  policy "/etc/**" mrege\n  version "1"\n}\n',
        mended='role web {\n  base debian12\n  policy "/etc/**" merge\n  version "1"\n}\n',
    ),
    Page(
        code="MAD158",
        title="a program that is only partly taken back",
        text="""
`on_failure rollback` takes the layers of machines back to what they were before the run. What an instance outside of layers
has done on its host stays, so that the whole is in neither configuration.
""",
        wrong=_WEB
        + "\nassembly site {\n  web: Web on w1\n}\n\nprogram go for site on_failure rollback {\n  push web.deploy\n}\n",
        mended=_WEB
        + "\nassembly site {\n  web: Web on w1 in layer\n}\n\n"
        + "program go for site on_failure rollback {\n  push web.deploy\n}\n",
    ),
    Page(
        code="MAD159",
        title="lingering processes and a word that says nothing of them",
        text="""
`lingering` says what becomes of processes that no `service` line names when the stack gets a new copy on top and goes on
with the same files: at a checkpoint, `package` or `compact`. `restart` takes the services of the stack's packages along and
tells of the others, `end` ends the others, too, `leave` leaves all where they are.
""",
        wrong='role web {\n  base debian12\n  lingering restrat\n  version "1"\n}\n',
        mended='role web {\n  base debian12\n  lingering restart\n  version "1"\n}\n',
    ),
)
