"""The built-in actions, on this machine."""

from __future__ import annotations

import http.server
import os
import shutil
import socket
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from madeus.executor.action import Context, Masked, Registry, prepare
from madeus.executor.errors import ActionFailed, InvalidAction, LocalFileError, PythonActionFailed, TemplateError
from madeus.executor.transport.fake import FakeWorld
from madeus.model.action import Action
from madeus.model.value import Duration
from tests.executor.action.world import LOCAL, action, do


def test_run_captures_its_output_whole_or_line_by_line(tmp_path: Path) -> None:
    assert do(action("run", "echo '  a b '; echo", outputs=("x",)), tmp_path).outputs == {"x": "a b"}
    assert do(action("run", "echo a; echo b", outputs=("x", "y")), tmp_path).outputs == {"x": "a", "y": "b"}
    with pytest.raises(ActionFailed, match="printed 1 line where `-> x, y` takes 2"):
        do(action("run", "echo a", outputs=("x", "y")), tmp_path)
    with pytest.raises(ActionFailed, match="is not UTF-8 text"):
        do(action("run", "printf '\\377'", outputs=("x",)), tmp_path)
    with pytest.raises(ActionFailed, match="its output of 2000000 bytes is too long"):
        do(action("run", "head -c 2000000 /dev/zero", outputs=("x",)), tmp_path)


def test_run_takes_stdin_environment_directory_and_expected_codes(tmp_path: Path) -> None:
    (tmp_path / "d").mkdir()
    what = action(
        "run",
        "cat; echo $A; pwd; exit 4",
        stdin="in ${v}\n",
        environment=(("A", "1 2"),),
        directory=str(tmp_path / "d"),
        expect=(0, 4),
    )
    result = do(what, tmp_path, {"v": 7})
    assert result.stdout.decode() == f"in 7\n1 2\n{tmp_path}/d\n" and result.exit_code == 4
    assert do(action("run", "pwd"), tmp_path).stdout.decode().strip() == str(tmp_path)
    with pytest.raises(ActionFailed, match="exit code 127, command not found"):
        do(action("run", "no-such-command-anywhere"), tmp_path)
    with pytest.raises(ActionFailed, match="ended by SIGTERM"):
        do(action("run", "kill $$"), tmp_path)
    with pytest.raises(ActionFailed, match=r"cannot enter the directory /none such$"):
        do(action("run", "true", directory="/none such"), tmp_path)
    with pytest.raises(ActionFailed, match="exit code 126, found but not executable"):
        do(action("run", "/etc/passwd"), tmp_path)


@pytest.mark.parametrize(
    ("seconds", "text"), [(30, "30"), (0.25, "0.25"), (20 * 86400, "1728000"), (1234567.5, "1234567.5")]
)
def test_a_duration_reaches_a_command_as_seconds_in_plain_digits(tmp_path: Path, seconds: float, text: str) -> None:
    assert do(action("run", "echo ${keep}", outputs=("x",)), tmp_path, {"keep": Duration(seconds)}).outputs == {
        "x": text
    }


def test_run_with_another_shell(tmp_path: Path) -> None:
    bash = shutil.which("bash")
    assert bash is not None
    result = do(action("run", "a=(1 2); echo ${#a[@]}; cat".replace("${", "$${"), shell=bash, stdin="in"), tmp_path)
    assert result.stdout == b"2\nin"
    with pytest.raises(ActionFailed, match="exit code 9"):
        do(action("run", "exit 9", shell=bash), tmp_path)


def test_script_is_run_by_what_its_first_line_says_and_deleted(tmp_path: Path) -> None:
    (tmp_path / "s.py").write_text(
        "#!/usr/bin/env python3\nimport sys\nprint(sys.argv[1:], sys.stdin.read(), __file__)\n"
    )
    result = do(action("script", "s.py", "a b", "${n}", stdin="in"), tmp_path, {"n": 5})
    said = result.stdout.decode().split()
    assert said[:4] == ["['a", "b',", "'5']", "in"] and not Path(said[4]).exists()
    (tmp_path / "plain").write_bytes(b"echo \xff; exit 3")
    with pytest.raises(ActionFailed) as caught:
        do(action("script", "plain"), tmp_path)
    assert caught.value.status == 3 and caught.value.stdout == b"\xff\n"


