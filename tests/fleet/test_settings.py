"""Settings of rollouts as values."""

from __future__ import annotations

import pytest

from madeus.fleet.budget import Budget, Scope
from madeus.fleet.settings import (
    ClusterBy,
    CommandTest,
    HttpTest,
    MetricTest,
    OnFailure,
    Settings,
    TransitionTest,
    WrongSetting,
    read_settings,
    several,
    with_setting,
)
from madeus.model import Duration, Rollout, Value


def read(*settings: tuple[Value, ...]) -> Settings:
    return read_settings(Rollout("r", "p", "f", tuple((str(s[0]), s[1:]) for s in settings)))


def test_everything_has_a_careful_default() -> None:
    settings = read()
    assert (settings.staging.protocol, settings.staging.threshold, settings.on_failure) == (
        "balanced",
        1.0,
        None,
    )
    assert settings == Settings()


def test_a_whole_block_is_read() -> None:
    settings = read(
        ("cluster", "by", "fingerprint", "diameter", 2),
        ("representatives", 2),
        ("protocol", "random", "seed", 7),
        ("threshold", 0.95),
        ("failures", "max", 3, "per", "cluster"),
        ("failures", "max", 0.05),
        ("out", "max", 0.1),
        ("test", "transition", "check"),
        ("test", "command", "true", "within", Duration(5.0)),
        ("test", "http", "http://x/", "status", 204),
        ("test", "metric", "cat m", "higher", "significance", 0.01),
        ("soak", Duration(30.0)),
        ("on_failure", "rollback", "drain", "undo"),
    )
    assert settings.cluster_by == ClusterBy("fingerprint", 2)
    staging = settings.staging
    assert (staging.representatives, staging.protocol, staging.seed, staging.threshold) == (2, "random", 7, 0.95)
    assert settings.budgets == (Budget(3, Scope.CLUSTER), Budget(0.05))
    assert settings.tests == (
        TransitionTest("check"),
        CommandTest("true", 5.0),
        HttpTest("http://x/", 204),
        MetricTest("cat m", "higher", 0.01),
    )
    assert (settings.soak, settings.on_failure, settings.rollback) == (30.0, OnFailure.ROLLBACK, ("drain", "undo"))
    assert settings.out == 0.1


def test_own_stages_may_be_a_list_or_words() -> None:
    assert read(("stages", (1, 10, 0.5))).staging.batches == (1, 10, 0.5)
    assert read(("stages", 1, 10)).staging.batches == (1, 10)


def test_machines_may_be_alike_by_a_variable() -> None:
    assert read(("cluster", "by", "release")).cluster_by == ClusterBy("release")


@pytest.mark.parametrize(
    "words",
    [
        ("cluster", "fingerprint"),
        ("cluster", "by", "release", "diameter", 2),
        ("cluster", "by", "fingerprint", "diameter", -1),
        ("representatives", 0),
        ("representatives", True),
        ("protocol", "hurried"),
        ("protocol",),
        ("protocol", "balanced", "seed", 1),
        ("stages",),
        ("stages", ()),
        ("stages", (0, 1)),
        ("stages", (1, 1.5)),
        ("stages", ("one",)),
        ("threshold", 95),
        ("threshold", 0.0),
        ("failures", 3),
        ("failures", "max", 3, "per", "machine"),
        ("failures", "max", 3, "of", "cluster"),
        ("out", "max", 0),
        ("out", "max", 0.0),
        ("test", "check"),
        ("test", "transition", "check", "twice"),
        ("test", "http", "http://x/", "status", "ok"),
        ("test", "command", "true", "within", 5),
        ("test", "metric", "cat m", "faster"),
        ("test", "guess", "x"),
        ("soak", 30),
        ("on_failure", "panic"),
        ("on_failure", "freeze", "undo"),
        ("on_failure",),
    ],
    ids=str,
)
def test_words_of_another_form_are_refused_with_the_form(words: tuple[Value, ...]) -> None:
    with pytest.raises(WrongSetting, match=f"the setting `{words[0]}` cannot be read; write `{words[0]} "):
        read(words)


def test_an_unknown_setting_is_a_key_error() -> None:
    with pytest.raises(KeyError):
        with_setting(Settings(), "colour", ("red",))


def test_budgets_of_several_scopes_and_several_tests_may_stand_together() -> None:
    assert several("failures", ("max", 1)) == several("failures", ("max", 2, "per", "rollout"))
    assert several("failures", ("max", 1)) != several("failures", ("max", 1, "per", "stage"))
    assert several("test", ("command", "a")) != several("test", ("command", "b"))
    assert several("soak", (1,)) == several("soak", (2,))
