"""The text of program files and environment files. Their quoting is here and nowhere else."""
