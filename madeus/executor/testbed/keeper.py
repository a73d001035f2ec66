"""The keeper of a bed: the process that is the parent of its hosts, the relay to them, and the owner of their network.

Started by `Testbed.up` as `python -m madeus.executor.testbed.keeper DIRECTORY NAME MODE LOWER [layers] [systemd]`; it puts
itself in the background and prints one JSON object when it can be spoken to. It waits in one selector (no CPU while idle) and
handles one request at a time. When it ends, however it ends, the kernel ends its hosts, their mounts and their network.
"""

import json
import os
import resource
import selectors
import signal
import socket
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

from madeus.executor.testbed import birth, host, network, syscalls, systemd, wire
from madeus.executor.testbed.errors import (
    HostIsDown,
    HostIsFrozen,
    KeeperFailed,
    NoSuchHost,
    NotInThisMode,
    TestbedError,
)
from madeus.executor.testbed.host import Inside
from madeus.executor.testbed.registry import BedFiles, BedRecord, HostRecord, Mode, identify
from madeus.executor.testbed.relay import Gate


class Keeper:
    """Everything of one bed. The record on disk is written after every change, before the answer goes out."""

    def __init__(self, files: BedFiles, name: str, mode: Mode, lower: Path, layers: bool, with_systemd: bool) -> None:
        self.files = files
        self.home = os.open("/proc/self/ns/pid", os.O_RDONLY | os.O_CLOEXEC)
        self.hub = None if mode == "lo" else network.Hub()
        self.blocks = network.Blocks()
        self.gates: dict[str, Gate] = {}
        self.insides: dict[str, Inside] = {}
        self.executions: dict[int, socket.socket] = {}
        self.selector = selectors.DefaultSelector()
        self.tie: socket.socket | None = None
        self.stopping = False
        old = files.read()
        hub = "" if self.hub is None else self.hub.path
        hosts = old.down().hosts if old is not None else ()
        # Blocks of addresses may have changed hands while the bed was down.
        hosts = tuple(replace(each, **self._addresses(mode, each.number)) for each in hosts)
        self.record = BedRecord(name, mode, str(lower), identify(os.getpid()), hub, hosts, layers, with_systemd)
        files.write(self.record)

    def _addresses(self, mode: Mode, number: int) -> dict[str, Any]:
        inner = network.inner_address(number)
        if mode == "veth":
            return {"address": inner, "port": network.SSH_PORTS[0], "inner": inner}
        outer = self.blocks.address(number)
        port = network.free_ssh_port(outer)
        return {"address": outer, "port": port, "inner": outer if mode == "lo" else inner}

    # -- requests

    def add(self, names: Sequence[str]) -> Any:
        """Bring up each named host that is not: a new one, or a known one that is down. Answers (made, started)."""
        known = {each.name for each in self.record.hosts if each.name in names}
        idle = [name for name in names if name not in known or self._host(name).state == "down"]
        records = list(self.record.hosts)
        number = max((each.number for each in records), default=-1) + 1
        for name in names:
            if name not in known:
                addresses = self._addresses(self.record.mode, number)
                records.append(
                    HostRecord(name=name, number=number, state="down", partitioned=False, process=None, **addresses)
                )
                number += 1
        before = self.record
        self._save(replace(before, hosts=tuple(records)))
        try:
            born = birth.bring_up([self._host(name) for name in idle], self.record, self.files, self.hub, self.home)
        except TestbedError:
            self._save(before)
            raise
        for name, process in born.items():
            self._update(name, state="up", process=process)
            self.insides[name] = Inside(process, self._plan(name).capabilities, self.home)
            self._open_gate(name)
            if self.record.layers and not self.record.systemd:  # which has a unit for it
                self._boot(name)
        self._renew_names([each for each in self.record.hosts if each.name not in born])
        self._save(self.record)
        return {
            "made": [name for name in names if name not in known],
            "started": [name for name in idle if name in known],
        }

    def _boot(self, name: str) -> None:
        """Let the host do what it does when it comes up, beside all else; nobody waits for it."""
        script = f"[ ! -x {host.BOOT} ] || exec {host.BOOT} >/var/log/madeus-boot.log 2>&1"
        null = os.open(os.devnull, os.O_RDWR)
        try:
            self.insides[name].spawn(["/bin/sh", "-c", script], host.ENVIRONMENT, (null, null, null))
        finally:
            os.close(null)

    def start(self, name: str) -> Any:
        """Bring a killed host back with its disk; a running one is left alone."""
        return self.add([self._host(name).name])

    def kill(self, name: str) -> None:
        """End the host as a power cut would; its disk stays."""
        record = self._host(name)
        if record.process is not None:
            with suppress(ProcessLookupError):
                os.kill(record.process.pid, signal.SIGKILL)
            self._reap_until(record.process.pid)

    def freeze(self, name: str) -> None:
        """Stop every process of the host."""
        record = self._running(name)
        self._listen(name, False)
        assert record.process is not None
        host.freeze(record.process)
        self._update(name, state="frozen")

    def thaw(self, name: str) -> None:
        """Undo `freeze`."""
        record = self._running(name)
        assert record.process is not None
        host.thaw(record.process)
        self._update(name, state="up")
        gate = self.gates.get(name)
        if gate is not None and gate.cut:
            gate.hush()
        self._listen(name, not record.partitioned)

    def partition(self, name: str) -> None:
        """Cut the host off from the other hosts and from the machine."""
        record = self._running(name)
        if self.hub is None:
            raise NotInThisMode("cutting a host off", self.record.mode)
        self.hub.set_cable(record.number, False)
        if name in self.gates:
            self._listen(name, False)
            self.gates[name].partition()
        self._update(name, partitioned=True)

    def heal(self, name: str) -> None:
        """Undo `partition`."""
        record = self._host(name)
        if self.hub is None:
            raise NotInThisMode("cutting a host off", self.record.mode)
        if record.state != "down":
            self.hub.set_cable(record.number, True)
        self._update(name, partitioned=False)
        gate = self.gates.get(name)
        if gate is not None:
            gate.heal()
            if record.state == "down":
                self.gates.pop(name).close()
            elif record.state == "frozen":
                host.freeze(self._process(name))
            else:
                self._listen(name, True)

    def execute(self, message: wire.Message, streams: Sequence[int], connection: socket.socket) -> None:
        """Run a command in the host with the caller's streams; the answer follows when it ends."""
        name = message["host"]
        if self._running(name).state == "frozen":
            raise HostIsFrozen(name)
        environment = {**host.ENVIRONMENT, **message["environment"]}
        try:
            pid = self.insides[name].spawn(message["argv"], environment, streams)
        except OSError as error:
            raise HostIsDown(name) from error
        self.executions[pid] = connection

    def stop(self) -> None:
        """End every host, then the keeper."""
        self.stopping = True
        running = [each.process.pid for each in self.record.hosts if each.process is not None]
        for pid in running:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        for pid in running:
            self._reap_until(pid)
        for gate in self.gates.values():
            gate.close()
        self._save(self.record.down())

    # -- the record

    def _host(self, name: str) -> HostRecord:
        found = self.record.host(name)
        if found is None:
            raise NoSuchHost(name, ", ".join(each.name for each in self.record.hosts))
        return found

    def _running(self, name: str) -> HostRecord:
        found = self._host(name)
        if found.process is None:
            raise HostIsDown(name)
        return found

    def _process(self, name: str) -> Any:
        return self._running(name).process

    def _plan(self, name: str) -> host.Plan:
        return birth.plan(self._host(name), self.record, self.files)

    def _update(self, name: str, **changes: Any) -> None:
        hosts = tuple(replace(each, **changes) if each.name == name else each for each in self.record.hosts)
        self.record = replace(self.record, hosts=hosts)

    def _save(self, record: BedRecord) -> None:
        self.record = record
        self.files.write(record)

    def _renew_names(self, hosts: Sequence[HostRecord]) -> None:
        names = {each.name: each.inner for each in self.record.hosts}
        for each in hosts:
            if each.process is not None:
                host.renew_names(each.process, names)

    # -- connections to the hosts

    def _open_gate(self, name: str) -> None:
        record = self._host(name)
        if record.partitioned and self.hub is not None:
            self.hub.set_cable(record.number, False)
        if self.record.mode != "relay":
            return
        if name not in self.gates:
            self.gates[name] = Gate(record.address, record.port)
        self._listen(name, not record.partitioned)

    def _listen(self, name: str, wanted: bool) -> None:
        gate = self.gates.get(name)
        if gate is None:
            return
        listening = gate.listener in self.selector.get_map()
        if wanted and not listening:
            self.selector.register(gate.listener, selectors.EVENT_READ, lambda: self._admit(name, gate))
        elif listening and not wanted:
            self.selector.unregister(gate.listener)

    def _admit(self, name: str, gate: Gate) -> None:
        inside = self.insides.get(name)
        if inside is not None:  # else the host ended in this same turn of the loop
            gate.admit(inside)

    # -- processes that ended

    def reap(self) -> None:
        """Take note of every child that ended."""
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if pid == 0:
                return
            self._ended(pid, status)

    def _reap_until(self, wanted: int) -> None:
        """Reap children until `wanted` is among them. A host's PID 1 ends only after the keeper reaped what it had in it."""
        while True:
            try:
                pid, status = os.waitpid(-1, 0)
            except ChildProcessError:
                return
            self._ended(pid, status)
            if pid == wanted:
                return

    def _ended(self, pid: int, status: int) -> None:
        for gate in self.gates.values():
            if gate.ended(pid):
                return
        connection = self.executions.pop(pid, None)
        if connection is not None:
            code = os.waitstatus_to_exitcode(status)
            with suppress(OSError):
                wire.send(connection, {"ok": code if code >= 0 else 128 - code})
            return
        for each in self.record.hosts:
            if each.process is not None and each.process.pid == pid:
                self._lost(each)
                return

    def _lost(self, record: HostRecord) -> None:
        self._listen(record.name, False)
        if not record.partitioned and record.name in self.gates:
            self.gates.pop(record.name).close()
        self.insides.pop(record.name).close()
        self._update(record.name, state="down", process=None)
        if self.record.systemd:
            systemd.remove_group(self.files.directory, record.name)
        if not self.stopping:
            self._save(self.record)

    # -- the loop

    def run(self, server: socket.socket) -> None:
        """Serve until `stop`, SIGTERM, or the end of the process the bed is tied to."""
        wake, waker = socket.socketpair()
        for end in (wake, waker):
            end.setblocking(False)
        signal.set_wakeup_fd(waker.fileno())
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.signal(signal.SIGTERM, lambda *_: self.stop())
        self.selector.register(wake, selectors.EVENT_READ, lambda: self._woken(wake))
        self.selector.register(server, selectors.EVENT_READ, lambda: self._accept(server))
        while not self.stopping:
            for key, _ in self.selector.select():
                key.data()

    def _woken(self, wake: socket.socket) -> None:
        with suppress(BlockingIOError):
            wake.recv(4096)
        self.reap()

    def _accept(self, server: socket.socket) -> None:
        connection, _ = server.accept()
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, wire.LIMIT)
        self.selector.register(connection, selectors.EVENT_READ, lambda: self._serve(connection))

    def _serve(self, connection: socket.socket) -> None:
        try:
            message, descriptors = wire.receive(connection)
        except (OSError, ValueError):
            message, descriptors = None, []
        if message is None:
            self._hung_up(connection)
            return
        try:
            reply = self._obey(message, descriptors, connection)
        except TestbedError as error:
            reply = wire.refusal(error)
        except OSError as error:
            reply = wire.refusal(KeeperFailed(str(self.files.directory), str(error)))
        finally:
            for descriptor in descriptors:
                os.close(descriptor)
        if reply is not None:
            with suppress(OSError):
                wire.send(connection, reply)

    def _obey(self, message: wire.Message, streams: Sequence[int], connection: socket.socket) -> wire.Message | None:
        match message["do"]:
            case "add":
                return {"ok": self.add(message["hosts"])}
            case "start":
                return {"ok": self.start(message["host"])}
            case "execute":
                self.execute(message, streams, connection)
                return None
            case "tie":
                self.tie = connection
                return {"ok": None}
            case "stop":
                self.stop()
                return {"ok": None}
            case fault:
                acts: dict[str, Callable[[str], None]] = {
                    "kill": self.kill,
                    "freeze": self.freeze,
                    "thaw": self.thaw,
                    "partition": self.partition,
                    "heal": self.heal,
                }
                if fault not in acts:
                    raise KeeperFailed(str(self.files.directory), f"it is of another version: it cannot {fault}")
                acts[fault](message["host"])
                self._save(self.record)
                return {"ok": None}

    def _hung_up(self, connection: socket.socket) -> None:
        self.selector.unregister(connection)
        connection.close()
        for pid in [pid for pid, caller in self.executions.items() if caller is connection]:
            del self.executions[pid]
            with suppress(ProcessLookupError):
                os.killpg(pid, signal.SIGKILL)
        if connection is self.tie:
            self.stop()


