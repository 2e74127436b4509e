"""Parsers: they turn the text of an input into its value. Pure."""
