"""artifacts: the files for CodeDeployToECS and the ECS action are what deploy would have used."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import botocore.session
import pytest
import yaml
from botocore.validate import ParamValidator

from tests.scripted_aws import Params, ScriptedAws, ecs
from tests.scripted_aws import codedeploy as answers
from tests.timelines.conftest import DOCUMENT, REPOSITORY, Step

Run = Callable[..., Step]

FOLDER = "ecs-cd-artifacts"
IMAGE = f"{REPOSITORY}@{ecs.DIGEST}"
NGINX = REPOSITORY.replace("my-app", "my-nginx")
EXTERNAL = ecs.service(deploymentController={"type": "EXTERNAL"})
APPSPEC = """
version: 0.0
Resources:
  - TargetService:
      Type: AWS::ECS::Service
      Properties:
        TaskDefinition: anything
        LoadBalancerInfo: {ContainerName: app, ContainerPort: "80"}
        PlatformVersion: "1.4.0"
Hooks:
  - AfterAllowTestTraffic: my-function
"""


@pytest.fixture(autouse=True)
def scene(aws: ScriptedAws) -> None:
    """A service of CodeDeploy's, whose template has the port of its load balancer."""
    found = ecs.task_definition()
    found["containerDefinitions"][0] |= {"image": "<IMAGE>", "portMappings": [{"containerPort": 80}]}
    aws.on("ecs.DescribeTaskDefinition", {"taskDefinition": found, "tags": []})
    aws.on("ecs.DescribeServices", {"services": [answers.service()]})


def document(aws: ScriptedAws, **changes: Any) -> None:
    content = {"cluster": ecs.CLUSTER, "images": DOCUMENT["images"], **changes}
    aws.on("ssm.GetParameter", {"Parameter": {"Value": json.dumps(content), "Version": 3}})


def web(**changes: Any) -> Params:
    return {"task-definition": "web", "containers": {"app": "app"}, **changes}


def written(folder: str | Path = FOLDER) -> dict[str, str]:
    """The files of a folder."""
    return {path.name: path.read_text() for path in sorted(Path(folder).iterdir()) if path.is_file()}


def created(aws: ScriptedAws) -> Any:
    """The AppSpec that deploy gave to CodeDeploy."""
    call = next(call for call in aws.calls if call.operation == "codedeploy.CreateDeployment")
    return json.loads(call.params["revision"]["appSpecContent"]["content"])


def refused(ended: Step, *words: str) -> None:
    """Nothing is written."""
    assert ended.exit_code == 2, ended.log
    assert [each for each in words if each not in ended.log] == [], ended.log
    assert not Path(FOLDER).exists()


def test_code_deploy_to_ecs_can_take_the_files(aws: ScriptedAws, step: Run) -> None:
    """taskdef.json is what RegisterTaskDefinition takes, without a placeholder; the verb itself changes nothing."""
    ended = step("artifacts")
    assert ended.exit_code == 0, ended.log
    files = written()
    assert list(files) == ["appspec.yaml", "imageDetail.json", "imagedefinitions.json", "taskdef.json"]
    definition = json.loads(files["taskdef.json"])
    model = botocore.session.get_session().get_service_model("ecs").operation_model("RegisterTaskDefinition")
    assert model.input_shape is not None
    assert not ParamValidator().validate(definition, model.input_shape).has_errors()
    assert definition["containerDefinitions"][0]["image"] == IMAGE
    assert "<" not in files["taskdef.json"]
    assert json.loads(files["imagedefinitions.json"]) == [{"name": "app", "imageUri": IMAGE}]
    assert json.loads(files["imageDetail.json"]) == {"ImageURI": IMAGE}
    assert json.loads(ended.outputs["images"]) == {"app": IMAGE}
    assert "Artifacts succeeded: 4 files in ecs-cd-artifacts" in ended.log
    assert {call.operation for call in aws.calls} == {
        "ssm.GetParameter", "ecr.BatchGetImage", "ecs.DescribeTaskDefinition", "ecs.DescribeServices",
    }  # fmt: skip


@pytest.mark.parametrize("given", [False, True])
def test_the_files_are_what_a_deployment_uses(aws: ScriptedAws, step: Run, given: bool) -> None:
    """The AppSpec is deploy's, made from the service or read from a file, with hooks, but for the task definition."""
    Path("appspec.yml").write_text(APPSPEC)
    document(aws, services={"web": web(**({"codedeploy": {"appspec": "appspec.yml"}} if given else {}))})
    variables = "STAGE=production"
    assert step("artifacts", environment_variables=variables).exit_code == 0
    aws.on("codedeploy.GetDeploymentGroup", answers.group())
    aws.on("codedeploy.ListDeployments", {"deployments": []})
    aws.on("codedeploy.CreateDeployment", {"deploymentId": "d-NEW"})
    aws.on("codedeploy.BatchGetDeployments", answers.described(answers.deployment("d-NEW", "Created", "web:2")))
    ended = step("deploy", environment_variables=variables, wait_until="started")
    assert ended.exit_code == 0, ended.log
    files, used = written(), created(aws)
    used["Resources"][0]["TargetService"]["Properties"]["TaskDefinition"] = "<TASK_DEFINITION>"
    assert yaml.safe_load(files["appspec.yaml"]) == used
    assert ("Hooks" in used) is given
    registered = next(call.params for call in aws.calls if call.operation == "ecs.RegisterTaskDefinition")
    assert json.loads(files["taskdef.json"]) == registered
    assert "STAGE" in files["taskdef.json"]


