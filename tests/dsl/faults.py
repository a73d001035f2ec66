"""Loads a text and shows its faults as (code, underlined text) pairs."""

from __future__ import annotations

from pathlib import Path

from madeus.diagnostics import Diagnostic
from madeus.dsl import Loaded, load

WEB = """component Web(port: int = 80) {
  initial place off
  place on
  provide service http at on
  provide data url: string at on
  transition start: off -> on takes 1s..2s { run "web ${port}" -> url }
  behavior stop { transition halt: on -> off }
}
"""
CLIENT = """component Client {
  initial place off
  place on
  use service web any optional for start
  use data address: string optional for start
  transition start: off -> on { run "client ${address}" }
}
"""


def loaded(text: str, folder: Path | None = None) -> Loaded:
    """The text, loaded as a file of a folder."""
    return load((folder or Path()) / "main.madeus", text=text)


def underlined(diagnostic: Diagnostic, files: dict[str, str]) -> str:
    """The text that a diagnostic underlines."""
    assert diagnostic.span is not None
    return files[diagnostic.span.file][diagnostic.span.start : diagnostic.span.end]


def faults(text: str, folder: Path | None = None) -> list[tuple[str, str]]:
    """Code and underlined text of every diagnostic, in order."""
    found = loaded(text, folder)
    return [(d.code, underlined(d, dict(found.files))) for d in found.diagnostics]


def sited(assembly: str, rest: str = "") -> str:
    """Both component types, and an assembly with these statements."""
    return f"{WEB}\n{CLIENT}\nassembly site {{\n{assembly}\n}}\n{rest}"


def program(body: str, assembly: str = "web: Web\nc: Client\nconnect c.web to web.http") -> str:
    """Both component types, an assembly, and a program with these instructions."""
    return sited(assembly, f"\nprogram go for site {{\n{body}\n}}\n")


def verify(body: str, assembly: str = "web: Web\nw[1..3]: Web") -> str:
    """Both component types, an assembly, and a verify block with these properties."""
    return sited(assembly, f"\nverify site {{\ngoal up = web.on\n{body}\n}}\n")
