"""The text of a program file and of an environment file, and their escaping: the one place that quotes."""
