"""``script "file"``: a file of the controller, sent to the host, executed there and deleted."""

from __future__ import annotations

import shlex
from base64 import b64encode
from typing import ClassVar

from typing_extensions import override

from madeus.executor.action.base import Call, Context, Description, JobAction, Kind, Parameter, reveal, show
from madeus.executor.action.command import command_job
from madeus.executor.action.local import read_local
from madeus.executor.action.run import STDIN
from madeus.executor.transport.base import Job
from madeus.model.action import Action


class Script(JobAction):
    """A local script with arguments; its first line (``#!``) says what interprets it, else ``/bin/sh``."""

    description: ClassVar[Description] = Description(
        name="script",
        summary="send a script to the host and execute it",
        arguments=(
            Parameter("file", Kind.STRING, "the script, relative to the .madeus file", required=True),
            Parameter("argument", Kind.STRING, "argument for the script", many=True),
        ),
        options=(STDIN,),
        outputs=None,
        example='script "bootstrap.sh" "${version}" timeout 5min',
    )

    @override
    def looking(self, action: Action) -> Action:
        return action

    @override
    def plan(self, call: Call, context: Context) -> str:
        path = context.local_path(call.text(0))
        read_local(path)
        return " ".join(["script", str(path), *(shlex.quote(show(word)) for word in call.arguments[1])])

    @override
    def job(self, call: Call, context: Context, attempt: int) -> Job:
        content = read_local(context.local_path(call.text(0)))
        arguments = " ".join(shlex.quote(reveal(word)) for word in call.arguments[1])
        stdin = call.options["stdin"]
        # The interpreter is named, so that a /tmp without the right to execute does not matter. The host's script stays in the
        # text of the job: one job, whatever the file holds.
        text = (
            "script=$(mktemp) || exit\n"
            "trap 'rm -f \"$script\"' EXIT\n"
            f"base64 -d >\"$script\" <<'MADEUS_END' || exit\n{b64encode(content).decode()}\nMADEUS_END\n"
            f'{_interpreter(content)} "$script" {arguments}'
        )
        return command_job(call, context, attempt, text, None if stdin is None else reveal(stdin).encode())


def _interpreter(content: bytes) -> str:
    first = content.split(b"\n", 1)[0].strip()
    if not first.startswith(b"#!") or not first[2:].strip():
        return "/bin/sh"
    program, _, argument = first[2:].strip().decode(errors="surrogateescape").partition(" ")
    # The kernel gives all that follows the program as one argument; `env -S` and the like rely on it.
    return shlex.quote(program) + (f" {shlex.quote(argument.strip())}" if argument.strip() else "")
