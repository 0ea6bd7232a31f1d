"""Reports for the jobs of a CI server: their logs, and files that they keep."""
