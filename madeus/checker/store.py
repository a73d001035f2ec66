"""Verdicts as JSON and back, and the key of a question: what an answer may be kept and found again with.

A key is made of everything that an answer depends on: places, transitions, intervals, ports, groups, instances,
connections, programs, the question, the number of failures, the engine that was asked for and the version of this program.
What actions do, on which host, and what comments say is left out: another command does not change a proof.
"""

from __future__ import annotations

import json
from dataclasses import replace
from hashlib import sha256
from math import inf
from typing import Any

from madeus.checker.problem import Health, Problem
from madeus.checker.verdict import (
    Ailment,
    Assumption,
    Boundaries,
    Durations,
    Evidence,
    Fails,
    Finding,
    Findings,
    Holds,
    Measure,
    TimeOff,
    Width,
)
from madeus.model import Add, Assembly, ComponentType, Program, codec
from madeus.semantics import Configuration, NotAllowed, Trace, find_deadlock, replay

FORMAT = 2
"""Version of the JSON form and of the key."""


class NotStored(ValueError):
    """A text that stands for no verdict of this problem."""


def key(problem: Problem, engine: str, version: str) -> str:
    """A digest of all that the answer to a problem depends on, in hexadecimal."""
    question = problem.question
    content = {
        "format": [FORMAT, codec.FORMAT, version],
        "engine": engine,
        "failures": problem.system.failures,
        "covered": problem.covered,
        "question": "health" if isinstance(question, Health) else codec.to_json(question),
        "system": _system(problem),
    }
    return sha256(json.dumps(content, separators=(",", ":"), sort_keys=True).encode()).hexdigest()


def _system(problem: Problem) -> Any:
    system = problem.system
    used = {instance.type for instance in system.instances.values()}
    assembly = system.assembly
    bare = Assembly(
        assembly.name,
        {name: _bare(kind) for name, kind in assembly.types.items() if name in used},
        tuple(replace(i, host="", arguments=()) for i in assembly.instances),
        assembly.connections,
    )
    stages = tuple(tuple(_bare_program(p) for p in stage) for stage in system.stages)
    return [codec.to_json(bare), codec.to_json(stages), _begin(system.begin)]


def _begin(begin: Configuration | None) -> Any:
    """Where the runs begin; values of data ports only as there or not."""
    if begin is None:
        return None
    states = [
        [name, sorted(s.places), *(sorted(tokens) for tokens in s[2:6]), [list(p) for p in s.queue]]
        for name, s in sorted(begin.components.items())
    ]
    return [states, sorted(map(list, begin.data))]


def _bare(kind: ComponentType) -> ComponentType:
    return replace(
        kind,
        places=tuple(replace(p, probe=None, doc="") for p in kind.places),
        transitions=tuple(replace(t, actions=(), idempotent=False, probe=None, doc="") for t in kind.transitions),
        provides=tuple(replace(p, doc="") for p in kind.provides),
        uses=tuple(replace(u, doc="") for u in kind.uses),
        parameters=(),
        doc="",
    )


def _bare_program(program: Program) -> Program:
    instructions = tuple(
        replace(i, instance=replace(i.instance, host="", arguments=())) if isinstance(i, Add) else i
        for i in program.instructions
    )
    return replace(program, instructions=instructions, doc="")


def encode(verdict: Holds | Fails) -> str:
    """A verdict as text. An inconclusive one is never kept: another budget may decide it."""
    value: dict[str, Any] = {
        "format": FORMAT,
        "holds": isinstance(verdict, Holds),
        "evidence": {
            "engine": verdict.evidence.engine,
            "states": verdict.evidence.states,
            "seconds": verdict.evidence.seconds,
            "assumptions": [a.name for a in verdict.evidence.assumptions],
            "notes": list(verdict.evidence.notes),
        },
        "measure": _measure(verdict.measure),
    }
    if isinstance(verdict, Holds):
        value |= {"vacuous": list(verdict.vacuous), "witness": _trace(verdict.witness)}
    else:
        stuck = verdict.deadlock is not None
        value |= {"reason": verdict.reason, "trace": _trace(verdict.trace), "loop": verdict.loop, "stuck": stuck}
    return json.dumps(value, separators=(",", ":"))


