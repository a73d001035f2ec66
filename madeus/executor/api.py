"""Running an assembly from Python: the doors that the command line and notebooks use.

::

    result = run_assembly(assembly, inventory=load_inventory(Path("hosts.toml")))
    result = resume_run(result.run)
    result = await run_assembly_async(assembly)          # in a loop of one's own
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
import time
from collections.abc import Callable, Collection, Coroutine, Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from madeus.executor.action.registry import Registry
from madeus.executor.divergence import Look
from madeus.executor.errors import ExecutorError
from madeus.executor.interrupt import Stoppable, stops_on_signals
from madeus.executor.inventory import Inventory
from madeus.executor.journal.errors import FencedOff, Holder, JournalUnusable
from madeus.executor.journal.events import RunEnded, RunState
from madeus.executor.journal.lock import Enter, open_run, reopen_run
from madeus.executor.journal.snapshot import (
    inventory_from_json,
    inventory_to_json,
    program_to_json,
    system_from_json,
)
from madeus.executor.journal.store import Journal
from madeus.executor.preflight import check_runnable
from madeus.executor.progress import Listener
from madeus.executor.reconcile import Decisions, judge, recall
from madeus.executor.result import RunResult
from madeus.executor.run import Controller
from madeus.executor.secrets import gather_secrets
from madeus.executor.session import Session
from madeus.executor.transport.pool import Transports
from madeus.model import Assembly, Program
from madeus.model.codec import NotAModel
from madeus.semantics import Configuration, System

if TYPE_CHECKING:
    from madeus.executor.layers.operate import Hosts
    from madeus.executor.layers.running import LayeredRun
    from madeus.executor.layers.store import LayerStore

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class RunOptions:
    """How to run; nothing here changes what is run."""

    inventory: Inventory | None = None
    """Of a resume: in place of the recorded one. None: only `local` is known, or the recorded one."""
    state: Path | None = None
    """Directory of the journal; see `state_directory`."""
    secrets_file: Path | None = None
    secrets: Mapping[str, str] = field(default_factory=dict, repr=False)
    """Values given here win over the environment and the file."""
    limit: int | None = None
    """Transitions that act at once in total; None: what the inventory says."""
    listeners: Sequence[Listener] = ()
    take_over: bool = False
    """Take the assembly from a controller that still holds it."""
    handle_signals: bool = False
    """Let SIGINT and SIGTERM stop the run; a second one ends the process at once. In the main thread only."""
    registry: Registry | None = None
    """Kinds of action; None: the built-in ones and those of installed packages."""
    transports: Callable[[str], Transports] = Transports
    """Makes the transports of a run, by its name."""
    on_start: Callable[[Stoppable], None] | None = None
    """Told the run's controller, whose `stop` ends it; called in the run's loop."""
    clock: Callable[[], float] = time.monotonic
    """Seconds of any origin, for the times in the trace."""
    wall: Callable[[], float] = time.time
    """Seconds since the Unix epoch."""
    journal_thread: Callable[[], Executor] | None = None
    """Makes what waits for the disk; None: a thread."""
    rollback: bool = False
    """Whether the layers of the machines go back to what they were before the run when it fails; a program that says
    ``on_failure rollback`` has that in any case."""
    layer_hosts: Callable[[LayerStore], Hosts] | None = None
    """Makes what layers are operated through, for simulations."""
    before_step: Look | None = None
    """Asked before each step that moves a component whether its host is as the model says; see `madeus.executor.divergence`."""
    probes: bool | None = None
    """Ask the probes of places that a step relies on before it is taken; one that does not hold stops the run. None: a
    resumed run asks as it began, a new one does not (the command line and `madeus.Design` make it True)."""
    journal: Journal | None = field(default=None, repr=False)
    """An open journal in place of the one in `state`; it is left open."""


@dataclass(frozen=True, slots=True)
class Origin:
    """Where an assembly comes from."""

    file: Path | None = None
    """The .madeus file."""
    base: Path | None = None
    """Directory that local files of actions are relative to; None: the file's, else the current one."""
    digest: str = ""
    """SHA-256 of the text, in hexadecimal."""
    secrets: tuple[str, ...] = ()
    """Names of the secrets that the model declares."""


