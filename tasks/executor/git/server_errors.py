"""What git, ssh and git servers say when a repository cannot be read, by cause. Both halves of Fabvisor read it."""

from __future__ import annotations

import re
from typing import Sequence

# Of a repository that another user made; the second before git 2.38.
DUBIOUS = r"(?:dubious ownership in repository at |unsafe repository \()'(.+)'"
# Sentences of GitHub, GitLab, Bitbucket, Azure, Gitea, Forgejo, Gerrit, gitolite, OpenSSH, curl and git. The first
# cause that fits counts: a server that is asked too often answers 403, too.
CAUSES = (
    ("changed_key", "REMOTE HOST IDENTIFICATION HAS CHANGED"),
    ("open_key", "UNPROTECTED PRIVATE KEY|bad permissions"),
    ("ssh_configuration", "Bad owner or permissions on|Bad configuration option|bad configuration options"),
    ("no_ssh", r"cannot run ssh|\bssh: (command )?not found|unable to fork"),
    ("no_transport", "unable to find remote helper|is not a git command|protocol '.*' is not supported|"
                     "I don't handle protocol|transport '.*' not allowed|no longer supported"),
    ("busy", "rate limit|too many (requests|times)|returned error: 429|TF400733|try (again|your request) later|"
             r"Internal (API|Server|error|Server Connection Error)|(?<![/\w])Gitaly(?![\w.])|"
              "under(going)? maintenance|temporarily"),
    ("proxy", r"(HTTP code|returned error:) (407|40\d from proxy)|"
              r"tunnel failed, response 4\d\d|Proxy CONNECT aborted"),
    ("certificate", "SSL certificate|certificate (problem|verif|has expired|subject name|is not)|SSL: no alternative|"
                    "unable to get local issuer|error setting certificate"),
    ("other_hashes", "mismatched algorithms"),
    ("dubious_owner", DUBIOUS),
    ("no_common_algorithm", "Unable to negotiate|no matching (host key|key exchange|cipher|mac)"),
    ("refused", r"Permission denied \(|could not read (Username|Password)|Authentication failed|"
                r"terminal prompts disabled|returned error: 40[13]|access denied|Access is denied|unauthorized|"
                r"not (authorized|allowed|permitted)|Permission to .* denied|User permission denied|DENIED by|"
                r"You need the .* permission|Too many authentication failures|SAML SSO|two-factor|\b2FA\b|"
                r"has been blocked|is blocked|pending approval|(key|password|token) (has )?expired|"
                r"Invalid (username|credentials)|suspended|using an RSA key"),
    ("unreachable", r"Could not resolve|Connection (refused|timed out|reset|closed|to .* closed)|Failed to connect|"
                    r"Network is unreachable|No route to host|Host is down|timed out|returned error: 5\d\d|"
                    r"tunnel failed, response 5\d\d|remote end hung up|early EOF|kex_exchange|Empty reply|RPC failed|"
                    r"unexpected disconnect|too slow|HTTP/2 stream|SSL_connect|SSL_ERROR|TLS connection|handshake|"
                    r"unable to connect"),
    ("unknown_key", "Host key verification failed"),
    ("no_room", "No space left on device|Disk quota exceeded"),
    ("no_commit", "not our ref|couldn't find remote ref|unadvertised object|no such remote ref"),
    ("moved", "update url base from redirection|redirects followed|Too many redirects"),
    ("missing", r"could not be found|does not appear to be a git repository|repository .*not found|not found|"
                r"does(n't| not) exist|no longer exists|cannot find repository|No such|returned error: 4\d\d|"
                r"is disabled|unavailable|archived|is this a git repository|bad line length|not exported"),
)
UNREAD = "fatal: Could not read from remote repository."
# Sentences that stand under every refusal, whatever its reason is, and parts of the frames that servers draw.
ALWAYS = ("Please make sure you have the correct access rights", "and the repository exists.",
          UNREAD)
SHOWN = 600                         # characters


def cause(output: str) -> str:
    """The name of the cause, or the empty text."""
    return next((name for name, pattern in CAUSES if re.search(pattern, output, re.IGNORECASE)), "")


def reason(lines: Sequence[str]) -> str:
    """The lines that say why it failed, in their order."""
    words = [re.sub(r"^remote: ?", "", line).strip(" =@*-") for line in lines]
    return "; ".join(dict.fromkeys(word for word in words if word and not word.startswith(ALWAYS)))[:SHOWN]
