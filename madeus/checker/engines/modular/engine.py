"""The modular engine: questions that do not depend on time, where many components stand around few shared ones."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from weakref import WeakKeyDictionary

from madeus.checker import judge
from madeus.checker.counterexample import confirm, failure
from madeus.checker.engine import Watch
from madeus.checker.engines.explicit.encoding import encode
from madeus.checker.engines.explicit.target import Condition, Conditions, NotRepresented
from madeus.checker.engines.modular.ask import Atom, Ends, Question, Tree, tree
from madeus.checker.engines.modular.parts import NotModular, Parts, cut
from madeus.checker.engines.modular.runs import run_to
from madeus.checker.engines.modular.search import Search
from madeus.checker.engines.modular.split import Memory, Split
from madeus.checker.engines.modular.width import widest
from madeus.checker.engines.reference import identity
from madeus.checker.health import Seen, examine, report
from madeus.checker.problem import Health, Problem
from madeus.checker.verdict import NOT_SHORTEST, Evidence, Fails, Holds, Unknown, Verdict, Width, with_evidence
from madeus.model import (
    Available,
    Confluent,
    Deployable,
    Forbidden,
    Parallelism,
    Reach,
    Terminates,
)
from madeus.model import (
    Sequence as Ordered,
)
from madeus.petri.element import ElementKind
from madeus.petri.translate import Translation, TranslationError, translate
from madeus.semantics import Configuration, Pushed, Step, StepKind, System

ENDLESS = "some runs may be endless"


class Modular:
    """Products of sets instead of configurations. center: components to put in the center, for tests."""

    name = "modular"

    def __init__(self, center: Collection[str] | None = None) -> None:
        self._center = center
        self._systems: WeakKeyDictionary[System, _Modules | TranslationError | NotModular] = WeakKeyDictionary()

    def modules(self, system: System) -> _Modules:
        """The system by modules. Raises TranslationError; NotModular."""
        made = self._systems.get(system)
        if made is None:
            try:
                made = _Modules(system, self._center)
            except (TranslationError, NotModular) as error:
                made = error
            self._systems[system] = made
        if isinstance(made, Exception):
            raise made
        return made

    def refuses(self, problem: Problem) -> str | None:
        """Questions of time, and systems without a center."""
        if problem.timed:
            return "it does not reason about time"
        if problem.taken_back:
            return "it does not follow runs that are taken back"
        try:
            modules = self.modules(problem.system)
            match problem.question:
                case Deployable(goal):
                    modules.conditions.compile(goal.formula)
                case Forbidden(formula):
                    modules.conditions.compile(formula)
                case Available(component, port):
                    modules.conditions.groups(component, port)
                case _:
                    pass
        except TranslationError as error:
            return str(error)
        except NotModular as error:
            return error.reason
        except NotRepresented:
            return "its net does not keep the data ports that the formula names"
        return None

    def answer(self, problem: Problem, watch: Watch) -> Verdict:
        """Exact. Raises Exhausted."""
        try:
            verdict = self.modules(problem.system).answer(problem.question, watch)
        except NotModular as error:
            verdict = Unknown(error.reason)
        notes = (NOT_SHORTEST,) if isinstance(verdict, Fails) and verdict.trace is not None else ()
        return with_evidence(verdict, Evidence(self.name, watch.states, watch.seconds, notes=notes))


class _Modules:
    """A system by modules, and its products as far as they were gone through."""

    def __init__(self, system: System, center: Collection[str] | None) -> None:
        self.system = system
        self.translation: Translation = translate(system)
        self.parts: Parts = cut(self.translation, center)
        self.conditions = Conditions(self.translation, encode(self.translation))
        self.split = Split(self.translation, self.parts)
        self.search = Search(self.split)

    def answer(self, question: object, watch: Watch) -> Verdict:
        """Raises Exhausted; NotModular."""
        match question:
            case Forbidden(formula):
                return self._never(self.conditions.compile(formula), f"{formula} holds", watch)
            case Ordered():
                return self._sequence(question, watch)
            case Available():
                return self._available(question, watch)
            case Parallelism():
                return self._parallelism(question, watch)
            case Deployable():
                return self._deployable(question, watch)
            case Terminates():
                return self._ended(Holds(), watch)
            case Confluent():
                return self._confluent(watch)
            case Health():
                return self._health(watch)
            case _:
                return Unknown("this engine does not answer this question")

    def _steps(self, search: Search, number: int, chosen: dict[int, int]) -> list[Step]:
        labels = self.translation.net.labels
        found = (labels[t] for t in run_to(search, number, chosen))
        return [label for label in found if label is not None]

    def _ended(self, verdict: Verdict, watch: Watch) -> Verdict:
        """The verdict, if no run is endless."""
        for _ in self.search.run(watch):
            pass
        return verdict if self.search.finite() else Unknown(ENDLESS)

    def _find(self, search: Search, asked: Sequence[Tree], watch: Watch) -> tuple[int, int, dict[int, int]] | None:
        """(which, product, states) of the first of some conditions that is found to hold."""
        questions = [Question(search, one) for one in asked]
        for number in search.run(watch):
            for at, question in enumerate(questions):
                chosen = question.choice(search.products[number])
                if chosen is not None:
                    return at, number, chosen
        return None

    def _never(self, condition: Condition, reason: str, watch: Watch) -> Verdict:
        found = self._find(self.search, [tree(self.split, condition)], watch)
        return Holds() if found is None else failure(self.system, reason, self._steps(self.search, *found[1:]))

    def _sequence(self, question: Ordered, watch: Watch) -> Verdict:
        names = question.transitions
        labels = self.translation.net.labels
        ends = {name: set[int]() for name in names}
        for t, label in enumerate(labels):
            if label is not None and label.kind is StepKind.END and (label.component, label.element) in ends:
                ends[(label.component, label.element)].add(t)
        memory = [Memory(self.parts.module(name[0]), frozenset(ends[name])) for name in names[:-1]]
        split = Split(self.translation, self.parts, memory)
        search = Search(split)
        running = [
            tree(split, self.conditions.some(self.translation.numbers(ElementKind.RUNNING, *name)))
            for name in names[1:]
        ]
        early: list[Tree] = [
            ("and", (runs, Atom(kept.module, ("not", (bit,)))))
            for runs, kept, bit in zip(running, memory, split.bits, strict=True)
        ]
        found = self._find(search, early, watch)
        if found is not None:
            reason = judge.out_of_order(question, found[0] + 1)
            return failure(self.system, reason, self._steps(search, *found[1:]))
        fired = {at for at, runs in enumerate(running, 1) if self._find(search, [runs], watch) is not None}
        return Holds(vacuous=judge.vacuous(question, fired))

    def _available(self, question: Available, watch: Watch) -> Verdict:
        on: Condition = ("and", tuple(self.conditions.groups(question.component, question.port)))
        module = self.parts.module(question.component)
        split = Split(self.translation, self.parts, [Memory(module, when=on)])
        search = Search(split)
        been = Atom(module, split.bits[0])
        found = self._find(search, [("and", (been, tree(split, on, wanted=False)))], watch)
        if found is not None:
            return failure(self.system, judge.goes_off(question), self._steps(search, *found[1:]))
        if self._find(search, [been], watch) is None:
            return Holds(vacuous=(judge.never_on(question),))
        return Holds()

    def _parallelism(self, question: Parallelism, watch: Watch) -> Verdict:
        runs = {
            place: f"{element.component}.{element.name}"
            for place, element in enumerate(self.translation.elements)
            if element.kind is ElementKind.RUNNING
            and (not question.components or element.component in question.components)
        }
        count, number, chosen = widest(self.search, runs, watch)
        trace, _ = confirm(self.system, self._steps(self.search, number, chosen))
        marking = self._marking(self.search, number, chosen)
        together = tuple(sorted(name for place, name in runs.items() if marking[place]))
        return judge.compare_width(question, Width(count, count, together, trace))

    def _marking(self, search: Search, number: int, chosen: dict[int, int]) -> tuple[int, ...]:
        """The marking of the net that a choice of states is."""
        marking = [0] * len(self.translation.elements)
        found = self.split.modules[0].marking(search.products[number].center)
        for island, state in chosen.items():
            found.update(self.split.modules[island + 1].marking(search.kinds[island].states[state]))
        for place, tokens in found.items():
            marking[place] = tokens
        for place, (constant, terms) in self.translation.net.sums.items():
            marking[place] = constant + sum(factor * marking[p] for p, factor in terms.items())
        return tuple(marking)

    def _ends(self, condition: Condition, wanted: bool, watch: Watch) -> Iterator[tuple[int, dict[int, int]]]:
        """(product, states) where runs end and a condition is as wanted, one for each product at most."""
        ends, question = Ends(self.search), Question(self.search, tree(self.split, condition, wanted))
        for number in self.search.run(watch):
            product = self.search.products[number]
            clauses = question.clauses(product.center)
            if not clauses or ends.choice(product) is None:
                continue
            found = (ends.choice(product, clause) for clause in clauses)
            chosen = next((choice for choice in found if choice is not None), None)
            if chosen is not None:
                yield number, chosen

    def _deployable(self, question: Deployable, watch: Watch) -> Verdict:
        goal = question.goal
        condition = self.conditions.compile(goal.formula)
        if question.reach is Reach.POSSIBLE:
            for number, chosen in self._ends(condition, True, watch):
                return Holds(witness=confirm(self.system, self._steps(self.search, number, chosen))[0])
            return self._ended(Fails(f"no run comes to {goal.name} ({goal.formula}) and stays there"), watch)
        for number, chosen in self._ends(condition, False, watch):
            if question.reach is Reach.ALWAYS:
                reason = f"the run ends and {goal.name} ({goal.formula}) does not hold"
            else:
                reason = f"from here {goal.name} ({goal.formula}) cannot be reached any more"
            return failure(self.system, reason, self._steps(self.search, number, chosen), stuck=True)
        return self._ended(Holds(), watch)

    def _confluent(self, watch: Watch) -> Verdict:
        """All ends are the same: one of them, and for each island no other state that it may end in."""
        endless = self._ended(Holds(), watch)
        if isinstance(endless, Unknown):
            return endless
        found = self._apart(self.search, watch)
        return found if found is not None else self._apart(Search(self.split, merge=False), watch) or Holds()

    def _apart(self, search: Search, watch: Watch) -> Verdict | None:
        """What the ends say; None where they differ in nothing but perhaps who pushed what is left in a queue."""
        ends = Ends(search)
        first: object = None
        left = False
        for number in search.run(watch):
            product = search.products[number]
            chosen = ends.choice(product)
            if chosen is None:
                continue
            tried = [chosen]
            for island, state in chosen.items():
                for other in ends.options(product, island):
                    changed = None if other == state else ends.choice(product, fixed={island: other})
                    if changed is not None:
                        tried.append(changed)
            for end in tried:
                conf = self.translation.decode(self._marking(search, number, end))
                if search.merge and any(state.queue for state in conf.components.values()):
                    left, conf = True, _nameless(conf)
                key = identity(conf)
                first = key if first is None else first
                if key != first:
                    reason = "the run ends in another configuration than some other run"
                    return failure(self.system, reason, self._steps(search, number, end), stuck=True)
        return None if left else Holds()

    def _health(self, watch: Watch) -> Verdict:
        heads, done = [], []
        for place, element in enumerate(self.translation.elements):
            if element.kind is ElementKind.HEAD:
                heads.append(place)
        for program in self.system.programs:
            last = self.translation.numbers(ElementKind.POSITION, program.name, str(len(program.instructions)))
            done.append(self.conditions.some(last))
        finished: Condition = ("and", (*done, ("not", (self.conditions.some(heads),))))
        failed: Fails | None = None
        for number, chosen in self._ends(finished, False, watch):
            reason = "nothing can move although something is left to do"
            failed = failure(self.system, reason, self._steps(self.search, number, chosen), stuck=True)
            break
        for _ in self.search.run(watch):
            pass
        labels = self.translation.net.labels
        seen = Seen()
        seen.note(label for t in self.search.fired() if (label := labels[t]) is not None)
        return report(examine(self.system, seen), failed)


def _nameless(conf: Configuration) -> Configuration:
    """A configuration without what tells equal pushes apart."""
    nameless = {
        name: state._replace(queue=tuple(Pushed(push.behavior, "") for push in state.queue))
        for name, state in conf.components.items()
    }
    return conf._replace(components=conf.components.update(nameless))
