"""Commands inside the layered root."""

from __future__ import annotations

import pytest

from tests.executor.layers.agent.conftest import Machine, Refused

pytestmark = pytest.mark.hosts


def test_a_command_runs_in_the_layered_root_with_its_own_exit_code(rooted: Machine) -> None:
    answer = rooted.ask(
        "exec", {"argv": ["sh", "-c", "cat /etc/version; pwd; echo $X; exit 3"], "env": {"X": "y"}, "directory": "/etc"}
    )
    assert answer == {"code": 3, "output": "base\n/etc\ny\n"}
    assert rooted.ask("exec", {"argv": ["cat"], "input": "given"}) == {"code": 0, "output": "given"}
    assert rooted.ask("exec", {"argv": ["nothing-like-it"]})["code"] == 127


def test_a_command_that_takes_too_long_is_killed(rooted: Machine) -> None:
    assert rooted.ask("exec", {"argv": ["sleep", "60"], "timeout": 0.2})["code"] == 137


def test_the_prefix_passes_streams_and_exit_codes_on(rooted: Machine) -> None:
    words = rooted.command("enter", "--directory", "/etc", "--", "sh", "-c", "cat; cat version; echo no >&2; exit 7")
    done = rooted.run(*words, given=b"in\n", check=False)
    assert (done.returncode, done.stdout, done.stderr) == (7, b"in\nbase\n", b"no\n")
    assert rooted.run(*rooted.command("enter", "--deny-services", "--", "false"), check=False).returncode == 1


def test_the_prefix_without_a_stack_or_a_command_says_so(machine: Machine) -> None:
    done = machine.run(*machine.command("enter", "--", "true"), check=False)
    assert (done.returncode, done.stdout) == (1, b"")
    assert b"no stack is mounted" in done.stderr
    assert machine.run(*machine.command("enter", "--bogus", "--", "true"), check=False).returncode == 2
    with pytest.raises(Refused, match="no stack is mounted") as refused:
        machine.ask("exec", {"argv": ["true"]})
    assert refused.value.error["code"] == "no-stack"


def test_what_a_command_mounts_goes_with_it(rooted: Machine) -> None:
    before = rooted.mounts()
    rooted.sh("cat /proc/mounts > /run/seen")
    assert rooted.sh("cat /proc/1/comm") != ""
    assert rooted.mounts() == before


def test_packages_start_no_services_when_they_are_denied_it(rooted: Machine) -> None:
    look = ["sh", "-c", "ls /usr/sbin; /usr/sbin/policy-rc.d"]
    answer = rooted.ask("exec", {"argv": look, "services": "deny"})
    assert (answer["code"], answer["output"]) == (101, "policy-rc.d\n")
    assert rooted.sh("ls /usr/sbin") == ""
    assert rooted.ask("listing", {"layers": ["c0"]})["entries"].keys() & {"/usr/sbin/policy-rc.d"} == set()


def test_a_denial_that_a_power_cut_left_is_gone_from_the_frozen_layer(rooted: Machine) -> None:
    policy = rooted.path("c0") / "usr/sbin/policy-rc.d"
    rooted.run("mkdir", "-p", "/run/madeus-test/root/usr/sbin")
    rooted.ask("exec", {"argv": ["cp", "/usr/sbin/policy-rc.d", "/root/left"], "services": "deny"})
    rooted.sh("cat /root/left > /usr/sbin/policy-rc.d")
    assert policy.exists()
    request = {"stack": ["base", "c0"], "writable": "c1", "create": True, "freeze": True}
    rooted.ask("switch", request)
    assert not policy.exists()


def test_a_policy_of_the_stack_itself_stays(rooted: Machine) -> None:
    rooted.sh("echo own > /usr/sbin/policy-rc.d")
    rooted.ask("exec", {"argv": ["true"], "services": "deny"})
    assert rooted.sh("cat /usr/sbin/policy-rc.d") == "own\n"
