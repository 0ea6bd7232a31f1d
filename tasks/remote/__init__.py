"""SSH: the only importer of fabric and paramiko in tasks/."""
