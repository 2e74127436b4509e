"""The eight patterns on this machine: for each an app's repository, and what the infra team's Terraform makes of it.

The workflow is that of the pattern's page in docs/patterns, the pipeline that of an example in examples/infra.
"""

from __future__ import annotations

import json
import re
import tarfile
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dev import workflows
from dev.base_images import BaseImages
from dev.host import ROOT
from dev.stack import APP_PORT, NGINX_PORT
from dev.terraform import provider
from dev.terraform.terraform import Terraform

NUMBERS = range(1, 9)
REPOSITORY = "org/my-app"  # of the app, on GitHub
REGION = "ap-northeast-1"  # of the pages' workflows
SECRET = f"arn:aws:secretsmanager:{REGION}:123456789012:secret:my-app/database-AbCdEf:url::"


@dataclass(frozen=True)
class Pattern:
    """The images, and the example of the infra side."""

    number: int
    images: tuple[str, ...]
    infra: str

    @property
    def several(self) -> bool:
        return len(self.images) > 1

    @property
    def in_actions(self) -> bool:
        """Whether a workflow builds the images; otherwise a push starts the pipeline."""
        return self.number not in (4, 8)

    @property
    def has_pipeline(self) -> bool:
        return self.number not in (1, 5)

    @property
    def app(self) -> Path:
        """The example of the app's repository."""
        return ROOT / "examples" / ("multi-image" if self.several else "single-image")


ONE, TWO = ("app",), ("app", "nginx")
PATTERNS = {
    each.number: each
    for each in (
        Pattern(1, ONE, "terraform-actions"),
        Pattern(2, ONE, "terraform-actions-then-pipeline"),
        Pattern(3, ONE, "terraform-variables"),
        Pattern(4, ONE, "terraform-connection"),
        Pattern(5, TWO, "terraform-actions"),
        Pattern(6, TWO, "terraform-actions-then-pipeline"),
        Pattern(7, TWO, "terraform-variables"),
        Pattern(8, TWO, "terraform-connection"),
    )
}


def app_repo(pattern: Pattern, folder: Path, images: BaseImages) -> Path:
    """The app's repository, with the workflow of the pattern's page and base images that this machine has."""
    repo = workflows.app_repo(folder, pattern.app)
    place = repo / ".github" / "workflows"
    for each in place.glob("*"):
        each.unlink()
    if pattern.in_actions:
        place.mkdir(parents=True, exist_ok=True)
        (place / "deploy.yml").write_text(workflow(pattern.number))
    (repo / ".github").mkdir(exist_ok=True)
    (repo / ".github" / "ecs-cd.yml").write_text(json.dumps({"images": _builds(pattern, images)}, indent=2))
    workflows.commit(repo, "the pipeline")
    return repo


def workflow(number: int) -> str:
    """The workflow on the pattern's page."""
    text = (ROOT / "docs" / "patterns" / f"{number}.md").read_text()
    found = re.search(r"^## The app repository\n.*?^```yaml\n(.*?)^```", text, re.DOTALL | re.MULTILINE)
    assert found, f"docs/patterns/{number}.md has no workflow"
    return found[1]


def _builds(pattern: Pattern, images: BaseImages) -> dict[str, Any]:
    bases = {"app": images.python, "nginx": images.nginx}
    contexts = {name: {"context": name} for name in pattern.images} if pattern.several else {}
    return {name: {**contexts.get(name, {}), "build-args": {"BASE": bases[name]}} for name in pattern.images}


def terraform(pattern: Pattern, release: Path) -> str:
    """What `terraform show -json` says after the infra team has applied the pattern's example."""
    with tempfile.TemporaryDirectory() as folder, provider.running(Path(folder)) as reattach:
        variables = terraform_variables(pattern, release)
        return Terraform(reattach).show(ROOT / "examples" / "infra" / pattern.infra, variables)


def packed(tree: Path, archive: Path) -> Path:
    """The release tree as its archive."""
    with tarfile.open(archive, "w:gz", compresslevel=1) as tar:
        tar.add(tree, ".")
    return archive


def terraform_variables(pattern: Pattern, release: Path) -> Mapping[str, Any]:
    """The variables of the pattern's example."""
    given: dict[str, Any] = {
        "app": {"repository": "my-app", "port": APP_PORT, "secrets": {"DATABASE_URL": SECRET}},
        "nginx": {"repository": "my-nginx", "port": NGINX_PORT},
    }
    images = {name: given[name] for name in pattern.images}
    source = {} if pattern.in_actions else {"repository": REPOSITORY}
    return {"region": REGION, "release": str(release), "images": images, **source}
