"""The verbs of the command, by topic; whatever is heavy is imported inside its verb."""
