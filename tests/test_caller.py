"""Who types the command, and where, as locks, histories and notifications have it."""

from __future__ import annotations

import getpass
import socket

import pytest

from tasks._caller import caller
from tasks.reports.text.humanize import who

GITLAB = {"GITLAB_USER_LOGIN": "anna", "CI_JOB_URL": "https://git.example.com/micro/api/-/jobs/7"}
GITHUB = {"GITHUB_ACTIONS": "true", "GITHUB_ACTOR": "anna", "GITHUB_SERVER_URL": "https://github.com",
          "GITHUB_REPOSITORY": "micro/api", "GITHUB_RUN_ID": "6706363654", "GITHUB_RUN_NUMBER": "36"}
HERE = f"{getpass.getuser()}@{socket.gethostname()}"


@pytest.mark.parametrize(("environ", "by", "brief"), [
    (GITLAB, "anna https://git.example.com/micro/api/-/jobs/7", "anna, job 7"),
    (GITHUB, "anna https://github.com/micro/api/actions/runs/6706363654", "anna, run 6706363654"),
    ({**GITHUB, "GITHUB_TRIGGERING_ACTOR": "ben"}, "ben https://github.com/micro/api/actions/runs/6706363654",
     "ben, run 6706363654"),
    *(({**GITHUB, "GITHUB_SERVER_URL": "https://git.example.com", kind: "true"},
       "anna https://git.example.com/micro/api/actions/runs/36", "anna, run 36")
      for kind in ("GITEA_ACTIONS", "FORGEJO_ACTIONS")),
    ({}, HERE, HERE), ({"GITLAB_USER_LOGIN": "anna"}, HERE, HERE), ({"GITHUB_ACTOR": "anna"}, HERE, HERE)])
def test_caller_is_who_started_the_job_and_its_link(environ: dict[str, str], by: str, brief: str) -> None:
    assert caller(environ) == by
    assert who(by) == brief
