"""Everything that leans on private parts of paramiko: the one folder to look at when paramiko is upgraded."""