@dataclass(frozen=True, slots=True)
class Life:
    """What makes a run one on a live assembly."""

    name: str
    """Of the live assembly."""
    begin: Configuration | None
    """Where it stands; None: nothing of it is there yet."""
    lock: str
    """What no other run may hold at the same time."""
    enter: Enter


async def run_assembly_async(
    assembly: Assembly,
    stages: Sequence[Sequence[Program]] = (),
    origin: Origin | None = None,
    options: RunOptions | None = None,
    life: Life | None = None,
) -> RunResult:
    """Deploy an assembly, or run programs on it: those of a stage side by side, the stages one after another.

    life: of a run on a live assembly, which goes on from where that stands; see `madeus.executor.live`.

    Raises:
        NotRunnable: unknown hosts, actions that are not well written, secrets without a value; nothing was done.
        AssemblyLocked: another controller runs it.
        JournalUnusable, FencedOff: see there.
        HiddenValueLost: of a resume.
    """
    origin, options = origin or Origin(), options or RunOptions()
    inventory = options.inventory or Inventory()
    system = System(assembly, stages, None, life.begin if life else None)
    secrets = _secrets(origin.secrets, options)
    registry = options.registry or Registry.installed()
    check_runnable(system, inventory, registry, origin.secrets, secrets, bool(options.probes))
    file = str(origin.file.absolute()) if origin.file else ""
    base = (origin.base or (origin.file.parent if origin.file else Path())).absolute()
    with _journal(options, create=True) as journal:
        created = options.wall()
        holder = open_run(
            journal,
            assembly=assembly.name,
            stages=[[program.name for program in stage] for stage in stages],
            file=file,
            base=str(base),
            digest=origin.digest,
            lock=life.lock
            if life
            else "\n".join((file, assembly.name, str(inventory.path.absolute()) if inventory.path else "")),
            program=program_to_json(assembly, stages, system.begin),
            inventory=inventory_to_json(inventory),
            settings={
                "limit": options.limit,
                "secrets": list(origin.secrets),
                **({"probes": True} if options.probes else {}),
                **({"live": life.name} if life else {}),
            },
            take_over=options.take_over,
            now=created,
            enter=life.enter if life else None,
        )
        session = Session(
            system=system,
            inventory=inventory,
            journal=journal,
            holder=holder,
            created=created,
            base=base,
            secrets=secrets,
            limit=options.limit,
            registry=registry,
            transports=options.transports,
            clock=options.clock,
            wall=options.wall,
            listeners=options.listeners,
            journal_thread=options.journal_thread,
            before_step=options.before_step,
            probes=bool(options.probes),
            layered=_layered(system, options, journal, holder, inventory),
            rollback=options.rollback or any(program.rollback for program in system.programs),
        )
        return await _drive(session, options, lambda: Controller(session, recall(system, ())))


async def resume_run_async(
    run: str, options: RunOptions | None = None, decisions: Decisions | None = None
) -> RunResult:
    """Go on with a run (its name as `Journal.find` takes it) that failed, was stopped, or lost its controller.

    Raises:
        UnknownRun, NotResumable: there is nothing to go on with, or a decision does not fit.
        NotRunnable, AssemblyLocked, JournalUnusable, FencedOff: as `run_assembly_async`.
    """
    options, decisions = options or RunOptions(), decisions or Decisions()
    with _journal(options, create=False) as journal:
        head = journal.head(journal.find(run))
        try:
            system = system_from_json(head.program)
            inventory = options.inventory or inventory_from_json(head.inventory)
        except NotAModel as error:
            raise journal.damaged(str(error)) from error
        names, limit = head.settings["secrets"], head.settings["limit"]
        secrets = _secrets(names, options)
        registry = options.registry or Registry.installed()
        probes = head.settings.get("probes", False) if options.probes is None else options.probes
        check_runnable(system, inventory, registry, names, secrets, probes)
        holder = reopen_run(journal, head.id, options.take_over)
        session = Session(
            system=system,
            inventory=inventory,
            journal=journal,
            holder=holder,
            created=head.created,
            base=Path(head.base),
            secrets=secrets,
            limit=options.limit if options.limit is not None else limit,
            registry=registry,
            transports=options.transports,
            clock=options.clock,
            wall=options.wall,
            listeners=options.listeners,
            journal_thread=options.journal_thread,
            before_step=options.before_step,
            probes=probes,
            layered=_layered(system, options, journal, holder, inventory),
            rollback=options.rollback or any(program.rollback for program in system.programs),
        )

        def made() -> Controller:
            session.earlier, session.attempts = journal.steps(head.id), journal.attempts(head.id)
            try:
                recorded = recall(system, session.earlier)
                judge(recorded, session.attempts, registry, decisions, head.id)
            except NotAModel as error:
                raise journal.damaged(str(error)) from error
            return Controller(session, recorded)

        before = RunState.INTERRUPTED if head.state is RunState.RUNNING else head.state
        return await _drive(session, options, made, before)


