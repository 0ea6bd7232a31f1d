"""The executor as it is sent to a host: which of its modules, and what starts them there."""