def test_a_local_file_that_is_missing_is_named_with_its_neighbour(tmp_path: Path) -> None:
    (tmp_path / "bootstrap.sh").touch()
    for kind in ("script", "copy", "template"):
        options = {} if kind == "script" else {"to": "/tmp/never"}
        with pytest.raises(LocalFileError) as caught:
            do(action(kind, "bootsrap.sh", **options), tmp_path)
        assert str(caught.value) == f"{tmp_path}/bootsrap.sh: No such file or directory"
        assert caught.value.help == "did you mean `bootstrap.sh`?"


def test_copy_brings_a_file_once_and_its_mode(tmp_path: Path) -> None:
    (tmp_path / "f").write_bytes(b"\0\xff")
    target = tmp_path / "out" / "g"
    target.parent.mkdir()
    what = action("copy", "f", to=str(target), mode=0o640)
    assert do(what, tmp_path).changed is True
    assert target.read_bytes() == b"\0\xff" and target.stat().st_mode & 0o7777 == 0o640
    assert do(what, tmp_path).changed is False
    target.chmod(0o600)
    assert do(what, tmp_path).changed is True
    assert target.stat().st_mode & 0o7777 == 0o640
    assert do(action("copy", "f", to=f"{target.parent}/"), tmp_path).changed is True
    assert (target.parent / "f").read_bytes() == b"\0\xff"
    assert do(action("copy", "f", to=str(tmp_path / "no" / "such" / "f")), tmp_path).changed is True
    with pytest.raises(ActionFailed, match="is a directory"):
        do(action("copy", "f", to=str(target.parent)), tmp_path)


def test_copy_follows_links_and_leaves_no_temporary_file(tmp_path: Path) -> None:
    (tmp_path / "f").write_text("new")
    (tmp_path / "real").write_text("old")
    (tmp_path / "link").symlink_to(tmp_path / "real")
    do(action("copy", "f", to=str(tmp_path / "link")), tmp_path)
    assert (tmp_path / "link").is_symlink() and (tmp_path / "real").read_text() == "new"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["f", "link", "real"]


def test_copy_brings_a_tree_and_only_what_differs(tmp_path: Path) -> None:
    source = tmp_path / "site"
    (source / "sub" / "empty").mkdir(parents=True)
    for name in ("a", "sub/b c", "sub/run.sh"):
        (source / name).write_text(name)
    (source / "sub/run.sh").chmod(0o755)
    target = tmp_path / "www"
    what = action("copy", "site", to=f"{target}/")
    assert do(what, tmp_path).changed is True
    assert (target / "sub" / "b c").read_text() == "sub/b c" and (target / "sub" / "empty").is_dir()
    assert (target / "sub" / "run.sh").stat().st_mode & 0o777 == 0o755 and (
        target / "a"
    ).stat().st_mode & 0o777 == 0o644
    assert do(what, tmp_path).changed is False
    (source / "a").write_text("other")
    assert do(what, tmp_path).changed is True
    assert (target / "a").read_text() == "other"


@pytest.mark.skipif(os.getuid() != 0, reason="gives a file away")
def test_copy_gives_the_owner_that_is_asked_for(tmp_path: Path) -> None:
    (tmp_path / "f").write_text("x")
    what = action("copy", "f", to=str(tmp_path / "g"), owner="nobody", group="nogroup")
    assert do(what, tmp_path).changed is True and do(what, tmp_path).changed is False
    assert (tmp_path / "g").owner() == "nobody"


def test_template_renders_what_is_in_scope(tmp_path: Path) -> None:
    (tmp_path / "t.j2").write_text(
        "{{ version }} {{ host.rack }} {{ pw }} {% for w in list %}[{{ w }}]{% endfor %} {{ extra }}\n"
    )
    scope = {"version": "10", "host.rack": "r1", "pw": Masked("s3"), "list": ("a", "b")}
    what = action("template", "t.j2", to=str(tmp_path / "t"), with_=(("extra", "${version}!"),))
    assert do(what, tmp_path, scope).changed is True
    assert (tmp_path / "t").read_text() == "10 r1 s3 [a][b] 10!\n"
    assert do(what, tmp_path, scope).changed is False


