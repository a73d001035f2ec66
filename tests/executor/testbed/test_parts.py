"""The parts of the test hosts that need no root."""

import hashlib
import json
import os
import subprocess
import tomllib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from madeus.executor.testbed import birth, errors, lower, network, packages, prerequisites, registry, root, sshd, wire
from madeus.executor.testbed.bed import host_names
from madeus.executor.testbed.errors import BadHostName, BadRoot, MissingPrerequisite, NeedsRoot, PackagesFailed
from madeus.executor.testbed.inventory_file import inventory_text
from madeus.executor.testbed.registry import BedFiles, BedRecord, HostRecord, ProcessId


def host(name: str = "db1", number: int = 0, port: int = 22) -> HostRecord:
    address, inner = network.outer_address(0, number), network.inner_address(number)
    return HostRecord(name, number, address, port, inner, "up", False, ProcessId(4711, 99))


# -- names


def test_a_number_means_numbered_hosts() -> None:
    assert host_names(3) == ["h1", "h2", "h3"]


def test_a_name_given_twice_is_one_host() -> None:
    assert host_names(["db1", "web1", "db1"]) == ["db1", "web1"]


@pytest.mark.parametrize("name", ["", "-a", "a-", "a_b", "a.b", "../x", "web[1]", "a" * 64, "local", "localhost", "ü"])
def test_a_name_that_is_no_host_name_is_refused(name: str) -> None:
    with pytest.raises(BadHostName) as caught:
        host_names([name])
    assert f"`{name}` cannot be a test host's name" in str(caught.value)


# -- addresses


@given(st.integers(0, 10_000), st.integers(0, 10_000))
def test_two_hosts_never_share_an_address(one: int, other: int) -> None:
    assert (network.inner_address(one) == network.inner_address(other)) == (one == other)


@given(st.integers(0, 249), st.integers(0, 10_000))
def test_outer_addresses_stay_in_their_network(block: int, number: int) -> None:
    parts = [int(part) for part in network.outer_address(block, number).split(".")]
    assert parts[:3] == [127, 77, block]
    assert 1 <= parts[3] <= 250


# -- /etc/hosts

NAMES = {"db1": "10.77.0.1", "web1": "10.77.0.2"}


def test_the_names_are_added_to_what_is_there() -> None:
    text = network.with_host_names("127.0.0.1 localhost\n", NAMES)
    assert text == f"127.0.0.1 localhost\n{network.BEGIN}\n10.77.0.1 db1\n10.77.0.2 web1\n{network.END}\n"


@given(st.lists(st.sampled_from(["127.0.0.1 localhost", "", "# mine", "192.0.2.1 other"])))
def test_renewing_the_names_keeps_every_line_of_the_hosts_own(lines: list[str]) -> None:
    text = "".join(f"{line}\n" for line in lines)
    once = network.with_host_names(text, {"old": "10.77.0.9"})
    edited = once + "198.51.100.1 added-later\n"
    twice = network.with_host_names(edited, NAMES)
    assert twice == text + network.with_host_names("", NAMES) + "198.51.100.1 added-later\n"


# -- files for clients


def test_the_inventory_is_what_its_readers_expect() -> None:
    inventory = tomllib.loads(inventory_text("default", [host("db1"), host("web1", 1, 7722)]))
    assert inventory == {
        "defaults": {"transport": "ssh", "user": "root", "known_hosts": "known_hosts", "identity": "id_ed25519"},
        "hosts": {
            "db1": {"address": "127.77.0.1", "port": 22},
            "web1": {"address": "127.77.0.2", "port": 7722},
        },
    }


def test_known_hosts_writes_an_unusual_port_in_brackets() -> None:
    text = sshd.known_hosts([(host("db1"), "ssh-ed25519 AAA comment\n"), (host("web1", 1, 7722), "ssh-ed25519 BBB\n")])
    assert text == "127.77.0.1,db1 ssh-ed25519 AAA\n[127.77.0.2]:7722,[web1]:7722 ssh-ed25519 BBB\n"


