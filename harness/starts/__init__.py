"""Starting points: where the weights come from that a training begins with, one a file."""
