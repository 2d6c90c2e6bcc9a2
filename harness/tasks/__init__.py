"""Tasks: what is learned. One file each; every one is a pure function of a network and a batch."""
