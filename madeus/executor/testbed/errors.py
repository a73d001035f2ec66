"""What can go wrong with test hosts.

```
TestbedError                      exit code 1: the world
├── UsageProblem                  exit code 2: what the user asked for, or where they asked it
│   ├── NeedsRoot                 not root, or a container without the capabilities
│   ├── MissingPrerequisite       a tool or a kernel feature; carries the Debian package
│   ├── BadHostName
│   ├── BadRoot                   no such kind of root
│   ├── BadDirectory              the state directory holds something else
│   ├── NoSuchBed
│   ├── NoSuchHost
│   ├── HostIsDown                the host was killed; `start` brings it back
│   ├── HostIsFrozen              the host was frozen; `thaw` lets it go on
│   └── NotInThisMode             a fault that the bed's network mode cannot make
├── HostFailed                    a host could not be built; carries the step and the system's reason
├── KeeperFailed                  the bed's keeper process did not start or went away
└── PackagesFailed                apt or debootstrap said no; carries its last lines
```

Each carries data; the class makes the sentence. All arguments are strings, so that the keeper can send one over its socket.
"""

from typing import ClassVar


class TestbedError(Exception):
    """A problem with test hosts; `exit_code` is what a command line ends with."""

    __test__ = False  # the name begins with Test: pytest must not collect it
    exit_code: ClassVar[int] = 1


class UsageProblem(TestbedError):
    """The request cannot be met as it was made, or not by this user on this machine."""

    exit_code: ClassVar[int] = 2


class NeedsRoot(UsageProblem):
    """Test hosts are made of namespaces and mounts; `lacking` says what the caller has not."""

    def __init__(self, lacking: str) -> None:
        super().__init__(lacking)
        self.lacking = lacking

    def __str__(self) -> str:
        return (
            f"test hosts need root ({self.lacking}): they are made of namespaces and mounts. Run it with sudo; "
            "without root the host `local` still works, and so does any host you reach over SSH."
        )


class MissingPrerequisite(UsageProblem):
    """`what` is missing; the Debian package `package` brings it."""

    def __init__(self, what: str, package: str) -> None:
        super().__init__(what, package)
        self.what = what
        self.package = package

    def __str__(self) -> str:
        return f"{self.what} is missing: apt-get install {self.package}"


class BadHostName(UsageProblem):
    """`name` cannot be a host's name; `reason` says why."""

    def __init__(self, name: str, reason: str) -> None:
        super().__init__(name, reason)
        self.name = name
        self.reason = reason

    def __str__(self) -> str:
        return f"`{self.name}` cannot be a test host's name: {self.reason}"


class BadDirectory(UsageProblem):
    """`directory` cannot be a bed's state directory; `reason` says why."""

    def __init__(self, directory: str, reason: str) -> None:
        super().__init__(directory, reason)
        self.directory = directory
        self.reason = reason

    def __str__(self) -> str:
        return f"{self.directory} cannot hold test hosts: {self.reason}"


class BadRoot(UsageProblem):
    """`text` names no root."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.text = text

    def __str__(self) -> str:
        return (
            f"`{self.text}` is no root for test hosts: say `machine`, a Debian (bullseye, bookworm, trixie), or "
            "`debootstrap:` and a suite; with packages in it: bookworm+mariadb-server"
        )


class NoSuchBed(UsageProblem):
    """No bed is up at `directory`."""

    def __init__(self, directory: str) -> None:
        super().__init__(directory)
        self.directory = directory

    def __str__(self) -> str:
        return f"no test hosts are up at {self.directory}: start some with `madeus testbed up 3`"


class NoSuchHost(UsageProblem):
    """The bed has no host `name`; `known` are those it has, separated by commas."""

    def __init__(self, name: str, known: str) -> None:
        super().__init__(name, known)
        self.name = name
        self.known = known

    def __str__(self) -> str:
        return f"no test host is called `{self.name}`; this bed has {self.known or 'none'}"


class HostIsDown(UsageProblem):
    """The host `name` exists and is not running."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.name = name

    def __str__(self) -> str:
        return f"the test host `{self.name}` is down: `madeus testbed start {self.name}` brings it back with its disk"


class HostIsFrozen(UsageProblem):
    """The host `name` is frozen: nothing can be started in it."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.name = name

    def __str__(self) -> str:
        return f"the test host `{self.name}` is frozen: `madeus testbed thaw {self.name}` lets it go on"


class NotInThisMode(UsageProblem):
    """`what` is impossible in the network mode `mode`."""

    def __init__(self, what: str, mode: str) -> None:
        super().__init__(what, mode)
        self.what = what
        self.mode = mode

    def __str__(self) -> str:
        return f"{self.what} is not possible in mode {self.mode}"


class HostFailed(TestbedError):
    """The host `name` could not be built: `step` failed with `reason`."""

    def __init__(self, name: str, step: str, reason: str) -> None:
        super().__init__(name, step, reason)
        self.name = name
        self.step = step
        self.reason = reason

    def __str__(self) -> str:
        return f"the test host `{self.name}` could not be started: {self.step}: {self.reason}"


class KeeperFailed(TestbedError):
    """The keeper of the bed at `directory` is not answering; `detail` are its last words."""

    def __init__(self, directory: str, detail: str) -> None:
        super().__init__(directory, detail)
        self.directory = directory
        self.detail = detail

    def __str__(self) -> str:
        return f"the keeper of the test hosts at {self.directory} failed: {self.detail}"


class PackagesFailed(TestbedError):
    """`command` could not fetch `what`; `detail` are its last lines."""

    def __init__(self, what: str, command: str, detail: str) -> None:
        super().__init__(what, command, detail)
        self.what = what
        self.command = command
        self.detail = detail

    def __str__(self) -> str:
        return f"could not fetch {self.what}: {self.command} said:\n{self.detail}"


SENT_BY_NAME: dict[str, type[TestbedError]] = {
    kind.__name__: kind
    for kind in (
        NoSuchHost,
        HostIsDown,
        HostIsFrozen,
        NotInThisMode,
        MissingPrerequisite,
        HostFailed,
        KeeperFailed,
        BadDirectory,
    )
}
"""The errors that a keeper sends to its callers, by class name."""
