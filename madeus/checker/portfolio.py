"""The portfolio: which engine answers, within which budget, and what the answer rests on."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from importlib import import_module

from madeus.checker.engine import Budget, Engine, Exhausted, Progress, Watch
from madeus.checker.engines.reference import check_question
from madeus.checker.problem import Problem, has_intervals
from madeus.checker.verdict import Assumption, Evidence, Unknown, Verdict, Width, with_evidence
from madeus.model import Available, Bounds, Parallelism, Parametric

ENGINES: dict[str, tuple[str, str]] = {
    "structural": ("structural", "Structural"),
    "causal": ("causal", "Causal"),
    "modular": ("modular", "Modular"),
    "explicit": ("explicit", "Explicit"),
    "timed": ("timed", "Timed"),
    "parametric": ("parametric", "ParametricEngine"),
    "smt": ("smt", "Smt"),
    "reference": ("reference", "Reference"),
    "referee": ("referee", "Referee"),
}
"""Module and class of each engine."""

AUTOMATIC = ("structural", "causal", "modular", "explicit", "timed", "parametric", "smt", "reference")
"""The engines of ``auto``, in the order in which they are tried."""

BRIEF = 1_500, 1.0
"""States and seconds that the explicit engine gets before the modular one: the runs that it finds are shortest ones."""

SHARE = (1.0, 0.75)
"""Part of the time left that an engine gets: all of it when it is named, most of it when others may be asked after it."""


class UnknownEngine(ValueError):
    """No engine has that name. name: what was asked for."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.name = name

    def __str__(self) -> str:
        return f"no engine is called {self.name}; there are auto, {', '.join(ENGINES)}"


class MissingLibrary(Exception):
    """An engine needs a library that is not installed. engine, library: their names."""

    def __init__(self, engine: str, library: str) -> None:
        super().__init__(engine, library)
        self.engine = engine
        self.library = library

    def __str__(self) -> str:
        return f"the {self.engine} engine needs the library {self.library}, which is not installed"


class Portfolio:
    """Answers problems. Engines are made when they are first needed and keep what they work out of a system."""

    def __init__(self) -> None:
        self._engines: dict[str, Engine] = {}

    def engine(self, name: str) -> Engine:
        """The engine called name. Raises UnknownEngine; MissingLibrary."""
        if name not in ENGINES:
            raise UnknownEngine(name)
        if name not in self._engines:
            module, kind = ENGINES[name]
            try:
                loaded = import_module(f"madeus.checker.engines.{module}")
            except ModuleNotFoundError as error:
                raise MissingLibrary(name, error.name or "") from error
            self._engines[name] = getattr(loaded, kind)()
        return self._engines[name]

    def check(
        self,
        problem: Problem,
        engine: str = "auto",
        budget: Budget | None = None,
        progress: Callable[[Progress], None] | None = None,
    ) -> Verdict:
        """Answer a problem: with the first engine that does, or with the one that is named.

        The budget is for the whole question. An exhausted budget, or nobody who can answer, is Unknown.
        Raises UnknownName for a question about what the system never has; UnknownEngine; MissingLibrary for a named engine.
        """
        check_question(problem)
        budget = budget or Budget()
        names = AUTOMATIC if engine == "auto" else (engine,)
        notes = how_taken_back(problem)
        best: Unknown | None = None
        total = Watch("", budget)
        for candidate, brief in self._candidates(names, problem, notes, optional=engine == "auto"):
            left = (
                None if budget.seconds is None else SHARE[engine == "auto"] * max(0.0, budget.seconds - total.seconds)
            )
            given = _briefly(replace(budget, seconds=left)) if brief else replace(budget, seconds=left)
            watch = Watch(candidate.name, given, progress, given=budget.seconds)
            try:
                verdict = candidate.answer(problem, watch)
            except Exhausted as error:
                verdict = Unknown(str(error))
            evidence = verdict.evidence
            verdict = with_evidence(
                verdict,
                Evidence(
                    candidate.name,
                    evidence.states or watch.states,
                    watch.seconds,
                    assumptions(problem),
                    (*notes, *evidence.notes),
                    watch.shared,
                ),
            )
            if not isinstance(verdict, Unknown):
                return verdict
            if brief:
                continue  # it is asked again, with all of the budget
            notes.append(f"{candidate.name}: {verdict.reason}")
            best = _better(best, verdict)
            if budget.seconds is not None and total.seconds >= budget.seconds:
                break
        if best is not None:
            return best
        return Unknown("no engine answers this question: " + "; ".join(notes), Evidence(notes=tuple(notes)))

    def _candidates(
        self, names: tuple[str, ...], problem: Problem, notes: list[str], optional: bool
    ) -> Iterator[tuple[Engine, bool]]:
        """Engines that accept a problem, and whether they get a brief look at it only."""
        for name in names:
            try:
                candidate = self.engine(name)
            except MissingLibrary as error:
                if not optional:
                    raise
                notes.append(str(error))
                continue
            reason = candidate.refuses(problem)
            if reason is None:
                if optional and name == "modular" and (first := self.engine("explicit")).refuses(problem) is None:
                    yield first, True
                yield candidate, False
            else:
                notes.append(f"{name}: {reason}")