def _in_background(report: int, arguments: Sequence[str]) -> None:
    directory, name, mode, lower = arguments[:4]
    files = BedFiles(Path(directory))
    syscalls.unshare(syscalls.CLONE_NEWNS)
    syscalls.mount("none", "/", flags=syscalls.MS_REC | syscalls.MS_SLAVE)
    layers, with_systemd = ("layers" in arguments[4:], "systemd" in arguments[4:])
    birth.lay_the_ground(files, Path(lower), with_systemd)
    keeper = Keeper(files, name, mode, Path(lower), layers, with_systemd)  # type: ignore[arg-type]  # the caller's own Mode, as text
    server = wire.listen(files.directory / "keeper.sock")
    os.write(report, json.dumps({"ok": os.getpid()}).encode())
    os.close(report)
    keeper.run(server)


def main(arguments: Sequence[str]) -> int:
    """Start the keeper in the background; print one JSON object about it; 0 when it serves."""
    reading, report = os.pipe()
    if os.fork():
        os.close(report)
        with os.fdopen(reading, encoding="utf-8") as file:
            said = file.read()
        print(said)
        return 0 if '"ok"' in said else 1
    os.close(reading)
    os.setsid()
    null = os.open(os.devnull, os.O_RDWR)
    log = os.open(BedFiles(Path(arguments[0])).log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    for place, descriptor in ((0, null), (1, log), (2, log)):
        os.dup2(descriptor, place)
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    try:
        _in_background(report, arguments)
    except TestbedError as error:
        os.write(report, json.dumps(wire.refusal(error)).encode())
        return 1
    except OSError as error:
        os.write(report, json.dumps(wire.refusal(KeeperFailed(arguments[0], str(error)))).encode())
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
