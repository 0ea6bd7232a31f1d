"""What git servers say, word by word, and what it is taken for: the reason first, and the right exit code."""

from __future__ import annotations

import pytest

from tasks.executor.git import errors, server_errors, server_remedies
from tasks.executor.system.shell import CommandFailed
from tasks.mirror import git

# OpenSSH and git say this under every refusal.
ALWAYS = ["fatal: Could not read from remote repository.", "", "Please make sure you have the correct access rights",
          "and the repository exists."]
SAID = {
    "other_hashes": ["fatal: mismatched algorithms: client sha1; server sha256"],
    "dubious_owner": [
        "fatal: detected dubious ownership in repository at '/srv/git/shop.git'\nTo add an exception for this "
        "directory, call:\n\n\tgit config --global --add safe.directory /srv/git/shop.git",
        "fatal: unsafe repository ('/srv/git/shop.git' is owned by someone else)\nTo add an exception for this "
        "directory, call:\n\n\tgit config --global --add safe.directory /srv/git/shop.git",
    ],
    "refused": [
        "git@github.com: Permission denied (publickey).",
        "ERROR: The 'acme' organization has enabled or enforced SAML SSO.\nTo access this repository, you must "
        "use the HTTPS remote with a personal access token\nor SSH with an SSH key and passphrase\nthat has "
        "been authorized for this organization.",
        "remote: The 'acme' organization has enabled or enforced SAML SSO.\nfatal: unable to access "
        "'https://github.com/acme/x.git/': The requested URL returned error: 403",
        "remote: HTTP Basic: Access denied. If a password was provided for Git authentication, the password "
        "was incorrect or you're required to use a token instead of a password.\nfatal: Authentication failed "
        "for 'https://gitlab.example.com/a/b.git/'",
        "remote: ERROR: Your account has been blocked.",
        "remote: ERROR: Your account is pending approval from your administrator and hence blocked.",
        "remote: ERROR: Your SSH key has expired.",
        "remote: ERROR: Your password expired. Please access GitLab from a web browser to update your password.",
        "remote: ERROR: Git access over SSH is not allowed",
        "remote: ERROR: You are not allowed to download code from this project.",
        "ERROR: Permission to acme/x.git denied to deploy key",
        "ERROR: You're using an RSA key with SHA-1, which is no longer allowed. Please use a newer client or a "
        "different key type.",
        "ERROR: Your account is suspended. Please check your email for more information.",
        "conq: repository access denied. access via a deployment key is read-only.",
        "Unauthorized",
        "remote: Public key authentication failed.",
        "remote: TF400813: The user 'x' is not authorized to access this resource.",
        "remote: TF401027: You need the Git 'GenericRead' permission to perform this action.",
        "fatal: remote error: access denied or repository not exported: /x",
        'fatal: remote error: upload-pack not permitted on "x"',
        "Gitea: Unauthorized",
        "Forgejo: Deploy Key: 1:k is not authorized to read org/repo.",
        "FATAL: R any monitor deploy DENIED by fallthru\n(or you mis-spelled the reponame)",
        "Received disconnect from 1.2.3.4 port 22:2: Too many authentication failures\nDisconnected from "
        "1.2.3.4 port 22",
        "fatal: could not read Username for 'https://x': terminal prompts disabled",
        "fatal: could not read Username for 'https://x': No such device or address",
        "remote: The 'acme' organization has an IP allow list enabled, and 1.2.3.4 is not permitted to access "
        "this repository.\nfatal: unable to access 'https://github.com/a/b/': The requested URL returned "
        "error: 403",
        "remote: Invalid username or password.\nfatal: Authentication failed for 'https://x/'",
        "remote: Support for password authentication was removed on August 13, 2021.\nfatal: Authentication "
        "failed for 'https://x/'",
        "remote: You must perform additional authentication (2FA) ",
    ],
    "missing": [
        "remote: \nremote: ========================================================================\nremote: \n"
        "remote: ERROR: The project you were looking for could not be found or you don't have permission to "
        "view it.\nremote: \nremote: ===",
        "ERROR: Repository not found.",
        "fatal: '/srv/git/gitaly.git' does not appear to be a git repository",
        "remote: Repository not found.\nfatal: repository 'https://github.com/acme/x.git/' not found",
        "ERROR: Repository `acme/x' is disabled. Please ask the owner to check their account.",
        "remote: Repository unavailable due to DMCA takedown.\nfatal: unable to access "
        "'https://github.com/a/b/': The requested URL returned error: 451",
        "ERROR: This repository was archived so it is read-only.",
        "remote: You may not have access to this repository or it no longer exists in this workspace. If you "
        "think this repository exists and you have access, make sure you are authenticated.",
        "Repository not found\nThe requested repository does not exist, or you do not have permission to "
        "access it.",
        "remote: TF401019: The Git repository with name or identifier x does not exist or you do not have "
        "permissions for the operation you are attempting.\nfatal: repository 'https://dev.azure.com/x' not "
        "found",
        "fatal: Project x not found",
        "Gitea: Cannot find repository: org/repo",
        "fatal: '/srv/x.git' does not appear to be a git repository",
        "fatal: protocol error: bad line length character: logi",
        "fatal: https://x/info/refs not valid: is this a git repository?",
        "fatal: unable to access 'https://x/': The requested URL returned error: 404",
        "fatal: unable to access 'https://x/': The requested URL returned error: 410",
    ],
    "busy": [
        "remote: You have exceeded a secondary rate limit. Please wait a few minutes before you try again.\n"
        "fatal: unable to access 'https://github.com/a/b/': The requested URL returned error: 403",
        "fatal: unable to access 'https://x/': The requested URL returned error: 429",
        "remote: ERROR: This endpoint has been requested too many times. Try again later.",
        "remote: TF400733: The request has been canceled: Request was blocked due to exceeding usage of "
        "resource 'Concurrency' in namespace 'User'.\nfatal: unable to access 'https://dev.azure.com/x': The "
        "requested URL returned error: 503",
        "remote: ERROR: Internal API unreachable",
        "remote: GitLab: Internal API error (502)",
        "GitLab: Failed to get upload-pack: Gitaly is unavailable",
        "Gitea: Internal Server Connection Error",
        "remote: Internal Server Error.\nfatal: unable to access 'https://x/': The requested URL returned "
        "error: 500",
        "remote: Bitbucket is undergoing maintenance",
    ],
    "unreachable": [
        "fatal: unable to access 'https://x/': The requested URL returned error: 502",
        "fatal: unable to access 'https://x/': The requested URL returned error: 503",
        "fatal: unable to access 'https://x/': CONNECT tunnel failed, response 502",
        "fatal: unable to access 'https://x/': Could not resolve proxy: proxy.example.com",
        "fatal: unable to access 'https://x/': OpenSSL SSL_connect: SSL_ERROR_SYSCALL in connection to x:443",
        "fatal: unable to access 'https://x/': gnutls_handshake() failed: The TLS connection was non-properly "
        "terminated.",
        "ssh: connect to host x port 22: Connection refused",
        "ssh: connect to host x port 22: Connection timed out",
        "ssh: Could not resolve hostname x: Temporary failure in name resolution",
        "ssh: connect to host x port 22: Host is down",
        "kex_exchange_identification: Connection closed by remote host\nConnection closed by 1.2.3.4 port 22",
        "fatal: unable to connect to x:\nx[0: 1.2.3.4]: errno=Connection refused",
        "error: RPC failed; curl 18 transfer closed with outstanding read data remaining\nfetch-pack: "
        "unexpected disconnect while reading sideband packet\nfatal: early EOF\nfatal: fetch-pack: invalid "
        "index-pack output",
        "fatal: unable to access 'https://x/': Empty reply from server",
        "error: RPC failed; HTTP 504 curl 22 The requested URL returned error: 504\nfatal: the remote end hung "
        "up unexpectedly",
        "fatal: unable to access 'https://x/': Operation too slow. Less than 1000 bytes/sec transferred the "
        "last 60 seconds",
    ],
    "proxy": [
        "fatal: unable to access 'https://x/': CONNECT tunnel failed, response 407",
        "fatal: unable to access 'https://x/': Received HTTP code 407 from proxy after CONNECT",
        "fatal: unable to access 'https://x/': Received HTTP code 403 from proxy after CONNECT",
        "fatal: unable to access 'https://x/': CONNECT tunnel failed, response 403",
    ],
    "certificate": [
        "fatal: unable to access 'https://x/': SSL certificate problem: self-signed certificate in certificate "
        "chain",
        "fatal: unable to access 'https://x/': SSL certificate problem: certificate has expired",
        "fatal: unable to access 'https://x/': server certificate verification failed. CAfile: none CRLfile: "
        "none",
        "fatal: unable to access 'https://x/': SSL: no alternative certificate subject name matches target "
        "host name 'x'",
    ],
    "moved": [
        "fatal: unable to update url base from redirection:\n  asked for: "
        "https://x/a.git/info/refs?service=git-upload-pack\n   redirect: https://x/users/sign_in",
        "fatal: unable to access 'https://x/': Maximum (20) redirects followed",
    ],
    "no_common_algorithm": [
        "Unable to negotiate with 1.2.3.4 port 22: no matching host key type found. Their offer: ssh-rsa",
    ],
    "unknown_key": [
        "No ED25519 host key is known for x and you have requested strict checking.\nHost key verification "
        "failed.",
    ],
    "changed_key": [
        "@@@@\n@    WARNING: REMOTE HOST IDENTIFICATION HAS CHANGED!     @\n@@@@\nIT IS POSSIBLE THAT SOMEONE "
        "IS DOING SOMETHING NASTY!\nHost key verification failed.",
    ],
    "open_key": [
        '@ WARNING: UNPROTECTED PRIVATE KEY FILE! @\nPermissions 0644 for \'/x\' are too open.\nLoad key "/x": '
        "bad permissions\ngit@x: Permission denied (publickey).",
    ],
    "ssh_configuration": [
        "Bad owner or permissions on /home/x/.ssh/config",
        "/home/x/.ssh/config: line 3: Bad configuration option: foo\n/home/x/.ssh/config: terminating, 1 bad "
        "configuration options",
    ],
    "no_ssh": [
        "error: cannot run ssh: No such file or directory\nfatal: unable to fork",
        "ssh -oBatchMode=yes: ssh: not found",
    ],
    "no_transport": [
        "fatal: unable to find remote helper for 'https'",
        "git: 'remote-htps' is not a git command. See 'git --help'.",
        "fatal: transport 'file' not allowed",
        "fatal: remote error: \n  The unauthenticated git protocol on port 9418 is no longer supported.",
    ],
    "no_room": [
        "error: file write error: No space left on device\nfatal: fetch-pack: invalid index-pack output",
    ],
    "no_commit": [
        "fatal: couldn't find remote ref refs/heads/x",
        "fatal: remote error: upload-pack: not our ref 1234",
    ],
}
EXIT_CODES = {"busy": 75, "unreachable": 75, "no_room": 1}
CODES = {"try_again": 75, "not_ready": 2, "failed": 1}


