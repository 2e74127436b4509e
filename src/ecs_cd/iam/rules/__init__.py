"""Permissions, and the policies that grant them. Pure."""
