"""Whether a host's key is the one that is known: known_hosts, certificates of hosts, revoked keys."""
