from __future__ import annotations

import os

import pytest

from tasks.executor.masking import Mask
from tasks.executor.system import shell
from tasks.executor.system.output_lines import LONGEST_LINE
from tasks.inventory.secret import Secret, reveal
from tasks.program import files
from tests.support.services import one_program


def knowing(*values: str, **variables: str) -> Mask:
    """Of an environment file as it is written."""
    names = [f"S{number}" for number in range(len(values))]
    mask = Mask()
    mask.learn(reveal(files.env_file(one_program(
        "x", "c", variables=variables, secrets=tuple(names),
        secret_values=dict(zip(names, map(Secret, values), strict=True))))))
    return mask


@pytest.mark.promise(7)
@pytest.mark.parametrize(("value", "line", "shown"), [
    ("hunter2", "password=hunter2, again hunter2", "password=***, again ***"),
    ("it's $(id) \\", "<it's $(id) \\>", "<***>"),
    ("BEGIN\nabcdef\r\nEND.\n", "BEGIN abcdef END.", "*** *** ***"),
    ("  padded  ", "(padded)", "(***)"),
    ("with-end\n", "with-end", "***"),
    ("abc", "abc", "abc"), ("", "x", "x"), ("ünïcode", "ünïcode", "***"),
    ("\udcff\udcfebytes", "\ufffd\ufffdbytes", "***")])
def test_mask_hides_each_form_of_a_secret(value: str, line: str, shown: str) -> None:
    assert knowing(value)(line) == shown


def test_mask_hides_the_longest_secret_first() -> None:
    assert knowing("secret", "secret-and-more")("secret-and-more secret") == "*** ***"


@pytest.mark.promise(7)
def test_mask_hides_secrets_and_no_variables() -> None:
    mask = knowing("hunter2", LEVEL="warning", TEXT="x\n# Secrets among them: LEVEL\n")
    assert mask("hunter2 warning") == "*** warning"
    assert knowing(LEVEL="warning")("warning") == "warning"
    told = "# Secrets among them: A\n"
    for text in ("", "x", f"a\n{told}export A='unbalanced", f"{told}export A=aaaa\n"):
        mask.learn(text)
    assert mask("aaaa") == "aaaa"


def test_mask_changes_only_the_texts_of_a_message() -> None:
    mask = knowing("build")
    message = {"event": "step_finished", "step": "build", "why": "build failed", "now": {"build": None},
               "problems": [{"message": "build", "hint": "x"}]}
    assert mask.message(message) == {
        "event": "step_finished", "step": "build", "why": "*** failed", "now": {"build": None},
        "problems": [{"message": "***", "hint": "x"}]}


@pytest.mark.promise(7)
@pytest.mark.parametrize("end", ["\\n", ""])
@pytest.mark.parametrize("at", [0, 100, LONGEST_LINE - 3, LONGEST_LINE - 50, LONGEST_LINE])
def test_long_line_is_not_cut_within_a_secret(at: int, end: str) -> None:
    """Whatever the pieces in which it comes."""
    secret = "".join(f"<{number:04}>" for number in range(100))
    script = f"printf %{at}s; for i in $(seq 0 99); do printf '<%04d>' $i; done; printf 'tail%9000s{end}' x; echo next"
    heard: list[str] = []
    shell.run(shell.script([script]), cwd="/", env=dict(os.environ), timeout=20, say=heard.append, mask=knowing(secret))
    assert not [line for line in heard if "<0" in line or "00>" in line]
    assert max(map(len, heard)) <= LONGEST_LINE
    assert heard[-1].endswith("next") or not end


@pytest.mark.parametrize(("data", "end", "place"), [
    (b"a hunter2 b", 5, 2), (b"a hunter2 b", 2, 2), (b"a hunter2 b", 9, 9), (b"a hunter2 b", 3, 2),
    (b"a hunt", 6, 2), (b"a h", 3, 2), (b"a hunt b", 8, 8), (b"a hunted", 6, 6), (b"", 0, 0),
    (b"hunter2hunter2", 9, 7), (b"xhunter2", 8, 8)])
def test_place_to_cut_is_before_a_secret_that_goes_on(data: bytes, end: int, place: int) -> None:
    assert knowing("hunter2").uncut(data, end) == place


def test_place_to_cut_is_before_all_secrets_that_overlap() -> None:
    assert knowing("ababab").uncut(b"x ababab", 8) == 2, "its end may be the beginning of another"
    assert knowing("one-two", "two-three").uncut(b"one-two-three", 9) == 0
