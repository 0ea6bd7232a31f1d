"""The only code that runs on a host: sent over SSH for the length of one command, installed nowhere.

Python 3.8 or newer, standard library only, nothing of the client's. `main` reads the first message and runs the
verb that it names; `participant` is the host's half of a deploy; `protocol` defines the messages.
"""
