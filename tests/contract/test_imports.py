"""One direction of imports: cli -> verbs -> steps -> deploy -> images -> inputs -> tasks -> ... -> model, never back."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from graphlib import TopologicalSorter
from pathlib import Path

from tests.contract.parts import ROOT

SRC = ROOT / "src"
# From the bottom. A module imports its own package and those below; packages of one line do not know each other.
PACKAGES = (
    "model",
    "diagnosis",
    "report",
    "aws ci",
    "job",
    "document",
    "locks",
    "tasks",
    "inputs",
    "images",
    "deploy",
    "handoff iam",
    "verify",
    "steps",
    "verbs",
    "init local",
    "cli",
)
PURE = ("model", "diagnosis", "report")  # as a whole; elsewhere what is in a folder `rules`
WORLD = {"boto3", "botocore", "os", "sys", "subprocess", "time", "datetime", "pathlib", "tempfile", "shutil", "signal"}
WORLD |= {"socket", "urllib", "threading", "concurrent", "random", "secrets"}


# A variable that GitHub, its runner, act or CodeBuild sets, or how the names of many begin; as a whole, not in a sentence.
VARIABLE = re.compile(r"(GITHUB|ACTIONS|CODEBUILD)_\w*|ACT")
# `ecs-cd local` gives a workflow its variables, and `ecs-cd init` reads scripts that use them, on a developer's machine.
READERS = ("ci", "init", "local")


def modules() -> dict[str, ast.Module]:
    """The modules of src by their dotted names."""
    found = {}
    for path in sorted(SRC.rglob("*.py")):
        words = path.relative_to(SRC).with_suffix("").parts
        found[".".join(words[:-1] if words[-1] == "__init__" else words)] = ast.parse(path.read_text(encoding="utf-8"))
    return found


MODULES = modules()


def imports(tree: ast.Module) -> Iterator[str]:
    """All imports of a module, anywhere in it, as dotted names; for ecs_cd the module, not the name in it."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are absolute"
            for alias in node.names:
                inner = f"{node.module}.{alias.name}"
                yield inner if inner in MODULES else str(node.module)


def package(module: str) -> str:
    """The package of ``ecs_cd`` that the module is in; of ``cli.py`` the module itself."""
    return module.split(".")[1] if "." in module else ""


def level(module: str) -> int:
    """The number of the module's package, from the bottom."""
    return next(number for number, names in enumerate(PACKAGES) if package(module) in names.split())


def pure(module: str) -> bool:
    """Whether the module decides on data alone, by its path."""
    return "rules" in module.split(".") or package(module) in PURE


def found_in(*names: str) -> dict[str, set[str]]:
    """The modules that import one of these, or something in them."""
    return {
        module: hits
        for module, tree in MODULES.items()
        if (hits := {i for i in imports(tree) if any(i == name or i.startswith(f"{name}.") for name in names)})
    }


def test_every_package_is_named() -> None:
    """Beside cli.py there are packages alone, and each has its place in the order."""
    there = {path.stem for path in (SRC / "ecs_cd").iterdir() if path.name not in ("__init__.py", "__pycache__")}
    assert there == {name for names in PACKAGES for name in names.split()}
    assert [path.name for path in (SRC / "ecs_cd").glob("*.py")] in (
        ["__init__.py", "cli.py"],
        ["cli.py", "__init__.py"],
    )


def test_every_package_says_what_is_in_it() -> None:
    """In a docstring of one line."""
    packages = {str(path.parent.relative_to(SRC)): path for path in SRC.rglob("__init__.py")}
    for where, path in packages.items():
        words = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or ""
        assert words and "\n\n" not in words and "\n" not in words, where


def test_no_file_is_long() -> None:
    """A reader sees at once what a file is about; tables may be as long as they need to be."""
    lines = {str(path.relative_to(SRC)): path.read_text(encoding="utf-8").count("\n") for path in SRC.rglob("*.py")}
    assert {path for path, number in lines.items() if number > 400} <= {"ecs_cd/diagnosis/causes.py"}


def test_imports_go_one_way() -> None:
    """A module imports nothing above it, and no package next to its own."""
    back = [
        f"{module} imports {imported}"
        for module, tree in MODULES.items()
        for imported in imports(tree)
        if module != "ecs_cd" and imported in MODULES and imported != "ecs_cd" and package(imported) != package(module)
        if level(imported) >= level(module)
    ]
    assert back == []


