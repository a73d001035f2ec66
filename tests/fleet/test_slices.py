"""Programs cut by machine."""

from __future__ import annotations

import pytest

from madeus.fleet.slices import NotSliceable, Sliced, machines_of, slice_program
from madeus.model import (
    Add,
    Assembly,
    Connect,
    Connection,
    Delete,
    Disconnect,
    Instance,
    Instruction,
    Program,
    Push,
    WaitAll,
    WaitComponent,
    WaitPush,
)

SITE = Assembly(
    "site",
    {},
    tuple(
        Instance(n, "T", h) for n, h in (("a", "w[1]"), ("b", "w[2]"), ("extra", "w[2]"), ("db", "db1"), ("lb", "lb1"))
    ),
)
LINK = Connection("lb", "web", "a", "http")


def cut(*instructions: Instruction) -> Sliced:
    program = Program("up", "site", instructions)
    machine_of = machines_of(SITE, [program], {"w1", "w2"}, lambda host: host.replace("[", "").replace("]", ""))
    return slice_program(program, SITE, machine_of)


def text(program: Program | None) -> list[str]:
    return [] if program is None else [str(i) for i in program.instructions]


def test_each_machine_gets_what_is_written_for_it_and_a_wait_at_the_end() -> None:
    sliced = cut(Push("a", "stop"), Push("b", "stop"), Push("a", "start"), Push("extra", "start"))
    assert {m: text(p) for m, p in sliced.machines.items()} == {
        "w1": ["push a.stop", "push a.start", "wait a"],
        "w2": ["push b.stop", "push extra.start", "wait b", "wait extra"],
    }
    assert [p.name for p in sliced.machines.values()] == ["up@w1", "up@w2"]
    assert sliced.instances == {"w1": ("a",), "w2": ("b", "extra")}
    assert (sliced.before, sliced.after) == (None, None)


def test_what_touches_no_machine_stands_before_or_after() -> None:
    sliced = cut(Push("db", "migrate"), WaitComponent("db"), Push("a", "stop"), WaitAll(), Push("lb", "reload"))
    assert text(sliced.before) == ["push db.migrate", "wait db"]
    assert text(sliced.after) == ["push lb.reload", "wait lb"]
    assert text(sliced.machines["w1"]) == ["push a.stop", "wait a"]


def test_wait_all_waits_for_the_instances_of_each_part() -> None:
    sliced = cut(Push("db", "migrate"), WaitAll(), Push("b", "stop"), WaitAll(), Push("b", "start"), WaitAll())
    assert text(sliced.before) == ["push db.migrate", "wait db"]
    assert text(sliced.machines["w2"]) == ["push b.stop", "wait b", "push b.start", "wait b"]


def test_a_connection_between_a_machine_and_a_shared_instance_is_of_the_machine() -> None:
    sliced = cut(Disconnect(LINK), Push("a", "stop"), Connect(LINK), Push("b", "stop"))
    assert sliced.machines["w1"].instructions == (
        Disconnect(LINK),
        Push("a", "stop"),
        Connect(LINK),
        WaitComponent("a"),
    )
    assert sliced.shared == {"w1": ("lb",), "w2": ()}


def test_labels_lead_to_their_machine() -> None:
    sliced = cut(Push("a", "stop", "first"), WaitPush("first"), Push("b", "stop"))
    assert text(sliced.machines["w1"]) == ["push a.stop as first", "wait first", "wait a"]


def test_added_and_deleted_instances_are_of_the_machine_that_they_stand_on() -> None:
    sliced = cut(Add(Instance("new", "T", "w[1]")), Push("new", "start"), Push("a", "stop"), WaitAll(), Delete("a"))
    assert text(sliced.machines["w1"]) == [
        "add new: T",
        "push new.start",
        "push a.stop",
        "wait a",
        "wait new",
        "delete a",
    ]


def test_an_instruction_that_ties_two_machines_is_refused() -> None:
    with pytest.raises(NotSliceable, match=r"`push a.stop` ties w1 and w2 together"):
        cut(Push("a", "stop", recovery="b.start"))
    with pytest.raises(NotSliceable, match="ties w1 and w2"):
        cut(Disconnect(Connection("a", "x", "b", "y")))


def test_a_shared_instruction_between_machines_is_refused() -> None:
    with pytest.raises(NotSliceable, match=r"`push lb.reload` stands between what is done on machines"):
        cut(Push("a", "stop"), Push("lb", "reload"), Push("b", "stop"))


def test_what_takes_a_program_back_takes_the_part_of_each_machine_back() -> None:
    program = Program("up", "site", (Push("a", "b"), Push("b", "b")), rollback=True)
    sliced = slice_program(program, SITE, {"a": "w1", "b": "w2"})
    assert [part.rollback for part in sliced.machines.values()] == [True, True]


def test_a_program_that_is_taken_back_with_its_layers_is_so_on_each_machine() -> None:
    program = Program("up", "site", (Push("db", "migrate"), Push("a", "stop")), rollback=True)
    sliced = slice_program(program, SITE, {"a": "w1"})
    assert sliced.before is not None and sliced.before.rollback
    assert sliced.machines["w1"].rollback
