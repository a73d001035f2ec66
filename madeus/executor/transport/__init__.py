"""Durable jobs and files on hosts.

The interface is `madeus.executor.transport.base`; `Transports` chooses and opens. asyncssh is imported only
when a host is reached over SSH.
"""

from madeus.executor.transport.base import (
    Absent,
    FileFacts,
    Finished,
    Found,
    HostFacts,
    Job,
    Outcome,
    Running,
    Transport,
    Vanished,
    job_id,
)
from madeus.executor.transport.pool import Transports

__all__ = [
    "Absent",
    "FileFacts",
    "Finished",
    "Found",
    "HostFacts",
    "Job",
    "Outcome",
    "Running",
    "Transport",
    "Transports",
    "Vanished",
    "job_id",
]