def test_the_templates_can_be_in_s3(aws: ScriptedAws, step: Run) -> None:
    """The task definition and the AppSpec; output-only fields are left out, and the image is replaced."""
    found = {**ecs.task_definition(), "registeredBy": "me"}
    found.pop("registeredAt")
    found["containerDefinitions"][0] |= {"portMappings": [{"containerPort": "80"}]}
    for key, text in (("taskdef.json", json.dumps(found)), ("appspec.yml", APPSPEC)):
        aws.on("s3.GetObject", {"Body": text.encode(), "ContentLength": len(text)}, where={"Key": key})
    service = web(**{"task-definition": "s3://my-bucket/taskdef.json"}, codedeploy={"appspec": "s3://b/appspec.yml"})
    document(aws, services={"web": service})
    ended = step("artifacts")
    assert ended.exit_code == 0, ended.log
    files = written()
    assert not {"revision", "status", "registeredBy", "taskDefinitionArn"} & set(json.loads(files["taskdef.json"]))
    assert yaml.safe_load(files["appspec.yaml"])["Hooks"] == [{"AfterAllowTestTraffic": "my-function"}]


@pytest.mark.parametrize("strategy", ["ROLLING", "BLUE_GREEN"])
def test_a_service_that_ecs_deploys_gets_no_appspec(aws: ScriptedAws, step: Run, strategy: str) -> None:
    """The ECS action takes imagedefinitions.json."""
    service = ecs.service()
    service["deploymentConfiguration"]["strategy"] = strategy
    aws.on("ecs.DescribeServices", {"services": [service]})
    ended = step("artifacts")
    assert ended.exit_code == 0, ended.log
    assert list(written()) == ["imageDetail.json", "imagedefinitions.json", "taskdef.json"]
    assert "web: the controller is ECS, so there is no appspec.yaml" in ended.log


def several(aws: ScriptedAws) -> None:
    """Two services of two images."""
    found = ecs.task_definition(containers=("app", "nginx"))
    aws.on("ecs.DescribeTaskDefinition", {"taskDefinition": found, "tags": []})
    aws.on("ecs.DescribeServices", ecs.described("services", ecs.service(), ecs.service("worker")))
    document(
        aws,
        images={"app": {"repository": REPOSITORY}, "nginx": {"repository": NGINX}},
        services={"web": web(containers={"app": "app", "nginx": "nginx"}), "worker": web()},
    )


def test_several_services_have_a_folder_each(aws: ScriptedAws, step: Run) -> None:
    """An action takes the files of one; the place of the files depends on the inputs alone."""
    several(aws)
    ended = step("artifacts", service="web,worker", to="out/")
    assert ended.exit_code == 0, ended.log
    assert list(written("out/web")) == [
        "imageDetail-app.json", "imageDetail-nginx.json", "imagedefinitions.json", "taskdef.json",
    ]  # fmt: skip
    assert list(written("out/worker")) == ["imageDetail.json", "imagedefinitions.json", "taskdef.json"]
    assert written("out") == {}
    assert "artifacts: out/worker has taskdef.json" in ended.log
    assert step("artifacts", service="worker,worker").exit_code == 0
    assert list(written()) == list(written("out/worker"))


@pytest.mark.parametrize(
    ("service", "words"),
    [("", "service: is required unless the document has exactly one service"), ("wbe", "did you mean `web`?")],
)
def test_the_service_must_be_clear(aws: ScriptedAws, step: Run, service: str, words: str) -> None:
    """A service that is added to the document moves nobody's files."""
    several(aws)
    refused(step("artifacts", service=service), words)


# ---- the folder ----


def test_an_earlier_runs_files_are_replaced(aws: ScriptedAws, step: Run) -> None:
    """Those that are out of date are removed; others' files stay."""
    folder = Path(FOLDER)
    folder.mkdir()
    for name in ("taskdef.json", "appspec.yaml", "imageDetail-app.json", "README.md"):
        (folder / name).write_text("old")
    (folder / "imagedefinitions.json").symlink_to("README.md")
    aws.on("ecs.DescribeServices", {"services": [ecs.service()]})
    assert step("artifacts").exit_code == 0
    files = written()
    assert list(files) == ["README.md", "imageDetail.json", "imagedefinitions.json", "taskdef.json"]
    assert files.pop("README.md") == "old"
    assert "old" not in files.values()
    assert not (folder / "imagedefinitions.json").is_symlink()


