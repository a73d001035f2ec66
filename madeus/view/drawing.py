"""Drawings: DOT text, rendered by Graphviz's `dot` where it is installed, shown by notebooks as SVG."""

from __future__ import annotations

import shutil
import subprocess
from dataclasses import dataclass

SLOW = 60
"""Seconds after which Graphviz is given up."""


class NotDrawn(Exception):
    """`dot` is missing, failed, or took too long; the message says which and the way out."""


@dataclass(frozen=True, slots=True)
class Drawing:
    """A drawing of an assembly or a component type."""

    dot: str
    """The drawing in the DOT language."""

    def render(self, form: str) -> bytes:
        """The drawing as ``svg``, ``png`` or another of dot's formats. Raises NotDrawn."""
        dot = shutil.which("dot")
        if dot is None:
            raise NotDrawn(
                f"{form} needs Graphviz, and there is no `dot` here: install it (Debian: apt-get install graphviz), "
                "or take --format dot"
            )
        command = [dot, f"-T{form}"]
        try:
            done = subprocess.run(command, input=self.dot.encode(), capture_output=True, timeout=SLOW, check=False)
        except subprocess.TimeoutExpired as error:
            raise NotDrawn(
                f"Graphviz did not come to an end within {SLOW} s; try --overview or --format dot"
            ) from error
        if done.returncode != 0:
            raise NotDrawn(f"Graphviz failed: {done.stderr.decode(errors='replace').strip()}")
        return done.stdout

    @property
    def svg(self) -> str:
        """The drawing as SVG. Raises NotDrawn."""
        return self.render("svg").decode()

    def _repr_svg_(self) -> str:
        return self.svg
