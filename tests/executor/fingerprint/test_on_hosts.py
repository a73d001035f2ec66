"""Fingerprints of database servers on test hosts: who is like whom is known beforehand."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest

from madeus.executor.fingerprint import Request, fingerprint_hosts, load_rules
from madeus.executor.inventory import load_inventory
from madeus.executor.testbed import Testbed
from madeus.fleet.clustering import cluster_fleet
from madeus.fleet.fingerprint import Fleet
from madeus.fleet.granularity import Grain, GrainRule, Granularity
from madeus.fleet.item import split

pytestmark = [pytest.mark.hosts, pytest.mark.long]

HOSTS = ("plain1", "plain2", "old1", "old2", "php1")
OLD = "/etc/mysql/conf.d/old.cnf"
START = "mariadbd --user=mysql --skip-networking"

COMMANDS = {
    "old1": f"printf '[mysqld]\\nmax_tmp_tables = 32\\n' > {OLD}",
    "old2": f"printf '# kept since 2009\\n[mysqld]\\n  max_tmp_tables=32\\n' > {OLD}",
    "plain2": "echo noise > /var/log/mysql/noise.log; touch /var/lib/mysql/noise",
}


def prepare(bed: Testbed, host: str) -> None:
    packages = ["mariadb-server", *(["php-mysql"] if host == "php1" else [])]
    code, output = bed.host(host).exec(["apt-get", "install", "-y", *packages])
    assert code == 0, output
    code, output = bed.host(host).exec(["sh", "-c", COMMANDS.get(host, "true")])
    assert code == 0, output


@pytest.fixture(scope="module")
def bed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Testbed]:
    folder = tmp_path_factory.mktemp("fleet")
    with Testbed.up(HOSTS, folder / "bed", packages=["mariadb-server", "php-mysql"]) as made:

        async def all_at_once() -> None:
            await asyncio.gather(*(asyncio.to_thread(prepare, made, host) for host in HOSTS))

        asyncio.run(all_at_once())
        yield made


@pytest.fixture(scope="module")
def fleet(bed: Testbed) -> Fleet:
    request = Request("mariadb-server", load_rules("mariadb-server"), START, seconds=5)
    return fingerprint_hosts(load_inventory(bed.inventory), HOSTS, request)


def test_machines_are_clustered_by_what_matters_to_the_database(fleet: Fleet) -> None:
    assert not fleet.unreachable
    found = cluster_fleet(fleet.machines.values(), fleet.machines["plain1"])
    assert [one.machines for one in found.clusters] == [("plain1", "plain2"), ("old1", "old2"), ("php1",)]
    keys = {split(item)[0] for item in found.cluster_of("old1").differs}
    assert keys == {f"{OLD}/mysqld/max_tmp_tables"}
    assert "php8.2-mysql" in found.cluster_of("php1").applications


def test_a_setting_that_is_not_looked_at_separates_nothing(fleet: Fleet) -> None:
    coarse = Granularity((GrainRule(f"{OLD}/**", Grain.IGNORE),))
    found = cluster_fleet(fleet.machines.values(), fleet.machines["plain1"], 0, coarse)
    assert [one.machines for one in found.clusters] == [("old1", "old2", "plain1", "plain2"), ("php1",)]


def test_every_file_has_its_reason(fleet: Fleet) -> None:
    why = fleet.reasons["old1"]
    assert why[OLD].endswith("1 setting by MySQL.lns")
    assert why["/etc/mysql/mariadb.conf.d/50-server.cnf"].startswith(
        "+ a configuration file of the package mariadb-server"
    )
    assert why["/etc/mysql/debian.cnf"].startswith("- rule `exclude /etc/mysql/debian.cnf`")
    assert why["/usr/sbin/mariadbd"].endswith("its package's version stands for it")
    data = {path: reason for path, reason in why.items() if path.startswith(("/var/lib/mysql/", "/var/log/"))}
    assert data
    assert all(reason.startswith("-") for reason in data.values())


def test_libraries_are_those_that_the_loader_takes(fleet: Fleet, bed: Testbed) -> None:
    code, output = bed.host("plain1").exec(["ldd", "/usr/sbin/mariadbd"])
    assert code == 0
    needed = {line.split()[0] for line in output.splitlines() if "=> /" in line}
    found = {
        split(item)[0].removeprefix("library/")
        for item in fleet.machines["plain1"].parsed
        if item.startswith("library/")
    }
    assert needed <= found


def test_a_host_that_is_gone_does_not_keep_the_others_from_being_looked_at(bed: Testbed) -> None:
    bed.host("php1").kill()
    try:
        request = Request("mariadb-server", load_rules("mariadb-server"))
        found = fingerprint_hosts(load_inventory(bed.inventory), ("plain1", "php1"), request)
    finally:
        bed.host("php1").start()
    assert list(found.machines) == ["plain1"]
    assert list(found.unreachable) == ["php1"]
