"""What an action does, one file per provider."""
