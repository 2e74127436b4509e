"""infra/terraform/pipeline: the pipeline that Terraform makes, for every value of every input."""

from __future__ import annotations

import base64
import io
import json
import re
import zipfile
from typing import Any

import pytest
import yaml

from dev.terraform.terraform import Shown, Terraform
from ecs_cd.document.rules import document
from ecs_cd.document.rules.pipeline import Pipeline, Start
from ecs_cd.handoff.rules import declaration
from tests.infra import pipelines
from tests.infra.pipelines import CASES, CONNECTED, MODULE, Applied, Values

each_case = pytest.mark.parametrize("case", CASES)

# From the action reference of CodePipeline's user guide: the keys that an action needs, and those that it may have.
CONFIGURATION: dict[str, tuple[set[str], set[str]]] = {
    "S3": ({"S3Bucket", "S3ObjectKey"}, {"PollForSourceChanges", "AllowOverrideForS3ObjectKey"}),
    "ECR": ({"RepositoryName"}, {"ImageTag"}),
    "CodeStarSourceConnection": (
        {"ConnectionArn", "FullRepositoryId", "BranchName"},
        {"OutputArtifactFormat", "DetectChanges"},
    ),
    "CodeBuild": ({"ProjectName"}, {"PrimarySource", "BatchEnabled", "CombineArtifacts", "EnvironmentVariables"}),
    "Manual": (set(), {"NotificationArn", "CustomData", "ExternalEntityLink"}),
    "ECS": ({"ClusterName", "ServiceName"}, {"FileName", "DeploymentTimeout"}),
    "CodeDeployToECS": (
        {"ApplicationName", "DeploymentGroupName", "TaskDefinitionTemplateArtifact", "AppSpecTemplateArtifact"},
        {"TaskDefinitionTemplatePath", "AppSpecTemplatePath"}
        | {f"Image{number}{what}" for number in range(1, 5) for what in ("ArtifactName", "ContainerName")},
    ),
}
CATEGORIES = {"S3": "Source", "ECR": "Source", "CodeStarSourceConnection": "Source", "CodeBuild": "Build", "Manual": "Approval", "ECS": "Deploy", "CodeDeployToECS": "Deploy"}  # fmt: skip
handing_over = pytest.mark.parametrize("case", [case for case in CASES if case not in CONNECTED])


def _document(shown: Shown) -> document.Document:
    return document.load(shown.one("aws_ssm_parameter")["insecure_value"], where="the parameter")


def _pipeline(shown: Shown) -> Pipeline:
    found = _document(shown).pipeline
    assert found
    return found


# --- the declaration ---


@each_case
def test_aws_accepts_the_declarations(applied: Applied, case: str) -> None:
    """The pipeline and every project keep to the types, patterns and limits of botocore's models."""
    shown = applied(case)
    pipelines.held_to_the_model("codepipeline", "CreatePipeline", {"pipeline": pipelines.declaration(shown)})
    for made in shown.of("aws_codebuild_project").values():
        pipelines.held_to_the_model("codebuild", "CreateProject", pipelines.project(made))


@each_case
def test_the_first_stage_has_all_sources_and_no_other_has_one(applied: Applied, case: str) -> None:
    """CodePipeline's rule: at least two stages, and source actions in the first, only there, and nothing else."""
    first, *rest = pipelines.declaration(applied(case))["stages"]
    assert {each["actionTypeId"]["category"] for each in first["actions"]} == {"Source"}
    assert rest
    assert "Source" not in {each["actionTypeId"]["category"] for stage in rest for each in stage["actions"]}


@each_case
def test_names_are_unique_and_artifacts_flow(applied: Applied, case: str) -> None:
    """Each input was made by an earlier action, each output is made once, and no namespace is taken twice."""
    declared = pipelines.declaration(applied(case))
    made: set[str] = set()
    for stage in declared["stages"]:
        assert _unique([each["name"] for each in stage["actions"]])
        for order in sorted({each["runOrder"] for each in stage["actions"]}):
            now = [each for each in stage["actions"] if each["runOrder"] == order]
            assert {each["name"] for action in now for each in action.get("inputArtifacts", [])} <= made
            outputs = [each["name"] for action in now for each in action.get("outputArtifacts", [])]
            assert _unique([*made, *outputs])
            made |= set(outputs)
    assert _unique([stage["name"] for stage in declared["stages"]])
    assert _unique([each["namespace"] for each in pipelines.actions(declared) if "namespace" in each])


