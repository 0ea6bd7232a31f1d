"""Reads hosts.yaml: the environments, hosts and services that a command works on."""