@pytest.mark.parametrize(
    ("text", "line", "message"),
    [
        ("a\n{{ versoin }}\n", 2, "'versoin' is undefined"),
        ("a\nb\n{% if %}\n", 3, "Expected an expression"),
        ("{{ 1 / 0 }}", 1, "ZeroDivisionError: division by zero"),
        ("a\n{% include 'gone' %}", 2, "includes `gone`, which does not exist"),
        ("{% include 'inner.j2' %}", 2, "'nothing' is undefined"),
    ],
)
def test_an_error_in_a_template_is_told_with_its_line(tmp_path: Path, text: str, line: int, message: str) -> None:
    (tmp_path / "t.j2").write_text(text)
    (tmp_path / "inner.j2").write_text("\n{{ nothing }}")
    with pytest.raises(TemplateError) as caught:
        do(action("template", "t.j2", to=str(tmp_path / "t")), tmp_path, {"version": 1})
    assert caught.value.line == line and message in str(caught.value)
    assert caught.value.path == tmp_path / ("inner.j2" if "inner" in text else "t.j2")


def test_wait_tcp_waits_until_the_port_answers(tmp_path: Path) -> None:
    with socket.socket() as later:
        later.bind(("127.0.0.1", 0))
        port = later.getsockname()[1]
        timer = threading.Timer(0.5, later.listen)
        timer.start()
        assert do(action("wait_tcp", port=port, within=Duration(20)), tmp_path).exit_code == 0
        timer.join()
    with pytest.raises(ActionFailed, match=rf"127.0.0.1:{port} did not answer within 1s: .*refused"):
        do(action("wait_tcp", port=port, within=Duration(1)), tmp_path)


@pytest.mark.parametrize("tool", ["python3", "bash", ""])
def test_wait_tcp_uses_what_the_host_has(tmp_path: Path, tool: str) -> None:
    few = tmp_path / "bin"
    few.mkdir()
    for name in ("date", "sleep", "timeout", tool):
        if name:
            (few / name).symlink_to(program(name))
    path = (("PATH", str(few)),)
    with socket.socket() as open_port:
        open_port.bind(("127.0.0.1", 0))
        open_port.listen()
        what = action("wait_tcp", port=open_port.getsockname()[1], within=Duration(1), environment=path)
        if tool:
            assert do(what, tmp_path).exit_code == 0
        else:
            with pytest.raises(ActionFailed, match="it cannot be asked: python3, bash or nc is needed on the host"):
                do(what, tmp_path)


class Page(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        status = {"/health": 200, "/moved": 302, "/broken": 500}.get(self.path, 404)
        self.send_response(status)
        if status == 302:
            self.send_header("Location", "/health")
        self.end_headers()
        self.wfile.write(b"all is well")

    def log_message(self, format: str, *args: object) -> None:
        """Quiet."""


@pytest.fixture
def site() -> Iterator[str]:
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Page) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()
        thread.join()


@pytest.mark.parametrize("who", ["curl", "python3", "wget", "controller"])
def test_wait_http_judges_status_and_text_whoever_asks(tmp_path: Path, site: str, who: str) -> None:
    options = {"within": Duration(0), "from_": "controller"}
    if who != "controller":
        few = tmp_path / "bin"
        few.mkdir()
        for name in ("date", "sleep", "mktemp", "rm", "grep", "tail", "sed", "tr", who):
            (few / name).symlink_to(program(name))
        options = {"within": Duration(0), "environment": (("PATH", str(few)),)}
    do(action("wait_http", f"{site}/health", contains="is well", **options), tmp_path)
    do(action("wait_http", f"{site}/moved", status=302, **options), tmp_path)
    do(action("wait_http", f"{site}/broken", status=500, **options), tmp_path)
    with pytest.raises(ActionFailed, match="did not answer with status 200: status 404"):
        do(action("wait_http", f"{site}/nothing", **options), tmp_path)
    with pytest.raises(ActionFailed, match="the page does not hold the text"):
        do(action("wait_http", f"{site}/health", contains="is ill", **options), tmp_path)
    with pytest.raises(ActionFailed, match=r"(?i)refused|connect"):
        do(action("wait_http", "http://127.0.0.1:1/", **options), tmp_path)


def program(name: str) -> str:
    """The program itself, not a script in front of it."""
    found = sys.executable if name == "python3" else shutil.which(name)
    if found is None:
        pytest.skip(f"no {name} here")
    return os.path.realpath(found)


