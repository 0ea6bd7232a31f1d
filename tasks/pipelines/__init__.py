"""A service's pipeline for a CI server, written from the environments of hosts.yaml."""
