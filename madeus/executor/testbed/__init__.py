"""Test hosts: machines' behaviour on one Linux machine.

A host is a process tree with its own mount, pid, uts, ipc, cgroup and network namespace, an overlay root and an OpenSSH sshd
as its PID 1. `Testbed` brings beds of them up and breaks them on demand; everything of a host hangs off its PID 1, and every
PID 1 off the bed's keeper, so that the kernel itself takes away what a crash would leave.

    with Testbed.up(["db1", "web1"], directory) as bed:
        bed.host("db1").exec("hostname")
"""

from madeus.executor.testbed.bed import Arrival, Host, Testbed, take_down
from madeus.executor.testbed.errors import TestbedError, UsageProblem
from madeus.executor.testbed.registry import BedRecord, HostRecord, Mode, beds, default_root

__all__ = [
    "Arrival",
    "BedRecord",
    "Host",
    "HostRecord",
    "Mode",
    "Testbed",
    "TestbedError",
    "UsageProblem",
    "beds",
    "default_root",
    "take_down",
]
