"""The HTTP server: Tornado's, with room for so many connections, and little patience with those that are slow."""

import socket
from collections.abc import Awaitable, Iterable
from typing import Any, Final

from tornado.http1connection import HTTP1ServerConnection
from tornado.httpserver import HTTPServer
from tornado.httputil import HTTPConnection, HTTPHeaders, HTTPMessageDelegate, RequestStartLine, ResponseStartLine
from tornado.web import Application, RequestHandler

from clinvk.api.accepting import Acceptor
from clinvk.api.connections import HEAD_BYTES, Connection, Connections, Phase
from clinvk.api.peers import Peer
from clinvk.api.services import Services
from clinvk.api.transport import SecureStream, Stream

_CHUNK_BYTES: Final = 64 << 10


class _Serving(HTTP1ServerConnection):
    """The requests of one connection, one after the other."""

    known: Connection


class _Request(HTTPMessageDelegate):
    """Tells the connection how far its request is, and the handler what comes."""

    def __init__(self, delegate: HTTPMessageDelegate, known: Connection) -> None:
        self._delegate = delegate
        self._known = known

    def headers_received(
        self, start_line: RequestStartLine | ResponseStartLine, headers: HTTPHeaders
    ) -> Awaitable[None] | None:
        self._known.enter(Phase.BODY)
        return self._delegate.headers_received(start_line, headers)

    def data_received(self, chunk: bytes) -> Awaitable[None] | None:
        return self._delegate.data_received(chunk)

    def finish(self) -> None:
        self._known.enter(Phase.ANSWER)
        self._delegate.finish()

    def on_connection_close(self) -> None:
        self._delegate.on_connection_close()


class _Refused(HTTPMessageDelegate):
    """Hears a request to its end, and says that there is no room."""

    def __init__(self, known: Connection) -> None:
        self._known = known

    def finish(self) -> None:
        self._known.send_away()


class Listener(HTTPServer):
    """Listens on ports and unix sockets. It speaks TLS on ports only, with the services' context of the moment."""

    def initialize(self, application: Application, services: Services) -> None:  # type: ignore[override]
        super().initialize(application, chunk_size=_CHUNK_BYTES, max_header_size=HEAD_BYTES)
        # The handler keeps the clock of the body, a connection all others: Tornado's close without a word.
        self.conn_params.header_timeout = None
        self.connections = Connections(lambda: services.bounds, services.new_id)
        self._services = services

    def add_sockets(self, sockets: Iterable[socket.socket]) -> None:
        """Begin to take the connections of these; as Tornado's own, but for what is done without descriptors."""
        for each in sockets:
            self._sockets[each.fileno()] = each
            self._handlers[each.fileno()] = Acceptor(each, self._handle_connection).remove

    def _handle_connection(self, connection: socket.socket, address: Any) -> None:
        """Tornado gives each connection that it accepts."""
        has_room = self.connections.has_room()
        if not has_room:
            self.connections.forget_refused()
        try:
            stream = self._stream(connection)
        except OSError:  # of TLS too: it has left already
            connection.close()
            return
        peer = Peer(stream.socket, address, "https" if isinstance(stream, SecureStream) else "http")
        known = Connection(stream, peer.remote_ip, self.connections)
        known.enter(Phase.IDLE if has_room else Phase.REFUSED)
        if isinstance(stream, SecureStream):
            known.enter(Phase.HANDSHAKE)
            stream.wait_for_handshake().add_done_callback(lambda _: known.on_secured())
        serving = _Serving(stream, self.conn_params, peer)
        serving.known = known
        self._connections.add(serving)
        serving.start_serving(self)

    def _stream(self, connection: socket.socket) -> Stream:
        tls = self._services.tls
        if tls is None or connection.family == socket.AF_UNIX:
            return Stream(connection, read_chunk_size=_CHUNK_BYTES)
        secure = tls.wrap_socket(connection, server_side=True, do_handshake_on_connect=False)
        return SecureStream(secure, read_chunk_size=_CHUNK_BYTES)

    def start_request(self, server_conn: object, request_conn: HTTPConnection) -> HTTPMessageDelegate:
        assert isinstance(server_conn, _Serving)
        known = server_conn.known
        if known.is_refused:
            return _Refused(known)
        known.wait()
        return _Request(super().start_request(server_conn, request_conn), known)

    async def close_all_connections(self) -> None:
        await super().close_all_connections()
        self.connections.lingering.close()


def answered(handler: RequestHandler) -> None:
    """What Tornado calls when `handler` has said all it will: in its settings, `log_function`."""
    stream = getattr(handler.request.connection, "stream", None)
    if stream is not None and isinstance(stream.watcher, Connection):  # else it is a WebSocket by now
        services, grant = getattr(handler, "services", None), getattr(handler, "grant", None)
        stream.watcher.answered(known=bool(grant or (services and not services.keyring)))
