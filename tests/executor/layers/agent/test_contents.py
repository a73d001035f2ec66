"""What layers hold: listings, merges, what would be masked, and what becomes of it; every kind of file kept."""

from __future__ import annotations

import os
import socket
import stat
from pathlib import Path
from typing import Any

import pytest

from tests.executor.layers.agent.conftest import Machine, Refused, fill

pytestmark = pytest.mark.hosts


def every_kind(data: Path) -> None:
    """One of each: what a copy can lose."""
    (data / "dir").mkdir(mode=0o751)
    (data / "dir/file").write_bytes(b"x" * 10)
    (data / "dir/file").chmod(0o4755)
    os.chown(data / "dir/file", 12, 34)
    (data / "dir/file").chmod(0o4755)
    (data / "dir/name").hardlink_to(data / "dir/file")
    (data / "link").symlink_to("dir/file")
    os.chown(data / "link", 5, 6, follow_symlinks=False)
    os.mkfifo(data / "fifo", 0o620)
    os.mknod(data / "null", stat.S_IFCHR | 0o666, os.makedev(1, 3))
    os.mknod(data / "disk", stat.S_IFBLK | 0o600, os.makedev(7, 200))
    os.mknod(data / "gone", stat.S_IFCHR, os.makedev(0, 0))
    server = socket.socket(socket.AF_UNIX)
    here = os.open(data, os.O_PATH)
    server.bind(f"/proc/self/fd/{here}/socket")
    server.close()
    os.close(here)
    with (data / "holes").open("wb") as file:
        file.seek(1 << 20)
        file.write(b"end")
    os.setxattr(data / "dir/file", "user.note", b"\xff\x00binary\n")
    os.setxattr(data / "dir/file", "trusted.note", b"t")
    os.setxattr(data / "dir", "trusted.overlay.opaque", b"y")
    (data / "é\udcff".encode("utf-8", "surrogateescape").decode("utf-8", "surrogateescape")).write_text("odd name")
    os.utime(data / "dir/file", ns=(10**9, 1_234_567_890_123_456_789))
    os.utime(data / "link", ns=(10**9, 1_134_567_890_000_000_001), follow_symlinks=False)
    os.utime(data / "dir", ns=(10**9, 1_034_567_890_000_000_002))


def described(data: Path) -> dict[str, Any]:
    found: dict[str, Any] = {}
    inodes: dict[int, str] = {}
    for path in sorted(data.rglob("*")):
        facts = path.lstat()
        name = str(path.relative_to(data))
        attributes = {
            each: os.getxattr(path, each, follow_symlinks=False) for each in os.listxattr(path, follow_symlinks=False)
        }
        regular = stat.S_ISREG(facts.st_mode)
        found[name] = (
            facts.st_mode,
            facts.st_uid,
            facts.st_gid,
            facts.st_rdev,
            facts.st_mtime_ns,
            attributes,
            path.read_bytes() if regular else str(path.readlink()) if path.is_symlink() else None,
            facts.st_blocks < 64 if name == "holes" else None,
            inodes.setdefault(facts.st_ino, name) if not path.is_dir() else None,
        )
    return found


def test_a_tar_and_back_keeps_everything(machine: Machine, tmp_path: Path) -> None:
    machine.ask("create", {"layer": "a"})
    every_kind(machine.path("a"))
    before = described(machine.path("a"))
    pulled = machine.ask("pull", {"layer": "a", "to": str(tmp_path / "a.tar")})
    assert pulled["bytes"] == (tmp_path / "a.tar").stat().st_size
    request = {"layer": "b", "from": str(tmp_path / "a.tar"), "sha256": pulled["sha256"]}
    assert machine.ask("push", request)["made"] is True
    assert described(machine.path("b")) == before
    assert machine.ask("push", request)["made"] is False
    assert machine.ask("layers")["layers"]["b"]["frozen"] is True


def test_two_hosts_that_are_given_the_same_layer_give_the_same_tar(machine: Machine, tmp_path: Path) -> None:
    machine.layer("a", {"etc/b": "1", "etc/a": "2", "gone": None})
    first = machine.ask("pull", {"layer": "a", "to": str(tmp_path / "a.tar")})
    machine.ask("push", {"layer": "b", "from": str(tmp_path / "a.tar")})
    assert machine.ask("pull", {"layer": "b", "to": str(tmp_path / "b.tar")})["sha256"] == first["sha256"]


