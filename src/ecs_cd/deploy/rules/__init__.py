"""From a snapshot of a deployment to a verdict on it, and AppSpecs. Pure."""
