"""docker buildx's command line and files, tags, the key of an image's content, ECR's scan findings. Pure."""
