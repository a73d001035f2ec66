"""Roles of the language as roles of the catalog, and what has to be done to make their versions."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from madeus.layers import catalog as values

if TYPE_CHECKING:
    from madeus.model import Role

ON_THE_HOST = "host:"
"""Before a path: of the host, not of the controller. A directory is a layer as it is and must stay as it is."""


def role_of(role: Role, base: Path) -> tuple[values.Role, str]:
    """The role without its versions, and where its base comes from (empty: the host's own system).

    base: directory that its files are relative to.
    """
    policies = tuple(values.Policy(policy.glob, policy.how) for policy in role.policies)
    found = values.Role(role.name, role.base, (), role.persistent, role.services, policies, role.lingering)
    return found, _path(role.source, base)


def recipes_of(role: Role, base: Path) -> list[tuple[str, Any]]:
    """Name of each version, and how it is made: by packaging a machine, from files, or by actions."""
    from madeus.model.codec import to_json  # the model is not needed to roll back

    return [
        (
            version.name,
            {
                "package": version.package,
                "from": _path(version.source, base),
                "actions": to_json(version.actions),
                "base": str(base.absolute()),
            },
        )
        for version in role.versions
    ]


def _path(name: str, base: Path) -> str:
    if name.startswith(ON_THE_HOST):
        return name
    return str((base / Path(name).expanduser()).absolute()) if name else ""
