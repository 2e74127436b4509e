"""`ecs-cd local`: a repository's pipeline on a laptop, with a local AWS and containers. Not in a release."""
