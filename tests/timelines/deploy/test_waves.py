"""Several documents in one deploy: waves, one verdict, one table; all go back together."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from tests.scripted_aws import Clock, Params, ScriptedAws, denied, ecs, expired, lost, sts, throttled
from tests.scripted_aws.fleet import COMPLETES, CRASHES, STAYS, Course, Fleet, Update
from tests.timelines.conftest import REPOSITORY, SHA, Step
from tests.timelines.deploy.test_schedules import NIGHTLY, EventBridge

Run = Callable[..., Step]

DIGEST = f"sha256:{'d' * 64}"
EU, US, AP = "/eu region=eu-west-1", "/us region=us-east-1", "/ap region=ap-northeast-1"
REGIONS = [("eu-west-1", "eu"), ("us-east-1", "us")]
THREE = f"{EU}\n{US}\n{AP}"


def document(*services: str, **more: Any) -> Params:
    """A document whose service `web` is the ECS service `eu-web`, and so on."""
    entries = {
        name.partition("-")[2]: {"service": name, "task-definition": name, "containers": {"app": "app"}}
        for name in services
    }
    return {"cluster": ecs.CLUSTER, "images": {"app": {"repository": REPOSITORY}}, "services": entries, **more}


def world(aws: ScriptedAws, clock: Clock, courses: Mapping[str, Course], **more: Any) -> Fleet:
    """These ECS services; the document /eu has those that begin with `eu-`, and so on."""

    def parameter(params: Params) -> Params:
        prefix = params["Name"].rpartition("/")[2].partition(":")[0]
        names = [name for name in courses if name.startswith(f"{prefix}-")]
        return {"Parameter": {"Value": json.dumps(document(*names, **more)), "Version": 1}}

    aws.on("ssm.GetParameter", parameter)
    aws.on("logs.GetLogEvents", {"events": [{"message": "boom"}], "nextBackwardToken": "b/1"})
    return Fleet(clock, courses).script(aws)


def updates(aws: ScriptedAws) -> list[tuple[str, str]]:
    """Each UpdateService: the revision, and the region that it was asked in."""
    return [
        (call.params["taskDefinition"].rpartition("/")[2], call.region)
        for call in aws.calls
        if call.operation == "ecs.UpdateService" and call.processed
    ]


def times(aws: ScriptedAws) -> dict[str, float]:
    """When each service was first updated."""
    found: dict[str, float] = {}
    for call in aws.calls:
        if call.operation == "ecs.UpdateService" and call.processed:
            found.setdefault(call.params["service"], call.time)
    return found


def results(ended: Step) -> dict[str, str]:
    return {key: part["result"] for key, part in json.loads(ended.outputs["services"]).items()}


def changes(aws: ScriptedAws) -> int:
    return aws.count("ecs.UpdateService") + aws.count("ecs.RegisterTaskDefinition")


def test_documents_are_deployed_one_after_the_other(aws: ScriptedAws, step: Run, clock: Clock) -> None:
    """Each in its own region, each after the previous one has succeeded; one result, one table."""
    world(aws, clock, {"eu-web": COMPLETES, "us-web": COMPLETES, "ap-web": COMPLETES})
    ended = step("deploy", config=f"# production\n{EU}\n\n  {US}  \n{AP}\n")
    assert ended.exit_code == 0, ended.log
    assert updates(aws) == [("eu-web:2", "eu-west-1"), ("us-web:2", "us-east-1"), ("ap-web:2", "ap-northeast-1")]
    begun = times(aws)
    assert begun["us-web"] >= 20
    assert begun["ap-web"] >= 40
    assert results(ended) == {
        "eu-west-1/web": "succeeded",
        "us-east-1/web": "succeeded",
        "ap-northeast-1/web": "succeeded",
    }
    assert ended.outputs["result"] == "succeeded"
    assert [line.rpartition("/")[2] for line in ended.outputs["task-definition-arn"].splitlines()] == [
        "eu-web:2",
        "us-web:2",
        "ap-web:2",
    ]
    assert json.loads(ended.outputs["images"])["us-east-1/app"].startswith(f"{REPOSITORY}@sha256:")
    assert "wave 2 of 3: us-east-1" in ended.log
    assert "us-east-1: web: " in ended.log
    assert "| wave | service | result |" in ended.summary
    assert "| 2 | `us-east-1/web` |" in ended.summary
    assert aws.count("sts.GetCallerIdentity") == 0  # no line names an account


def test_all_is_read_and_checked_before_the_first_change(aws: ScriptedAws, step: Run, clock: Clock) -> None:
    """Also the documents of later waves, and their images."""
    world(aws, clock, {"eu-web": COMPLETES, "us-web": COMPLETES})
    step("deploy", config=f"{EU}\n{US}")
    order = [call.operation for call in aws.calls]
    first = order.index("ecs.UpdateService")
    assert order[:first].count("ssm.GetParameter") == 2
    assert order[:first].count("ecr.BatchGetImage") == 2
    assert {call.region for call in aws.calls[:first] if call.operation == "ecs.DescribeServices"} == {
        "eu-west-1",
        "us-east-1",
    }


def test_a_wave_has_several_documents(aws: ScriptedAws, step: Run, clock: Clock) -> None:
    """They are deployed at the same time; the next wave waits for both."""
    world(aws, clock, {"eu-web": COMPLETES, "us-web": COMPLETES, "ap-web": COMPLETES})
    ended = step("deploy", config=THREE, wave_size="2")
    assert ended.exit_code == 0, ended.log
    begun = times(aws)
    assert abs(begun["eu-web"] - begun["us-web"]) < 10
    assert begun["ap-web"] >= 20
    assert "wave 1 of 2: eu-west-1, us-east-1" in ended.log
    assert "| 1 | `us-east-1/web` |" in ended.summary


def test_a_failure_ends_it_and_the_first_wave_stays(aws: ScriptedAws, step: Run, clock: Clock) -> None:
    """With on-failure: report; those after it are reported as not started."""
    world(aws, clock, {"eu-web": COMPLETES, "us-web": CRASHES, "ap-web": COMPLETES})
    ended = step("deploy", config=THREE)
    assert ended.exit_code == 3
    assert updates(aws) == [("eu-web:2", "eu-west-1"), ("us-web:2", "us-east-1")]
    assert results(ended) == {
        "eu-west-1/web": "succeeded",
        "us-east-1/web": "rolled-back",
        "ap-northeast-1/web": "skipped",
    }
    assert "ap-northeast-1 skipped: not started, because us-east-1 did not succeed; it keeps ap-web:1" in ended.log
    assert "| 3 | `ap-northeast-1/web` | ⏭️ skipped | `ap-web:1` |" in ended.summary
    assert "us-east-1: " in ended.summary


def test_with_rollback_all_go_back_the_last_wave_first(aws: ScriptedAws, step: Run, clock: Clock) -> None:
    """Also those that had succeeded."""
    world(aws, clock, {"eu-web": COMPLETES, "us-web": COMPLETES, "ap-web": CRASHES})
    ended = step("deploy", config=THREE, on_failure="rollback")
    assert ended.exit_code == 3, ended.log
    assert [name for name, _ in updates(aws)] == ["eu-web:2", "us-web:2", "ap-web:2", "us-web:1", "eu-web:1"]
    assert updates(aws)[-1] == ("eu-web:1", "eu-west-1")
    assert set(results(ended).values()) == {"rolled-back"}
    assert "back at eu-web:1 (on-failure: rollback): ap-northeast-1 rolled back" in ended.log


def test_with_rollback_the_others_of_its_wave_go_back_too(aws: ScriptedAws, step: Run, clock: Clock) -> None:
    """One of two fails; the third was not started, and is left alone."""
    world(aws, clock, {"eu-web": CRASHES, "us-web": COMPLETES, "ap-web": COMPLETES})
    ended = step("deploy", config=THREE, wave_size="2", on_failure="rollback")
    assert ended.exit_code == 3, ended.log
    assert sorted(name for name, _ in updates(aws)) == ["eu-web:2", "us-web:1", "us-web:2"]
    assert results(ended) == {
        "eu-west-1/web": "rolled-back",
        "us-east-1/web": "rolled-back",
        "ap-northeast-1/web": "skipped",
    }


def test_in_a_wave_of_two_one_failure_leaves_the_other(aws: ScriptedAws, step: Run, clock: Clock) -> None:
    """With on-failure: report, the other one is followed to its end."""
    world(aws, clock, {"eu-web": CRASHES, "us-web": COMPLETES})
    ended = step("deploy", config=f"{EU}\n{US}", wave_size="2")
    assert ended.exit_code == 3
    assert results(ended) == {"eu-west-1/web": "rolled-back", "us-east-1/web": "succeeded"}


def test_each_wave_has_its_own_time(aws: ScriptedAws, step: Run, clock: Clock) -> None:
    """The timeout counts from the wave's start: three of 20 seconds fit into 30 each."""
    world(aws, clock, {"eu-web": COMPLETES, "us-web": COMPLETES, "ap-web": COMPLETES})
    assert step("deploy", config=THREE, deployment_timeout="30s").exit_code == 0