TOOLS = """
import asyncio
import sys
import threading

def say(context, what):
    print("said", what)
    print("warned", file=sys.stderr)

async def say_soon(context, what):
    await asyncio.sleep(0)
    say(context, what)

def say_and_fail(context):
    print("before")
    raise KeyError

def hang(context):
    threading.Event().wait(30)

def leave(context):
    raise SystemExit(3)

def alone():
    return 1

def add(context, one, two):
    return int(one) + int(two), threading.current_thread() is threading.main_thread()

async def remote(context):
    from madeus.executor.transport.base import Job
    outcome = await context.transport.perform(Job("user-job", "echo far"))
    return {"said": outcome.stdout.decode().strip(), "more": [1, 2.5, {"k": context.values["name"]}]}

def fail(context):
    inner()

def inner():
    raise KeyError("nothing there")

def odd(context):
    return object()
"""


@pytest.fixture
def tools(tmp_path: Path) -> str:
    name = f"tools_{tmp_path.name}"
    (tmp_path / f"{name}.py").write_text(TOOLS)
    return name


def test_python_calls_functions_in_a_thread_and_coroutines_here(tmp_path: Path, tools: str) -> None:
    result = do(action("python", f"{tools}:add", "1", 2, outputs=("sum", "main")), tmp_path)
    assert result.outputs == {"sum": 3, "main": False}
    result = do(action("python", f"{tools}:remote", outputs=("said", "more")), tmp_path, {"name": Masked("n")})
    assert result.outputs == {"said": "far", "more": (1, 2.5, (("k", "n"),))}


def test_what_python_prints_is_the_output_of_its_action_alone(
    tmp_path: Path, tools: str, capsys: pytest.CaptureFixture[str]
) -> None:
    before = (sys.stdout, sys.stderr)
    for name in ("say", "say_soon"):
        result = do(action("python", f"{tools}:{name}", "${pw}"), tmp_path, {"pw": Masked("hunter2")})
        assert (result.stdout, result.stderr) == (b"said ***\n", b"warned\n")
    with pytest.raises(PythonActionFailed) as caught:
        do(action("python", f"{tools}:say_and_fail"), tmp_path)
    assert caught.value.stdout == b"before\n" and b"KeyError" in caught.value.stderr
    assert (sys.stdout, sys.stderr) == before
    assert capsys.readouterr() == ("", "")


def test_a_python_function_that_does_not_end_holds_up_nothing_after_its_timeout(tmp_path: Path, tools: str) -> None:
    with pytest.raises(ActionFailed, match="did not end within its timeout of 200ms"):
        do(action("python", f"{tools}:hang", timeout=Duration(0.2)), tmp_path)
    left = [thread for thread in threading.enumerate() if thread.name == "madeus-python-action"]
    assert left and all(thread.daemon for thread in left)


def test_python_shows_the_users_own_frames(tmp_path: Path, tools: str) -> None:
    with pytest.raises(PythonActionFailed) as caught:
        do(action("python", f"{tools}:fail"), tmp_path)
    assert str(caught.value) == f"python \"{tools}:fail\" on local failed: KeyError: 'nothing there'"
    lines = caught.value.trace.splitlines()
    assert [line.split(", in ")[1] for line in lines if line.startswith("  File")] == ["fail", "inner"]
    assert caught.value.stderr.decode() == caught.value.trace


def test_python_says_what_it_cannot_call_or_take(tmp_path: Path, tools: str) -> None:
    (tmp_path / "broken_module_here.py").write_text("1 / 0")
    for target, message in (
        ("no_such_module_here:f", "no module `no_such_module_here`"),
        (f"{tools}:nothing", "has no `nothing`"),
        (f"{tools}:TOOLS", "has no `TOOLS`"),
        (f"{tools}:__name__", "cannot be called"),
        (f"{tools}:alone", "`" + tools + ":alone` does not take what it gets: too many positional arguments"),
        ("broken_module_here:f", "does not import: ZeroDivisionError"),
    ):
        with pytest.raises(InvalidAction, match=message):
            do(action("python", target), tmp_path)
    with pytest.raises(PythonActionFailed, match="failed: SystemExit: 3"):
        do(action("python", f"{tools}:leave"), tmp_path)
    with pytest.raises(ActionFailed, match="returned object for `x`"):
        do(action("python", f"{tools}:odd", outputs=("x",)), tmp_path)
    with pytest.raises(ActionFailed, match="must return 2 values: x, y"):
        do(action("python", f"{tools}:odd", outputs=("x", "y")), tmp_path)


