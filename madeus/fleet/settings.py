"""The settings of a rollout: from the words in its block to values, each word looked at once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum

from madeus.fleet.amounts import Amount
from madeus.fleet.budget import Budget, Scope
from madeus.fleet.protocol import PROTOCOLS
from madeus.fleet.stages import Staging
from madeus.model import Duration, Rollout, Value

Words = Sequence[Value]

FINGERPRINT = "fingerprint"

SIGNIFICANCE = 0.05
"""Chance with which a metric gate blames an upgrade that changes nothing."""

WITHIN = 30.0
"""Seconds that the test of a machine may take."""


class WrongSetting(ValueError):
    """Words that are no setting of that name."""

    def __init__(self, name: str, form: str) -> None:
        super().__init__(f"the setting `{name}` cannot be read; write `{form}`")
        self.name, self.form = name, form


@dataclass(frozen=True, slots=True)
class ClusterBy:
    """``cluster by fingerprint diameter 2``, or by a variable of the inventory."""

    name: str
    """``fingerprint``, or the name of a variable of hosts: machines with the same value are alike."""
    diameter: int = 0
    """Of clusters by fingerprint: how many items two machines of a cluster may differ in."""


@dataclass(frozen=True, slots=True)
class TransitionTest:
    """``test transition check``: the program runs this transition on each machine, and it ends with success."""

    transition: str

    def __str__(self) -> str:
        return f"transition {self.transition}"


@dataclass(frozen=True, slots=True)
class CommandTest:
    """``test command "..." within 30s``: exits with 0 on the machine."""

    command: str
    within: float = WITHIN

    def __str__(self) -> str:
        return f'command "{self.command}"'


@dataclass(frozen=True, slots=True)
class HttpTest:
    """``test http "http://..." status 200 within 30s``: asked on the machine."""

    url: str
    status: int = 200
    within: float = WITHIN

    def __str__(self) -> str:
        return f'http "{self.url}" status {self.status}'


@dataclass(frozen=True, slots=True)
class MetricTest:
    """``test metric "..." lower``: a command that prints a number, not worse than on machines not yet upgraded."""

    command: str
    better: str = "lower"
    """``lower`` or ``higher``."""
    significance: float = SIGNIFICANCE
    """The p-value below which the metric is worse (Mann-Whitney U, one-sided)."""

    def __str__(self) -> str:
        return f'metric "{self.command}" {self.better}'


Test = TransitionTest | CommandTest | HttpTest | MetricTest


class OnFailure(StrEnum):
    """What becomes of a machine whose upgrade fails."""

    ROLLBACK = "rollback"
    FREEZE = "freeze"


@dataclass(frozen=True, slots=True)
class Settings:
    """All settings of a rollout."""

    staging: Staging = field(default_factory=Staging)
    """Protocol or own batches, representatives, threshold, machines out at once."""
    cluster_by: ClusterBy | None = None
    """None: every machine is alike."""
    budgets: tuple[Budget, ...] = ()
    tests: tuple[Test, ...] = ()
    soak: float = 0.0
    """Seconds that an upgraded machine is watched before it has passed."""
    on_failure: OnFailure | None = None
    """None: rollback where the components have the behavior, else freeze."""
    rollback: tuple[str, ...] = ("rollback",)
    """Behaviors that take a component back to its old version, one after another."""
    out: Amount | None = None
    """Machines that may be out at any time; None: as many as the widest stage has."""


def read_settings(rollout: Rollout) -> Settings:
    """The settings of a rollout. Raises WrongSetting."""
    settings = Settings()
    for name, words in rollout.settings:
        settings = with_setting(settings, name, words)
    return settings


def with_setting(settings: Settings, name: str, words: Words) -> Settings:
    """The settings with one more. Raises WrongSetting, and KeyError for an unknown name."""
    form, reader = FORMS[name]
    try:
        return reader(settings, words)
    except (_NotOfThisForm, ValueError, IndexError):
        raise WrongSetting(name, form) from None


def several(name: str, words: Words) -> tuple[Value, ...]:
    """What tells settings of one name apart that may stand together; two of the same key contradict each other."""
    if name == "failures":
        return (name, words[3] if len(words) == 4 else Scope.ROLLOUT.value)
    if name == "test":
        return (name, *words)
    return (name,)


class _NotOfThisForm(Exception):
    pass


def _expect(fits: bool) -> None:
    if not fits:
        raise _NotOfThisForm


def _whole(value: Value, least: int = 0) -> int:
    if isinstance(value, int) and not isinstance(value, bool) and value >= least:
        return value
    raise _NotOfThisForm


def _share(value: Value) -> float:
    if isinstance(value, float) and 0 <= value <= 1:
        return value
    raise _NotOfThisForm


def _amount(value: Value, least: int = 0) -> Amount:
    return _share(value) if isinstance(value, float) else _whole(value, least)


def _text(value: Value) -> str:
    if isinstance(value, str) and value:
        return value
    raise _NotOfThisForm


def _only(words: Words) -> Value:
    _expect(len(words) == 1)
    return words[0]


def _pairs(words: Words, known: Sequence[str]) -> dict[str, Value]:
    """Words that come in pairs of a name and a value."""
    _expect(len(words) % 2 == 0)
    found = {_text(words[i]): words[i + 1] for i in range(0, len(words), 2)}
    _expect(set(found) <= set(known) and len(found) == len(words) // 2)
    return found


def _cluster(settings: Settings, words: Words) -> Settings:
    _expect(len(words) >= 2 and words[0] == "by")
    by = _text(words[1])
    options = _pairs(words[2:], ("diameter",) if by == FINGERPRINT else ())
    return replace(settings, cluster_by=ClusterBy(by, _whole(options.get("diameter", 0))))


def _representatives(settings: Settings, words: Words) -> Settings:
    count = _whole(_only(words), 1)
    return replace(settings, staging=replace(settings.staging, representatives=count))


def _protocol(settings: Settings, words: Words) -> Settings:
    name = _text(words[0])
    _expect(name in PROTOCOLS)
    options = _pairs(words[1:], ("seed",) if name == "random" else ())
    return replace(settings, staging=replace(settings.staging, protocol=name, seed=_whole(options.get("seed", 0))))


def _stages(settings: Settings, words: Words) -> Settings:
    sizes = _only(words) if len(words) == 1 and isinstance(words[0], tuple) else tuple(words)
    assert isinstance(sizes, tuple)
    _expect(len(sizes) > 0)
    amounts: list[Amount] = []
    for size in sizes:
        _expect(isinstance(size, int | float) and size != 0)
        amounts.append(_amount(size, 1))
    return replace(settings, staging=replace(settings.staging, batches=tuple(amounts)))


def _threshold(settings: Settings, words: Words) -> Settings:
    share = _share(_only(words))
    _expect(share > 0)
    return replace(settings, staging=replace(settings.staging, threshold=share))


def _failures(settings: Settings, words: Words) -> Settings:
    _expect(len(words) in (2, 4) and words[0] == "max")
    scope = Scope.ROLLOUT
    if len(words) == 4:
        _expect(words[2] == "per")
        scope = Scope(_text(words[3]))
    return replace(settings, budgets=(*settings.budgets, Budget(_amount(words[1]), scope)))


def _test(settings: Settings, words: Words) -> Settings:
    _expect(len(words) >= 2)
    kind, what = words[0], _text(words[1])
    test: Test
    match kind:
        case "transition":
            _expect(len(words) == 2)
            test = TransitionTest(what)
        case "command":
            test = CommandTest(what, _seconds(_pairs(words[2:], ("within",)).get("within")))
        case "http":
            options = _pairs(words[2:], ("status", "within"))
            test = HttpTest(what, _whole(options.get("status", 200), 100), _seconds(options.get("within")))
        case "metric":
            better = _text(words[2]) if len(words) > 2 else "lower"
            _expect(better in ("lower", "higher"))
            significance = _share(_pairs(words[3:], ("significance",)).get("significance", SIGNIFICANCE))
            _expect(significance > 0)
            test = MetricTest(what, better, significance)
        case _:
            raise _NotOfThisForm
    return replace(settings, tests=(*settings.tests, test))


def _seconds(value: Value | None) -> float:
    if value is None:
        return WITHIN
    _expect(isinstance(value, Duration) and value.seconds > 0)
    assert isinstance(value, Duration)
    return value.seconds


def _soak(settings: Settings, words: Words) -> Settings:
    time = _only(words)
    if not isinstance(time, Duration):
        raise _NotOfThisForm
    return replace(settings, soak=time.seconds)


def _on_failure(settings: Settings, words: Words) -> Settings:
    way = OnFailure(_text(words[0]))
    _expect(len(words) == 1 or way is OnFailure.ROLLBACK)
    behaviors = tuple(map(_text, words[1:])) or settings.rollback
    return replace(settings, on_failure=way, rollback=behaviors)


def _out(settings: Settings, words: Words) -> Settings:
    _expect(len(words) == 2 and words[0] == "max")
    amount = _amount(words[1], 1)
    _expect(amount > 0)
    return replace(settings, out=amount)


FORMS: dict[str, tuple[str, Callable[[Settings, Words], Settings]]] = {
    "cluster": ("cluster by fingerprint diameter 2", _cluster),
    "representatives": ("representatives 1", _representatives),
    "protocol": ("protocol balanced", _protocol),
    "stages": ("stages [1, 10, 50%]", _stages),
    "threshold": ("threshold 95%", _threshold),
    "failures": ("failures max 3 per cluster", _failures),
    "out": ("out max 10%", _out),
    "test": ("test transition check", _test),
    "soak": ("soak 30s", _soak),
    "on_failure": ("on_failure rollback", _on_failure),
}
"""What each setting looks like, and how its words are read."""
