"""What is put into a task definition, and how two of them compare. Pure."""
