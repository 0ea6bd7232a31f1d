"""Ports and sockets of the host: who listens there."""
