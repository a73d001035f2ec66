"""The timed engine: boundaries, timed parallelism and limits of time off, where there is a choice."""

from __future__ import annotations

from math import inf
from weakref import WeakKeyDictionary

from madeus.checker import judge
from madeus.checker.counterexample import confirm
from madeus.checker.engine import Watch
from madeus.checker.engines.compare import compare_bounds
from madeus.checker.engines.explicit.compiled import Compiled
from madeus.checker.engines.explicit.engine import Explicit
from madeus.checker.engines.explicit.search import acyclic
from madeus.checker.engines.explicit.target import Condition, NotRepresented, holds
from madeus.checker.engines.timed.classes import Classes, Mark
from madeus.checker.engines.timed.schedule import schedule
from madeus.checker.engines.timed.zone import MARK, NOW, START
from madeus.checker.problem import Problem
from madeus.checker.verdict import Boundaries, Evidence, Fails, Holds, TimeOff, Unknown, Verdict, Width, with_evidence
from madeus.model import Active, Available, Bounds, Parallelism
from madeus.petri.element import ElementKind
from madeus.petri.translate import TranslationError
from madeus.semantics import System, Trace


class Timed:
    """State classes of the translated net."""

    name = "timed"

    def __init__(self) -> None:
        self._explicit = Explicit()
        self._acyclic: WeakKeyDictionary[System, bool] = WeakKeyDictionary()

    def _endless(self, system: System, compiled: Compiled, watch: Watch) -> bool:
        if system not in self._acyclic:
            self._acyclic[system] = compiled.search.reduced(watch).acyclic
        return not self._acyclic[system]

    def refuses(self, problem: Problem) -> str | None:
        """Questions without time, parametric ones, systems without a net."""
        if not problem.timed or not isinstance(problem.question, Bounds | Available | Parallelism):
            return "it answers questions of time alone"
        try:
            compiled = self._explicit.compiled(problem.system)
            if isinstance(problem.question, Bounds):
                compiled.conditions.compile(problem.question.goal.formula)
            elif isinstance(problem.question, Available):
                compiled.conditions.groups(problem.question.component, problem.question.port)
        except TranslationError as error:
            return str(error)
        except NotRepresented:
            return "its net does not keep the data ports that the formula names"
        return None

    def answer(self, problem: Problem, watch: Watch) -> Verdict:
        """Exact, or Unknown for boundaries where runs may be endless before the goal stays. Raises Exhausted."""
        compiled = self._explicit.compiled(problem.system)
        match problem.question:
            case Bounds() as question:
                endless = self._endless(problem.system, compiled, watch)
                if endless and (reason := leaves_open(compiled, question, watch)) is not None:
                    return Unknown(reason)
                verdict = compare_bounds(question, boundaries(problem.system, compiled, question, watch, endless))
            case Available() as question:
                verdict = _available(problem.system, compiled, question, watch)
            case question:
                assert isinstance(question, Parallelism)
                verdict = _parallelism(problem.system, compiled, question, watch)
        return with_evidence(verdict, Evidence(self.name, watch.states, watch.seconds))


def leaves_open(compiled: Compiled, question: Bounds, watch: Watch) -> str | None:
    """Why the dates of endless runs leave a goal open; None when all runs come to it before, and it stays.

    Of all markings, whatever actions take: what is true of them is true of those that timed runs come to.
    """
    condition = compiled.conditions.over(question.goal.formula)
    search, encoding = compiled.search, compiled.encoding
    index = {encoding.initial: 0}
    waiting = [(encoding.initial, search.start)]
    good = [_good(compiled, condition, encoding.initial)]
    before: list[list[int]] = []
    for marking, enabled in waiting:
        watch.tick()
        out: list[int] = []
        was = good[index[marking]]
        for t in enabled:
            after = marking + encoding.delta[t]
            target = index.get(after)
            if target is None:
                target = index[after] = len(waiting)
                waiting.append((after, search.enabled_after(enabled, after, t)))
                good.append(_good(compiled, condition, after))
            if was and not good[target]:
                return f"a run may be endless, and {question.goal.name} may cease to hold on it"
            if not was and not good[target]:
                out.append(target)
        before.append(out)
    if not acyclic(before):
        return f"a run may be endless before it comes to {question.goal.name}, and so may be the classes of its dates"
    return None


def _good(compiled: Compiled, condition: Condition, marking: int) -> bool:
    return not marking & compiled.encoding.halting and holds(condition, marking)


