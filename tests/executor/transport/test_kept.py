"""Connections that are kept for the next command, by a real OpenSSH client to a real sshd."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from madeus.executor import errors
from madeus.executor.inventory import Host, parse_inventory
from madeus.executor.transport import kept as keeping
from madeus.executor.transport import mux, openssh
from madeus.executor.transport.base import Job
from madeus.executor.transport.kept import Connection, digest, end, kept
from madeus.executor.transport.place import place
from madeus.executor.transport.pool import Transports
from tests.executor.sshd import SSHD, Sshd, make_key

pytestmark = pytest.mark.skipif(not shutil.which("ssh") or not Path(SSHD).exists(), reason="needs OpenSSH")


@pytest.fixture
def runtime(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A directory for sockets, with a name short enough for them; nothing of it lives on."""
    with tempfile.TemporaryDirectory(dir="/tmp", prefix="kept-") as name:
        monkeypatch.setenv("XDG_RUNTIME_DIR", name)
        yield Path(name)
        asyncio.run(end(lambda _: True, 5))


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Sshd]:
    started = Sshd(tmp_path / "sshd").start()
    yield started
    started.stop()


@pytest.fixture
def host(runtime: Path, server: Sshd) -> Host:
    return server.host(persist=60.0, inventory=server.folder / "hosts.toml")


async def ran(host: Host, script: str = "echo there", patience: float = 20.0) -> str:
    """What a command prints on a host, as a command of its own would have it done."""
    async with Transports(f"kept-{time.monotonic_ns()}", patience=patience) as transports:
        outcome = await transports.of(host).perform(Job("one", script, ephemeral=True))
        await transports.forget()
        return outcome.stdout.decode()


def run(host: Host, script: str = "echo there") -> str:
    return asyncio.run(ran(host, script))


def connections() -> list[Connection]:
    return asyncio.run(kept())


def until(true: Callable[[], bool]) -> None:
    """Wait for something that has to come."""
    end = time.monotonic() + 30
    while not true():
        assert time.monotonic() < end
        time.sleep(0.02)


def test_the_next_command_goes_over_the_connection_of_the_last(host: Host, server: Sshd) -> None:
    assert run(host) == "there\n"
    [first] = connections()
    logins = server.connections()
    assert run(host, "cat /etc/hostname >/dev/null; echo again") == "again\n"
    assert connections() == [first]
    assert server.connections() == logins and len(logins) == 1
    assert (first.host, first.idle, first.inventory) == ("here", 60.0, str(server.folder / "hosts.toml"))


def test_large_input_and_output_come_over_whole(host: Host) -> None:
    async def whole() -> None:
        async with Transports("kept-large", patience=20) as transports:
            data = os.urandom(3 << 20)
            job = Job("big", "cat; echo oops >&2; exit 7", stdin=data, output_limit=8 << 20, ephemeral=True)
            outcome = await transports.of(host).perform(job)
            assert (outcome.exit_code, outcome.stderr) == (7, b"oops\n")
            assert outcome.stdout == data
            await transports.forget()

    asyncio.run(whole())
    assert len(connections()) == 1


