# SPDX-License-Identifier: Apache-2.0
"""A web server for tests, which answers as each test says and keeps what it received."""
import http.server
import pathlib
import socket
import ssl
import struct
import threading
import time


class Request:
    def __init__(self, handler, body):
        self.path, self.headers, self.body, self.time = handler.path, handler.headers, body, time.monotonic()


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        server = self.server.owner
        with server.lock:
            server.requests.append(Request(self, body))
            answer = server.script.pop(0) if server.script else 200
        if callable(answer):
            answer(self)
        else:
            status, *headers = answer if isinstance(answer, tuple) else (answer,)
            self.answer(status, headers)

    def answer(self, status, headers=(), body=b"{}"):
        self.send_response(status)
        for name, value in headers:
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


def hang(handler):
    """No answer. The connection ends when the client gives up."""
    handler.server.owner.hanging.set()
    handler.connection.recv(1)
    handler.server.owner.given_up.set()
    handler.close_connection = True


def reset(handler):
    handler.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    handler.connection.close()
    handler.close_connection = True


def gigabyte(handler):
    """Takes the request, and answers without end."""
    handler.send_response(200)
    handler.send_header("Content-Length", str(1 << 30))
    handler.end_headers()
    sent = 0
    try:
        while sent < 1 << 30:
            sent += handler.connection.send(bytes(65536))
    except OSError:
        pass
    handler.server.owner.sent = sent
    handler.close_connection = True


class WebServer:
    """Listens on a free port, with TLS by the certificate in this folder if there is one. Each entry of `script` is the
    answer to one request: a status, a tuple of a status and headers, or a function; then all are answered with 200."""

    def __init__(self, folder=None, port=0):
        self.lock = threading.Lock()  # guards the following members
        self.requests = []
        self.script = []
        self.sent = None
        self.hanging, self.given_up = threading.Event(), threading.Event()
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", port), Handler)
        self.server.owner = self
        self.server.handle_error = lambda *_: None  # clients that give up are expected
        self.port = self.server.server_address[1]
        if folder is not None:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(pathlib.Path(folder) / "server.pem", pathlib.Path(folder) / "server.key")
            self.server.socket = context.wrap_socket(self.server.socket, server_side=True, do_handshake_on_connect=False)
        self.thread = threading.Thread(target=self.server.serve_forever)
        self.thread.start()

    def received(self):
        with self.lock:
            return list(self.requests)

    def close(self):
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()
