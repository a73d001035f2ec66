"""``service "name" started``: a service of the host, under systemd or not."""

from __future__ import annotations

import shlex
from collections.abc import Collection
from dataclasses import replace
from typing import ClassVar

from typing_extensions import override

from madeus.executor.action.base import ActionResult, Call, Context, Description, JobAction, Kind, Parameter
from madeus.executor.action.command import command_job, judge
from madeus.executor.errors import InvalidAction
from madeus.executor.transport.base import Job, Outcome
from madeus.model.action import Action

_STATES = ("started", "stopped", "restarted", "reloaded")

_SCRIPT = """name={name} state={state} boot={boot}
if [ -d /run/systemd/system ] && command -v systemctl >/dev/null 2>&1; then
  systemd=1
  active() {{ systemctl is-active --quiet -- "$name"; }}
  act() {{ systemctl "$1" -- "$name"; }}
  set_boot() {{ systemctl "$1" -- "$name" 2>&1; }}
  is_boot() {{ systemctl is-enabled --quiet -- "$name" 2>/dev/null; }}
else
  systemd=
  if command -v service >/dev/null 2>&1; then control() {{ service "$name" "$1"; }}
  else control() {{ "/etc/init.d/$name" "$1"; }}; fi
  if [ ! -x "/etc/init.d/$name" ] && [ -d /etc/init.d ]; then
    echo "there is no service $name: neither systemd nor /etc/init.d/$name" >&2; exit 5
  fi
  active() {{ control status >/dev/null 2>&1; }}
  act() {{ control "$1"; }}
  set_boot() {{
    if command -v update-rc.d >/dev/null 2>&1; then update-rc.d "$name" "$([ "$1" = enable ] && echo defaults || echo remove)"
    else echo "nothing here can $1 a service" >&2; return 1; fi
  }}
  is_boot() {{ ls /etc/rc[2-5].d/S[0-9][0-9]"$name" >/dev/null 2>&1; }}
fi
changed=unchanged
case $state in
  started) active || {{ act start && changed=changed; }} || exit ;;
  stopped) if active; then act stop && changed=changed || exit; fi ;;
  restarted) act restart && changed=changed || exit ;;
  reloaded) if active; then act reload && changed=changed || exit; else act start && changed=changed || exit; fi ;;
esac
case $boot in
  enabled) is_boot || {{ set_boot enable && changed=changed; }} || exit ;;
  disabled) if is_boot; then set_boot disable && changed=changed || exit; fi ;;
esac
case $state in
  started | restarted | reloaded)
    tries=0
    until active; do
      tries=$((tries + 1))
      if [ $tries -ge 20 ]; then echo "$name was started but is not running" >&2; exit 3; fi
      sleep 0.25
    done ;;
esac
echo "madeus: $changed"
"""


_LOOK = """name=${MADEUS_NAME%.service} wanted=$MADEUS_WANTED
if [ -d /run/systemd/system ] && command -v systemctl >/dev/null 2>&1; then
  active() { systemctl is-active --quiet -- "$name"; }
  is_boot() { systemctl is-enabled --quiet -- "$name" 2>/dev/null; }
else
  if [ ! -x "/etc/init.d/$name" ]; then
    echo "there is no service $name: neither systemd nor /etc/init.d/$name" >&2; exit 5
  fi
  active() {
    if command -v service >/dev/null 2>&1; then service "$name" status; else "/etc/init.d/$name" status; fi >/dev/null 2>&1
  }
  is_boot() { ls /etc/rc[2-5].d/S[0-9][0-9]"$name" >/dev/null 2>&1; }
fi
for one in $wanted; do
  case $one in
    running) active || { echo "$name is not running" >&2; exit 3; } ;;
    stopped) if active; then echo "$name is running" >&2; exit 4; fi ;;
    enabled) is_boot || { echo "$name does not start with the machine" >&2; exit 1; } ;;
    disabled) if is_boot; then echo "$name starts with the machine" >&2; exit 1; fi ;;
  esac
done
"""
"""A probe: nothing is started or stopped."""


class Service(JobAction):
    """Brings a service into a state; does nothing when it is in it. Started means: still running when the action ends."""

    description: ClassVar[Description] = Description(
        name="service",
        summary="start, stop, restart or reload a service of the host",
        arguments=(Parameter("name", Kind.STRING, "name of the service", required=True),),
        options=(
            *(Parameter(state, Kind.FLAG, f"it is to be {state}", default=False) for state in _STATES),
            Parameter("enabled", Kind.FLAG, "it starts with the machine (`enabled false`: it does not)"),
        ),
        idempotent=True,
        example='service "mariadb" started enabled',
    )

    @override
    def looking(self, action: Action) -> Action:
        given = dict(action.options)
        wanted = ["stopped" if given.get("stopped") else "running"] if any(given.get(s) for s in _STATES) else []
        if "enabled" in given:
            wanted.append("disabled" if given["enabled"] in (False, "false") else "enabled")
        return asking(action, _LOOK, (*_STATES, "enabled"), MADEUS_WANTED=" ".join(wanted))

    @override
    def expects(self, call: Call) -> str:
        return " and ".join("running" if w in ("started", "restarted", "reloaded") else w for w in _words(call))

    @override
    def check(self, call: Call) -> None:
        wanted = [state for state in _STATES if call.options[state]]
        if len(wanted) > 1:
            raise InvalidAction(call.kind, f"cannot be {' and '.join(wanted)} at once")
        if not wanted and call.options["enabled"] is None:
            raise InvalidAction(call.kind, "the state is missing", f"one of: {', '.join(_STATES)}, enabled")

    @override
    def plan(self, call: Call, context: Context) -> str:
        return f"service {call.text(0)} {' '.join(_words(call))}"

    @override
    def job(self, call: Call, context: Context, attempt: int) -> Job:
        state = next((state for state in _STATES if call.options[state]), "any")
        enabled = call.options["enabled"]
        boot = "any" if enabled is None else "enabled" if enabled else "disabled"
        name = shlex.quote(call.text(0).removesuffix(".service"))
        return command_job(call, context, attempt, _SCRIPT.format(name=name, state=state, boot=boot))

    @override
    def result(self, call: Call, context: Context, outcome: Outcome) -> ActionResult:
        return told(judge(call, context, outcome))


def _words(call: Call) -> list[str]:
    words = [state for state in _STATES if call.options[state]]
    if call.options["enabled"] is not None:
        words.append("enabled" if call.options["enabled"] else "disabled")
    return words


def asking(action: Action, script: str, own: Collection[str], **variables: str) -> Action:
    """An action about names as a command that asks about them: they are in MADEUS_NAME, separated by blanks.

    own: options of the action that mean nothing to the command.
    """
    names = " ".join(
        str(name) for value in action.arguments for name in (value if isinstance(value, tuple) else (value,))
    )
    given = {name: value for name, value in action.options if name not in own}
    environment = given.pop("environment", ())
    added = (*(environment if isinstance(environment, tuple) else ()), ("MADEUS_NAME", names), *variables.items())
    text = script.replace("${", "$${")
    return Action("run", (text,), (*given.items(), ("environment", added)))


def told(result: ActionResult) -> ActionResult:
    """The result with what the job's last line said of changes."""
    text, mark, last = result.stdout.rpartition(b"madeus: ")
    return replace(result, stdout=text, changed=last.strip() == b"changed") if mark else result
