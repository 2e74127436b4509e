"""The schemas of the document and the app file, and their typed forms. Pure."""
