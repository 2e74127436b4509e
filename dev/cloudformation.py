"""What is repeated in infra/cloudformation/pipeline.yaml: the text between `# made: NAME` and `# end`.

CloudFormation maps no list, so each image and each item of a list has its own lines. The buildspecs come from
infra/buildspec, the roles' statements from cloudformation_roles.py. Also the table of parameters in the README.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import yaml

from dev import cloudformation_roles as roles
from dev.cloudformation_roles import IMAGES, NOTHING, chosen, image, listed, quoted
from dev.host import ROOT

FOLDER = ROOT / "infra" / "cloudformation"
TEMPLATE = FOLDER / "pipeline.yaml"
README = FOLDER / "README.md"
BUILDSPECS = ROOT / "infra" / "buildspec"
BEGIN, END = "<!-- BEGIN_PARAMETERS -->", "<!-- END_PARAMETERS -->"

_REGION = re.compile(r"^( *)# made: (.+)\n(?:.*\n)*?\1# end\n", re.M)
_CODEBUILD = 'ActionTypeId: {Category: Build, Owner: AWS, Provider: CodeBuild, Version: "1"}'


def generated() -> dict[Path, str]:
    """The template and its README."""
    template = template_text(TEMPLATE.read_text(encoding="utf-8"))
    return {TEMPLATE: template, README: _with_table(README.read_text(encoding="utf-8"), template)}


def template_text(text: str) -> str:
    """The template with what is made."""

    def filled(match: re.Match[str]) -> str:
        indent, (name, *arguments) = match[1], match[2].split()
        made = _REGIONS[name](*arguments)
        return "\n".join(f"{indent}{line}".rstrip() for line in [f"# made: {match[2]}", *made, "# end"]) + "\n"

    return _REGION.sub(filled, text)


# --- images and lists ---


def _more_images() -> Iterator[str]:
    for number in IMAGES[1:]:
        yield from [
            f"Image{number}:",
            "  Type: String",
            '  Default: ""',
            '  AllowedPattern: "^([A-Za-z0-9][A-Za-z0-9_]*|)$"',
            "  ConstraintDescription: must have letters, digits and underscores, because the pipeline's variables are named after it",
            "  Description: The name of another image.",
            f"Repository{number}:",
            "  Type: String",
            '  Default: ""',
            '  AllowedPattern: "^([a-z0-9][a-z0-9._/-]+|)$"',
            "  ConstraintDescription: must be the name of a repository of this account and region, without a registry, tag or digest",
            "  Description: Its ECR repository.",
        ]


def _image_rules() -> Iterator[str]:
    for number in IMAGES[1:]:
        yield from [
            f"Image{number}IsComplete:",
            f'  RuleCondition: !Or [!Not [!Equals [!Ref Image{number}, ""]], !Not [!Equals [!Ref Repository{number}, ""]], '
            f'!And [!Equals [!Ref MigrateWith, docker], !Equals [!Ref MigrationImage, "{number}"]]]',
            "  Assertions:",
            f'    - Assert: !And [!Not [!Equals [!Ref Image{number}, ""]], !Not [!Equals [!Ref Repository{number}, ""]]]',
            f'      AssertDescription: "Image{number}, Repository{number}: go together, and MigrationImage names one of the images"',
        ]
        if number > 2:
            yield from [
                f'    - Assert: !Not [!Equals [!Ref Image{number - 1}, ""]]',
                f'      AssertDescription: "Image{number}: comes after Image{number - 1}, which is missing"',
            ]


def _conditions() -> Iterator[str]:
    for number in IMAGES[1:]:
        yield f'HasImage{number}: !Not [!Equals [!Ref Image{number}, ""]]'
        yield f'MigrationImage{number}: !And [!Condition Docker, !Equals [!Ref MigrationImage, "{number}"]]'
    for name, count in roles.LISTS.items():
        yield from (
            f'{condition}: !Not [!Equals [{roles.nth(name, index)}, ""]]'
            for index in range(count)
            for condition in roles.when_item(name, index)
        )
    yield 'HasLogGroups: !Not [!Equals [!Ref LogGroups, ""]]'
    for name in (
        *("BaseRepository", "Template", "ScheduledRule", "Schedule", "ScheduleRole"),
        *(f"{prefix}{kind}" for prefix in ("Build", "Migration") for kind in ("Parameter", "Secret", "Key")),
    ):
        plural = f"{name.removesuffix('y')}ies" if name.endswith("Repository") else f"{name}s"
        yield f'{plural}: !Not [!Equals [!Join ["", !Ref {name}Arns], ""]]'
    for prefix in ("Build", "Migration"):
        for kind in ("Environment", "ParameterStore", "SecretsManager"):
            yield f'{prefix}Has{kind}: !Not [!Equals [!Ref {prefix}{kind}, ""]]'
    yield 'HasMigrationVariables: !Not [!Equals [!Join ["", !Ref MigrationVariables], ""]]'


def _variables() -> Iterator[str]:
    for number in IMAGES:
        value = (
            f'{{Name: !Sub "IMAGE_${{Image{number}}}", Description: !Sub "the image ${{Image{number}}}, by digest"}}'
        )
        yield f"- {chosen(['Variables'], image(number, value))}"


def _when_image(number: int, *when: str) -> tuple[str, ...]:
    return (*when, *([f"HasImage{number}"] if number > 1 else []))


def _image_sources() -> Iterator[str]:
    for number in IMAGES:
        name = f'!Sub "Image_${{Image{number}}}"'
        yield from listed(
            [
                f"Name: {name}",
                'ActionTypeId: {Category: Source, Owner: AWS, Provider: ECR, Version: "1"}',
                "RunOrder: 1",
                f"Configuration: {{RepositoryName: !Ref Repository{number}, ImageTag: !Ref Tag}}",
                f"OutputArtifacts: [{{Name: {name}}}]",
            ],
            _when_image(number, "FromImages"),
        )


def _image_builds() -> Iterator[str]:
    """All at once."""
    for number in IMAGES:
        more = f'!Sub \',{{"name":"ECS_CD_IMAGE","value":"${{Image{number}}}"}}\''
        yield from listed(
            [
                f'Name: !Sub "Build_${{Image{number}}}"',
                _CODEBUILD,
                "RunOrder: 1",
                f'Namespace: !Sub "Build_${{Image{number}}}"',
                "Configuration:",
                *(f"  {line}" for line in _configuration("build", "source", (), [more])),
                "InputArtifacts: [{Name: source}]",
                f'OutputArtifacts: [{{Name: !Sub "Image_${{Image{number}}}"}}]',
            ],
            _when_image(number),
        )


def _image_artifacts() -> Iterator[str]:
    """What the migration and the deployment read the images from: the sources, or what each build writes."""
    yield '- {Name: !If [FromObject, source, !Sub "Image_${Image1}"]}'
    for number in IMAGES[1:]:
        artifact = f'{{Name: !Sub "Image_${{Image{number}}}"}}'
        yield f"- !If [FromObject, {NOTHING}, {image(number, artifact)}]"


def _document() -> Iterator[str]:
    """ecs-cd's document with `images` and `pipeline`; JSON is YAML."""
    repositories = [
        f'{{}}"${{Image{number}}}":{{"repository":"${{AWS::AccountId}}.dkr.ecr.${{AWS::Region}}.${{AWS::URLSuffix}}/${{Repository{number}}}"}}'
        for number in IMAGES
    ]
    yield "!Join"
    yield r'- "\n"'
    yield "- - !Ref Document"
    yield "  - !If"
    yield "    - DocumentHasImages"
    yield '    - ""'
    yield from (f"    {line}" for line in _object("images: ", repositories))
    yield "  - !If"
    yield "    - Connection"
    yield '    - ""'
    yield "    - !Join"
    yield '      - ""'
    yield """      - - !Sub 'pipeline: {"name":"${Name}","start":"${Start}"'"""
    for condition, key, name in (("Variables", "variables", "IMAGE_"), ("FromImages", "images", "Image_")):
        yield "        - !If"
        yield f"          - {condition}"
        values = [f'{{}}"{name}${{Image{number}}}":"${{Image{number}}}"' for number in IMAGES]
        yield from (f"          {line}" for line in _object(f',"{key}":', values))
        yield '          - ""'
    yield f"""        - !If [Object, !Sub ',"object":"s3://{roles.BUCKET.removeprefix(roles.S3)}/hand-off.zip","source":"Source"', ""]"""
    yield """        - !If [Commit, ',"commit":"COMMIT"', ""]"""
    yield """        - !If [Event, !Sub ',"tag":"${Tag}"', ""]"""
    yield """        - !If [Wait, !Sub ',"wait-until":"${WaitUntil}"', ""]"""
    yield '        - "}"'


