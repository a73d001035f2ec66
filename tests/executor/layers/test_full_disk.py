"""Test hosts whose disk is full, by the commands that people type: an ext4 of 64 MB that holds their stores and their roots."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from madeus.executor.testbed import Testbed
from tests.executor.layers.controller import Controller

pytestmark = [pytest.mark.hosts, pytest.mark.timeout(600)]

ROLE = """
role shop {
  base debian12
  version "1" { run "mkdir -p /srv/site; echo 1 > /srv/site/version" }
  version "2" after "1" { run "echo 2 > /srv/site/version; head -c 6000000 /dev/urandom > /srv/site/big" }
  version "3" after "2" { run "echo 3 > /srv/site/version" }
}

component Site {
  initial place off
  place written
  transition write: off -> written { run "echo page > /srv/site/page" }
}

assembly site { site: Site on d1 in layer }
"""


@pytest.fixture(scope="module")
def disk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    folder = tmp_path_factory.mktemp("disk")
    image, place = folder / "image", folder / "mounted"
    place.mkdir()
    with image.open("wb") as file:
        file.truncate(64 << 20)
    subprocess.run(["mkfs.ext4", "-q", str(image)], check=True)
    if subprocess.run(["mount", "-o", "loop", str(image), str(place)], capture_output=True, check=False).returncode:
        pytest.skip("no loop devices")
    yield place
    subprocess.run(["umount", str(place)], check=True)


@pytest.fixture(scope="module")
def bed(disk: Path) -> Iterator[Testbed]:
    with Testbed.up(["d1", "d2"], disk / "bed", name="fulldisk", layers=True) as up:
        yield up


@pytest.fixture(scope="module")
def madeus(bed: Testbed, tmp_path_factory: pytest.TempPathFactory) -> Controller:
    folder = tmp_path_factory.mktemp("controller")
    (folder / "site.madeus").write_text(ROLE)
    controller = Controller(folder, bed.files.inventory)
    controller("role", "define", "site.madeus")
    controller("role", "assign", "shop", "d1", "d2", "--version", "1")
    return controller


@contextmanager
def filled(disk: Path, left: int = 0) -> Iterator[None]:
    """A disk with only so many bytes left."""
    filler = disk / "filler"
    try:
        with filler.open("wb", buffering=0) as file:
            for size in (1 << 20, 1 << 16, 1 << 12, 1 << 10):
                try:
                    while True:
                        file.write(bytes(size))
                except OSError:
                    pass
            file.truncate(max(0, file.tell() - left))
            os.fsync(file.fileno())
        yield
    finally:
        filler.unlink()


def stack(bed: Testbed, host: str) -> list[str]:
    current = json.loads(bed.host(host).exec("cat /var/lib/madeus/layers/current.json")[1])
    return [*current["stack"], current["writable"]]


def left_over(bed: Testbed, host: str) -> str:
    """What operations that were given up have left in the store of a host."""
    return bed.host(host).exec(
        "cd /var/lib/madeus; ls -d layers/.fresh-* layers/.trash-* *.tar *.new 2> /dev/null; true"
    )[1]


OPERATIONS = {
    "upgrade that makes a version": ("role", "upgrade", "d1", "--to", "3"),
    "rollback": ("rollback", "d1"),
    "reprovision": ("role", "reprovision", "shop", "d1", "--version", "1"),
    "compact": ("compact", "d1"),
}


@pytest.fixture(scope="module")
def worn(madeus: Controller) -> Controller:
    """The first host has copies of its own, enough to be compacted."""
    madeus("role", "make", "shop", "2", "d1")
    for number in range(3):
        madeus.inside("d1", f"echo {number} > /srv/site/mine{number}")
        madeus("run", "site.madeus", "--progress", "none")
    return madeus


@pytest.mark.parametrize("operation", OPERATIONS.values(), ids=OPERATIONS)
def test_on_a_full_disk_nothing_is_switched_and_the_file_system_is_named(
    worn: Controller, bed: Testbed, disk: Path, operation: tuple[str, ...]
) -> None:
    before, files = stack(bed, "d1"), worn.inside("d1", "cat /srv/site/*")
    with filled(disk):
        said = worn(*operation, code=1)
        assert "no space is left on the file system of /var/lib/madeus/" in said or "No space left" in said
        assert "nothing has changed" in said
        assert stack(bed, "d1") == before and worn.inside("d1", "cat /srv/site/*") == files
    assert left_over(bed, "d1") == ""
    assert worn.lines("layers", "history")[0]["state"] == "failed"
    worn(*operation)
    assert stack(bed, "d1") != before
    worn("rollback", "d1")
    assert worn.inside("d1", "cat /srv/site/*") == files


def test_a_layer_that_does_not_fit_is_not_made_and_not_brought(worn: Controller, bed: Testbed, disk: Path) -> None:
    before = stack(bed, "d2")
    for left in (2 << 20, 9 << 20):  # too little for its tar; for the tar and not for what is in it
        with filled(disk, left):
            said = worn("role", "upgrade", "d2", "--to", "2", code=1)
            assert "No space left" in said or "no space is left" in said
            assert stack(bed, "d2") == before
        assert left_over(bed, "d1") == left_over(bed, "d2") == ""
    worn("role", "upgrade", "d2", "--to", "2")
    assert worn.inside("d2", "cat /srv/site/version") == "2\n"
    worn("rollback", "d2")


def test_room_is_made_on_a_full_disk_by_forgetting_states(worn: Controller, bed: Testbed, disk: Path) -> None:
    worn.inside("d1", "head -c 8000000 /dev/urandom > /srv/site/waste")
    worn("role", "reprovision", "shop", "d1", "--version", "1")
    numbers = [str(line["number"]) for line in worn.lines("states", "d1")[1:]]
    with filled(disk):
        assert "make room on the host, or forget states" in worn("rollback", "d1", code=1)
        worn("states", "d1", *(word for number in numbers for word in ("--forget", number)))
        assert "collect" in worn("layers", "gc")
        worn("role", "reprovision", "shop", "d1", "--version", "1")
    assert worn.inside("d1", "cat /srv/site/version; ls /srv/site") == "1\nversion\n"
    assert left_over(bed, "d1") == ""


def test_a_run_on_a_full_disk_fails_before_it_does_anything(worn: Controller, bed: Testbed, disk: Path) -> None:
    before = stack(bed, "d1")
    with filled(disk):
        said = worn("run", "site.madeus", "--progress", "none", code=1)
        assert "is the disk full?" in said or "no space is left" in said
        assert stack(bed, "d1") == before and "page" not in worn.inside("d1", "ls /srv/site")
    worn("run", "site.madeus", "--progress", "none")
    assert worn.inside("d1", "cat /srv/site/page") == "page\n"
