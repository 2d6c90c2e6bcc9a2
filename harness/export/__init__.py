"""Export: a run's network as files that others can use, compared before they are theirs."""
