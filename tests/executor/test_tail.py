"""Logs: the last lines, and what is added, through every kind of rotation, without a line lost or shown twice."""

from __future__ import annotations

import itertools
import os
import shutil
import time
from pathlib import Path

import pytest

from tasks.executor.logs import logfile, tail
from tasks.executor.logs.tail import Tail
from tasks.executor.masking import Mask
from tasks.executor.protocol import SECRET_NAMES


def every(line: str) -> bool:
    return True


class Log:
    """A program that writes; and somebody who rotates, as supervisord and logrotate do."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.file = path.open("ab", buffering=0)

    def write(self, *lines: str) -> None:
        self.file.write("".join(line + "\n" for line in lines).encode())

    def rename(self, kept: int = 9) -> None:
        """supervisord: close, move all backups on by one, begin a new file."""
        for number in range(kept - 1, 0, -1):
            if self.backup(number).exists():
                self.backup(number).replace(self.backup(number + 1))
        self.path.replace(self.backup(1))

    def reopen(self) -> None:
        self.file.close()
        self.file = self.path.open("ab", buffering=0)

    def rotate(self) -> None:
        self.rename()
        self.reopen()

    def copy_and_truncate(self) -> None:
        shutil.copy(self.path, self.backup(1))
        os.truncate(self.path, 0)

    def backup(self, number: int) -> Path:
        return Path(f"{self.path}.{number}")


@pytest.fixture
def log(tmp_path: Path) -> Log:
    return Log(tmp_path / "monitor.log")


def read(one: Tail) -> list[str]:
    """Up to where nothing is new."""
    return [text for text, _ in itertools.chain.from_iterable(iter(one.more, None))]


def last(log: Log, count: int, wanted: tail.Matches = every) -> list[str]:
    one = Tail(str(log.path), Mask())
    one.from_last(count, wanted)
    return [text for text in read(one) + [text for text, _ in one.end()] if wanted(text)]


def following(log: Log, count: int = 0) -> Tail:
    one = Tail(str(log.path), Mask())
    one.from_last(count, every)
    return one


def resumed(log: Log, cursor: logfile.Cursor) -> Tail:
    one = Tail(str(log.path), Mask())
    one.from_cursor(cursor)
    return one


def test_tail_begins_with_the_last_lines(log: Log) -> None:
    lines = [f"line {number}" for number in range(20_000)]
    log.write(*lines)
    for count in (0, 1, 2, 5000, 19_999, 20_000, 30_000):
        assert last(log, count) == (lines[-count:] if count else [])


def test_tail_begins_with_the_last_lines_that_match(log: Log) -> None:
    log.write(*(f"{'ERROR' if number % 100 == 7 else 'info'} {number}" for number in range(20_000)))
    expected = [f"ERROR {number}" for number in range(7, 20_000, 100)]
    for count in (1, 3, 200, 500):
        assert last(log, count, lambda line: "ERROR" in line) == expected[-count:]


def test_tail_of_a_missing_or_empty_log_is_empty(log: Log, tmp_path: Path) -> None:
    assert last(log, 5) == []
    log.write("a", "b")
    assert last(log, 5, lambda line: False) == []
    log.path.unlink()
    assert last(log, 5) == []
    os.mkfifo(tmp_path / "fifo")
    assert Tail(str(tmp_path / "fifo"), Mask()).more() is None, "what is no file must not be waited for"


def test_tail_decodes_odd_lines(log: Log) -> None:
    log.file.write(b"windows\r\n\n\xff bytes\nno end")
    assert last(log, 9) == ["windows", "", "� bytes", "no end"]


@pytest.mark.parametrize("count", [1, 2, 3, 100])
def test_tail_splits_an_endless_line_into_whole_characters(log: Log, count: int) -> None:
    """Whole characters, none lost, however the pieces fall."""
    log.write("before", "€" * 100_000)
    log.file.write(b"x" * 200_000)
    found = last(log, count)
    assert max(map(len, found)) <= logfile.LONGEST
    assert set("".join(found[1:])) <= {"€", "x", "�"}
    if count == 100:
        assert "".join(found) == "before" + "€" * 100_000 + "x" * 200_000


def test_tail_waits_for_the_end_of_a_line(log: Log) -> None:
    one = following(log)
    log.file.write(b"ha")
    assert read(one) == []
    log.file.write(b"lf\nnext\nla")
    assert read(one) == ["half", "next"]
    log.file.write("€€".encode()[:4])
    assert read(one) == []
    log.file.write("€€".encode()[4:] + b"\n")
    assert read(one) == ["la€€"]
    log.file.write(b"y" * 3 * logfile.LONGEST)
    assert "".join(read(one)) in ("y" * 2 * logfile.LONGEST, "y" * 3 * logfile.LONGEST)


def test_tail_shows_an_unfinished_line_after_a_quiet_while(log: Log, monkeypatch: pytest.MonkeyPatch) -> None:
    one = following(log)
    log.file.write(b"panic: no")
    assert read(one) == []
    later = time.monotonic() + tail.QUIET + 1
    monkeypatch.setattr(time, "monotonic", lambda: later)
    assert one.more() == [("panic: no", one.cursor())]
    log.write(" memory")
    assert read(one) == [" memory"]


def test_tail_follows_a_log_that_appears_later(log: Log) -> None:
    log.path.unlink()
    one = following(log)
    assert one.more() is None
    log.reopen()
    log.write("first")
    assert read(one) == ["first"]


def test_tail_reads_the_renamed_file_to_its_end(log: Log) -> None:
    """Lines that the old file still gets are read first; a line that is half in each is one line."""
    one = following(log)
    log.write("1")
    log.rename()
    assert read(one) == ["1"]
    log.path.touch()                                    # logrotate's `create`, while the program still has the old one
    log.write("2")
    assert read(one) == ["2"]
    log.file.write(b"ha")
    log.reopen()
    log.file.write(b"lf\n3\n")
    assert read(one) == ["half", "3"]


def test_tail_follows_many_rotations_between_two_reads(log: Log) -> None:
    one = following(log)
    for number in range(5):
        log.write(f"{number}a", f"{number}b")
        log.rotate()
    log.rotate()                                        # an empty one among them
    log.write("end")
    assert read(one) == [f"{number}{letter}" for number in range(5) for letter in "ab"] + ["end"]


def test_tail_reads_a_removed_file_to_its_end(log: Log) -> None:
    """The file that we have is gone by name; it is read to its end, then the one that is there now."""
    one = following(log)
    log.write("1", "2")
    log.rotate()
    log.backup(1).unlink()
    log.write("3")
    assert read(one) == ["1", "2", "3"]


@pytest.mark.parametrize("after", [["3"], ["3"] * 100, []])
def test_tail_follows_copytruncate(log: Log, after: list[str]) -> None:
    """Also when what was written just before was not read yet, and when it has outgrown its old size at once."""
    one = following(log)
    log.write("1")
    assert read(one) == ["1"]
    log.write("2")
    log.copy_and_truncate()
    log.write(*after)
    assert read(one) == ["2", *after]
    log.write("4")
    assert read(one) == ["4"]


def test_tail_follows_a_truncated_log(log: Log) -> None:
    log.write("old", "older")
    one = following(log, count=1)
    assert read(one) == ["older"]
    os.truncate(log.path, 0)
    log.write("new")
    assert read(one) == ["new"]


def test_tail_follows_a_log_truncated_before_the_first_read(log: Log) -> None:
    log.write(*["x" * 50] * 50)
    one = following(log)
    os.truncate(log.path, 0)
    log.write("new")
    assert read(one) == ["new"]


@pytest.mark.parametrize("meanwhile", ["nothing", "rotate", "rotate twice", "copy", "truncate"])
def test_tail_resumes_at_a_cursor_across_rotations(log: Log, meanwhile: str) -> None:
    log.write(*map(str, range(100)))
    one = following(log, count=3)
    lines = one.more() or []
    assert [text for text, _ in lines] == ["97", "98", "99"]
    cursor = lines[1][1]                                  # 99 was on its way when the line was cut
    log.write("100")
    if meanwhile.startswith("rotate"):
        log.rotate()
        log.write("101")
    if meanwhile == "rotate twice":
        log.rotate()
    if meanwhile == "copy":
        log.copy_and_truncate()
    if meanwhile == "truncate":
        os.truncate(log.path, 0)
    log.write("102")
    again = resumed(log, cursor)
    expected = {"nothing": ["99", "100", "102"], "rotate": ["99", "100", "101", "102"],
                "rotate twice": ["99", "100", "101", "102"], "copy": ["99", "100", "102"], "truncate": ["102"]}
    assert read(again) == expected[meanwhile]
    assert again.lost == (meanwhile == "truncate"), "what is lost is said"


def test_cursor_does_not_match_a_new_file_with_the_same_inode(log: Log) -> None:
    """File systems give a number that became free to the next file."""
    log.write("old 1", "old 2")
    cursor = (following(log, count=1).more() or [])[0][1]
    os.truncate(log.path, 0)
    log.write("new 1", "new 2", "new 3", "new 4")
    again = resumed(log, cursor)
    assert read(again) == ["new 1", "new 2", "new 3", "new 4"] and again.lost


def test_tail_resumes_a_log_that_was_not_there(log: Log) -> None:
    log.path.unlink()
    cursor = following(log).cursor()
    log.reopen()
    log.write("first")
    again = resumed(log, cursor)
    assert read(again) == ["first"] and not again.lost


def test_cursor_of_any_line_resumes_exactly_behind_it(log: Log) -> None:
    """Wherever the line is cut, exactly what follows comes again: over blocks, rotations and long lines."""
    log.write(*(f"{number} " + "x" * (number % 300) for number in range(1500)), "y" * (logfile.LONGEST + 10))
    log.file.write(b"half ")
    log.rotate()
    log.write("of it", "end")
    shown = list(itertools.chain.from_iterable(iter(following_from_start(log).more, None)))
    texts = [text for text, _ in shown]
    assert texts[-2:] == ["half of it", "end"]
    for at in (0, 1, 700, 1499, 1500, len(shown) - 2, len(shown) - 1):
        assert read(resumed(log, shown[at][1])) == texts[at + 1:]


def following_from_start(log: Log) -> Tail:
    inode = log.backup(1).stat().st_ino
    return resumed(log, [inode, 0, 0, 0])


# --- secrets ---

def knowing(secret: str) -> Mask:
    mask = Mask()
    mask.learn(f"# first\n{SECRET_NAMES}TOKEN\nexport TOKEN={secret}\n")
    return mask


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """A line without an end is shown as soon as nothing follows."""
    monkeypatch.setattr(tail, "QUIET", -1.0)


@pytest.mark.promise(7)
@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize("at", range(1, len("hunter2")))
def test_secret_that_is_written_in_two_parts_is_read_as_one(log: Log, at: int) -> None:
    mask = knowing("hunter2")
    follower = Tail(str(log.path), mask)
    log.file.write(b"token: " + b"hunter2"[:at])
    assert read(follower) == []
    log.file.write(b"hunter2"[at:] + b" and more\n")
    assert [mask(line) for line in read(follower)] == ["token: *** and more"]


@pytest.mark.usefixtures("impatient")
def test_line_without_an_end_is_shown_when_it_cannot_be_a_secret(log: Log) -> None:
    follower = Tail(str(log.path), knowing("hunter2"))
    log.file.write(b"name: ")
    assert read(follower) == ["name: "]


@pytest.mark.promise(7)
@pytest.mark.parametrize("at", [1, 3, 6])
def test_secret_is_not_cut_where_a_long_line_is(log: Log, at: int) -> None:
    mask = knowing("hunter2")
    line = "x" * (logfile.LONGEST - at) + "hunter2" + "y" * logfile.LONGEST
    log.write(line)
    follower = Tail(str(log.path), mask)
    whole = read(follower)
    assert "".join(whole) == line and "hunter2" not in "".join(map(mask, whole))


@pytest.mark.promise(7)
@pytest.mark.parametrize("at", range(1, len("hunter2")))
def test_last_lines_do_not_begin_within_a_secret(log: Log, at: int) -> None:
    """The last piece of a long line would begin there: at LONGEST + 1, for the size of this one."""
    mask = knowing("hunter2")
    before = logfile.LONGEST + 1 - at
    log.write("x" * before + "hunter2" + "y" * (2 * logfile.LONGEST - before - len("hunter2")))
    follower = Tail(str(log.path), mask)
    follower.from_last(1, every)
    assert mask(read(follower)[0])[:4] == "***y"


@pytest.mark.parametrize("meanwhile", ["nothing", "rotate", "rotate twice", "copy", "empty"])
def test_last_lines_since_a_place_are_those_written_after_it(log: Log, meanwhile: str) -> None:
    """Also those that a rotation moved to backups; never lines from before."""
    log.write("old 1", "old 2")
    place = logfile.end_of(str(log.path))
    assert tail.last_lines(str(log.path), 9, Mask(), place) == []
    log.write("1")
    if meanwhile.startswith("rotate"):
        log.rotate()
        log.write("2")
    if meanwhile == "rotate twice":
        log.rotate()
    if meanwhile == "copy":
        log.copy_and_truncate()
    if meanwhile == "empty":
        os.truncate(log.path, 0)
    log.write("3")
    expected = {"nothing": ["1", "3"], "rotate": ["1", "2", "3"], "rotate twice": ["1", "2", "3"],
                "copy": ["1", "3"], "empty": ["3"]}[meanwhile]
    assert tail.last_lines(str(log.path), 9, Mask(), place) == expected
    assert tail.last_lines(str(log.path), 1, Mask(), place) == expected[-1:]


def test_last_lines_since_a_time_without_a_log_are_all_of_it(log: Log) -> None:
    log.backup(1).write_text("old\n")
    log.write("1")
    assert tail.last_lines(str(log.path), 9, Mask(), logfile.NO_FILE) == ["1"]


@pytest.mark.parametrize(("count", "lines"), [(1, ["5"]), (3, ["3", "4", "5"]), (9, ["1", "2", "3", "4", "5"])])
def test_tail_begins_in_a_backup_when_the_log_is_short(log: Log, count: int, lines: list[str]) -> None:
    log.write("1", "2")
    log.rotate()
    log.write("3", "4")
    log.rotate()
    log.write("5")
    assert last(log, count) == lines
