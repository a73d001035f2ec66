"""How long beds of test hosts take: up, a login to every host, down; and what they leave behind, which should be nothing.

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
from madeus.executor.testbed.registry import is_alive


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
        processes = [each for each in (record.keeper, *(host.process for host in record.hosts)) if each is not None]
        pids = [each.pid for each in processes]
        memory = pss(pids)
        begin = time.perf_counter()
        with ThreadPoolExecutor(8) as pool:
            list(pool.map(lambda host: log_in(bed, host.name), bed.hosts))
        logins = time.perf_counter() - begin
        begin = time.perf_counter()
        bed.down()
        down = time.perf_counter() - begin
    running = sum(is_alive(process) for process in processes)
    mounts, links = (now - then for now, then in zip(mounts_and_links(), before, strict=True))
    left = f"{running} processes, {mounts} mounts, {links} links"
    print(
        f"{count:6d} {up:8.2f} {logins:10.2f} {down:8.2f} {memory:10.1f}   {left}",
        flush=True,
    )


if __name__ == "__main__":
    print(f"{'hosts':>6} {'up [s]':>8} {'logins [s]':>10} {'down [s]':>8} {'PSS [MB]':>10}   left behind")
    for number in map(int, sys.argv[1:] or ("10", "50")):
        measure(number)
