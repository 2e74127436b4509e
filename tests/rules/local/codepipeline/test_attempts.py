"""ecs_cd.local.codepipeline.rules.attempts: what an action begins with."""

from __future__ import annotations

import re

import pytest

from ecs_cd.local.codepipeline.rules import attempts
from tests.rules.local.codepipeline.course import APPROVE, BUILD, DEPLOY, SOURCE, course, id_of, read
from tests.scripted_aws.codepipeline import S3_SOURCE, action, stage


def test_artifacts_have_places_in_s3() -> None:
    """In the pipeline's bucket, under its name and the artifact's, both cut; an action reads what another has made."""
    pack = action("Pack", "CodeBuild", outputArtifacts=[{"name": "Long_artifact_1"}, {"name": "Long_artifact_2"}])
    deploy = action("Deploy", "CodeBuild", inputArtifacts=[{"name": "Long_artifact_2"}])
    there = course(stage("Build", pack), stage("Deploy", deploy), name="my-application-in-production")
    there.start()
    there.passes("Build")
    first, second = there.state.attempts.values()
    assert {each.bucket for each in first.outputs.values()} == {"artifacts"}
    keys = [each.key for each in first.outputs.values()]
    assert all(re.fullmatch(r"my-application-in-pr/Long_artif/[0-9a-f]{7}", key) for key in keys)
    assert len(set(keys)) == 2
    assert second.inputs == {"Long_artifact_2": first.outputs["Long_artifact_2"]}


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ({"configuration": {"K": "#{Other.X}"}}, "K: #{Other.X}: no action before this one has the namespace Other"),
        ({"inputArtifacts": [{"name": "Nothing"}]}, "no action before this one has made: Nothing"),
    ],
)
def test_an_action_that_cannot_run_fails(more: dict[str, object], words: str) -> None:
    """A reference without a value, a missing artifact; actions beside it run."""
    there = course(stage("Build", action("Bad", "CodeBuild", **more), action("Good", "CodeBuild")))
    there.start()
    bad, good = there.state.attempts.values()
    assert (bad.status, bad.outcome.error_code, good.status) == ("Failed", "ConfigurationError", "InProgress")
    assert words in bad.outcome.error_message
    there.ends("Build/Good")
    assert there.statuses() == ["Failed"]


def test_a_source_reads_what_the_start_says() -> None:
    """The version of an object, the digest of an image; else the newest."""
    there = course(stage("Source", S3_SOURCE))
    there.start()
    there.passes("Source")
    there.start(
        sourceRevisions=[{"actionName": "Source", "revisionType": "S3_OBJECT_VERSION_ID", "revisionValue": "v1"}]
    )
    assert [attempts.revision(there.execution(number), "Source") for number in (1, 2)] == ["", "v1"]


def test_a_build_knows_the_revisions_of_its_sources() -> None:
    """By artifact; what an action has made has none."""
    pack = action("Pack", "CodeBuild", inputArtifacts=[{"name": "Image"}], outputArtifacts=[{"name": "Made"}])
    there = course(SOURCE, stage("Build", pack), DEPLOY)
    there.start()
    assert there.state.revisions(there.execution(1)) == {}
    there.ends("Source/Image", read("sha256:1"))
    there.passes("Build")
    assert there.state.revisions(there.execution(1)) == {"Image": "sha256:1"}


def test_namespaces() -> None:
    """An action's output variables, the pipeline's variables, the execution's id."""
    text = "#{Image.ImageDigest} #{variables.V} #{codepipeline.PipelineExecutionId}"
    there = course(SOURCE, stage("Deploy", action("Deploy", "CodeBuild", configuration={"K": text})), variables=["V"])
    there.start()
    there.ends("Source/Image", read("sha256:1"))
    *_, deploy = there.state.attempts.values()
    assert deploy.configuration == {"K": f"sha256:1 none {id_of(1)}"}


def test_approvals_have_tokens() -> None:
    """In PARALLEL it is the external id, because GetPipelineState knows one execution only."""
    for mode, external in (("QUEUED", False), ("PARALLEL", True)):
        there = course(APPROVE, mode=mode)
        there.start()
        (approval,) = there.state.attempts.values()
        assert approval.token and approval.external_id == (approval.token if external else "")
    assert course(BUILD, DEPLOY).state.attempts == {}
