"""Calls to AWS through boto3: one file per service, no decisions."""

import sys
from importlib import import_module

from ecs_cd.aws.lazy_imports import left_out

# Only with the locked versions, as bin/ecs-cd starts ecs-cd: another boto3 may inspect what it imports.
if sys.flags.no_site:
    with left_out():
        import_module("boto3")  # imported by name: this must be the first import of boto3
