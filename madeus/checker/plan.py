"""What is asked of a model: the properties of its verify blocks that were chosen, and the health checks of its assemblies."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

from madeus.checker.engine import Budget
from madeus.checker.explanation import Where, nowhere
from madeus.checker.health import pushed_behaviors
from madeus.checker.problem import Health, Problem, is_taken_back, with_failures
from madeus.checker.report.model import Block
from madeus.checker.verdict import Ailment, Findings, Verdict
from madeus.diagnostics import Span
from madeus.model import DEFAULT_BEHAVIOR, Model
from madeus.semantics import System

Stages = tuple[tuple[str, ...], ...]
Systems = dict[tuple[str, Stages, int], System]
"""Systems by assembly, programs and number of failures: questions about the same one share what engines work out of it."""


class NothingChosen(ValueError):
    """No verify block or property has that number or title, or no block is of that assembly. chosen: as it was given;
    known: titles there are."""

    def __init__(self, chosen: str, known: Sequence[str]) -> None:
        super().__init__(chosen, tuple(known))
        self.chosen = chosen
        self.known = tuple(known)

    def __str__(self) -> str:
        return f"there is no {self.chosen}; there is: {', '.join(self.known) or 'no verify block'}"


@dataclass(frozen=True, slots=True)
class Wish:
    """What is to be checked, and how."""

    assembly: str | None = None
    """Only the blocks of this assembly."""
    verify: str | None = None
    """Only this block, by its number in the file or its title, or one property of it: ``2``, ``site after up``, ``2#3``."""
    engine: str = "auto"
    cross_check: bool = False
    """Whether a second engine has to come to the same answer."""
    budget: Budget = field(default_factory=Budget)
    """For each question."""
    health: bool = True
    """Whether to look for deadlocks and for what can never happen, which is done for whole assemblies only."""


@dataclass(frozen=True)
class Ask:
    """A block of questions, not answered yet."""

    title: str
    assembly: str
    number: int
    """Position in the file, from 1; 0 for health checks."""
    span: Span | None
    problems: tuple[tuple[int, Problem, Span | None], ...]
    """(position in the block, problem, where it is written)."""
    doc: str = ""
    notes: tuple[str, ...] = ()
    titles: tuple[str, ...] = ()
    """For health checks: the title of the block that each problem is the system of."""

    @property
    def head(self) -> Block:
        """The block without answers."""
        return Block(self.title, self.number, self.span, (), self.doc, self.notes)


def plan(model: Model, wish: Wish, where: Where = nowhere) -> tuple[Ask, ...]:
    """The blocks that a wish chooses, health checks last. Raises NothingChosen."""
    systems: Systems = {}
    asked = [ask for ask in _blocks(model, where, systems) if wish.assembly in (None, ask.assembly)]
    if wish.assembly is not None and wish.assembly not in model.assemblies:
        raise NothingChosen(f"assembly {wish.assembly}", tuple(model.assemblies))
    selected = _select(asked, wish.verify)
    if wish.health and wish.verify is None:
        selected += _health(model, where, systems, wish.assembly)
    return tuple(selected)


def _system(model: Model, assembly: str, stages: Stages, failures: int, systems: Systems) -> System:
    key = (assembly, stages, failures)
    if key not in systems:
        if failures:
            systems[key] = with_failures(_system(model, assembly, stages, 0, systems), failures)
        else:
            programs = tuple(tuple(model.programs[name] for name in stage) for stage in stages)
            systems[key] = System(model.assemblies[assembly], programs)
    return systems[key]


def _blocks(model: Model, where: Where, systems: Systems) -> Iterator[Ask]:
    written: dict[str, int] = {}
    for number, verify in enumerate(model.verifications, 1):
        # A second block of the same title counts on, as the source map does.
        before = written.get(verify.title, 0)
        written[verify.title] = before + len(verify.properties)
        problems = []
        for position, asked in enumerate(verify.properties, 1):
            safe = _system(model, verify.assembly, verify.stages, 0, systems)
            covered = asked.failures if is_taken_back(safe, asked.question) else 0
            system = _system(model, verify.assembly, verify.stages, asked.failures - covered, systems)
            span = where(f"verify {verify.title}#{before + position}")
            problems.append((position, Problem(system, asked.question, covered), span))
        span = where(f"verify {verify.title}")
        yield Ask(verify.title, verify.assembly, number, span, tuple(problems), verify.doc)


