"""A program of a service: its start, its stop, and whether it is well."""
