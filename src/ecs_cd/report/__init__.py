"""A run as data: the parts of the job summary, the timeline of a deployment, their Markdown. It prints nothing."""
