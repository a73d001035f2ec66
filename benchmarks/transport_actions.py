"""CPU time and memory of the controller for trivial actions over SSH.

``python benchmarks/transport_actions.py [--hosts 100] [--actions 50] [--inventory FILE]``

Without an inventory one OpenSSH server is started on this machine and reached under as many names; each has its own connection,
channel and agent. Only the controller's CPU time is counted (``time.process_time``); the hosts' work runs in other processes.
The floor printed beside it: the same jobs handed to the transport without the layer of actions.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import resource
import sys
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from madeus.executor.action import Context, Registry, execute
from madeus.executor.inventory import Host, load_inventory
from madeus.executor.transport.base import Job
from madeus.executor.transport.pool import Transports
from madeus.model.action import Action
from tests.executor.sshd import Sshd

LIMIT = 10
"""Concurrent actions on one host."""


async def measure(hosts: list[Host], count: int) -> None:
    registry = Registry.installed()
    async with Transports(f"benchmark-{time.time_ns()}") as transports:
        begun, cpu = time.monotonic(), time.process_time()
        await asyncio.gather(*(transports.of(host).connect() for host in hosts))
        spent = time.process_time() - cpu
        print(
            f"connect: {len(hosts)} hosts in {time.monotonic() - begun:.2f} s, {1000 * spent / len(hosts):.2f} ms CPU each"
        )

        async def bare(host: Host) -> None:
            slots = asyncio.Semaphore(LIMIT)

            async def one(number: int) -> None:
                async with slots:
                    await transports.of(host).perform(Job(f"bare.{number}", "true"))

            await asyncio.gather(*(one(number) for number in range(count)))

        async def acted(host: Host) -> None:
            slots = asyncio.Semaphore(LIMIT)
            action = Action("run", ("true",))

            async def one(number: int) -> None:
                async with slots:
                    context = Context(host, transports.of(host), {}, Path(), ("c", "t", number))
                    await execute(action, context, registry)

            await asyncio.gather(*(one(number) for number in range(count)))

        for name, work in (("transport alone", bare), ("actions", acted)):
            gc.collect()
            begun, cpu = time.monotonic(), time.process_time()
            await asyncio.gather(*(work(host) for host in hosts))
            spent, wall = time.process_time() - cpu, time.monotonic() - begun
            total = len(hosts) * count
            print(
                f"{name}: {total} in {wall:.2f} s, {1000 * spent / total:.3f} ms CPU an action, {total / wall:.0f} a second"
            )
        print(f"memory: {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MB at most")
        await transports.forget()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--hosts", type=int, default=100)
    parser.add_argument("--actions", type=int, default=50)
    parser.add_argument("--inventory", type=Path)
    options = parser.parse_args()
    with ExitStack() as stack:
        if options.inventory:
            hosts = [host for host in load_inventory(options.inventory).hosts.values() if host.name != "local"][
                : options.hosts
            ]
        else:
            server = Sshd(Path(stack.enter_context(tempfile.TemporaryDirectory()))).start()
            stack.callback(server.stop)
            hosts = [server.host(f"host{number}") for number in range(options.hosts)]
        asyncio.run(measure(hosts, options.actions))


if __name__ == "__main__":
    main()
