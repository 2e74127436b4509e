"""Attestations as GitHub's Sigstore instance makes them, from a certificate authority of the tests' own.

The shapes are those of https://docs.sigstore.dev/about/bundle/ and, for the certificate's extensions,
https://github.com/sigstore/fulcio/blob/main/docs/oid-info.md. OpenSSL's command line signs.
"""

from __future__ import annotations

import base64
import json
import subprocess
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

ISSUER = "https://token.actions.githubusercontent.com"
PROVENANCE = "https://slsa.dev/provenance/v1"
_OID = "1.3.6.1.4.1.57264.1"
_IN_TOTO = "application/vnd.in-toto+json"
_TSA = """
[tsa]
default_tsa = it
[it]
serial = {folder}/serial
signer_cert = {folder}/tsa.pem
certs = {folder}/tsa.pem
signer_key = {folder}/tsa.key
signer_digest = sha256
default_policy = 1.2.3.4.1
digests = sha256
ess_cert_id_alg = sha256
accuracy = secs:1
"""


@dataclass
class Sigstore:
    """A certificate authority and a timestamp authority in a folder."""

    folder: Path
    _made: int = field(default=0, init=False)

    def __post_init__(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        (self.folder / "serial").write_text("01")
        (self.folder / "tsa.cnf").write_text(_TSA.format(folder=self.folder))
        authority = "basicConstraints=critical,CA:TRUE,pathlen:0\nkeyUsage=critical,keyCertSign,cRLSign"
        self._certificate("root", "/O=GitHub, Inc./CN=Fulcio", authority, days=3650)
        stamping = "keyUsage=critical,digitalSignature\nextendedKeyUsage=critical,timeStamping"
        self._certificate("tsa", "/O=GitHub, Inc./CN=Timestamps", stamping, days=3650, by="root")

    @cached_property
    def trusted_root(self) -> Path:
        """The file for gh's --custom-trusted-root."""
        found = self.folder / "trusted_root.jsonl"
        root, tsa = ({"rawBytes": self._der(name)} for name in ("root", "tsa"))
        valid = {"start": "2020-01-01T00:00:00Z"}
        subject = {"organization": "GitHub, Inc.", "commonName": "Fulcio"}
        authority = {"subject": subject, "uri": "https://fulcio.example", "validFor": valid}
        content = {
            "mediaType": "application/vnd.dev.sigstore.trustedroot+json;version=0.1",
            "certificateAuthorities": [{**authority, "certChain": {"certificates": [root]}}],
            "timestampAuthorities": [{**authority, "certChain": {"certificates": [tsa, root]}}],
        }
        found.write_text(json.dumps(content) + "\n")
        return found

    def bundle(
        self, digest: str, repository: str, workflow: str, *, predicate: str = PROVENANCE, host: str = "github.com"
    ) -> dict[str, Any]:
        """An attestation of the subject with this digest, ``sha256:...``, from a run of this repository. ``workflow`` is
        ``OWNER/REPO/PATH@REF`` of what signed it."""
        self._made += 1
        name = f"leaf-{self._made}"
        self._certificate(name, "/", _extensions(repository, workflow, f"https://{host}"), days=1, by="root")
        statement = {
            "_type": "https://in-toto.io/Statement/v1",
            "subject": [{"name": "the image", "digest": {"sha256": digest.removeprefix("sha256:")}}],
            "predicateType": predicate,
            "predicate": {"buildDefinition": {}, "runDetails": {"builder": {"id": f"https://{host}/{workflow}"}}},
        }
        payload = json.dumps(statement).encode()
        signature = self._sign(name, f"DSSEv1 {len(_IN_TOTO)} {_IN_TOTO} {len(payload)} ".encode() + payload)
        return {
            "mediaType": "application/vnd.dev.sigstore.bundle.v0.3+json",
            "verificationMaterial": {
                "certificate": {"rawBytes": self._der(name)},
                "timestampVerificationData": {"rfc3161Timestamps": [{"signedTimestamp": self._stamp(signature)}]},
            },
            "dsseEnvelope": {
                "payload": base64.b64encode(payload).decode(),
                "payloadType": _IN_TOTO,
                "signatures": [{"sig": base64.b64encode(signature).decode()}],
            },
        }

    def _certificate(self, name: str, subject: str, extensions: str, *, days: int, by: str = "") -> None:
        key, request, made = (self.folder / f"{name}.{end}" for end in ("key", "csr", "pem"))
        _openssl("ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", str(key))
        (self.folder / f"{name}.ext").write_text(extensions)
        _openssl("req", "-new", "-key", str(key), "-subj", subject, "-out", str(request))
        issuer = ["-CA", str(self.folder / f"{by}.pem"), "-CAkey", str(self.folder / f"{by}.key"), "-CAcreateserial"]
        signer = issuer if by else ["-signkey", str(key)]
        extended = ["-extfile", str(self.folder / f"{name}.ext"), "-days", str(days), "-out", str(made)]
        _openssl("x509", "-req", "-in", str(request), *signer, *extended)

    def _der(self, name: str) -> str:
        der = _openssl("x509", "-in", str(self.folder / f"{name}.pem"), "-outform", "DER")
        return base64.b64encode(der).decode()

    def _sign(self, name: str, content: bytes) -> bytes:
        return _openssl("dgst", "-sha256", "-sign", str(self.folder / f"{name}.key"), given=content)

    def _stamp(self, content: bytes) -> str:
        stamped, query = self.folder / "stamped", self.folder / "query"
        stamped.write_bytes(content)
        _openssl("ts", "-query", "-data", str(stamped), "-sha256", "-cert", "-out", str(query))
        config = ["-config", str(self.folder / "tsa.cnf"), "-section", "it"]
        return base64.b64encode(_openssl("ts", "-reply", "-queryfile", str(query), *config)).decode()


def _extensions(repository: str, workflow: str, server: str) -> str:
    """Those of a certificate for a job of GitHub Actions."""
    values = {
        8: ISSUER,
        9: f"{server}/{workflow}",
        11: "github-hosted",
        12: f"{server}/{repository}",
        13: "c0ffee" + "0" * 34,
        14: "refs/heads/main",
        16: f"{server}/{repository.partition('/')[0]}",
        18: f"{server}/{repository}/.github/workflows/cd.yml@refs/heads/main",
        20: "push",
        21: f"{server}/{repository}/actions/runs/77/attempts/1",
    }
    usages = (
        f"keyUsage=critical,digitalSignature\nextendedKeyUsage=codeSigning\nsubjectAltName=critical,URI:{values[9]}"
    )
    return "\n".join([usages, *(f"{_OID}.{number}=ASN1:UTF8String:{value}" for number, value in values.items())])


def _openssl(*words: str, given: bytes | None = None) -> bytes:
    done = subprocess.run(["openssl", *words], input=given, capture_output=True, check=False)
    assert not done.returncode, done.stderr.decode()
    return done.stdout