@pytest.mark.promise(8)
@pytest.mark.parametrize("cause", SAID)
def test_words_of_git_servers_are_taken_for_their_cause(cause: str) -> None:
    for said in SAID[cause]:
        assert server_errors.cause("\n".join([said, *ALWAYS])) == cause, said


@pytest.mark.parametrize("cause", SAID)
def test_each_cause_has_its_reason_first_its_exit_code_and_a_remedy_on_both_sides(cause: str) -> None:
    said = SAID[cause][0].splitlines()
    here = git.explain(git.GitFailed(["fetch"], "\n".join([*said, *ALWAYS])), "git@x:api.git", {})
    there = errors.explain(CommandFailed("exit status 128", 128, [*said, *ALWAYS]), "git@x:api.git")
    assert CODES[there.kind] == EXIT_CODES.get(cause, 2)
    assert here.exit_code == (75 if CODES[there.kind] == 75 else 2)
    for error in (here, there):
        assert server_errors.reason(said).split("; ")[0] in error.message and "access rights" not in error.message
        assert error.hint and "%s" not in error.hint and "{" not in error.hint


def test_job_that_is_refused_learns_of_the_permissions_of_its_token() -> None:
    for said, learns in (("returned error: 403", True), ("could not be found", True), ("returned error: 503", False)):
        error = git.explain(git.GitFailed(["fetch"], said), "git@x:api.git", {"CI_JOB_TOKEN": "x"})
        assert ("Job token permissions" in error.hint) == learns


def test_each_cause_has_words_of_a_server_and_a_remedy_on_both_sides() -> None:
    assert set(SAID) == set(server_remedies.REMEDIES) - {"slow"} == {name for name, _ in server_errors.CAUSES}