def _object(before: str, members: list[str]) -> Iterator[str]:
    """A JSON object with a member for each image; the braces of a member are for the comma."""
    yield "- !Join"
    yield '  - ""'
    yield f"  - - {quoted(before + '{')}"
    for number, member in zip(IMAGES, members, strict=True):
        text = "!Sub " + quoted(member.replace("{}", "," if number > 1 else "", 1))
        yield f"    - {chosen([f'HasImage{number}'] if number > 1 else [], text, chr(34) * 2)}"
    yield '    - "}"'


# --- builds ---


def _configuration(key: str, primary: str, before: Iterable[str], more: Iterable[str]) -> Iterator[str]:
    """Of a CodeBuild action, with the JSON of its variables."""
    yield f"ProjectName: !Ref {key.title()}Project"
    yield f"PrimarySource: {primary}"
    config = '{"name":"ECS_CD_CONFIG","value":"%s"}'
    own, default = (f"!Sub {quoted(config % text)}" for text in ("${ParameterName}", "/ecs-cd/${Name}"))
    members = ['"["', *before, chosen(["OwnParameterName"], own, default), *more, '"]"']
    yield "EnvironmentVariables: !Join"
    yield '  - ""'
    yield from (f"  {'- ' if index == 0 else '  '}- {each}" for index, each in enumerate(members))


