"""boto3, a file a service, no judgement."""

import sys
from importlib import import_module

from ecs_cd.aws.lazy_imports import left_out

# With the locked versions alone, as bin/ecs-cd starts us: an installed boto3 may look into what it imports.
if sys.flags.no_site:
    with left_out():
        import_module("boto3")  # by its name: the first import of it, whoever uses it