def test_a_layer_that_a_host_has_made_may_be_brought_to_it_again(machine: Machine, tmp_path: Path) -> None:
    for layer, text in (("a", "1"), ("b", "1"), ("c", "2")):
        machine.ask("create", {"layer": layer})
        (machine.path(layer) / "x").write_text(text)
        os.utime(machine.path(layer) / "x", ns=(1, 1))
        os.utime(machine.path(layer), ns=(2, 2))
    pulled = machine.ask("pull", {"layer": "a", "to": str(tmp_path / "a.tar")})
    request = {"from": str(tmp_path / "a.tar"), "sha256": pulled["sha256"]}
    with pytest.raises(Refused, match="layer b exists and was not made from this"):
        machine.ask("push", {**request, "layer": "b"})  # somebody may still be writing it
    for layer in ("b", "c"):
        machine.ask("freeze", {"layer": layer})
    assert machine.ask("push", {**request, "layer": "b"})["made"] is False
    with pytest.raises(Refused, match="layer c exists and was not made from this"):
        machine.ask("push", {**request, "layer": "c"})


def test_a_tar_travels_through_standard_streams_too(machine: Machine) -> None:
    machine.layer("a", {"etc/x": "1" * 100_000})
    tar = machine.run(*machine.command("pull"), given=b'{"layer": "a", "to": "-"}\n').stdout
    machine.run(*machine.command("push"), given=b'{"layer": "b", "from": "-"}\n' + tar)
    assert (machine.path("b") / "etc/x").read_text() == "1" * 100_000


def test_a_tar_that_was_cut_short_or_changed_makes_no_layer(machine: Machine, tmp_path: Path) -> None:
    machine.layer("a", {"etc/x": "1" * 100_000})
    pulled = machine.ask("pull", {"layer": "a", "to": str(tmp_path / "a.tar")})
    whole = (tmp_path / "a.tar").read_bytes()
    for spoiled in (whole[:50_000], whole[:2000] + b"2" + whole[2001:]):
        (tmp_path / "a.tar").write_bytes(spoiled)
        with pytest.raises(Refused) as refused:
            machine.ask("push", {"layer": "b", "from": str(tmp_path / "a.tar"), "sha256": pulled["sha256"]})
        assert refused.value.error["code"] == "failed"
    assert "b" not in machine.ask("layers")["layers"]
    assert not list((machine.store / "layers").glob(".fresh-*"))


@pytest.mark.parametrize("name", ["../out", "link/out"])
def test_a_tar_that_leads_outside_is_refused(machine: Machine, tmp_path: Path, name: str) -> None:
    import io
    import tarfile

    with tarfile.open(tmp_path / "bad.tar", "w") as tar:
        link = tarfile.TarInfo("link")
        link.type, link.linkname = tarfile.SYMTYPE, str(tmp_path)
        tar.addfile(link)
        member = tarfile.TarInfo(name)
        member.size = 1
        tar.addfile(member, io.BytesIO(b"x"))
    with pytest.raises(Refused, match=r"leads outside|which is no directory"):
        machine.ask("push", {"layer": "b", "from": str(tmp_path / "bad.tar")})
    assert not (tmp_path / "out").exists()


def test_pushing_and_merging_survive_power_cuts(machine: Machine, tmp_path: Path) -> None:
    machine.layer("a", {"etc/x": "1", "etc/y": "2"})
    machine.layer("b", {"etc/y": "3"})
    machine.ask("pull", {"layer": "a", "to": str(tmp_path / "a.tar")})
    assert (
        machine.survive("push", {"layer": "p", "from": str(tmp_path / "a.tar"), "sha256": _digest(tmp_path / "a.tar")})[
            0
        ]
        > 4
    )
    assert machine.survive("merge", {"layers": ["a", "b"], "into": "m"})[0] > 3
    assert (machine.path("p") / "etc/y").read_text() == "2"
    assert (machine.path("m") / "etc/y").read_text() == "3"


def _digest(path: Path) -> str:
    import hashlib

    return hashlib.sha256(path.read_bytes()).hexdigest()


