"""Files of hosts, by every real transport."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

import pytest

from madeus.executor.errors import FileOperationFailed
from tests.executor.conftest import Opened


def test_put_writes_once_and_says_whether_it_changed_anything(opened: Opened, tmp_path: Path) -> None:
    path = tmp_path / "it's a file"

    async def main() -> list[bool]:
        async with opened() as host:
            name = str(path)
            return [
                await host.put(name, b"one"),
                await host.put(name, b"one"),
                await host.put(name, b"one", 0o600),
                await host.put(name, b"two"),
                await host.put(name, b"two", 0o600),
                await host.put(name, b""),
            ]

    assert asyncio.run(main()) == [True, False, True, True, False, True]
    assert path.read_bytes() == b"" and path.stat().st_mode & 0o7777 == 0o600
    assert [entry.name for entry in tmp_path.iterdir()] == ["it's a file"]


def test_what_was_put_can_be_got_whatever_its_bytes(opened: Opened, tmp_path: Path) -> None:
    data = os.urandom(700_001)
    (tmp_path / "source").write_bytes(data)

    async def main() -> None:
        async with opened() as host:
            assert await host.put(f"{tmp_path}/a", data) is True
            assert await host.put(f"{tmp_path}/b", tmp_path / "source") is True
            assert await host.put(f"{tmp_path}/b", tmp_path / "source") is False
            assert await host.get(f"{tmp_path}/a") == data == await host.get(f"{tmp_path}/b")
            with pytest.raises(FileOperationFailed, match="holds 700001 bytes, more than the 1000 allowed"):
                await host.get(f"{tmp_path}/a", limit=1000)
            with pytest.raises(FileOperationFailed, match="No such file or directory"):
                await host.get(f"{tmp_path}/c")

    asyncio.run(main())


def test_stat_looks_at_many_files_at_once(opened: Opened, tmp_path: Path) -> None:
    (tmp_path / "f").write_text("hello")
    (tmp_path / "f").chmod(0o4755)
    (tmp_path / "l").symlink_to("f")
    os.mkfifo(tmp_path / "p")

    async def main() -> None:
        async with opened() as host:
            facts = await host.stat([f"{tmp_path}/{name}" for name in ("f", "l", "p", "gone", "")])
            assert [fact.kind for fact in facts] == ["file", "file", "other", "absent", "directory"]
            assert facts[0] == facts[1] and facts[0].mode == 0o4755
            assert facts[0].sha256 == "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824"
            assert facts[0].owner == (tmp_path / "f").owner()
            assert await host.stat([]) == []

    asyncio.run(main())


def test_put_makes_the_directories_that_are_missing(opened: Opened, tmp_path: Path) -> None:
    async def main() -> None:
        async with opened() as host:
            assert await host.put(f"{tmp_path}/no/such/f", b"x")

    asyncio.run(main())
    assert (tmp_path / "no/such/f").read_bytes() == b"x"
    assert (tmp_path / "no/such").stat().st_mode & 0o777 == 0o755


def test_put_says_why_it_cannot_write(opened: Opened, tmp_path: Path) -> None:
    async def main() -> None:
        async with opened() as host:
            with pytest.raises(FileOperationFailed, match="is a directory"):
                await host.put(str(tmp_path), b"x")
            with pytest.raises(FileOperationFailed, match=r"[Nn]ot a directory|File exists"):
                await host.put("/etc/passwd/f", b"x")
            with pytest.raises(FileOperationFailed, match="invalid user"):
                await host.put(f"{tmp_path}/f", b"x", owner="nobody-knows")

    asyncio.run(main())
    assert list(tmp_path.iterdir()) == []
