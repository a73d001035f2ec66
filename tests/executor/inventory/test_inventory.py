"""The inventory file: what it means, and what it says when it is wrong."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from madeus.executor.errors import InventoryError, UnknownHost
from madeus.executor.inventory import Inventory, load_inventory, parse_inventory

WHOLE = """
[defaults]
transport = "ssh"
user = "root"
port = 2222
limit = 5
ssh_config = "ssh_config"
known_hosts = "keys/known_hosts"
identity = "/etc/id"
connect_timeout = "500ms"
total_limit = 50
[defaults.variables]
region = "eu"
level = 1

[groups.web]
hosts = ["web1", "web2"]
limit = 7
[groups.web.variables]
workers = 8
level = 2

[groups.all]
hosts = ["web1", "db1"]
limit = 9
user = "all"

[hosts.db1]
address = "127.77.0.1"
jump = "web1"
[hosts.db1.variables]
rack = "r1"
level = 3
nested = { a = [1, 2.5, true] }

[hosts.here]
transport = "local"
"""


def parse(text: str) -> Inventory:
    return parse_inventory(text, Path("/srv/inventory.toml"))


def test_the_nearest_setting_wins() -> None:
    hosts = parse(WHOLE).hosts
    assert (hosts["web1"].limit, hosts["web1"].user) == (7, "all")  # of two groups the first in the file
    assert (hosts["web2"].limit, hosts["web2"].user) == (7, "root")
    assert (hosts["db1"].limit, hosts["db1"].port) == (9, 2222)
    assert hosts["db1"].variable("level") == 3 and hosts["web1"].variable("level") == 2
    assert hosts["db1"].variable("region") == "eu" and hosts["web1"].variable("rack") is None
    assert hosts["db1"].variable("nested") == (("a", (1, 2.5, True)),)
    assert hosts["web1"].groups == ("web", "all")


def test_paths_are_relative_to_the_file_and_addresses_default_to_names() -> None:
    inventory = parse(WHOLE)
    web = inventory.hosts["web1"]
    assert web.ssh_config == Path("/srv/ssh_config") and web.known_hosts == Path("/srv/keys/known_hosts")
    assert web.identity == Path("/etc/id") and web.connect_timeout == 0.5
    assert web.address == "web1" and inventory.hosts["db1"].address == "127.77.0.1"
    assert inventory.total_limit == 50 and inventory.hosts["here"].transport == "local"


def test_a_jump_host_of_the_inventory_is_found_and_circles_are_refused() -> None:
    db = parse(WHOLE).hosts["db1"]
    assert db.via is not None and db.via.name == "web1"
    inherited = parse('[defaults]\njump = "gate"\n[hosts.gate]\n[hosts.a]\n').hosts
    assert inherited["gate"].jump is None and inherited["a"].via == inherited["gate"]
    with pytest.raises(InventoryError, match="the jump hosts a -> b -> a go in a circle"):
        parse('[hosts.a]\njump = "b"\n[hosts.b]\njump = "a"\n')


@pytest.mark.parametrize(
    ("name", "host"),
    [
        ("db1", "db1"),
        ("web[2]", "web2"),
        ("all[2]", "db1"),
        ("db[1]", "db1"),
        ("x[1]", "x[1]"),
        ("local", "local"),
        ("y[7]", "y7"),
    ],
)
def test_a_model_name_is_a_host_then_a_member_of_a_group_then_a_joined_name(name: str, host: str) -> None:
    assert parse(WHOLE + '[hosts."x[1]"]\n[hosts.y7]\n').resolve(name).name == host


def test_an_unknown_host_is_named_with_its_neighbour() -> None:
    with pytest.raises(UnknownHost) as caught:
        parse(WHOLE).resolve("dbl")
    assert str(caught.value) == "unknown host `dbl` in the inventory /srv/inventory.toml"
    assert caught.value.help == "did you mean `db1`?" and caught.value.exit_code == 2
    with pytest.raises(UnknownHost) as caught:
        parse(WHOLE).resolve("web[3]")
    assert caught.value.help == "the group `web` has 2 hosts, counted from 1"
    with pytest.raises(UnknownHost) as caught:
        parse(WHOLE).resolve("front end[1]")
    assert caught.value.help == 'add `[hosts."front end1"]` or a group `[groups."front end"]` to it'
    with pytest.raises(UnknownHost) as caught:
        parse(WHOLE).resolve("elsewhere.example")
    assert caught.value.help == 'add `[hosts."elsewhere.example"]` to it'
    with pytest.raises(UnknownHost, match="no inventory file was given, only `local` is known"):
        Inventory().resolve("elsewhere")


def test_local_exists_without_any_file() -> None:
    assert Inventory().resolve("local").transport == "local"
    assert parse("").resolve("local").transport == "local"
    assert parse('[defaults]\nlimit = 3\nport = 7\ntransport = "ssh"\n').resolve("local").limit == 3


@pytest.mark.parametrize(
    ("text", "message", "help"),
    [
        ("[hosts.a]\nuser = 'x'\nadress = 'b'\n", "3: unknown key `adress` in [hosts.a]", "did you mean `address`?"),
        ("[host.a]\n", "1: unknown key `host`", "did you mean `hosts`?"),
        ("[defaults]\n[groups.a]\n[groups.a.hosts]\nx = 1\n", "3: `hosts` in [groups.a] must be a list of names", ""),
        ("[groups.a]\nhosts = ['b', 'b']\n", "2: `b` stands twice in [groups.a]", ""),
        ("[hosts.a]\nport = 0\n", "2: `port` in [hosts.a] must be a whole number from 1 to 65535, not `0`", ""),
        ("[hosts.a]\nport = true\n", "2: `port` in [hosts.a] must be a whole number from 1 to 65535, not `True`", ""),
        ("[hosts.a]\nport = 22\n[hosts.b]\nport = 'x'\n", "4: `port` in [hosts.b] must be a whole number", ""),
        ("[hosts.a]\nlimit = 0\n", "2: `limit` in [hosts.a] must be", ""),
        ("[hosts.a]\nuser = 3\n", "2: `user` in [hosts.a] must be a text, not `3`", ""),
        ("[hosts.a]\nuser = ''\n", "2: `user` in [hosts.a] must be a text", ""),
        ("[hosts.a]\ntransport = 'shh'\n", "2: unknown transport `shh` in [hosts.a]", "did you mean `ssh`?"),
        ("[hosts.a]\nconnect_timeout = '10 parsecs'\n", "2: `connect_timeout` must be a duration", ""),
        ("[hosts.a]\nconnect_timeout = '0s'\n", "2: `connect_timeout` must be a duration", ""),
        ("[hosts.a]\nvariables = 3\n", "2: `variables` in [hosts.a] must be a table", ""),
        ("[hosts.a]\ntotal_limit = 3\n", "2: unknown key `total_limit` in [hosts.a]", ""),
        ("[defaults]\naddress = 'x'\n", "2: unknown key `address` in [defaults]", ""),
        ("hosts = 3\n", "1: `hosts` must be tables, such as `[hosts.web]`", ""),
        ("[hosts]\na = 'b'\n", "2: `hosts.a` must be a table", "write `[hosts.a]`"),
        ("[hosts.a\n", "1: is not TOML", ""),
        ("a = " + "[" * 5000, "is nested too deeply", ""),
    ],
)
def test_what_is_wrong_in_the_file_is_said_with_its_line(text: str, message: str, help: str) -> None:
    with pytest.raises(InventoryError) as caught:
        parse(text)
    assert message in str(caught.value)
    assert str(caught.value).startswith("/srv/inventory.toml")
    assert help in caught.value.help
    assert caught.value.exit_code == 2


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(InventoryError, match=r"missing\.toml: cannot be read: No such file or directory"):
        load_inventory(tmp_path / "missing.toml")
    with pytest.raises(InventoryError, match="cannot be read: Is a directory"):
        load_inventory(tmp_path)
    (tmp_path / "bytes.toml").write_bytes(b"a = '\xff'")
    with pytest.raises(InventoryError, match=r"is not UTF-8 \(byte 5\)"):
        load_inventory(tmp_path / "bytes.toml")
    (tmp_path / "good.toml").write_text(WHOLE)
    assert load_inventory(tmp_path / "good.toml").hosts["web1"].ssh_config == tmp_path / "ssh_config"


@given(st.text(alphabet='[]defaultshostsgroups."=\n 1a{},', max_size=80))
def test_any_text_is_an_inventory_or_an_inventory_error(text: str) -> None:
    try:
        parse(text)
    except InventoryError as error:
        assert str(error).startswith("/srv/inventory.toml")
