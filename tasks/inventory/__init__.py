"""What we have: environments, hosts and services, read from hosts.yaml."""
