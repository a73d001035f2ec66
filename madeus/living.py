"""Live assemblies from Python: deployed, changed, brought back and forgotten.

What `madeus deploy`, `reconfigure`, `repair` and `destroy` do, for the methods of `madeus.Design`. Probes of the model are
asked before steps unless the options say ``probes=False``.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from madeus.choices import Stages, choose_stages
from madeus.errors import SelectionError, look_up
from madeus.model import Assembly, Model

if TYPE_CHECKING:
    from madeus.checker.before import Proof
    from madeus.checker.explanation import Where
    from madeus.executor.api import Origin, RunOptions
    from madeus.executor.drift.answer import Drift
    from madeus.executor.journal.store import Journal
    from madeus.executor.result import RunResult
    from madeus.planner import Plan

TRIES = 5
"""How often something is looked at and proved when runs of others begin or end meanwhile."""


class NotProved(Exception):
    """Programs were not run because not all is proved of them. proof: what was asked and answered."""

    def __init__(self, proof: Proof) -> None:
        super().__init__(proof)
        self.proof = proof

    def __str__(self) -> str:
        return f"nothing was started; force=True runs it all the same\n{self.proof}"


def deploy(
    model: Model, assembly: Assembly, programs: Stages, origin: Origin, options: RunOptions | None = None
) -> RunResult:
    """See `madeus.Design.deploy`."""
    from madeus.executor.live.change import deploy as begin

    stages = choose_stages(model, assembly, programs)
    return begin(assembly, stages, model.programs, origin, asking(options))


def reconfigure(
    model: Model,
    assembly: Assembly,
    programs: Stages,
    origin: Origin,
    options: RunOptions | None = None,
    where: Where | None = None,
    budget: float | None = 60.0,
    force: bool = False,
) -> RunResult:
    """See `madeus.Design.reconfigure`."""
    from madeus.checker.before import prove
    from madeus.checker.explanation import nowhere
    from madeus.executor.live.change import look
    from madeus.executor.live.change import reconfigure as begin
    from madeus.executor.live.errors import ChangedMeanwhile
    from madeus.executor.live.read import read_one

    how, stages = asking(options), choose_stages(model, assembly, programs)
    if how.journal is None:
        read_one(assembly.name, how.state)  # the error for a name that does not live, before a journal is opened
    with _journal(how) as journal:
        for tries_left in reversed(range(TRIES)):
            intent = look(journal, assembly.name, assembly, stages, model.programs, origin, how.take_over)
            _refuse_unknown(intent.unknown)
            proof = prove(model, intent.system, where or nowhere, budget)
            if proof.exit_code and not force:
                raise NotProved(proof)
            try:
                return begin(intent, replace(how, journal=journal))
            except ChangedMeanwhile:
                if not tries_left:
                    raise
    raise AssertionError("the last try returns or raises")


def destroy(name: str, program: str | None = None, options: RunOptions | None = None) -> RunResult | None:
    """See `madeus.Design.destroy`."""
    from madeus.executor.live.change import forget, look_stored
    from madeus.executor.live.change import reconfigure as begin
    from madeus.executor.live.errors import ComponentsHeld
    from madeus.executor.live.read import read_live, read_one

    how = asking(options)
    if how.journal is None:
        read_one(name, how.state)
    with _journal(how) as journal:
        live = read_live(journal, name)
        for change in live.unfinished:
            if change.holder is not None:
                raise ComponentsHeld(name, change.row.writes, change.row.run, change.status, change.holder)
        result = None
        if program is not None:
            look_up(live.programs, program, "program")
            result = begin(look_stored(journal, live, program, how.take_over), replace(how, journal=journal))
        if result is None or result.ok:
            forget(journal, name, how.wall())
        return result


def repair(
    model: Model,
    assembly: Assembly,
    origin: Origin,
    at: Mapping[str, str | Sequence[str]] | None = None,
    options: RunOptions | None = None,
    budget: float | None = 60.0,
) -> Repair:
    """See `madeus.Design.repair`."""
    from madeus.checker import Budget
    from madeus.executor.drift.survey import Design as Newer
    from madeus.executor.drift.survey import NoSuchPlace, survey
    from madeus.executor.live.change import look
    from madeus.executor.live.change import reconfigure as begin
    from madeus.executor.live.errors import ChangedMeanwhile
    from madeus.planner.repair import Roads
    from madeus.planner.repair import repair as make_plan

    how, name = replace(asking(options), probes=True), assembly.name
    given = {c: frozenset([places] if isinstance(places, str) else places) for c, places in (at or {}).items()}
    for tries_left in reversed(range(TRIES)):
        found = survey(name, how, Newer(assembly, model.programs, origin), how.take_over)
        seen = found.drift()
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
        way = make_plan(state.assembly(name, found.types), state.configuration, wanted, Budget(seconds=budget))
        right = found.correction(reality)
        with _journal(how) as journal:
            try:
                intent = look(journal, name, assembly, ((way.program,),), model.programs, origin, how.take_over, right)
                return Repair(seen, way, begin(intent, replace(how, journal=journal)))
            except ChangedMeanwhile:
                if not tries_left:
                    raise
    raise AssertionError("the last try returns or raises")


def asking(options: RunOptions | None) -> RunOptions:
    """Options of a run that asks probes unless they say otherwise."""
    from madeus.executor.api import RunOptions

    how = options or RunOptions()
    return replace(how, probes=True) if how.probes is None else how


@contextmanager
def _journal(how: RunOptions) -> Iterator[Journal]:
    """The journal of the options, or that of their state directory, which is closed afterwards."""
    from madeus.executor.journal.store import Journal

    if how.journal is not None:
        yield how.journal
        return
    with closing(Journal.open(how.state, create=False)) as journal:
        yield journal


def _refuse_unknown(unknown: Sequence[str]) -> None:
    if unknown:
        raise SelectionError("; ".join(unknown))


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
