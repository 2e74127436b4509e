"""Task definitions and single tasks: templates, revisions, RunTask. Services are in deploy/."""
