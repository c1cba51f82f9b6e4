"""A simulator that runs: in this process, or as a child that lives no longer than its parent."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import threading
import urllib.error
import urllib.request
from collections.abc import Callable
from types import TracebackType
from typing import Any, Self

from openfaith.errors import ConfigurationError, SourceUnavailableError
from openfaith.simulator.arguments import to_arguments
from openfaith.simulator.options import SimulatorOptions
from openfaith.simulator.server import CONTROL_PATH, create_app, server_of

STOP_SECONDS = 5
"""How long a child may take to end before it is killed."""

ANSWER_SECONDS = 120
"""How long the control interface may take: warming a large church takes a while."""


def serve(
    options: SimulatorOptions,
    host: str = "127.0.0.1",
    port: int = 0,
    *,
    on_ready: Callable[[str], None] | None = None,
    stop_with_input: bool = False,
) -> None:
    """Run in the foreground until interrupted.

    Args:
        options: the church and how its API behaves.
        host: the address to listen at.
        port: 0 takes a free one.
        on_ready: called with the base URL as soon as requests are accepted.
        stop_with_input: stop when standard input ends.

    Raises:
        ConfigurationError: the options mean nothing, or the address cannot be used.
    """
    server = server_of(create_app(options), host, port)
    with _listening(host, port) as listener:
        if stop_with_input:
            threading.Thread(target=_exit_with_input, daemon=True).start()
        if on_ready:
            on_ready(f"http://{_in_url(host)}:{listener.getsockname()[1]}")
        server.run(sockets=[listener])


def _listening(host: str, port: int) -> socket.socket:
    """A socket that accepts connections from now on, before the server runs: nobody who is told of it is refused."""
    try:
        return socket.create_server(
            (host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET, backlog=2048
        )
    except (OSError, OverflowError) as error:
        raise ConfigurationError(
            "the simulator's address",
            f"{host}:{port} cannot be used ({error})",
            "a free port of this machine",
        ) from error


def _in_url(host: str) -> str:
    return f"[{host}]" if ":" in host else host


def _exit_with_input() -> None:
    """The other end of the pipe closes when the parent ends, however it ends. There is nothing to clean up."""
    while os.read(sys.stdin.fileno(), 1024):
        pass
    os._exit(0)


class RunningSimulator:
    """A simulator in a child process, on a free port of the loopback interface.

    Use it as a context manager. The child ends with the block, and also when this process is killed.
    """

    def __init__(self, options: SimulatorOptions | None = None) -> None:
        self.options = options or SimulatorOptions()
        self._process: subprocess.Popen[bytes] | None = None
        self._base_url = ""

    @property
    def base_url(self) -> str:
        """Where the API is, without a path: `http://127.0.0.1:40123`."""
        return self._base_url

    @property
    def control_url(self) -> str:
        """Where the control interface is."""
        return f"{self._base_url}{CONTROL_PATH}"

    @property
    def pid(self) -> int:
        """The child's process id."""
        assert self._process is not None
        return self._process.pid

    def control(self, path: str, body: object = None, *, method: str | None = None) -> Any:
        """Ask the control interface, as in ``control("change", {"action": "delete", "entity": "Person", "count": 3})``.

        Raises:
            ConfigurationError: it does not accept that; the message says why.
        """
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(f"{self.control_url}/{path}", data=data, method=method)  # noqa: S310 - our own child, by http
        try:
            with urllib.request.urlopen(request, timeout=ANSWER_SECONDS) as answer:  # noqa: S310 - likewise
                return json.load(answer)
        except urllib.error.HTTPError as error:
            with error:
                raise ConfigurationError(
                    f"simulator {path}", error.read().decode(), "a request that it knows"
                ) from None

    def __enter__(self) -> Self:
        command = [
            sys.executable,
            "-m",
            "openfaith.simulator",
            "--stop-with-input",
            *to_arguments(self.options),
        ]
        # In a session of its own: Ctrl-C is for the parent, which may still want answers while it stops.
        self._process = subprocess.Popen(  # noqa: S603 - our own module
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, start_new_session=True
        )
        assert self._process.stdout is not None
        self._base_url = self._process.stdout.readline().decode().strip()
        if not self._base_url:
            self._stop()
            raise SourceUnavailableError(
                "the simulator", f"it ended with {self._process.returncode} before it was ready"
            )
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop()

    def _stop(self) -> None:
        """Closing its input tells it to end."""
        assert self._process is not None
        with self._process as process:
            if process.stdin:
                process.stdin.close()
            try:
                process.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
