"""What it means where a git server hands nothing out, and what helps, by the cause. git asks the server on a host or on
the client: both halves of Fabvisor read it."""

from __future__ import annotations

from typing import Mapping, NamedTuple

from ..quoting import for_sh

TRY = "try {on}: git ls-remote {repo}"
# By cause: the kind of error (as in errors.HostError), what it means, what helps.
REMEDIES = {
    "changed_key": ("not_ready", "the git server's host key is not the one that {who} knows",
                    "ask why it has changed, then {on}: ssh-keygen -R SERVER, and: git ls-remote {repo}"),
    "open_key": ("not_ready", "ssh {on} ignores a key that others can read", "{on}: chmod 600 that key"),
    "ssh_configuration": ("not_ready", "ssh {on} refuses its own configuration", "correct the file that it names"),
    "no_ssh": ("not_ready", "there is no ssh {on}", "install OpenSSH's client {on}, or write `repo` as https://…"),
    "no_transport": ("not_ready", "git {on} cannot read such a URL", "correct `repo`; or " + TRY),
    "busy": ("try_again", "the git server is busy, or was asked too often", "try again a little later; or " + TRY),
    "proxy": ("not_ready", "the proxy on the way to the git server refuses {who}",
              "see https_proxy and http.proxy {on}, then: git ls-remote {repo}"),
    "certificate": ("not_ready", "{who} does not trust the git server's certificate",
                    "see `date` and http.sslCAInfo {on}, then: git ls-remote {repo}"),
    "other_hashes": ("not_ready", "the repository names its commits in another way than {copy}", "{renew}"),
    "dubious_owner": ("not_ready", "the repository belongs to another user of the git server",
                      "on the git server let the user of `repo` own it (chown -R), or type there what git says"),
    "no_common_algorithm": ("not_ready", "ssh {on} and the git server have no algorithm in common",
                            "see ~/.ssh/config {on}, or renew the older of both; " + TRY),
    "refused": ("not_ready", "the git server refuses {user}", "{ask}"),
    "unreachable": ("try_again", "the git server cannot be reached from {who}",
                    "try again, or {on}: git ls-remote {repo}"),
    "unknown_key": ("not_ready", "{who} does not know the git server's host key",
                    "type once {on}, and compare the fingerprint: git ls-remote {repo}"),
    "no_room": ("failed", "there is no room {on} for what was fetched", "make room {on}: df -h; its inodes: df -i"),
    "no_commit": ("not_ready", "the repository does not have that commit", "push it, or choose another"),
    "moved": ("not_ready", "the git server leads to another address, often to a page to log in",
              "correct `repo`, or " + TRY),
    "missing": ("not_ready", "the repository cannot be read", "correct `repo`, or " + TRY),
    "slow": ("try_again", "the git server was too slow, or cannot be reached from {who}",
             TRY + "; or raise `fetch_timeout` in hosts.yaml"),
}
# Where git runs: who asks the server and as which user, where something is typed, what it fetches into, and how that is
# made anew; what helps where the server refuses that user.
ON_A_HOST = {"who": "the host", "on": "on the host", "user": "this host's user", "copy": "the clone of the host",
             "renew": "move the clone away on the host: the next deploy makes it anew",
             "ask": "give the user on the host a deploy key (or a token in ~/.netrc), then " + TRY + "; or add --fetch"
                    " client, which fetches here with your own keys (ForwardAgent is not used)"}
HERE = {"who": "this machine", "on": "here", "user": "you", "copy": "the copy here",
        "renew": "rm -r ~/.cache/fabvisor: the next fetch makes all copies anew", "ask": TRY}


class Explanation(NamedTuple):
    kind: str
    message: str
    hint: str


def explain(cause: str, where: Mapping[str, str], repo: str, why: str) -> Explanation:
    """`cause`: a key of REMEDIES. `where`: ON_A_HOST or HERE. `repo` is shown, and has no password; `why`: what git
    said."""
    kind, message, remedy = REMEDIES[cause]
    whole = remedy.replace("{ask}", where["ask"])
    return Explanation(kind, f"{message.format_map(where)} ({repo}): {why}",
                       whole.format_map({**where, "repo": for_sh(repo)}))
