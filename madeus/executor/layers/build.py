"""Filling the layer of a version: the actions of its definition, in a root made of the layers below and the new one."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from shlex import quote
from typing import Any

from madeus.executor.action.base import Context
from madeus.executor.action.execute import execute
from madeus.executor.action.prepare import check_action
from madeus.executor.action.registry import Registry
from madeus.executor.errors import ExecutorError
from madeus.executor.inventory import Host
from madeus.executor.layers.errors import AgentFailed
from madeus.executor.layers.rooted import RootedTransport
from madeus.executor.preflight import NotRunnable
from madeus.executor.transport.base import Job, Transport, job_id
from madeus.model import Action, Role
from madeus.model.codec import from_json

PLACE = "/run/madeus/make"

_MOUNT = """set -e
cd /var/lib/madeus/layers
root={root}
if mountpoint -q "$root"; then umount -R "$root"; fi
mkdir -p "$root"
lower=
for layer in {lower}; do
  where=$layer/data
  source=$(python3 -I -S -c 'import json,sys; print(json.load(open(sys.argv[1])).get("source",""))' "$layer/layer.json")
  [ -z "$source" ] || where=$source
  lower=$where${{lower:+:$lower}}
done
mount -t overlay madeus-make "$root" \\
  -o "lowerdir=$lower,upperdir={upper}/data,workdir={upper}/work,index=off,metacopy=off,redirect_dir=nofollow,xino=off"
mount -t proc proc "$root/proc"
mount --rbind /sys "$root/sys"
mount --rbind /dev "$root/dev"
mount -t tmpfs tmpfs "$root/run"
mount --make-rslave "$root"
if [ ! -e "$root/usr/sbin/policy-rc.d" ]; then
  printf '#!/bin/sh\\n# madeus: services are started by the role\\nexit 101\\n' >"$root/usr/sbin/policy-rc.d"
  chmod 755 "$root/usr/sbin/policy-rc.d"
fi
"""
"""In `root` nothing is started: Debian's packages ask policy-rc.d."""

_UNMOUNT = """root={root}
mountpoint -q "$root" || exit 0
if grep -q '^# madeus: services' "$root/usr/sbin/policy-rc.d" 2>/dev/null; then rm -f "$root/usr/sbin/policy-rc.d"; fi
sync -f "$root"
umount -R "$root" || umount -R -l "$root"
rmdir "$root"
"""


def check_versions(role: Role) -> None:
    """See that the actions of every version can be done, as far as that can be seen before.

    Raises:
        NotRunnable: with every problem.
    """
    registry = Registry.installed()
    problems: list[tuple[str, ExecutorError]] = []
    for version in role.versions:
        for action in version.actions:
            try:
                check_action(registry.get(action.kind), action)
            except ExecutorError as error:
                problems.append((f'{role.name}, version "{version.name}"', error))
    if problems:
        raise NotRunnable(tuple(problems))


async def build(host: Host, transport: Transport, arguments: Mapping[str, Any], recipe: Mapping[str, Any]) -> None:
    """Do the actions of a recipe in the stack of `arguments`, on top of what an earlier attempt has left there.

    Raises:
        AgentFailed: the root could not be mounted.
        ExecutorError: an action did not succeed.
    """
    layer, stack = arguments["layer"], list(arguments["stack"])
    root = f"{PLACE}/{layer}"
    words = {"root": quote(root), "lower": " ".join(quote(one) for one in stack[:-1]), "upper": quote(layer)}
    await _shell(host, transport, job_id("make", layer, "mount"), _MOUNT.format(**words))
    try:
        inside = RootedTransport(transport, f"chroot {quote(root)}")
        actions: tuple[Action, ...] = from_json(recipe["actions"])
        scope = {
            **{f"host.{name}": value for name, value in host.variables},
            "host.name": host.name,
            "host.address": host.address or host.name,
        }
        base = Path(recipe.get("base") or ".")
        registry = Registry.installed()
        for index, action in enumerate(actions):
            context = Context(host, inside, scope, base, ("make", layer), index, idempotent=True, ephemeral=True)
            await execute(action, context, registry)
    finally:
        await _shell(host, transport, job_id("make", layer, "unmount"), _UNMOUNT.format(**words))


async def _shell(host: Host, transport: Transport, name: str, script: str) -> None:
    outcome = await transport.perform(Job(name, script, directory="/", ephemeral=True))
    if outcome.exit_code != 0:
        said = outcome.stderr.decode(errors="replace").strip().splitlines()
        raise AgentFailed(host.name, "make", "failed", said[-1] if said else f"exit code {outcome.exit_code}")