def test_a_timeout_ends_it(aws: ScriptedAws, step: Run, clock: Clock) -> None:
    """The state file stays for clean-up, because ECS continues."""
    world(aws, clock, {"eu-web": STAYS, "us-web": COMPLETES})
    ended = step("deploy", config=f"{EU}\n{US}", deployment_timeout="60s")
    assert ended.exit_code == 7
    assert results(ended) == {"eu-west-1/web": "timed-out", "us-east-1/web": "skipped"}


@pytest.mark.parametrize(
    ("policy", "second", "regions"),
    [
        ("report", COMPLETES, ["eu-west-1", "us-east-1"]),
        ("rollback", COMPLETES, ["eu-west-1", "us-east-1"]),
        ("report", CRASHES, ["eu-west-1"]),
        ("rollback", CRASHES, []),
    ],
)
def test_scheduled_tasks_follow_their_document(
    policy: str, second: Course, regions: Sequence[str], aws: ScriptedAws, step: Run, clock: Clock
) -> None:
    """With on-failure: rollback they change last: only once all documents have succeeded."""
    world(aws, clock, {"eu-web": COMPLETES, "us-web": second}, **{"scheduled-tasks": NIGHTLY})
    EventBridge(aws)
    ended = step("deploy", config=f"{EU}\n{US}", on_failure=policy)
    assert ended.exit_code == (0 if second is COMPLETES else 3), ended.log
    puts = [call for call in aws.calls if call.operation == "events.PutTargets"]
    assert [call.region for call in puts] == regions
    last = max(call.time for call in aws.calls if call.operation == "ecs.UpdateService")
    assert policy == "report" or all(call.time > last for call in puts)


