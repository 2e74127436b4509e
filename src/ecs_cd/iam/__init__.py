"""What a role needs to run verbs: the policies for a document, from the table of permissions."""
