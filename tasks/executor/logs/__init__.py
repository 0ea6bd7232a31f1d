"""The logs of programs, and the verb `logs`."""