def test_layers_whose_contents_lie_elsewhere_are_refused_by_path(machine: Machine, tmp_path: Path) -> None:
    machine.layer("a", {"etc/moved/x": "1"})
    os.setxattr(machine.path("a") / "etc/moved", "trusted.overlay.redirect", b"/etc/old")
    machine.layer("b", {"etc/x": "1"})
    for verb, request in (
        ("merge", {"layers": ["a", "b"], "into": "m"}),
        ("pull", {"layer": "a", "to": str(tmp_path / "a.tar")}),
        ("seed", {"layer": "s", "from": str(machine.store / "layers/a/data"), "how": "copy"}),
        ("seed", {"layer": "s", "from": str(machine.store / "layers/a/data"), "how": "bind"}),
    ):
        with pytest.raises(Refused, match=r"/etc/moved has the attribute trusted.overlay.redirect") as refused:
            machine.ask(verb, request)
        assert refused.value.error["code"] == "redirect"
    assert machine.ask("layers")["layers"].keys() == {"a", "b"}


def test_a_merge_shows_what_the_overlay_showed(rooted: Machine) -> None:
    rooted.layer("v1", {"etc/a": "1", "etc/b": "1", "etc/d/old": "1", "etc/t": "1", "etc/u/x": "1"})
    rooted.ask("switch", {"stack": ["base", "v1"], "writable": "x0", "create": True})
    rooted.sh(
        "rm /etc/a; echo 2 > /etc/b; rm -r /etc/d; mkdir /etc/d; echo new > /etc/d/new; rm /etc/t; mkdir /etc/t; rm -r /etc/u"
    )
    rooted.ask("switch", {"stack": ["base", "v1", "x0"], "writable": "x1", "create": True, "freeze": True})
    rooted.sh("echo 3 > /etc/c; rm /etc/b; echo file > /etc/u; rm -r /etc/t; echo late > /etc/a")
    rooted.ask("switch", {"stack": ["base", "v1", "x0", "x1"], "writable": "x2", "create": True, "freeze": True})
    look = "cd /etc; for each in * */*; do stat -c '%n %F %a %s' $each; done; cat a c d/* u"
    before = rooted.sh(look)
    merged = rooted.ask("merge", {"layers": ["x0", "x1"], "into": "m"})
    assert merged["linked"] > 4
    assert merged["copied"] == 0
    rooted.ask("switch", {"stack": ["base", "v1", "m"], "writable": "x3", "create": True})
    assert rooted.sh(look) == before
    rooted.ask("merge", {"layers": ["base", "v1", "x0", "x1"], "into": "all", "bottom": True})
    rooted.ask("switch", {"stack": ["all"], "writable": "x4", "create": True})
    assert rooted.sh(look) == before
    kinds = {each["kind"] for each in rooted.ask("listing", {"layers": ["all"]})["entries"].values()}
    assert "whiteout" not in kinds


def test_a_merge_keeps_every_kind_of_file(machine: Machine) -> None:
    machine.ask("create", {"layer": "a"})
    every_kind(machine.path("a"))
    before = described(machine.path("a"))
    machine.ask("create", {"layer": "b"})
    machine.ask("merge", {"layers": ["a", "b"], "into": "copied"})  # neither is read-only: copied, not linked
    after = described(machine.path("copied"))
    for mark in (before, after):
        mark["gone"] = mark["gone"][:4]  # a mark has no time of its own
    assert after == before


def test_a_merge_is_made_once_and_not_over_another_layer(machine: Machine) -> None:
    machine.layer("a", {"x": "1"})
    machine.layer("b", {"x": "2"})
    assert machine.ask("merge", {"layers": ["a", "b"], "into": "m"})["made"] is True
    assert machine.ask("merge", {"layers": ["a", "b"], "into": "m"})["made"] is False
    with pytest.raises(Refused, match="layer m exists and was not made out of these"):
        machine.ask("merge", {"layers": ["b", "a"], "into": "m"})


def test_what_is_to_be_left_out_of_a_merge_is(machine: Machine) -> None:
    machine.layer("a", {"etc/keep": "1", "var/log/x": "1", "var/cache/apt/y/z": "1"})
    machine.ask("merge", {"layers": ["a"], "into": "m", "without": ["/var/log/*", "/var/cache/**"]})
    assert set(machine.ask("listing", {"layers": ["m"]})["entries"]) == {
        "/etc",
        "/etc/keep",
        "/var",
        "/var/log",
        "/var/cache",
    }


