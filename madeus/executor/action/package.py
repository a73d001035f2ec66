"""``package "name" present``: packages of the host, by apt."""

from __future__ import annotations

import shlex
from typing import ClassVar

from typing_extensions import override

from madeus.executor.action.base import (
    ActionResult,
    Call,
    Context,
    Description,
    JobAction,
    Kind,
    Parameter,
    reveal,
    show,
)
from madeus.executor.action.command import command_job, judge
from madeus.executor.action.service import asking, told
from madeus.executor.errors import InvalidAction
from madeus.executor.transport.base import Job, Outcome
from madeus.model.action import Action

_STATES = ("present", "absent", "latest")
LOCK_TIMEOUT = 600
"""Seconds to wait for another apt or dpkg."""

_SCRIPT = """command -v apt-get >/dev/null 2>&1 || {{
  echo "there is no apt-get here: only Debian and its kin are known" >&2
  exit 69
}}
export DEBIAN_FRONTEND=noninteractive
export APT_LISTCHANGES_FRONTEND=none
apt() {{
  apt-get -q -y -o DPkg::Lock::Timeout={lock} -o Dpkg::Options::=--force-confdef \\
    -o Dpkg::Options::=--force-confold "$@" </dev/null
}}
installed() {{ dpkg-query -W -f '${{db:Status-Status}} ${{Version}}\\n' "${{1%%=*}}" 2>/dev/null | grep '^installed '; }}
update() {{
  fresh=$(find /var/lib/apt/lists -maxdepth 0 -mmin -{fresh} 2>/dev/null)
  if [ {update} = yes ] && [ -z "$fresh" ] || [ {update} = always ]; then apt update || exit; fi
}}
changed=unchanged
set -- {names}
case {state} in
  present)
    lacking=
    for name; do
      have=$(installed "$name")
      case $name in
        *=*) [ "$have" = "installed ${{name#*=}}" ] || lacking=1 ;;
        *) [ -n "$have" ] || lacking=1 ;;
      esac
    done
    if [ -n "$lacking" ]; then
      update
      apt install {extra} "$@" || {{
        code=$?
        [ {update} = no ] && echo "does the host know the package? try: update_cache" >&2
        exit $code
      }}
      changed=changed
    fi ;;
  latest)
    update
    before=$(for name; do installed "$name"; done)
    apt install {extra} "$@" || exit
    if [ "$before" != "$(for name; do installed "$name"; done)" ]; then changed=changed; fi ;;
  absent)
    there=
    for name; do if [ -n "$(installed "$name")" ]; then there="$there $name"; fi; done
    if [ -n "$there" ]; then apt {remove} $there || exit; changed=changed; fi ;;
esac
echo "madeus: $changed"
"""


_LOOK = """for name in $MADEUS_NAME; do
  have=$(dpkg-query -W -f '${db:Status-Status} ${Version}\\n' "${name%%=*}" 2>/dev/null | sed -n 's/^installed //p')
  case $MADEUS_WANTED:$name in
    absent:*) [ -z "$have" ] || { echo "${name%%=*} $have is installed" >&2; exit 1; } ;;
    *=*) [ "$have" = "${name#*=}" ] || { echo "${name%%=*} is ${have:-not installed}, not ${name#*=}" >&2; exit 1; } ;;
    *) [ -n "$have" ] || { echo "$name is not installed" >&2; exit 1; } ;;
  esac
done
"""
"""A probe: nothing is installed or removed."""


class Package(JobAction):
    """Installs or removes Debian packages; does nothing when all is as wanted. Waits for another apt; never asks."""

    description: ClassVar[Description] = Description(
        name="package",
        summary="install, upgrade or remove packages (apt)",
        arguments=(
            Parameter("name", Kind.STRINGS, "package, or `name=version`; several, or a list", required=True, many=True),
        ),
        options=(
            *(Parameter(state, Kind.FLAG, f"they are to be {state}", default=False) for state in _STATES),
            Parameter(
                "update_cache",
                Kind.FLAG,
                "first fetch the lists of packages, when they are older than an hour",
                default=False,
            ),
            Parameter("purge", Kind.FLAG, "with absent: their configuration too", default=False),
            Parameter("recommends", Kind.FLAG, "install what they recommend", default=True),
        ),
        idempotent=True,
        example='package "apache2" "php" present update_cache',
    )

    @override
    def looking(self, action: Action) -> Action:
        wanted = "absent" if action.option("absent") else "present"
        return asking(action, _LOOK, (*_STATES, "update_cache", "purge", "recommends"), MADEUS_WANTED=wanted)

    @override
    def expects(self, call: Call) -> str:
        return "not installed" if call.options["absent"] else "installed"

    @override
    def check(self, call: Call) -> None:
        wanted = [state for state in _STATES if call.options[state]]
        if len(wanted) > 1:
            raise InvalidAction(call.kind, f"cannot be {' and '.join(wanted)} at once")
        for name in _names(call):
            if not name or name.startswith("-") or not all(c.isalnum() or c in "+-.:=~_/" for c in name):
                raise InvalidAction(call.kind, f"`{name}` is no name of a package")

    @override
    def plan(self, call: Call, context: Context) -> str:
        names = " ".join(show(name) for group in call.arguments[0] for name in group)
        return f"package {names} {_state(call)}"

    @override
    def job(self, call: Call, context: Context, attempt: int) -> Job:
        text = _SCRIPT.format(
            lock=LOCK_TIMEOUT,
            fresh=60,
            update="yes" if call.options["update_cache"] else "no",
            names=" ".join(map(shlex.quote, _names(call))),
            state=_state(call),
            extra="" if call.options["recommends"] else "--no-install-recommends",
            remove="purge" if call.options["purge"] else "remove",
        )
        return command_job(call, context, attempt, text)

    @override
    def result(self, call: Call, context: Context, outcome: Outcome) -> ActionResult:
        return told(judge(call, context, outcome))


def _state(call: Call) -> str:
    return next((state for state in _STATES if call.options[state]), "present")


def _names(call: Call) -> list[str]:
    return [reveal(name) for group in call.arguments[0] for name in group]
