"""Everything that `ecs-cd init` writes and says, from the snapshot of a repository."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from ecs_cd.init.rules import app_file, definitions, document_text, new_workflow, scenarios, step_inputs, tree
from ecs_cd.init.rules.assumed import assumptions
from ecs_cd.init.rules.facts import Left
from ecs_cd.init.rules.plan import Document
from ecs_cd.init.rules.scope import Snapshot
from ecs_cd.init.rules.step_inputs import Shared
from ecs_cd.init.rules.targets import FOLDER, Target, targets
from ecs_cd.init.rules.values import Value
from ecs_cd.model import owner
from ecs_cd.model.errors import Refused

ACTION = f"{owner.ACTION}@v1"
DOCUMENTS = "ecs-cd-infra"
_OURS = re.compile(r"uses:\s*[\w.-]+/ecs-cd(?:/[^@\s]*)?@")
_ACCOUNT = re.compile(r"(?:arn:aws[a-z-]*:iam::(\d{12}):role/|(\d{12})\.dkr\.ecr\.)")
_INVENTED = ("123456789012", "000000000000", "111111111111", "111122223333", "012345678910", "999999999999")


@dataclass
class Result:
    """``files``: their texts by path, from the top of the repository. The rest is for the report."""

    files: dict[str, str] = field(default_factory=dict)
    documents: list[tuple[str, Document]] = field(default_factory=list)  # with their files
    sources: list[tuple[str, str, str]] = field(default_factory=list)  # key, value, place
    unknown: list[tuple[str, str]] = field(default_factory=list)  # a key with its file, what is known
    left: list[Left] = field(default_factory=list)
    variables: dict[str, tuple[str, str]] = field(default_factory=dict)
    old: list[str] = field(default_factory=list)
    assumed: list[tuple[str, str]] = field(default_factory=list)  # place, what


def make(snapshot: Snapshot) -> Result:
    """The new files. Raises ``Refused`` if there is nothing to read, or if a workflow is not YAML or uses ecs-cd."""
    using = [path for path, text in snapshot.texts.items() if path.startswith(FOLDER) and _OURS.search(text)]
    if using:
        raise Refused(f"{using[0]} uses ecs-cd already", "Edit it, or remove it to start again.")
    found = targets(snapshot)
    documents = [part.document for target in found for part in target.parts]
    result = Result(variables=step_inputs.variables(documents), old=[each.file for each in found if each.file])
    for document in documents:
        path = f"{DOCUMENTS}/{document.name}.yml"
        written = document_text.write(document, _account(document, snapshot), path)
        result.files[path] = written.text
        result.documents.append((path, document))
        result.sources += [(f"{document.name}: {key}", value, place) for key, value, place in written.sources]
        result.unknown += [(f"{path}: {key}", what) for key, what in (*written.unknown, *document.unknown)]
        result.left += document.notes
    result.files[f"{DOCUMENTS}/.gitignore"] = "# These files belong to the infra repository.\n*\n"
    app = app_file.write(documents, snapshot)
    result.files[app_file.PATH] = app.text
    result.unknown += [(f"{app_file.PATH}: {key}", what) for key, what in app.unknown]
    shared = Shared(ACTION, app.arguments, _labels(snapshot), result.variables)
    for target in found:
        _workflow(target, shared, snapshot, result)
        result.assumed += assumptions(target, snapshot)
        for part in target.parts:
            part.document.refs, part.document.tags = scenarios.refs(
                target.content, part.conditions.ways, snapshot.branch
            )
    result.left = list(dict.fromkeys(result.left))
    result.sources = list(dict.fromkeys(result.sources))
    result.unknown = list(dict.fromkeys(result.unknown))
    return result


def _workflow(target: Target, shared: Shared, snapshot: Snapshot, result: Result) -> None:
    path = f"{FOLDER}/{target.name}.yml"
    written = new_workflow.write(target, shared, snapshot.branch)
    result.files[path] = written.text
    result.unknown += [(f"{path}: {key}", what) for key, what in dict.fromkeys(written.unknown)]
    result.left += written.left


def _labels(snapshot: Snapshot) -> frozenset[str]:
    """The labels of the repository's own runners, as it tells actionlint."""
    for path in (".github/actionlint.yaml", ".github/actionlint.yml"):
        content = tree.mapping(tree.parse(snapshot.texts.get(path, ""), file=path))
        labels = tree.sequence(tree.mapping(content.get("self-hosted-runner")).get("labels"))
        if labels:
            return frozenset(map(str, labels))
    return frozenset()


def _account(document: Document, snapshot: Snapshot) -> Value:
    """The account that a task definition names in its roles or images: one of the document, or else the only one in
    those of the repository."""
    own = [*(each.template.text for each in document.services), *(each.template.text for each in document.tasks)]
    found = [value for path in own if (value := _account_in(path, snapshot)).text]
    if found:
        return found[0]
    others = [value for path in definitions.all_of(snapshot) if (value := _account_in(path, snapshot)).text]
    return others[0] if len({value.text for value in others}) == 1 else Value()


def _account_in(path: str, snapshot: Snapshot) -> Value:
    for number, line in enumerate(snapshot.texts.get(path, "").splitlines(), 1):
        found = _ACCOUNT.search(line)
        if found and (found[1] or found[2]) not in _INVENTED:
            return Value(str(found[1] or found[2]), f"{path}:{number}")
    return Value()
