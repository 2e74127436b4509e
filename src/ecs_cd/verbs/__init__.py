"""A file a verb, named as the verb: its steps in their order. What a step does is in deploy/, images/ and tasks/."""
