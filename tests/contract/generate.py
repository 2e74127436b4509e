"""Writes the files that are generated from the code.

These are the metadata, inputs and outputs in each action.yml, the tables of them in docs/reference/inputs.md, the table of
the official actions' inputs in docs/guides/coming-from/official-actions.md, those of docs/reference/permissions.md, and the
JSON Schemas. For infra/terraform, these are the policies and the tables of inputs and outputs; for infra/cloudformation, what
is repeated in the template, and the table of parameters. The Japanese pages have the code of the English ones:

    make generate
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path

from dev import cloudformation, permissions, terraform_docs
from ecs_cd.document.rules import app_file
from ecs_cd.document.rules.schema import SCHEMA
from ecs_cd.inputs import options
from ecs_cd.inputs.common import ImagesFrom
from ecs_cd.inputs.deploy import Deploy, InWaves
from ecs_cd.inputs.options import Option
from ecs_cd.inputs.outputs import OUTPUTS
from ecs_cd.inputs.pipeline import Pipeline
from ecs_cd.inputs.verbs import VERBS, Verb
from ecs_cd.model.owner import OWNER
from tests.contract import parts
from tests.contract.parts import INPUTS, ROOT

ACTIONS = [verb for verb in VERBS.values() if verb.action]
# The inputs of amazon-ecs-render-task-definition 1.9 and amazon-ecs-deploy-task-definition 2.6.
RENDER = (
    "task-definition", "task-definition-arn", "task-definition-family", "task-definition-revision", "container-name",
    "image", "environment-variables", "env-files", "log-configuration-log-driver", "log-configuration-options",
    "docker-labels", "command", "secrets", "task-role-arn", "execution-role-arn",
)  # fmt: skip
DEPLOY = (
    "task-definition", "desired-count", "service", "cluster", "wait-for-service-stability", "wait-for-minutes",
    "wait-max-delay-seconds", "codedeploy-appspec", "codedeploy-application", "codedeploy-deployment-group",
    "codedeploy-deployment-description", "codedeploy-deployment-config", "force-new-deployment",
    "service-managed-ebs-volume-name", "service-managed-ebs-volume", "run-task", "run-task-container-overrides",
    "run-task-security-groups", "run-task-subnets", "run-task-assign-public-IP", "run-task-capacity-provider-strategy",
    "run-task-launch-type", "run-task-started-by", "run-task-tags", "run-task-managed-ebs-volume-name",
    "run-task-managed-ebs-volume", "wait-for-task-stopped", "enable-ecs-managed-tags", "propagate-tags",
    "keep-null-value-keys", "max-retries",
)  # fmt: skip

# What the Marketplace shows of an action: its description, at most 125 characters, and its icon.
# https://docs.github.com/en/actions/reference/workflows-and-actions/metadata-syntax
METADATA = {
    "pipeline": ("Builds and pushes the image, migrates the database inside the VPC, deploys to Amazon ECS.", "upload-cloud"),
    "images": ("Lists the images of the document, as the matrix of a job that builds them.", "layers"),
    "build-push": ("Builds images and pushes them to Amazon ECR, unless they are already there.", "package"),
    "migrate": ("Runs the database migration inside the VPC by ECS RunTask and waits for its exit code.", "database"),
    "deploy": ("Deploys the commit's images to Amazon ECS and reports the result.", "play-circle"),
    "hand-off": ("Gives the commit's images to a CodePipeline pipeline, follows it, and reports why it fails.", "send"),
    "verify": ("Checks the roles, logs, secrets, images and network that a deployment needs, and changes nothing.", "check-circle"),
    "continue": ("Continues a paused deployment on Amazon ECS, and follows it to its end.", "play"),
    "rollback": ("Returns Amazon ECS services to what last ran well, or takes back a deployment in progress.", "rotate-ccw"),
    "plan": ("Shows on a pull request what a deployment to Amazon ECS would change, and changes nothing.", "list"),
    "lock": ("Refuses all deployments of an environment until unlock, and says who locked it, why and until when.", "lock"),
    "unlock": ("Ends the lock of an environment, so that deployments start again.", "unlock"),
}  # fmt: skip

_SEPARATE = [verb for verb in ACTIONS if verb.name != "pipeline"]
_BAR = r"\|"  # in a cell
_QUOTED = json.JSONEncoder(ensure_ascii=False).encode  # a JSON string is a YAML string


def texts() -> dict[Path, str]:
    """The intended content of each generated file."""
    actions = {ROOT / verb.action / "action.yml": verb for verb in ACTIONS}
    return {
        **{path: _action(path.read_text(encoding="utf-8"), verb) for path, verb in actions.items()},
        INPUTS: _tables(INPUTS.read_text(encoding="utf-8")),
        parts.DROP_IN: _between(parts.DROP_IN.read_text(encoding="utf-8"), "inputs", _official()),
        parts.PERMISSIONS: _permissions(parts.PERMISSIONS.read_text(encoding="utf-8")),
        parts.SCHEMA: json.dumps(SCHEMA, indent=2) + "\n",
        parts.APP_SCHEMA: json.dumps(app_file.SCHEMA, indent=2) + "\n",
        **permissions.generated(),
        **terraform_docs.generated(),
        **cloudformation.generated(),
        **{page: _with_code(page, english) for page, english in parts.JAPANESE.items()},
    }


def _action(text: str, verb: Verb) -> str:
    """The action.yml with its metadata, inputs and outputs replaced; the steps stay."""
    description, icon = METADATA[verb.name]
    lines = [f"name: {'ecs-cd' if verb.name == 'pipeline' else f'ecs-cd {verb.name}'}", f"description: {description}"]
    lines += [f"author: {OWNER}", f"branding: {{icon: {icon}, color: orange}}", "", "inputs:"]
    for name, option in options.options(verb.inputs).items():
        lines += [f"  {name}:", f"    description: {_QUOTED(option.help)}"]
        lines += [f"    required: {str(option.required).lower()}"]
        default = option.in_action or option.default
        lines += [f"    default: {_QUOTED(default)}"] if default else []
    lines += ["", "outputs:"] if verb.outputs else []
    for name in verb.outputs:
        lines += [f"  {name}:", f"    description: {_QUOTED(OUTPUTS[name])}"]
        lines += [f"    value: ${{{{ steps.ecs-cd.outputs.{name} }}}}"]
    return "\n".join([*lines, "", "runs:", text.partition("\nruns:\n")[2]])


def _tables(text: str) -> str:
    with_inputs = _between(_between(text, "inputs", _inputs()), "flags", _flags())
    return _between(with_inputs, "outputs", _outputs())


def _permissions(text: str) -> str:
    return _between(_between(text, "permissions", permissions.table()), "reasons", permissions.reasons())


def _with_code(page: Path, english: Path) -> str:
    """The translation with the code blocks of the original, each in its place."""
    ours, code = (parts.FENCE.findall(path.read_text(encoding="utf-8")) for path in (page, english))
    assert len(ours) == len(code), f"{page.name} has {len(ours)} code blocks, {english.name} {len(code)}"
    blocks = iter(code)
    return parts.FENCE.sub(lambda _: next(blocks), page.read_text(encoding="utf-8"))


def _between(text: str, name: str, table: list[str]) -> str:
    """The text with the table between its two comments."""
    head, begin, rest = text.partition(f"<!-- {name}: made by tests/contract/generate.py -->\n")
    _, end, tail = rest.partition(f"<!-- end of {name} -->")
    assert begin and end, f"there are no comments around the {name}"
    return "".join([head, begin, "\n", *(f"{row}\n" for row in table), "\n", end, tail])


def _inputs() -> list[str]:
    rows = ["| Input | Of | Default | Meaning |", "|---|---|---|---|"]
    for name in _names():
        owners = {verb.name: own[name] for verb in _SEPARATE if name in (own := _own(verb))}
        rows += [_input(name, owners, option) for option in _distinct(owners.values())]
    more = "Instead of `config`, `deploy` also takes all inputs of the official actions"
    return [
        *rows,
        "",
        f"{more}: [coming from the official actions](../guides/coming-from/official-actions.md#the-inputs).",
    ]


def _input(name: str, owners: Mapping[str, Option], option: Option) -> str:
    """The row of an input for the verbs that declare it like this."""
    words = option.in_action or option.default
    default = "required" if option.required else f"`{words}`" if words else ""
    return _row(
        f"`{name}`", _of([verb for verb, own in owners.items() if own.help == option.help]), default, option.help
    )


def _distinct(found: Iterable[Option]) -> list[Option]:
    """The options with different meanings; several verbs may share one."""
    return list({option.help: option for option in found}.values())


def _flags() -> list[str]:
    """The flags of the verbs that are no action, except those that are inputs of an action as well; one of the
    same name with another kind of value is listed."""
    rows = ["| Flag | Of | Default | Meaning |", "|---|---|---|---|"]
    verbs = [verb for verb in VERBS.values() if not verb.action]
    inputs = {(name, option.metavar) for verb in _SEPARATE for name, option in _own(verb).items()}
    flags = [
        (name, option, verb.name)
        for verb in verbs
        for name, option in options.options(verb.inputs).items()
        if (name, option.metavar) not in inputs
    ]
    for name, help in dict.fromkeys((name, option.help) for name, option, _ in flags):
        same = [(option, verb) for each, option, verb in flags if (each, option.help) == (name, help)]
        default = f"`{same[0][0].default}`" if same[0][0].default else ""
        rows.append(_row(f"`--{name}`", ", ".join(verb for _, verb in same), default, help))
    return rows


def _names() -> dict[str, None]:
    """What the actions take with a document; the pipeline's first."""
    names = [*options.options(Pipeline), *(name for verb in _SEPARATE for name in _own(verb))]
    return dict.fromkeys(names)


