"""Driving a rollout: wave after wave, each machine's slice a run of its own; what fails is taken back, and counted.

Every decision is in the journal before anything follows from it. `Controller.run` begins from what the journal has, so a new
rollout, one that was stopped and one whose process was killed are all gone on with in the same way.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import replace
from pathlib import Path
from sqlite3 import Connection
from typing import Any

from madeus.executor.action.registry import Registry
from madeus.executor.api import RunOptions, resume_run_async
from madeus.executor.errors import ExecutorError, HostError
from madeus.executor.interrupt import Stoppable
from madeus.executor.inventory import Inventory
from madeus.executor.journal.errors import FencedOff, JournalUnusable
from madeus.executor.journal.events import RunState
from madeus.executor.layers.store import LayerStore
from madeus.executor.live.change import look, reconfigure_async, take_runs_back
from madeus.executor.live.errors import ChangedMeanwhile
from madeus.executor.live.memory import Memory
from madeus.executor.live.read import read_live
from madeus.executor.live.state import LiveState
from madeus.executor.rollout.before import note_before, read_before
from madeus.executor.rollout.ended import Ended, Said, has_failed, of_journal, of_result
from madeus.executor.rollout.errors import RolloutTakenOver
from madeus.executor.rollout.gate import Gate, reachable
from madeus.executor.rollout.layers import layers_back
from madeus.executor.rollout.order import Order, RolloutResult
from madeus.executor.rollout.records import (
    BAD,
    FailureRow,
    MachineRow,
    MachineState,
    RolloutState,
    signature,
)
from madeus.executor.rollout.store import Store, put_machine, read_rollout
from madeus.fleet.apart import changes
from madeus.fleet.budget import overruns
from madeus.fleet.slices import undo_program
from madeus.model import Program

POLL = 0.5
"""Seconds between looks for a freeze or an abort by command."""

DIFFERENCES = 50
"""Lines of a report that say how its machine differs from the reference."""

SUPERSEDED = "given up for another upgrade"
"""Note of a machine that is taken back though it has not failed."""

AGAIN = 50
"""How often a change is looked at anew because another machine's run has come between."""


Verdict = tuple[str, Said] | None
"""Which test does not pass and why; None: all pass."""

Tell = Callable[[str], None]
"""Told what happens, a line each."""

Entered = Callable[[Connection, str, LiveState], None]
"""Called in the transaction that begins a run, with its name and with where the assembly stands."""


