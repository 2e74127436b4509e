"""From the texts of a repository to the texts of the new files."""
