"""What GitLab and GitHub take for a pipeline, by their own schemas."""

from __future__ import annotations

from pathlib import Path


def gitlab_mistakes(*files: Path) -> str:
    """"" where each file passes."""
    return _mistakes("vendor.gitlab-ci", "--data-transform", "gitlab-ci", *map(str, files))


def github_mistakes(file: Path) -> str:
    return _mistakes("vendor.github-workflows", str(file))


def _mistakes(schema: str, *words: str) -> str:
    # 0.2 s, which each process would pay that collects the tests.
    from check_jsonschema import main
    from click.testing import CliRunner

    done = CliRunner().invoke(main, ["--builtin-schema", schema, *words])
    return done.output if done.exit_code else ""
