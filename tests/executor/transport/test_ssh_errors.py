"""Each way in which a host cannot be reached has its own sentence and a way out."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import socket
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from madeus.executor import errors
from madeus.executor.inventory import Host
from madeus.executor.transport.base import Job
from madeus.executor.transport.pool import Transports
from tests.executor.sshd import Sshd, make_key


def trouble(host: Host) -> errors.HostError:
    async def main() -> errors.HostError:
        async with Transports("test-errors") as transports:
            with pytest.raises(errors.HostError) as caught:
                await transports.of(host).connect()
            return caught.value

    return asyncio.run(main())


def says(error: errors.HostError, kind: type[errors.HostError], *words: str) -> None:
    assert type(error) is kind, repr(error)
    for word in words:
        assert word in f"{error}\n{error.help}", f"{error}\n{error.help}"
    assert str(error).startswith("here: ")
    assert error.exit_code == 1


@pytest.fixture(autouse=True)
def no_agent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SSH_AUTH_SOCK", raising=False)


@pytest.fixture
def other(tmp_path: Path) -> Iterator[Sshd]:
    server = Sshd(tmp_path / "other")
    yield server
    server.stop()


def test_a_name_that_does_not_resolve(sshd: Sshd) -> None:
    error = trouble(sshd.host(address="no-such-machine.invalid"))
    says(error, errors.UnknownAddress, "the name `no-such-machine.invalid` does not resolve", "[hosts.here] address =")


def test_a_port_where_nothing_listens(sshd: Sshd) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
        error = trouble(sshd.host(port=port))
    says(error, errors.ConnectionRefused, f"nothing listens on port {port}", "is sshd running there")


def test_a_host_that_does_not_answer(sshd: Sshd) -> None:
    with socket.socket() as mute:
        mute.bind(("127.0.0.1", 0))
        mute.listen()
        error = trouble(sshd.host(port=mute.getsockname()[1], connect_timeout=0.5))
    says(error, errors.ConnectionTimeout, "no answer within 0.5 s", "`connect_timeout`")


def test_a_host_whose_key_is_not_known(sshd: Sshd, tmp_path: Path) -> None:
    for known in (sshd.empty("nobody_known"), tmp_path / "missing"):
        error = trouble(sshd.host(known_hosts=known))
        says(
            error,
            errors.HostKeyUnknown,
            "the host's key ssh-ed25519 SHA256:",
            "is not known",
            f"ssh-keyscan -p {sshd.port} 127.0.0.1 >> {known}",
        )


def test_a_host_whose_key_has_changed(sshd: Sshd, tmp_path: Path) -> None:
    make_key(tmp_path / "another")
    kind, key, *_ = (tmp_path / "another.pub").read_text().split()
    known = tmp_path / "known_hosts"
    known.write_text(f"[127.0.0.1]:{sshd.port} {kind} {key}\n")
    error = trouble(sshd.host(known_hosts=known))
    says(
        error,
        errors.HostKeyChanged,
        "another key than the one known",
        f"ssh-keygen -R '[127.0.0.1]:{sshd.port}' -f {known}",
    )


def test_a_host_that_shows_another_kind_of_key_than_the_known_one(sshd: Sshd, tmp_path: Path) -> None:
    subprocess.run(["ssh-keygen", "-q", "-t", "ecdsa", "-N", "", "-f", str(tmp_path / "ec")], check=True)
    kind, key, *_ = (tmp_path / "ec.pub").read_text().split()
    known = tmp_path / "known_hosts"
    known.write_text(f"[127.0.0.1]:{sshd.port} {kind} {key}\n")
    says(trouble(sshd.host(known_hosts=known)), errors.HostKeyChanged, "another key than the one known")


def test_a_connection_that_is_cut_in_the_exchange_of_keys_is_no_changed_key(sshd: Sshd, tmp_path: Path) -> None:
    """The first connection goes to somebody who greets and hangs up, the others to the host."""

    def greet(listening: socket.socket) -> None:
        first, _ = listening.accept()
        with first:
            first.sendall(b"SSH-2.0-OpenSSH_9.2\r\n")
            first.recv(100)

    def lead_on(listening: socket.socket) -> None:
        near, _ = listening.accept()
        with near, socket.create_connection(("127.0.0.1", sshd.port)) as far:
            back = threading.Thread(target=copy, args=(far, near))
            back.start()
            copy(near, far)
            back.join()

    def copy(source: socket.socket, sink: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(1 << 16):
                sink.sendall(data)
        with contextlib.suppress(OSError):
            sink.shutdown(socket.SHUT_WR)

    async def main(port: int) -> bytes:
        known = tmp_path / "known_hosts"
        known.write_text((sshd.folder / "known_hosts").read_text().replace(str(sshd.port), str(port)))
        async with Transports("test-cut") as transports:
            host = transports.of(sshd.host(port=port, known_hosts=known))
            outcome = await host.perform(Job("one", "echo there", ephemeral=True))
            await transports.forget()
            return outcome.stdout

    with socket.create_server(("127.0.0.1", 0)) as listening:
        between = threading.Thread(target=lambda: (greet(listening), lead_on(listening)))
        between.start()
        assert asyncio.run(main(listening.getsockname()[1])) == b"there\n"
        between.join()


def test_a_key_that_the_host_does_not_accept(sshd: Sshd, tmp_path: Path) -> None:
    make_key(tmp_path / "stranger")
    error = trouble(sshd.host(identity=tmp_path / "stranger"))
    says(error, errors.AuthenticationFailed, "does not let", "tried: ", "stranger", "ssh-copy-id", "`identity`")
    assert isinstance(error, errors.AuthenticationFailed) and len(error.tried) == 1


def test_an_identity_that_is_missing(sshd: Sshd, tmp_path: Path) -> None:
    error = trouble(sshd.host(identity=tmp_path / "missing"))
    says(error, errors.IdentityUnusable, f"the key {tmp_path}/missing cannot be read: No such file or directory")


def test_an_identity_that_is_no_key(sshd: Sshd, tmp_path: Path) -> None:
    (tmp_path / "nokey").write_text("hello")
    says(trouble(sshd.host(identity=tmp_path / "nokey")), errors.IdentityUnusable, "is no usable private key")


def test_an_identity_that_is_encrypted(sshd: Sshd, tmp_path: Path) -> None:
    path = tmp_path / "locked"
    subprocess.run(
        ["ssh-keygen", "-q", "-t", "rsa", "-m", "PEM", "-b", "2048", "-N", "secret", "-f", str(path)], check=True
    )
    says(trouble(sshd.host(identity=path)), errors.IdentityUnusable, f"the key {path} is encrypted", "ssh-add")


def test_a_login_without_a_shell(other: Sshd) -> None:
    other.extra = "ForceCommand echo This account is currently not available."
    says(trouble(other.start().host()), errors.NoShell, "gives no shell", "not available", "chsh -s /bin/sh")
    other.stop()
    other.extra = "ForceCommand exit 1"
    says(trouble(other.start().host()), errors.NoShell, "the login works but gives no shell")


def test_a_login_shell_that_starts_something_else(other: Sshd) -> None:
    other.extra = "ForceCommand echo Choose: 1 2 3; exit 7"
    says(trouble(other.start().host()), errors.AgentStartFailed, "the agent did not start; it said: Choose: 1 2 3")


def test_a_host_that_opens_no_session(other: Sshd) -> None:
    other.extra = "MaxSessions 0"
    says(trouble(other.start().host()), errors.AgentStartFailed, "the host opens no session", "MaxSessions")


def test_a_login_script_that_prints_does_no_harm(other: Sshd) -> None:
    other.extra = "ForceCommand echo Welcome; printf 'no newline'; echo complaint >&2; sh -c \"$SSH_ORIGINAL_COMMAND\""

    async def main() -> None:
        async with Transports("test-noise") as transports:
            assert (await transports.of(other.start().host()).perform(Job("a", "echo a"))).stdout == b"a\n"
            await transports.forget()

    asyncio.run(main())


def test_a_jump_host_that_cannot_be_reached(sshd: Sshd) -> None:
    bastion = sshd.host("bastion", port=1)
    error = trouble(sshd.host(jump="bastion", via=bastion))
    says(error, errors.JumpHostFailed, "the jump host bastion could not be reached: nothing listens on port 1")


def test_a_jump_host_that_cannot_reach_the_host(sshd: Sshd) -> None:
    error = trouble(sshd.host(port=1, jump="bastion", via=sshd.host("bastion")))
    says(error, errors.JumpHostFailed, "the jump host bastion cannot reach it", "AllowTcpForwarding")


def test_a_jump_host_that_is_misspelt(sshd: Sshd) -> None:
    says(trouble(sshd.host(jump="a:b:c")), errors.ConnectionFailed, "`a:b:c` is no jump host", "user@address:port")


def test_a_host_behind_a_jump_host_works(sshd: Sshd, other: Sshd) -> None:
    behind = other.start().host(
        "behind", jump=f"{sshd.host().user}@127.0.0.1:{sshd.port}", known_hosts=other.folder / "both"
    )
    shutil.copy(other.folder / "id.pub", sshd.folder / "extra")
    keys = (sshd.folder / "authorized_keys").read_text()
    (sshd.folder / "authorized_keys").write_text(keys + (other.folder / "id.pub").read_text())
    both = (sshd.folder / "known_hosts").read_text() + (other.folder / "known_hosts").read_text()
    (other.folder / "both").write_text(both)

    async def main() -> None:
        async with Transports("test-jump") as transports:
            outcome = await transports.of(behind).perform(Job("a", "echo $SSH_CONNECTION"))
            assert outcome.stdout.split()[3] == str(other.port).encode()
            await transports.forget()

    asyncio.run(main())
    (sshd.folder / "authorized_keys").write_text(keys)


def test_ssh_config_says_what_the_inventory_does_not(sshd: Sshd, tmp_path: Path) -> None:
    config = tmp_path / "config"
    config.write_text(
        f"Host alias\n  HostName 127.0.0.1\n  Port {sshd.port}\n  User {sshd.host().user}\n"
        f"  IdentityFile {sshd.folder}/id\n  UserKnownHostsFile {sshd.folder}/known_hosts\n"
        f"Host jumped\n  HostName 127.0.0.1\n  Port {sshd.port}\n  User {sshd.host().user}\n  ProxyJump alias\n"
        f"  IdentityFile {sshd.folder}/id\n  UserKnownHostsFile {sshd.folder}/known_hosts\n"
    )

    async def main() -> None:
        async with Transports("test-config") as transports:
            for name in ("alias", "jumped"):
                outcome = await transports.of(Host(name, address=name, ssh_config=config)).perform(Job("a", "echo a"))
                assert outcome.stdout == b"a\n"
            await transports.forget()

    asyncio.run(main())


def test_an_agent_key_is_enough(sshd: Sshd, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "agent"
    agent = subprocess.Popen(["ssh-agent", "-D", "-a", str(path)], stdout=subprocess.DEVNULL)
    try:
        while not path.exists():
            os.sched_yield()
        monkeypatch.setenv("SSH_AUTH_SOCK", str(path))
        subprocess.run(["ssh-add", "-q", str(sshd.folder / "id")], check=True, stderr=subprocess.DEVNULL)

        async def main() -> None:
            async with Transports("test-agent") as transports:
                assert (await transports.of(sshd.host(identity=None)).perform(Job("a", "echo a"))).stdout == b"a\n"
                await transports.forget()

        asyncio.run(main())
    finally:
        agent.kill()
        agent.wait()


def test_a_broken_known_hosts_or_ssh_config_is_named(sshd: Sshd, tmp_path: Path) -> None:
    broken = tmp_path / "broken"
    broken.write_text("Host *\n  Port many\n")
    says(trouble(sshd.host(ssh_config=broken, port=None)), errors.ConnectionFailed, "ssh_config", "broken")


def test_a_missing_command_on_the_host_is_named(other: Sshd) -> None:
    few = other.folder / "few"
    few.mkdir(parents=True)
    for tool in ("head", "awk"):
        (few / tool).symlink_to(str(shutil.which(tool)))
    other.extra = f'ForceCommand PATH={few} /bin/sh -c "$SSH_ORIGINAL_COMMAND"'
    error = trouble(other.start().host())
    says(error, errors.AgentStartFailed, "the agent cannot work on this host: the command base64 is missing")


SUDO = """#!/bin/sh
[ -e {folder}/refuse ] && {{ echo "sudo: a password is required" >&2; exit 1; }}
while [ "$1" != -- ]; do [ "$1" = -u ] && user=$2; shift; done
shift
PATH=/usr/sbin:/usr/bin:/bin exec /usr/sbin/runuser -u "$user" -- "$@"
"""


@pytest.mark.skipif(os.getuid() != 0, reason="a sudo that needs no configuration needs root")
def test_without_runuser_another_user_is_had_by_sudo_or_the_refusal_is_told(other: Sshd, run_name: str) -> None:
    few = other.folder / "few"
    few.mkdir(parents=True)
    for tool in (path.name for path in Path("/usr/bin").iterdir()):
        if tool not in ("sudo", "runuser"):
            (few / tool).symlink_to(f"/usr/bin/{tool}")
    (few / "sudo").write_text(SUDO.format(folder=other.folder))
    (few / "sudo").chmod(0o755)
    other.extra = f'ForceCommand PATH={few} /bin/sh -c "$SSH_ORIGINAL_COMMAND"'

    async def main() -> None:
        async with Transports(run_name) as transports:
            host = transports.of(other.start().host())
            with_input = Job("a", "id -un; cat; echo $HOME", user="nobody", stdin=b"in")
            assert (await host.perform(with_input)).stdout.startswith(b"nobody\nin")
            await host.start(Job("b", "setsid sleep 60 & sleep 60", user="nobody"))
            await asyncio.sleep(0.3)
            await host.kill("b", 1)
            assert (await host.wait("b")).killed
            (other.folder / "refuse").touch()
            with pytest.raises(errors.JobRefused, match="cannot become daemon: sudo: a password is required"):
                await host.perform(Job("c", "true", user="daemon"))
            await transports.forget()

    asyncio.run(main())
