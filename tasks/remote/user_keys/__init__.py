"""The keys that we log in with: from files, from the agent, from a variable of a job."""
