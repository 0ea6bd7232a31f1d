"""From an address to a host that we are logged in to: dial, gateways, handshake, login."""