def test_all_files_are_replaced_or_none(step: Run) -> None:
    """A folder is in the place of a file: the others stay as they are, and nothing else is left."""
    folder = Path(FOLDER)
    (folder / "imagedefinitions.json").mkdir(parents=True)
    (folder / "taskdef.json").write_text("old")
    ended = step("artifacts")
    assert ended.exit_code == 2
    assert "imagedefinitions.json is a folder" in ended.log
    assert written() == {"taskdef.json": "old"}


def test_a_template_is_not_replaced(aws: ScriptedAws, step: Run) -> None:
    """In the folder of the templates, which may have the same names; in a folder below it the files are fine."""
    Path("infra").mkdir()
    Path("infra/appspec.yaml").write_text(APPSPEC)
    document(aws, services={"web": web(codedeploy={"appspec": "infra/appspec.yaml"})})
    refused(step("artifacts", to="infra"), "infra/appspec.yaml is a template, and its name is that of a file to write")
    assert written("infra") == {"appspec.yaml": APPSPEC}
    assert step("artifacts", to="infra/made").exit_code == 0


def _link(place: Path) -> str:
    (place / "link").symlink_to(place.parent)
    return "link/out"


@pytest.mark.parametrize(
    ("to", "words"),
    [
        (lambda place: ".", "is not a folder inside the workspace"),
        (lambda place: "..", "is not a folder inside the workspace"),
        (lambda place: "../elsewhere", "is not a folder inside the workspace"),
        (lambda place: "a/../../elsewhere", "is not a folder inside the workspace"),
        (lambda place: "/tmp/elsewhere", "is not a folder inside the workspace"),
        (str, "is not a folder inside the workspace"),
        (_link, "is not a folder inside the workspace"),
        (lambda place: "GITHUB_OUTPUT", "is a file"),
        (lambda place: "GITHUB_OUTPUT/out", "is a file"),
    ],
)
def test_the_folder_is_one_inside_the_workspace(
    aws: ScriptedAws, step: Run, tmp_path: Path, to: Callable[[Path], str], words: str
) -> None:
    """Not the workspace itself, whose templates have the same names; AWS is asked nothing."""
    refused(step("artifacts", to=to(tmp_path)), "to: ", words)
    assert [call.operation for call in aws.calls if call.operation != "ssm.GetParameter"] == []


def test_an_absolute_path_inside_the_workspace_is_fine(step: Run, tmp_path: Path) -> None:
    """As `$CODEBUILD_SRC_DIR/out` is."""
    assert step("artifacts", to=str(tmp_path / "deep" / "out")).exit_code == 0
    assert "taskdef.json" in written(tmp_path / "deep" / "out")


# ---- refused ----


def test_an_artifact_above_3_mb_is_refused(aws: ScriptedAws, step: Run) -> None:
    """CodeDeployToECS would say that it can't read the files; the ECS action takes it."""
    folder = Path(FOLDER)
    (folder / "deep").mkdir(parents=True)
    (folder / "deep" / "picture").write_bytes(os.urandom(3_100_000))
    (folder / "gone").symlink_to("nowhere")
    ended = step("artifacts")
    assert ended.exit_code == 2
    assert "CodeDeployToECS accepts at most 3 MB" in ended.log
    assert "Set `to` to an empty folder" in ended.log
    assert written() == {}
    aws.on("ecs.DescribeServices", {"services": [ecs.service()]})
    assert step("artifacts").exit_code == 0


@pytest.mark.parametrize(
    ("operation", "answer", "words"),
    [
        ("ecr.BatchGetImage", {"images": [], "failures": []}, "image `app` is not in ECR"),
        ("ecs.DescribeServices", {"services": [EXTERNAL]}, "has the deployment controller EXTERNAL"),
        ("ecs.DescribeServices", {"services": [answers.service(loadBalancers=[])]}, "containerPort 80"),
        ("ecs.DescribeServices", {"services": [{**ecs.service(), "status": "DRAINING"}]}, "DRAINING"),
    ],
)
def test_what_could_not_be_deployed_is_refused(
    aws: ScriptedAws, step: Run, operation: str, answer: Params, words: str
) -> None:
    """As by deploy, before a file is written."""
    if words == "containerPort 80":
        aws.on("ecs.DescribeTaskDefinition", {"taskDefinition": ecs.task_definition(), "tags": []})
    aws.on(operation, answer)
    refused(step("artifacts"), words)


def test_an_image_that_can_not_be_verified_gets_no_files(aws: ScriptedAws, step: Run) -> None:
    """The pipeline's deploy action would run it: the document's `require-attestation` holds here, too."""
    document(aws, services={"web": web()}, **{"require-attestation": {"repository": "org/my-app"}})
    refused(step("artifacts", github_token="ghs_not-to-be-seen"), "require-attestation", "does not have the digest")
