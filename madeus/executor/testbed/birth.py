"""Bringing up a batch of hosts: keys, disks, PID 1s, cables, and the wait for their sshds. Runs in the keeper."""

import os
import shutil
import signal
import uuid
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from madeus.executor.testbed import host, network, packages, root, sshd, syscalls, systemd
from madeus.executor.testbed.errors import BadDirectory, HostFailed
from madeus.executor.testbed.registry import BedFiles, BedRecord, HostRecord, ProcessId
from madeus.executor.testbed.root import Seed

BATCH = 64
"""Hosts that are born at the same time; bounds the keeper's pipes."""


def plan(record: HostRecord, bed: BedRecord, files: BedFiles) -> host.Plan:
    """What the host of `record` is to be."""
    return host.Plan(
        name=record.name,
        number=record.number,
        inner=record.inner,
        directory=files.hosts / record.name,
        lower=Path(bed.lower),
        repository=files.packages,
        mode=bed.mode,
        bed=files.directory,
        common=files.common,
        layers=bed.layers,
        systemd=bed.systemd,
    )


def bring_up(
    hosts: Sequence[HostRecord], bed: BedRecord, files: BedFiles, hub: network.Hub | None, home: int
) -> dict[str, ProcessId]:
    """Bring up `hosts`, all down until now; returns their PID 1s by name when all their sshds listen.

    `home` is the caller's pid namespace. Raises HostFailed; then none of them runs.
    """
    prepare(hosts, bed, files)
    born: dict[str, ProcessId] = {}
    started: list[int] = []
    try:
        for first in range(0, len(hosts), BATCH):
            batch = hosts[first : first + BATCH]
            born |= _batch(batch, bed, files, hub, home, started)
        for each in hosts:
            patience = systemd.PATIENCE if bed.systemd else host.PATIENCE
            place, port = files.hosts / each.name, _inner_port(each, bed)
            host.wait_listening(each.name, born[each.name], each.inner, port, place, patience)
    except HostFailed:
        for pid in started:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)
        raise
    return born


def _inner_port(record: HostRecord, bed: BedRecord) -> int:
    return record.port if bed.mode == "lo" else network.SSH_PORTS[0]


def _batch(
    hosts: Sequence[HostRecord],
    bed: BedRecord,
    files: BedFiles,
    hub: network.Hub | None,
    home: int,
    started: list[int],
) -> dict[str, ProcessId]:
    unborn: list[host.Unborn] = []
    try:
        for each in hosts:
            unborn.append(host.conceive(plan(each, bed, files), home))
            started.append(unborn[-1].pid)
        for one in unborn:
            host.wait_ready(one)
        if hub is not None:
            try:
                hub.plug([(one.plan.number, one.pid) for one in unborn])
            except OSError as error:
                raise HostFailed(hosts[0].name, "cabling it", str(error)) from error
        for one in unborn:
            host.let_go(one)
        return {one.plan.name: host.deliver(one) for one in unborn}
    finally:
        for one in unborn:
            host.forget(one)


def prepare(hosts: Sequence[HostRecord], bed: BedRecord, files: BedFiles) -> None:
    """Make the keys and the disks of `hosts` where they are missing; renew names and addresses on those that exist."""
    lower = Path(bed.lower)
    openssh = sshd.version(lower)
    for directory in (files.packages, files.keys):
        directory.mkdir(exist_ok=True)
    keyless = [files.keys / each.name for each in hosts if not (files.keys / f"{each.name}.pub").exists()]
    for first in range(0, len(keyless), BATCH):
        sshd.make_keys(keyless[first : first + BATCH], "madeus testbed host")
    names = {each.name: each.inner for each in bed.hosts}
    for each in hosts:
        listen = f"{each.inner}:{each.port}" if bed.mode == "lo" else None
        settings = sshd.server_config(openssh, listen).encode()
        upper = files.hosts / each.name / "upper"
        if upper.exists():
            _renew(upper, names, settings)
            continue
        own = (
            Seed("etc/hostname", f"{each.name}\n".encode()),
            Seed("etc/hosts", network.with_host_names(network.LOOPBACK, names).encode()),
            Seed("etc/machine-id", f"{uuid.uuid4().hex}\n".encode(), 0o444),
            Seed(sshd.CONFIG, settings),
            Seed(sshd.HOST_KEY, (files.keys / each.name).read_bytes(), 0o600),
        )
        root.prepare_disk(files.hosts / each.name, lower, own)