def _pipeline_variables() -> Iterator[str]:
    """The variables of the execution, for each build."""
    for number in IMAGES:
        name = f"IMAGE_${{Image{number}}}"
        value = "!Sub " + quoted(f'{{"name":"{name}","value":"#{{variables.{name}}}"}},')
        yield chosen(_when_image(number, "Variables"), value, '""')
    for condition, name in (("Commit", "COMMIT"), ("HandedOver", "ECS_CD_NONCE")):
        yield chosen([condition], quoted(f'{{"name":"{name}","value":"#{{variables.{name}}}"}},'), '""')


def _action_configuration(key: str) -> Iterator[str]:
    first = '!Sub "Image_${Image1}"'
    if key != "migrate":
        return _configuration(key, f"!If [FromObject, source, {first}]", _pipeline_variables(), ())
    # docker.yml reads the image of the primary source.
    artifact = roles.of_migration_image({number: f'!Sub "Image_${{Image{number}}}"' for number in IMAGES})
    return _configuration(key, f"!If [FromObject, source, {artifact}]", _pipeline_variables(), _migration_image())


def _migration_image() -> Iterator[str]:
    """Where the image is written: a variable of the execution or of the image's build, or a file of the source."""
    for condition, name, value in (
        ("Variables", "MIGRATION_IMAGE", "#{variables.IMAGE_${image}}"),
        ("Connection", "MIGRATION_IMAGE", "#{Build_${image}.IMAGE}"),
        ("Object", "MIGRATION_IMAGE_DETAIL", "imageDetail-${image}.json"),
    ):
        text = f',{{"name":"{name}","value":"{value}"}}'
        texts = {number: f"!Sub {quoted(text.replace('${image}', f'${{Image{number}}}'))}" for number in IMAGES}
        yield chosen(["Docker", condition], roles.of_migration_image(texts), '""')
    detail = quoted(',{"name":"MIGRATION_IMAGE_DETAIL","value":"imageDetail.json"}')
    yield chosen(["Docker", "FromImages"], detail, '""')


def _approval(before: str) -> Iterator[str]:
    text = f"Before the {before} of"
    yield "- Name: Approve"
    yield '  ActionTypeId: {Category: Approval, Owner: AWS, Provider: Manual, Version: "1"}'
    yield "  RunOrder: 1"
    yield "  Configuration:"
    yield f"    CustomData: !If [Event, !Sub '{text} what ${{Tag}} names', !If [Connection, '{text} #{{Source.CommitId}}', '{text} #{{variables.COMMIT}}']]"
    yield f"    NotificationArn: !If [Topic, !Ref ApprovalTopicArn, {NOTHING}]"


def _pairs(parameter: str) -> str:
    """NAME=value,NAME=value as the members of a JSON object."""
    return f"""!Join ['":"', !Split ["=", !Join ['","', !Split [",", !Ref {parameter}]]]]"""


