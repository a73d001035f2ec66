"""The questions of the OpenStack example: seconds of engine time for all of them, and of ``madeus check`` as a process.

16,241,391 configurations where only fired and ended are kept.
Run ``python benchmarks/checker_openstack.py``.
"""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import time
from pathlib import Path

EXAMPLE = Path(__file__).parent.parent / "examples" / "openstack.madeus"
ENGINES, PROCESS = 0.1, 1.0
"""Seconds at most: of the engines for all questions, of the process."""


def main() -> None:
    """Print both, by CPU time and by wall time."""
    command = [sys.executable, "-m", "madeus", "check", str(EXAMPLE), "--no-cache", "--format", "json"]
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    began = time.perf_counter()
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    wall = time.perf_counter() - began
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    found = json.loads(done.stdout)
    asked = [p for file in found["files"] for block in file["verify"] + file["health"] for p in block["properties"]]
    engines = sum(p["seconds"] for p in asked)
    answered = sum(p["outcome"] != "inconclusive" for p in asked)
    print(f"{answered} of {len(asked)} questions answered, exit code {done.returncode}")
    print(f"engines {engines:6.3f} s       floor {ENGINES:g} s {'kept' if engines <= ENGINES else 'MISSED'}")
    print(
        f"process {cpu:6.3f} s CPU   floor {PROCESS:g} s {'kept' if cpu <= PROCESS else 'MISSED'}  ({wall:.2f} s wall)"
    )


if __name__ == "__main__":
    main()
