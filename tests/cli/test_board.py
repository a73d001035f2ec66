"""Where a run is, as `madeus status` and the live table show it."""

from __future__ import annotations

from madeus.cli.board import Board
from madeus.model import Push, WaitAll
from madeus.semantics import Step, StepKind, System, simulate
from madeus.semantics.agenda import Agenda
from tests.build import assembly, kind, program

FORKED = kind(
    "Forked",
    "places low* left right top",
    "l: low -> left in up",
    "r: low -> right in up",
    "join: left -> top in up",
    "joint: right -> top in up",
    "back: low -> low in undo",
)


def test_a_recovery_takes_every_token_back_to_where_it_came_from() -> None:
    made = program("p", Push("c", "up", "", "c.undo"), WaitAll())
    system = System(assembly([FORKED], "c:Forked"), [[made]], None)
    agenda, board = Agenda(system, system.initial()), Board(system)
    script = [
        Step(StepKind.PROGRAM, "p", position=0),
        Step(StepKind.LEAVE, "c", "low"),
        Step(StepKind.FIRE, "c", "l"),
        Step(StepKind.FIRE, "c", "r"),
        Step(StepKind.END, "c", "l"),
        Step(StepKind.ENTER, "c", "left", "*left"),
        Step(StepKind.LEAVE, "c", "left"),
        Step(StepKind.FIRE, "c", "join"),
        Step(StepKind.END, "c", "join"),
        Step(StepKind.FAIL, "c", "r"),
    ]
    for step in script:
        agenda.take(step)
        board.take(step, 0.0)
    assert (board.rows["c"].places, board.rows["c"].failed) == ([], ["r"])
    recover = Step(StepKind.RECOVER, "c", "up")
    agenda.take(recover)
    board.take(recover, 0.0)
    assert board.rows["c"].places == ["left", "low"]
    assert set(board.rows["c"].places) == agenda.configuration.components["c"].places
    assert board.rows["c"].failed == []


def test_a_board_ends_where_the_run_does() -> None:
    made = program("p", Push("c", "up"), WaitAll())
    system = System(assembly([FORKED], "c:Forked d:Forked"), [[made]])
    run = simulate(system)
    board = Board(system).take_all((e.step, e.time) for e in run.trace.events)
    assert {name: set(row.places) for name, row in board.rows.items()} == {
        name: set(s.places) for name, s in run.configuration.components.items()
    }
    assert all(row.idle for row in board.rows.values())
    assert board.ended == 4
