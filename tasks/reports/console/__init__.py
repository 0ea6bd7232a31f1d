"""The formats that people read: for a terminal, and as plain lines for pipes and cron."""
