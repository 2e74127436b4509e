"""From a snapshot of a deployment to a verdict on ours, and AppSpecs. Pure."""
