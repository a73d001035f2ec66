"""Fingerprints of hosts: what an application on them could depend on, collected over the executor's connections.

From Python::

    request = Request("mariadb-server", load_rules("mariadb-server"))
    fleet = fingerprint_hosts(inventory, ["db1", "db2"], request)      # a madeus.fleet.Fleet
    found = cluster_fleet(fleet.machines.values(), fleet.machines["db1"], diameter=2)

In a running event loop: ``await collect(hosts, transports, request)``. The steps are modules of their own: `probe`
runs on the host, `rules` and `select` decide on files with reasons, `augeas` parses, `build` makes items.
"""

from madeus.executor.fingerprint.collect import LAYERED_ROOT, Request, collect, fingerprint_hosts
from madeus.executor.fingerprint.files import BadFleetFile, read_fleet, write_fleet
from madeus.executor.fingerprint.rules import BadRules, Rules, load_rules, parse_rules

__all__ = [
    "LAYERED_ROOT",
    "BadFleetFile",
    "BadRules",
    "Request",
    "Rules",
    "collect",
    "fingerprint_hosts",
    "load_rules",
    "parse_rules",
    "read_fleet",
    "write_fleet",
]