def test_the_ssh_config_leads_to_every_host(tmp_path: Path) -> None:
    config = tmp_path / "ssh_config"
    config.write_text(sshd.client_config([host("db1"), host("web1", 1, 7722)], tmp_path / "key", tmp_path / "known"))
    said = subprocess.run(["ssh", "-G", "-F", str(config), "web1"], capture_output=True, text=True, check=True).stdout
    assert {"hostname 127.77.0.2", "port 7722", "user root", f"identityfile {tmp_path}/key"} <= set(said.splitlines())
    assert "stricthostkeychecking true" in said


def test_penalties_are_switched_off_only_where_sshd_knows_them() -> None:
    assert "PerSourcePenalties no" in sshd.server_config((9, 8))
    assert "PerSourcePenalties" not in sshd.server_config((9, 7))


def test_a_locked_root_account_is_opened_for_key_login_only() -> None:
    assert birth.unlocked("root:!:1:0:99999:7:::\nuser:!:1::::::\n") == "root:*:1:0:99999:7:::\nuser:!:1::::::\n"
    assert birth.unlocked("root:$6$abc:1::::::\n") == "root:$6$abc:1::::::\n"


# -- the registry


def test_a_record_comes_back_as_it_was_written(tmp_path: Path) -> None:
    bed = BedRecord("default", "relay", "/", ProcessId(1, 2), "/proc/1/fd/3", (host(),))
    BedFiles(tmp_path).write(bed)
    assert BedFiles(tmp_path).read() == bed
    assert bed.down() != bed
    BedFiles(tmp_path).write(bed.down())
    assert BedFiles(tmp_path).read() == bed.down()


@pytest.mark.parametrize("text", ["", "{", "[]", '{"hosts": []}', '{"hosts": [{}], "keeper": null}'])
def test_half_a_record_is_none(tmp_path: Path, text: str) -> None:
    (tmp_path / "bed.json").write_text(text)
    assert BedFiles(tmp_path).read() is None


def test_a_process_with_another_start_time_is_another_process() -> None:
    me = registry.identify(os.getpid())
    assert registry.is_alive(me)
    assert not registry.is_alive(ProcessId(me.pid, me.start + 1))
    assert not registry.is_alive(None)


def test_a_zombie_is_not_alive() -> None:
    with subprocess.Popen(["cat"], stdin=subprocess.PIPE) as process:
        identity = registry.identify(process.pid)
        process.kill()
        os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
        assert not registry.is_alive(identity)


def test_the_processes_of_a_bed_are_found_by_their_mark_and_no_others(tmp_path: Path) -> None:
    commands = {"mine": str(tmp_path), "longer": f"{tmp_path}/x", "none": ""}
    running = {
        name: subprocess.Popen(["sleep", "60"], env={registry.MARKER: mark, "PATH": "/usr/bin:/bin"})
        for name, mark in commands.items()
    }
    try:
        while len([pid for pid, mark in registry.marked_processes() if mark.startswith(str(tmp_path))]) < 2:
            pass  # between fork and exec the mark is not there yet
        assert registry.sweep(tmp_path) == 1
        assert running["mine"].wait(timeout=10) == -9
        assert running["longer"].poll() is None
        assert running["none"].poll() is None
    finally:
        for process in running.values():
            process.kill()
            process.wait()


def test_only_the_beds_own_files_are_removed(tmp_path: Path) -> None:
    files = BedFiles(tmp_path)
    (tmp_path / "hosts" / "h1").mkdir(parents=True)
    (tmp_path / "notes.txt").touch()
    files.remove()
    assert [path.name for path in tmp_path.iterdir()] == ["notes.txt"]


# -- roots


