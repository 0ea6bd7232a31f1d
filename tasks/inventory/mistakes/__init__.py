"""Mistakes of hosts.yaml: what does not fit together, in the file and once the layers are merged."""
