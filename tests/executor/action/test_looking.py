"""Actions as probes: they look and change nothing."""

from __future__ import annotations

import os
import socket
import stat
from pathlib import Path
from typing import ClassVar

import pytest
from typing_extensions import override

from madeus.executor.action.base import ActionKind, ActionResult, Call, Context, Description
from madeus.executor.action.prepare import prepare
from madeus.executor.action.registry import Registry
from madeus.executor.drift.ask import NoProbe, check_probe
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


class Changing(ActionKind):
    """An action of a package that nobody has said how to look with."""

    description: ClassVar[Description] = Description(name="change", summary="change something")

    @override
    def plan(self, call: Call, context: Context) -> str:
        return "change"

    @override
    async def perform(self, call: Call, context: Context, attempt: int) -> ActionResult:
        return ActionResult(changed=True)


def test_an_action_of_a_package_looks_only_when_it_says_how() -> None:
    registry = Registry.installed()
    registry.add(Changing())
    with pytest.raises(NoProbe, match="change: it changes things and cannot be a probe"):
        check_probe(action("change"), registry)


def test_files_are_compared_and_not_copied(tmp_path: Path) -> None:
    (tmp_path / "site" / "sub").mkdir(parents=True)
    (tmp_path / "site" / "index.html").write_text("hello")
    (tmp_path / "site" / "sub" / "page.html").write_text("page")
    target = tmp_path / "www"
    what = action("copy", "site", to=str(target))
    with pytest.raises(ActionFailed) as error:
        do(looks(what), tmp_path, looking=True)
    assert error.value.reason == f"{target} is not there, and 3 more"
    assert not target.exists()
    do(what, tmp_path)
    do(looks(what), tmp_path, looking=True)
    (target / "index.html").write_text("changed")
    (target / "sub" / "page.html").chmod(0o600)
    with pytest.raises(ActionFailed) as error:
        do(looks(what), tmp_path, looking=True)
    assert error.value.stdout.decode().splitlines() == [
        f"{target}/index.html has another content",
        f"{target}/sub/page.html has mode 0600, not 0644",
    ]
    assert (target / "index.html").read_text() == "changed"
    (target / "index.html").unlink()
    (target / "index.html").mkdir()
    with pytest.raises(ActionFailed, match=r"index\.html is no file"):
        do(looks(what), tmp_path, looking=True)


def test_a_template_is_compared_and_not_written(tmp_path: Path) -> None:
    (tmp_path / "my.cnf.j2").write_text("port = {{ port }}\n")
    target = tmp_path / "my.cnf"
    what = action("template", "my.cnf.j2", to=str(target), owner="nobody")
    with pytest.raises(ActionFailed, match=r"my\.cnf is not there"):
        do(looks(what), tmp_path, {"port": 3306}, looking=True)
    target.write_text("port = 3306\n")
    target.chmod(0o640)
    with pytest.raises(ActionFailed, match=r"has owner .*, not nobody"):
        do(looks(what), tmp_path, {"port": 3306}, looking=True)
    bare = action("template", "my.cnf.j2", to=str(target))
    do(looks(bare), tmp_path, {"port": 3306}, looking=True)
    with pytest.raises(ActionFailed, match=r"my\.cnf has another content"):
        do(looks(bare), tmp_path, {"port": 3307}, looking=True)


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
    assert expects(action("copy", "a", to="/b")) == "what it copies"
    assert expects(action("template", "a", to="/b")) == "what it renders"