def _trace(system: System, compiled: Compiled, classes: Classes, number: int, latest: bool) -> Trace:
    path = classes.path(number)
    return confirm(system, compiled.search.steps(path), schedule(compiled, path, latest))[0]


def boundaries(system: System, compiled: Compiled, question: Bounds, watch: Watch, once: bool = False) -> Boundaries:
    """Memory: whether the goal holds; MARK: since when. Read where the runs end; once: where it holds first, to stay.

    A run that is taken back takes the time until it is, and is not among those that come to the goal soonest.
    """
    condition = compiled.conditions.over(question.goal.formula)

    def change(memory: int, after: int) -> tuple[int, Mark]:
        now = int(_good(compiled, condition, after))
        return now, Mark.KEEP if now and memory else Mark.SET if now else Mark.DROP

    first = int(_good(compiled, condition, compiled.encoding.initial))
    classes = Classes(compiled, change, first, absolute=True, last=1 if once else None)
    for _ in classes.explore(watch):
        pass
    least: tuple[float, int] = (inf, -1)
    greatest: tuple[float, int] = (-inf, -1)
    for number in classes.ends:
        node = classes.nodes[number]
        if not node.memory:
            greatest = (inf, number)
            continue
        marked = any(MARK in pair for pair in node.zone)
        low = -node.zone.get((START, MARK), inf) if marked else 0.0
        high = node.zone.get((MARK, START), inf) if marked else 0.0
        if low < least[0] and not node.marking & compiled.conditions.back.mask:
            least = (low, number)
        if high > greatest[0]:
            greatest = (high, number)
    fastest = _trace(system, compiled, classes, least[1], False) if least[1] >= 0 else None
    bounded = greatest[1] >= 0 and greatest[0] < inf
    slowest = _trace(system, compiled, classes, greatest[1], True) if bounded else None
    return Boundaries(least[0], greatest[0] if greatest[1] >= 0 else inf, fastest, slowest)


ON, OFF, BACK = 1, 2, 3


def _available(system: System, compiled: Compiled, question: Available, watch: Watch) -> Verdict:
    """Memory: never on, on, off after having been on, back this very step; MARK: since when it is off."""
    condition = compiled.conditions.compile(Active(question.component, question.port))

    def change(memory: int, after: int) -> tuple[int, Mark]:
        if not memory:
            return int(_good(compiled, condition, after)), Mark.KEEP
        if _good(compiled, condition, after):
            return (BACK, Mark.KEEP) if memory == OFF else (ON, Mark.DROP)
        return OFF, Mark.KEEP if memory == OFF else Mark.SET

    first = int(_good(compiled, condition, compiled.encoding.initial))
    classes = Classes(compiled, change, first, absolute=False)
    longest, where, been_on = 0.0, -1, bool(first)
    for number in classes.explore(watch):
        node = classes.nodes[number]
        been_on = been_on or node.memory == ON
        if classes.ends and classes.nodes[classes.ends[-1]].memory == OFF:
            break  # off for ever: nothing is longer
        if node.memory in (OFF, BACK):
            off = node.zone.get((NOW, MARK), inf)
            if off > longest:
                longest, where = off, number
    stuck = [n for n in classes.ends if classes.nodes[n].memory == OFF]
    if stuck:
        longest, where = inf, stuck[0]
    port = f"{question.component}.{question.port}"
    if longest > question.off:
        why = (
            "is off for ever"
            if stuck
            else "may be off without limit"
            if longest == inf
            else f"is off for {longest:g} s"
        )
        return Fails(f"{port} {why}", _trace(system, compiled, classes, where, True), measure=TimeOff(longest))
    return Holds(measure=TimeOff(longest), vacuous=() if been_on else (judge.never_on(question),))


def _parallelism(system: System, compiled: Compiled, question: Parallelism, watch: Watch) -> Verdict:
    elements = compiled.translation.elements
    places = {
        n: e
        for n, e in enumerate(elements)
        if e.kind is ElementKind.RUNNING and (not question.components or e.component in question.components)
    }
    mask = compiled.encoding.any_of(places)
    classes = Classes(compiled, lambda memory, after: (0, Mark.KEEP), 0, absolute=False)
    best, where = -1, 0
    for number in classes.explore(watch):
        count = (classes.nodes[number].marking & mask).bit_count()
        if count > best:
            best, where = count, number
    last = classes.nodes[where].marking
    names = tuple(sorted(f"{e.component}.{e.name}" for n, e in places.items() if compiled.encoding.tokens(last, n)))
    width = Width(best, best, names, _trace(system, compiled, classes, where, False))
    return judge.compare_width(question, width)