def _renew(upper: Path, names: dict[str, str], settings: bytes) -> None:
    """Bring what depends on the bed up to date on the disk of a host that is down."""
    (upper / sshd.CONFIG).write_bytes(settings)
    path = upper / "etc/hosts"
    if path.is_file() and not path.is_symlink():
        path.write_text(network.with_host_names(path.read_text(encoding="utf-8"), names), encoding="utf-8")


def common_seeds(lower: Path, files: BedFiles) -> list[Seed]:
    """The files that every host of the bed has."""
    seeds = [
        Seed(sshd.AUTHORIZED_KEYS, files.public_key.read_bytes(), 0o600),
        Seed("etc/resolv.conf", b""),
        Seed("etc/fstab", b""),
        *packages.apt_seeds(),
    ]
    sbin = "usr/sbin" if (lower / "sbin").is_symlink() else "sbin"
    # invoke-rc.d, by which packages start their services, wants to be told a runlevel and to see some init.
    seeds.append(Seed(f"{sbin}/runlevel", b"#!/bin/sh\necho N 2\n", 0o755))
    if not os.path.lexists(lower / sbin / "init"):
        seeds.append(Seed(f"{sbin}/init", sshd.SSHD.encode(), link=True))
    for name in (".profile", ".bashrc"):
        with suppress(OSError):
            seeds.append(Seed(f"root/{name}", (lower / "etc/skel" / name).read_bytes()))
    with suppress(OSError):
        seeds.append(Seed("etc/shadow", unlocked((lower / "etc/shadow").read_text(encoding="utf-8")).encode(), 0o640))
    return seeds


def unlocked(shadow: str) -> str:
    """The text of /etc/shadow with root's account open for key login: sshd refuses one whose password begins with `!`."""
    lines = shadow.splitlines(keepends=True)
    for place, line in enumerate(lines):
        fields = line.split(":")
        if fields[0] == "root" and len(fields) > 1 and fields[1].startswith("!"):
            lines[place] = ":".join(["root", "*", *fields[2:]])
    return "".join(lines)


def lay_the_ground(files: BedFiles, lower: Path, with_systemd: bool) -> None:
    """Make the hosts' common layer, and see that their disks can be overlays' upper layers: in memory where the file system
    cannot. Runs in the keeper's own mount namespace: the memory is given back with the keeper. Raises BadDirectory, OSError.
    """
    hidden = (systemd.UNITS,) if with_systemd else ()
    more = systemd.seeds() if with_systemd else []
    root.make_common_layer(files.common, lower, [*common_seeds(lower, files), *more], hidden)
    files.hosts.mkdir(exist_ok=True)
    if can_be_upper(files.hosts, lower):
        return
    try:
        syscalls.mount("madeus", str(files.hosts), "tmpfs", 0, "mode=755")
    except OSError as error:
        raise BadDirectory(str(files.directory), f"no overlay can be made there: {error}") from error
    if not can_be_upper(files.hosts, lower):
        raise BadDirectory(str(files.directory), "no overlay can be made there, in memory neither")


def can_be_upper(directory: Path, lower: Path) -> bool:
    """Whether the file system of `directory` takes an overlay's upper layer; tried in a child, nothing stays."""
    trial = directory / ".trial"
    pid = os.fork()
    if pid == 0:
        try:
            trial.mkdir(exist_ok=True)
            syscalls.unshare(syscalls.CLONE_NEWNS)
            syscalls.mount("none", "/", flags=syscalls.MS_REC | syscalls.MS_PRIVATE)
            root.try_overlay(trial, lower)
        except BaseException:
            os._exit(1)
        os._exit(0)
    fits = os.waitpid(pid, 0)[1] == 0
    shutil.rmtree(trial, ignore_errors=True)
    return fits
