"""The recipe: facts and settings in, the steps of one service on one host out."""

from . import hooks as hooks
from . import supervised as supervised
from .strategies import STRATEGIES as STRATEGIES
from .strategies import strategy_of as strategy_of
