"""Goals and the questions of ``verify`` blocks."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from madeus.model.value import format_seconds


@dataclass(frozen=True, slots=True)
class Marked:
    """Atom: a place holds a token."""

    component: str
    place: str

    def __str__(self) -> str:
        return f"{self.component}.{self.place}"


@dataclass(frozen=True, slots=True)
class Active:
    """Atom: a provide port is active (a service), or has a value (data)."""

    component: str
    port: str

    def __str__(self) -> str:
        return f"{self.component}.{self.port}"


@dataclass(frozen=True, slots=True)
class And:
    """Every part holds; no parts: true."""

    parts: tuple[Formula, ...]

    def __str__(self) -> str:
        return " and ".join(_nested(p) for p in self.parts) or "true"


@dataclass(frozen=True, slots=True)
class Or:
    """Some part holds; no parts: false."""

    parts: tuple[Formula, ...]

    def __str__(self) -> str:
        return " or ".join(_nested(p) for p in self.parts) or "false"


@dataclass(frozen=True, slots=True)
class Not:
    """The part does not hold."""

    part: Formula

    def __str__(self) -> str:
        return f"not {_nested(self.part)}"


Formula = Marked | Active | And | Or | Not


def _nested(formula: Formula) -> str:
    return f"({formula})" if isinstance(formula, And | Or) and len(formula.parts) > 1 else str(formula)


class Comparison(StrEnum):
    """How a measured number is compared with a bound."""

    LESS = "<"
    AT_MOST = "<="
    EQUAL = "="
    AT_LEAST = ">="
    GREATER = ">"

    def holds(self, left: float, right: float) -> bool:
        """Whether ``left <comparison> right``."""
        match self:
            case Comparison.LESS:
                return left < right
            case Comparison.AT_MOST:
                return left <= right
            case Comparison.EQUAL:
                return left == right
            case Comparison.AT_LEAST:
                return left >= right
            case Comparison.GREATER:
                return left > right


class Reach(StrEnum):
    """How strongly a goal is reached."""

    ALWAYS = "always"
    """AF: on every maximal run, under fairness."""
    POSSIBLE = "possible"
    """EF: on some run."""
    RECOVERABLE = "recoverable"
    """AG EF: from every reachable configuration on some run."""


@dataclass(frozen=True, slots=True)
class Goal:
    """A named set of configurations, reached when it holds in a stable one."""

    name: str
    formula: Formula


@dataclass(frozen=True, slots=True)
class Deployable:
    """``deployable up``: the goal is reached, and stable."""

    goal: Goal
    reach: Reach = Reach.ALWAYS

    def __str__(self) -> str:
        if self.reach is Reach.ALWAYS:
            return f"deployable {self.goal.name}"
        return f"deployable {self.goal.name} {self.reach}"


@dataclass(frozen=True, slots=True)
class Sequence:
    """``sequence a.t, b.u``: no run in which the next one fires before the one before it has ended."""

    transitions: tuple[tuple[str, str], ...]
    """(component, transition) pairs."""

    def __str__(self) -> str:
        return "sequence " + ", ".join(f"{c}.{t}" for c, t in self.transitions)


@dataclass(frozen=True, slots=True)
class Parallelism:
    """``parallelism >= 3 of a, b``: the largest number of transitions that hold a token at once."""

    comparison: Comparison | None = None
    """None: a question whose answer is shown and that cannot fail."""
    bound: int = 0
    components: tuple[str, ...] = ()
    """Components counted; none: the whole assembly."""

    def __str__(self) -> str:
        text = "parallelism" if self.comparison is None else f"parallelism {self.comparison} {self.bound}"
        return f"{text} of {', '.join(self.components)}" if self.components else text


@dataclass(frozen=True, slots=True)
class Bounds:
    """``duration up <= 3min`` and ``boundaries up``: the time to the goal over all timed runs, in seconds."""

    goal: Goal
    comparison: Comparison | None = None
    """None: a question whose answer is shown. An upper comparison speaks of the maximum, a lower one of the minimum."""
    bound: float = 0.0

    def __str__(self) -> str:
        if self.comparison is None:
            return f"boundaries {self.goal.name}"
        return f"duration {self.goal.name} {self.comparison} {format_seconds(self.bound)}"


@dataclass(frozen=True, slots=True)
class Parametric:
    """``parametric db.start for up <= 3min``: for which durations of one transition the time to the goal is bounded."""

    component: str
    transition: str
    goal: Goal
    comparison: Comparison
    bound: float

    def __str__(self) -> str:
        bound = format_seconds(self.bound)
        return f"parametric {self.component}.{self.transition} for {self.goal.name} {self.comparison} {bound}"


@dataclass(frozen=True, slots=True)
class Forbidden:
    """``forbidden a.p and b.q``: the formula never holds."""

    formula: Formula

    def __str__(self) -> str:
        return f"forbidden {self.formula}"


@dataclass(frozen=True, slots=True)
class Available:
    """``available server.web off <= 20s``: a service that has come up once is never off, or off at most that long."""

    component: str
    port: str
    off: float = 0.0
    """Longest time off, in seconds; 0: never off."""

    def __str__(self) -> str:
        limit = f" off <= {format_seconds(self.off)}" if self.off else ""
        return f"available {self.component}.{self.port}{limit}"


@dataclass(frozen=True, slots=True)
class Terminates:
    """``terminates``: every run ends."""

    def __str__(self) -> str:
        return "terminates"


@dataclass(frozen=True, slots=True)
class Confluent:
    """``confluent``: every maximal run ends in the same configuration."""

    def __str__(self) -> str:
        return "confluent"


Question = Deployable | Sequence | Parallelism | Bounds | Parametric | Forbidden | Available | Terminates | Confluent


@dataclass(frozen=True, slots=True)
class Property:
    """A question asked of an assembly, with the number of actions that may fail."""

    question: Question
    failures: int = 0

    def __str__(self) -> str:
        if not self.failures:
            return str(self.question)
        return f"with failures {self.failures}: {self.question}"


@dataclass(frozen=True, slots=True)
class Verify:
    """A ``verify`` block: properties of an assembly, alone or while programs run on it."""

    assembly: str
    stages: tuple[tuple[str, ...], ...] = ()
    """Programs: stages one after another, the programs of a stage side by side. None: the deployment."""
    goals: tuple[Goal, ...] = ()
    properties: tuple[Property, ...] = ()
    doc: str = field(default="", compare=False)

    @property
    def title(self) -> str:
        """The block's head: ``site after install, upgrade``."""
        stages = ", ".join(" and ".join(stage) for stage in self.stages)
        return f"{self.assembly} after {stages}" if stages else self.assembly
