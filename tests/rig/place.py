"""Where a gateway of the rig lives, and the users that it runs as.

The daemons drop to users of their own, so every folder above the rig must
let them pass; a checkout below a 0700 folder does not, nor does one whose
path is too long for a unix socket. Then the rig moves to /var/tmp.
"""

import fcntl
import grp
import os
import pwd
import shutil
import stat
import tempfile

GROUP = "pmg"
USERS = ("pmgd", "pmg-scan", "pmg-store", "pmg-spamd")
SOCKET_MAX = 107        # sun_path
LONGEST = "/var/spool/postfix/public/pmg-reinject"


def passable(path):
    """May any user go through every folder of path?"""
    path = os.path.abspath(path)
    while True:
        if os.path.exists(path) and not os.stat(path).st_mode & stat.S_IXOTH:
            return False
        if path == "/":
            return True
        path = os.path.dirname(path)


_held = {}


def hold(path):
    """Takes the folder for this process, until it ends: a second rig must not
    end the processes of the first. False: somebody else has it."""
    path = os.path.abspath(path)
    if path in _held:
        return True
    os.makedirs(os.path.dirname(path), exist_ok=True)
    lock = open(path + ".lock", "w")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        lock.close()
        return False
    _held[path] = lock
    return True


def choose(wanted, say=print):
    """An empty folder for a gateway: `wanted`, or one in /var/tmp to which
    `wanted` then is a link."""
    wanted = os.path.abspath(wanted)
    os.makedirs(os.path.dirname(wanted), exist_ok=True)
    remove(wanted)
    short = len(wanted) + len(LONGEST) <= SOCKET_MAX
    if short and passable(os.path.dirname(wanted)):
        os.mkdir(wanted, 0o755)
        return wanted
    place = tempfile.mkdtemp(prefix="pmg-", dir="/var/tmp")
    os.chmod(place, 0o755)
    os.symlink(place, wanted)
    say("the daemons' users cannot reach %s (%s): using %s, linked from there"
        % (wanted, "a folder above it is closed" if short
           else "the path is too long for a socket", place))
    return place


def remove(path):
    """Takes away a rig folder, or the link to one and what it points to."""
    if os.path.islink(path):
        target = os.path.realpath(path)
        os.unlink(path)
        if target.startswith("/var/tmp/pmg-"):
            shutil.rmtree(target, ignore_errors=True)
    elif os.path.isdir(path):
        shutil.rmtree(path)


def missing_users():
    missing = []
    try:
        grp.getgrnam(GROUP)
    except KeyError:
        missing.append("group " + GROUP)
    for user in USERS:
        try:
            pwd.getpwnam(user)
        except KeyError:
            missing.append("user " + user)
    return missing


def make(path, user="root", group=None, mode=0o755):
    """A folder (parents too) with this owner."""
    os.makedirs(path, exist_ok=True)
    entry = pwd.getpwnam(user)
    gid = grp.getgrnam(group).gr_gid if group else entry.pw_gid
    os.chown(path, entry.pw_uid, gid)
    os.chmod(path, mode)
