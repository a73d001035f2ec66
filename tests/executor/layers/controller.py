"""The command line as people type it, on test hosts."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path


class Controller:
    """``madeus`` as a process, with a state directory of its own."""

    def __init__(self, folder: Path, inventory: Path) -> None:
        self.folder = folder
        self.environment = {**os.environ, "MADEUS_STATE": str(folder / "state"), "MADEUS_INVENTORY": str(inventory)}

    def start(self, *words: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "-m", "madeus", *words],
            cwd=self.folder,
            env=self.environment,
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )

    def __call__(self, *words: str, code: int = 0) -> str:
        process = self.start(*words)
        out, err = process.communicate(timeout=120)
        assert process.returncode == code, out + err
        return out if code == 0 else out + err

    def inside(self, host: str, command: str) -> str:
        return self("host", "exec", host, "--", "sh", "-c", command)

    def lines(self, *words: str) -> list[dict[str, object]]:
        return [json.loads(line) for line in self(*words, "--format", "json").splitlines()]
