"""A `docker` on PATH that builds nothing: it records its calls, prints what the test wrote, and "pushes" into a file that
the scripted ECR reads."""

from __future__ import annotations

import hashlib
import json
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.scripted_aws import Params, ScriptedAws

MANIFEST = '{"schemaVersion": 2,\n "mediaType": "application/vnd.oci.image.index.v1+json"}'
MEDIA_TYPE = "application/vnd.oci.image.index.v1+json"

_PROGRAM = r'''
import csv, fcntl, hashlib, json, os, signal, sys

folder, words = FOLDER, sys.argv[1:]

def read(name, default):
    path = os.path.join(folder, name)
    return json.load(open(path)) if os.path.exists(path) else default

def option(name):
    return [word.partition("=")[2] for word in words if word.startswith(f"--{name}=")]

def evaluated(value):
    """A bake file's strings are templates of HCL."""
    if isinstance(value, dict):
        return {evaluated(name): evaluated(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [evaluated(inner) for inner in value]
    for sign in "$%":
        parts = value.split(sign * 2 + "{")
        assert not any(sign + "{" in part for part in parts), f"a template: {value}"
        value = (sign + "{").join(parts)
    return value

def secrets(rows):
    fields = [dict(field.split("=", 1) for field in next(csv.reader([row]))) for row in rows]
    return {each["id"]: open(each["src"]).read() if "src" in each else os.environ[each["env"]] for each in fields}

def files(folder):
    """The folder, everything in it and the folder around it, which is ecs-cd's own."""
    return [os.path.dirname(folder), folder, *(os.path.join(folder, name) for name in os.listdir(folder))]

lock = open(os.path.join(folder, "lock"), "a")
fcntl.flock(lock, fcntl.LOCK_EX)  # several may run at the same time
runs = read("runs.json", [])
run = {"words": words, "stdin": "" if words[0] != "login" else sys.stdin.read(), "bake": {}, "secrets": {}}
run["environ"] = dict(os.environ)
run["here"] = sorted(os.listdir("."))
run["modes"] = {path: os.stat(path).st_mode & 0o777 for path in files(os.environ["DOCKER_CONFIG"])} if "DOCKER_CONFIG" in os.environ else {}
command = " ".join(words[:2])
if command == "buildx bake":
    run["bake"] = evaluated(json.load(open(option("file")[0])))["target"]
    assert os.environ["BUILDX_BAKE_ENTITLEMENTS_FS"] == "0"
    run["secrets"] = {name: secrets(target.get("secret", [])) for name, target in run["bake"].items()}
if command == "buildx build":
    run["secrets"] = {"": secrets(option("secret"))}
with open(os.path.join(folder, "runs.json"), "w") as file:
    json.dump([*runs, run], file)
lock.close()
if command == "buildx inspect":
    print(read("inspected.json", ""))
if words[0] == "login" and words[-1] in read("refused.json", []):
    print("refused: hunter2", file=sys.stderr)
    sys.exit(1)
if words[:3] == ["buildx", "imagetools", "create"]:
    refused = read("copies.json", {})
    if any(word.startswith("--prefer-index") for word in words) and refused.get("old"):
        print("unknown flag: --prefer-index", file=sys.stderr)
        sys.exit(1)
    wrong = [reference for reference in option("tag") if reference.startswith(refused.get("at", "-"))]
    print(*(f"ERROR: denied: {reference}" for reference in wrong), file=sys.stderr)
    sys.exit(bool(wrong))
if command == "buildx imagetools":
    blob = read("blobs.json", {}).get(words[-1].rpartition("@")[2])
    sys.stdout.write(blob or "")
    sys.exit(blob is None)
if command not in ("buildx build", "buildx bake"):
    sys.exit(0)

attempts = read("attempts.json", [{}])
number = sum(" ".join(earlier["words"][:2]) in ("buildx build", "buildx bake") for earlier in runs)
attempt = attempts[min(number, len(attempts) - 1)]
for line in attempt.get("lines", []):
    print(line, flush=True)
if attempt.get("cancel"):
    def end(*_):
        print("CANCELED", flush=True)
        sys.exit(1)
    signal.signal(signal.SIGTERM, end)
    os.kill(os.getppid(), signal.SIGINT)
    signal.pause()
targets = {name: target["tags"] for name, target in run["bake"].items()} or {"": option("tag")}
digests = {name: "sha256:" + hashlib.sha256(tags[0].encode()).hexdigest() for name, tags in targets.items()}
code = attempt.get("exit", 0)
arrived = attempt.get("pushed", [] if code else list(targets))
pushed = read("pushed.json", {})
for name in arrived:
    pushed |= dict.fromkeys(targets[name], digests[name])
json.dump(pushed, open(os.path.join(folder, "pushed.json"), "w"))
if code == 0 and attempt.get("metadata", True):
    metadata = {name: {"containerimage.digest": digest} for name, digest in digests.items()}
    json.dump(metadata.get("", metadata), open(option("metadata-file")[0], "w"))
sys.exit(code)
'''


