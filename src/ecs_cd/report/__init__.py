"""A run as data: the parts of the job summary, the timeline of a deployment, their Markdown. Nothing is printed."""
