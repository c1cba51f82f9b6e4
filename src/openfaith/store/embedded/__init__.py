"""A PostgreSQL of one's own, for whoever has none: nothing to install, nothing to administer.

A *cluster* is one directory, ``<home>/postgres``: the data, the socket, the password, the log and three
lock files. At most one server runs in it, and every process that uses the home shares that server: the first one
starts it, the last one stops it. Three questions decide everything, and none is answered from a stored pid:

*Who uses it?* Every user holds a shared ``flock`` on ``users.lock``. The kernel drops it when the process ends,
however it ends. Decisions to start or stop are taken under an exclusive lock on ``control.lock``.

*Is it alive?* When it accepts a connection on its socket. A pid proves nothing: after a crash the number in
``postmaster.pid`` belongs to a zombie, or to somebody else.

*Is it safe to start another?* When no process of an earlier one lives: none holds ``server.lock``, which they all
inherit from the launcher, and none has the data directory as its working directory, which they all do. Backends
outlive a postmaster that was killed, and must be gone before the files it left behind are removed.

PostgreSQL refuses to run as root. Root starts it as an unprivileged account that exists already (`postgres`, else
`nobody`), creates no account, and opens none of its own directories: where that account cannot enter the home,
``<home>/postgres`` is a link to ``/var/lib/openfaith-<hash of the home>``; where it cannot execute the binaries,
they are copied there once.

Everything here blocks: call it by ``asyncio.to_thread``. It needs ``flock`` and unix sockets, hence POSIX.
"""

from __future__ import annotations

from openfaith.store.embedded.binaries import find_binaries
from openfaith.store.embedded.server import EmbeddedServer, is_running, stop

__all__ = ["EmbeddedServer", "find_binaries", "is_running", "stop"]
