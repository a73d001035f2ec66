"""How long a rollback takes through `madeus` over SSH, against a restart of the host.

Run as root: `python benchmarks/layers_rollback.py`. One test host of `madeus testbed up --layers`, over the host's own root, a
role without services: what services take to stop and to start comes on top. 20 runs, the shortest and the longest dropped, mean
of 18, and the median of all; warm caches; Python's compiled files in a directory of their own, as an installed madeus has them.
Milliseconds, and the processor time of the command and of what it starts on this machine (not of the host):

    open      `Layers.rollback` of one controller, whose connection is open: journal, lock, the program on the host, the switch
    command   `madeus rollback`, from nothing: interpreter, libraries, SSH login, and the same
    first     the same where the inventory says `persist`, and no connection is kept yet: it makes one
    kept      the same over the connection that an earlier command has left
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
from resource import RUSAGE_CHILDREN, getrusage
from statistics import mean, median

from madeus.executor.layers.agent.bundle import bundle
from madeus.executor.layers.api import Layers
from madeus.executor.testbed import Testbed

RUNS = 20
ROLE = 'role plain {\n  base machine\n  version "1" {\n    run "echo 1 > /etc/one"\n  }\n}\n'

Times = list[tuple[float, float]]
"""Milliseconds of wall and of processor time of each run."""


def timed(act: Callable[[], object], before: Callable[[], object] = lambda: None, runs: int = RUNS) -> Times:
    """Times of an act. before: done before each, not timed."""
    found = []
    for _ in range(runs):
        before()
        used, begin = processor(), time.perf_counter()
        act()
        found.append(((time.perf_counter() - begin) * 1000, (processor() - used) * 1000))
    return found


def processor() -> float:
    """Seconds of the processes that have ended."""
    used = getrusage(RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def show(name: str, times: Times) -> None:
    """One row."""
    walls = sorted(wall for wall, _ in times)
    cpu = f"{median(cpu for _, cpu in times):8.0f}" if any(cpu for _, cpu in times) else ""
    print(f"{name:8} {mean(walls[1:-1]):8.0f} {median(walls):8.0f} {walls[0]:8.0f} {cpu}".rstrip(), flush=True)


async def opened(state: Path, host: str) -> Times:
    """Rollbacks over one connection; the first one opens it."""
    found = []
    async with Layers.open(state) as layers:
        for _ in range(RUNS + 1):
            begin = time.perf_counter()
            await layers.rollback(host)
            found.append(((time.perf_counter() - begin) * 1000, 0.0))
    return found[1:]


def main() -> None:
    """The table."""
    with tempfile.TemporaryDirectory(dir="/var/tmp") as directory, tempfile.TemporaryDirectory(dir="/tmp") as sockets:
        place = Path(directory)
        state = place / "state"
        (place / "plain.madeus").write_text(ROLE)
        kept = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
        environment = {
            **kept,
            "MADEUS_STATE": str(state),
            "PYTHONPYCACHEPREFIX": str(place / "compiled"),
            "XDG_RUNTIME_DIR": sockets,
        }

        def madeus(*words: str | Path) -> None:
            command = [sys.executable, "-m", "madeus", *map(str, words)]
            subprocess.run(command, env=environment, check=True, capture_output=True)

        with Testbed.up(["h1"], place / "bed", name="layers-rollback", layers=True) as bed:
            keeping = bed.inventory.with_name("keeping.toml")
            keeping.write_text(bed.inventory.read_text().replace("[defaults]\n", '[defaults]\npersist = "10min"\n', 1))
            madeus("role", "define", place / "plain.madeus")
            madeus("role", "assign", "plain", "h1", "--inventory", bed.inventory)
            madeus("role", "reprovision", "plain", "h1")
            print("             mean   median  minimum      cpu", flush=True)
            show("open", asyncio.run(opened(state, "h1")))
            madeus("rollback", "h1")
            show("command", timed(lambda: madeus("rollback", "h1")))
            over = ("rollback", "h1", "--inventory", keeping)
            show("first", timed(lambda: madeus(*over), lambda: madeus("connections", "stop")))
            show("kept", timed(lambda: madeus(*over)))
            madeus("connections", "stop")
            show("nothing", timed(lambda: madeus("rollback", "--help")))
            host, look = bed.host("h1"), f"echo '{{}}' | python3 -I -S {bundle().path} current"

            def restart() -> None:
                host.kill()
                host.start()
                while '"mounted": true' not in host.exec(look)[1]:
                    time.sleep(0.002)

            show("restart", [(wall, 0.0) for wall, _ in timed(restart)])


if __name__ == "__main__":
    main()
