"""Hosts that can stack layers: what they may, what they keep, and that nothing of them stays."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from madeus.executor.testbed import Testbed
from madeus.executor.testbed.errors import BadDirectory

pytestmark = pytest.mark.hosts

MOUNT = (
    "cd /var/lib/madeus && mkdir -p t/u t/w /run/m && "
    "mount -t overlay t /run/m -o lowerdir=/,upperdir=/var/lib/madeus/t/u,workdir=/var/lib/madeus/t/w"
)


@pytest.fixture(scope="module")
def layered(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Testbed]:
    with Testbed.up(["l1"], tmp_path_factory.mktemp("layered") / "bed", name="layered", layers=True) as up:
        yield up


def test_a_host_with_layers_mounts_an_overlay_with_its_upper_layer_in_the_store(layered: Testbed) -> None:
    host = layered.host("l1")
    assert host.exec(f"{MOUNT} && echo written > /run/m/etc/seen && umount /run/m") == (0, "")
    assert (layered.files.hosts / "l1/store/t/u/etc/seen").read_text() == "written\n"


def test_the_machine_does_not_see_what_a_host_mounts(layered: Testbed) -> None:
    assert layered.host("l1").exec("mkdir -p /run/seen && mount -t tmpfs none /run/seen") == (0, "")
    assert "/run/seen" not in Path("/proc/self/mounts").read_text()


def test_the_store_survives_a_power_cut_and_the_boot_program_runs_then(layered: Testbed) -> None:
    host = layered.host("l1")
    program = (
        "printf '#!/bin/sh\\necho booted > /run/booted\\n' > /var/lib/madeus/boot && chmod +x /var/lib/madeus/boot"
    )
    assert host.exec(f"{program}; echo kept > /var/lib/madeus/kept") == (0, "")
    host.kill()
    host.start()
    assert host.exec("cat /var/lib/madeus/kept") == (0, "kept\n")
    assert host.exec("for i in 1 2 3 4 5 6 7 8 9; do cat /run/booted 2>/dev/null && exit; sleep 0.2; done") == (
        0,
        "booted\n",
    )


def test_the_minimal_roots_are_read_only(layered: Testbed) -> None:
    code, said = layered.host("l1").exec("touch /opt/madeus-roots/x")
    assert code != 0
    assert "Read-only file system" in said


def test_a_bed_without_layers_gets_none_later(tmp_path: Path) -> None:
    with Testbed.up(["p1"], tmp_path / "bed", name="plain") as plain:
        code, _ = plain.host("p1").exec("mount -t tmpfs none /mnt")
        assert code != 0
        with pytest.raises(BadDirectory, match="its bed is up without layers"):
            Testbed.up(["p2"], tmp_path / "bed", name="plain", layers=True)


def test_nothing_of_a_bed_with_layers_stays(tmp_path: Path) -> None:
    place = tmp_path / "bed"
    with Testbed.up(["g1"], place, name="gone", layers=True) as bed:
        assert bed.host("g1").exec(MOUNT) == (0, "")
    assert not place.exists()
    assert str(place) not in Path("/proc/self/mountinfo").read_text()
