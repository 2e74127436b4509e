"""Image URIs of which parts may be unknown."""

from __future__ import annotations

import re
from dataclasses import dataclass

from ecs_cd.init.rules.tree import CLOSE, OPEN
from ecs_cd.init.rules.values import is_known, sources, unknown
from ecs_cd.model.references import ECR_HOST

REGISTRY = "the registry's account"  # what amazon-ecr-login outputs
_TAG = re.compile(rf":(?:[^:/{OPEN}{CLOSE}]|{OPEN}[^{CLOSE}]*{CLOSE})*$")
_IMAGE = re.compile(r"(?i)image|uri|(?<![a-z])ecr|repo")  # not the "ecr" of "secrets"
_MARK = re.compile(f"{OPEN}[^{CLOSE}]*{CLOSE}")


@dataclass(frozen=True)
class Uri:
    """An image's repository: ``host`` and ``name``, of which parts may be unknown."""

    host: str
    name: str

    @property
    def account(self) -> str:
        """The account, if the host names it."""
        found = ECR_HOST.fullmatch(self.host)
        return found["account"] if found else ""

    @property
    def region(self) -> str:
        """The region, if the host names it."""
        found = ECR_HOST.fullmatch(self.host)
        return found["region"] if found else ""

    @property
    def known(self) -> bool:
        """Whether host and name are known."""
        return bool(self.host and self.name) and is_known(self.host + self.name)


def looks_like_image(text: str) -> bool:
    """Whether a text is probably an image's URI."""
    if " " in _MARK.sub("x", text) or not text or text.startswith(("-", "/", ".", "file:", "http", "arn:", "s3:")):
        return False
    bare = _MARK.sub("x", text)
    if not re.fullmatch(r"[\w.-]+(?::\d+)?(?:/[\w.-]+)*(?::[\w.-]+)?(?:@sha256:\w+)?", bare):
        return False
    if ECR_HOST.search(text) or REGISTRY in text or ("/" in bare and (":" in bare or OPEN in text)):
        return True
    return OPEN in text and _IMAGE.search(text) is not None


def split(image: str) -> Uri:
    """The repository of an image, without its tag or digest."""
    name = image.strip().partition("@")[0]
    stripped = _MARK.sub(lambda found: found[0].replace("/", "\ue002").replace(":", "\ue003"), name)
    stripped = _TAG.sub("", stripped)
    host, slash, rest = stripped.partition("/")
    plain_host = "." in host or ":" in host or OPEN in host or host == "localhost"
    if not slash or not plain_host:
        host, rest = "", stripped
    return Uri(_back(host), _back(rest))


def _back(text: str) -> str:
    return text.replace("\ue002", "/").replace("\ue003", ":")


def same(one: Uri, other: Uri) -> bool:
    """Whether two URIs are of the same repository; an unknown part matches any."""
    if one.name != other.name or not one.name:
        return False
    return one.host == other.host or not one.host or not other.host or OPEN in one.host + other.host


def registry() -> str:
    """The host of the account's own registry, whose account is unknown."""
    return unknown(REGISTRY)


def is_own_registry(host: str) -> bool:
    """Whether a host is that of an ECR registry of which the account is unknown."""
    return any(REGISTRY in name for name in sources(host)) or (".dkr.ecr." in host and not is_known(host))
