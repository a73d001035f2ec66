"""A running bed: what a host is, and how it is reached. Needs root."""

import socket
import subprocess
import sys
import time
import tomllib
from pathlib import Path

import pytest

from madeus.executor.testbed import Testbed
from madeus.executor.testbed.errors import NoSuchHost

pytestmark = pytest.mark.hosts


def ssh(bed: Testbed, host: str, command: str, **kwargs: object) -> subprocess.CompletedProcess[str]:
    words = [*bed.prefix, "ssh", "-F", str(bed.ssh_config), host, command]
    return subprocess.run(words, capture_output=True, text=True, timeout=60, check=False)


def can_reach(bed: Testbed, source: str, target: str, port: int = 22) -> bool:
    return bed.host(source).exec(f"timeout 1 bash -c '</dev/tcp/{target}/{port}'")[0] == 0


def test_a_host_is_entered_with_its_key_and_its_own_host_key(bed: Testbed) -> None:
    done = ssh(bed, "db1", "hostname; whoami")
    assert (done.returncode, done.stdout, done.stderr) == (0, "db1\nroot\n", "")


def test_another_hosts_key_is_refused(bed: Testbed, tmp_path: Path) -> None:
    lines = bed.known_hosts.read_text().splitlines()
    keys = [line.split(maxsplit=1)[1] for line in lines]
    mixed = tmp_path / "known_hosts"
    mixed.write_text("".join(f"{line.split()[0]} {keys[place - 1]}\n" for place, line in enumerate(lines)))
    words = ["ssh", "-F", str(bed.ssh_config), "-o", f"UserKnownHostsFile={mixed}", "db1", "true"]
    assert subprocess.run(words, capture_output=True, check=False).returncode == 255


def test_every_host_key_is_another(bed: Testbed) -> None:
    keys = {line.split()[2] for line in bed.known_hosts.read_text().splitlines()}
    assert len(keys) == 3


def test_the_inventory_names_every_host_with_its_address(bed: Testbed) -> None:
    inventory = tomllib.loads(bed.inventory.read_text())
    assert inventory["defaults"]["transport"] == "ssh"
    assert (bed.inventory.parent / inventory["defaults"]["identity"]).is_file()
    assert {name: host["address"] for name, host in inventory["hosts"].items()} == {
        host.name: host.address for host in bed.hosts
    }


def test_a_host_sees_only_its_own_processes(bed: Testbed) -> None:
    names = bed.host("db1").exec("cat /proc/[0-9]*/comm")[1].split()
    assert names[0] == "sshd"
    assert set(names) <= {"sshd", "sh", "cat"}


def test_the_exit_code_and_the_output_of_a_command_come_back(bed: Testbed) -> None:
    assert bed.host("web1").exec("echo out; echo err >&2; exit 7") == (7, "out\nerr\n")
    assert bed.host("web1").exec("kill -9 $$")[0] == 137
    assert bed.host("web1").exec(["no-such-command"]) == (127, "no-such-command: No such file or directory\n")


def test_a_command_that_outlives_its_timeout_is_killed(bed: Testbed) -> None:
    with pytest.raises(TimeoutError):
        bed.host("web1").exec("exec sleep 1234", timeout=0.3)
    for _ in range(100):
        if bed.host("web1").exec("cat /proc/[0-9]*/cmdline | grep -a slee[p]")[0] != 0:
            return
        time.sleep(0.05)
    pytest.fail("sleep still runs")


def test_hosts_reach_each_other_by_name(bed: Testbed) -> None:
    assert can_reach(bed, "web1", "db1")
    assert can_reach(bed, "db1", "web2")


def test_no_host_reaches_anything_else(bed: Testbed) -> None:
    code, said = bed.host("db1").exec("ip route get 192.0.2.1")
    assert code != 0
    assert "unreachable" in said


def test_services_of_two_hosts_use_the_same_port(bed: Testbed) -> None:
    serve = (
        "import socket; s=socket.create_server(('', 8080)); open('/run/ready','w')\n"
        "while True: c=s.accept()[0]; c.sendall(socket.gethostname().encode()); c.close()"
    )
    for name in ("web1", "web2"):
        assert bed.host(name).exec(f'setsid /usr/bin/python3 -c "{serve}" >/dev/null 2>&1 &')[0] == 0
        assert (
            bed.host(name).exec("for i in $(seq 200); do test -e /run/ready && exit; sleep 0.05; done; exit 1")[0] == 0
        )
    for name in ("web1", "web2"):
        assert bed.host("db1").exec(f"bash -c 'exec 3<>/dev/tcp/{name}/8080; cat <&3'") == (0, name)


