"""Says why a job of a CI server may lack a variable."""

from __future__ import annotations

import os


def why_missing(name: str) -> str:
    """A question for whoever set up the job; the empty text where no job runs."""
    if os.environ.get("GITLAB_CI"):
        return (f"{name} is not set in this job: is it a protected variable and the branch is not, "
                "or has it another environment scope?")
    if os.environ.get("GITHUB_ACTIONS"):
        return (f"{name} is not set in this job: is it a secret of the repository, of its environment or of its "
                "organization, and in `env` of the step?")
    return ""