@dataclass(frozen=True)
class FakeDocker:
    folder: Path

    def install(self) -> Path:
        """Writes the program and returns the folder for PATH."""
        program = self.folder / "bin" / "docker"
        program.parent.mkdir(parents=True)
        text = _PROGRAM.replace("FOLDER", repr(str(self.folder)), 1)
        program.write_text(f"#!{sys.executable} -SE\n{text}")
        program.chmod(0o755)
        return program.parent

    def attempts(self, *attempts: Mapping[str, Any]) -> None:
        """What each build does, the last one repeatedly: `exit`, `lines`, `pushed` (targets; by default all if it succeeds),
        `metadata` (whether it is written), `cancel` (whether the job is cancelled during the build)."""
        (self.folder / "attempts.json").write_text(json.dumps(attempts))

    def inspected(self, text: str) -> None:
        """What `docker buildx inspect` prints."""
        (self.folder / "inspected.json").write_text(json.dumps(text))

    def refuse_login(self, host: str) -> None:
        """`docker login` to this registry fails, and repeats the password."""
        (self.folder / "refused.json").write_text(json.dumps([host]))

    def copying(self, *, old: bool = False, refused_at: str = "-") -> None:
        """`docker buildx imagetools create` is one without `--prefer-index`, or a registry refuses its push."""
        (self.folder / "copies.json").write_text(json.dumps({"old": old, "at": refused_at}))

    def blobs(self, *texts: str) -> list[str]:
        """Adds what `docker buildx imagetools inspect --raw` prints by digest; returns the digests."""
        found = {"sha256:" + hashlib.sha256(text.encode()).hexdigest(): text for text in texts}
        self.answers(found)
        return list(found)

    def answers(self, texts: Mapping[str, str]) -> None:
        """Adds what `docker buildx imagetools inspect --raw` prints by digest, or by a reference without one."""
        path = self.folder / "blobs.json"
        path.write_text(json.dumps({**(json.loads(path.read_text()) if path.exists() else {}), **texts}))

    @property
    def runs(self) -> list[dict[str, Any]]:
        """The calls: `words`, `stdin`, `environ`, the files `here`, and for a build `bake` (the file's targets) and `secrets`."""
        path = self.folder / "runs.json"
        found: list[dict[str, Any]] = json.loads(path.read_text()) if path.exists() else []
        return found

    @property
    def builds(self) -> list[dict[str, Any]]:
        return [run for run in self.runs if run["words"][:2] in (["buildx", "build"], ["buildx", "bake"])]

    @property
    def pushed(self) -> dict[str, str]:
        """The pushed images, reference to digest."""
        path = self.folder / "pushed.json"
        found: dict[str, str] = json.loads(path.read_text()) if path.exists() else {}
        return found

    def registry(self, aws: ScriptedAws, there: Mapping[str, str]) -> None:
        """Makes ECR, in any account and region, hold what is ``there``, `name:tag` to digest, and the pushed images."""
        aws.on("ecr.BatchGetImage", self.registry_answer(there))

    def registry_answer(self, there: Mapping[str, str]) -> Callable[[Params], Params]:
        """ECR's answer to BatchGetImage."""

        def answer(params: Params) -> Params:
            held = {**there, **{ref.partition("/")[2]: digest for ref, digest in self.pushed.items()}}
            images, failures = [], []
            for image_id in params["imageIds"]:
                digest = held.get(f"{params['repositoryName']}:{image_id['imageTag']}")
                found = {"imageId": {**image_id, "imageDigest": digest}, "imageManifest": MANIFEST}
                if digest:
                    images.append({**found, "imageManifestMediaType": MEDIA_TYPE})
                else:
                    failures.append({"imageId": image_id, "failureCode": "ImageNotFound"})
            return {"images": images, "failures": failures}

        return answer


def digest_of(reference: str) -> str:
    """The digest of an image whose first reference is this."""
    return "sha256:" + hashlib.sha256(reference.encode()).hexdigest()
