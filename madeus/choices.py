"""Names to objects: which assembly, which programs, which durations a caller means, and where a file comes from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from madeus.errors import SelectionError, look_up
from madeus.model import Assembly, Model, Program

if TYPE_CHECKING:
    from madeus.dsl import Loaded
    from madeus.executor.api import Origin
    from madeus.semantics import System
    from madeus.semantics.time import Durations

Stages = Sequence[str | Sequence[str]]
"""Programs by name, one after another; names in an inner sequence (or joined by ``+``) run side by side."""

DURATION_KINDS = ("min", "mean", "max", "random")


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
    targets = {look_up(model.programs, p, "program").assembly for stage in named_stages(programs) for p in stage}
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
    stages = tuple(tuple(look_up(model.programs, p, "program") for p in stage) for stage in named_stages(programs))
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


def named_stages(programs: Stages) -> list[tuple[str, ...]]:
    """Names of programs, stage by stage."""
    return [tuple(stage.split("+")) if isinstance(stage, str) else tuple(stage) for stage in programs]
