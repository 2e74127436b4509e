"""Every input and output of every verb, declared once. verbs/ and deploy/ use them."""
