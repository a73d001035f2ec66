"""Reading a run back: its trace, its assembly, and what each action did."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from madeus.executor.inventory import Inventory
from madeus.executor.journal.events import AttemptRecord, RunHead, RunState
from madeus.executor.journal.lock import holder_of, is_alive
from madeus.executor.journal.snapshot import inventory_from_json, system_from_json
from madeus.executor.journal.store import Journal
from madeus.model import Action, Assembly, Program, Secret, Value
from madeus.model.codec import NotAModel
from madeus.semantics import Event, System, Trace


@dataclass(frozen=True, slots=True)
class ActionRecord:
    """One attempt of an action, as the journal has it. Secrets are masked."""

    description: str
    """The action as written, ``${...}`` included."""
    attempt: AttemptRecord

    @property
    def seconds(self) -> float:
        """How long it took: on the host's clock, else on the controller's; 0 when it has not ended."""
        a = self.attempt
        if a.seconds is not None:
            return a.seconds
        return a.ended - a.began if a.ended is not None and a.began is not None else 0.0


@dataclass(frozen=True, slots=True)
class ExecutionRecord:
    """What one execution of a transition did."""

    component: str
    transition: str
    host: str
    """Name in the inventory."""
    actions: tuple[ActionRecord, ...] = ()


@dataclass(frozen=True)
class RunRecord:
    """A run read back."""

    head: RunHead
    system: System
    inventory: Inventory
    trace: Trace
    details: Mapping[int, ExecutionRecord]
    """By the index of the FIRE or RETRY that began the execution (`Execution.fired`)."""
    lost: bool
    """Whether the run has no end and its controller is dead."""

    @property
    def assembly(self) -> Assembly:
        """The assembly that was run."""
        return self.system.assembly

    @property
    def programs(self) -> tuple[Program, ...]:
        """The programs that were run on it."""
        return self.system.programs

    @property
    def status(self) -> str:
        """The run's state in a word; ``lost`` when its controller died."""
        return "lost" if self.lost else str(self.head.state)


def read_run(name: str, state: Path | None = None, journal: Journal | None = None) -> RunRecord:
    """A run by name (see `Journal.find`) from the journal of a state directory, or from an open one.

    Raises:
        UnknownRun: there is none of that name (a LookupError).
        JournalUnusable: there is no journal, or it is damaged.
    """
    if journal is None:
        opened = Journal.open(state, create=False)
        try:
            return read_run(name, journal=opened)
        finally:
            opened.close()
    head = journal.head(journal.find(name))
    try:
        system = system_from_json(head.program)
        inventory = inventory_from_json(head.inventory)
    except NotAModel as error:
        raise journal.damaged(str(error)) from error
    # Attempts first: what a controller writes in between belongs to executions whose steps are read after it.
    attempts = journal.attempts(head.id)
    trace = Trace(
        system.assembly.name, tuple(Event(s.time, s.step, s.cause) for s in journal.steps(head.id)), head.stages
    )
    details = _details(system, inventory, trace, attempts)
    return RunRecord(head, system, inventory, trace, details, is_lost(journal, head))


def load_run(name: str, state: Path | None = None) -> tuple[Trace, Assembly, Mapping[int, ExecutionRecord]]:
    """Trace, assembly and details of a run; raises as `read_run`."""
    run = read_run(name, state)
    return run.trace, run.assembly, run.details


def is_lost(journal: Journal, head: RunHead) -> bool:
    """Whether a run is said to be running and nobody runs it."""
    if head.state is not RunState.RUNNING:
        return False
    holder = holder_of(journal, head.lock)
    return holder is None or holder.run != head.id or not is_alive(holder)


def written(action: Action) -> str:
    """An action much as the language writes it, in one line; its ``${...}`` are left as they stand."""
    words = [action.kind, *(_quoted(value) for value in action.arguments)]
    for name, value in action.options:
        # The model keeps the number; the language writes permission bits in octal.
        octal = (name == "mode" or name.endswith("_mode")) and isinstance(value, int)
        words.append(name if value is True else f"{name} {value:04o}" if octal else f"{name} {_quoted(value)}")
    text = " ".join(words)
    return f"{text} -> {', '.join(action.outputs)}" if action.outputs else text


def _quoted(value: Value) -> str:
    match value:
        case bool():
            return str(value).lower()
        case str():
            shown = value.replace("\\", "\\\\")
            return f'"""{shown}"""' if "\n" in value else '"' + shown.replace('"', '\\"') + '"'
        case Secret():
            return f"${{{value.name}}}"
        case ((str(), _), *_) if all(isinstance(item, tuple) and len(item) == 2 for item in value):
            pairs = (item for item in value if isinstance(item, tuple))
            return f"{{ {', '.join(f'{key} = {_quoted(held)}' for key, held in pairs)} }}"
        case tuple():
            return f"[{', '.join(_quoted(item) for item in value)}]"
        case _:
            return str(value)


def _details(
    system: System, inventory: Inventory, trace: Trace, attempts: Sequence[AttemptRecord]
) -> dict[int, ExecutionRecord]:
    grouped: dict[int, list[AttemptRecord]] = {}
    for attempt in attempts:
        grouped.setdefault(attempt.execution, []).append(attempt)
    found: dict[int, ExecutionRecord] = {}
    for execution in trace.executions:
        instance = system.instances.get(execution.component)
        mine = grouped.get(execution.fired, [])
        if instance is None:
            continue
        transition = system.tables[instance.type].kind.transition[execution.transition]
        actions = tuple(
            ActionRecord(written(transition.actions[a.action]), a)
            for a in sorted(mine, key=lambda a: (a.action, a.number))
            if a.action < len(transition.actions)
        )
        host = mine[0].host if mine else inventory.resolve(instance.host).name
        found[execution.fired] = ExecutionRecord(execution.component, execution.transition, host, actions)
    return found