class Controller:
    """One session of a rollout."""

    def __init__(
        self, store: Store, order: Order, inventory: Inventory, options: RunOptions, tell: Tell = lambda line: None
    ) -> None:
        self._store, self._order, self._inventory, self._tell = store, order, inventory, tell
        registry = options.registry or Registry.installed()
        self._options = replace(
            options,
            inventory=None,
            listeners=(),
            handle_signals=False,
            state=store.journal.path.parent,
            registry=registry,
        )
        record = read_rollout(store.journal, store.id)
        self._row, self._rows = record.row, dict(record.machines)
        self._stages = record.row.stages
        self._stage_of = {m: s for s in self._stages.stages for m in s.machines}
        self._cluster_of = {m: c for c in self._stages.clusters for m in c.machines}
        self._running: dict[str, Stoppable] = {}
        self._locks: dict[str, asyncio.Lock] = {}
        self._memory = Memory()
        self._tried: set[str] = set()
        """Machines that this session has begun with."""
        self._aborting = asyncio.Event()
        self._room = asyncio.Semaphore(inventory.total_limit)
        self._stop = ""
        """Why no further machine is begun; empty: go on."""
        self._state: RolloutState = RolloutState.HALTED
        self.interrupted = False
        base = order.origin.base or (order.origin.file.parent if order.origin.file else Path())
        self._gate = Gate(
            order.settings.tests, order.settings.soak, registry, options.transports, base.absolute(), self._is_rooted
        )

    def _is_rooted(self, machine: str) -> bool:
        if machine not in self._order.in_layers:
            return False
        known = LayerStore(self._store.journal).catalog().machines.get(machine)
        return known is not None and bool(known.stack)

    @property
    def run_id(self) -> str:
        """The rollout's identifier."""
        return self._store.id

    def stop(self) -> None:
        """End what is running, where it stands; for Ctrl-C."""
        self.interrupted = True
        self._abort("interrupted")

    def _abort(self, why: str) -> None:
        self._halt(why, RolloutState.ABORTED)
        self._aborting.set()
        for run in self._running.values():
            run.stop()

    def _halt(self, why: str, state: RolloutState) -> None:
        if not self._stop or state is RolloutState.ABORTED:
            self._stop, self._state = why, state

    async def run(self) -> RolloutResult:
        """Go on from where the journal says the rollout is, to its end or to what stops it."""
        watch = asyncio.ensure_future(self._watch())
        try:
            await self._all()
        finally:
            watch.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await watch
        state, note = self._state, self._stop
        if not self._stop:
            left = [m for m, row in self._rows.items() if row.state is not MachineState.PASSED]
            out = sum(len(c.machines) for c in self._stages.left_out)
            state = RolloutState.PARTIAL if left or out else RolloutState.DONE
            missing = len(left) + out
            note = f"{missing} machine{'s are' if missing > 1 else ' is'} not upgraded" if missing else ""
        self._store.end(state, note, self._options.wall())
        return RolloutResult(read_rollout(self._store.journal, self._store.id), self.interrupted)

    async def _watch(self) -> None:
        while True:
            wanted = self._store.wanted()
            if wanted == "freeze":
                self._halt("frozen by command", RolloutState.FROZEN)
            elif wanted == "abort" and self._state is not RolloutState.ABORTED:
                self._abort("aborted by command")
            await asyncio.sleep(POLL)

    async def _all(self) -> None:
        if not await self._around(self._order.sliced.before):
            return
        await self._mend()
        for wave in self._stages.waves:
            if self._stop:
                return
            machines = [m for stage in wave for m in stage.machines]
            todo = [m for m in machines if self._is_open(m)]
            if todo:
                self._tell(f"{' and '.join(s.name for s in wave)}: {', '.join(todo)}")
                await asyncio.gather(*(self._bring(m) for m in todo))
            self._count()
            for stage in wave:
                done = {m for m, r in self._rows.items() if r.state is MachineState.PASSED}
                passed, total, required = self._stages.standing(stage, done)
                if passed < required:
                    self._halt(
                        f"stage {stage.name} has not passed: {passed} of {total} machines, {required} have to",
                        RolloutState.HALTED,
                    )
        if not self._stop and all(r.state is MachineState.PASSED for r in self._rows.values()):
            await self._around(self._order.sliced.after)

    def _is_open(self, machine: str) -> bool:
        """Whether there is something to do: not what has passed, nor what failed with this very upgrade."""
        row = self._rows[machine]
        if row.state is MachineState.PASSED:
            return False
        if row.state in (MachineState.FAILED, MachineState.FROZEN):
            return row.digest != self._order.upgrade or (self._order.retry and machine not in self._tried)
        return True

    async def _mend(self) -> None:
        """What an earlier session left in the middle comes to its end, and a fixed upgrade goes to failed machines first."""
        begun = (MachineState.UPGRADING, MachineState.TESTING, MachineState.UNDOING)
        middle = [m for m, r in self._rows.items() if r.state in begun]
        if middle and not self._stop:
            self._tell(f"going on with {', '.join(middle)}")
            await asyncio.gather(*(self._bring(m) for m in middle))
        bad = [m for m, r in self._rows.items() if r.state in BAD]
        failed = [m for m in bad if self._is_open(m)]
        if len(failed) < len(bad) and self._store.epoch > 1:
            same = ", ".join(m for m in bad if m not in failed)
            self._tell(f"left alone, for the upgrade is the one that failed there: {same}; mend it, or say --retry")
        for at in range(0, len(failed), max(1, self._stages.widest)):
            if self._stop:
                return
            some = failed[at : at + max(1, self._stages.widest)]
            self._tell(f"failed machines first: {', '.join(some)}")
            await asyncio.gather(*(self._bring(m) for m in some))
        self._count()

    async def _around(self, program: Program | None) -> bool:
        """A program on shared instances, once; whether the rollout may go on."""
        if program is None or program.name in self._row.around:
            return True
        try:
            ended = await self._change(program, program.name, lambda connection, run, begin: None)
        except (FencedOff, JournalUnusable, RolloutTakenOver):
            raise
        except ExecutorError as error:
            self._halt(f"{program.name}: {error.message}", RolloutState.HALTED)
            return False
        if not ended.well:
            self._halt(f"{program.name}: {ended.where}: {ended.reason}", RolloutState.HALTED)
            return False
        self._row = replace(self._row, around=(*self._row.around, program.name))
        self._store.around(self._row.around)
        return True

    async def _bring(self, machine: str) -> None:
        """One machine, from where it is to where it passed, failed, or could not be reached."""
        async with contextlib.AsyncExitStack() as stack:
            await stack.enter_async_context(self._room)
            for shared in sorted(self._order.sliced.shared.get(machine, ())):
                await stack.enter_async_context(self._locks.setdefault(shared, asyncio.Lock()))
            if self._stop and self._rows[machine].state is not MachineState.UNDOING:
                return
            try:
                await self._steps(machine)
            except (FencedOff, JournalUnusable, RolloutTakenOver):
                raise
            except ExecutorError as error:
                self._halt(f"{machine}: {error.message}", RolloutState.HALTED)
        self._count()

    async def _steps(self, machine: str) -> None:
        row = self._rows[machine]
        if row.state not in (MachineState.TESTING, MachineState.UNDOING):
            await self._upgrade(machine)
        if self._rows[machine].state is MachineState.TESTING and not self._aborted:
            await self._test(machine)
        if self._rows[machine].state is MachineState.UNDOING and not self._aborted:
            await self._take_back(machine)

    @property
    def _aborted(self) -> bool:
        return self._state is RolloutState.ABORTED

    async def _upgrade(self, machine: str) -> None:
        row, digest = self._rows[machine], self._order.upgrade
        self._tried.add(machine)
        why = await self._reach(machine)
        if why:
            self._put(replace(row, state=MachineState.UNREACHABLE, note=why))
            return
        if self._stop:
            return
        begun = row.state in (MachineState.UPGRADING, MachineState.UNREACHABLE)
        if begun and row.digest != digest and self._is_halfway(machine):
            self._tell(f"{machine} is taken back first: it is in the middle of another upgrade")
            self._put(replace(row, state=MachineState.UNDOING, note=SUPERSEDED))
            await self._take_back(machine)
            if self._stop or self._rows[machine].state is not MachineState.WAITING:
                return
            row = self._rows[machine]
        begun = begun and row.digest == digest

        def entered(connection: Connection, run: str, begin: LiveState) -> None:
            now = MachineRow(machine, MachineState.UPGRADING, run, "", row.attempt + 1, digest)
            put_machine(connection, self._store.id, now)
            note_before(connection, self._store.id, machine, run, begin, self._order.sliced.instances[machine])
            self._rows[machine] = now

        program = self._order.sliced.machines[machine]
        ended = await self._go_on(machine, row.run) if begun and row.run else None
        if ended is None:
            ended = await self._change(program, machine, entered)
        row = self._rows[machine]
        if ended.well:
            self._put(replace(row, state=MachineState.TESTING))
        elif ended.state is RunState.INTERRUPTED:
            return
        elif ended.unreachable:
            self._put(replace(row, state=MachineState.UNREACHABLE, note=ended.reason))
        else:
            state = MachineState.FAILED if self._is_back(machine, ended) else None
            whole = f"madeus logs {row.run} '{ended.component}.{ended.where}'" if ended.component else ""
            self._fail(machine, ended.where, ended.said, state, whole)

    def _is_halfway(self, machine: str) -> bool:
        """Whether a machine can be, and has to be, taken back before another upgrade begins."""
        halfway = read_before(self._store.journal, self._store.id, machine) is not None
        return halfway and self._order.goes_back(machine)

    def _is_back(self, machine: str, ended: Ended) -> bool:
        """Whether a run that failed has left its machine as it was; not where an earlier run was given up halfway."""
        before = read_before(self._store.journal, self._store.id, machine)
        return ended.recovered and (before is None or len(before.runs) == 1)

    async def _go_on(self, machine: str, run: str) -> Ended | None:
        """The result of a run that an earlier session began; None when it has to be begun anew."""
        journal = self._store.journal
        head = journal.head(run)
        if head.state is RunState.ABANDONED:
            return None
        if head.state is RunState.ROLLED_BACK:
            # Taken back by the run itself, which failed; or by somebody who took back a run that was stopped.
            return of_journal(journal, run, head.state) if has_failed(journal, run) else None
        if head.state in (RunState.DONE, RunState.FAILED, RunState.STUCK):
            ended = of_journal(journal, run, head.state)
            row = self._rows[machine]
            away = row.state is MachineState.UNREACHABLE or (run == row.undo and ended.unreachable)
            if head.state is RunState.DONE or not away:
                return ended
        options = replace(self._options, on_start=lambda c: self._running.__setitem__(machine, c))
        try:
            return of_result(await resume_run_async(run, options), machine)
        finally:
            self._running.pop(machine, None)

    async def _change(self, program: Program, machine: str, entered: Entered) -> Ended:
        """A program as a run on the live assembly."""
        journal, order = self._store.journal, self._order
        options = replace(self._options, on_start=lambda c: self._running.__setitem__(machine, c))
        for _ in range(AGAIN):
            intent = look(
                journal,
                order.model.name,
                order.model,
                [[program]],
                order.programs,
                order.origin,
                take_over=self._only_own_stand(order.model.name),
                memory=self._memory,
            )

            def told(connection: Connection, run: str, begin: LiveState = intent.begin) -> None:
                entered(connection, run, begin)

            try:
                return of_result(await reconfigure_async(intent, options, told), machine)
            except ChangedMeanwhile:
                await asyncio.sleep(0)
            finally:
                self._running.pop(machine, None)
        raise ChangedMeanwhile(order.model.name)

    def _only_own_stand(self, name: str) -> bool:
        """Whether every unfinished run is one of this rollout's: then those that nobody drives may be given up."""
        own = {run for row in self._rows.values() for run in (row.run, row.undo)}
        rows = self._store.journal.query(
            "SELECT c.run FROM changes c JOIN runs r ON r.id = c.run WHERE c.assembly = ? AND r.state NOT IN (?, ?)",
            (name, RunState.DONE, RunState.ABANDONED),
        )
        return all(run in own for (run,) in rows)

    async def _reach(self, machine: str) -> str:
        name = f"{self._store.id}-{machine}-{self._store.epoch}"
        async with self._options.transports(name) as transports:
            why = await reachable(self._inventory.hosts[machine], transports)
            await transports.forget()
            return why

    async def _test(self, machine: str) -> None:
        row = self._rows[machine]
        waiting = [
            self._inventory.hosts[m] for m, r in self._rows.items() if r.state is MachineState.WAITING and m != machine
        ]
        name = f"{self._store.id}-{machine}-{row.attempt}-{self._store.epoch}"
        try:
            failed = await self._unless_aborted(self._gate.passes(self._inventory.hosts[machine], waiting, name))
        except HostError as error:
            self._put(replace(row, note=error.message))
            self._tell(f"{machine} cannot be reached while it is tested: {error.message}")
            return
        if self._aborted:
            return
        if failed is None:
            self._put(replace(row, state=MachineState.PASSED, note=""))
            self._tell(f"{machine} passed")
        else:
            self._fail(machine, f"test {failed[0]}", failed[1])

    async def _unless_aborted(self, asking: Coroutine[Any, Any, Verdict]) -> Verdict:
        """What a gate says; an abort does not wait for the end of its soak time."""
        task, abort = asyncio.ensure_future(asking), asyncio.ensure_future(self._aborting.wait())
        try:
            await asyncio.wait((task, abort), return_when=asyncio.FIRST_COMPLETED)
            return task.result() if task.done() else None
        finally:
            abort.cancel()
            task.cancel()
            await asyncio.wait((task,))

    def _fail(self, machine: str, where: str, said: Said, state: MachineState | None = None, whole: str = "") -> None:
        """Note a failure. state: when it is not to be taken back any more; whole: command that shows all that was printed."""
        if state is None:
            state = MachineState.UNDOING if self._order.goes_back(machine) else MachineState.FROZEN
        row, stage, cluster = self._rows[machine], self._stage_of[machine], self._cluster_of[machine]
        failure = FailureRow(
            0,
            machine,
            stage.name,
            cluster.name,
            signature(where, said.line, machine),
            f"{where}: {said.reason}",
            tuple(change.text for change in changes(*cluster.difference(machine)))[:DIFFERENCES],
            self._options.wall(),
            whole,
        )
        row = replace(row, state=state, note=said.line)
        self._store.put(row, failure)
        self._rows[machine] = row
        self._tell(f"{machine} failed: {where}: {said.reason.partition(chr(10))[0]}")
        if state is MachineState.FROZEN:
            self._halt(f"{machine} failed and is left as it stands", RolloutState.FROZEN)

    async def _take_back(self, machine: str) -> None:
        """To the old version: by its layers, or by the declared behaviors."""
        also: Callable[[Connection], None] | None = None
        away, why = False, ""
        try:
            if machine in self._order.layered:
                also = await self._by_layers(machine)
            else:
                ended = await self._by_behaviors(machine)
                if ended.state is RunState.INTERRUPTED:
                    return
                away, why = ended.unreachable, "" if ended.well else ended.reason
        except (FencedOff, JournalUnusable, RolloutTakenOver):
            raise
        except ExecutorError as error:
            away, why = isinstance(error, HostError) or isinstance(error.__cause__, HostError), error.message
        row = self._rows[machine]
        if not why:
            if row.note == SUPERSEDED:
                row = MachineRow(machine, MachineState.WAITING, "", "", row.attempt)
            else:
                row = replace(row, state=MachineState.FAILED)
            self._put(row, also)
            self._tell(f"{machine} is back on its old version")
            return
        self._tell(f"{machine} could not be taken back: {why}")
        self._halt(f"{machine} could not be taken back", RolloutState.FROZEN)
        # What was only not reached is gone on with by the next session.
        state = MachineState.UNDOING if away else MachineState.FROZEN
        self._put(replace(row, state=state, note=f"could not be taken back: {why}"))

    async def _by_layers(self, machine: str) -> Callable[[Connection], None] | None:
        """Its files first; what is to be written with the machine's new state says that its instances are back, too."""
        journal, name = self._store.journal, self._order.model.name
        before = read_before(journal, self._store.id, machine)
        if before is None:
            return None  # of a machine that failed before such a row was kept: its run took its layers back
        session = f"{self._store.id}-{machine}-back-{self._store.epoch}"
        await layers_back(journal, self._inventory, self._options, machine, before.runs, session)
        own = self._order.sliced.instances[machine]
        return lambda connection: take_runs_back(journal, connection, name, before.runs, own, before.state)

    async def _by_behaviors(self, machine: str) -> Ended:
        row = self._rows[machine]
        there = read_live(self._store.journal, self._order.model.name, self._memory).state.configuration.components
        names = [c for c in self._order.undo[machine] if c in there]
        name = f"{self._order.sliced.program}@{machine}@back"
        program = undo_program(name, self._order.model.name, names, self._order.settings.rollback)

        def entered(connection: Connection, run: str, begin: LiveState) -> None:
            now = replace(row, undo=run)
            put_machine(connection, self._store.id, now)
            self._rows[machine] = now

        ended = await self._go_on(machine, row.undo) if row.undo else None
        return ended or await self._change(program, machine, entered)

    def _put(self, row: MachineRow, also: Callable[[Connection], None] | None = None) -> None:
        if row.state is MachineState.UNREACHABLE:
            self._tell(f"{row.machine} cannot be reached: {row.note}")
        self._store.put(row, also=also)
        self._rows[row.machine] = row

    def _count(self) -> None:
        """Stop when a budget is used up. What is still to get another upgrade than it failed with does not count any more."""
        bad = {m for m, r in self._rows.items() if r.state in BAD and r.note != SUPERSEDED}
        failed = {m for m in bad if not (self._rows[m].state is not MachineState.UNDOING and self._is_open(m))}
        stages: dict[str, list[str]] = {}
        for stage in self._stages.stages:
            # Of a stage that is done a few machines at a time both the parts and the whole count.
            for name in {stage.name, stage.whole} - {""}:
                stages.setdefault(name, []).extend(stage.machines)
        clusters: dict[str, Sequence[str]] = {c.name: c.machines for c in self._stages.clusters}
        for over in overruns(self._order.settings.budgets, failed, stages, clusters):
            self._halt(f"a failure budget is used up: {over}", RolloutState.HALTED)