# ---- faults ----


def test_throttling_in_one_region_delays_only_that(aws: ScriptedAws, step: Run, clock: Clock) -> None:
    """It is no failure."""
    fleet = world(aws, clock, {"eu-web": COMPLETES, "us-web": COMPLETES})
    calls: list[int] = []

    def describe(params: Params) -> Any:
        if "us-web" in params["services"] and fleet.updates["us-web"][1:] and len(calls) < 4:
            calls.append(1)
            return throttled()
        return fleet._describe(params)

    aws.on("ecs.DescribeServices", describe)
    ended = step("deploy", config=f"{EU}\n{US}", wave_size="2")
    assert ended.exit_code == 0, ended.log
    assert "us-east-1: deploy: AWS can't be read at the moment" in ended.log


def test_credentials_that_expire_between_waves(aws: ScriptedAws, step: Run, clock: Clock) -> None:
    """The second wave is not started, and the first one stays; the verdict says so."""
    world(aws, clock, {"eu-web": COMPLETES, "us-web": COMPLETES})
    aws.on("ecs.RegisterTaskDefinition", expired(), after="ecs.UpdateService")
    ended = step("deploy", config=f"{EU}\n{US}")
    assert ended.exit_code == 1, ended.log
    assert results(ended) == {"eu-west-1/web": "succeeded", "us-east-1/web": "failed"}
    assert "ExpiredTokenException" in ended.log


