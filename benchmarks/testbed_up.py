"""How long beds of test hosts take: up, a login to every host, down; and what is left behind (nothing).

Run as root: `python benchmarks/testbed_up.py [HOSTS...]`, by default 10 and 50 hosts. Times are wall time in seconds, memory
is the private and shared memory (PSS) of the keeper and all PID 1s in MB.
"""

import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from madeus.executor.testbed import Testbed


def mounts_and_links() -> tuple[int, int]:
    """Number of mounts and of network links of this machine."""
    return len(Path("/proc/self/mountinfo").read_text().splitlines()), len(list(Path("/sys/class/net").iterdir()))


def pss(pids: list[int]) -> float:
    """Proportional set size of the processes, in MB."""
    total = 0
    for pid in pids:
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                total += int(line.split()[1])
    return total / 1024


def log_in(bed: Testbed, name: str) -> None:
    """One SSH login."""
    command = ["ssh", "-F", str(bed.ssh_config), name, "hostname"]
    said = subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
    assert said == name


def measure(count: int) -> None:
    """One line of the table."""
    before = mounts_and_links()
    with tempfile.TemporaryDirectory() as directory:
        begin = time.perf_counter()
        bed = Testbed.up(count, Path(directory) / "bed")
        up = time.perf_counter() - begin
        record = bed.record
        pids = [each.process.pid for each in record.hosts if each.process] + (
            [record.keeper.pid] if record.keeper else []
        )
        memory = pss(pids)
        begin = time.perf_counter()
        with ThreadPoolExecutor(8) as pool:
            list(pool.map(lambda host: log_in(bed, host.name), bed.hosts))
        logins = time.perf_counter() - begin
        begin = time.perf_counter()
        bed.down()
        down = time.perf_counter() - begin
    left = any(Path(f"/proc/{pid}").exists() for pid in pids) or mounts_and_links() != before
    print(
        f"{count:6d} {up:8.2f} {logins:10.2f} {down:8.2f} {memory:10.1f}   {'something' if left else 'nothing'}",
        flush=True,
    )


if __name__ == "__main__":
    print(f"{'hosts':>6} {'up [s]':>8} {'logins [s]':>10} {'down [s]':>8} {'PSS [MB]':>10}   left behind")
    for number in map(int, sys.argv[1:] or ("10", "50")):
        measure(number)
