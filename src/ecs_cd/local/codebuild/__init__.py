"""CodeBuild on this machine: runs a buildspec in a container."""
