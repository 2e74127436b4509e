"""Images: what is built, how, under which tags, and what ECR has. What runs them is in tasks/ and deploy/."""
