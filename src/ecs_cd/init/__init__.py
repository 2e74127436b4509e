"""`ecs-cd init`: reads a repository that deploys with other actions, and writes the files that ecs-cd needs."""
