"""A deploy on this host: the plan carried out, or undone, also after a power cut."""