def test_disks_below_the_root_are_found_and_the_rest_is_not(tmp_path: Path) -> None:
    inside = tmp_path / "with blank"
    inside.mkdir()
    lines = [
        "22 1 254:0 / / rw,relatime shared:1 - ext4 /dev/vda rw",
        "23 22 0:5 / /proc rw - proc proc rw",
        "24 22 254:1 / /usr rw,relatime - xfs /dev/vdb rw",
        "25 22 254:2 / /home rw,relatime - ext4 /dev/vdc rw",
        "26 22 254:3 / /no/such/place rw - ext4 /dev/vdd rw",
        "27 22 0:30 / /opt rw - nfs server:/x rw",
        f"28 22 254:4 / {str(inside).replace(' ', chr(92) + '040')} rw - btrfs /dev/vde rw",
    ]
    found = root.disks_below_root("\n".join(lines))
    expected = ["/usr"] if str(tmp_path).startswith("/tmp/") else sorted(["/usr", str(inside)])
    assert found == expected


BAD_ROOTS = ["", "machines", "debootstrap", "debootstrap:", "debootstrap:../x", "docker:debian", "stretch"]


@pytest.mark.parametrize("text", [*BAD_ROOTS, "machine+socat", "bookworm+", "bookworm+../x", "bookworm+a;b"])
def test_an_unknown_kind_of_root_is_refused(text: str) -> None:
    with pytest.raises(BadRoot, match="is no root for test hosts: say `machine`, a Debian") as caught:
        lower.find(text)
    assert str(caught.value).endswith("or `debootstrap:` and a suite; with packages in it: bookworm+mariadb-server")


