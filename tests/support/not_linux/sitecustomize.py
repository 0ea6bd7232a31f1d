"""Makes this Python one of a machine that is no Linux: no /proc, and none of the names that only Linux has.

Python imports it by itself where PYTHONPATH names this folder.
"""

from __future__ import annotations

import fcntl
import os
import select
import signal
import socket
import sys
import time

FOLDERS = ("/proc/", "/sys/", "/dev/shm/", "/run/")
ONLY_LINUX = {
    fcntl: "F_ADD_SEALS F_OFD_SETLK F_SETPIPE_SZ",
    os: "O_DIRECT O_NOATIME O_PATH O_TMPFILE copy_file_range eventfd fdatasync getrandom getresuid getxattr listxattr "
        "memfd_create pidfd_open pipe2 posix_fadvise posix_fallocate sched_getaffinity sched_setaffinity setns "
        "setresuid setxattr splice unshare",
    select: "epoll",
    signal: "SIGPOLL SIGPWR SIGRTMAX SIGRTMIN SIGSTKFLT pidfd_send_signal sigtimedwait sigwaitinfo",
    socket: "AF_NETLINK MSG_ERRQUEUE SOCK_CLOEXEC SOCK_NONBLOCK SO_BINDTODEVICE SO_PASSCRED SO_PEERCRED",
    time: "CLOCK_BOOTTIME",
}


def _refuse(event: str, args: tuple[object, ...]) -> None:
    if event in ("open", "os.listdir", "os.scandir") and str(args[0]).startswith(FOLDERS):
        raise FileNotFoundError(2, "there is no such file where there is no Linux", args[0])


for module, names in ONLY_LINUX.items():
    for name in names.split():
        vars(module).pop(name, None)
sys.addaudithook(_refuse)