def test_a_first_wave_that_can_not_start_is_refused(aws: ScriptedAws, step: Run, clock: Clock) -> None:
    """As with one document: nothing was changed."""
    world(aws, clock, {"eu-web": COMPLETES, "us-web": COMPLETES})
    aws.on("ecs.UpdateService", denied("ecs:UpdateService"))
    ended = step("deploy", config=f"{EU}\n{US}")
    assert ended.exit_code == 2
    assert "eu-west-1: " in ended.log
    assert aws.count("ecs.DeregisterTaskDefinition") == 1


@pytest.mark.parametrize("size", ["1", "2"])
@pytest.mark.parametrize(("policy", "first"), [("report", "succeeded"), ("rollback", "rolled-back")])
def test_a_later_document_whose_deployment_is_denied(
    size: str, policy: str, first: str, aws: ScriptedAws, step: Run, clock: Clock
) -> None:
    """It has failed, and its revision does not stay; on-failure decides about the other one."""
    fleet = world(aws, clock, {"eu-web": COMPLETES, "us-web": COMPLETES})

    def update(params: Params) -> Any:
        return denied("ecs:UpdateService") if params["service"] == "us-web" else fleet._update(params)

    aws.on("ecs.UpdateService", update)
    ended = step("deploy", config=f"{EU}\n{US}", wave_size=size, on_failure=policy)
    assert ended.exit_code == 1, ended.log
    assert results(ended) == {"eu-west-1/web": first, "us-east-1/web": "failed"}
    assert "ecs:UpdateService" in ended.log
    assert aws.count("ecs.DeregisterTaskDefinition") == 1


def test_a_lost_answer_in_the_second_wave(aws: ScriptedAws, step: Run, clock: Clock) -> None:
    """ecs-cd finds the deployment that was started."""
    fleet = world(aws, clock, {"eu-web": COMPLETES, "us-web": COMPLETES})
    aws.on("ecs.UpdateService", lost(fleet._update), after="ecs.UpdateService")
    assert step("deploy", config=f"{EU}\n{US}").exit_code == 0
    assert [name for name, _ in updates(aws)] == ["eu-web:2", "us-web:2"]


def test_a_rollback_that_fails_does_not_end_the_others(aws: ScriptedAws, step: Run, clock: Clock) -> None:
    """Each document's way back has its own verdict; the worst one counts."""
    fleet = world(aws, clock, {"eu-web": COMPLETES, "us-web": COMPLETES, "ap-web": CRASHES})

    def update(params: Params) -> Any:
        back = params["taskDefinition"].endswith("us-web:1")
        return denied("ecs:UpdateService") if back else fleet._update(params)

    aws.on("ecs.UpdateService", update)
    ended = step("deploy", config=THREE, on_failure="rollback")
    assert ended.exit_code == 4, ended.log
    assert results(ended) == {
        "eu-west-1/web": "rolled-back",
        "us-east-1/web": "rollback-failed",
        "ap-northeast-1/web": "rolled-back",
    }


# ---- cancellation ----


@pytest.mark.parametrize("size", ["1", "2"])
def test_a_cancellation_stops_what_runs(size: str, aws: ScriptedAws, step: Run, clock: Clock) -> None:
    """With on-cancel: stop, the deployments in progress go back; waves that have ended stay; nothing else begins."""
    fleet = world(aws, clock, {"eu-web": COMPLETES, "us-web": STAYS, "ap-web": STAYS})
    fleet.courses = {**fleet.courses, "eu-web": COMPLETES if size == "1" else STAYS}
    second = "eu-web" if size == "2" else "us-web"

    def describe(params: Params) -> Any:
        if second in params["services"] and len(fleet.updates[second]) == 2 and not gone:
            gone.append(1)
            os.kill(os.getpid(), signal.SIGTERM)
        return fleet._describe(params)

    gone: list[int] = []
    aws.on("ecs.DescribeServices", describe)
    ended = step("deploy", config=THREE, wave_size=size, on_cancel="stop")
    assert ended.exit_code == 130, ended.log
    names = [name for name, _ in updates(aws)]
    assert f"{second}:1" in names
    assert "eu-web:1" not in names or size == "2"
    assert not any(name.startswith("ap-web") for name in names)
    assert f"/{second.partition('-')[2]}" in ended.summary