def decode(text: str, problem: Problem) -> Holds | Fails:
    """The verdict that a text stands for. A counterexample is replayed. Raises NotStored for anything else."""
    try:
        value = json.loads(text)
        if value["format"] != FORMAT:
            raise NotStored(f"format {value['format']}")
        evidence = _evidence(value["evidence"])
        measure = _read_measure(value["measure"])
        if value["holds"] is True:
            return Holds(evidence, measure, _strings(value["vacuous"]), _read_trace(value["witness"]))
        trace = _read_trace(value["trace"])
        loop = value["loop"]
        if loop is not None and (trace is None or not isinstance(loop, int) or not 0 <= loop < len(trace.events)):
            raise NotStored("a loop that does not begin on the run")
        deadlock = None
        if trace is not None:
            *_, end = replay(problem.system, (event.step for event in trace.events))
            deadlock = find_deadlock(problem.system, end) if value["stuck"] else None
        return Fails(str(value["reason"]), trace, evidence, measure, deadlock, loop)
    except (KeyError, TypeError, ValueError, AttributeError, NotAllowed, RecursionError) as error:
        raise NotStored(str(error)) from error


def _trace(trace: Trace | None) -> Any:
    return None if trace is None else trace.to_json()


def _read_trace(value: Any) -> Trace | None:
    if value is None:
        return None
    trace = Trace.from_json(value)
    if not all(-1 <= event.cause < index for index, event in enumerate(trace.events)):
        raise NotStored("causes that do not lead back to the start")
    return trace


def _evidence(value: Any) -> Evidence:
    assumptions = tuple(Assumption[name] for name in value["assumptions"])
    return Evidence(
        str(value["engine"]), int(value["states"]), float(value["seconds"]), assumptions, _strings(value["notes"])
    )


def _strings(value: Any) -> tuple[str, ...]:
    return tuple(str(item) for item in value)


def _number(value: float) -> float | str:
    return "inf" if value == inf else value


def _read_number(value: Any) -> float:
    return inf if value == "inf" else float(value)


def _measure(measure: Measure | None) -> Any:
    match measure:
        case None:
            return None
        case Boundaries(minimum, maximum, fastest, slowest, unbounded):
            ends = [_number(minimum), _number(maximum)]
            return {"boundaries": [*ends, _trace(fastest), _trace(slowest), list(unbounded)]}
        case Width(minimum, maximum, together, witness):
            return {"width": [minimum, maximum, list(together), _trace(witness)]}
        case TimeOff(longest):
            return {"off": [_number(longest)]}
        case Durations(minimum, maximum, above, below, parts):
            ends = [_number(minimum), _number(maximum), above, below]
            return {"durations": [*ends, [_measure(part)["durations"] for part in parts]]}
        case Findings(findings):
            return {"findings": [[f.ailment.name, f.component, f.element, f.sentence] for f in findings]}


def _read_durations(value: Any) -> Durations:
    low, high, above, below, parts = value
    inner = tuple(_read_durations(part) for part in parts)
    return Durations(_read_number(low), _read_number(high), bool(above), bool(below), inner)


def _read_measure(value: Any) -> Measure | None:
    if value is None:
        return None
    ((kind, parts),) = value.items()
    match kind:
        case "boundaries":
            low, high, fastest, slowest, unbounded = parts
            return Boundaries(
                _read_number(low), _read_number(high), _read_trace(fastest), _read_trace(slowest), _strings(unbounded)
            )
        case "width":
            least, most, together, witness = parts
            return Width(int(least), int(most), _strings(together), _read_trace(witness))
        case "off":
            return TimeOff(_read_number(parts[0]))
        case "durations":
            return _read_durations(parts)
        case "findings":
            return Findings(tuple(Finding(Ailment[a], str(c), str(e), str(s)) for a, c, e, s in parts))
        case _:
            raise NotStored(f"a measure called {kind}")
