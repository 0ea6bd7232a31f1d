"""What the user's ssh would do for a host: its configuration files, and what they say."""
