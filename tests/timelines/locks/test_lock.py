"""`lock` and `unlock`: taken once, by one of several, given back by its holder or by force."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.scripted_aws import Answer, Params, ScriptedAws, denied, error, lost, server_error, throttled
from tests.timelines.locks.conftest import ALICE, GARBAGE, LOCK, Run, Ssm

pytestmark = pytest.mark.usefixtures("as_bob")
EXPIRED = {**ALICE, "until": "2025-12-31T23:00:00Z"}
CAROL = {**ALICE, "by": "carol", "since": "2026-01-01T00:00:00Z"}


def test_a_lock_has_who_why_and_until_when(ssm: Ssm, step: Run) -> None:
    """And the run that took it; the summary shows it."""
    ended = step("lock", sha="", reason="the database moves", until="2h")
    assert ended.exit_code == 0, ended.log
    found = ssm.lock
    assert len(found.pop("id")) == 32
    assert found == {
        "version": "1",
        "by": "bob",
        "since": "2026-01-01T00:00:00Z",
        "until": "2026-01-01T02:00:00Z",
        "reason": "the database moves",
        "url": "https://github.com/org/my-app/actions/runs/100/attempts/1",
    }
    assert "deployments are locked by bob since 2026-01-01T00:00:00Z until 2026-01-01T02:00:00Z" in ended.log
    assert "the database moves" in ended.summary


@pytest.mark.parametrize("by", ["alice", "bob"])
def test_a_lock_that_is_held_is_not_taken_again(by: str, ssm: Ssm, step: Run) -> None:
    """Not by its holder either: unlock comes first."""
    ssm.locked(by=by)
    ended = step("lock", sha="", reason="mine")
    assert ended.exit_code == 2, ended.log
    assert f"deployments are locked by {by} since 2025-12-31T20:00:00Z until `ecs-cd unlock`: the database" in ended.log
    assert ssm.lock["reason"] == "the database moves"


def test_a_lock_that_has_expired_is_replaced(ssm: Ssm, step: Run) -> None:
    """The log says whose it was."""
    ssm.has(LOCK, EXPIRED)
    ended = step("lock", sha="")
    assert ended.exit_code == 0, ended.log
    assert "lock: replacing the expired lock by alice" in ended.log
    assert ssm.lock["by"] == "bob"


def _recreates(ssm: Ssm) -> None:
    ssm.versions.pop(LOCK)
    ssm.has(LOCK, CAROL)


def _loses_too(ssm: Ssm) -> None:
    ssm.has(LOCK, CAROL)
    ssm.has(LOCK, {**CAROL, "by": "dave"})


@pytest.mark.parametrize("others", [lambda ssm: ssm.has(LOCK, CAROL), _loses_too, _recreates])
def test_of_two_who_replace_an_expired_lock_one_wins(others: Callable[[Ssm], None], ssm: Ssm, step: Run) -> None:
    """Whoever came first, whose lock stays; also if the parameter was deleted, so that its versions began anew."""
    ssm.has(LOCK, EXPIRED)
    ssm.before_write = [lambda: None, lambda: others(ssm)]
    ended = step("lock", sha="")
    assert ended.exit_code == 2, ended.log
    assert "locked by carol" in ended.log
    assert ssm.lock == CAROL


def test_an_expired_lock_that_is_deleted_meanwhile_is_free(ssm: Ssm, step: Run) -> None:
    """The new parameter begins with version 1."""
    ssm.has(LOCK, EXPIRED)
    ssm.before_write = [lambda: None, ssm.versions.clear]
    assert step("lock", sha="").exit_code == 0
    assert ssm.lock["by"] == "bob"


@pytest.mark.parametrize("carried_out", [True, False])
def test_a_lost_answer_is_looked_into(carried_out: bool, aws: ScriptedAws, ssm: Ssm, step: Run) -> None:
    """The lock is taken once, and is not refused as if another had it."""
    aws.on("ssm.PutParameter", (lambda params: lost(ssm.put(params))) if carried_out else server_error(), ssm.put)
    ended = step("lock", sha="")
    assert ended.exit_code == 0, ended.log
    assert len(ssm.versions[LOCK]) == 1


def test_a_lost_answer_and_another_holder(aws: ScriptedAws, ssm: Ssm, step: Run) -> None:
    """Then the lock is the other one's."""

    def other(params: Params) -> Answer:
        ssm.has(LOCK, CAROL)
        return server_error()

    aws.on("ssm.PutParameter", other, ssm.put)
    ended = step("lock", sha="")
    assert ended.exit_code == 2, ended.log
    assert "locked by carol" in ended.log


