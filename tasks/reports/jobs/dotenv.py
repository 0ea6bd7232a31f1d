"""`--dotenv FILE`: variables for later jobs of GitLab: the environment's url, and the commit that runs now.

Its rules: a line each, no quotes, no comments (https://docs.gitlab.com/ci/yaml/artifacts_reports/#artifactsreportsdotenv).
"""

from __future__ import annotations

from pathlib import Path

from ...rollout.events import Event, Finished, Started
from ..reporter import Reporter
from ..text.verdict import results


def reporter(path: str) -> Dotenv:
    return Dotenv(path)


class Dotenv(Reporter):
    def __init__(self, path: str) -> None:
        self.path = path
        self._url = ""

    def show(self, event: Event) -> None:
        if isinstance(event, Started):
            self._url = event.url
        elif isinstance(event, Finished):
            variables = {"DEPLOY_URL": self._url, "DEPLOY_REVISION": _revision(event)}
            text = "".join(f"{name}={value}\n" for name, value in variables.items() if value)
            Path(self.path).write_text(text, encoding="utf-8")


def _revision(finished: Finished) -> str | None:
    """The commit of all hosts; None where they disagree, or several repositories were deployed."""
    commits = {result.now for _, _, result in results(finished)}
    return commits.pop() if len(commits) == 1 else None
