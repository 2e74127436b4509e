"""Around a step of a verb: reports its result, exit codes for errors, what it leaves running, the GitHub Deployment."""
