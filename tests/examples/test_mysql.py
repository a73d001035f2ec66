"""21 database servers that others installed: clusters, two real upgrade problems caught at representatives, and mended."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import madeus
from madeus.executor.testbed import Testbed

FOLDER = Path(__file__).parents[2] / "examples/mysql"
ENVIRONMENTS = [line.split() for line in (FOLDER / "environments").read_text().splitlines() if not line.startswith("#")]
HOSTS = [line[0] for line in ENVIRONMENTS]
DROPPED = ("max_tmp_tables=32", "debug_no_thread_alarm")
"""Options that 10.11 knows and 11.8 does not."""


def problem(environment: list[str]) -> bool:
    """Whether the first upgrade fails on a machine: its server was killed, or has an option that the next release lacks."""
    _, _, settings, state = environment
    return state == "killed" or settings in DROPPED


def test_the_machines_of_the_example_have_a_role_each() -> None:
    roles = madeus.load(FOLDER / "roles.madeus").model.roles
    assert len(ENVIRONMENTS) == 21
    assert {line[1] for line in ENVIRONMENTS} == set(roles)
    assert madeus.load(FOLDER / "fleet.madeus").model.assemblies["fleet"].instances[20].host == "db[21]"


class Site:
    """The hosts, and a journal of their own."""

    def __init__(self, bed: Testbed, place: Path) -> None:
        self.bed, self.place = bed, place
        scripts = Path(sys.executable).parent
        self.environment = {
            **os.environ,
            "MADEUS_STATE": str(place / "state"),
            "PATH": f"{scripts}{os.pathsep}{os.environ['PATH']}",
        }

    def run(self, *words: str | Path, code: int = 0) -> str:
        """Output of a command that ends with an exit code."""
        done = subprocess.run(
            list(map(str, words)), env=self.environment, cwd=self.place, capture_output=True, text=True, check=False
        )
        assert done.returncode == code, done.stdout + done.stderr
        return done.stdout

    def madeus(self, *words: str | Path, code: int = 0) -> str:
        """The same of a command of madeus."""
        return self.run(sys.executable, "-m", "madeus", *words, code=code)

    def server(self, host: str) -> tuple[str, int]:
        """Release of a machine's server, and its rows."""
        asked = "SELECT VERSION(), COUNT(*) FROM shop.orders"
        words = self.madeus("host", "exec", host, "--", "mysql", "-N", "-e", asked).split()
        return words[0].rpartition("-MariaDB")[0].rpartition(".")[0], int(words[-1])


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    if shutil.which("debootstrap") is None or shutil.which("augtool") is None:
        pytest.skip("needs debootstrap and augtool")
    subprocess.run([FOLDER / "prepare"], check=True, capture_output=True)
    place = tmp_path_factory.mktemp("mysql")
    shutil.copytree(FOLDER, place / "mysql")
    with Testbed.up(HOSTS, place / "bed", name="mysql", layers=True) as bed:
        yield Site(bed, place)


@pytest.mark.hosts
@pytest.mark.long
@pytest.mark.timeout(1800)
def test_each_problem_is_caught_at_representatives_and_a_mended_upgrade_reaches_all(site: Site) -> None:
    at = ("--inventory", site.bed.inventory)
    file = site.place / "mysql/fleet.madeus"
    site.run(site.place / "mysql/furnish", site.bed.inventory)
    site.madeus("fingerprint", "-a", "mariadb-server", *at, "--in-layer", "-o", "fleet.json")
    clusters = json.loads(site.madeus("cluster", "fleet.json", "--format", "json", "-o", "clusters.json") or "{}")
    clusters = json.loads((site.place / "clusters.json").read_text())["clusters"]

    # No machine is misplaced: the machines of a cluster have one environment, and fail together or not at all.
    of = {line[0]: tuple(line[1:]) for line in ENVIRONMENTS}
    assert sorted(machine for one in clusters for machine in one["machines"]) == sorted(HOSTS)
    assert all(len({of[machine] for machine in one["machines"]}) == 1 for one in clusters)
    assert len(clusters) == len(set(of.values()))

    site.madeus("deploy", file, "--program", "adopt", *at, "--progress", "none")
    said = site.madeus("rollout", "run", file, "--clusters", "clusters.json", *at, code=1)
    bad = {line[0] for line in ENVIRONMENTS if problem(line)}
    first = {min(one["machines"], key=HOSTS.index) for one in clusters}
    caught = {host for host in HOSTS if f"\n{host} failed: " in said}
    assert caught <= bad
    assert len(caught) == len({of[host] for host in bad})  # one of each cluster that has a problem
    assert "Upgrade after a crash is not supported" in said
    assert "unknown variable 'max_tmp_tables=32'" in said
    assert len(first) == len(clusters)

    # What failed is on its old release, with its data; so is what was not touched; the other representatives are upgraded.
    upgraded = {host for host in HOSTS if f"\n{host} passed" in said}
    assert upgraded.isdisjoint(bad)
    for host in sorted({*caught, *upgraded}):
        old, new = ("10.5", "10.11") if of[host][0].endswith("105") else ("10.11", "11.8")
        assert site.server(host) == ((new if host in upgraded else old), 1000), host

    file.write_text(file.read_text().replace('script "upgrade"', 'script "upgrade-fixed"'))
    site.madeus("rollout", "resume")
    for host in HOSTS:
        assert site.server(host) == ("10.11" if of[host][0].endswith("105") else "11.8", 1000), host
