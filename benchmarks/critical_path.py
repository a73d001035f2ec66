"""How close a run comes to its critical path: twelve components with known step times on three hosts; Ansible beside it.

``python benchmarks/critical_path.py [--inventory FILE] [--peers DIR]``

Runs examples/compare/stack.madeus on the hosts `host1`, `host2` and `host3` of the inventory; without one, on test hosts
when the user is root, else on an OpenSSH server of this machine. The critical path is that of the same model simulated with the
times of the sleeps. The playbook beside the model is run when ansible-playbook is on PATH or in DIR. Wall times in seconds.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.executor import places
from madeus.dsl import load
from madeus.executor.api import Origin, RunOptions, run_assembly
from madeus.executor.inventory import Host, load_inventory
from madeus.model import Assembly
from madeus.semantics import System, simulate
from madeus.semantics.time import fixed

ROOT = Path(__file__).resolve().parents[1]
MODEL = ROOT / "examples/compare/stack.madeus"
PLAYBOOK = ROOT / "examples/compare/ansible-playbook.yml"
ALLOWED = 0.02
"""Share of the critical path that a run may be over it."""


def critical_path(assembly: Assembly) -> float:
    """Length of the critical path, in seconds: each transition sleeps as long as the parameter of its name says."""
    table = {f"{i.name}.{name}": float(str(value)) for i in assembly.instances for name, value in i.arguments}
    return simulate(System(assembly), fixed(table)).trace.makespan


def ansible(tool: str, path: Path, hosts: list[Host]) -> float | None:
    """Seconds of the playbook; None when it fails."""
    with tempfile.TemporaryDirectory() as made:
        config = path.parent / "ssh_config"
        shared = f"ansible_ssh_common_args='-F {config}'" if config.exists() else ""
        lines = []
        for host in hosts:
            words = [host.name, f"ansible_user={host.user}" if host.user else "", shared]
            if not config.exists():
                options = f"-o UserKnownHostsFile={host.known_hosts}"
                words += [f"ansible_host={host.address} ansible_port={host.port or 22}"]
                words += [f"ansible_ssh_private_key_file={host.identity} ansible_ssh_common_args='{options}'"]
            lines.append(" ".join(words))
        (Path(made) / "inventory.ini").write_text("\n".join(lines) + "\n")
        begin = time.monotonic()
        done = subprocess.run(
            [tool, "-i", "inventory.ini", str(PLAYBOOK)], cwd=made, capture_output=True, text=True, check=False
        )
        if done.returncode:
            print(f"ansible-playbook failed: {(done.stderr or done.stdout)[-600:]}")
            return None
        return time.monotonic() - begin


def main() -> None:
    """See the head of this file."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--inventory", type=Path)
    parser.add_argument("--peers", type=Path, help="directory with ansible-playbook")
    options = parser.parse_args()
    model = load(MODEL).model
    assert model is not None
    assembly = model.assemblies["stack"]
    path = critical_path(assembly)
    print(f"critical path                {path:7.2f} s")
    with places(3, options.inventory) as file, tempfile.TemporaryDirectory() as state:
        inventory = load_inventory(file)
        begin = time.monotonic()
        result = run_assembly(
            assembly, origin=Origin(MODEL), options=RunOptions(inventory=inventory, state=Path(state))
        )
        wall = time.monotonic() - begin
        assert result.ok, result.failures
        over = wall / path - 1
        print(f"madeus, logins included      {wall:7.2f} s  {wall / path:5.2f} times", flush=True)
        search = f"{options.peers}{os.pathsep}{os.environ['PATH']}" if options.peers else None
        tool = shutil.which("ansible-playbook", path=search)
        if tool is None:
            print("ansible-playbook: not installed")
        else:
            other = ansible(tool, file, [inventory.hosts[f"host{i}"] for i in (1, 2, 3)])
            if other is not None:
                print(f"ansible-playbook             {other:7.2f} s  {other / path:5.2f} times")
    verdict = "within" if over <= ALLOWED else "OVER"
    print(f"{100 * over:.2f} % over the critical path: {verdict} {100 * ALLOWED:.0f} %")


if __name__ == "__main__":
    main()
