"""The verbs that a client's first message may name, but `logs` and `adopt`, which have folders of their own."""
