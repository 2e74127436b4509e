"""The document that the infra repo owns: read and checked. What a verb does with it is elsewhere."""