def test_a_later_step_finds_what_a_killed_process_left(
    aws: ScriptedAws, step: Run, clock: Clock, tmp_path: Path
) -> None:
    """Each document in its own region; the runner has killed the process in a wave of two."""
    world(aws, clock, {"eu-web": STAYS, "us-web": STAYS})
    assert step("deploy", config=f"{EU}\n{US}", wave_size="2", deployment_timeout="30s").exit_code == 7
    for path in (tmp_path / "ecs-cd").glob("under-way-*"):
        path.rename(path.with_stem(f"{path.stem.rpartition('-')[0]}-999999999"))
    begin = len(aws.calls)
    ended = step("clean-up")
    assert "service eu-web" in ended.log
    assert "service us-web" in ended.log
    assert {call.region for call in aws.calls[begin:]} == {"eu-west-1", "us-east-1"}
    assert not list((tmp_path / "ecs-cd").glob("under-way-*"))


# ---- what is refused before anything changes ----

ARN = "arn:aws:ssm:eu-west-1:{}:parameter/eu"


@pytest.mark.parametrize(
    ("config", "words"),
    [
        ("/eu\n/eu", "config, line 2: is the same document as line 1"),
        ("/eu\n# again\n/eu", "config, line 3: is the same document as line 1"),
        ("/eu,/us", "config, line 1: has a comma; each document needs a separate line"),
        ("/eu us", "config, line 1: has more than a document: only `region=` and `role=` may follow it"),
        ("/eu region=Frankfurt\n/us", "config, line 1: `region=` must be the name of a region"),
        ("/eu\n/us role=deploy", "config, line 2: `role=` must be the ARN of an IAM role"),
        ("/eu region=eu-west-1 region=eu-west-2", "config, line 1: has `region=` twice"),
        (f"{ARN.format('1' * 12)} region=us-east-1", "has region=us-east-1, but the ARN is of eu-west-1"),
        (
            f"{ARN.format('1' * 12)} role=arn:aws:iam::{'2' * 12}:role/deploy",
            f"the document is in the account {'1' * 12}, and its role is in {'2' * 12}",
        ),
        ("# nothing\n\n  # else", "config: has only comments, and no document"),
    ],
)
def test_lines_that_can_not_be_right(config: str, words: str, aws: ScriptedAws, step: Run) -> None:
    """The line and the remedy; AWS is not asked."""
    ended = step("deploy", config=config)
    assert ended.exit_code == 2
    assert words in ended.log
    assert aws.calls == []


def test_a_document_in_another_account(aws: ScriptedAws, step: Run, clock: Clock) -> None:
    """Its account is not that of the credentials."""
    world(aws, clock, {"eu-web": COMPLETES, "us-web": COMPLETES})
    aws.on("sts.GetCallerIdentity", {"Account": "1" * 12, "Arn": f"arn:aws:iam::{'1' * 12}:user/me", "UserId": "A"})
    ended = step("deploy", config=f"{ARN.format('1' * 12)}\narn:aws:ssm:us-east-1:{'2' * 12}:parameter/us")
    assert ended.exit_code == 2
    assert f"the document is in the account {'2' * 12}, and its credentials are of {'1' * 12}" in ended.log
    assert "Add `role=`" in ended.log
    assert changes(aws) == 0


def test_two_documents_with_the_same_service(aws: ScriptedAws, step: Run, clock: Clock) -> None:
    """One deployment would replace the other."""
    world(aws, clock, {"eu-web": COMPLETES})
    ended = step("deploy", config="/eu\n/copy/eu")
    assert ended.exit_code == 2
    assert "eu and copy/eu deploy the same ECS service" in ended.log
    assert changes(aws) == 0