def test_imports_make_no_circle() -> None:
    """Within a part as well."""
    graph = {module: {i for i in imports(tree) if i in MODULES} - {module} for module, tree in MODULES.items()}
    list(TopologicalSorter(graph).static_order())


def test_verbs_and_services_do_not_know_each_other() -> None:
    """A verb a file, a service a file, a CI system a file: what two of them need is below them."""
    sides = [
        {name for name in MODULES if name.startswith("ecs_cd.verbs.")} - {"ecs_cd.verbs.pipeline"},
        {name for name in MODULES if name.startswith("ecs_cd.aws.")}
        - {"ecs_cd.aws.session", "ecs_cd.aws.errors", "ecs_cd.aws.as_written", "ecs_cd.aws.readable"},
        {"ecs_cd.ci.github", "ecs_cd.ci.codebuild", "ecs_cd.ci.terminal"},
    ]
    for side in sides:
        assert {module: hits for module in side if (hits := set(imports(MODULES[module])) & side)} == {}


def test_decisions_touch_nothing_of_the_world() -> None:
    """Data in, verdict out: no AWS, no CI, no files, no processes, no clock, no chance; of packages PyYAML alone."""
    for module in filter(pure, MODULES):
        names = set(imports(MODULES[module]))
        tops = {name.partition(".")[0] for name in names}
        assert not tops & WORLD, module
        assert tops <= {*sys.stdlib_module_names, "ecs_cd", "yaml"}, module
        assert all(pure(name) for name in names if name in MODULES and name != "ecs_cd"), module


def test_the_run_is_identified_in_ci() -> None:
    """No other code names a variable of GitHub, act or CodeBuild: ``Run`` has their values."""
    found = {
        module: {node.value for node in ast.walk(tree) if isinstance(node, ast.Constant) and is_variable(node.value)}
        for module, tree in MODULES.items()
    }
    assert found["ecs_cd.ci.run"] > {
        "GITHUB_SHA",
        "GITHUB_RUN_ID",
        "ACTIONS_RUNTIME_TOKEN",
        "ACT",
        "CODEBUILD_BUILD_ID",
    }
    assert {module: names for module, names in found.items() if names and package(module) not in READERS} == {}


def is_variable(constant: object) -> bool:
    """Whether this is such a name, as a text or in bytes."""
    text = constant.decode(errors="replace") if isinstance(constant, bytes) else constant
    return isinstance(text, str) and VARIABLE.fullmatch(text) is not None


def test_the_clock_is_injected() -> None:
    """cli.py alone has the real clock, so that a test can turn the time of everything else; `ecs-cd local` has its own."""
    assert {module for module in found_in("time") if package(module) != "local"} == {"ecs_cd.cli"}


def test_boto3_stays_in_aws() -> None:
    """Elsewhere of botocore only its exceptions are known; the local CodePipeline answers by its models."""
    assert set(found_in("boto3")) == {"ecs_cd.aws.session"}
    for module, names in found_in("botocore").items():
        own = ("ecs_cd.aws", "ecs_cd.local.codepipeline.wire")
        assert module.startswith(own) or names == {"botocore.exceptions"}, module


def test_processes_are_started_in_three_places() -> None:
    """Git for the checkout, Docker for the build, gh for attestations; `ecs-cd local`, which no release holds, has its own."""
    found = {module for module in found_in("subprocess") if not module.startswith("ecs_cd.local.")}
    assert found == {"ecs_cd.job.checkout", "ecs_cd.images.docker", "ecs_cd.images.gh"}


def test_packages_are_those_that_are_locked() -> None:
    """What src imports is in requirements/runtime.in; requests and PyGithub, which hold compiled code, are not."""
    tops = {name.partition(".")[0] for tree in MODULES.values() for name in imports(tree)}
    assert tops - set(sys.stdlib_module_names) == {"ecs_cd", "boto3", "botocore", "yaml", "actions_toolkit", "rich"}
    assert set(found_in("rich")) == {"ecs_cd.ci.live"}  # which a release leaves out
    assert set(found_in("actions_toolkit")) == {"ecs_cd.ci.github"}


def test_nothing_brings_requests_or_pygithub_in() -> None:
    """Not by way of another package either: they are not in a release."""
    script = "import sys, ecs_cd.cli, ecs_cd.ci.github, yaml; print({'requests', 'github'} & set(sys.modules))"
    done = subprocess.run(
        [sys.executable, "-c", script],
        env={"PYTHONPATH": str(SRC)},
        cwd=Path("/"),
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == "set()\n"
