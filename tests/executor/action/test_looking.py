"""Actions as probes: they look and change nothing."""

from __future__ import annotations

import os
import socket
import stat
from pathlib import Path

import pytest

from madeus.executor.action.registry import Registry
from madeus.executor.errors import ActionFailed
from madeus.model import Action
from tests.executor.action.world import action, do

REGISTRY = Registry.installed()


def looks(what: Action) -> Action:
    found = REGISTRY.get(what.kind).looking(what)
    assert found is not None
    return found


def programs(directory: Path, **scripts: str) -> str:
    """A PATH with small programs before the usual ones."""
    directory.mkdir(exist_ok=True)
    for name, text in scripts.items():
        file = directory / name.replace("_", "-")
        file.write_text(f"#!/bin/sh\n{text}\n", encoding="utf-8")
        file.chmod(file.stat().st_mode | stat.S_IXUSR)
    return f"{directory}:{os.environ['PATH']}"


def test_kinds_that_change_things_do_not_look() -> None:
    for what in (action("copy", "a", to="/b"), action("template", "a", to="/b")):
        assert REGISTRY.get(what.kind).looking(what) is None


def test_commands_look_as_they_are_written() -> None:
    for what in (action("run", "true", user="www"), action("script", "look.sh"), action("python", "m:f")):
        assert looks(what) == what


def test_a_port_is_tried_once(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        do(looks(action("wait_tcp", port=port)), tmp_path)
    with pytest.raises(ActionFailed, match=rf"127\.0\.0\.1:{port} did not answer: ") as error:
        do(looks(action("wait_tcp", port=port)), tmp_path)
    assert "within" not in error.value.reason


def test_a_package_is_asked_for_and_not_installed(tmp_path: Path) -> None:
    path = programs(
        tmp_path / "bin",
        dpkg_query='for name; do :; done; case $name in nginx) echo "installed 1.22" ;; *) exit 1 ;; esac',
        apt_get=f"echo called > {tmp_path}/apt",
    )
    own = {"environment": (("PATH", path),)}
    do(looks(action("package", "nginx", **own)), tmp_path)
    do(looks(action("package", "nginx=1.22", present=True, **own)), tmp_path)
    do(looks(action("package", "apache2", absent=True, **own)), tmp_path)
    with pytest.raises(ActionFailed) as error:
        do(looks(action("package", ("nginx", "${other}"), latest=True, **own)), tmp_path, {"other": "apache2"})
    assert error.value.stderr == b"apache2 is not installed\n"
    with pytest.raises(ActionFailed) as error:
        do(looks(action("package", "nginx=1.24", **own)), tmp_path)
    assert error.value.stderr == b"nginx is 1.22, not 1.24\n"
    with pytest.raises(ActionFailed) as error:
        do(looks(action("package", "nginx", absent=True, **own)), tmp_path)
    assert error.value.stderr == b"nginx 1.22 is installed\n"
    assert not (tmp_path / "apt").exists()


@pytest.mark.skipif(Path("/run/systemd/system").is_dir(), reason="the host has systemd")
def test_a_service_is_asked_for_and_not_started(tmp_path: Path) -> None:
    control = f'echo "$2" >> {tmp_path}/called; [ -e {tmp_path}/up ]'
    own = {"environment": (("PATH", programs(tmp_path / "bin", service=control)),)}
    name = next(p.name for p in sorted(Path("/etc/init.d").iterdir()) if os.access(p, os.X_OK))
    started = looks(action("service", name, started=True, timeout=5, **own))
    with pytest.raises(ActionFailed) as error:
        do(started, tmp_path)
    assert (error.value.status, error.value.stderr.decode()) == (3, f"{name} is not running\n")
    do(looks(action("service", name, stopped=True, **own)), tmp_path)
    (tmp_path / "up").touch()
    do(started, tmp_path)
    do(looks(action("service", "${it}", started=True, **own)), tmp_path, {"it": f"{name}.service"})
    with pytest.raises(ActionFailed):
        do(looks(action("service", name, stopped=True, **own)), tmp_path)
    assert set((tmp_path / "called").read_text().split()) == {"status"}
    with pytest.raises(ActionFailed) as error:
        do(looks(action("service", "no-such-service", started=True, **own)), tmp_path)
    assert b"there is no service no-such-service" in error.value.stderr


def test_what_a_probe_expects_is_said_in_words(tmp_path: Path) -> None:
    from madeus.executor.action.prepare import prepare

    def expects(what: Action) -> str:
        kind = REGISTRY.get(what.kind)
        return kind.expects(prepare(kind, what, {}))

    assert expects(action("run", "x")) == "exit code 0"
    assert expects(action("run", "x", expect=(0, 3))) == "exit code 0 or 3"
    assert expects(action("wait_tcp", port=80)) == "an answer on 127.0.0.1:80"
    assert expects(action("wait_http", "http://x/", contains="well")) == "status 200 and a page with `well`"
    assert expects(action("service", "nginx", started=True, enabled=True)) == "running and enabled"
    assert expects(action("package", "nginx", absent=True)) == "not installed"
    assert expects(action("python", "m:f")) == "success"
