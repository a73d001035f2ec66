"""Small assemblies that the views are tried on, built without the language."""

from __future__ import annotations

from pathlib import Path

import pytest

from madeus.model import (
    Assembly,
    ComponentType,
    Connection,
    Group,
    Instance,
    Interval,
    Place,
    PortKind,
    Program,
    ProvidePort,
    Push,
    Transition,
    UsePort,
    ValueType,
    WaitAll,
    WaitComponent,
)
from madeus.semantics.simulate import simulate
from madeus.semantics.system import System
from madeus.semantics.time import middle
from madeus.semantics.trace import Trace

GOLDEN = Path(__file__).parent.parent / "golden" / "view"


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--regenerate-views", action="store_true", help="write the golden files of tests/view again")


class Golden:
    """Compares a text with a committed one."""

    def __init__(self, regenerate: bool) -> None:
        self.regenerate = regenerate

    def check(self, name: str, text: str) -> None:
        path = GOLDEN / name
        if self.regenerate:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        assert text == path.read_text(encoding="utf-8")


@pytest.fixture
def golden(request: pytest.FixtureRequest) -> Golden:
    return Golden(request.config.getoption("--regenerate-views", default=False))


def _places(first: str, *others: str) -> tuple[Place, ...]:
    return (Place(first, initial=True), *(Place(name) for name in others))


DATABASE = ComponentType(
    "MariaDB",
    _places("waiting", "provisioned", "configured", "started", "checked"),
    (
        Transition("provision", "waiting", "provisioned", interval=Interval(4, 10)),
        Transition("pull", "provisioned", "configured", interval=Interval(30, 60)),
        Transition("configure", "provisioned", "configured", interval=Interval(2, 3)),
        Transition("bootstrap", "provisioned", "configured", interval=Interval(5, 5)),
        Transition("start", "configured", "started", interval=Interval(3, 4)),
        Transition("check", "started", "checked", interval=Interval(1, 2)),
    ),
    provides=(
        ProvidePort("ip", PortKind.DATA, ("provisioned",), ValueType.ADDRESS),
        ProvidePort("sql", PortKind.SERVICE, ("checked",)),
    ),
)

WEB = ComponentType(
    "Apache",
    _places("waiting", "configured", "started", "checked"),
    (
        Transition("pull", "waiting", "configured", interval=Interval(20, 25)),
        Transition("configure", "waiting", "configured", interval=Interval(2, 3)),
        Transition("start", "configured", "started", interval=Interval(2, 2)),
        Transition("check", "started", "checked", interval=Interval(1, 1)),
    ),
    uses=(
        UsePort("db_ip", PortKind.DATA, ("configure",), type=ValueType.ADDRESS),
        UsePort("db", PortKind.SERVICE, ("check",)),
    ),
)

DEP = ComponentType(
    "Dep",
    _places("undeployed", "installed", "running"),
    (
        Transition("install", "undeployed", "installed", ("install",), interval=Interval(5, 5)),
        Transition("run", "installed", "running", ("install",), interval=Interval(2, 2)),
        Transition("update", "running", "installed", ("update",), interval=Interval(8, 8)),
    ),
    behaviors=("install", "update"),
    provides=(ProvidePort("service", PortKind.SERVICE, ("running",)),),
)

SERVER = ComponentType(
    "Server",
    _places("undeployed", "allocated", "running", "maintenance"),
    (
        Transition("allocate", "undeployed", "allocated", ("install",), ("fresh",), Interval(3, 3)),
        Transition("restart", "maintenance", "allocated", ("install",), ("resumed",), Interval(1, 1)),
        Transition("start", "allocated", "running", ("install",), interval=Interval(4, 4)),
        Transition("suspend", "running", "maintenance", ("suspend",), interval=Interval(2, 2)),
    ),
    behaviors=("install", "suspend"),
    groups=(Group("serving", ("running",)),),
    provides=(ProvidePort("web", PortKind.SERVICE, ("serving",)),),
    uses=(UsePort("dep", PortKind.SERVICE, holders=("serving",)),),
)


@pytest.fixture(scope="session")
def lamp() -> Assembly:
    """A database and three web servers, as in the language's first example."""
    webs = [f"web[{i}]" for i in (1, 2, 3)]
    return Assembly(
        "lamp",
        {"MariaDB": DATABASE, "Apache": WEB},
        (Instance("db", "MariaDB", "db1"), *(Instance(name, "Apache", name) for name in webs)),
        tuple(Connection(w, u, "db", p) for w in webs for u, p in (("db_ip", "ip"), ("db", "sql"))),
    )


@pytest.fixture(scope="session")
def site() -> Assembly:
    """A server with a group, stations and behaviors, and what it depends on."""
    return Assembly(
        "site",
        {"Dep": DEP, "Server": SERVER},
        (Instance("dep", "Dep", "app1"), Instance("server", "Server", "web1")),
        (Connection("server", "dep", "dep", "service"),),
    )


@pytest.fixture(scope="session")
def install() -> Program:
    """Brings the site up."""
    return Program("install", "site", (Push("dep", "install"), Push("server", "install"), WaitAll()))


@pytest.fixture(scope="session")
def upgrade() -> Program:
    """Updates what the server depends on."""
    return Program(
        "upgrade",
        "site",
        (
            Push("server", "suspend"),
            Push("dep", "update"),
            WaitComponent("server"),
            Push("dep", "install"),
            WaitComponent("dep"),
            Push("server", "install"),
            WaitAll(),
        ),
    )


def star(users: int) -> Assembly:
    """One database and many web servers."""
    webs = [f"web[{i}]" for i in range(users)]
    return Assembly(
        "star",
        {"MariaDB": DATABASE, "Apache": WEB},
        (Instance("db", "MariaDB", "db1"), *(Instance(w, "Apache", f"host{i % 20}") for i, w in enumerate(webs))),
        tuple(Connection(w, u, "db", p) for w in webs for u, p in (("db_ip", "ip"), ("db", "sql"))),
    )


@pytest.fixture
def make_star() -> object:
    """One database and as many web servers as asked for."""
    return star


@pytest.fixture
def simulated() -> object:
    """Trace of an assembly, with the mean durations, under the programs given, one after another."""

    def run(assembly: Assembly, *programs: Program) -> Trace:
        return simulate(System(assembly, [[p] for p in programs]), middle).trace

    return run
