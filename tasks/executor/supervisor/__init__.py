"""What supervisord runs and how we reach it: its configuration, its API, its program files."""