def test_a_listing_names_the_layer_and_hashes_only_when_asked(machine: Machine) -> None:
    machine.layer("a", {"etc/x": "1", "etc/y": "1"})
    machine.layer("b", {"etc/y": None, "etc/z": "2"})
    found = machine.ask("listing", {"layers": ["a", "b"]})["entries"]
    assert {path: (each["kind"], each["layer"]) for path, each in found.items()} == {
        "/etc": ("dir", "b"),
        "/etc/x": ("file", "a"),
        "/etc/y": ("whiteout", "b"),
        "/etc/z": ("file", "b"),
    }
    assert "sha256" not in found["/etc/x"]
    found = machine.ask("listing", {"layers": ["a", "b"], "hash": True, "paths": ["/etc/x"]})["entries"]
    assert found["/etc/x"]["sha256"] == "6b86b273ff34fce19d6b804eff5a3f5747ada4eaa22f1d49c01e52ddb7875b4b"
    assert found.keys() == {"/etc/x"}


OLD = {
    "etc/same": "new",
    "etc/edited": "mine",
    "etc/deleted": None,
    "etc/own": "only mine",
    "etc/kind/inner": "a directory",
    "etc/both": None,
    "opaque/own": "1",
}
NEW = {
    "etc/same": "new",
    "etc/edited": "theirs",
    "etc/deleted": "new",
    "etc/fresh": "only theirs",
    "etc/kind": "a file",
    "etc/both": None,
    "opaque/hidden": "1",
}
BELOW = {"etc/edited": "base", "etc/deleted": "old"}


def upgraded(machine: Machine) -> dict[str, Any]:
    machine.layer("below", BELOW)
    machine.layer("new", NEW)
    machine.ask("create", {"layer": "old"})
    fill(machine.path("old"), OLD)
    os.setxattr(machine.path("old") / "opaque", "trusted.overlay.opaque", b"y")
    machine.ask("freeze", {"layer": "old"})
    return {"old": ["old"], "new": ["new"], "below": ["below"]}


def test_what_an_old_layer_would_hide_of_a_new_one_is_told(machine: Machine) -> None:
    masked = machine.ask("masked", upgraded(machine))["masked"]
    rows = {each["path"]: (each["mine"], each["theirs"], each["base"], each["same"]) for each in masked}
    assert rows == {
        "/etc/deleted": ("whiteout", "file", "file", False),
        "/etc/edited": ("file", "file", "file", False),
        "/etc/kind": ("dir", "file", None, False),
        "/etc/same": ("file", "file", None, True),
        "/opaque/hidden": (None, "file", None, False),
    }
    digests = next(each for each in masked if each["path"] == "/etc/edited")
    assert len({digests["mine_sha256"], digests["theirs_sha256"], digests["base_sha256"]}) == 3
    assert not any("sha256" in "".join(each) for each in masked if each["path"] == "/etc/same")


def test_decisions_are_what_the_next_stack_shows(rooted: Machine) -> None:
    layers = upgraded(rooted)
    rooted.ask("create", {"layer": "into"})
    decisions = [
        {"path": "/etc/deleted", "how": "take"},
        {"path": "/etc/edited", "how": "keep"},
        {"path": "/etc/kind", "how": "take"},
        {"path": "/opaque/hidden", "how": "take"},
    ]
    done = rooted.ask("resolve", {"into": "into", **layers, "decisions": decisions})["done"]
    assert not any(each["conflict"] for each in done)
    rooted.ask("switch", {"stack": ["base", "below", "new", "old"], "writable": "into"})
    shown = rooted.sh("cd /etc; cat deleted edited kind own fresh ../opaque/hidden ../opaque/own")
    assert shown == "newminea fileonly mineonly theirs11"


def test_texts_are_merged_three_ways_and_conflicts_lose_nothing(rooted: Machine) -> None:
    lines = [f"line {number}\n" for number in range(10)]
    rooted.layer("below", {"etc/a": "".join(lines), "etc/b": "".join(lines)})
    mine, theirs = list(lines), list(lines)
    mine[1], theirs[8] = "mine\n", "theirs\n"
    rooted.layer("old", {"etc/a": "".join(mine), "etc/b": "".join(mine)})
    clash = list(lines)
    clash[1] = "clash\n"
    rooted.layer("new", {"etc/a": "".join(theirs), "etc/b": "".join(clash)})
    rooted.ask("create", {"layer": "into"})
    request = {
        "into": "into",
        "old": ["old"],
        "new": ["new"],
        "below": ["below"],
        "decisions": [{"path": "/etc/a", "how": "merge"}, {"path": "/etc/b", "how": "merge"}],
    }
    first = rooted.ask("resolve", request)
    assert rooted.ask("resolve", request) == first
    assert [each["conflict"] for each in first["done"]] == [False, True]
    rooted.ask("switch", {"stack": ["base", "below", "new", "old"], "writable": "into"})
    both = list(lines)
    both[1], both[8] = "mine\n", "theirs\n"
    assert rooted.sh("cat /etc/a") == "".join(both)
    assert rooted.sh("cat /etc/b") == "".join(mine)
    assert rooted.sh("cat /etc/b.madeus-theirs") == "".join(clash)
    assert "<<<<<<<" in rooted.sh("cat /etc/b.madeus-merged")


