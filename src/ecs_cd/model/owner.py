"""Who owns this copy of ecs-cd on GitHub. `make owner OWNER=acme` changes it here and in every file that names it."""

OWNER = "org"
ACTION = f"{OWNER}/ecs-cd"  # what `uses:` names, before the verb's folder and the version


def is_placeholder() -> bool:
    """Whether no copy has an owner yet: `make owner` has not run."""
    return OWNER == "org"