INIT = """#!/bin/sh
state={folder}/state
echo "$1" >>{folder}/calls
case $1 in
  start | restart | reload) touch "$state" ;;
  stop) rm -f "$state" ;;
  status) [ -e "$state" ] ;;
esac
"""


@pytest.fixture
def init_host(tmp_path: Path) -> Iterator[tuple[str, tuple[tuple[str, str], ...], Path]]:
    """A PATH whose `service` runs one scripted service, for a machine without systemd."""
    if Path("/run/systemd/system").is_dir() or not os.access("/etc/init.d", os.W_OK):
        pytest.skip("needs a machine without systemd, and root")
    name = f"madeus-test-{os.getpid()}"
    script = Path("/etc/init.d") / name
    script.write_text(INIT.format(folder=tmp_path))
    script.chmod(0o755)
    yield name, (), tmp_path / "calls"
    script.unlink()


def test_service_changes_only_what_must_change(tmp_path: Path, init_host: tuple[str, object, Path]) -> None:
    name, _, calls = init_host
    steps = [
        ("started", True),
        ("started", False),
        ("restarted", True),
        ("reloaded", True),
        ("stopped", True),
        ("stopped", False),
    ]
    for state, changed in steps:
        assert do(action("service", name, **{state: True}), tmp_path).changed is changed, state
    done = [line for line in calls.read_text().split() if line != "status"]
    assert done == ["start", "restart", "reload", "stop"]
    with pytest.raises(ActionFailed) as caught:
        do(action("service", "no-such-service-here", started=True), tmp_path)
    assert b"there is no service no-such-service-here" in caught.value.stderr


APT = """#!/bin/sh
echo "$DEBIAN_FRONTEND $*" >>{folder}/calls
for last; do :; done
case "$*" in
  *" install "*) touch {folder}/$last ;;
  *" remove "*) rm -f {folder}/$last ;;
esac
"""
DPKG = """#!/bin/sh
for last; do :; done
[ -e {folder}/$last ] && echo "installed 1.0"
"""


def test_package_changes_only_what_must_change(tmp_path: Path) -> None:
    tools = tmp_path / "bin"
    tools.mkdir()
    for name, text in (("apt-get", APT), ("dpkg-query", DPKG)):
        (tools / name).write_text(text.format(folder=tmp_path))
        (tools / name).chmod(0o755)
    path = (("PATH", f"{tools}:{os.environ['PATH']}"),)
    for options, changed in (
        ({}, True),
        ({"present": True}, False),
        ({"latest": True}, False),
        ({"absent": True}, True),
        ({"absent": True}, False),
    ):
        assert do(action("package", "nginx", environment=path, **options), tmp_path).changed is changed
    calls = (tmp_path / "calls").read_text().splitlines()
    assert len(calls) == 3 and all("noninteractive -q -y -o DPkg::Lock::Timeout=600" in call for call in calls)
    assert [call.split()[-2] for call in calls] == ["install", "install", "remove"]
    assert do(action("package", "nginx=2.0", environment=path), tmp_path).changed is True


@pytest.mark.parametrize(
    ("what", "line"),
    [
        (action("run", "echo ${pw}"), "run echo ***"),
        (action("script", "s", "a b"), "script {base}/s 'a b'"),
        (action("copy", "d", to="/x"), "copy {base}/d (1 file) to /x"),
        (action("copy", "s", to="/x"), "copy {base}/s to /x"),
        (action("template", "s", to="/x"), "template {base}/s to /x"),
        (action("service", "a", started=True, enabled=False), "service a started disabled"),
        (action("package", "a", "b", absent=True), "package a b absent"),
        (action("wait_tcp", port=1, within=Duration(90)), "wait for 127.0.0.1:1 within 90s"),
        (action("wait_http", "http://x/"), "wait for http://x/ with status 200 within 30s"),
        (action("python", "m:f", "${pw}"), "python m:f ***"),
    ],
)
def test_a_dry_run_says_what_would_be_done_without_secrets(tmp_path: Path, what: Action, line: str) -> None:
    (tmp_path / "s").touch()
    (tmp_path / "d").mkdir()
    (tmp_path / "d" / "f").touch()
    scope = {"pw": Masked("s3cret")}
    kind = Registry.installed().get(what.kind)
    context = Context(LOCAL, FakeWorld().transport("local", "r"), scope, tmp_path, ("c", "t"))
    assert kind.plan(prepare(kind, what, scope), context) == line.format(base=tmp_path)
