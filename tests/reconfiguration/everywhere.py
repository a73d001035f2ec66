"""One case on the step relation, on the net, and on the executor with scripted hosts."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path

from madeus.executor.api import RunOptions
from madeus.executor.journal.events import RunState
from madeus.executor.result import RunResult
from madeus.executor.testing import FakeWorld, assert_conforms, run_on_fakes
from madeus.executor.transport.base import Job
from madeus.executor.transport.fake import Reply
from madeus.model import Action, Assembly, Delete
from madeus.petri import translate
from madeus.semantics import Configuration, System, apply, enabled, find_deadlock, is_done
from tests.agreement.test_net_against_semantics import assert_same_graph
from tests.semantics.test_agenda import check_invariants

MOST = 20_000


def reachable(system: System) -> Iterator[Configuration]:
    """Every reachable configuration."""
    first = system.initial()
    seen, waiting = {first}, [first]
    while waiting:
        conf = waiting.pop()
        yield conf
        for step in enabled(system, conf):
            after = apply(system, conf, step)
            if after not in seen:
                assert len(seen) < MOST, "too many configurations for a test"
                seen.add(after)
                waiting.append(after)


def acting(assembly: Assembly) -> Assembly:
    """The assembly whose transitions all have an action, for scripted hosts to do."""
    types = {
        name: replace(
            kind, transitions=tuple(replace(t, actions=(Action("run", ("true",)),)) for t in kind.transitions)
        )
        for name, kind in assembly.types.items()
    }
    return replace(assembly, types=types)


def run(system: System, state: Path, seconds: Mapping[str, float] | None = None) -> RunResult:
    """A run on scripted hosts; seconds: of transitions (``a.t``), one where nothing is said."""
    lengths = dict(seconds or {})

    def script(host: str, job: Job) -> Reply:
        name = ".".join(job.id.split(".")[:2])
        return Reply(seconds=lengths.get(name, 1.0))

    world = FakeWorld(script)
    result = run_on_fakes(world, acting(system.assembly), system.stages, options=RunOptions(state=state))
    end = assert_conforms(result.trace, acting(system.assembly), system.stages)
    assert end == result.configuration
    return result


def everywhere(
    system: System,
    state: Path,
    *,
    says: str = "",
    clash: str = "",
    marked: Mapping[str, set[str]] | None = None,
    seconds: Mapping[str, float] | None = None,
) -> RunResult:
    """All runs of a system end alike: with everything done, or, with ``says``, in a deadlock that says so, or in a clash.

    marked: places that hold a token at every end.
    """
    ends = 0
    for conf in reachable(system):
        check_invariants(system, conf)
        if any(True for _ in enabled(system, conf)):
            continue
        ends += 1
        _check_end(system, conf, says, clash, marked)
    assert ends, "no run ends"
    assert_same_graph(system, translate(system), MOST)
    if not any(isinstance(i, Delete) for p in system.programs for i in p.instructions):
        assert_same_graph(system, translate(system, 0), MOST)
    result = run(system, state, seconds)
    driven = System(acting(system.assembly), system.stages, None)
    _check_end(driven, result.configuration, says, clash, marked)
    assert result.state is (RunState.STUCK if says or clash else RunState.DONE)
    if says:
        assert says in str(result.deadlock)
    return result


def _check_end(
    system: System, conf: Configuration, says: str, clash: str, marked: Mapping[str, set[str]] | None
) -> None:
    deadlock = find_deadlock(system, conf)
    if says or clash:
        assert deadlock is not None, "everything is done"
        assert says in str(deadlock)
        assert clash == ("" if conf.clash is None else f"{conf.clash.component}.{conf.clash.element}")
    else:
        assert is_done(system, conf), str(deadlock)
    if not clash:
        for component, places in (marked or {}).items():
            found = conf.components[component].places if component in conf.components else set()
            assert found == places, f"{component} ends at {sorted(found)}"
