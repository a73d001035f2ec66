"""How long a rollback takes through `madeus` over SSH, against a restart of the host.

Run as root: `python benchmarks/layers_rollback.py`. One test host of `madeus testbed up --layers`, over the host's own root, a
role without services: what services take to stop and to start comes on top. 20 runs, the shortest and the longest dropped, mean
of 18, and the median of all; warm caches. Milliseconds:

    open      `Layers.rollback` of one controller, whose connection is open: journal, lock, the program on the host, the switch
    command   `madeus rollback`, from nothing: interpreter, libraries, SSH login, and the same
    nothing   `madeus rollback --help`, of it: interpreter and libraries of the command line
    restart   the host killed and started, until its stack is mounted again
"""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import mean, median

from madeus.executor.layers.agent.bundle import bundle
from madeus.executor.layers.api import Layers
from madeus.executor.testbed import Testbed

RUNS = 20
ROLE = 'role plain {\n  base machine\n  version "1" {\n    run "echo 1 > /etc/one"\n  }\n}\n'


def timed(act: Callable[[], object]) -> float:
    """Milliseconds."""
    begin = time.perf_counter()
    act()
    return (time.perf_counter() - begin) * 1000


def show(name: str, values: list[float]) -> None:
    """One row."""
    print(f"{name:8} {mean(sorted(values)[1:-1]):8.0f} {median(values):8.0f}", flush=True)


async def opened(state: Path, host: str) -> list[float]:
    """Rollbacks over one connection; the first one opens it."""
    found = []
    async with Layers.open(state) as layers:
        for _ in range(RUNS + 1):
            begin = time.perf_counter()
            await layers.rollback(host)
            found.append((time.perf_counter() - begin) * 1000)
    return found[1:]


def main() -> None:
    """The table."""
    with tempfile.TemporaryDirectory(dir="/var/tmp") as directory:
        place = Path(directory)
        state = place / "state"
        (place / "plain.madeus").write_text(ROLE)

        def madeus(*words: str | Path) -> None:
            command = [sys.executable, "-m", "madeus", *map(str, words)]
            subprocess.run(command, env={**os.environ, "MADEUS_STATE": str(state)}, check=True, capture_output=True)

        with Testbed.up(["h1"], place / "bed", name="layers-rollback", layers=True) as bed:
            madeus("role", "define", place / "plain.madeus")
            madeus("role", "assign", "plain", "h1", "--inventory", bed.inventory)
            madeus("role", "reprovision", "plain", "h1")
            print("             mean   median", flush=True)
            show("open", asyncio.run(opened(state, "h1")))
            show("command", [timed(lambda: madeus("rollback", "h1")) for _ in range(RUNS)])
            show("nothing", [timed(lambda: madeus("rollback", "--help")) for _ in range(RUNS)])
            host, look = bed.host("h1"), f"echo '{{}}' | python3 -I -S {bundle().path} current"

            def restart() -> None:
                host.kill()
                host.start()
                while '"mounted": true' not in host.exec(look)[1]:
                    time.sleep(0.002)

            show("restart", [timed(restart) for _ in range(RUNS)])


if __name__ == "__main__":
    main()
