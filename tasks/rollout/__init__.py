"""What we intend (steps, plans), how it is carried out (the coordinator) and what happened (events)."""
