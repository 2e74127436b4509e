"""Hands the commit's images to a CodePipeline pipeline, and follows its execution."""
