"""A browser that shows Markdown as GitHub does: Chromium, with GitHub's style sheet, markdown-it and Mermaid.

Chromium and npm are the machine's, or Debian's packages, installed as root. The npm packages are those of
`package-lock.json`, installed once into `.cache/browser`.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dev import host
from dev.host import CACHE, progress
from ecs_cd.local import machine

HOME = Path(__file__).resolve().parent
PACKAGES = CACHE / "browser"
SCRIPT = "render.mjs"
CHROMIUM = ("chromium", "google-chrome", "chromium-browser")
FONTS = ("fonts-liberation", "fonts-noto-color-emoji", "fonts-noto-cjk")
WIDTH = 980  # pixels: of a job summary on GitHub, in a window of 1280


@dataclass(frozen=True)
class Sample:
    """Markdown to show. ``picture`` is the PNG to write, if there should be one."""

    markdown: str
    width: int = WIDTH
    picture: Path | None = None


def render(samples: Mapping[str, Sample]) -> dict[str, dict[str, Any]]:
    """What the browser has laid out, by the names of the samples; see `render.mjs`.

    Raises ``LocalError`` if there is no browser and none can be installed.
    """
    chromium, modules = _chromium(), _packages()
    given = {
        name: {"markdown": each.markdown, "width": each.width, "picture": str(each.picture) if each.picture else ""}
        for name, each in samples.items()
    }
    shown = machine.run(["node", modules / SCRIPT, chromium], stdin=json.dumps(given))
    found: dict[str, dict[str, Any]] = json.loads(shown.stdout)
    return found


def _chromium() -> str:
    """The browser's path. With Debian's come the fonts for text, signs and Japanese."""
    if not any(map(shutil.which, CHROMIUM)):
        host.require("chromium", "chromium", *FONTS)
    return next(path for name in CHROMIUM if (path := shutil.which(name)))


def _packages() -> Path:
    """The folder with the npm packages and the script beside them."""
    host.require("npm", "npm")
    files = [HOME / name for name in ("package.json", "package-lock.json")]
    content = hashlib.sha256(b"".join(file.read_bytes() for file in files)).hexdigest()
    done = PACKAGES / "installed"
    with host.locked(CACHE / "browser.lock"):
        if not done.is_file() or done.read_text() != content:
            progress("browser: getting the npm packages")
            PACKAGES.mkdir(parents=True, exist_ok=True)
            for file in files:
                shutil.copy2(file, PACKAGES)
            quiet = ("--ignore-scripts", "--no-audit", "--no-fund", "--no-update-notifier")
            machine.run(["npm", "ci", *quiet], cwd=PACKAGES)
            done.write_text(content)
        shutil.copy2(HOME / SCRIPT, PACKAGES)  # node looks for packages beside the script
    return PACKAGES
