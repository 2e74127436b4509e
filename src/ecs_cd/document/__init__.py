"""The document, which the infra repo owns: reads and checks it. The verbs use it."""
