"""`ecs-cd local`: a repository's own pipeline on its developer's machine, with a local AWS and real containers.

Not a part of the release: what a runner gets has no need of it. ``workflow`` and ``plan`` decide, ``create`` talks to
the local AWS, the others to programs of the machine.
"""