def test_a_document_that_can_not_be_read(aws: ScriptedAws, step: Run, clock: Clock) -> None:
    """All documents' problems at once, with their names."""
    world(aws, clock, {"eu-web": COMPLETES, "us-web": COMPLETES, "ap-web": COMPLETES})
    aws.on("ssm.GetParameter", denied("ssm:GetParameter"), where={"Name": "/us"})
    aws.on("ssm.GetParameter", {"Parameter": {"Value": "{", "Version": 1}}, where={"Name": "/ap"})
    ended = step("deploy", config=THREE)
    assert ended.exit_code == 2
    assert "us-east-1: AWS answered GetParameter with AccessDeniedException" in ended.log
    assert "ap-northeast-1: the document in the SSM parameter /ap is not JSON" in ended.log
    assert changes(aws) == 0


def test_a_cluster_in_another_region(aws: ScriptedAws, step: Run, clock: Clock) -> None:
    """The document's own ARN contradicts its line."""
    world(aws, clock, {"eu-web": COMPLETES, "us-web": COMPLETES}, cluster=f"{ecs.PREFIX}:cluster/{ecs.CLUSTER}")
    ended = step("deploy", config=f"{EU}\n{US}")
    assert ended.exit_code == 2
    assert "eu-west-1: cluster: is in ap-northeast-1, and the document is deployed in eu-west-1" in ended.log
    assert changes(aws) == 0


@pytest.mark.parametrize("verb", ["pipeline", "migrate", "verify", "rollback", "continue", "images", "build-push"])
def test_other_verbs_take_one_document(verb: str, aws: ScriptedAws, step: Run) -> None:
    """Nothing is asked, and the remedy says what to do."""
    inputs = {} if verb in ("pipeline", "migrate", "build-push") else {"sha": ""}
    ended = step(verb, config=f"{EU}\n{US}", **inputs)
    assert ended.exit_code == 2
    assert "config: names 2 documents, and this verb takes one" in ended.log
    assert aws.calls == []


@pytest.mark.parametrize(("policy", "code"), [("fail", 2), ("supersede", 0)])
def test_a_conflict_of_a_later_wave(policy: str, code: int, aws: ScriptedAws, step: Run, clock: Clock) -> None:
    """With on-conflict: fail it is refused before the first wave; superseding it does not begin before its wave."""
    fleet = world(aws, clock, {"eu-web": COMPLETES, "us-web": COMPLETES})
    fleet.updates["us-web"].append(Update("ecs-svc/9", ecs.task_definition_arn("us-web:9"), 0, STAYS))
    ended = step("deploy", config=f"{EU}\n{US}", on_conflict=policy)
    assert ended.exit_code == code, ended.log
    assert ("us-east-1: another deployment is under way: web: " in ended.log) == (policy == "fail")
    assert ended.log.count("superseding it") == (policy == "supersede")
    assert changes(aws) == (4 if code == 0 else 0)


def test_a_conflict_is_waited_for_in_its_wave(aws: ScriptedAws, step: Run, clock: Clock) -> None:
    """The waves before it do not wait."""
    fleet = world(aws, clock, {"eu-web": COMPLETES, "us-web": COMPLETES})
    ends: Course = {0: {}, 100: {"rolloutState": "COMPLETED"}}
    fleet.updates["us-web"].append(Update("ecs-svc/9", ecs.task_definition_arn("us-web:9"), 0, ends))
    assert step("deploy", config=f"{EU}\n{US}").exit_code == 0
    assert times(aws)["eu-web"] < 10
    assert times(aws)["us-web"] >= 100


# ---- modes ----


def test_a_dry_run_shows_all_documents(aws: ScriptedAws, step: Run, clock: Clock) -> None:
    """And changes nothing."""
    world(aws, clock, {"eu-web": COMPLETES, "us-web": COMPLETES})
    ended = step("deploy", config=f"{EU}\n{US}", dry_run="true")
    assert ended.exit_code == 0, ended.log
    assert "**us-east-1/web: what would change" in ended.summary
    assert changes(aws) == 0