def test_only_its_owner_can_reach_it_and_it_holds_no_secret(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MADEUS_SECRET_WORD", "correct-horse")
    run(host)
    [one] = connections()
    assert one.path.parent.stat().st_mode & 0o777 == 0o700
    assert one.path.stat().st_mode & 0o077 == 0
    assert b"correct-horse" not in Path(f"/proc/{one.process}/environ").read_bytes()
    assert os.getsid(one.process) != os.getsid(0)


def test_a_host_that_does_not_want_it_gets_a_connection_of_the_command_alone(host: Host, server: Sshd) -> None:
    assert run(replace(host, persist=0.0)) == "there\n"
    assert connections() == []
    until(lambda: not server.connections())


def test_after_its_keeper_was_killed_the_next_command_makes_another(host: Host) -> None:
    run(host)
    [first] = connections()
    os.kill(first.process, signal.SIGKILL)
    assert run(host) == "there\n"
    [second] = connections()
    assert second.process != first.process and second.path == first.path


def test_a_command_whose_connection_is_killed_goes_on_over_another(host: Host, tmp_path: Path) -> None:
    script = f"echo x >>{tmp_path}/once; while [ ! -e {tmp_path}/go ]; do sleep 0.05; done; echo end"

    def kill() -> None:
        until((tmp_path / "once").exists)
        [one] = connections()
        os.kill(one.process, signal.SIGKILL)
        time.sleep(0.1)
        (tmp_path / "go").touch()

    async def whole() -> str:
        said, _ = await asyncio.gather(ran(host, script), asyncio.to_thread(kill))
        return said

    assert asyncio.run(whole()) == "end\n"
    assert (tmp_path / "once").read_text() == "x\n"


def test_a_socket_that_nobody_listens_on_is_replaced(host: Host) -> None:
    where = place()
    assert where is not None
    path = where / asyncio.run(digest(host))
    with socket.socket(socket.AF_UNIX) as left:
        left.bind(str(path))
    assert run(host) == "there\n"
    assert [one.path for one in connections()] == [path]


def test_a_socket_that_speaks_something_else_is_not_used(host: Host, server: Sshd) -> None:
    where = place()
    assert where is not None
    with socket.socket(socket.AF_UNIX) as mute:
        mute.bind(str(where / asyncio.run(digest(host))))
        mute.listen()

        async def whole() -> str:
            async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
                writer.write(b"HTTP/1.0 400 Bad Request\r\n\r\n")
                writer.close()

            async with await asyncio.start_unix_server(talk, sock=mute):
                return await ran(host)

        assert asyncio.run(whole()) == "there\n"


def test_a_host_that_does_not_answer_over_it_gets_another_connection(
    host: Host, server: Sshd, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keeping, "AGREEING", 0.3)
    run(host)
    frozen = server.connections()
    for process in frozen:
        os.kill(process, signal.SIGSTOP)
    before = connections()
    assert run(host) == "there\n"
    assert connections() == before  # it may be in use: it is for its keeper to find out that it is dead


def test_another_key_of_the_host_is_refused_though_a_connection_is_there(host: Host, server: Sshd) -> None:
    run(host)
    [old] = connections()
    make_key(server.folder / "other")
    kind, key, *_ = (server.folder / "other.pub").read_text().split()
    (server.folder / "known_hosts").write_text(f"[127.0.0.1]:{server.port} {kind} {key}\n")
    with pytest.raises(errors.HostKeyChanged):
        run(host)
    assert connections() == []
    until(lambda: not Path(f"/proc/{old.process}").exists())


def test_a_host_that_is_no_longer_known_is_refused_though_a_connection_is_there(host: Host, server: Sshd) -> None:
    run(host)
    (server.folder / "known_hosts").write_text("")
    with pytest.raises(errors.HostKeyUnknown):
        run(host)
    assert connections() == []


def test_a_changed_entry_gets_another_connection_and_the_old_one_ends(host: Host, server: Sshd) -> None:
    known = (server.folder / "known_hosts").read_text()
    (server.folder / "known_hosts").write_text(known + known.replace("127.0.0.1", "localhost"))
    run(host)
    [old] = connections()
    assert run(replace(host, address="localhost")) == "there\n"
    [new] = connections()
    assert new.process != old.process and new.target.endswith("@localhost")
    until(lambda: not Path(f"/proc/{old.process}").exists())


def test_all_that_a_connection_is_made_from_is_part_of_its_name(host: Host, server: Sshd) -> None:
    key = Path(shutil.copy(server.folder / "id", server.folder / "copy"))
    changes: list[dict[str, object]] = [
        *({}, {"address": "localhost"}, {"user": "other"}, {"port": 23}, {"persist": 30.0}, {"identity": key}),
        *({"known_hosts": None}, {"jump": "gate"}, {"via": replace(host, name="gate"), "jump": "gate"}),
    ]

    async def names() -> list[str]:
        return [await digest(replace(host, **change)) for change in changes]  # type: ignore[arg-type]  # by name

    assert len(set(asyncio.run(names()))) == len(changes)


def test_what_ssh_config_says_is_part_of_the_connection(host: Host, server: Sshd) -> None:
    included = server.folder / "included"
    included.write_text("Compression no\n")
    (server.folder / "ssh_config").write_text(f"Include {included}\n")
    before = asyncio.run(digest(host))
    assert asyncio.run(digest(host)) == before
    included.write_text("Compression yes\n")
    assert asyncio.run(digest(host)) != before


def test_an_entry_that_does_not_want_it_any_more_ends_it(host: Host) -> None:
    run(host)
    assert len(connections()) == 1
    run(replace(host, persist=0.0))
    assert connections() == []


def test_hosts_of_the_same_name_in_two_inventories_have_their_own(host: Host, server: Sshd) -> None:
    run(host)
    run(replace(host, inventory=server.folder / "other.toml", connect_timeout=9.0, user=None, port=server.port))
    assert len(connections()) == 2


def test_it_ends_when_nothing_uses_it(host: Host, server: Sshd) -> None:
    run(replace(host, persist=1.0))
    [one] = connections()
    until(lambda: not Path(f"/proc/{one.process}").exists())
    assert connections() == []
    assert not one.path.with_suffix(".json").exists()
    until(lambda: not server.connections())


def test_a_directory_that_is_open_to_others_is_not_used(host: Host, runtime: Path) -> None:
    (runtime / "madeus").mkdir(mode=0o755)
    assert place() is None
    assert run(host) == "there\n"
    assert list((runtime / "madeus").iterdir()) == []


def test_a_link_in_place_of_the_directory_is_not_used(host: Host, runtime: Path, tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir(mode=0o700)
    (runtime / "madeus").symlink_to(tmp_path / "mine")
    assert place() is None


def test_the_socket_of_another_user_is_not_used(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    run(host)
    [one] = connections()
    own = os.geteuid()
    monkeypatch.setattr("madeus.executor.transport.mux.os.geteuid", lambda: own + 1)

    async def asked() -> None:
        with pytest.raises(mux.NotShared, match=f"belongs to the user {own}"):
            await mux.open_session(str(one.path), "true", 5)
        assert await mux.process_of(str(one.path)) is None
        assert not await mux.terminate(str(one.path))

    asyncio.run(asked())
    monkeypatch.undo()
    assert Path(f"/proc/{one.process}").exists()
    os.kill(one.process, signal.SIGTERM)


COMMAND = """
import asyncio, sys
from pathlib import Path
from madeus.executor.inventory import load_inventory
from tests.executor.transport.test_kept import ran
host = load_inventory(Path(sys.argv[1])).hosts["here"]
try:
    print(asyncio.run(ran(host, sys.argv[2])), "asyncssh" in sys.modules)
except KeyboardInterrupt:
    print("interrupted")
"""


@pytest.fixture
def inventory(host: Host, server: Sshd) -> Path:
    file = server.folder / "hosts.toml"
    lines = [f'{key} = "{getattr(host, key)}"' for key in ("address", "user", "identity", "known_hosts", "ssh_config")]
    file.write_text("\n".join(["[hosts.here]", *lines, f"port = {host.port}", 'persist = "1min"', ""]))
    return file


@pytest.fixture
def command(inventory: Path) -> Iterator[Callable[[str], subprocess.Popen[str]]]:
    """Starts commands, each a process; none of them lives on."""
    started: list[subprocess.Popen[str]] = []

    def start(script: str) -> subprocess.Popen[str]:
        words = [sys.executable, "-c", COMMAND, str(inventory), script]
        started.append(subprocess.Popen(words, stdout=subprocess.PIPE, text=True, cwd=Path(__file__).parents[3]))
        return started[-1]

    yield start
    for one in started:
        one.kill()
        one.wait()
        if one.stdout is not None:
            one.stdout.close()


Command = Callable[[str], subprocess.Popen[str]]


def test_commands_at_the_same_time_make_one_connection_and_need_no_library_of_ssh(
    command: Command, server: Sshd
) -> None:
    commands = [command(f"echo {number}") for number in range(3)]
    assert [one.communicate()[0].split() for one in commands] == [[str(n), "False"] for n in range(3)]
    assert len(connections()) == 1
    assert len(server.connections()) == 1


def test_interrupting_a_command_leaves_the_connection_to_the_others(command: Command, tmp_path: Path) -> None:
    waiting = "while [ ! -e {0}/go ]; do sleep 0.05; done; echo end"
    first = command(f"touch {tmp_path}/first; " + waiting.format(tmp_path))
    until((tmp_path / "first").exists)
    second = command(f"touch {tmp_path}/second; " + waiting.format(tmp_path))
    until((tmp_path / "second").exists)
    [one] = connections()
    first.send_signal(signal.SIGINT)
    assert "interrupted" in first.communicate()[0]
    assert connections() == [one]
    (tmp_path / "go").touch()
    assert second.communicate()[0].split() == ["end", "False"]
    assert connections() == [one]


def test_a_jump_host_of_the_inventory_is_gone_through(host: Host, server: Sshd) -> None:
    hosts = server.folder / "hosts.toml"
    via = server.host("gate", inventory=hosts)
    behind = replace(host, name="behind", via=via, jump="gate")
    assert run(behind) == "there\n"
    assert len(connections()) == 1
    assert len(server.connections()) == 2  # to the gate, and through it
    assert run(behind) == "there\n"
    assert len(server.connections()) == 2


def test_a_host_that_opens_no_further_session_gets_another_connection(runtime: Path, tmp_path: Path) -> None:
    server = Sshd(tmp_path / "narrow", extra="MaxSessions 1").start()
    try:
        host = server.host(persist=60.0)

        async def both() -> list[str]:
            return list(await asyncio.gather(ran(host, "sleep 0.5; echo a"), ran(host, "sleep 0.5; echo b")))

        assert asyncio.run(both()) == ["a\n", "b\n"]
        assert len(connections()) == 1
    finally:
        asyncio.run(end(lambda _: True, 5))
        server.stop()


def test_what_is_wrong_is_told_as_without_it(host: Host, server: Sshd) -> None:
    server.stop()
    with pytest.raises(errors.ConnectionRefused):
        run(host)
    assert connections() == []


def test_without_an_openssh_client_it_goes_on_without(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    assert run(host) == "there\n"
    assert connections() == []


def test_a_path_that_ssh_would_not_take_as_it_is_goes_on_without(host: Host, server: Sshd, tmp_path: Path) -> None:
    odd = tmp_path / "100% mine"
    odd.mkdir()
    key = Path(shutil.copy(server.folder / "id", odd / "id"))
    assert run(replace(host, identity=key)) == "there\n"
    assert connections() == []
    with pytest.raises(openssh.NotPlain):
        openssh.sharing(replace(host, address="-oProxyCommand=id"), "/run/x", 5)


def test_the_client_verifies_asks_nothing_and_forwards_nothing(host: Host, server: Sshd) -> None:
    config = server.folder / "ssh_config"
    config.write_text(
        "ForwardAgent yes\nForwardX11 yes\nStrictHostKeyChecking no\nBatchMode no\nPermitLocalCommand yes\n"
        "LocalForward 127.0.0.1:1 127.0.0.1:2\nNoHostAuthenticationForLocalhost yes\nRemoteCommand id\nTunnel yes\n"
    )
    said = subprocess.run(openssh.settings(host), capture_output=True, text=True, check=True).stdout.splitlines()
    wanted = {"forwardagent no", "forwardx11 no", "stricthostkeychecking true", "batchmode yes", "tunnel false"}
    wanted |= {"permitlocalcommand no", "clearallforwardings yes", "nohostauthenticationforlocalhost no"}
    assert wanted <= set(said)
    assert not any(line.startswith(("localforward", "remotecommand")) for line in said)
    assert f"userknownhostsfile {host.known_hosts}" in said


def test_the_inventory_says_for_how_long() -> None:
    text = '[defaults]\npersist = "10min"\n[hosts.a]\n[hosts.b]\npersist = "0s"\n'
    hosts = parse_inventory(text, Path("/srv/hosts.toml")).hosts
    assert (hosts["a"].persist, hosts["b"].persist) == (600.0, 0.0)
    assert hosts["a"].inventory == Path("/srv/hosts.toml")
    with pytest.raises(errors.InventoryError, match="2: `persist` must be a duration"):
        parse_inventory("[hosts.a]\npersist = 'long'\n", Path("hosts.toml"))
