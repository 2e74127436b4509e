"""Which variables of the job's environment a child process gets."""

from __future__ import annotations

from collections.abc import Collection, Mapping

CACHE_TOKEN = "ACTIONS_RUNTIME_TOKEN"  # for GitHub's cache, `type=gha`
NONCE = "ECS_CD_NONCE"  # proves to `hand-off` that ecs-cd itself wrote a verdict
AWS = "AWS_"
HELPERS = (AWS, "GH_TOKEN", "GITHUB_TOKEN")  # what a credential helper for a registry may sign in with
# With these, a process can act as this job towards GitHub and AWS. act sets INPUT_*, which can hold build secrets.
_CREDENTIALS = {"ACTIONS_ID_TOKEN_REQUEST_TOKEN", "ACTIONS_ID_TOKEN_REQUEST_URL", CACHE_TOKEN, NONCE, *HELPERS}
_PREFIXES = (AWS, "INPUT_")
# Of the variables that steer Git, only those that name the user's configuration files are for Git itself.
_GIT = {
    "PATH",
    "HOME",
    "USER",
    "LOGNAME",
    "LANG",
    "TMPDIR",
    "XDG_CONFIG_HOME",
    "GIT_CONFIG_GLOBAL",
    "GIT_CONFIG_SYSTEM",
    "GIT_CONFIG_NOSYSTEM",
}


def without_credentials(environ: Mapping[str, str], needed: Collection[str]) -> dict[str, str]:
    """The environment without the job's credentials, apart from those that are ``needed``: names, or prefixes that end
    in ``_``."""
    return {name: value for name, value in environ.items() if not is_credential(name) or _is_in(name, needed)}


def for_git(environ: Mapping[str, str]) -> dict[str, str]:
    """What Git needs: the variables that choose a repository, a program or a remote are not among it."""
    return {name: value for name, value in environ.items() if name in _GIT or name.startswith("LC_")}


def for_gh(environ: Mapping[str, str], token: str, folder: str) -> dict[str, str]:
    """What the GitHub CLI needs, with this token and no other, and a folder without settings: the user's could name
    another server, a proxy's socket or a log of all requests."""
    kept = without_credentials(environ, ())
    return {
        **{name: value for name, value in kept.items() if not name.startswith(("GH_", "GITHUB_")) and name != "DEBUG"},
        "GH_TOKEN": token,
        "GH_CONFIG_DIR": folder,
        "GH_PROMPT_DISABLED": "1",
        "GH_NO_UPDATE_NOTIFIER": "1",
        "NO_COLOR": "1",
    }


def is_credential(name: str) -> bool:
    """Whether a variable of this name lets its reader act as the job."""
    return name in _CREDENTIALS or name.startswith(_PREFIXES)


def _is_in(name: str, needed: Collection[str]) -> bool:
    return name in needed or any(one.endswith("_") and name.startswith(one) for one in needed)
