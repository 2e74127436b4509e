"""One file per verb, named after it: its steps in order. What a step does is in deploy/, images/ and tasks/."""
