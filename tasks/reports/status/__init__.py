"""The states of all services as a table, as a page, and as metrics."""
