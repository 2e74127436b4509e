"""Images: what to build, how, under which tags, and what ECR holds. tasks/ and deploy/ run them."""