def test_a_busy_parameter_is_tried_again(aws: ScriptedAws, ssm: Ssm, step: Run) -> None:
    """SSM refuses two updates at once."""
    aws.on("ssm.PutParameter", error("TooManyUpdates"), ssm.put)
    assert step("lock", sha="").exit_code == 0


def test_a_busy_expired_lock_is_read_again(aws: ScriptedAws, ssm: Ssm, step: Run) -> None:
    """Another caller replaces it at this moment, and has it."""
    ssm.has(LOCK, EXPIRED)

    def other(_: Params) -> Answer:
        ssm.has(LOCK, CAROL)
        return error("TooManyUpdates")

    aws.on("ssm.PutParameter", ssm.put, other, ssm.put)
    ended = step("lock", sha="")
    assert ended.exit_code == 2, ended.log
    assert "locked by carol" in ended.log
    assert len(ssm.versions[LOCK]) == 2


@pytest.mark.parametrize("fault", [error("TooManyUpdates"), server_error(), throttled()])
def test_the_winners_lock_is_restored_also_after_a_fault(fault: Answer, aws: ScriptedAws, ssm: Ssm, step: Run) -> None:
    """The loser's does not stay."""
    ssm.has(LOCK, EXPIRED)
    ssm.before_write = [lambda: None, lambda: ssm.has(LOCK, CAROL)]
    aws.on("ssm.PutParameter", ssm.put, ssm.put, fault, ssm.put)
    ended = step("lock", sha="")
    assert ended.exit_code == 2, ended.log
    assert "locked by carol" in ended.log
    assert ssm.lock == CAROL


@pytest.mark.parametrize(
    ("inputs", "words"),
    [
        ({"until": "tomorrow"}, "until: must be a time with a time zone, such as 2026-12-20T18:00:00+09:00, or a dur"),
        ({"until": "2026-01-02T00:00:00"}, "until: must be a time with a time zone"),
        ({"until": "2026-01-02"}, "until: must be a time with a time zone"),
        ({"until": "2026-13-02T00:00:00Z"}, "until: there is no such time"),
        ({"until": "2025-12-31T23:59:59Z"}, "until: it is past that time already; it is 2026-01-01T00:00:00Z"),
        ({"until": "2026-01-01T00:00:00Z"}, "until: it is past that time already"),
        ({"until": "0s"}, "until: must be a time"),
        ({"reason": "x" * 5000}, "reason: has 5000 characters; the limit is 300"),
    ],
)
def test_bad_input_writes_nothing(inputs: dict[str, str], words: str, ssm: Ssm, step: Run) -> None:
    """The input is named, and what it must be."""
    ended = step("lock", sha="", **inputs)
    assert ended.exit_code == 2
    assert words in ended.log
    assert LOCK not in ssm.versions


def test_the_longest_reason_is_shown_as_a_whole(ssm: Ssm, step: Run) -> None:
    """By every deployment that the lock refuses."""
    reason = "x" * 299 + "."
    assert step("lock", sha="", reason=reason).exit_code == 0
    assert reason in step("lock", sha="").log


def test_a_hostile_reason_becomes_one_line_that_ssm_takes(ssm: Ssm, step: Run) -> None:
    """SSM refuses `{{` and `}}`; the deployments show the reason in their logs."""
    ended = step("lock", sha="", reason="a\n::error::b\x1b[2J {{ssm:x}} }}}")
    assert ended.exit_code == 0, ended.log
    assert "{{" not in ssm.versions[LOCK][-1]
    assert "}}" not in ssm.versions[LOCK][-1]
    assert ssm.lock["reason"] == "a ::error::b\N{REPLACEMENT CHARACTER}[2J {{ssm:x}} }}}"
    assert not [line for line in ended.log.splitlines() if line.startswith("::error::b")]