def _own(verb: Verb) -> dict[str, Option]:
    """The verb's inputs without those of the official actions, which may have the same name."""
    with_document = {**options.options(Deploy), **options.options(ImagesFrom), **options.options(InWaves)}
    return with_document if verb.name == "deploy" else options.options(verb.inputs)


def _official() -> list[str]:
    rows = ["| Input | Of | Default | Meaning | Same? |", "|---|---|---|---|---|"]
    known = options.options(VERBS["deploy"].inputs)
    for name in dict.fromkeys((*RENDER, *DEPLOY)):
        owners = [action for action, names in (("render", RENDER), ("deploy", DEPLOY)) if name in names]
        default = f"`{known[name].default}`" if known[name].default else ""
        differs = f"differs: {known[name].differs}" if known[name].differs else "same"
        rows.append(_row(f"`{name}`", ", ".join(owners), default, known[name].help, differs))
    return rows


def _outputs() -> list[str]:
    rows = ["| Output | Of | Meaning |", "|---|---|---|"]
    for name, meaning in OUTPUTS.items():
        rows.append(_row(f"`{name}`", _of([verb.name for verb in _SEPARATE if name in verb.outputs]), meaning))
    return rows


def _of(owners: list[str]) -> str:
    return "all" if len(owners) == len(_SEPARATE) else ", ".join(owners)


def _row(*cells: str) -> str:
    return f"| {' | '.join(cell.replace('|', _BAR) for cell in cells)} |"


def stale(wanted: Mapping[Path, str]) -> list[str]:
    """The names of the files with other content."""
    return [
        str(path.relative_to(ROOT))
        for path, text in wanted.items()
        if not path.exists() or path.read_text(encoding="utf-8") != text
    ]


if __name__ == "__main__":
    wanted = texts()
    for name in stale(wanted):
        (ROOT / name).write_text(wanted[ROOT / name], encoding="utf-8")
        print(f"{name} written")
