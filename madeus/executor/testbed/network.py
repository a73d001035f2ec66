"""Addresses, the hub (a network namespace with one bridge that every host's link hangs on), links, and cut cables.

A host has two addresses: the outer one in 127.77.0.0/16, where the machine reaches its sshd (modes relay and lo), and the
inner one in 10.77.0.0/16, where the other hosts of the bed reach it. The inner network exists only inside the bed's
namespaces and has no route out of them; beds side by side use the same inner addresses without meeting.
"""

import ctypes
import fcntl
import os
import shutil
import socket
import struct
import subprocess
from collections.abc import Iterable, Sequence
from pathlib import Path

from madeus.executor.testbed import syscalls

HOSTS_IN_BLOCK = 250
BLOCKS = 250
HUB_ADDRESS = "10.77.255.254"
SSH_PORTS = (22, 7722, 17722)
"""Tried in turn: a machine whose own sshd listens on every address keeps its port 22."""

_BRIDGE = "hub"
_SIOCSIFADDR = 0x8916
_SIOCSIFNETMASK = 0x891C
_SIOCGIFFLAGS = 0x8913
_SIOCSIFFLAGS = 0x8914
_IFF_UP = 1
_SO_ATTACH_FILTER = 26
_SO_DETACH_FILTER = 27


def inner_address(number: int) -> str:
    """The address of host `number` (0-based) inside the bed."""
    return f"10.77.{number // HOSTS_IN_BLOCK}.{number % HOSTS_IN_BLOCK + 1}"


def outer_address(block: int, number: int) -> str:
    """The address on the machine of the host that is `number`-th (0-based, modulo the block's size) in `block`."""
    return f"127.77.{block}.{number % HOSTS_IN_BLOCK + 1}"


