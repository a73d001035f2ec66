"""The shop of examples/rollout on six test hosts: a problem at its representative, a killed controller, a host cut off."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from madeus.executor.testbed import Testbed

pytestmark = [pytest.mark.hosts, pytest.mark.long]

ROOT = Path(__file__).parents[3]
WEB = [f"web{n}" for n in range(1, 7)]


@pytest.fixture
def bed(tmp_path: Path) -> Iterator[Testbed]:
    with Testbed.up([*WEB, "front1"], tmp_path / "bed") as made:
        yield made


class Shop:
    def __init__(self, bed: Testbed, folder: Path) -> None:
        self.bed, self.folder = bed, folder
        self.file = folder / "shop.madeus"
        self.file.write_text((ROOT / "examples/rollout/shop.madeus").read_text())
        assert self.madeus("deploy", str(self.file), "--program", "install", "-i", str(bed.inventory))[0] == 0

    def command(self, *words: str) -> list[str]:
        return [sys.executable, "-m", "madeus", *words, "--state", str(self.folder / "state")]

    def madeus(self, *words: str) -> tuple[int, str]:
        done = subprocess.run(self.command(*words), cwd=ROOT, capture_output=True, text=True, timeout=120)
        return done.returncode, done.stdout + done.stderr

    def status(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.madeus("rollout", "status", "--format", "json")[1])
        return found

    def versions(self) -> str:
        read = "cat /srv/shop/current/version; test -e /srv/shop/up || echo off"
        return " ".join("".join(self.bed.host(name).exec(read)[1].split()) for name in WEB)


def test_a_problem_is_caught_at_its_representative_and_the_fixed_upgrade_goes_there_first(
    bed: Testbed, tmp_path: Path
) -> None:
    shop = Shop(bed, tmp_path)
    bed.host("web1").exec("touch /srv/shop/legacy.conf")
    code, said = shop.madeus("rollout", "run", str(shop.file))
    assert code == 1, said
    assert shop.versions() == "1 1 1 1 1 1"
    (report,) = shop.status()["reports"]
    assert (report["signature"], report["machines"]) == ("check: legacy.conf is not understood", ["web1"])
    shop.file.write_text(re.sub(r"if test -e.*?exit 1; fi; ", "", shop.file.read_text()))
    bed.host("web5").partition()
    code, said = shop.madeus("rollout", "resume")
    assert code == 1 and "failed machines first: web1" in said, said
    assert "5 of 6 machines upgraded, 0 failed, 1 unreachable" in said
    bed.host("web5").heal()
    code, said = shop.madeus("rollout", "resume")
    assert code == 0, said
    assert shop.versions() == "2 2 2 2 2 2"


def test_a_killed_rollout_is_gone_on_with_and_no_machine_is_upgraded_twice(bed: Testbed, tmp_path: Path) -> None:
    shop = Shop(bed, tmp_path)
    slow = shop.file.read_text().replace(
        "mkdir -p /srv/shop/${next}", "echo done >> /root/log && sleep 1 && mkdir -p /srv/shop/${next}"
    )
    shop.file.write_text(slow)
    command = shop.command("rollout", "run", str(shop.file))
    for wait in (2.0, 3.0, 3.0):
        process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        while shop.madeus("rollout", "status")[0] and process.poll() is None:
            time.sleep(0.2)  # what has not begun cannot be gone on with
        time.sleep(wait)
        process.send_signal(signal.SIGKILL)
        process.wait()
        command = shop.command("rollout", "resume")
    code, said = shop.madeus("rollout", "resume")
    assert code == 0 or "every machine is upgraded" in said, said
    assert shop.versions() == "2 2 2 2 2 2"
    assert [bed.host(name).exec("cat /root/log")[1].split() for name in WEB] == [["done"]] * 6
