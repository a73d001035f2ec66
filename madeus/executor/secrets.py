"""Secrets: where their values come from, and where values that must not be written are kept while a run lasts.

A model names its secrets (``secret db_password``). Their values come from the environment (``MADEUS_SECRET_DB_PASSWORD``) or
from a TOML file (``db_password = "..."``) that only its owner can read. In the journal and in every log they are masked.
"""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Iterable, Mapping
from pathlib import Path

from madeus.executor.action.base import Masked, RuntimeValue, reveal
from madeus.executor.errors import InputError
from madeus.model import Secret, Value

PREFIX = "MADEUS_SECRET_"


class SecretsFileError(InputError):
    """A file of secrets that cannot be used."""

    def __init__(self, path: Path, reason: str, help: str = "") -> None:
        super().__init__(f"{path}: {reason}", help)
        self.path, self.reason = path, reason


class SecretMissing(InputError):
    """A secret that an action needs was given no value."""

    def __init__(self, name: str) -> None:
        super().__init__(
            f"the secret `{name}` has no value", f"set {variable_of(name)}, or name it in a file for --secrets"
        )
        self.name = name


def variable_of(name: str) -> str:
    """Environment variable of a secret."""
    return PREFIX + re.sub(r"[^A-Z0-9_]", "_", name.upper())


def gather_secrets(
    names: Iterable[str], file: Path | None = None, environment: Mapping[str, str] | None = None
) -> dict[str, str]:
    """Values of those secrets that have one; the environment wins over the file.

    Raises:
        SecretsFileError: the file is unreadable, readable by others, or no table of texts.
    """
    environment = os.environ if environment is None else environment
    written = read_secrets(file) if file is not None else {}
    found: dict[str, str] = {}
    for name in names:
        value = environment.get(variable_of(name), written.get(name))
        if value is not None:
            found[name] = value
    return found


def read_secrets(file: Path) -> dict[str, str]:
    """The secrets of a TOML file. Raises SecretsFileError."""
    try:
        with file.open("rb") as stream:
            mode = os.fstat(stream.fileno()).st_mode
            if mode & 0o077:
                raise SecretsFileError(
                    file,
                    f"others can read it (mode {mode & 0o777:04o})",
                    f"run `chmod 600 {file}` and change the secrets",
                )
            table = tomllib.load(stream)
    except OSError as error:
        raise SecretsFileError(file, f"cannot be read: {error.strerror or error}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SecretsFileError(file, f"is not TOML: {error}") from None
    for name, value in table.items():
        if not isinstance(value, str):
            raise SecretsFileError(file, f"the value of `{name}` is not a text")
    return table


class Vault:
    """Values of a run that are never written: its secrets, and outputs of actions that hold one or are sensitive.

    A hidden value goes through the model's ports and the journal as a `Secret` that names it.
    """

    def __init__(self, secrets: Mapping[str, str]) -> None:
        self._hidden: dict[str, Masked] = {}
        self._texts = sorted((s for s in secrets.values() if s), key=len, reverse=True)

    def hide(self, name: str, value: RuntimeValue) -> Value:
        """The value itself, or its name when it has to stay hidden."""
        if not isinstance(value, Masked) and not any(text in reveal(value) for text in self._texts):
            return _open(value)
        self._hidden[name] = value if isinstance(value, Masked) else Masked(reveal(value))
        return Secret(name)

    def show(self, value: Value | None) -> RuntimeValue | None:
        """The value that a port's content stands for; a `Secret` that nobody has hidden here stays one."""
        return self._hidden.get(value.name, value) if isinstance(value, Secret) else value

    def knows(self, name: str) -> bool:
        """Whether a value of that name is hidden here."""
        return name in self._hidden

    def mask(self, text: str) -> str:
        """A text with every secret replaced."""
        for secret in self._texts:
            text = text.replace(secret, "***")
        return text


def _open(value: RuntimeValue) -> Value:
    if isinstance(value, tuple):
        return tuple([_open(item) for item in value])
    assert not isinstance(value, Masked)
    return value
