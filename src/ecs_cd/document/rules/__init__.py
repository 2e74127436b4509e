"""The schemas of the document and of the app's file, and their typed forms. Pure."""
