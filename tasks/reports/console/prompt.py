"""Asks the user a question at the terminal."""

from __future__ import annotations

import termios

from ..screen import Screen

AGREE = ("y", "yes")


def attended(screen: Screen) -> bool:
    """Somebody can be asked: who answers also sees standard output, where the question and the plan stand."""
    return screen.keyboard is not None and screen.keyboard.isatty() and screen.out.isatty()


def ask(screen: Screen, question: str) -> bool:
    """Only y and yes agree. What was typed before the question is not an answer to it."""
    keyboard = screen.keyboard
    if keyboard is None:
        return False
    termios.tcflush(keyboard, termios.TCIFLUSH)
    screen.out.write(f"{question} [y/N] ")
    screen.out.flush()
    answer = ""
    try:
        answer = keyboard.readline()
    finally:
        if not answer.endswith("\n"):           # the end of input, or Ctrl-C
            screen.out.write("\n")
            screen.out.flush()
    return answer.strip().lower() in AGREE