@pytest.fixture
def tools(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """debootstrap and unshare that only write down what they were asked for; `fail` lets them fail."""
    folder = tmp_path / "tools"
    folder.mkdir()
    bootstrap = 'for last; do :; done; mkdir -p "$last/usr/sbin"; echo I: Retrieving'
    for name, work in (("debootstrap", bootstrap), ("unshare", "echo E: no such package >&2")):
        text = f'#!/bin/sh\necho {name} "$@" >> {tmp_path}/asked\n{work}\ntest ! -e {tmp_path}/fail\n'
        (folder / name).write_text(text)
        (folder / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}:{os.environ['PATH']}")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path


def test_a_root_is_made_once_and_kept(tools: Path) -> None:
    first = lower.find("bullseye")
    assert first.is_dir()
    assert lower.find("debootstrap:bullseye") == first
    (asked,) = (tools / "asked").read_text().splitlines()
    assert asked.split()[1] == "--variant=minbase"
    assert asked.split()[-2] == "bullseye"


def test_a_root_with_packages_is_a_copy_in_which_they_are_installed_and_no_service_starts(tools: Path) -> None:
    plain = lower.find("trixie")
    (plain / "mark").write_text("plain")
    made = lower.find("trixie+socat+mariadb-server")
    assert made != plain
    assert (made / "mark").read_text() == "plain"
    assert not (made / "usr/sbin/policy-rc.d").exists()
    assert lower.find("trixie+mariadb-server+socat") == made
    asked = (tools / "asked").read_text().splitlines()[1:]
    assert [line.split("--no-install-recommends ")[1] for line in asked] == [
        "update",
        "install mariadb-server socat",
        "clean",
    ]


def test_a_root_that_cannot_be_made_says_why_and_leaves_nothing_that_is_taken_for_one(tools: Path) -> None:
    (tools / "fail").touch()
    with pytest.raises(PackagesFailed, match="debootstrap"):
        lower.find("bookworm")
    (tools / "fail").unlink()
    plain = lower.find("bookworm")
    (tools / "fail").touch()
    with pytest.raises(PackagesFailed, match="no such package"):
        lower.find("bookworm+socat")
    assert [path.name for path in plain.parent.iterdir() if path.suffix != ".new" and path.name != ".lock"] == [
        plain.name
    ]


# -- packages


def make_package(directory: Path, name: str, version: str = "1.0") -> Path:
    tree = directory / f"{name}-tree"
    (tree / "DEBIAN").mkdir(parents=True)
    (tree / "DEBIAN/control").write_text(
        f"Package: {name}\nVersion: {version}\nArchitecture: all\nMaintainer: A <a@example.org>\nDescription: x\n"
    )
    target = directory / f"{name}_{version}_all.deb"
    subprocess.run(["dpkg-deb", "--root-owner-group", "-b", str(tree), str(target)], check=True, capture_output=True)
    return target


def test_the_repository_lists_its_packages_with_their_checksums(tmp_path: Path) -> None:
    file = make_package(tmp_path, "one")
    repository = tmp_path / "repository"
    packages.offer(packages.Fetched((file,)), repository)
    index = (repository / "Packages").read_text()
    assert "Package: one\n" in index
    assert "Filename: ./one_1.0_all.deb\n" in index
    assert hashlib.sha256(file.read_bytes()).hexdigest() in index
    assert hashlib.sha256(index.encode()).hexdigest() in (repository / "Release").read_text()


def test_packages_offered_later_join_those_that_are_there(tmp_path: Path) -> None:
    repository = tmp_path / "repository"
    packages.offer(packages.Fetched((make_package(tmp_path, "one"),)), repository)
    packages.offer(packages.Fetched((make_package(tmp_path, "two"),)), repository)
    packages.offer(packages.NOTHING, repository)
    index = (repository / "Packages").read_text()
    assert [line for line in index.splitlines() if line.startswith("Package:")] == ["Package: one", "Package: two"]
    assert index.count("\n\n") == 1


def test_an_empty_repository_has_an_index(tmp_path: Path) -> None:
    packages.offer(packages.NOTHING, tmp_path / "repository")
    assert (tmp_path / "repository/Packages").read_bytes() == b""


# -- what is missing


def test_without_root_the_message_says_what_works_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.geteuid", lambda: 1000)
    with pytest.raises(NeedsRoot) as caught:
        prerequisites.check("relay")
    assert str(caught.value) == (
        "test hosts need root (you are user 1000): they are made of namespaces and mounts. Run it with sudo; without "
        "root the host `local` still works, and so does any host you reach over SSH."
    )
    assert caught.value.exit_code == 2


def test_a_root_without_capabilities_is_told_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.geteuid", lambda: 0)
    monkeypatch.setattr(prerequisites, "effective_capabilities", lambda: 1 << 12)
    with pytest.raises(NeedsRoot, match="lacks the capability SYS_ADMIN, as in an unprivileged container"):
        prerequisites.check("relay")


@pytest.fixture
def as_root(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.geteuid", lambda: 0)
    monkeypatch.setattr(prerequisites, "effective_capabilities", lambda: -1)


@pytest.mark.usefixtures("as_root")
def test_each_missing_tool_comes_with_its_package(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    present = {"ssh", "ssh-keygen"}
    monkeypatch.setattr("shutil.which", lambda name, path=None: f"/usr/bin/{name}" if name in present else None)
    monkeypatch.setattr(prerequisites, "has_overlay", lambda: False)
    (tmp_path / "usr/sbin").mkdir(parents=True)

    def lack(mode: str = "relay") -> str:
        with pytest.raises(MissingPrerequisite) as caught:
            prerequisites.check(mode, tmp_path)
        return str(caught.value)

    assert lack() == "sshd is missing: apt-get install openssh-server"
    (tmp_path / "usr/sbin/sshd").touch()
    assert lack() == "ip is missing: apt-get install iproute2"
    assert lack("lo").startswith("overlay, a file system of the kernel, is missing: apt-get install linux-image-amd64")
    present.discard("ssh-keygen")
    assert lack() == "ssh-keygen is missing: apt-get install openssh-client"


# -- errors


@pytest.mark.parametrize("kind", errors.SENT_BY_NAME.values(), ids=lambda kind: kind.__name__)
def test_an_error_survives_the_way_from_the_keeper(kind: type[errors.TestbedError]) -> None:
    count = kind.__init__.__code__.co_argcount - 1
    error = kind(*("abc"[:count]))
    sent = json.loads(json.dumps(wire.refusal(error)))
    assert type(wire.carried(sent)) is kind
    assert str(wire.carried(sent)) == str(error)
