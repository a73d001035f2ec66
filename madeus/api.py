"""The door for Python programs and notebooks: ``madeus.load(file)`` and what can be done with the result.

The command line is a thin layer over this module. Every method imports what it needs when it is called.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from madeus.diagnostics import Diagnostic
from madeus.errors import LoadError as LoadError
from madeus.errors import SelectionError as SelectionError
from madeus.errors import look_up as look_up
from madeus.errors import unknown as unknown
from madeus.model import Assembly, Model, Program

if TYPE_CHECKING:
    from madeus.checker.report import Report
    from madeus.dsl import Loaded
    from madeus.executor.api import Origin, RunOptions
    from madeus.executor.drift.answer import Drift
    from madeus.executor.inventory import Inventory
    from madeus.executor.result import RunResult
    from madeus.planner import Plan
    from madeus.planner.beginning import Beginning
    from madeus.questions import Questions
    from madeus.semantics import Simulation, System
    from madeus.semantics.time import Durations
    from madeus.view.drawing import Drawing

Stages = Sequence[str | Sequence[str]]
"""Programs by name, one after another; names in an inner sequence (or joined by ``+``) run side by side."""

DURATION_KINDS = ("min", "mean", "max", "random")


def load(file: str | Path, **settings: object) -> Design:
    """Load a ``.madeus`` file.

    settings: values of assembly parameters, as ``load("lamp.madeus", n=5)``. Raises LoadError when the file has errors.
    """
    from madeus.dsl import load as load_file

    loaded = load_file(Path(file), settings={name: str(value) for name, value in settings.items()})
    if loaded.model is None:
        raise LoadError(loaded.diagnostics, loaded.files)
    return Design(loaded, loaded.model)


class Design:
    """A loaded file: its model, and the questions and actions one can put to it."""

    def __init__(self, loaded: Loaded, model: Model) -> None:
        self._loaded = loaded
        self.model = model

    def __repr__(self) -> str:
        parts = [
            *(f"assembly {name}" for name in self.model.assemblies),
            *(f"program {n}" for n in self.model.programs),
        ]
        return f"<Design {', '.join(parts)}>"

    @property
    def warnings(self) -> tuple[Diagnostic, ...]:
        """What the checks of the language found that is no error."""
        return tuple(self._loaded.diagnostics)

    def assembly(self, name: str | None = None, programs: Stages = ()) -> Assembly:
        """The assembly of that name, the one the programs are for, or the only one. Raises SelectionError otherwise."""
        return choose_assembly(self.model, name, programs)

    def system(self, assembly: str | None = None, programs: Stages = (), failures: int | None = 0) -> System:
        """An assembly with the programs that run on it, as the semantics takes it."""
        return choose_system(self.model, assembly, programs, failures)

    def simulate(
        self,
        assembly: str | None = None,
        programs: Stages = (),
        durations: str | Mapping[str, float] = "mean",
        seed: int | None = None,
    ) -> Simulation:
        """Run under a virtual clock.

        durations: ``min``, ``mean``, ``max`` or ``random`` within the intervals, or seconds by ``instance.transition``
        (the mean for what the mapping does not name). seed: of random durations.
        """
        from madeus.semantics import simulate

        return simulate(self.system(assembly, programs), choose_durations(durations, seed))

    def check(
        self,
        verify: str | int | None = None,
        assembly: str | None = None,
        engine: str = "auto",
        budget: float | None = None,
        memory: int | None = None,
        health: bool = True,
        cross_check: bool = False,
    ) -> Report:
        """Answer the verify blocks of the file, and look for deadlocks and for what can never happen.

        verify: one block only, by its number or title, or one property of it (``"2#3"``). budget: seconds for each question.
        memory: bytes of this process. The report's ``results`` have the verdicts; ``holds`` says whether all of it does.
        Raises SelectionError for a block, an assembly or an engine that is not there.
        """
        from importlib.metadata import version

        from madeus.checker import Budget, MissingLibrary, UnknownEngine
        from madeus.checker.plan import NothingChosen, Wish
        from madeus.checker.report import FileReport, Report
        from madeus.checker.session import Session

        chosen = None if verify is None else str(verify)
        wish = Wish(assembly, chosen, engine, cross_check, Budget(budget, memory), health)
        try:
            blocks = Session(wish).check(self.model, self._loaded.source_map.get)
        except (NothingChosen, UnknownEngine, MissingLibrary) as error:
            raise SelectionError(str(error)) from error
        name = next(iter(self._loaded.files), "")
        file = FileReport(name, blocks, self.warnings, self._loaded.files)
        return Report((file,), version=version("madeus"))

    def ask(
        self,
        assembly: str | None = None,
        programs: Stages = (),
        failures: int = 0,
        engine: str = "auto",
        budget: float | None = None,
    ) -> Questions:
        """The questions that can be put to an assembly one by one, whether or not the file asks them.

        failures: how many actions may fail. budget: seconds for each question.
        """
        from madeus.questions import Questions

        return Questions(self.system(assembly, programs, failures), engine, budget)

    def draw(self, assembly: str | None = None, overview: bool | None = None) -> Drawing:
        """Draw an assembly as the Madeus papers do; a notebook shows the result.

        overview: components as boxes with ports only; None: when there are many.
        """
        from madeus.view.dot import assembly_dot
        from madeus.view.drawing import Drawing

        return Drawing(assembly_dot(self.assembly(assembly), overview=overview))

    def run(
        self,
        inventory: str | Path | Inventory | None = None,
        assembly: str | None = None,
        programs: Stages = (),
        options: RunOptions | None = None,
    ) -> RunResult:
        """Deploy an assembly, or run programs on it, on the hosts of an inventory.

        inventory: a TOML file; None: the host ``local`` only. options: state directory, secrets, limits, listeners.
        Works in a notebook too. Raises the executor's errors for what prevents a start; a failed action is in the result.
        """
        from dataclasses import replace

        from madeus.executor.api import RunOptions, run_assembly
        from madeus.executor.inventory import load_inventory

        chosen = self.assembly(assembly, programs)
        hosts = load_inventory(Path(inventory)) if isinstance(inventory, str | Path) else inventory
        how = options or RunOptions()
        if hosts is not None:
            how = replace(how, inventory=hosts)
        return run_assembly(chosen, choose_stages(self.model, chosen, programs), run_origin(self._loaded), how)

    def plan(
        self,
        goal: str = "",
        to: str | None = None,
        assembly: str | None = None,
        after: Stages = (),
        from_initial: bool = False,
        name: str = "plan",
        budget: float | None = 60.0,
        state: str | Path | None = None,
    ) -> Plan:
        """Find a program that leads to a goal with little interruption; its ``program`` is proved, its ``text`` can be edited.

        goal: ``c.place``, ``c.service``, ``c.parameter = value``, ``once c.behavior``, ``without c``, joined by ``and``.
        to: assembly of the file whose components and connections there shall be. It begins after programs, where the assembly
        lives (state: directory of the journal), or at the initial places. budget: seconds for the proof.

        Raises what `beginning` does; SelectionError for a goal that says nothing about the assembly; Impossible when no program
        leads there, NotFound when none is found and proved.
        """
        from dataclasses import replace

        from madeus.checker import Budget
        from madeus.planner import plan
        from madeus.planner.wish import WishError, parse_wish

        begin = beginning(self.model, assembly, after, from_initial, Path(state) if state is not None else None)
        standing = begin.assembly
        towards = look_up(self.model.assemblies, to, "assembly") if to is not None else None
        try:
            target = parse_wish(goal, standing, towards)
        except WishError as error:
            raise SelectionError(str(error)) from error
        if towards is not None:
            standing = replace(standing, types={**standing.types, **towards.types})
        return plan(standing, target, begin.configuration, name, Budget(seconds=budget))

    def drift(self, assembly: str | None = None, options: RunOptions | None = None) -> Drift:
        """Ask the hosts of a live assembly whether it still is where it was left, with the probes that this file has.

        options: state directory, inventory in place of the recorded one, secrets, limit. Nothing is changed.

        Raises SelectionError; NoLiveAssembly, CannotChange, NotRunnable and JournalUnusable as `find_drift` does.
        """
        from madeus.executor.drift.find import find_drift

        chosen = self.assembly(assembly)
        return find_drift(chosen.name, options, chosen)

    def repair(
        self,
        assembly: str | None = None,
        at: Mapping[str, str | Sequence[str]] | None = None,
        options: RunOptions | None = None,
        budget: float | None = 60.0,
    ) -> Repair:
        """Bring a live assembly back to where it was left: ask its probes, plan and prove a way back, run it.

        at: place, or places, that components are known to be at whatever their probes say. options: of the run;
        ``take_over`` gives up runs that stopped half-way. budget: seconds for the proof.

        Raises, beside what `drift` does: SelectionError when no place is known from which a component could be led
        back, and for places of `at` that are not there; Impossible or NotFound without a plan; the executor's errors for
        what prevents a start.
        """
        from dataclasses import replace

        from madeus.checker import Budget
        from madeus.executor.api import RunOptions
        from madeus.executor.drift.survey import Design as Newer
        from madeus.executor.drift.survey import NoSuchPlace, survey
        from madeus.executor.journal.store import Journal
        from madeus.executor.live.change import look, reconfigure
        from madeus.planner.repair import Roads
        from madeus.planner.repair import repair as plan_repair

        chosen, how = self.assembly(assembly), options or RunOptions()
        newer = Newer(chosen, self.model.programs, run_origin(self._loaded))
        found = survey(chosen.name, how, newer, how.take_over)
        seen = found.drift()
        given = {c: frozenset([places] if isinstance(places, str) else places) for c, places in (at or {}).items()}
        try:
            reality = found.really(seen, Roads(found.types).lead, given)
        except NoSuchPlace as error:
            raise SelectionError(str(error)) from error
        if reality.lost:
            raise SelectionError(
                f"{', '.join(reality.lost)}: no place is known from which behaviors lead back; say at="
            )
        if not reality.at:
            return Repair(seen)
        state, stored = reality.state(found.state), found.state.configuration.components
        wanted = {name: stored[name].places for name in reality.at}
        way = plan_repair(state.assembly(chosen.name, found.types), state.configuration, wanted, Budget(seconds=budget))
        journal = how.journal or Journal.open(how.state, create=False)
        try:
            intent = look(
                journal,
                chosen.name,
                chosen,
                ((way.program,),),
                self.model.programs,
                newer.origin,
                how.take_over,
                reality.state,
            )
            result = reconfigure(intent, replace(how, journal=journal, probes=True))
        finally:
            if how.journal is None:
                journal.close()
        return Repair(seen, way, result)


@dataclass(frozen=True, slots=True)
class Repair:
    """What a repair has found and done."""

    drift: Drift
    """What the hosts said before."""
    plan: Plan | None = None
    """The way back; None: nothing was to be brought back."""
    result: RunResult | None = None
    """How the plan ran."""

    @property
    def ok(self) -> bool:
        """Whether all that was asked holds, or was brought back; False too when a host could not be asked."""
        from madeus.executor.drift.answer import Seen

        return not self.drift.of(Seen.UNKNOWN) and (self.result is None or self.result.ok)


def beginning(
    model: Model,
    assembly: str | None = None,
    after: Stages = (),
    from_initial: bool = False,
    state: Path | None = None,
) -> Beginning:
    """Where a plan begins: where programs lead to, where the assembly lives, or at its initial places.

    after: programs that have run; ``deploy`` stands for the deployment itself. from_initial: although it lives elsewhere.
    state: directory of the journal; None: the usual one.

    Raises SelectionError for names that do not say which, NotAtRest when a run on the live assembly has not finished, and
    CannotChange when what lives does not fit the model.
    """
    from madeus.planner.beginning import DoesNotEnd, afterwards, at_first, living
    from madeus.semantics import System

    bare = [list(stage) for stage in _stages(after)]
    deploying = bool(bare) and bare[0] == ["deploy"] and "deploy" not in model.programs
    if deploying and len(bare) > 1:
        raise SelectionError("after deploy: programs begin where nothing has been deployed by itself")
    chosen = choose_assembly(model, assembly, [] if deploying else after)
    if not after:
        return (None if from_initial else living(chosen, state)) or at_first(chosen)
    system = System(chosen) if deploying else System(chosen, choose_stages(model, chosen, after))
    try:
        return afterwards(system)
    except DoesNotEnd as error:
        raise SelectionError(f"after {' '.join('+'.join(stage) for stage in bare)}: {error}") from error


def run_origin(loaded: Loaded) -> Origin:
    """Where a loaded file comes from, for the journal of a run."""
    from hashlib import sha256

    from madeus.executor.api import Origin

    file, text = next(iter(loaded.files.items()), ("", ""))
    digest = sha256(text.encode(errors="surrogatepass")).hexdigest()
    secrets = loaded.model.secrets if loaded.model else ()
    return Origin(Path(file) if file else None, digest=digest, secrets=tuple(secrets))


def choose_durations(choice: str | Mapping[str, float], seed: int | None = None) -> Durations:
    """The duration policy that a word or a table stands for. Raises SelectionError for an unknown word."""
    from random import Random

    from madeus.semantics import time

    kinds: dict[str, Durations] = {
        "min": time.minimum,
        "mean": time.middle,
        "max": time.maximum,
        "random": time.uniform(Random(seed).random),
    }
    if not isinstance(choice, str):
        return time.fixed(choice, kinds["mean"])
    if choice not in kinds:
        raise SelectionError(f"durations are {', '.join(kinds)} or a table, not {choice!r}")
    return kinds[choice]


def choose_assembly(model: Model, name: str | None, programs: Stages = ()) -> Assembly:
    """The assembly asked for: by name, the one the programs are for, or the only one. Raises SelectionError otherwise."""
    if name is not None:
        return look_up(model.assemblies, name, "assembly")
    targets = {look_up(model.programs, p, "program").assembly for stage in _stages(programs) for p in stage}
    if len(targets) == 1:
        return model.assemblies[targets.pop()]
    if len(targets) > 1:
        raise SelectionError(f"the programs are for different assemblies: {', '.join(sorted(targets))}")
    if not model.assemblies:
        raise SelectionError("the file has no assembly; `assembly NAME { ... }` makes one")
    if len(model.assemblies) > 1:
        raise SelectionError(f"the file has several assemblies, choose one: {', '.join(model.assemblies)}")
    return next(iter(model.assemblies.values()))


def choose_stages(model: Model, assembly: Assembly, programs: Stages) -> tuple[tuple[Program, ...], ...]:
    """Stages of programs by their names. Raises SelectionError for unknown ones, another assembly's, and one named twice."""
    stages = tuple(tuple(look_up(model.programs, p, "program") for p in stage) for stage in _stages(programs))
    for program in (p for stage in stages for p in stage):
        if program.assembly != assembly.name:
            raise SelectionError(f"program {program.name} is for {program.assembly}, not for {assembly.name}")
    names = [p.name for stage in stages for p in stage]
    if len(set(names)) < len(names):
        raise SelectionError("a program may be named only once")
    return stages


def choose_system(model: Model, assembly: str | None, programs: Stages = (), failures: int | None = 0) -> System:
    """An assembly with the programs that run on it. Raises SelectionError when the names do not say which."""
    from madeus.semantics import System

    chosen = choose_assembly(model, assembly, programs)
    return System(chosen, choose_stages(model, chosen, programs), failures)


def _stages(programs: Stages) -> list[tuple[str, ...]]:
    return [tuple(stage.split("+")) if isinstance(stage, str) else tuple(stage) for stage in programs]
