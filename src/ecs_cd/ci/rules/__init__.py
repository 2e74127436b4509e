"""What a GitHub Deployment says about a run. Pure."""
