"""The door for Python programs and notebooks: ``madeus.load(file)`` and what can be done with the result.

The command line is a thin layer over this module. Every method imports what it needs when it is called.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from madeus.choices import DURATION_KINDS as DURATION_KINDS
from madeus.choices import Stages, choose_stages, named_stages
from madeus.choices import choose_assembly as choose_assembly
from madeus.choices import choose_durations as choose_durations
from madeus.choices import choose_system as choose_system
from madeus.choices import run_origin as run_origin
from madeus.diagnostics import Diagnostic
from madeus.errors import LoadError as LoadError
from madeus.errors import SelectionError as SelectionError
from madeus.errors import look_up as look_up
from madeus.errors import unknown as unknown
from madeus.model import Assembly, Model

if TYPE_CHECKING:
    from madeus.checker.report import Report
    from madeus.dsl import Loaded
    from madeus.executor.api import RunOptions
    from madeus.executor.drift.answer import Drift
    from madeus.executor.inventory import Inventory
    from madeus.executor.result import RunResult
    from madeus.living import Repair
    from madeus.planner import Plan
    from madeus.planner.beginning import Beginning
    from madeus.questions import Questions
    from madeus.semantics import Simulation, System
    from madeus.view.drawing import Drawing


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
        Works in a notebook too. Probes of the model are asked unless the options say ``probes=False``. Raises the executor's
        errors for what prevents a start; a failed action is in the result.
        """
        from madeus.executor.api import run_assembly

        chosen = self.assembly(assembly, programs)
        stages = choose_stages(self.model, chosen, programs)
        return run_assembly(chosen, stages, run_origin(self._loaded), _options(options, inventory))

    def deploy(
        self,
        inventory: str | Path | Inventory | None = None,
        assembly: str | None = None,
        programs: Stages = (),
        options: RunOptions | None = None,
    ) -> RunResult:
        """Deploy an assembly that lives on: what was deployed stays known, and `reconfigure` changes it.

        The arguments are those of `run`; it can be resumed as a run is. Raises, beside what `run` does, DeployedAlready.
        """
        from madeus import living

        chosen = self.assembly(assembly, programs)
        return living.deploy(self.model, chosen, programs, run_origin(self._loaded), _options(options, inventory))

    def reconfigure(
        self,
        *programs: str | Sequence[str],
        inventory: str | Path | Inventory | None = None,
        assembly: str | None = None,
        options: RunOptions | None = None,
        budget: float | None = 60.0,
        force: bool = False,
    ) -> RunResult:
        """Run programs on a live assembly, from where it stands, once all is proved that `madeus reconfigure` asks of them.

        programs: one after another; names in an inner sequence run side by side. inventory: None: the recorded one.
        options: of the run; ``take_over`` gives up unfinished runs that stand in the way. budget: seconds for each question.
        force: run what is not proved too.

        Raises, beside what `run` does: NotProved with the proof; NoLiveAssembly; CannotChange when what lives does not fit this
        file; ComponentsHeld when another run has the components; ChangedMeanwhile when others intervened again and again.
        """
        from madeus import living

        chosen = self.assembly(assembly, programs)
        origin, how = run_origin(self._loaded), _options(options, inventory)
        where = self._loaded.source_map.get
        return living.reconfigure(self.model, chosen, programs, origin, how, where, budget, force)

    def destroy(
        self,
        program: str | None = None,
        inventory: str | Path | Inventory | None = None,
        assembly: str | None = None,
        options: RunOptions | None = None,
    ) -> RunResult | None:
        """Forget a live assembly, after running the program of its stored model that takes it off its hosts, if one is named.

        The result is that of the program; where it did not come to its end the assembly lives on. Without a program nothing
        is done on the hosts, and the result is None.

        Raises NoLiveAssembly; ComponentsHeld while a run is on; SelectionError for a program that is not there; and what `run`
        does.
        """
        from madeus import living

        return living.destroy(self.assembly(assembly).name, program, _options(options, inventory))

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
        from madeus import living

        return living.repair(self.model, self.assembly(assembly), run_origin(self._loaded), at, options, budget)


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

    bare = [list(stage) for stage in named_stages(after)]
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


def _options(options: RunOptions | None, inventory: str | Path | Inventory | None) -> RunOptions:
    """Options of a run with an inventory, which asks probes unless they say otherwise."""
    from dataclasses import replace

    from madeus.executor.inventory import load_inventory
    from madeus.living import asking

    how = asking(options)
    hosts = load_inventory(Path(inventory)) if isinstance(inventory, str | Path) else inventory
    return how if hosts is None else replace(how, inventory=hosts)
