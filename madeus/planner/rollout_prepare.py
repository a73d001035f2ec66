"""From a rollout in a file to stages and a compiled rollout: everything that is settled before anything runs."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace

from madeus.checker import Budget
from madeus.fleet.amounts import at_most
from madeus.fleet.clusters import Cluster
from madeus.fleet.settings import OnFailure, Settings, TransitionTest, read_settings
from madeus.fleet.slices import Sliced, machines_of, slice_program
from madeus.fleet.stages import Stages, make_stages
from madeus.model import Add, Assembly, Available, Delete, Model, Program, Push, Rollout
from madeus.planner.rollout import Compiled, compile_rollout, rehearse
from madeus.planner.rollout_proof import Claim, prove_program, prove_rollout
from madeus.planner.rollout_undo import prove_undo
from madeus.planner.start import standing
from madeus.semantics import Configuration, System


class CannotRoll(ValueError):
    """A rollout that does not fit its assembly, its fleet or its clusters. The text is one sentence."""


@dataclass(frozen=True)
class Prepared:
    """A rollout, cut into stages and compiled."""

    rollout: Rollout
    settings: Settings
    program: Program
    sliced: Sliced
    stages: Stages
    compiled: Compiled
    begin: Configuration
    """Where the assembly stands before anything."""
    undo: Mapping[str, tuple[str, ...]]
    """Components of each machine that behaviors take back when it fails, the last one first; none: see `layered`."""
    declared: tuple[Available, ...]
    around: tuple[Claim, ...]
    """What is proved of the program before the machines."""
    layered: frozenset[str] = frozenset()
    """Machines whose layers are taken back when they fail; one that is neither here nor in `undo` is frozen."""
    in_layers: frozenset[str] = frozenset()
    """Machines on which all that the program moves lives in layers."""

    def goes_back(self, machine: str) -> bool:
        """Whether there is a way back for a machine that fails."""
        return machine in self.layered or bool(self.undo.get(machine))

    def prove(self, budget: Budget) -> list[Claim]:
        """All claims about the rollout; see `prove_rollout`."""
        claims = list(self.around)
        claims += prove_rollout(self.compiled, self.settings.out, self.declared, budget)
        back = prove_undo(self.compiled, self.undo, self.layered, self.settings.rollback, budget)
        claims += [back] if back is not None else []
        if self.sliced.after is not None:
            run = rehearse(self.compiled.system)
            end = run.configuration._replace(positions=(), failures=0)
            claims.append(prove_program(self.compiled.assembly, end, self.sliced.after, budget)[0])
        return claims


def prepare(
    model: Model,
    rollout: Rollout,
    assembly: Assembly,
    begin: Configuration,
    members: Sequence[str],
    resolve: Callable[[str], str],
    clusters: Sequence[Cluster] | None = None,
    online: Collection[str] | None = None,
    budget: Budget | None = None,
    recorded: Stages | None = None,
) -> Prepared:
    """Cut a rollout into stages.

    begin: where the assembly rests. members: machines of the fleet. resolve: from a host's name in the model to the machine's.
    clusters: of the fleet; None: all machines are alike. online: machines that can be reached; None: all. recorded: the stages
    of a rollout that is gone on with, in place of new ones.

    Raises:
        NotSliceable: the program ties machines together.
        CannotRoll: anything else that does not fit.
    """
    settings = read_settings(rollout)
    program = model.programs[rollout.program]
    assembly = standing(assembly, begin)
    machine_of = machines_of(assembly, [program], set(members), resolve)
    sliced = slice_program(program, assembly, machine_of)
    if not sliced.machines:
        raise CannotRoll(f"the program {program.name} touches no machine of {rollout.fleet}")
    settings = _narrowed(settings, len(sliced.machines))
    alike = [] if recorded is not None else _clusters(clusters, tuple(sliced.machines), rollout.fleet)
    kinds = {i.name: i.type for i in assembly.instances}
    kinds.update((i.instance.name, i.instance.type) for i in program.instructions if isinstance(i, Add))
    tested = _tested(settings, sliced, assembly, kinds)
    try:
        stages = recorded or make_stages(alike, settings.staging, online, tested)
    except ValueError as error:
        raise CannotRoll(str(error)) from error
    around: tuple[Claim, ...] = ()
    first = begin
    if sliced.before is not None:
        claim, first = prove_program(assembly, begin, sliced.before, budget or Budget(seconds=60))
        around = (claim,)
    added = [i.instance for i in program.instructions if isinstance(i, Add)]
    in_layers = _in_layers(sliced, {i.name for i in (*assembly.instances, *added) if i.layered})
    layered = frozenset() if settings.on_failure is OnFailure.FREEZE else in_layers
    # What a machine's run does when it fails is the rollout's to say; the program's own word holds where it runs alone.
    slices = {m: replace(p, rollback=m in layered) for m, p in sliced.machines.items()}
    sliced = replace(sliced, machines=slices)
    compiled = compile_rollout(assembly, first, sliced, stages)
    undo = {m: () if m in layered else _undone(settings, m, p, assembly, kinds) for m, p in slices.items()}
    declared = _declared(model, rollout, assembly)
    return Prepared(
        rollout, settings, program, sliced, stages, compiled, begin, undo, declared, around, layered, in_layers
    )


def standing_after(assembly: Assembly, stages: Sequence[Sequence[Program]], deploys: bool) -> Configuration:
    """Where an assembly rests after its deployment, or after programs. Raises CannotRoll when it does not come to rest."""
    if not deploys and not stages:
        raise CannotRoll("nothing has run")
    run = rehearse(System(assembly, stages))
    if run.deadlock is not None or run.truncated:
        raise CannotRoll(f"{assembly.name} does not come to rest: {run.deadlock or 'it never ends'}")
    return run.configuration._replace(positions=(), failures=0)


def _narrowed(settings: Settings, machines: int) -> Settings:
    if settings.out is None:
        return settings
    return replace(settings, staging=replace(settings.staging, at_once=max(1, at_most(settings.out, machines))))


def _clusters(clusters: Sequence[Cluster] | None, machines: tuple[str, ...], fleet: str) -> list[Cluster]:
    """The clusters of the machines that are touched."""
    if clusters is None:
        return [Cluster(fleet, machines)]
    touched = set(machines)
    found = [
        replace(
            c,
            machines=tuple(m for m in c.machines if m in touched),
            medoids=tuple(m for m in c.medoids if m in touched),
        )
        for c in clusters
    ]
    missing = sorted(touched - {m for c in found for m in c.machines})
    if missing:
        more = f" and {len(missing) - 3} more" if len(missing) > 3 else ""
        raise CannotRoll(f"{', '.join(missing[:3])}{more} are in no cluster: fingerprint and cluster the fleet anew")
    return [c for c in found if c.machines]


def _tested(settings: Settings, sliced: Sliced, assembly: Assembly, kinds: Mapping[str, str]) -> set[str]:
    """Machines that every test can be made on."""
    wanted = {t.transition for t in settings.tests if isinstance(t, TransitionTest)}
    found: set[str] = set()
    for machine, program in sliced.machines.items():
        done = {t for i in program.instructions if isinstance(i, Push) for t in _pushed(assembly, kinds, i)}
        if wanted <= done:
            found.add(machine)
    if not found:
        names = " and ".join(sorted(wanted))
        raise CannotRoll(f"`test transition {names}`: the program {sliced.program} runs it on no machine")
    return found


def _pushed(assembly: Assembly, kinds: Mapping[str, str], push: Push) -> list[str]:
    kind = assembly.types[kinds[push.component]]
    return [t.name for t in kind.transitions if push.behavior in t.behaviors]


def _in_layers(sliced: Sliced, layered: set[str]) -> frozenset[str]:
    """Machines that their layers can take back: everything that their slices move lives there."""
    return frozenset(m for m, p in sliced.machines.items() if (own := _moved(p)) and layered.issuperset(own))


def _moved(program: Program) -> tuple[str, ...]:
    """Instances that a slice pushes to, adds or deletes."""
    found: dict[str, None] = {}
    for i in program.instructions:
        match i:
            case Push(name) | Delete(name):
                found[name] = None
            case Add(instance):
                found[instance.name] = None
            case _:
                pass
    return tuple(found)


def _undone(
    settings: Settings, machine: str, program: Program, assembly: Assembly, kinds: Mapping[str, str]
) -> tuple[str, ...]:
    """Components that behaviors take back, the last one first; empty: the machine is frozen."""
    if settings.on_failure is OnFailure.FREEZE:
        return ()
    pushed = list(dict.fromkeys(i.component for i in program.instructions if isinstance(i, Push)))
    lacking = [(c, b) for c in pushed for b in settings.rollback if b not in assembly.types[kinds[c]].behaviors]
    if not lacking:
        return tuple(reversed(pushed))
    if settings.on_failure is None:
        return ()
    component, behavior = lacking[0]
    raise CannotRoll(
        f"`on_failure rollback`: there is no way back for {component} on {machine}: it does not live in layers, and "
        f"{kinds[component]} has no behavior {behavior}; declare the instance `in layer`, or give {kinds[component]} the "
        f"behavior {behavior} (`on_failure rollback NAME` names another one), or write `on_failure freeze`"
    )


def _declared(model: Model, rollout: Rollout, assembly: Assembly) -> tuple[Available, ...]:
    """Bounds of interruptions in the verify blocks that end with the rollout's program."""
    found = []
    for verify in model.verifications:
        if verify.assembly == assembly.name and verify.stages[-1:] == ((rollout.program,),):
            found += [p.question for p in verify.properties if isinstance(p.question, Available) and not p.failures]
    return tuple(dict.fromkeys(found))
