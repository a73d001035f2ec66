"""Commands on a host: from the common options to a job, from its outcome to a result."""

from __future__ import annotations

import re
import signal
from pathlib import Path

from madeus.executor.action.base import ActionResult, Call, Context, RuntimeValue, reveal
from madeus.executor.errors import ActionFailed
from madeus.executor.transport.base import Job, Outcome

_NO_ENTRY = re.compile(rb"^madeus: (cannot enter the directory .*)$", re.MULTILINE)
"""What a job says that ends before its script begins (`madeus.executor.transport.protocol.job_text`)."""


def command_job(call: Call, context: Context, attempt: int, script: str, stdin: bytes | Path | None = None) -> Job:
    """The durable job of an attempt, with the user, directory and environment that the action asks for.

    Without ``directory`` a command on the controller itself runs beside the .madeus file, elsewhere in the user's home.
    """
    directory = call.plain("directory")
    if directory is None and context.host.transport == "local" and call.plain("user") is None:
        directory = str(context.base.absolute())
    return Job(
        id=context.job_id(attempt),
        script=script,
        stdin=stdin,
        environment=tuple((name, reveal(value)) for name, value in call.options.get("environment") or ()),
        directory=directory,
        user=call.plain("user"),
        ephemeral=context.ephemeral or context.looking,
    )


def judge(call: Call, context: Context, outcome: Outcome) -> ActionResult:
    """Success when the exit code is an expected one; the outputs are taken from stdout.

    Raises:
        ActionFailed: another exit code, or fewer lines than outputs.
    """
    if outcome.exit_code not in (call.options.get("expect") or (0,)):
        raise failure(call, context, outcome, said_of_exit(outcome))
    return ActionResult(
        outputs=capture(call, context, outcome),
        stdout=outcome.stdout,
        stderr=outcome.stderr,
        exit_code=outcome.exit_code,
        seconds=outcome.seconds,
    )


def failure(call: Call, context: Context, outcome: Outcome, reason: str, help: str = "") -> ActionFailed:
    """An ended command as a failed action."""
    return ActionFailed(
        call.kind,
        context.host.name,
        reason,
        exit_code=outcome.exit_code,
        stdout=outcome.stdout,
        stderr=outcome.stderr,
        help=help,
    )


def said_of_exit(outcome: Outcome) -> str:
    """An exit code in words: ``exit code 3``, ``ended by SIGTERM``, ``cannot enter the directory /x``."""
    if outcome.exit_code > 128 and outcome.exit_code - 128 in signal.valid_signals():
        name = signal.Signals(outcome.exit_code - 128).name if outcome.exit_code < 162 else ""
        if name:
            return f"ended by {name} (exit code {outcome.exit_code})"
    if outcome.exit_code == 126 and (entered := _NO_ENTRY.search(outcome.stderr)):
        return entered.group(1).decode(errors="replace")
    extra = {126: ", found but not executable", 127: ", command not found"}.get(outcome.exit_code, "")
    return f"exit code {outcome.exit_code}{extra}"


def capture(call: Call, context: Context, outcome: Outcome) -> dict[str, RuntimeValue]:
    """What goes to the ports named after ``->``: the whole of stdout without its outer white space, or one line each."""
    if not call.outputs:
        return {}
    names = ", ".join(call.outputs)
    if outcome.stdout_size > len(outcome.stdout) or (outcome.truncated and b"bytes left out" in outcome.stdout):
        raise failure(call, context, outcome, f"its output of {outcome.stdout_size} bytes is too long for `-> {names}`")
    try:
        text = outcome.stdout.decode()
    except UnicodeDecodeError:
        raise failure(call, context, outcome, f"its output is not UTF-8 text, which `-> {names}` needs") from None
    if len(call.outputs) == 1:
        return {call.outputs[0]: text.strip()}
    lines = text.strip().splitlines()
    if len(lines) != len(call.outputs):
        raise failure(
            call,
            context,
            outcome,
            f"printed {len(lines)} line{'s' * (len(lines) != 1)} where `-> {names}` takes {len(call.outputs)}",
            "print one line for each output, in their order",
        )
    return {name: line.strip() for name, line in zip(call.outputs, lines, strict=True)}
