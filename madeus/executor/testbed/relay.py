"""The way into the hosts of a bed in mode relay: a listening socket for each, one `sshd -i` for each connection.

The accepted socket itself is handed to the sshd that is started inside the host: no byte is copied on the way. The relay keeps
a duplicate, which is what lets it cut the connection as a pulled cable would: silently, in both directions.
"""

import os
import signal
import socket
from contextlib import suppress

from madeus.executor.testbed import host, network, sshd
from madeus.executor.testbed.host import Inside

ARGUMENTS = (sshd.SSHD, "-i", "-E", f"/{sshd.LOG}")


class Gate:
    """The relay's socket for one host, and the connections through it."""

    def __init__(self, address: str, port: int) -> None:
        """Listen at `address`:`port`. Raises OSError."""
        self.listener = socket.create_server((address, port), backlog=1024)
        self.listener.setblocking(False)
        self.cut = False
        self._connections: dict[int, socket.socket] = {}

    def admit(self, inside: Inside) -> None:
        """Take one waiting connection and start its sshd in the host."""
        try:
            connection, _ = self.listener.accept()
        except OSError:  # the client gave up before
            return
        # Keystrokes and small packets must not wait for each other; a listening sshd sets this too.
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connection.setblocking(True)
        null = os.open(os.devnull, os.O_RDWR)
        try:
            streams = (connection.fileno(), connection.fileno(), null)
            pid = inside.spawn(ARGUMENTS, {"PATH": host.PATH}, streams)
        except OSError:
            connection.close()
            return
        finally:
            os.close(null)
        self._connections[pid] = connection

    def ended(self, pid: int) -> bool:
        """Note that the process `pid` ended; whether it served a connection of this gate.

        Behind a cut cable the client must not hear of the end: the socket stays open and deaf until the cable heals.
        """
        if pid not in self._connections:
            return False
        if self.cut:
            self._connections[-pid] = self._connections.pop(pid)
        else:
            self._connections.pop(pid).close()
        return True

    def partition(self) -> None:
        """Cut: what arrives is dropped, and the sshds that would send are stopped (the commands they run go on)."""
        self.cut = True
        for connection in (self.listener, *self._connections.values()):
            network.go_deaf(connection)
        self.hush()

    def hush(self) -> None:
        """Stop the sshds of the connections."""
        self._signal(signal.SIGSTOP)

    def heal(self) -> None:
        """Undo `partition`; connections whose sshd ended meanwhile are closed now."""
        self.cut = False
        for connection in (self.listener, *self._connections.values()):
            network.hear_again(connection)
        for pid in [pid for pid in self._connections if pid < 0]:
            self._connections.pop(pid).close()
        self._signal(signal.SIGCONT)

    def _signal(self, number: int) -> None:
        for served in [pid for pid in self._connections if pid > 0]:
            for pid in host.session_daemons(served):
                with suppress(ProcessLookupError):
                    os.kill(pid, number)

    def close(self) -> None:
        """Stop listening and drop every connection."""
        self.listener.close()
        for connection in self._connections.values():
            connection.close()
        self._connections.clear()
