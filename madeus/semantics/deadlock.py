"""What waits for what: why a run that can go no further has not come to its end."""

from __future__ import annotations

from dataclasses import dataclass

from madeus.model import Add, Connect, Push
from madeus.semantics.blocker import Wait
from madeus.semantics.configuration import Clash, ComponentState, Configuration, Fate
from madeus.semantics.instruction import touched
from madeus.semantics.step import Step, StepKind, blocked, candidates, next_instructions
from madeus.semantics.system import System


@dataclass(frozen=True, slots=True)
class Stuck:
    """Something that cannot go on."""

    who: str
    """The component, or the program."""
    step: Step | None
    """The step that waits; None when there is no token left that could make one."""
    reason: str
    """A sentence about the port, the instruction or the token it waits for."""
    waits_for: str = ""
    """The component or program it waits for; empty when it waits for none."""

    def __str__(self) -> str:
        return f"{self.step or self.who}: {self.reason}"


@dataclass(frozen=True, slots=True)
class Deadlock:
    """A configuration in which nothing can move although something is left to do."""

    stuck: tuple[Stuck, ...]
    cycle: tuple[str, ...] = ()
    """Components and programs that wait for each other in a circle, in order; empty when there is no circle."""
    clash: Clash | None = None

    def __str__(self) -> str:
        lines = [str(stuck) for stuck in self.stuck]
        if self.cycle:
            lines.append("circular wait: " + " -> ".join((*self.cycle, self.cycle[0])))
        if self.clash is not None:
            c = self.clash
            lines.insert(0, f"a second token came for {c.kind} {c.component}.{c.element}, which holds one already")
        return "\n".join(lines)


def is_done(system: System, conf: Configuration) -> bool:
    """Whether every behavior has finished and every program has come to its end, or the run was taken back."""
    if conf.fate is Fate.TAKEN_BACK:
        return True
    if conf.clash is not None or any(state.queue for state in conf.components.values()):
        return False
    return all(at == len(p.instructions) for at, p in zip(conf.positions, system.programs, strict=True))


def find_deadlock(system: System, conf: Configuration) -> Deadlock | None:
    """The deadlock of a configuration in which no step is enabled and no action runs; None when all is done.

    For every stuck component it names what it waits for; see "Never a hang" in the semantics.
    """
    if is_done(system, conf):
        return None
    if conf.clash is not None:
        return Deadlock((), clash=conf.clash)
    stuck: list[Stuck] = []
    for component in sorted(conf.components):
        state = conf.components[component]
        if state.queue:
            stuck.extend(_stuck_component(system, conf, component, state))
    for step in next_instructions(system, conf):
        reason = blocked(system, conf, step)
        if reason is not None:
            instruction = system.programs[system.program_index[step.component]].instructions[step.position]
            waits_for = reason.waits_for if isinstance(reason, Wait) else ""
            stuck.append(Stuck(step.component, step, f"`{instruction}` {reason}", waits_for))
    return Deadlock(tuple(stuck), _cycle(system, conf, stuck))


def _stuck_component(system: System, conf: Configuration, component: str, state: ComponentState) -> list[Stuck]:
    found: list[Stuck] = []
    for failed in sorted(state.failed):
        found.append(Stuck(component, None, f"transition {component}.{failed} has failed"))
    for step in candidates(system, conf, component):
        if step.kind in (StepKind.END, StepKind.FAIL):
            continue
        reason = blocked(system, conf, step)
        if isinstance(reason, Wait):
            found.append(Stuck(component, step, str(reason), reason.waits_for))
    found.extend(_incomplete_joins(system, component, state))
    return found


def _incomplete_joins(system: System, component: str, state: ComponentState) -> list[Stuck]:
    kind = system.tables[state.type].kind
    head = state.head or ""
    found: list[Stuck] = []
    for dock in sorted(state.input_docks):
        for station in kind.stations_of(kind.transition[dock]):
            needed = kind.stations.get((head, station), ())
            missing = [t for t in needed if t not in state.input_docks]
            idle = [t for t in missing if t not in state.output_docks | state.running | state.failed]
            if missing and idle:
                place = kind.station_place[station]
                names = ", ".join(f"{component}.{t}" for t in idle)
                found.append(
                    Stuck(component, None, f"the join at {component}.{place} waits for {names}, which holds no token")
                )
    return found


def _awaited(system: System, step: Step, component: str) -> bool:
    """Whether a program comes to a push to a component, or adds it, after the instruction it stands at."""
    instructions = system.programs[system.program_index[step.component]].instructions
    return any(
        component in touched(system, step.component, position)
        for position in range(step.position + 1, len(instructions))
        if isinstance(instructions[position], Push | Add | Connect)
    )


def _cycle(system: System, conf: Configuration, stuck: list[Stuck]) -> tuple[str, ...]:
    """A shortest-found circle in the waits-for graph, by depth-first search over its edges."""
    edges: dict[str, list[str]] = {}
    for entry in stuck:
        if entry.waits_for:
            edges.setdefault(entry.who, []).append(entry.waits_for)
    # An idle component that somebody waits for can only be moved by a program that has not come to its push yet.
    programs = [s.step for s in stuck if s.step is not None and s.step.kind is StepKind.PROGRAM]
    for target in dict.fromkeys(entry.waits_for for entry in stuck if entry.step is not None and entry.waits_for):
        state = conf.components.get(target)
        if state is None or not state.queue:
            edges.setdefault(target, []).extend(s.component for s in programs if _awaited(system, s, target))
    done: set[str] = set()
    for root in edges:
        path: list[str] = []
        on_path: dict[str, int] = {}
        pending: list[tuple[str, int]] = [(root, 0)]
        while pending:
            node, at = pending.pop()
            if at == 0:
                if node in on_path:
                    return tuple(path[on_path[node] :])
                if node in done:
                    continue
                on_path[node] = len(path)
                path.append(node)
            targets = edges.get(node, [])
            if at < len(targets):
                pending.append((node, at + 1))
                pending.append((targets[at], 0))
            else:
                done.add(node)
                path.pop()
                del on_path[node]
    return ()