def _select(asks: list[Ask], chosen: str | None) -> list[Ask]:
    if chosen is None:
        return asks
    head, sign, tail = chosen.rpartition("#")
    block = " ".join((head if sign else tail).split())
    found = [ask for ask in asks if block in (str(ask.number), ask.title)]
    if not found:
        raise NothingChosen(f"verify block {block}", [f"{ask.number} ({ask.title})" for ask in asks])
    if not sign:
        return found
    kept = [replace(ask, problems=tuple(p for p in ask.problems if str(p[0]) == tail.strip())) for ask in found]
    if not any(ask.problems for ask in kept):
        known = [f"{ask.number}#{p[0]} ({p[1]})" for ask in found for p in ask.problems]
        raise NothingChosen(f"property {chosen}", known)
    return [ask for ask in kept if ask.problems]


def _health(model: Model, where: Where, systems: Systems, only: str | None) -> list[Ask]:
    """The health checks of each assembly: under the programs of each of its verify blocks, or alone when it has none."""
    found: list[Ask] = []
    for name in model.assemblies if only is None else (only,):
        heads: dict[Stages, str] = {v.stages: v.title for v in model.verifications if v.assembly == name}
        notes: tuple[str, ...] = ()
        if not heads and _deploys(model, name):
            heads = {(): name}
        elif not heads:
            notes = ("no verify block says in which order its programs run",)
        span = where(f"assembly {name}")
        problems = tuple(
            (at, Problem(_system(model, name, stages, 0, systems), Health()), span)
            for at, stages in enumerate(heads, 1)
        )
        found.append(Ask(f"health of {name}", name, 0, span, problems, notes=notes, titles=tuple(heads.values())))
    return found


def _deploys(model: Model, name: str) -> bool:
    """Whether an assembly does something without a program."""
    assembly = model.assemblies[name]
    if not any(program.assembly == name for program in model.programs.values()):
        return True
    return any(DEFAULT_BEHAVIOR in assembly.types[i.type].behaviors for i in assembly.instances)


@dataclass(frozen=True, slots=True)
class View:
    """What a verify block shows of an assembly's life."""

    asked: frozenset[tuple[str, str]]
    """(component, element) that the programs of the block might move."""
    dead: frozenset[tuple[Ailment, str, str]]
    """(ailment, component, element) that was found all the same."""

    @staticmethod
    def of(system: System, verdict: Verdict) -> View | None:
        """The view of a health check; None when it came to no answer."""
        if not isinstance(verdict.measure, Findings):
            return None
        dead = {(f.ailment, f.component, f.element) for f in verdict.measure.findings}
        asked: set[tuple[str, str]] = set()
        for component, behaviors in pushed_behaviors(system).items():
            instance = system.instances.get(component)
            if instance is None:
                continue
            kind = system.assembly.types[instance.type]
            asked.update((component, behavior) for behavior in behaviors)
            asked.update((component, use.name) for use in kind.uses)
            for t in kind.transitions:
                pushed = [behavior for behavior in behaviors if behavior in t.behaviors]
                if pushed:
                    asked.update(((component, t.name), (component, t.destination)))
                if pushed and all((Ailment.DEAD_BEHAVIOR, component, behavior) in dead for behavior in pushed):
                    dead.add((Ailment.DEAD_TRANSITION, component, t.name))
        return View(frozenset(asked), frozenset(dead))

    def moves(self, ailment: Ailment, component: str, element: str) -> bool:
        """Whether something that is dead in another block moves in this one."""
        return (component, element) in self.asked and (ailment, component, element) not in self.dead
