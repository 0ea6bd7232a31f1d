"""The host itself: its users, its processes, and the commands that we run there."""