def _unique(names: list[str]) -> bool:
    return len(names) == len(set(names))


@each_case
def test_actions_have_the_configuration_that_their_provider_knows(applied: Applied, case: str) -> None:
    """All required keys, no unknown ones, the provider's category, and artifacts that are inputs of the action."""
    for action in pipelines.actions(pipelines.declaration(applied(case))):
        required, optional = CONFIGURATION[pipelines.provider(action)]
        given = action["configuration"]
        assert required <= set(given) <= required | optional
        assert action["actionTypeId"]["category"] == CATEGORIES[pipelines.provider(action)]
        named = {value for key, value in given.items() if key.endswith("Artifact") or key in ("PrimarySource",)}
        assert named <= {each["name"] for each in action.get("inputArtifacts", [])}


@each_case
def test_every_reference_to_a_variable_resolves(applied: Applied, case: str) -> None:
    """`#{variables.NAME}` is declared, `#{Source.CommitId}` is the connection's, and a build exports what another reads."""
    shown = applied(case)
    declared = pipelines.declaration(shown)
    known = {f"variables.{each['name']}" for each in declared.get("variables", [])}
    known |= {"Source.CommitId"} if case in CONNECTED else set()
    exported = {
        each["name"]: yaml.safe_load(each["source"][0]["buildspec"])["env"].get("exported-variables", [])
        for each in shown.of("aws_codebuild_project").values()
    }
    for action in pipelines.actions(declared):
        if pipelines.provider(action) == "CodeBuild":
            names = exported[action["configuration"]["ProjectName"]]
            known |= {f"{action['namespace']}.{name}" for name in names}
    used = re.findall(r"#\{([^}]+)\}", json.dumps(declared["stages"]))
    assert set(used) <= known


@each_case
def test_the_type_is_v2_and_the_mode_as_asked(applied: Applied, case: str) -> None:
    """V1 has no variables, no digest at the start and no queue."""
    declared = pipelines.declaration(applied(case))
    assert declared["pipelineType"] == "V2"
    assert declared["executionMode"] == CASES[case].get("execution_mode", "QUEUED")


STAGES = {
    "variables": ["Source", "Migrate", "Deploy"],
    "no migration": ["Source", "Deploy"],
    "approval before the migration": ["Source", "Approval", "Migrate", "Deploy"],
    "approval before the deployment": ["Source", "Migrate", "Approval", "Deploy"],
    "codedeploy, kms, no migration": ["Source", "Deploy"],
    "connection": ["Source", "Build", "Migrate", "Deploy"],
    "connection, two images": ["Source", "Build", "Migrate", "Approval", "Deploy"],
    "connection, ecs": ["Source", "Build", "Approval", "Migrate", "Deploy"],
    "connection, codedeploy": ["Source", "Build", "Deploy"],
}


@pytest.mark.parametrize(("case", "names"), STAGES.items())
def test_the_stages(applied: Applied, case: str, names: list[str]) -> None:
    """The approval is before what it asks about, and without a migration there is no stage for one."""
    assert [stage["name"] for stage in pipelines.declaration(applied(case))["stages"]] == names


DEPLOYMENTS = {
    "variables": ["CodeBuild"],
    "codedeploy": ["CodeBuild", "CodeDeployToECS"],
    "ecs": ["CodeBuild", "ECS"],
}


@pytest.mark.parametrize(("case", "providers"), DEPLOYMENTS.items())
def test_what_deploys(applied: Applied, case: str, providers: list[str]) -> None:
    """ecs-cd deploys by itself; before another action it writes the small artifact that the action reads."""
    stage = pipelines.declaration(applied(case))["stages"][-1]
    assert [pipelines.provider(each) for each in stage["actions"]] == providers
    assert [each["runOrder"] for each in stage["actions"]] == [*range(1, len(providers) + 1)]
    if len(providers) > 1:
        assert stage["actions"][1]["inputArtifacts"] == stage["actions"][0]["outputArtifacts"]


