"""Small assemblies for the executor's tests."""

from __future__ import annotations

from madeus.model import (
    Action,
    Assembly,
    ComponentType,
    Connection,
    Instance,
    Interval,
    Parameter,
    Place,
    PortKind,
    ProvidePort,
    Transition,
    UsePort,
    ValueType,
)


def action(command: str, *outputs: str, kind: str = "run", **options: object) -> Action:
    return Action(kind, (command,), tuple(options.items()), outputs)  # type: ignore[arg-type]


def chain(name: str, *transitions: Transition | tuple[str, str], **parts: object) -> ComponentType:
    """A type with places p0, p1, ... and one transition between each two; a pair is (name, command)."""
    places = tuple(Place(f"p{i}", i == 0) for i in range(len(transitions) + 1))
    made = tuple(
        t if isinstance(t, Transition) else Transition(t[0], f"p{i}", f"p{i + 1}", actions=(action(t[1]),))
        for i, t in enumerate(transitions)
    )
    return ComponentType(name, places, made, **parts)  # type: ignore[arg-type]


def lamp(log: str) -> Assembly:
    """A database and two web servers; every action appends a line to a file."""
    db = ComponentType(
        "Db",
        (Place("off", True), Place("set"), Place("up")),
        (
            Transition("provision", "off", "set", actions=(action(f"echo provision >> {log}; echo 10.0.0.7", "ip"),)),
            Transition(
                "start",
                "set",
                "up",
                actions=(action(f"echo start >> {log}"), action(f"echo start2 >> {log}")),
                interval=Interval(1, 3),
            ),
        ),
        provides=(
            ProvidePort("ip", PortKind.DATA, ("set",), ValueType.ADDRESS),
            ProvidePort("sql", PortKind.SERVICE, ("up",)),
        ),
    )
    web = ComponentType(
        "Web",
        (Place("off", True), Place("got"), Place("conf"), Place("up")),
        (
            Transition("pull", "off", "got", actions=(action(f"echo ${{instance.name}} pull >> {log}"),)),
            Transition("conf", "got", "conf", actions=(action(f"echo ${{instance.name}} conf ${{ip}} >> {log}"),)),
            Transition("touch", "got", "conf"),
            Transition("check", "conf", "up", actions=(action(f"echo ${{instance.name}} check ${{n}} >> {log}"),)),
        ),
        uses=(
            UsePort("ip", PortKind.DATA, ("conf",), type=ValueType.ADDRESS),
            UsePort("db", PortKind.SERVICE, ("check",)),
        ),
        parameters=(Parameter("n", ValueType.INT),),
    )
    webs = [Instance(f"web[{i}]", "Web", arguments=(("n", i),)) for i in (1, 2)]
    links = [Connection(w.name, use, "db", port) for w in webs for use, port in (("ip", "ip"), ("db", "sql"))]
    return Assembly("lamp", {"Db": db, "Web": web}, (Instance("db", "Db"), *webs), tuple(links))


LAMP_LINES = sorted(
    ["provision", "start", "start2"]
    + [f"web[{i}] {what}" for i in (1, 2) for what in ("pull", "conf 10.0.0.7", f"check {i}")]
)
