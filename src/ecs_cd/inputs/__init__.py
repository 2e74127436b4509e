"""Every input and output of every verb, declared once. What they do is in verbs/ and deploy/."""
