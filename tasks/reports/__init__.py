"""The screen and the reports in files. Nothing else in tasks/ prints."""

from .formats import FORMATS, choose
from .reporter import Reporter
from .reporters import Reporters

__all__ = ["FORMATS", "Reporter", "Reporters", "choose"]
