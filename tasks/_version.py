"""The version of Fabvisor; the only place that says it."""

__version__ = "2.0.0"
