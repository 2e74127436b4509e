"""What to do about an error of the app itself, by the telling line of its log."""

from __future__ import annotations

import re
from typing import NamedTuple


class AppError(NamedTuple):
    """A regular expression for a telling line, and what to do; ``{}`` is the first group that matched."""

    words: str
    next_step: str


_NAME = r"[\"'`]?([A-Z][A-Z0-9]*_[A-Z0-9_]+|[A-Z]{3,}[A-Z0-9]*)[\"'`]?"

# The first match counts.
_KNOWN = (
    AppError(
        rf"KeyError: {_NAME}$|key not found: {_NAME}|{_NAME} (?:is|was|must be|has to be|not) (?:not )?(?:set"
        rf"|defined|required)"
        rf"|(?:[Ee]nvironment variable|env(?:ironment)? var|Environment variable not found:|Missing|missing)\S* {_NAME}"
        rf"|{_NAME} (?:is|environment variable is) (?:missing|required|undefined|empty)",
        "Set {} in `environment` or `secrets` of the container in the task definition's template.",
    ),
    AppError(
        r"heap out of memory|OutOfMemoryError|MemoryError|[Cc]annot allocate memory|out of memory",
        "Raise `memory` in the task definition (and the runtime's own limit), or find out what uses so much.",
    ),
    AppError(
        r"No module named|[Cc]annot find (?:module|package)|ModuleNotFoundError|ClassNotFoundException|NoClassDefFound"
        r"|cannot load such file|LoadError|Class \S+ not found|main class|jarfile|shared object file"
        r"|ERR_MODULE_NOT_FOUND",
        "The image lacks it: add it to the dependencies or to the Dockerfile, and build again.",
    ),
    AppError(
        r"[Cc]ommand not found|: not found$|executable file not found|No such file or directory|Missing script"
        r"|Command \"\w+\" not found",
        "The image lacks it: compare `entryPoint`, `command` and the script that calls it with the image.",
    ),
    AppError(
        r"is not authorized to perform:? ([a-z0-9-]+:\w+)",
        "Allow the task role (`taskRoleArn`) {}.",
    ),
    AppError(
        r"AccessDenied|UnauthorizedOperation|not authorized to perform",
        "Allow the task role (`taskRoleArn`) this action.",
    ),
    AppError(
        r"[Uu]nable to locate credentials|NoCredentials|CredentialsProvider|[Cc]ould not load credentials"
        r"|EC2MetadataError",
        "Set `taskRoleArn` in the task definition: the app calls AWS without a role.",
    ),
    AppError(
        r"password authentication failed|Access denied for user|SASL|role \S+ does not exist|Login failed for user"
        r"|authentication failed|WRONGPASS|NOAUTH|Authentication failed",
        "Compare user and password of the database with the secret that the task definition's template names.",
    ),
    AppError(
        r"no pg_hba\.conf entry|no encryption|SSL (?:off|connection is required)|require_secure_transport",
        "Connect with TLS, such as `sslmode=require`, or let the database accept this user from the task's subnets.",
    ),
    AppError(
        r"certificate verify failed|x509:|self[- ]signed|unable to get local issuer|SSLHandshake|CERT_",
        "Put the server's CA certificate into the image, and check the host's name in the certificate.",
    ),
    AppError(
        r"no such host|ENOTFOUND|EAI_AGAIN|could not translate host name|[Nn]ame or service not known|getaddrinfo"
        r"|name resolution|host not found|UnknownHost|nodename nor servname",
        "Check the host's name in the task definition's template, and the DNS of the VPC.",
    ),
    AppError(
        r"[Cc]onnection refused|ECONNREFUSED|ECONNRESET|[Cc]ould not connect|ETIMEDOUT|i/o timeout|[Nn]o route to host"
        r"|[Tt]imed? ?out|Can't (?:reach|connect)|[Cc]annot connect|[Cc]onnection to server",
        "Check host and port, and that the task's subnets and security group reach it.",
    ),
    AppError(
        r"lock timeout|[Dd]eadlock|could not obtain lock|Lock wait timeout|database is locked",
        "Something else holds a lock in the database: end it, then run this again.",
    ),
    AppError(
        r"already exists|Duplicate (?:column|key name|entry)|duplicate key|DuplicateTable|UniqueViolation",
        "It is there already: find out which earlier run made it, and repair the state that the migration tool keeps.",
    ),
    AppError(
        r"relation .* does not exist|no such (?:table|column)|Unknown (?:column|database|table)"
        r"|Undefined(?:Table|Column)"
        r"|column .* does not exist|database .* does not exist|doesn't exist|NoDatabaseError|schema .* does not exist",
        "The database lacks it: check that the container uses the right database and schema, and which "
        "migration makes it.",
    ),
    AppError(
        r"[Aa]ddress already in use|EADDRINUSE|[Pp]ort \d+ (?:was|is) already",
        "Two processes of the task use this port: change one, or start only one of them.",
    ),
    AppError(
        r"[Rr]ead-only file ?system|EROFS",
        "Mount a volume where the app writes, or set `readonlyRootFilesystem` to false.",
    ),
    AppError(
        r"[Nn]o space left on device|ENOSPC",
        "Raise `ephemeralStorage`, or write less to the disk.",
    ),
    AppError(
        r"[Pp]ermission denied|EACCES|EPERM|[Oo]peration not permitted",
        "Check owner and mode of the file in the image, `user` in the task definition, and its mount points.",
    ),
    AppError(
        r"unrecognized arguments|[Uu]nknown (?:option|flag|command|argument)|flag provided but not defined"
        r"|invalid option",
        "Compare `command` in the task definition, or in the document, with what the program accepts.",
    ),
)  # fmt: skip


def next_step(line: str, otherwise: str) -> str:
    """What to do about the error of this line; ``otherwise`` for an error that is not known."""
    for known in _KNOWN:
        if match := re.search(known.words, line):
            return known.next_step.format(next((each for each in match.groups() if each), ""))
    return otherwise
