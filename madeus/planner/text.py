"""A plan as `.madeus` text that can be read, changed and run."""

from __future__ import annotations

import json
import re

from madeus.dsl.format import format as format_text
from madeus.model import LOCAL_HOST, Add, Duration, Instance, Instruction, Program, Secret, Value, format_seconds

_HOST = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*(\[\d+\])?\Z")


def program_text(program: Program, comments: tuple[str, ...] = (), imports: tuple[str, ...] = ()) -> str:
    """The text of a program. comments: lines above it. imports: files it needs, relative to where it will stand."""
    lines = [f"import {json.dumps(path, ensure_ascii=False)}" for path in imports]
    lines += ["", *(f"/// {line}" for line in comments)]
    lines.append(f"program {program.name} for {program.assembly} {{")
    lines += [f"  {_instruction(instruction)}" for instruction in program.instructions]
    lines.append("}")
    return format_text("\n".join(lines) + "\n", program.name)


def _instruction(instruction: Instruction) -> str:
    return f"add {_instance(instruction.instance)}" if isinstance(instruction, Add) else str(instruction)


def _instance(instance: Instance) -> str:
    arguments = ", ".join(f"{name} = {_value(value)}" for name, value in instance.arguments)
    host = ""
    if instance.host != LOCAL_HOST:
        host = f" on {instance.host if _HOST.match(instance.host) else json.dumps(instance.host, ensure_ascii=False)}"
    return f"{instance.name}: {instance.type}{f'({arguments})' if arguments else ''}{host}"


def _value(value: Value) -> str:
    match value:
        case bool():
            return "true" if value else "false"
        case str():
            return json.dumps(value, ensure_ascii=False)
        case int() | float():
            return repr(value)
        case Duration(seconds):
            return format_seconds(seconds)
        case Secret(name):
            return name
        case _:
            return f"[{', '.join(_value(item) for item in value if not isinstance(item, tuple))}]"
