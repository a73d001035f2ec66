"""What rules ask a host in words of their own: each command's first line is the fact."""

from __future__ import annotations

import subprocess

PATIENCE = 20.0
"""Seconds that one of them may take."""


def ask(commands: dict[str, str]) -> dict[str, str]:
    """First line of what each command prints, by name; a failure is a fact, too."""
    return {name: _answer(command) for name, command in sorted(commands.items())}


def _answer(command: str) -> str:
    try:
        done = subprocess.run(
            ["/bin/sh", "-c", command], stdin=subprocess.DEVNULL, capture_output=True, timeout=PATIENCE, check=False
        )
    except subprocess.TimeoutExpired:
        return "no answer"
    except OSError as error:
        return error.strerror or "no shell"
    lines = done.stdout.decode(errors="replace").split("\n")
    return lines[0].strip() or (f"exit {done.returncode}" if done.returncode else "nothing")
