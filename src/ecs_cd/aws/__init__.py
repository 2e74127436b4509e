"""boto3, a file a service, no judgement."""

from importlib import import_module

from ecs_cd.aws.uncalled import left_out

with left_out():
    import_module("boto3")  # by its name: the first import of it, whoever uses it
