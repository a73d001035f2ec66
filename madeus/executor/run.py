"""The loop: the semantics core says what may happen next, this makes it happen on the hosts and writes it down.

Nothing polls and no thread waits: a transition that runs is a task that waits for its host; when it ends, its END is taken, the
core says which steps that has enabled, they are taken at once, and the transitions among them that have actions get tasks
of their own. Every step goes to the journal in the order in which it is taken.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import replace

from madeus.executor.divergence import Lookout
from madeus.executor.errors import ExecutorError, HostError, InputError, InternalError
from madeus.executor.firing import Firing, TransitionFailed
from madeus.executor.hidden import recover_hidden
from madeus.executor.inventory import Host
from madeus.executor.journal.errors import FencedOff, JournalUnusable
from madeus.executor.journal.events import AttemptState, RunEnded, RunState, StepRecord
from madeus.executor.journal.snapshot import produced_to_text
from madeus.executor.journal.writer import Writer
from madeus.executor.perform import Performer, Stopped
from madeus.executor.progress import ProgressEvent, RunBegan, RunFinished, StepTaken, Stopping, TransitionHeld
from madeus.executor.reconcile import Recorded
from madeus.executor.result import Failure, RunResult, conclude
from madeus.executor.schedule import Slots
from madeus.executor.scope import Scopes
from madeus.executor.secrets import Vault
from madeus.executor.session import Session
from madeus.executor.transport.base import Transport
from madeus.model import Transition
from madeus.semantics import Configuration, Event, Step, StepKind, Trace
from madeus.semantics.rollback import is_final
from madeus.semantics.step import STARTS, Produced, blocked, rollback_step

STEPS_IN_A_ROW = 2_000
"""Steps that are taken before signals and hosts are listened to again: a cyclic behavior without actions never ends."""

KILL_PATIENCE = 25.0
"""Seconds that a stopped run waits for a host to end a command; then it leaves it alone and says so."""

FORGET_PATIENCE = 5.0
"""Seconds that hosts have to drop what they keep of a run that is done."""


class Controller:
    """Drives one run to its end, or to where it can go no further. Make it and await `run` in one event loop."""

    def __init__(self, session: Session, recorded: Recorded) -> None:
        self._session, self._recorded = session, recorded
        self._agenda = recorded.agenda
        self._system = session.system
        self._vault = Vault(session.secrets)
        self._scopes = Scopes(session.system, session.inventory, session.secrets, self._vault)
        total = session.inventory.total_limit if session.limit is None else session.limit
        self._slots = Slots(total, lambda name: session.inventory.resolve(name).limit)
        self._events = [Event(r.time, r.step, r.cause) for r in session.earlier]
        self._started = session.clock()
        self._offset = max(recorded.time, session.wall() - session.created) if session.earlier else 0.0
        self._live: dict[Firing, asyncio.Task[None]] = {}
        self._failures: dict[tuple[str, str], Failure] = {}
        self._failed_for_good = False
        """Whether an action has failed in this session that nothing recovers from."""
        self._admitted: Step | None = None
        self._freed = -1
        self._stopping = False
        self._divergence = ""
        self._trying: dict[str, int] = {}
        """Failed transitions of each component that are tried again: nothing of it is recovered from meanwhile."""
        self._undecided: set[str] = set()
        """Components of which nobody knows whether a failed action took effect."""
        self._endings: set[asyncio.Task[None]] = set()
        self._transports = session.transports(session.holder.run)
        self._layered = session.layered(self._transports) if session.layered else None
        self._lookout = self._look_out()
        loop = asyncio.get_running_loop()
        self._over: asyncio.Future[None] = loop.create_future()
        thread = session.journal_thread() if session.journal_thread else None
        self._writer = Writer(session.journal, session.holder.run, session.holder.epoch, thread)
        self._performer = Performer(
            registry=session.registry,
            transport=self._transport,
            writer=self._writer,
            vault=self._vault,
            base=session.base,
            clock=self.now,
            publish=self._publish if session.listeners else None,
        )

    def _look_out(self) -> Lookout | None:
        """What is looked at before steps: the caller's look, else the probes of the model."""
        session = self._session
        if session.before_step is not None:
            return Lookout(session.before_step, self._clear, self._diverged)
        if not session.probes:
            return None
        from madeus.executor.drift.ask import Asker
        from madeus.executor.drift.watch import Watch

        asker = Asker(session.registry, self._scopes, self._transports.of, session.base, self._vault)
        watch = Watch(self._system, asker)
        return Lookout(watch.look, self._clear, self._diverged, watch.concerns)

    @property
    def run_id(self) -> str:
        """Name of the run."""
        return self._session.holder.run

    @property
    def configuration(self) -> Configuration:
        """Where the run is."""
        return self._agenda.configuration

    def now(self) -> float:
        """Seconds since the start of the run."""
        return self._offset + (self._session.clock() - self._started)

    async def run(self) -> RunResult:
        """Drive the run.

        Raises:
            FencedOff, JournalUnusable: the journal takes no more; what runs on the hosts goes on and is found by a resume.
            ExecutorError: InternalError for a bug of ours.
        """
        self._publish(
            RunBegan(
                self.now(), self.run_id, self._system.assembly.name, self._stages(), bool(self._events), len(self._live)
            )
        )
        try:
            try:
                await recover_hidden(self._session, self._recorded, self._scopes, self._vault, self._transports)
                self._go_on()
                self._settle()
                await asyncio.wait((self._over, self._writer.broken), return_when=asyncio.FIRST_COMPLETED)
                if self._writer.broken.done():
                    raise self._writer.broken.result()
                if self._over.exception() is not None:
                    raise self._over.exception() or InternalError("the run ended without a reason")
                remarks = tuple(self._vault.mask(one) for one in self._layered.remarks) if self._layered else ()
                recorded = self._layered.recorded if self._layered else ()
                result = await self._taken_back(replace(self._conclude(), remarks=remarks, recorded=recorded))
                self._writer.add(RunEnded(result.state, self._session.wall()))
                await self._writer.durable()
            finally:
                await self._let_go()
            if result.state is RunState.DONE:
                await self._forget()
        finally:
            if self._layered is not None:
                self._layered.close()
            await self._transports.close()
        self._publish(RunFinished(self.now(), self.run_id, result.state))
        return result

    def _is_lost(self) -> bool:
        """Whether the run will be taken back, for an action has failed for good: nothing is started any more."""
        return self._session.rollback and self._layered is not None and self._failed_for_good

    async def _taken_back(self, result: RunResult) -> RunResult:
        """The result, after the layers of a run that failed are what they were before it, if that is wanted."""
        if not self._session.rollback or self._layered is None or result.state not in (RunState.FAILED, RunState.STUCK):
            return result
        done = await self._layered.rollback()
        wrong = tuple(f"{one.machine}: {one.error.message}" for one in done if one.error is not None)
        back = tuple(one.machine for one in done if one.error is None)
        if wrong:
            return replace(result, rolled_back=back, not_rolled_back=wrong)
        step = rollback_step(self._system)
        if step is not None and blocked(self._system, self._agenda.configuration, step) is None:
            self._agenda.take(step)
            self._note(step, len(self._events) - 1)
            trace = replace(result.trace, events=tuple(self._events))
            result = replace(result, trace=trace, configuration=self._agenda.configuration)
        return replace(result, state=RunState.ROLLED_BACK, rolled_back=back)

    def stop(self) -> None:
        """End the running commands with their process groups, then the run; it can be resumed. Call it in the run's loop."""
        if self._stopping or self._over.done():
            return
        self._stopping = self._performer.stopping = True
        self._publish(Stopping(self.now(), len(self._live)))
        for firing, task in self._live.items():
            self._endings.add(asyncio.ensure_future(self._end(firing, task)))
        asyncio.get_running_loop().call_soon(self._settle)

    def _go_on(self) -> None:
        """Take up the transitions that an earlier controller has left."""
        conf = self._agenda.configuration
        for (component, name), begun in self._recorded.begun.items():
            if begun.assumed is not None:
                self._writer.add(begun.assumed._replace(ended=self.now(), execution=begun.execution))
            host = self._scopes.host(component)
            if begun.failed:
                self._trying[component] = self._trying.get(component, 0) + 1
                self._slots.stand_in_line(host.name, Step(StepKind.RETRY, component, name))
            else:
                self._slots.take(host.name)
                kind = self._system.tables[conf.components[component].type].kind
                self._launch(component, kind.transition[name], begun.fired, begun.execution, begun.count)

    def _settle(self) -> None:
        """Take every step that may be taken; see whether the run is over."""
        try:
            if not self._stopping and not self._divergence and not self._advance():
                asyncio.get_running_loop().call_soon(self._settle)
            elif not self._live and not self._over.done() and not self._looking():
                self._over.set_result(None)
        except Exception as error:
            if not self._over.done():
                self._over.set_exception(error)

    def _advance(self) -> bool:
        """Take the steps that may be taken; False when there are more: then others in the loop come first."""
        for _ in range(STEPS_IN_A_ROW):
            if self._stopping or self._agenda.configuration.clash is not None:
                return True
            taken = self._agenda.take_next(self._hold)
            if taken is None:
                self._admitted = self._slots.next()
                if self._admitted is None:
                    return True
                if self._admitted.kind is StepKind.RETRY:
                    self._retry(self._admitted)
                else:
                    self._agenda.release(self._admitted)
                continue
            step, cause = taken
            seq = self._note(step, self._freed if step == self._admitted else cause)
            self._admitted = None
            if step.kind is StepKind.FIRE and self._agenda.configuration.clash is None:
                self._fire(step, seq)
        return False

    def _looking(self) -> bool:
        """Whether a step may still be found to be clear."""
        ending = self._stopping or bool(self._divergence)
        return not ending and self._lookout is not None and self._lookout.pending

    def _clear(self, step: Step) -> None:
        if self._agenda.is_held(step):
            self._agenda.release(step)
        self._settle()

    def _diverged(self, step: Step, reason: str) -> None:
        self._divergence = self._divergence or f"before {step}: {reason}"
        self._settle()

    def _hold(self, step: Step) -> bool:
        if step.kind is StepKind.ROLLBACK:
            return True  # the layers are taken back when the run has ended, and not every run says so in its program
        if step.kind in STARTS and self._is_lost():
            return True
        if step.kind is StepKind.RECOVER:
            return step.component in self._trying or step.component in self._undecided
        if self._lookout is not None and self._lookout.holds(self._agenda.configuration, step):
            return True
        if step.kind is not StepKind.FIRE or not self._transition(step).actions:
            return False
        host = self._scopes.host(step.component).name
        if step != self._admitted and not self._slots.is_free(host):
            self._slots.stand_in_line(host, step)
            self._publish(TransitionHeld(self.now(), step.component, step.element, host))
            return True
        self._slots.take(host)
        return False

    def _fire(self, step: Step, seq: int) -> None:
        transition = self._transition(step)
        if not transition.actions:
            end = Step(StepKind.END, step.component, step.element)
            self._agenda.take(end)
            self._note(end, seq)
            return
        key = (step.component, step.element)
        count = self._recorded.counts.get(key, 0)
        self._recorded.counts[key] = count + 1
        self._launch(step.component, transition, seq, seq, count)

    def _retry(self, step: Step) -> None:
        begun = self._recorded.begun[(step.component, step.element)]
        self._slots.take(self._scopes.host(step.component).name)
        self._agenda.take(step)
        self._tried(step.component)
        seq = self._note(step, begun.ended)
        self._launch(step.component, self._transition(step), begun.fired, seq, begun.count)

    def _tried(self, component: str) -> None:
        """A failed transition runs again; after the last one of its component the next failure may be recovered from."""
        self._trying[component] -= 1
        if self._trying[component] == 0:
            del self._trying[component]
            behavior = self._agenda.configuration.components[component].head
            held = Step(StepKind.RECOVER, component, behavior or "")
            if self._agenda.is_held(held):
                self._agenda.release(held)

    def _launch(self, component: str, transition: Transition, fired: int, execution: int, count: int) -> None:
        begun = self._recorded.begun.get((component, transition.name))
        host = self._scopes.host(component)
        firing = Firing(component, transition, host.name, fired, execution, count)
        if begun is not None and begun.fired == fired:
            firing.known = begun.known
        problem: InputError | None = None
        try:
            firing.scope = self._scopes.of(self._agenda.configuration, component, transition)
        except InputError as error:
            problem = error
        self._live[firing] = asyncio.ensure_future(self._act(firing, host, problem))

    async def _act(self, firing: Firing, host: Host, problem: InputError | None) -> None:
        """Follow one transition from its FIRE to its end."""
        try:
            kind = self._system.tables[self._system.instances[firing.component].type].kind
            produced: Produced = ()
            failure: TransitionFailed | None = None
            try:
                if problem is not None:
                    raise TransitionFailed(problem, AttemptState.FAILED)
                async with self._place(firing, host):
                    produced = await self._performer.perform(firing, host, kind)
            except TransitionFailed as failed:
                failure = failed
            except asyncio.CancelledError:
                if not self._stopping or self._writer.broken.done():
                    raise
                state = self._performer.interrupted(firing)
                failure = TransitionFailed(Stopped("the run was stopped while it ran"), state)
            self._ended(firing, produced, failure)
        except (FencedOff, JournalUnusable):
            return  # the writer has told
        except Exception as error:
            if not self._over.done():
                self._over.set_exception(error)

    def _transport(self, component: str, host: Host) -> Transport:
        """The channel that an instance acts through: into the host, or into its layers."""
        inner = self._transports.of(host)
        layered = self._layered is not None and self._system.instances[component].layered
        return self._layered.transport(inner) if self._layered is not None and layered else inner

    @contextlib.asynccontextmanager
    async def _place(self, firing: Firing, host: Host) -> AsyncIterator[None]:
        """Where a transition acts. Raises TransitionFailed when there is no getting there."""
        if self._layered is None or not self._system.instances[firing.component].layered:
            yield
            return
        async with contextlib.AsyncExitStack() as stack:
            try:
                begun = any(known.look or known.done for known in firing.known.values())
                await stack.enter_async_context(self._layered.transition(host, firing.name, begun))
            except ExecutorError as error:
                raise TransitionFailed(error, AttemptState.FAILED) from error
            yield

    def _ended(self, firing: Firing, produced: Produced, failure: TransitionFailed | None) -> None:
        del self._live[firing]
        # After a clash of tokens no step is allowed any more; what was running is waited for and that is all.
        if self._agenda.configuration.clash is None:
            step = Step(StepKind.FAIL if failure else StepKind.END, firing.component, firing.transition.name)
            self._agenda.take(step, produced)
            self._freed = self._note(step, firing.execution, produced)
        self._slots.give_back(firing.host)
        if failure is not None:
            if failure.state is AttemptState.LOST:
                self._undecided.add(firing.component)
            self._failures[(firing.component, firing.transition.name)] = Failure.of(firing, failure, self._vault)
            state = self._agenda.configuration.components[firing.component]
            self._failed_for_good = self._failed_for_good or is_final(self._system, state)
        self._settle()

    def _note(self, step: Step, cause: int, produced: Produced = ()) -> int:
        """Record a step that was taken; its index."""
        seq, now = len(self._events), self.now()
        self._events.append(Event(now, step, cause))
        self._writer.add(StepRecord(seq, now, step, cause, produced_to_text(produced)))
        if self._session.listeners:
            self._publish(StepTaken(now, seq, step, cause))
        return seq

    async def _end(self, firing: Firing, task: asyncio.Task[None]) -> None:
        """End what a transition does on its host."""
        try:
            async with asyncio.timeout(KILL_PATIENCE):
                if firing.job is not None and firing.begun:
                    firing.stopped = True
                    host = self._scopes.host(firing.component)
                    await self._transports.of(host).kill(firing.job)
                    await asyncio.wait((task,))
        except (TimeoutError, HostError):
            pass
        finally:
            task.cancel()

    async def _let_go(self) -> None:
        """Wait for nothing more: used when the run is over, and when it broke down."""
        if self._lookout is not None:
            await self._lookout.close()
        for task in (*self._live.values(), *self._endings):
            task.cancel()
        await asyncio.gather(*self._live.values(), *self._endings, return_exceptions=True)
        try:
            await self._writer.close()
        except (FencedOff, JournalUnusable):
            if not self._writer.broken.done():
                raise

    async def _forget(self) -> None:
        try:
            async with asyncio.timeout(FORGET_PATIENCE):
                await self._transports.forget()
        except (TimeoutError, HostError):
            pass

    def _conclude(self) -> RunResult:
        trace = Trace(self._system.assembly.name, tuple(self._events), self._stages())
        return conclude(
            self._system,
            self._agenda.configuration,
            trace,
            run=self.run_id,
            state_directory=self._session.journal.path.parent,
            failures=tuple(self._failures.values()),
            stopped=self._stopping,
            divergence=self._divergence,
        )

    def _transition(self, step: Step) -> Transition:
        state = self._agenda.configuration.components[step.component]
        return self._system.tables[state.type].kind.transition[step.element]

    def _stages(self) -> tuple[tuple[str, ...], ...]:
        return tuple(tuple(program.name for program in stage) for stage in self._system.stages)

    def _publish(self, event: ProgressEvent) -> None:
        for listener in self._session.listeners:
            listener(event)
