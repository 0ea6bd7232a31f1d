from __future__ import annotations

from datetime import datetime, timezone

import pytest

from tasks.reports.text.humanize import ago, distance, duration, in_words, listed, uptime, who
from tasks.reports.text.table import Column, middle_cut, name_columns, short_hosts, table, text_of

NOW = datetime(2024, 5, 1, 12, tzinfo=timezone.utc)


@pytest.mark.parametrize(("command", "word"), [
    ("deploy", "deployed"), ("rollback", "rolled back"), ("restart", "restarted"), ("recover", "recovered"),
    ("remove", "removed"), ("setup", "set up"), (None, "deployed"),
])
def test_command_that_was_committed_is_called_what_it_did(command, word):
    assert (in_words("committed", command), in_words("restored", command)) == (word, "went back")


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "0.0 s"), (3.14, "3.1 s"), (9.96, "10 s"), (59.7, "1 min"), (125, "2 min 5 s"), (3840, "1 h 4 min")],
)
def test_duration_has_a_fitting_unit(seconds, text):
    assert duration(seconds) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(None, "-"), (45, "45 s"), (750, "12 min"), (15_120, "4 h 12 min"), (273_600, "3 d 4 h"), (86_410, "1 d")],
)
def test_uptime_has_a_fitting_unit(seconds, text):
    assert uptime(seconds) == text


@pytest.mark.parametrize(
    ("moment", "text"),
    [
        ("2024-05-01T10:00:00Z", "2 h ago"),
        ("2024-05-01T11:59:30+00:00", "just now"),
        ("2024-05-01T12:00:30Z", "just now"),
        ("2024-04-28T11:00:00", "3 d ago"),
        ("yesterday", "yesterday"),
        (None, ""),
    ],
)
def test_ago_is_relative_to_now(moment, text):
    assert ago(moment, NOW) == text


def test_listed_joins_names_and_counts_the_rest():
    assert listed(["a"]) == "a"
    assert listed(["a", "b", "c"]) == "a, b and c"
    assert listed(list("abcdef")) == "a, b, c and 3 more"


def test_middle_cut_keeps_both_ends_of_a_name():
    assert middle_cut("web-production-01", 9, "…") == "web-…n-01"
    assert middle_cut("web", 1, "…") == "…"


@pytest.mark.parametrize(
    ("hosts", "labels"),
    [
        (["web1.example.com", "web2.example.com"], ["web1", "web2"]),
        (["web.a.com", "web.b.com"], ["web.a.com", "web.b.com"]),
        (["10.0.0.12"], ["10.0.0.12"]),
        (["web", "db"], ["web", "db"]),
    ],
)
def test_short_hosts_drop_the_common_domain(hosts, labels):
    assert list(short_hosts(hosts).values()) == labels


@pytest.mark.parametrize(("room", "host"), [(0, "web1.example.com"), (-1, "web1")])
def test_hosts_have_their_full_names_where_these_fit(room, host):
    names = [("web1.example.com", "api", ""), ("web2.example.com", "shop", "")]
    width = len("web1.example.com") + 2 + len("service") + 2 + len("RUNNING") + room
    columns = name_columns(names, width, [Column("state", [("RUNNING", "")] * 2)])
    assert columns[0].cells[0] == (host, "")


def test_table_cuts_names_before_it_drops_columns():
    columns = [
        Column("host", [("abcdefghijkl", "")], least=8),
        Column("commit", [("1a2b3c4d", "")]),
        Column("by", [("alice", "")], drop=1),
    ]
    assert text_of(table(columns, 25, "…")[1]) == "abcd…jkl  1a2b3c4d  alice"
    assert text_of(table(columns, 22, "…")[1]) == "abcdefghijkl  1a2b3c4d"


@pytest.mark.parametrize(
    ("by", "text"),
    [
        ("anna@laptop", "anna@laptop"),
        ("anna https://gitlab.example.com/micro/monitor/-/jobs/123", "anna, job 123"),
        ("anna https://elsewhere.example.com", "anna https://elsewhere.example.com"),
        (None, "-"),
    ],
)
def test_who_shortens_the_deployers_name(by, text):
    assert who(by) == text


@pytest.mark.parametrize(
    ("back", "forward", "text"),
    [
        (None, None, ""),
        (0, 4, ""),
        (1, 0, "back 1 commit"),
        (3, 0, "back 3 commits"),
        (3, 1, "back 3 commits and on 1 other"),
        (1, 2, "back 1 commit and on 2 others"),
    ],
)
def test_distance_counts_commits_back_and_forward(back, forward, text):
    assert distance(back, forward) == text
