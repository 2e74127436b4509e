"""Around a step of a verb: its result reported, errors as exit codes, what it leaves running, GitHub's Deployment."""
