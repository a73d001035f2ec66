"""``run "command"``: a shell command on the host."""

from __future__ import annotations

from typing import ClassVar

from typing_extensions import override

from madeus.executor.action.base import Call, Context, Description, JobAction, Kind, Parameter, reveal, show
from madeus.executor.action.command import command_job
from madeus.executor.transport.base import Job
from madeus.model.action import Action

SHELL = Parameter("shell", Kind.STRING, "program that reads the command, `/bin/sh` when left out")
STDIN = Parameter("stdin", Kind.STRING, "text that the command reads")


class Run(JobAction):
    """One shell command; what it prints goes to the outputs."""

    description: ClassVar[Description] = Description(
        name="run",
        summary="run a shell command on the host",
        arguments=(Parameter("command", Kind.STRING, "text for the shell, of one or more lines", required=True),),
        options=(STDIN, SHELL),
        outputs=None,
        example="run \"hostname -I | cut -d' ' -f1\" -> ip",
    )

    @override
    def looking(self, action: Action) -> Action:
        return action

    @override
    def plan(self, call: Call, context: Context) -> str:
        return f"run {show(call.arguments[0]).strip()}"

    @override
    def job(self, call: Call, context: Context, attempt: int) -> Job:
        stdin = call.options["stdin"]
        given = None if stdin is None else reveal(stdin).encode()
        program = call.plain("shell")
        text = call.text(0)
        if program is not None:
            text = other_shell(program, text)
        return command_job(call, context, attempt, text, given)


def other_shell(program: str, text: str) -> str:
    """A job's text that hands `text` to another program as a file, so that its stdin stays free."""
    mark = "MADEUS_END"
    while mark in text:
        mark += "_"
    return (
        "script=$(mktemp) || exit\n"
        f"cat >\"$script\" <<'{mark}'\n{text}\n{mark}\n"
        f'{program} "$script"\ncode=$?\nrm -f "$script"\nexit $code'
    )