class Blocks:
    """Blocks of outer addresses that belong to this process until it ends.

    A block is held by an abstract socket bearing its number: the kernel gives it back whatever happens to the process.
    """

    def __init__(self) -> None:
        self._held: list[tuple[int, socket.socket]] = []

    def address(self, number: int) -> str:
        """The outer address of host `number`; takes further blocks as needed. Raises OSError when none is left."""
        while number // HOSTS_IN_BLOCK >= len(self._held):
            self._held.append(_take_block(self._held[-1][0] + 1 if self._held else 0))
        return outer_address(self._held[number // HOSTS_IN_BLOCK][0], number)


def _take_block(first: int) -> tuple[int, socket.socket]:
    for block in range(first, BLOCKS):
        holder = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        try:
            holder.bind(f"\0madeus-testbed-block-{block}")
        except OSError:
            holder.close()
            continue
        return block, holder
    raise OSError(f"every block of addresses in 127.77.0.0/16 from {first} on is taken by other test hosts")


def free_ssh_port(address: str) -> int:
    """The first of `SSH_PORTS` that can be listened on at `address`. Raises OSError when none can."""
    for port in SSH_PORTS:
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((address, port))
                probe.listen(1)
            except OSError:
                continue
            return port
    raise OSError(f"no port of {', '.join(map(str, SSH_PORTS))} is free at {address}")


def ip_tool() -> str | None:
    """The path of `ip`, which an unprivileged PATH may not reach."""
    return shutil.which("ip") or shutil.which("ip", path="/usr/sbin:/sbin")


def run_ip(commands: Iterable[str]) -> None:
    """Run `ip` commands as one batch in the caller's network namespace. Raises OSError with ip's own words."""
    batch = "\n".join(commands) + "\n"
    tool = ip_tool() or "ip"
    done = subprocess.run([tool, "-batch", "-"], input=batch, text=True, capture_output=True, check=False)
    if done.returncode != 0:
        raise OSError(f"ip: {done.stderr.strip()}")


class Hub:
    """The network namespace that the hosts' cables end in. The caller stays in its own, `home`."""

    def __init__(self) -> None:
        self._links: dict[int, str] = {}
        self._plugged = 0
        self.home = os.open("/proc/self/ns/net", os.O_RDONLY | os.O_CLOEXEC)
        syscalls.unshare(syscalls.CLONE_NEWNET)
        try:
            self.namespace = os.open("/proc/self/ns/net", os.O_RDONLY | os.O_CLOEXEC)
            # A socket stays in the namespace it was made in: link state can be changed through it from anywhere.
            self._control = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            run_ip(
                [
                    "link set lo up",
                    f"link add {_BRIDGE} type bridge",
                    f"link set {_BRIDGE} up",
                    f"addr add {HUB_ADDRESS}/16 dev {_BRIDGE}",
                ]
            )
        finally:
            syscalls.setns(self.home, syscalls.CLONE_NEWNET)

    @property
    def path(self) -> str:
        """Where other processes find the namespace while this one lives (`nsenter --net=PATH`)."""
        return f"/proc/{os.getpid()}/fd/{self.namespace}"

    def plug(self, hosts: Sequence[tuple[int, int]]) -> None:
        """Give each (host number, pid) an `eth0` cabled to the bridge. Raises OSError.

        The MAC follows from the number, so that the neighbours' ARP entries stay right when a host comes back. The hub's end
        has a new name each time: the link of a host that was just killed goes when the kernel gets round to it.
        """
        commands = []
        for number, pid in hosts:
            self._plugged += 1
            link = self._links[number] = f"h{number}.{self._plugged}"
            mac = f"02:4d:00:00:{number >> 8:02x}:{number & 255:02x}"
            commands.append(f"link add {link} type veth peer name eth0 address {mac} netns {pid}")
            commands.append(f"link set {link} master {_BRIDGE} up")
        with syscalls.in_network(self.namespace, self.home):
            run_ip(commands)

    def set_cable(self, number: int, up: bool) -> None:
        """Pull or plug the cable of a running host."""
        _set_link(self._control, self._links[number], up)


def configure_own_links(address: str) -> None:
    """In a host's fresh namespace: bring up `lo` and `eth0` with `address`/16. No route leads further."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as control:
        _set_link(control, "lo", True)
        fcntl.ioctl(control, _SIOCSIFADDR, _address_request("eth0", address))
        fcntl.ioctl(control, _SIOCSIFNETMASK, _address_request("eth0", "255.255.0.0"))
        _set_link(control, "eth0", True)


def _address_request(link: str, address: str) -> bytes:
    # struct ifreq: name[16], struct sockaddr_in, padding
    return struct.pack("16sHH4s8x8x", link.encode(), socket.AF_INET, 0, socket.inet_aton(address))


def _set_link(control: socket.socket, link: str, up: bool) -> None:
    request = struct.pack("16sH22x", link.encode(), 0)
    (flags,) = struct.unpack_from("H", fcntl.ioctl(control, _SIOCGIFFLAGS, request), 16)
    flags = flags | _IFF_UP if up else flags & ~_IFF_UP
    fcntl.ioctl(control, _SIOCSIFFLAGS, struct.pack("16sH22x", link.encode(), flags))


def go_deaf(connection: socket.socket) -> None:
    """Drop every packet that arrives for this socket: SYNs and data get no answer, as behind a pulled cable.

    The filter is one classic BPF instruction, `ret 0` (socket(7), SO_ATTACH_FILTER).
    """
    program = ctypes.create_string_buffer(struct.pack("HBBI", 0x06, 0, 0, 0), 8)
    connection.setsockopt(socket.SOL_SOCKET, _SO_ATTACH_FILTER, struct.pack("HxxxxxxP", 1, ctypes.addressof(program)))


def hear_again(connection: socket.socket) -> None:
    """Undo `go_deaf`; a socket that was not deaf stays as it is."""
    try:
        connection.setsockopt(socket.SOL_SOCKET, _SO_DETACH_FILTER, 0)
    except FileNotFoundError:
        return


def is_listening(pid: int, address: str, port: int) -> bool:
    """Whether some process listens on `address`:`port` (or on every address) in the network namespace of `pid`."""
    wanted = {_kernel_form(address, port), _kernel_form("0.0.0.0", port)}
    lines = Path(f"/proc/{pid}/net/tcp").read_text(encoding="ascii").splitlines()[1:]
    return any(fields[3] == "0A" and fields[1] in wanted for fields in map(str.split, lines))


def _kernel_form(address: str, port: int) -> str:
    (number,) = struct.unpack("=I", socket.inet_aton(address))
    return f"{number:08X}:{port:04X}"


BEGIN = "# madeus testbed: the hosts of this bed"
END = "# madeus testbed: end"
LOOPBACK = "127.0.0.1 localhost\n::1 localhost ip6-localhost ip6-loopback\n"


def with_host_names(text: str, names: dict[str, str]) -> str:
    """`text` (of /etc/hosts) with the bed's block replaced by `names` (name to address), or added.

    Lines outside of the block are the host's own and stay.
    """
    lines = text.splitlines()
    before, after = lines, list[str]()
    if BEGIN in lines and END in lines[lines.index(BEGIN) :]:
        start = lines.index(BEGIN)
        before, after = lines[:start], lines[lines.index(END, start) + 1 :]
    block = [BEGIN, *(f"{address} {name}" for name, address in names.items()), END]
    return "\n".join([*before, *block, *after]) + "\n"