def run_assembly(
    assembly: Assembly,
    stages: Sequence[Sequence[Program]] = (),
    origin: Origin | None = None,
    options: RunOptions | None = None,
    life: Life | None = None,
) -> RunResult:
    """`run_assembly_async` for callers without an event loop, or inside one (a notebook)."""
    return waited(run_assembly_async(assembly, stages, origin, options, life))


def resume_run(run: str, options: RunOptions | None = None, decisions: Decisions | None = None) -> RunResult:
    """`resume_run_async` for callers without an event loop, or inside one (a notebook)."""
    return waited(resume_run_async(run, options, decisions))


def waited(work: Coroutine[Any, Any, T]) -> T:
    """The result of a coroutine: in this thread, or in one of its own where a loop runs in this one."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return asyncio.run(work)
    results: list[T] = []
    errors: list[BaseException] = []

    def body() -> None:
        try:
            results.append(asyncio.run(work))
        except BaseException as error:
            errors.append(error)

    thread = threading.Thread(target=body, name="madeus-run")
    thread.start()
    thread.join()
    if errors:
        raise errors[0]
    return results[0]


async def _drive(
    session: Session, options: RunOptions, made: Callable[[], Controller], before: RunState = RunState.INTERRUPTED
) -> RunResult:
    """Make a controller and let it drive; when it breaks down, give the lock back and leave the run in an earlier state."""
    holder: Holder = session.holder
    try:
        controller = made()
        if options.on_start is not None:
            options.on_start(controller)
        with stops_on_signals(controller) if options.handle_signals else contextlib.nullcontext():
            return await controller.run()
    except (FencedOff, JournalUnusable):
        raise
    except BaseException as error:
        state = before if isinstance(error, ExecutorError) else RunState.INTERRUPTED
        with contextlib.suppress(FencedOff, JournalUnusable):
            session.journal.write(holder.run, holder.epoch, [RunEnded(state, time.time())])
        raise


def _layered(
    system: System, options: RunOptions, journal: Journal, holder: Holder, inventory: Inventory
) -> Callable[[Transports], LayeredRun] | None:
    """What makes the layers that instances of a system live in; None when none does."""
    from madeus.executor.layers.running import LayeredRun, acts_in_layers

    if not acts_in_layers(system):
        return None
    return lambda transports: LayeredRun(holder.run, journal.path.parent, inventory, transports, options.layer_hosts)


@contextlib.contextmanager
def _journal(options: RunOptions, create: bool) -> Any:
    if options.journal is not None:
        yield options.journal
        return
    journal = Journal.open(options.state, create)
    try:
        yield journal
    finally:
        journal.close()


def _secrets(names: Collection[str], options: RunOptions) -> dict[str, str]:
    found = gather_secrets(names, options.secrets_file)
    return {**found, **{name: value for name, value in options.secrets.items() if name in names}}


__all__ = [
    "Decisions",
    "Origin",
    "RunOptions",
    "resume_run",
    "resume_run_async",
    "run_assembly",
    "run_assembly_async",
    "waited",
]
