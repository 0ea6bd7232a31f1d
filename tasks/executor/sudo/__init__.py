"""What is done as root: the helper that sudo starts, and how we talk to it."""
