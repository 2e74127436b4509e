"""Git's command line: what a configuration names is not run."""

from __future__ import annotations

import pytest

from ecs_cd.job.rules import git

LFS = "filter.lfs.clean\ngit-lfs clean -- %f\0filter.lfs.process\ngit-lfs filter-process\0filter.lfs.required\ntrue\0"
SWITCHES = ("clean=", "process=", "required=false")


def switched_off(*names: str) -> list[str]:
    return [word for name in names for switch in SWITCHES for word in ("-c", f"filter.{name}.{switch}")]


@pytest.mark.parametrize(
    ("listed", "options"),
    [
        ("", []),
        ("core.bare\nfalse\0user.name\nx\0", []),
        (LFS, []),
        ("filter.lfs.process\ngit-lfs filter-process --skip\0", []),
        ('filter.git-crypt.clean\n"git-crypt" clean\0', []),
        ('filter.git-crypt-key.clean\n"git-crypt" clean --key-name=key\0', []),
        ("filter.x.clean\n./tool\0", switched_off("x")),
        ("filter.x.process\n./tool\0filter.x.clean\n./tool\0filter.y.clean\nz\0", switched_off("x", "y")),
        ("filter.a.b c.clean\n./tool\0", switched_off("a.b c")),
        ("filter.x.clean\0filter.x.smudge\n./tool\0filter.x.required\ntrue\0", []),
        (f"{LFS}filter.lfs.clean\n./git-lfs clean -- %f\0", switched_off("lfs")),
        ("filter.lfs.clean\ngit-lfs clean -- %f; ./tool\0", switched_off("lfs")),
        ("filter.lfs.clean\ngit-lfs clean -- %f\n./tool\0", switched_off("lfs")),
        ('filter.git-crypt.clean\n"git-crypt" clean --key-name=$(tool)\0', switched_off("git-crypt")),
        ("filter.a=b.clean\n./tool\0", None),
    ],
)
def test_a_filter_that_is_not_known_is_switched_off(listed: str, options: list[str] | None) -> None:
    """By its command, whatever its name; one whose name can't be given is a failure."""
    assert git.without_filters(listed) == options


def test_submodules_are_found_by_their_mode() -> None:
    """Whatever their paths look like."""
    blob, entry = "100644 0123 0\ta\0", "160000 0123 0\t{}\0"
    assert git.submodules("") == []
    assert git.submodules(blob + entry.format("b") + blob + entry.format("c d\n160000 x")) == ["b", "c d\n160000 x"]


@pytest.mark.parametrize("count", ["", "x", "-1", "1" * 9])
def test_the_git_of_others_gets_settings(count: str) -> None:
    """Beside those that it has, if Git understands their number."""
    given = git.settings_for_others({"GIT_CONFIG_COUNT": count})
    assert given["GIT_CONFIG_COUNT"] == "3"
    assert (given["GIT_CONFIG_KEY_0"], given["GIT_CONFIG_VALUE_0"]) == ("safe.bareRepository", "explicit")
    more = git.settings_for_others({"GIT_CONFIG_COUNT": "2"})
    assert more["GIT_CONFIG_COUNT"] == "5"
    assert sorted(more) == sorted(
        ["GIT_CONFIG_COUNT", *(f"GIT_CONFIG_{kind}_{number}" for kind in ("KEY", "VALUE") for number in (2, 3, 4))]
    )


def test_every_call_names_its_repository() -> None:
    """So Git looks for none."""
    options = git.options("/w")
    assert {"--git-dir=/w/.git", "--work-tree=/w", "safe.bareRepository=explicit"} < set(options)
    assert "--git-dir=/.git" in git.options("/")
