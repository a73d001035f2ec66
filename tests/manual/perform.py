"""Doing what a page says, block after block."""

from __future__ import annotations

import ast
import contextlib
import doctest
import io
import json
import os
import re
import shlex
import shutil
import subprocess
import tomllib
from collections.abc import Iterator
from itertools import takewhile
from pathlib import Path
from typing import Any

import click

from madeus.cli.root import cli
from madeus.dsl import load
from madeus.executor.action.prepare import check_action
from madeus.executor.action.registry import Registry
from madeus.executor.errors import ExecutorError
from madeus.executor.inventory import parse_inventory
from tests.manual.blocks import ROOT, Block, commands_in
from tests.manual.shell import Shell, page_environment
from tests.manual.shown import matches

WAITED = 600
"""Seconds that a command on test hosts may take: it installs packages."""


HOME = "/home/you"
"""What the page's directory is called on the page."""


class Page:
    """A page that is being followed: its directory, its shell, its Python."""

    def __init__(self, folder: Path, hosts: bool = False) -> None:
        self.folder = folder
        self.environment = page_environment(folder)
        self.shell = Shell(folder, self.environment, WAITED if hosts else 60)
        self.names: dict[str, Any] = {"__name__": "__page__"}
        shutil.copytree(ROOT / "examples", folder / "examples")

    def follow(self, block: Block) -> None:
        """Do what a block says. Raises AssertionError when something else comes out than it shows."""
        try:
            self._follow(block)
        except ExecutorError as error:
            raise AssertionError(f"{block.where}: {error.message}\n{error.help}") from error

    def _follow(self, block: Block) -> None:
        if block.title:
            path = self.folder / block.title
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(block.text)
        match block.language:
            case "madeus":
                self._model(block)
            case "console":
                self._console(block)
            case "sh":
                self._commands(block)
            case "python":
                self._python(block)
            case "toml":
                self._toml(block)
            case "json":
                json.loads(block.text)
            case "yaml" | "groovy":
                self._pipeline(block)
            case "text":
                pass
            case other:
                raise AssertionError(f"{block.where}: nobody knows what becomes of a block of `{other}`")

    def _model(self, block: Block) -> None:
        file = self.folder / (block.title or "block.madeus")
        imports = "".join(f'import "{name}"\n' for name in block.named_by("with"))
        file.write_text(imports + (around(block.text) if "an action" in block.marks else block.text))
        loaded = load(file)
        codes = sorted(diagnostic.code for diagnostic in loaded.diagnostics)
        said = "\n".join(f"{d.code} {d.message}" for d in loaded.diagnostics)
        assert codes == sorted(block.named_by("gives")), f"{block.where}: loading it gives:\n{said or 'nothing'}"
        registry = Registry.installed()
        for kind in loaded.model.types.values() if loaded.model else ():
            for action in (action for transition in kind.transitions for action in transition.actions):
                if action.kind in registry.names:
                    check_action(registry.get(action.kind), action)

    def _console(self, block: Block) -> None:
        commands = commands_in(block)
        for index, command in enumerate(commands):
            output, code = self.shell.type(command.text)
            output = output.replace(str(self.folder), HOME)
            told = "fails" in block.marks and index == len(commands) - 1
            asked = index + 1 < len(commands) and commands[index + 1].text.startswith("echo $?")
            assert code == 0 or told or asked, f"{block.where}: `{command.text}` ends with {code}:\n{output}"
            assert code != 0 or not told, f"{block.where}: `{command.text}` does not fail:\n{output}"
            if command.shown:
                same = matches(command.shown, output, "times vary" in block.marks)
                assert same, f"{block.where}: `{command.text}` prints:\n{output}"

    def _pipeline(self, block: Block) -> None:
        """Configuration of other programs: the commands of this one in it take their arguments."""
        for line in re.findall(r"""(?:^ *- |")(madeus [^"\n]*)""", block.text, re.MULTILINE):
            self._read(block, line)

    def _commands(self, block: Block) -> None:
        """Commands that are only read: they are sound shell, and those of this project take their arguments."""
        subprocess.run(["bash", "-n"], input=block.text, text=True, check=True)
        self._read(block, block.text)

    def _read(self, block: Block, text: str) -> None:
        for line in text.replace("\\\n", " ").splitlines():
            words = list(takewhile(lambda word: word not in ("|", "||", ">", "&&", ";"), _words(line)))
            if words[:1] == ["sudo"]:
                words = words[1:]
            if words[:1] == ["madeus"]:
                self._arguments(block, words[1:])
            elif words and words[0].startswith("./"):
                assert os.access(ROOT / words[0], os.X_OK), f"{block.where}: there is no {words[0]}"

    def _arguments(self, block: Block, words: list[str]) -> None:
        """Parse the arguments of a command without calling it."""
        command: click.Command = cli
        context = click.Context(cli, info_name="madeus")
        try:
            while isinstance(command, click.Group) and (words or not command.invoke_without_command):
                found = command.get_command(context, words[0])
                assert found is not None, f"{block.where}: there is no command {words[0]}"
                command, words = found, words[1:]
            command.make_context("madeus", words, parent=context)
        except click.ClickException as error:
            raise AssertionError(f"{block.where}: {error.format_message()}") from error

    def _python(self, block: Block) -> None:
        if block.title:
            ast.parse(block.text)
            return
        with self._inside():
            if not block.text.startswith(">>>"):
                exec(compile(block.text, block.where, "exec"), self.names)
                return
            test = doctest.DocTestParser().get_doctest(block.text, self.names, block.where, block.page, block.line)
            said = io.StringIO()
            runner = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE)
            runner.run(test, out=said.write, clear_globs=False)
            self.names.update(test.globs)
            assert not runner.failures, f"{block.where}:\n{said.getvalue()}"

    def _toml(self, block: Block) -> None:
        if block.title.endswith("pyproject.toml") or "secret" in block.title:
            tomllib.loads(block.text)
        else:
            parse_inventory(block.text, self.folder / (block.title or "inventory.toml"))

    @contextlib.contextmanager
    def _inside(self) -> Iterator[None]:
        """This process where the page's shell would be."""
        before = dict(os.environ)
        os.environ.clear()
        os.environ.update(self.environment)
        try:
            with contextlib.chdir(self.folder):
                yield
        finally:
            os.environ.clear()
            os.environ.update(before)


def _words(line: str) -> shlex.shlex:
    words = shlex.shlex(line, posix=True, punctuation_chars="|&;<>")
    words.whitespace_split = True
    return words


def around(action: str) -> str:
    """A file that has the action in a transition, and everything that it names."""
    holes = set(re.findall(r"(?<!\$)\$\{(\w+)\}", action))
    captured = re.findall(r"-> *([\w, ]+)$", action.strip())
    outputs = captured[0].replace(" ", "").split(",") if captured else []
    parameters = ", ".join(f"{name}: string" for name in sorted(holes))
    provided = "".join(f"  provide data {name}: string at b\n" for name in outputs)
    return (
        f"component Around({parameters}) {{\n  initial place a\n  place b\n{provided}"
        f"  transition t: a -> b {{\n{action}\n  }}\n}}\n"
    )
