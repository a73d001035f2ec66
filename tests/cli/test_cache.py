"""What an answer is kept under: all that it depends on, the program that gives it included."""

from __future__ import annotations

import os
from pathlib import Path

from madeus.checker import Problem, store
from madeus.cli.cache import edition
from madeus.model import Push, Terminates
from madeus.semantics import Configuration, Step, StepKind, System, apply
from tests.build import assembly, kind, program


def test_the_edition_changes_when_a_source_file_does_and_with_the_version(tmp_path: Path) -> None:
    source = tmp_path / "checker" / "engines" / "one.py"
    source.parent.mkdir(parents=True)
    source.write_text("x = 1\n")
    before = edition("1.0", tmp_path)
    assert edition("1.0", tmp_path) == before
    assert edition("1.1", tmp_path) != before
    os.utime(source, ns=(1, 1))
    changed = edition("1.0", tmp_path)
    assert changed != before
    (tmp_path / "checker" / "two.py").write_text("")
    assert edition("1.0", tmp_path) not in (before, changed)


def test_the_edition_is_that_of_the_program_itself() -> None:
    assert edition("1.0") == edition("1.0")
    assert edition("1.0") != edition("1.0", Path("nowhere"))


def test_the_key_changes_with_where_the_runs_begin() -> None:
    whole = assembly([kind("T", "places a* b", "t: a -> b in up", "u: b -> a in down")], "t:T")
    stages = ((program("up", Push("t", "up")),),)
    plain = System(whole, stages)

    def begun(conf: Configuration) -> str:
        return store.key(Problem(System(whole, stages, 0, conf), Terminates()), "auto", "1")

    conf = plain.initial()
    keys = {store.key(Problem(plain, Terminates()), "auto", "1"), begun(conf)}
    for step in (
        Step(StepKind.PROGRAM, "up"),
        Step(StepKind.LEAVE, "t", "a"),
        Step(StepKind.FIRE, "t", "t"),
        Step(StepKind.END, "t", "t"),
    ):
        conf = apply(plain, conf, step)
        keys.add(begun(conf))
    assert len(keys) == 6