def test_a_switch_is_refused_when_masked_files_have_changed_since_they_were_decided_about(rooted: Machine) -> None:
    service = {"stop": [["sh", "-c", "echo by the service > /etc/a"]], "start": [["touch", "/run/up"]]}
    rooted.ask("switch", {"stack": ["base"], "writable": "c1", "create": True, "services": service})
    rooted.sh("echo mine > /etc/a; echo mine > /etc/kept")
    rooted.layer("v2", {"etc/a": "theirs", "etc/kept": "theirs", "etc/other": "theirs"})
    stacks = {"old": ["c1"], "new": ["v2"], "below": ["base"]}
    (a, kept) = rooted.ask("masked", stacks)["masked"]
    seen = {"/etc/a": ["file", a["mine_mode"], 0, 0, a["mine_sha256"]], kept["path"]: None}
    request = {"stack": ["base", "v2", "c1"], "writable": "c2", "create": True, "services": service}
    rooted.sh("rm /run/up")
    with pytest.raises(Refused, match=r"^changed since it was decided what is shown of them: /etc/a$") as refused:
        rooted.ask("switch", {**request, "masks": {**stacks, "seen": seen}})
    assert refused.value.error["code"] == "changed"
    assert rooted.sh("cat /etc/a; ls /run/up") == "by the service\n/run/up\n"
    assert rooted.ask("current")["writable"] == "c1"
    rooted.sh("echo more > /etc/kept")
    (a, _) = rooted.ask("masked", stacks)["masked"]
    seen["/etc/a"] = ["file", a["mine_mode"], 0, 0, a["mine_sha256"]]
    rooted.sh("echo mine > /etc/other")
    with pytest.raises(Refused, match=r"of them: /etc/other$"):
        rooted.ask("switch", {**request, "masks": {**stacks, "seen": seen}})
    rooted.sh("rm /etc/other")
    seen["/etc/other"] = []
    assert rooted.ask("switch", {**request, "masks": {**stacks, "seen": seen}})["how"] == "beneath"


def test_decisions_come_before_the_switch(rooted: Machine) -> None:
    with pytest.raises(Refused, match="layer c0 is mounted already: decide before the switch"):
        rooted.ask("resolve", {"into": "c0", "decisions": []})


def test_a_base_layer_is_copied_without_the_store_and_other_file_systems(machine: Machine, tmp_path: Path) -> None:
    source = machine.store.parent
    (source / "etc").mkdir()
    (source / "etc/x").write_text("1")
    answer = machine.ask("seed", {"layer": "base", "from": str(source)})
    assert (answer["how"], answer["made"]) == ("copy", True)
    assert (machine.path("base") / "etc/x").read_text() == "1"
    assert list((machine.path("base") / "store").iterdir()) == []
    assert machine.ask("seed", {"layer": "base", "from": str(source)})["made"] is False
    with pytest.raises(Refused, match="holds the store of layers on its own file system"):
        machine.ask("seed", {"layer": "b", "from": str(source), "how": "bind"})


def test_a_directory_beside_the_store_is_a_layer_as_it_is(rooted: Machine, tmp_path: Path) -> None:
    (tmp_path / "beside/etc").mkdir(parents=True)
    (tmp_path / "beside/etc/version").write_text("beside\n")
    assert rooted.ask("seed", {"layer": "b", "from": str(tmp_path / "beside")})["how"] == "bind"
    rooted.ask("switch", {"stack": ["base", "b"], "writable": "c1", "create": True})
    assert rooted.sh("cat /etc/version; echo changed > /etc/version; cat /etc/version") == "beside\nchanged\n"
    assert (tmp_path / "beside/etc/version").read_text() == "beside\n"


def test_a_base_layer_that_is_nowhere_is_named(machine: Machine) -> None:
    with pytest.raises(Refused, match="/nowhere: there is no such directory or tar to begin with"):
        machine.ask("seed", {"layer": "b", "from": "/nowhere"})
