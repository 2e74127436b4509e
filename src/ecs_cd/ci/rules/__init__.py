"""What a GitHub Deployment says of a run. Pure."""
