"""Our own files on the host: the locks, journal and history of each service."""