def test_register_only_registers_in_all_regions(aws: ScriptedAws, step: Run, clock: Clock) -> None:
    """The outputs have the revisions by document and service."""
    world(aws, clock, {"eu-web": COMPLETES, "us-web": COMPLETES})
    ended = step("deploy", config=f"{EU}\n{US}", register_only="true")
    assert ended.exit_code == 0, ended.log
    assert set(results(ended)) == {"eu-west-1/web", "us-east-1/web"}
    assert aws.count("ecs.RegisterTaskDefinition") == 2
    assert aws.count("ecs.UpdateService") == 0


def test_twenty_documents(aws: ScriptedAws, step: Run, clock: Clock) -> None:
    """Those of one region have their own names; the verdict counts."""
    names = [f"app{number}" for number in range(20)]
    world(aws, clock, {f"{name}-web": COMPLETES for name in names})
    ended = step("deploy", config="\n".join(f"/{name}" for name in names), wave_size="10")
    assert ended.exit_code == 0, ended.log
    assert set(results(ended)) == {f"{name}/web" for name in names}
    assert "20 documents: 20 succeeded" in ended.log


def test_different_digests_are_a_warning(aws: ScriptedAws, step: Run, clock: Clock) -> None:
    """Replicated images have one digest."""
    world(aws, clock, {"eu-web": COMPLETES, "us-web": COMPLETES})
    numbers = iter("ab")

    def image(params: Params) -> Params:
        digest = f"sha256:{next(numbers, 'a') * 64}"
        return {
            "images": [{"imageId": {"imageTag": SHA, "imageDigest": digest}, "imageManifest": "{}"}],
            "failures": [],
        }

    aws.on("ecr.BatchGetImage", image)
    ended = step("deploy", config=f"{EU}\n{US}", dry_run="true")
    assert "the documents don't deploy the same image: app is sha256:" in ended.log


def test_each_document_has_its_role(aws: ScriptedAws, step: Run, clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    """The roles of role-to-assume come first; each account is reached with the line's own."""
    world(aws, clock, {"eu-web": COMPLETES, "us-web": COMPLETES})
    sts.botocore_has_the_time_of(clock, monkeypatch)
    for name in ("AssumeRole", "AssumeRoleWithWebIdentity"):
        aws.on(f"sts.{name}", sts.gives(aws))
    roles = [f"arn:aws:iam::{digit * 12}:role/deploy" for digit in "123"]
    lines = [f"arn:aws:ssm:eu-west-1:{'2' * 12}:parameter/eu role={roles[1]}"]
    lines += [f"arn:aws:ssm:eu-west-1:{'3' * 12}:parameter/us role={roles[2]}"]
    with sts.IdTokens() as tokens:
        for name, value in tokens.environ.items():
            monkeypatch.setenv(name, value)
        ended = step("deploy", config="\n".join(lines), role_to_assume=roles[0])
    assert ended.exit_code == 0, ended.log
    assumed = {call.params["RoleArn"] for call in aws.calls if call.operation.startswith("sts.AssumeRole")}
    assert assumed == set(roles)
    assert set(results(ended)) == {f"{'2' * 12}/eu-west-1/web", f"{'3' * 12}/eu-west-1/web"}


def test_a_line_with_the_jobs_own_role_uses_its_credentials(
    aws: ScriptedAws, step: Run, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A role is not assumed by itself, which its trust policy need not allow."""
    world(aws, clock, {"eu-web": COMPLETES, "us-web": COMPLETES})
    sts.botocore_has_the_time_of(clock, monkeypatch)
    aws.on("sts.AssumeRoleWithWebIdentity", sts.gives(aws))
    aws.on("sts.AssumeRole", denied("sts:AssumeRole"))
    own = f"arn:aws:iam::{'2' * 12}:role/deploy"
    lines = [f"arn:aws:ssm:{region}:{'2' * 12}:parameter/{name} role={own}" for region, name in REGIONS]
    with sts.IdTokens() as tokens:
        for name, value in tokens.environ.items():
            monkeypatch.setenv(name, value)
        ended = step("deploy", config="\n".join(lines), role_to_assume=own)
    assert ended.exit_code == 0, ended.log
    assert aws.count("sts.AssumeRole") == 0