def test_the_machine_stays_as_it_was(bed: Testbed) -> None:
    bed.host("db1").exec("echo x > /etc/only-in-db1; hostname changed; hostname db1")
    assert not Path("/etc/only-in-db1").exists()
    assert bed.host("web1").exec("test -e /etc/only-in-db1")[0] == 1
    assert socket.gethostname() not in {"db1", "changed"}


def test_private_parts_of_the_machine_do_not_show(bed: Testbed) -> None:
    _, said = bed.host("db1").exec("ls -A /root /home /etc/apt/auth.conf.d /var/tmp 2>/dev/null")
    assert set(said.split()) == {"/root:", ".bashrc", ".profile", "/home:", "/var/tmp:"}


def test_what_acts_on_the_whole_machine_is_read_only(bed: Testbed) -> None:
    for path in ("/proc/sysrq-trigger", "/proc/sys/kernel/hostname", "/sys/kernel/uevent_seqnum"):
        code, _ = bed.host("db1").exec(f"test -e {path} && echo 0 > {path}")
        assert code != 0, path
    assert bed.host("db1").exec("mknod /dev/disk b 8 0")[0] != 0


def test_a_burst_of_connections_and_channels_is_served(bed: Testbed) -> None:
    running = [
        subprocess.Popen(["ssh", "-F", str(bed.ssh_config), "web1", "echo here"], stdout=subprocess.PIPE)
        for _ in range(30)
    ]
    assert [process.communicate()[0] for process in running] == [b"here\n"] * 30


def test_a_relay_connection_leaves_nothing_in_the_keeper(bed: Testbed) -> None:
    keeper = bed.record.keeper
    assert keeper is not None
    opened = len(list(Path(f"/proc/{keeper.pid}/fd").iterdir()))
    for _ in range(3):
        assert ssh(bed, "web2", "true").returncode == 0
    for _ in range(100):
        if len(list(Path(f"/proc/{keeper.pid}/fd").iterdir())) <= opened:
            return
        time.sleep(0.05)
    pytest.fail("descriptors stay open")


def test_an_unknown_host_is_named_with_those_that_exist(bed: Testbed) -> None:
    with pytest.raises(NoSuchHost, match=r"no test host is called `nope`; this bed has db1, web1, web2"):
        bed.host("nope")


def test_open_file_limit_of_a_host_is_the_usual_one(bed: Testbed) -> None:
    assert bed.host("db1").exec("ulimit -n")[1].strip() == "1024"
    assert ssh(bed, "db1", "ulimit -n").stdout.strip() == "1024"


@pytest.mark.parametrize("mode", ["veth", "lo"])
def test_the_other_modes_serve_logins_too(state: Path, mode: str) -> None:
    with Testbed.up(2, state, mode=mode) as bed:  # type: ignore[arg-type]
        assert ssh(bed, "h2", "hostname").stdout == "h2\n"
        assert bed.host("h1").exec("getent hosts h2")[0] == 0


def test_beds_side_by_side_do_not_share_addresses(bed: Testbed, state: Path) -> None:
    with Testbed.up(["db1"], state, name="second") as second:
        assert second.host("db1").address != bed.host("db1").address
        assert ssh(second, "db1", "cat /proc/self/cgroup >/dev/null; hostname").stdout == "db1\n"
        assert not can_reach(second, "db1", "10.77.0.2")


def test_a_long_directory_is_no_obstacle(tmp_path: Path) -> None:
    deep = tmp_path / ("a" * 100) / "with blank, comma: colon" / "state"
    with Testbed.up(1, deep) as bed:
        assert ssh(bed, "h1", "hostname").stdout == "h1\n"


def test_a_bed_can_lie_where_no_overlay_can_be_made(tmp_path: Path) -> None:
    """On an overlay, as in a container: the disks are kept in memory then."""
    for name in ("upper", "work", "merged"):
        (tmp_path / name).mkdir()
    script = (
        f"mount -t overlay o -o lowerdir=/,upperdir={tmp_path}/upper,workdir={tmp_path}/work {tmp_path}/merged && "
        f'exec {sys.executable} -c "from pathlib import Path; from madeus.executor.testbed import Testbed\n'
        f"with Testbed.up(1, Path('{tmp_path}/merged/tmp/bed')) as bed: print(bed.host('h1').exec('hostname'))\""
    )
    done = subprocess.run(["unshare", "-m", "sh", "-c", script], capture_output=True, text=True, check=False)
    assert done.stdout == "(0, 'h1\\n')\n", done.stderr
