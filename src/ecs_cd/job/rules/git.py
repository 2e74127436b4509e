"""Git's command line, so that Git only reads: whatever a configuration or an attribute names, Git does not run it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping

_SAFE = (
    # A folder of the commit can look like a bare repository.
    "safe.bareRepository=explicit",
    "core.fsmonitor=false",
    "core.hooksPath=/dev/null",
)
_SETTINGS = (
    *_SAFE,
    # In a container job the workspace belongs to another user; it is still trusted.
    "safe.directory=*",
    # Make Git check more closely whether a file is the one that it wrote.
    "core.trustctime=true",
    "core.checkStat=default",
)
ENVIRON = {
    "GIT_OPTIONAL_LOCKS": "0",  # another step may hold the index
    # A partial clone would fetch what it lacks, by any program that its configuration names.
    "GIT_ALLOW_PROTOCOL": "none",
    "GIT_NO_LAZY_FETCH": "1",
    "GIT_TERMINAL_PROMPT": "0",
}
_DRIVER = re.compile(r"filter\.(?P<name>.*)\.(?P<key>clean|process)", re.DOTALL)
# Filters that Git needs to compare a file with its commit, by the commands that their own installers write. Their
# programs come from PATH.
_KNOWN = re.compile(r'git-lfs clean -- %f|git-lfs filter-process(?: --skip)?|"git-crypt" clean(?: --key-name=[\w-]+)?')


def settings_for_others(environ: Mapping[str, str]) -> dict[str, str]:
    """The variables with which the Git of another program, such as buildx, trusts no repository in a commit either."""
    text = environ.get("GIT_CONFIG_COUNT", "")
    first = int(text) if text.isdecimal() and len(text) < 4 else 0
    settings = [setting.split("=", 1) for setting in _SAFE]
    named = {"KEY": 0, "VALUE": 1}
    return {
        "GIT_CONFIG_COUNT": str(first + len(settings)),
        **{f"GIT_CONFIG_{n}_{first + i}": s[at] for i, s in enumerate(settings) for n, at in named.items()},
    }


def options(top: str) -> list[str]:
    """The options of every call for the checkout with this top folder. Git looks for no other repository."""
    repository = [f"--git-dir={top.rstrip('/')}/.git", f"--work-tree={top}"]
    return ["--no-pager", "--literal-pathspecs", *repository, *_configured(_SETTINGS)]


def without_filters(listed: str) -> list[str] | None:
    """The options that switch off all filters except the known ones, from the output of ``config --null --list``.

    ``None`` if a filter can't be switched off.
    """
    found = list(_drivers(listed))
    names = {name: None for name, command in found if not _KNOWN.fullmatch(command)}
    if any("=" in name for name in names):
        return None
    switches = ("clean=", "process=", "required=false")
    return _configured(f"filter.{name}.{switch}" for name in names for switch in switches)


def _configured(settings: Iterable[str]) -> list[str]:
    """The options for these settings, which beat those of every configuration file."""
    return [word for setting in settings for word in ("-c", setting)]


def _drivers(listed: str) -> Iterator[tuple[str, str]]:
    for entry in listed.split("\0"):
        key, _, command = entry.partition("\n")
        found = _DRIVER.fullmatch(key)
        if found and command:
            yield found["name"], command


def submodules(staged: str) -> list[str]:
    """The paths of the submodules in the output of ``ls-files --stage -z``."""
    return re.findall(r"(?:\A|\0)160000 [^\t]*\t([^\0]+)", staged)
