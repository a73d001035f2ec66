"""What a switch has left behind, in sentences: processes in the old stack, services that did not start."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from typing import Any

SHOWN = 8
"""Processes that are named."""


def remarks(switch: Mapping[str, Any]) -> tuple[str, ...]:
    """Sentences about an answer to the verb `switch`; none when there is nothing to say. Lines within a sentence are kept."""
    found = [_service(one) for one in switch.get("services", ()) if one["code"] != 0 and one["argv"][-1] == "start"]
    lingering = switch.get("lingering", ())
    if lingering:
        some = len(lingering) > 1
        count = f"{len(lingering)} processes go on" if some else "1 process goes on"
        lines = [f"{count} in the stack from before and {'do' if some else 'does'} not see the new one:"]
        lines += [f"  {_process(one)}" for one in lingering[:SHOWN]]
        lines += [f"  ... and {len(lingering) - SHOWN} more"] if len(lingering) > SHOWN else []
        lines.append(_written(switch))
        lines.append("start them again, or let the role name their service, or say `lingering end`")
        found.append("\n".join(lines))
    return tuple(found)


def _process(process: Mapping[str, Any]) -> str:
    writes = f", writes {', '.join(process['writes'])}" if process.get("writes") else ""
    return f"{process['name']}, pid {process['pid']}: {process['command']}{writes}"


def _written(switch: Mapping[str, Any]) -> str:
    if switch.get("guarded"):
        return "nothing can be written there any more: that stack is read-only now"
    return "what is written there may show in the new stack or not, and changes the state that was recorded"


def _service(done: Mapping[str, Any]) -> str:
    said = [line for line in done["output"].splitlines() if line.strip()]
    return f"`{shlex.join(done['argv'])}` ended with {done['code']}" + (f": {said[-1].strip()}" if said else "")