def test_codedeploy_reads_the_document(terraform: Terraform) -> None:
    """CodeDeploy's application and group are the document's, or else those that ECS's console names."""

    def names(codedeploy: Values) -> tuple[str, str]:
        service = pipelines.DOCUMENT["services"]["web"] | {"codedeploy": codedeploy}
        given = pipelines.INPUTS | {
            "deploy_with": "codedeploy",
            "document": pipelines.DOCUMENT | {"services": {"web": service}},
        }
        action = pipelines.actions(pipelines.declaration(terraform.apply(MODULE, given)))[-1]
        return action["configuration"]["ApplicationName"], action["configuration"]["DeploymentGroupName"]

    assert names({}) == ("AppECS-my-cluster-my-service", "DgpECS-my-cluster-my-service")
    assert names({"application": "a", "deployment-group": "b"}) == ("a", "b")


# --- what starts it ---


@each_case
def test_only_an_event_starts_a_pipeline_by_itself(applied: Applied, case: str) -> None:
    """No polling; a trigger only for a connection, and a rule whose target is the pipeline only for start = event."""
    shown = applied(case)
    sources = pipelines.declaration(shown)["stages"][0]["actions"]
    detects = {"S3": "PollForSourceChanges", "CodeStarSourceConnection": "DetectChanges"}
    polling = {
        each["configuration"][detects[pipelines.provider(each)]]
        for each in sources
        if pipelines.provider(each) != "ECR"
    }
    assert polling <= {"false"}
    assert bool(shown.one("aws_codepipeline")["trigger"]) == (case in CONNECTED)
    targets = [each["arn"] for each in shown.of("aws_cloudwatch_event_target").values()]
    starts = shown.one("aws_codepipeline")["arn"] in targets
    assert starts == (CASES[case].get("start") == "event")


@pytest.mark.parametrize("case", ["event", "event of another tag"])
def test_the_event_starts_with_the_digest_that_was_pushed(applied: Applied, case: str) -> None:
    """Not with what the tag names when CodePipeline gets round to it."""
    shown = applied(case)
    rule, target = shown.one("aws_cloudwatch_event_rule"), shown.one("aws_cloudwatch_event_target")
    assert json.loads(rule["event_pattern"]) == {
        "source": ["aws.ecr"],
        "detail-type": ["ECR Image Action"],
        "detail": {
            "action-type": ["PUSH"],
            "result": ["SUCCESS"],
            "repository-name": ["my-app"],
            "image-tag": [CASES[case].get("tag", "latest")],
        },
    }
    (transformer,) = target["input_transformer"]
    assert transformer["input_paths"] == {"digest": "$.detail.image-digest"}
    sent = json.loads(transformer["input_template"].replace("<digest>", '"sha256:1"'))
    source = pipelines.declaration(shown)["stages"][0]["actions"][0]
    assert sent == {
        "sourceRevisions": [{"actionName": source["name"], "revisionType": "IMAGE_DIGEST", "revisionValue": "sha256:1"}]
    }
    pipelines.held_to_the_model("codepipeline", "StartPipelineExecution", sent | {"name": "my-app-deploy"})
    assert target["arn"] == shown.one("aws_codepipeline")["arn"]


def test_the_source_of_variables_is_a_zip_that_the_module_wrote(applied: Applied) -> None:
    """CodeBuild wants a zip with a file in it; it is the same at every apply, in the bucket that has versions."""
    shown = applied("variables")
    (written,) = (each for each in shown.of("aws_s3_object").values() if each["key"] == "source.zip")
    with zipfile.ZipFile(io.BytesIO(base64.b64decode(written["content_base64"], validate=True))) as packed:
        assert packed.testzip() is None
        assert packed.namelist() == ["README.txt"]
    (action,) = pipelines.declaration(shown)["stages"][0]["actions"]
    assert action["configuration"] | {"PollForSourceChanges": ""} == {
        "S3Bucket": written["bucket"],
        "S3ObjectKey": "source.zip",
        "PollForSourceChanges": "",
    }


# --- the document ---


