"""CPU time and memory of the controller for whole runs, journal included; the same work by peers, in the same run.

``python benchmarks/executor.py [--hosts 100] [--actions 50] [--inventory FILE] [--peers DIR]``

Without an inventory a bed of test hosts is brought up when the user is root, else one OpenSSH server of this machine is
reached under as many names. Each host has one component whose transitions, one after another, run `true`. Only the CPU time of
the controller counts, for peers that fork with its children; what hosts do is in other process trees. Peers (ansible-playbook,
pyinfra) run when they are on PATH or in DIR, with fewer actions, since they take long: `--peer-actions`.

Floors printed: the same jobs by the transport alone, and the same steps by the semantics alone.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from madeus.executor.api import RunOptions, run_assembly
from madeus.executor.inventory import Host, Inventory, load_inventory
from madeus.executor.transport.base import Job
from madeus.executor.transport.pool import Transports
from madeus.model import Action, Assembly, ComponentType, Instance, Place, Transition
from madeus.semantics import System, simulate

ALLOWED = 0.5
"""Milliseconds of CPU an action that the controller may take."""


def work(hosts: list[str], count: int, grouped: bool) -> Assembly:
    """One component on each host; its actions in as many transitions one after another, or grouped in one."""
    action = Action("run", ("true",))
    if grouped:
        steps = (Transition("t", "p0", "p1", actions=(action,) * count),)
    else:
        steps = tuple(Transition(f"t{i}", f"p{i}", f"p{i + 1}", actions=(action,)) for i in range(count))
    kind = ComponentType("Worker", tuple(Place(f"p{i}", i == 0) for i in range(len(steps) + 1)), steps)
    return Assembly("benchmark", {"Worker": kind}, tuple(Instance(f"c-{h}", "Worker", h) for h in hosts))


def spent() -> float:
    """CPU seconds of this process."""
    return time.process_time()


def line(name: str, actions: int, cpu: float, wall: float, more: str = "") -> None:
    """One line of the table."""
    print(f"{name:34} {actions:6} actions {1000 * cpu / actions:9.3f} ms CPU each {wall:8.2f} s {more}", flush=True)


def ours(inventory: Inventory, hosts: list[Host], count: int, grouped: bool) -> float:
    """Our own run; CPU milliseconds an action."""
    assembly = work([host.name for host in hosts], count, grouped)
    total = len(hosts) * count
    with tempfile.TemporaryDirectory() as state:
        cpu, wall = spent(), time.monotonic()
        result = run_assembly(assembly, options=RunOptions(inventory=inventory, state=Path(state)))
        cpu, wall = spent() - cpu, time.monotonic() - wall
        assert result.ok, result.failures[:1]
        size = sum(file.stat().st_size for file in Path(state).iterdir()) / 1e6
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    name = f"madeus, {'one transition' if grouped else f'{count} transitions'} a host"
    line(name, total, cpu, wall, f"{memory:.0f} MB at most, journal {size:.1f} MB, logins included")
    return 1000 * cpu / total


def floors(hosts: list[Host], count: int) -> None:
    """The transport alone, the semantics alone."""

    async def bare() -> tuple[float, float, float]:
        async with Transports(f"benchmark-{time.time_ns()}") as transports:
            cpu = spent()
            await asyncio.gather(*(transports.of(host).connect() for host in hosts))
            login = spent() - cpu

            async def chain(host: Host) -> None:
                for number in range(count):
                    await transports.of(host).perform(Job(f"bare.{number}", "true"))

            cpu, wall = spent(), time.monotonic()
            await asyncio.gather(*(chain(host) for host in hosts))
            cpu, wall = spent() - cpu, time.monotonic() - wall
            await transports.forget()
            return login, cpu, wall

    login, cpu, wall = asyncio.run(bare())
    total = len(hosts) * count
    line("floor: transport alone", total, cpu, wall, f"and {1000 * login / len(hosts):.1f} ms CPU for each login")
    system = System(work([host.name for host in hosts], count, False))
    cpu = spent()
    simulate(system)
    cpu = spent() - cpu
    line("floor: semantics alone", total, cpu, cpu)


def peers(inventory: Path, hosts: list[Host], count: int, where: Path | None) -> None:
    """The same actions by ansible-playbook and pyinfra, where they are installed."""
    path = f"{where}{os.pathsep}{os.environ['PATH']}" if where else os.environ["PATH"]
    folder = inventory.parent
    with tempfile.TemporaryDirectory() as made:
        scratch = Path(made)
        for name in ("ansible-playbook", "pyinfra"):
            tool = shutil.which(name, path=path)
            if tool is None:
                print(f"{name}: not installed")
                continue
            command = (_ansible if name.startswith("ansible") else _pyinfra)(tool, scratch, folder, hosts, count)
            before, wall = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
            done = subprocess.run(
                command, cwd=scratch, capture_output=True, text=True, env={**os.environ, "PATH": path}, check=False
            )
            wall = time.monotonic() - wall
            after = resource.getrusage(resource.RUSAGE_CHILDREN)
            cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
            if done.returncode:
                print(f"{name} failed: {(done.stderr or done.stdout)[-600:]}")
                continue
            line(name, len(hosts) * count, cpu, wall, f"({count} actions a host)")


def _ansible(tool: str, scratch: Path, folder: Path, hosts: list[Host], count: int) -> list[str]:
    tasks = [{"name": f"t{i}", "ansible.builtin.raw": "true"} for i in range(count)]
    (scratch / "play.yml").write_text(json.dumps([{"hosts": "all", "gather_facts": False, "tasks": tasks}]))
    config = f"-F {folder / 'ssh_config'}"
    names = {
        host.name: {"ansible_host": host.name, "ansible_ssh_common_args": config, "ansible_user": host.user or "root"}
        for host in hosts
    }
    (scratch / "hosts.json").write_text(json.dumps({"all": {"hosts": names}}))
    return [tool, "-i", "hosts.json", "-f", str(len(hosts)), "play.yml"]


def _pyinfra(tool: str, scratch: Path, folder: Path, hosts: list[Host], count: int) -> list[str]:
    data = {"ssh_config_file": str(folder / "ssh_config"), "ssh_known_hosts_file": str(folder / "known_hosts")}
    (scratch / "inventory.py").write_text(f"hosts = {[(host.name, data) for host in hosts]!r}\n")
    lines = [f"server.shell(name='t{i}', commands=['true'])" for i in range(count)]
    (scratch / "deploy.py").write_text("from pyinfra.operations import server\n" + "\n".join(lines) + "\n")
    return [tool, "-y", "--parallel", str(len(hosts)), "inventory.py", "deploy.py"]


@contextmanager
def places(count: int, given: Path | None) -> Iterator[Path]:
    """An inventory file of as many hosts, named host1, host2..."""
    if given is not None:
        yield given
        return
    with tempfile.TemporaryDirectory() as made:
        if os.geteuid() == 0:
            from madeus.executor.testbed import Testbed

            with Testbed.up([f"host{i}" for i in range(1, count + 1)], Path(made) / "bed") as bed:
                yield bed.inventory
            return
        from tests.executor.sshd import Sshd

        server = Sshd(Path(made)).start()
        try:
            one = server.host("host")
            lines = [f'[defaults]\nuser = "{one.user}"\nport = {one.port}\nidentity = "{one.identity}"']
            lines += [f'known_hosts = "{one.known_hosts}"']
            lines += [f'[hosts.host{i}]\naddress = "{one.address}"' for i in range(1, count + 1)]
            (Path(made) / "hosts.toml").write_text("\n".join(lines) + "\n")
            yield Path(made) / "hosts.toml"
        finally:
            server.stop()


def main() -> None:
    """See the head of this file."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--hosts", type=int, default=100)
    parser.add_argument("--actions", type=int, default=50)
    parser.add_argument("--peer-actions", type=int, default=5)
    parser.add_argument("--inventory", type=Path)
    parser.add_argument("--peers", type=Path, help="directory with ansible-playbook and pyinfra")
    options = parser.parse_args()
    with places(options.hosts, options.inventory) as path:
        inventory = load_inventory(path)
        hosts = [host for host in inventory.hosts.values() if host.name != "local"][: options.hosts]
        warm = ours(inventory, hosts[:2], 2, True)
        measured = max(ours(inventory, hosts, options.actions, grouped) for grouped in (False, True))
        floors(hosts, options.actions)
        if options.peer_actions:
            peers(path, hosts, options.peer_actions, options.peers)
        verdict = "within" if measured <= ALLOWED else "OVER"
        print(f"{measured:.3f} ms CPU an action: {verdict} {ALLOWED} (first run of the process: {warm:.3f})")


if __name__ == "__main__":
    main()
