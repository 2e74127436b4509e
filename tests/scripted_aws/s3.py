"""A bucket of S3, with or without versions.

bucket = Bucket().script(aws)
"""

from __future__ import annotations

from dataclasses import dataclass, field

from .script import Answer, error
from .server import ScriptedAws
from .wire import Params


@dataclass
class Bucket:
    """Keeps what is put: ``puts`` has the key and content of each version, in order. ``versioning`` is Enabled,
    Suspended, or empty for never."""

    name: str = "bucket"
    versioning: str = "Enabled"
    puts: list[tuple[str, bytes]] = field(default_factory=list)

    def script(self, aws: ScriptedAws) -> Bucket:
        """Answers PutObject and GetBucketVersioning."""
        aws.on("s3.PutObject", self._put)
        aws.on("s3.GetBucketVersioning", self._status)
        return self

    def _put(self, params: Params) -> Answer:
        if params["Bucket"] != self.name:
            return error("NoSuchBucket", "The specified bucket does not exist", 404)
        self.puts.append((params["Key"], bytes(params["Body"])))
        if not self.versioning:
            return {"ETag": '"e"'}
        return {"ETag": '"e"', "VersionId": self.version(len(self.puts)) if self.versioning == "Enabled" else "null"}

    def version(self, number: int) -> str:
        """The id of the version that the given PutObject made."""
        return f"version-{number}"

    def _status(self, params: Params) -> Answer:
        if params["Bucket"] != self.name:
            return error("NoSuchBucket", "The specified bucket does not exist", 404)
        return {"Status": self.versioning} if self.versioning else {}