def _environment(prefix: str, exported: str = "", variables: str = "") -> Iterator[str]:
    """A buildspec's `env` as JSON, with what the parameters of a prefix add."""
    yield "env: !Join"
    yield '  - ""'
    yield f"  - - {quoted('{' + exported)}"
    for kind, key in (("ParameterStore", "parameter-store"), ("SecretsManager", "secrets-manager")):
        member = quoted(f'"{key}":{{"${{pairs}}"}},')
        yield f'    - !If [{prefix}Has{kind}, !Sub [{member}, {{pairs: {_pairs(prefix + kind)}}}], ""]'
    yield """    - '"shell":"bash"'"""
    pairs = f"{{pairs: {_pairs(prefix + 'Environment')}}}"
    with_pairs = quoted(f',"variables":{{{variables}{"," if variables else ""}"${{pairs}}"}}')
    without = "!Sub " + quoted(f',"variables":{{{variables}}}') if variables else '""'
    yield f"    - !If [{prefix}HasEnvironment, !Sub [{with_pairs}, {pairs}], {without}]"
    yield '    - "}"'


_RELEASE = '"ECS_CD_RELEASE":"${Release}","ECS_CD_RELEASE_SHA256":"${ReleaseSha256}"'


def _fillings(key: str) -> list[str]:
    """What the braces of a buildspec stand for."""
    report = f"report_group: {roles.arn('codebuild', f'report-group/${{Name}}-{key}-report')}"
    if key == "build":
        exported = '"exported-variables":["IMAGE","DIGEST","BUILT"],'
        return [*_environment("Build", exported, _RELEASE), report]
    if key == "docker":
        options = '!Sub ["--env ${names}", {names: !Join [" --env ", !Ref MigrationVariables]}]'
        return [
            *_environment("Migration"),
            f'options: !If [HasMigrationVariables, {options}, ""]',
            "command: !Ref MigrationCommand",
        ]
    if key == "status":
        members = '"PIPELINE":"${Name}","REPOSITORY":"${ConnectionRepository}"'
        token = '{"secrets-manager":{"GITHUB_TOKEN":"${StatusToken}"},"shell":"bash","variables":{'
        return [f"env: !Sub {quoted(token + _RELEASE + ',' + members + '}}')}"]
    return ["release: !Ref Release", "release_sha256: !Ref ReleaseSha256", report]


def _buildspec(key: str) -> Iterator[str]:
    """The buildspec's text, and what its braces stand for."""
    yield "- |"
    yield from (f"  {line}" for line in (BUILDSPECS / f"{key}.yml").read_text(encoding="utf-8").splitlines())
    first, *rest = _fillings(key)
    yield f"- {first}"
    yield from (f"  {line}" for line in rest)


def _projects() -> Iterator[str]:
    for key, condition in {**roles.ACTIONS, "status": "Status"}.items():
        yield from _project(key, key.title(), f"  Condition: {condition}")


def _project(key: str, title: str, condition: str) -> Iterator[str]:
    of = f"The action {title} of" if key != "status" else "The commit's status, of"
    artifacts, source = ("NO_ARTIFACTS", "NO_SOURCE") if key == "status" else ("CODEPIPELINE", "CODEPIPELINE")
    size = "!Ref BuildComputeType" if key == "build" else "BUILD_GENERAL1_SMALL"
    privileged = {"build": "true", "migrate": "!If [Docker, true, false]"}.get(key, "false")
    yield from [f"{title}Project:", "  Type: AWS::CodeBuild::Project", condition, "  Properties:"]
    yield from [
        f"    Name: !Sub ${{Name}}-{key}",
        f"    Description: !Sub {of} the pipeline ${{Name}}",
        f"    ServiceRole: !GetAtt {title}Role.Arn",
        "    TimeoutInMinutes: !Ref BuildTimeout",
        f"    EncryptionKey: !If [Key, !Ref KmsKeyArn, {NOTHING}]",
        f"    Artifacts: {{Type: {artifacts}}}",
        f"    Environment: {{Type: LINUX_CONTAINER, Image: aws/codebuild/standard:7.0, ComputeType: {size}, PrivilegedMode: {privileged}}}",
        f"    LogsConfig: {{CloudWatchLogs: {{Status: ENABLED, GroupName: !Ref {title}LogGroup}}}}",
    ]
    if key == "migrate":
        vpc = 'VpcId: !Ref VpcId, Subnets: !Split [",", !Ref SubnetIds], SecurityGroupIds: !Split [",", !Ref SecurityGroupIds]'
        yield f"    VpcConfig: !If [Docker, {{{vpc}}}, {NOTHING}]"
    yield from ["    Source:", f"      Type: {source}"]
    if key == "migrate":
        yield "      BuildSpec: !If"
        yield "        - Docker"
        for each in ("docker", "migrate"):
            yield "        - !Sub"
            yield from (f"          {line}" for line in _buildspec(each))
    else:
        yield "      BuildSpec: !Sub"
        yield from (f"        {line}" for line in _buildspec(key))
    yield from _beside_project(key, title, condition)


