"""Everything that `ecs-cd init` writes and says, from the snapshot of a repository."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from ecs_cd.init.rules import app_file, definitions, document_text, new_workflow, step_inputs
from ecs_cd.init.rules.facts import Left
from ecs_cd.init.rules.plan import Document
from ecs_cd.init.rules.scope import Snapshot
from ecs_cd.init.rules.step_inputs import Shared
from ecs_cd.init.rules.targets import FOLDER, Target, targets
from ecs_cd.init.rules.values import Value
from ecs_cd.model.errors import Refused

ACTION = "org/ecs-cd@v1"
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


def make(snapshot: Snapshot) -> Result:
    """The new files. Raises ``Refused`` if there is nothing to read, or if a workflow is not YAML or uses ecs-cd."""
    using = [path for path, text in snapshot.texts.items() if path.startswith(FOLDER) and _OURS.search(text)]
    if using:
        raise Refused(f"{using[0]} uses ecs-cd already", "Edit it, or remove it to start again.")
    found = targets(snapshot)
    documents = [part.document for target in found for part in target.parts]
    result = Result(variables=step_inputs.variables(documents), old=[each.file for each in found if each.file])
    account = _account(snapshot)
    for document in documents:
        path = f"{DOCUMENTS}/{document.name}.yml"
        written = document_text.write(document, account)
        result.files[path] = written.text
        result.documents.append((path, document))
        result.sources += [(f"{document.name}: {key}", value, place) for key, value, place in written.sources]
        result.unknown += [(f"{path}: {key}", what) for key, what in written.unknown]
        result.left += document.notes
    result.files[f"{DOCUMENTS}/.gitignore"] = "# These files belong to the infra repository.\n*\n"
    app = app_file.write(documents, snapshot)
    result.files[app_file.PATH] = app.text
    result.unknown += [(f"{app_file.PATH}: {key}", what) for key, what in app.unknown]
    shared = Shared(ACTION, app.arguments, result.variables)
    for target in found:
        _workflow(target, shared, snapshot, result)
    result.left = list(dict.fromkeys(result.left))
    return result


def _workflow(target: Target, shared: Shared, snapshot: Snapshot, result: Result) -> None:
    path = f"{FOLDER}/{target.name}.yml"
    written = new_workflow.write(target, shared, snapshot.branch)
    result.files[path] = written.text
    result.unknown += [(f"{path}: {key}", what) for key, what in dict.fromkeys(written.unknown)]
    result.left += written.left


def _account(snapshot: Snapshot) -> Value:
    """The account that a task definition of the repository names in its roles or images."""
    for path in definitions.all_of(snapshot):
        for number, line in enumerate(snapshot.texts[path].splitlines(), 1):
            found = _ACCOUNT.search(line)
            if found and (found[1] or found[2]) not in _INVENTED:
                return Value(str(found[1] or found[2]), f"{path}:{number}")
    return Value()