def _briefly(budget: Budget) -> Budget:
    """The part of a budget for a brief look."""
    states, seconds = BRIEF
    return replace(
        budget,
        states=states if budget.states is None else min(states, budget.states),
        seconds=seconds if budget.seconds is None else min(seconds, budget.seconds),
    )


def _better(first: Unknown | None, second: Unknown) -> Unknown:
    """Of two answers that leave the question open the one that knows more; its reason is the last one's."""
    if first is None or first.measure is None:
        return second
    if second.measure is None:
        return replace(second, measure=first.measure)
    if isinstance(first.measure, Width) and isinstance(second.measure, Width):
        low, high = first.measure, second.measure
        kept = low if low.minimum >= high.minimum else high
        return replace(second, measure=replace(kept, maximum=min(low.maximum, high.maximum)))
    return second


def how_taken_back(problem: Problem) -> list[str]:
    """A note where a program wants its run taken back and it is not, or further than that program."""
    system = problem.system
    if problem.taken_back and len(system.stages) > 1:
        first = " and ".join(program.name for program in system.stages[0])
        return [f"all stages are one run: what is taken back is as it was before {first}"]
    wanted = next((program.name for program in system.programs if program.rollback), None)
    if wanted is None or system.failures == 0 or not system.outside:
        return []
    names = ", ".join(system.outside)
    verb = "lives" if len(system.outside) == 1 else "live"
    return [f"no run is taken back, as {wanted} has it: {names} {verb} outside of layers"]


def assumptions(problem: Problem) -> tuple[Assumption, ...]:
    """What an answer to a problem rests on."""
    intervals = has_intervals(problem.system)
    found: list[Assumption] = [Assumption.FAIRNESS]
    if problem.timed or (intervals and isinstance(problem.question, Bounds | Parametric | Parallelism)):
        found.append(Assumption.INTERVALS)
    elif not isinstance(problem.question, Available) or not problem.question.off:
        found.append(Assumption.ANY_DURATION)
    if not problem.covered:
        found.append(Assumption.BOUNDED_FAILURES if problem.system.failures else Assumption.NO_FAILURES)
    if problem.covered or problem.taken_back:
        found.append(Assumption.TAKEN_BACK)
    if problem.taken_back and problem.timed:
        found.append(Assumption.NO_TIME_BACK)
    return tuple(found)


def check(
    problem: Problem,
    engine: str = "auto",
    budget: Budget | None = None,
    progress: Callable[[Progress], None] | None = None,
) -> Verdict:
    """Answer one problem; see Portfolio.check. Many problems of one system: keep a Portfolio."""
    return Portfolio().check(problem, engine, budget, progress)
