"""``wait_tcp port 3306 within 30s``: wait until something listens, asked from the host."""

from __future__ import annotations

import shlex
from dataclasses import replace
from typing import ClassVar

from typing_extensions import override

from madeus.executor.action.base import ActionResult, Call, Context, Description, JobAction, Kind, Parameter
from madeus.executor.action.command import command_job, failure, judge
from madeus.executor.errors import ActionFailed, InvalidAction
from madeus.executor.transport.base import Job, Outcome
from madeus.model.action import Action
from madeus.model.value import Duration, format_seconds

DEFAULT_WITHIN = 30.0
NO_PROGRAM = 69
NOT_YET = 75
"""Exit codes of the job: nothing there can make a connection; the time is over."""

LOOP = """started=$(date +%s)
pause=0.1
until attempt; do
  if [ $(($(date +%s) - started)) -ge {within} ]; then echo "$said" >&2; exit 75; fi
  sleep $pause
  case $pause in 0.1) pause=0.2 ;; 0.2) pause=0.5 ;; *) pause=1 ;; esac
done
"""

_SCRIPT = """host={host} port={port}
if python3 -c "import socket" >/dev/null 2>&1; then
  attempt() {{
    said=$(python3 -c 'import socket, sys
try: socket.create_connection((sys.argv[1], int(sys.argv[2])), 5).close()
except OSError as error: sys.exit(str(error))' "$host" "$port" 2>&1)
  }}
elif command -v bash >/dev/null 2>&1; then
  attempt() {{ said=$(timeout 5 bash -c 'exec 3<>"/dev/tcp/$0/$1"' "$host" "$port" 2>&1); }}
elif command -v nc >/dev/null 2>&1; then
  attempt() {{ said=$(nc -z -w 5 "$host" "$port" 2>&1); }}
else
  echo "python3, bash or nc is needed on the host" >&2; exit 69
fi
"""


class NothingToAskWith(ActionFailed):
    """The host has no program that can make a connection."""


class WaitTcp(JobAction):
    """Waits until a connection can be made."""

    description: ClassVar[Description] = Description(
        name="wait_tcp",
        summary="wait until a TCP port answers, seen from the host",
        options=(
            Parameter("port", Kind.INTEGER, "number of the port", required=True),
            Parameter("host", Kind.STRING, "name or address to connect to", default="127.0.0.1"),
            Parameter("within", Kind.DURATION, "how long to try", default=DEFAULT_WITHIN),
        ),
        idempotent=True,
        example="wait_tcp port ${port} within 30s",
    )

    @override
    def looking(self, action: Action) -> Action:
        return once(action)

    @override
    def expects(self, call: Call) -> str:
        return f"an answer on {call.plain('host')}:{call.options['port']}"

    @override
    def check(self, call: Call) -> None:
        if not 1 <= call.options["port"] <= 65535:
            raise InvalidAction(call.kind, f"{call.options['port']} is no port: they go from 1 to 65535")

    @override
    def plan(self, call: Call, context: Context) -> str:
        return f"wait for {call.plain('host')}:{call.options['port']}{within(call)}"

    @override
    def job(self, call: Call, context: Context, attempt: int) -> Job:
        text = _SCRIPT.format(host=shlex.quote(call.plain("host") or ""), port=call.options["port"])
        return command_job(call, context, attempt, text + LOOP.format(within=round(call.options["within"])))

    @override
    def result(self, call: Call, context: Context, outcome: Outcome) -> ActionResult:
        what = f"{call.plain('host')}:{call.options['port']} did not answer"
        return waited(call, context, outcome, what)


def once(action: Action) -> Action:
    """The action as a probe does it: it does not wait, unless it says how long."""
    if action.option("within") is not None:
        return action
    return replace(action, options=(*action.options, ("within", Duration(0.0))))


def within(call: Call) -> str:
    """How long was waited, in words; empty when it was looked at once."""
    return f" within {format_seconds(call.options['within'])}" if call.options["within"] else ""


def waited(call: Call, context: Context, outcome: Outcome, what: str) -> ActionResult:
    """The result of a job that waits for something."""
    lines = outcome.stderr.decode(errors="replace").strip().splitlines()
    last = f": {lines[-1]}" if lines else ""
    if outcome.exit_code == NOT_YET:
        raise failure(call, context, outcome, f"{what}{within(call)}{last}")
    if outcome.exit_code == NO_PROGRAM:
        way_out = 'or ask with: from "controller"' * (call.kind == "wait_http")
        raise NothingToAskWith(
            call.kind,
            context.host.name,
            f"it cannot be asked{last}",
            exit_code=outcome.exit_code,
            stdout=outcome.stdout,
            stderr=outcome.stderr,
            help=way_out,
        )
    return judge(call, context, outcome)
