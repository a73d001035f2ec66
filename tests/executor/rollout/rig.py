"""A shop on scripted hosts, and controllers of its rollout that may die at any write."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from sqlite3 import Connection

from typing_extensions import override

from madeus.dsl import load
from madeus.executor.api import Origin, RunOptions
from madeus.executor.errors import ConnectionRefused
from madeus.executor.inventory import Inventory, parse_inventory
from madeus.executor.journal.store import Journal
from madeus.executor.layers.operate import Hosts
from madeus.executor.layers.simulated import SimulatedHosts
from madeus.executor.layers.store import LayerStore
from madeus.executor.live.change import deploy
from madeus.executor.live.read import read_one
from madeus.executor.rollout.control import Controller
from madeus.executor.rollout.order import Order, RolloutResult
from madeus.executor.rollout.store import Store, begin, make_tables, reopen
from madeus.executor.testing import Died, virtual_options
from madeus.executor.transport.base import Job
from madeus.executor.transport.fake import FakeWorld, Reply, run_virtual
from madeus.executor.transport.pool import Transports
from madeus.fleet.clusters import Cluster
from madeus.fleet.stages import Stages
from madeus.model import Model
from madeus.planner.rollout_prepare import prepare

SHOP = """
component Shop {{
  initial place absent
  place stopped, unpacked, running
  provide service http at running
  behavior deploy {{ transition install: absent -> running {{ run "install" }} }}
  behavior drain {{ transition stop: running -> stopped {{ run "stop" }} }}
  behavior upgrade {{
    transition unpack: stopped -> unpacked {{ run "unpack" }}
    transition check: unpacked -> running {{ run "check{fix}" }}
  }}
  behavior back {{
    transition b1: unpacked -> running station a {{ run "back" }}
    transition b2: stopped -> running station b {{ run "back" }}
  }}
}}
component Db {{
  initial place off
  place on
  behavior deploy {{ transition start: off -> on }}
  behavior note {{ transition noted: on -> off {{ run "noted" }} }}
}}
assembly shop {{
  web[1..{n}]: Shop on web[1..{n}]{layer}
  db: Db on db1
}}
program upgrade for shop {{
{body}}}
rollout r of program upgrade over web {{
{settings}}}
"""
BODY = "  for i in 1..{n} {{\n    push web[i].drain\n    push web[i].upgrade\n  }}\n"
BACK = "  on_failure rollback drain back\n"


@dataclass
class Rig:
    """A deployed shop."""

    state: Path
    n: int = 4
    settings: str = BACK
    body: str = BODY
    clusters: Sequence[Cluster] | None = None
    world: FakeWorld = field(default_factory=FakeWorld)
    bad: set[str] = field(default_factory=set)
    """Machines on which an unfixed upgrade fails."""
    bad_commands: set[tuple[str, str]] = field(default_factory=set)
    """(machine, command) that fail."""
    printed: dict[str, str] = field(default_factory=dict)
    """What a metric's command prints, by machine."""
    version: str = ""
    layers: SimulatedHosts | None = None
    """Machines that the shops live in layers of; ``/srv/release`` says what is unpacked there."""
    deaf: set[str] = field(default_factory=set)
    """Machines on which no page answers."""
    cut_at: str = ""
    """Command at which the agent of a machine's layers can be reached no more."""
    inside: set[tuple[str, str]] = field(default_factory=set)
    """What was done inside of layers."""
    did: list[tuple[str, str]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.world = FakeWorld(self.script)
        model = self.model
        options = RunOptions(
            state=self.state,
            inventory=self.inventory,
            transports=lambda run: Transports(run, make=self.world.transport_maker(run)),
            layer_hosts=self.layer_hosts,
        )
        deploy(model.assemblies["shop"], (), model.programs, Origin(digest="deployed"), options)
        self.did.clear()
        journal = Journal.open(self.state)
        make_tables(journal)
        journal.close()

    def script(self, host: str, job: Job) -> Reply:
        script = dict(job.environment).get("MADEUS_JOB", job.script)
        words = script.strip().splitlines()[-1].split(" >>")[0]
        self.did.append((host, words))
        if script is not job.script:
            self.inside.add((host, words))
        if self.layers is not None and words in ("install", "unpack"):
            self.layers[host].write("/srv/release", "1" if words == "install" else f"2{self.version}")
        if self.layers is not None and words == self.cut_at:
            self.layers.down.add(host)
        if "http://" in script:
            return Reply(1, exit_code=int(host in self.deaf), stderr=b"refused")
        if (words == "check" and host in self.bad) or (host, words) in self.bad_commands:
            return Reply(1, exit_code=1, stderr=b"item 4711 is wrong")
        return Reply(words != "install", stdout=self.printed.get(host, "").encode() if words == "metric" else b"")

    @property
    def layer_hosts(self) -> Callable[[LayerStore], Hosts] | None:
        layers = self.layers
        return None if layers is None else lambda store: layers

    def releases(self) -> str:
        """What the machines show in their layers."""
        assert self.layers is not None
        return " ".join(host.shown()["/srv/release"].replace(" ", "-") for host in self.layers.hosts.values())

    def standing(self) -> str:
        """Where the live assembly says that the shops are."""
        components = read_one("shop", self.state).state.configuration.components
        return " ".join(",".join(sorted(components[f"web[{n}]"].places)) for n in range(1, self.n + 1))

    @property
    def model(self) -> Model:
        body = self.body.format(n=self.n)
        self.state.parent.mkdir(parents=True, exist_ok=True)
        file = self.state.parent / "shop.madeus"
        layer = "" if self.layers is None else " in layer"
        file.write_text(SHOP.format(n=self.n, fix=self.version, settings=self.settings, body=body, layer=layer))
        found = load(file)
        assert found.model is not None, [d.message for d in found.diagnostics]
        return found.model

    @property
    def inventory(self) -> Inventory:
        names = ", ".join(f'"w{i}"' for i in range(1, self.n + 1))
        return parse_inventory(f"[groups.web]\nhosts = [{names}]\n[hosts.db1]\n", self.state.parent / "hosts.toml")

    def down(self, *machines: str) -> None:
        for machine in machines:
            self.world.unreachable(machine, ConnectionRefused(machine, "", "refused"))

    def up(self, *machines: str) -> None:
        for machine in machines:
            self.world.unreachable(machine, None)

    def order(self, recorded: Stages | None = None, retry: bool = False) -> tuple[Order, Stages]:
        model, hosts = self.model, self.inventory
        live = read_one("shop", self.state)
        begin_ = live.settled.configuration._replace(positions=(), failures=0)
        made = prepare(
            model,
            model.rollouts["r"],
            live.settled.assembly("shop", model.types),
            begin_,
            hosts.groups["web"],
            lambda host: hosts.resolve(host).name,
            self.clusters,
            recorded=recorded,
        )
        origin = Origin(self.state.parent / "shop.madeus", digest=f"version {self.version}")
        ways = (made.undo, retry, made.layered, made.in_layers)
        order = Order(model.assemblies["shop"], model.programs, origin, made.sliced, made.settings, *ways)
        return order, made.stages

    def roll(
        self,
        resume: str = "",
        retry: bool = False,
        meanwhile: Callable[[Journal, Controller], object] | None = None,
    ) -> RolloutResult:
        """Begin a rollout, or go on with one."""

        async def work() -> RolloutResult:
            result = await self._session(Journal.open(self.state), resume, retry, meanwhile)
            assert result is not None
            return result

        return run_virtual(work())

    def roll_and_die(self, dies_at: int, after: bool) -> tuple[RolloutResult, bool]:
        """Begin a rollout, and go on with it when its controller has died; and whether it has."""

        async def work() -> tuple[RolloutResult, bool]:
            first = await self._session(Mortal.make(self.state, dies_at, after))
            if first is not None:
                return first, False
            second = await self._session(Journal.open(self.state), self.last())
            assert second is not None
            return second, True

        return run_virtual(work())

    async def _session(
        self,
        journal: Journal,
        resume: str = "",
        retry: bool = False,
        meanwhile: Callable[[Journal, Controller], object] | None = None,
    ) -> RolloutResult | None:
        """None when the controller died. All sessions of a machine's job have to be in one loop, as the job is."""
        journal.query("DELETE FROM locks")  # a dead controller's process is this one, which lives
        journal.query("UPDATE rollouts SET holder = NULL")
        if self.layers is not None:
            journal.query("UPDATE layers_operations SET state = 'broken' WHERE state = 'running'")
        order, stages = self.order(retry=retry)
        options = RunOptions(state=self.state, layer_hosts=self.layer_hosts)
        options = replace(virtual_options(self.world, options), journal=journal)
        digest = order.origin.digest
        try:
            if resume:
                store = reopen(journal, resume, digest, "f", 0.0)
            else:
                store = begin(journal, name="r", assembly="shop", file="f", digest=digest, stages=stages, now=0.0)
            controller = Controller(store, order, self.inventory, options)
            task = asyncio.ensure_future(controller.run())
            if meanwhile is not None:
                meanwhile(journal, controller)
            return await self._until_death(task, journal.died) if isinstance(journal, Mortal) else await task
        except Died:
            return None
        finally:
            journal.close()

    async def _until_death(self, task: asyncio.Future[RolloutResult], died: asyncio.Event) -> RolloutResult | None:
        death = asyncio.ensure_future(died.wait())
        await asyncio.wait((task, death), return_when=asyncio.FIRST_COMPLETED)
        death.cancel()
        if not died.is_set():
            return task.result()
        others = [task, *(t for t in asyncio.all_tasks() if t not in (asyncio.current_task(), task))]
        while not all(t.done() for t in others):
            for t in others:
                t.cancel()
            await asyncio.sleep(0)
        for t in others:
            with contextlib.suppress(Died, asyncio.CancelledError, Exception):
                t.result()
        return None

    def first_run(self, machine: str) -> str:
        """The run of a machine's first slice."""
        journal = Journal.open(self.state)
        rows = journal.query("SELECT id FROM runs WHERE stages LIKE ? ORDER BY number", (f'%@{machine}"%',))
        journal.close()
        return str(rows[0][0])

    def last(self) -> str:
        """Identifier of the latest rollout; empty when there is none."""
        journal = Journal.open(self.state)
        rows = journal.query("SELECT id FROM rollouts ORDER BY number DESC LIMIT 1")
        journal.close()
        return str(rows[0][0]) if rows else ""


class Mortal(Journal):
    """A journal whose controller dies at its n-th transaction, before it or after it."""

    dies_at: int
    after: bool
    died: asyncio.Event
    count: int
    dead: bool

    @classmethod
    def make(cls, state: Path, dies_at: int, after: bool) -> Mortal:
        plain = Journal.open(state)
        journal = cls(plain.path, plain._connection)
        journal.dies_at, journal.after, journal.died = dies_at, after, asyncio.Event()
        journal.count, journal.dead = 0, False
        return journal

    @override
    @contextlib.contextmanager
    def transaction(self) -> Iterator[Connection]:
        if self.dead:
            raise Died
        self.dead = self.count == self.dies_at
        self.count += 1
        if self.dead and not self.after:
            self.died.set()
            raise Died
        with super().transaction() as connection:
            yield connection
        if self.dead:
            self.died.set()
            raise Died


__all__ = ["BACK", "BODY", "Mortal", "Rig", "Store"]