def _beside_project(key: str, title: str, condition: str) -> Iterator[str]:
    """Its role, log group and report group: the steps of ecs-cd as test cases, a page in CodeBuild's console."""
    source = roles.arn("codebuild", f"project/${{Name}}-{key}")
    yield from ["", f"{title}Role:", "  Type: AWS::IAM::Role", condition, "  Properties:"]
    yield from [
        f"    RoleName: !Sub ${{Name}}-{key}",
        f"    Description: !Sub The CodeBuild project ${{Name}}-{key}",
        "    AssumeRolePolicyDocument:",
        '      Version: "2012-10-17"',
        "      Statement:",
        "        - Effect: Allow",
        "          Action: sts:AssumeRole",
        "          Principal: {Service: codebuild.amazonaws.com}",
        f"          Condition: {{StringEquals: {{aws:SourceArn: {source}}}}}",
        "    Policies:",
        f"      - PolicyName: {key}",
        "        PolicyDocument:",
        '          Version: "2012-10-17"',
        "          Statement:",
        *(f"            {line}" for line in roles.lines(roles.project(key))),
    ]
    yield from ["", f"{title}LogGroup:", "  Type: AWS::Logs::LogGroup", condition, "  Properties:"]
    yield from [f"    LogGroupName: !Sub /aws/codebuild/${{Name}}-{key}", "    RetentionInDays: !Ref LogDays", ""]
    if key != "status":
        yield from [
            f"{title}ReportGroup:",
            "  Type: AWS::CodeBuild::ReportGroup",
            condition if key != "migrate" else "  Condition: MigrateEcsCd",
            "  Properties:",
            f"    Name: !Sub ${{Name}}-{key}-report",
            "    Type: TEST",
            "    DeleteReports: true",
            "    ExportConfig: {ExportConfigType: NO_EXPORT}",
            "",
        ]


def _statements(role: str) -> list[str]:
    return roles.lines({"pipeline": roles.pipeline, "github": roles.github}[role]())


_REGIONS: dict[str, Callable[..., Any]] = {
    "images": _more_images,
    "rules": _image_rules,
    "conditions": _conditions,
    "variables": _variables,
    "sources": _image_sources,
    "builds": _image_builds,
    "artifacts": _image_artifacts,
    "document": _document,
    "configuration": _action_configuration,
    "approval": _approval,
    "projects": _projects,
    "statements": _statements,
}


# --- the table of the README ---


class _Declarations(yaml.SafeLoader):
    """Of the template only what has no functions is looked at."""


_Declarations.add_multi_constructor("!", lambda loader, tag, node: None)


def _with_table(readme: str, template: str) -> str:
    head, begin, rest = readme.partition(BEGIN)
    _, end, tail = rest.partition(END)
    assert begin and end, f"{README} has no {BEGIN} and {END}"
    declared = yaml.load(template, _Declarations)
    rows = [line for group in _groups(declared) for line in _table(*group)]
    return "".join([head, begin, "\n", *(f"{row}\n" for row in rows), end, tail])


def _groups(template: dict[str, Any]) -> Iterator[tuple[str, dict[str, dict[str, Any]]]]:
    for group in template["Metadata"]["AWS::CloudFormation::Interface"]["ParameterGroups"]:
        yield group["Label"]["default"], {name: template["Parameters"][name] for name in group["Parameters"]}


def _table(title: str, parameters: dict[str, dict[str, Any]]) -> Iterator[str]:
    yield from [f"### {title}", "", "| Parameter | Default | Description |", "|---|---|---|"]
    for name, each in parameters.items():
        default = f"`{each['Default']}`" if each.get("Default", "") != "" else "" if "Default" in each else "required"
        allowed = [str(value) for value in each.get("AllowedValues", []) if str(value)]
        values = f" `{'`, `'.join(allowed)}`." if allowed and not _are_told(allowed, each["Description"]) else ""
        yield f"| {name} | {default} | {each['Description']}{values} |"
    yield ""


def _are_told(values: list[str], description: str) -> bool:
    return set(values) <= {"true", "false"} or len(values) > 6 or all(f"`{value}`" in description for value in values)