@pytest.mark.parametrize("verb", ["lock", "unlock"])
def test_what_is_no_lock_is_left_alone(verb: str, ssm: Ssm, step: Run) -> None:
    """Neither replaced nor deleted: a misspelt name can be that of any parameter."""
    ssm.has(LOCK, GARBAGE)
    ended = step(verb, sha="", **({"force": "true"} if verb == "unlock" else {}))
    assert ended.exit_code == 2, ended.log
    assert ssm.versions[LOCK] == [GARBAGE]
    assert GARBAGE not in ended.log


@pytest.mark.parametrize("verb", ["lock", "unlock"])
def test_a_document_without_a_lock_is_refused(verb: str, ssm: Ssm, step: Run) -> None:
    """With what the infra repo adds."""
    del ssm.content["lock"]
    ended = step(verb, sha="")
    assert ended.exit_code == 2
    assert "the document has no `lock`" in ended.log


@pytest.mark.parametrize(
    ("held", "inputs", "ends"),
    [
        ({**ALICE, "by": "bob"}, {}, True),
        (ALICE, {}, False),
        (ALICE, {"force": "true"}, True),
        (EXPIRED, {}, True),
    ],
)
def test_a_lock_is_ended_by_its_holder_or_by_force(
    held: Params, inputs: dict[str, str], ends: bool, ssm: Ssm, step: Run
) -> None:
    """Who ends another's has to say so; an expired one is nobody's."""
    ssm.has(LOCK, held)
    ended = step("unlock", sha="", **inputs)
    assert ended.exit_code == (0 if ends else 2), ended.log
    assert (LOCK not in ssm.versions) is ends
    assert f"by {held['by']} since" in ended.log
    assert ends or "--force" in ended.log


def test_nothing_to_unlock_is_no_failure(ssm: Ssm, step: Run) -> None:
    """The log says so."""
    ended = step("unlock", sha="")
    assert ended.exit_code == 0, ended.log
    assert f"deployments are not locked: there is no SSM parameter {LOCK}" in ended.log


@pytest.mark.parametrize("carried_out", [True, False])
def test_a_lost_answer_to_unlock_is_looked_into(carried_out: bool, aws: ScriptedAws, ssm: Ssm, step: Run) -> None:
    """A lock that is gone is ended."""
    ssm.locked(by="bob")
    fault = (lambda params: lost(ssm.delete(params))) if carried_out else server_error()
    aws.on("ssm.DeleteParameter", fault, ssm.delete)
    assert step("unlock", sha="").exit_code == 0
    assert LOCK not in ssm.versions


def test_a_new_lock_is_not_ended_by_a_repeated_unlock(aws: ScriptedAws, ssm: Ssm, step: Run) -> None:
    """After a lost answer, only the lock that was read is deleted."""
    ssm.locked(by="bob")

    def ends(params: Params) -> Answer:
        ssm.versions.pop(LOCK)
        ssm.has(LOCK, CAROL)
        return server_error()

    aws.on("ssm.DeleteParameter", ends, ssm.delete)
    assert step("unlock", sha="").exit_code == 0
    assert ssm.lock == CAROL


@pytest.mark.parametrize(("verb", "action"), [("lock", "PutParameter"), ("unlock", "DeleteParameter")])
def test_a_missing_permission_is_named(verb: str, action: str, aws: ScriptedAws, ssm: Ssm, step: Run) -> None:
    """With its statement."""
    if verb == "unlock":
        ssm.locked(by="bob")
    aws.on(f"ssm.{action}", denied(f"ssm:{action}"))
    ended = step(verb, sha="")
    assert ended.exit_code == 2
    assert f'"Action": "ssm:{action}"' in ended.log


def test_outside_of_ci_the_holder_is_who_aws_sees(
    aws: ScriptedAws, ssm: Ssm, step: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By the ARN, which needs no permission."""
    monkeypatch.delenv("GITHUB_ACTOR")
    arn = "arn:aws:sts::123456789012:assumed-role/admin/carol"
    aws.on("sts.GetCallerIdentity", {"Account": "123456789012", "Arn": arn, "UserId": "X"})
    assert step("lock", sha="").exit_code == 0
    assert ssm.lock["by"] == arn
