"""The ``madeus`` command: the list of commands, each loaded when it is called."""

from __future__ import annotations

import click

from madeus.cli.lazy import LazyGroup, Table

COMMANDS: Table = {
    "check": ("madeus.cli.check", "Answer the verify blocks of a file, with counterexamples."),
    "cluster": ("madeus.cli.cluster", "Put machines of a fleet together that are alike."),
    "compact": ("madeus.cli.compact", "Make one layer out of all that a machine has changed."),
    "conflicts": ("madeus.cli.conflicts", "List files of a machine that would hide those of a new version."),
    "connections": ("madeus.cli.connections", "List or end the SSH connections that are kept."),
    "deploy": ("madeus.cli.deploy", "Deploy an assembly that lives on."),
    "destroy": ("madeus.cli.destroy", "Take a live assembly away."),
    "draw": ("madeus.cli.draw", "Draw an assembly as DOT, SVG or PNG."),
    "drift": ("madeus.cli.drift", "Compare live assemblies with their hosts."),
    "explain": ("madeus.cli.explain", "Explain a diagnostic code."),
    "fingerprint": ("madeus.cli.fingerprint", "Find out what hosts are, for an application."),
    "fmt": ("madeus.cli.fmt", "Format .madeus files."),
    "host": ("madeus.cli.host", "The machines that roles are given to."),
    "layers": ("madeus.cli.layers", "Look after the layers of all machines."),
    "logs": ("madeus.cli.logs", "Show the output of a run's actions."),
    "net": ("madeus.cli.net", "Write the Petri net of an assembly."),
    "plan": ("madeus.cli.plan", "Find a program that leads an assembly to a goal."),
    "ps": ("madeus.cli.ps", "List the live assemblies."),
    "reconfigure": ("madeus.cli.reconfigure", "Run programs on a live assembly."),
    "repair": ("madeus.cli.repair", "Bring a drifted live assembly back."),
    "role": ("madeus.cli.role", "Give machines roles, upgrade them, make versions of them."),
    "roles": ("madeus.cli.roles", "List the roles, their versions and machines."),
    "rollback": ("madeus.cli.rollback", "Return a machine, or all machines of a run, to an earlier state."),
    "rollout": ("madeus.cli.rollout", "Bring a program to a fleet in stages."),
    "run": ("madeus.cli.run", "Run an assembly or a program on real hosts, or resume a run."),
    "runs": ("madeus.cli.runs", "List the runs."),
    "show": ("madeus.cli.show", "Show a live assembly."),
    "simulate": ("madeus.cli.simulate", "Run an assembly under a virtual clock."),
    "states": ("madeus.cli.states", "List the states that a machine can return to."),
    "status": ("madeus.cli.status", "Show how far a run is."),
    "testbed": ("madeus.cli.testbed", "Start and stop test hosts on this machine."),
    "trace": ("madeus.cli.trace", "Show a run or a simulation as a page or a timeline."),
}


@click.command(
    cls=LazyGroup,
    table=dict(sorted(COMMANDS.items())),
    context_settings={"help_option_names": ["-h", "--help"], "auto_envvar_prefix": "MADEUS"},
    epilog="Exit codes: 0 done or verified, 1 failed or violated, 2 bad input, 3 inconclusive, 70 internal error, "
    "130 interrupted.",
)
@click.version_option(package_name="madeus", prog_name="madeus")
def cli() -> None:
    """Design, prove, run and take back the deployment of a distributed system, from one model.

    \b
    Examples:
      madeus simulate examples/openstack.madeus
      madeus check examples/lamp/lamp.madeus
      madeus run examples/lamp/lamp.madeus --inventory inventory.toml
    """