@handing_over
def test_the_document_fits_the_declaration(applied: Applied, case: str) -> None:
    """hand-off finds nothing wrong; `pipeline` names what there is: variables, source actions, the stage."""
    shown = applied(case)
    declared, told = pipelines.declaration(shown), _pipeline(shown)
    sources = {each["name"]: each for each in declared["stages"][0]["actions"]}
    variables = {each["name"] for each in declared["variables"]}
    assert declaration.problems(declared, told, _document(shown).images, told.wait_until) == []
    assert declaration.declares_nonce(declared)
    assert told.name == declared["name"]
    assert told.start == CASES[case].get("start", "variables")
    assert variables == {*told.variables, *([told.commit] if told.commit else []), "ECS_CD_NONCE"}
    assert told.wait_until in ("", *(stage["name"] for stage in declared["stages"]))
    if told.start in (Start.DIGEST, Start.EVENT):
        assert set(told.images) == set(sources)
        assert {each["configuration"]["ImageTag"] for each in sources.values()} == {told.tag}
    if told.object:
        given = sources[told.source]["configuration"]
        assert (told.object.bucket, told.object.key) == (given["S3Bucket"], given["S3ObjectKey"])


@handing_over
def test_every_image_of_the_document_is_handed_over(applied: Applied, case: str) -> None:
    """Each has a variable or a source action, or they are together in the object."""
    shown = applied(case)
    told = _pipeline(shown)
    images = {*told.variables.values(), *told.images.values()}
    assert images == (set() if told.object else set(_document(shown).images))


def test_the_document_is_otherwise_as_given(applied: Applied) -> None:
    """The module adds `pipeline`, and `images` if they came as an input."""
    written = json.loads(applied("variables, two images").one("aws_ssm_parameter")["insecure_value"])
    assert written.pop("pipeline")["variables"] == {"IMAGE_APP": "app", "IMAGE_NGINX": "nginx"}
    assert written.pop("images") == {
        "app": {"repository": f"{pipelines.REGISTRY}/my-app"},
        "nginx": {"repository": f"{pipelines.REGISTRY}/my-nginx"},
    }
    assert written == pipelines.two_images()


def test_only_the_nonce_has_a_default(applied: Applied) -> None:
    """An execution without images or commit is refused by AWS when it is started, not by the first build."""
    defaults = {
        each["name"]: each.get("defaultValue") for each in pipelines.declaration(applied("variables"))["variables"]
    }
    assert defaults == {"IMAGE_APP": None, "COMMIT": None, "ECS_CD_NONCE": "none"}


# --- the bucket ---


@each_case
def test_the_bucket_is_private_versioned_and_encrypted(applied: Applied, case: str) -> None:
    """Nothing is public, only TLS is spoken, and an S3 source has versions."""
    shown = applied(case)
    blocked = shown.one("aws_s3_bucket_public_access_block")
    assert all(blocked[key] for key in ("block_public_acls", "block_public_policy", "ignore_public_acls", "restrict_public_buckets"))  # fmt: skip
    assert shown.one("aws_s3_bucket_versioning")["versioning_configuration"][0]["status"] == "Enabled"
    (rule,) = shown.one("aws_s3_bucket_server_side_encryption_configuration")["rule"]
    (default,) = rule["apply_server_side_encryption_by_default"]
    key = CASES[case].get("kms_key")
    assert (default["sse_algorithm"], default["kms_master_key_id"]) == (("aws:kms", key) if key else ("AES256", None))
    (statement,) = json.loads(shown.one("aws_s3_bucket_policy")["policy"])["Statement"]
    assert statement["Effect"] == "Deny" and statement["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}


@each_case
def test_artifacts_expire_and_what_the_module_wrote_does_not(applied: Applied, case: str) -> None:
    """The lifecycle expires what CodePipeline writes, below the first 20 characters of the pipeline's name."""
    shown = applied(case)
    kept = [each["key"] for each in shown.of("aws_s3_object").values()] + ["hand-off.zip"]
    for rule in shown.one("aws_s3_bucket_lifecycle_configuration")["rule"]:
        prefix = rule["filter"][0]["prefix"]
        if rule["expiration"]:
            assert prefix == shown.one("aws_codepipeline")["name"][:20] + "/"
            assert not [key for key in kept if key.startswith(prefix)]


def test_every_input_has_a_case() -> None:
    """Each variable of the module has a value that is not its default in some case."""
    declared = set(re.findall(r'^variable "(\w+)"', (MODULE / "variables.tf").read_text(), re.MULTILINE))
    assert declared == {name for case in CASES for name in pipelines.inputs(case)}


def test_tags_are_on_everything_that_takes_them(applied: Applied) -> None:
    """The input `tags` forgets no resource."""
    resources: dict[str, Any] = applied("everything else").resources
    assert [where for where, each in resources.items() if "tags" in each and each["tags"] != {"team": "infra"}] == []
