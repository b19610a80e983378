# SPDX-License-Identifier: Apache-2.0
"""A Kafka-compatible broker, tansu, behind a proxy that can take it off the network."""
import contextlib
import socket
import ssl
import struct
import subprocess
import threading

from ports import free_port, is_open, wait_until

SASL_HANDSHAKE, API_VERSIONS, SASL_AUTHENTICATE = 17, 18, 36
AUTHENTICATION_FAILED = 58


class Proxy:
    """Passes messages between clients and a broker.

    The first answer of tansu contains a tag that librdkafka before 2.1 cannot read: it is left out. With a login, a user
    and a password, clients must send it first, by the mechanism PLAIN.
    """

    def __init__(self, broker_port):
        self.port, self.broker_port = free_port(), broker_port
        self.tls, self.login = None, None
        self.lock = threading.Lock()
        self.sockets, self.listener = set(), None

    def start(self):
        self.listener = socket.create_server(("127.0.0.1", self.port))
        threading.Thread(target=self.accept, args=(self.listener,), daemon=True).start()

    def stop(self):
        """Ends all connections and refuses new ones."""
        with self.lock:
            ends, self.sockets = [self.listener, *self.sockets], set()
        for end in ends:
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
            end.close()

    def accept(self, listener):
        while True:
            try:
                client, _ = listener.accept()
            except OSError:
                return
            try:
                if self.tls is not None:
                    client = self.tls.wrap_socket(client, server_side=True)
                broker = socket.create_connection(("127.0.0.1", self.broker_port))
            except OSError:
                client.close()
                continue
            with self.lock:
                self.sockets |= {client, broker}
            numbers = set()  # of the requests whose answers have the tag
            threading.Thread(target=self.pass_on, args=(client, broker, numbers, self.note), daemon=True).start()
            threading.Thread(target=self.pass_on, args=(broker, client, numbers, self.without_tag), daemon=True).start()

    @staticmethod
    def pass_on(source, target, numbers, change):
        with contextlib.suppress(OSError, ValueError):
            stream = source.makefile("rb")
            while len(size := stream.read(4)) == 4:
                message = change(stream.read(struct.unpack(">i", size)[0]), numbers, source)
                if message is not None:
                    target.sendall(struct.pack(">i", len(message)) + message)
        for end in (source, target):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)

    def note(self, request, numbers, client):
        key, version, number = struct.unpack(">hhi", request[:8])
        if key == API_VERSIONS and version >= 3:
            numbers.add(number)
        if self.login is None or key not in (SASL_HANDSHAKE, SASL_AUTHENTICATE):
            return request
        if key == SASL_HANDSHAKE:
            answer = struct.pack(">ihih", number, 0, 1, 5) + b"PLAIN"
        else:
            is_right = request.endswith(b"\0%s\0%s" % tuple(part.encode() for part in self.login))
            answer = struct.pack(">ihhi", number, 0 if is_right else AUTHENTICATION_FAILED, -1, 0) + bytes(8 * version)
        client.sendall(struct.pack(">i", len(answer)) + answer)
        return None

    @staticmethod
    def without_tag(answer, numbers, _broker):
        """The answer: number, error, entries of seven bytes, throttle time, and the tags."""
        if struct.unpack(">i", answer[:4])[0] not in numbers:
            return answer
        entries = answer[6] - 1
        return answer[:7 + 7 * entries + 4] + b"\0"


class Broker:
    def __init__(self, executable):
        self.executable, self.process = executable, None
        self.own_port = free_port()
        self.proxy = Proxy(self.own_port)
        self.port = self.proxy.port

    def start(self, *options):
        self.process = subprocess.Popen(
            [self.executable, "--storage-engine", "memory://tansu/", "--listener-url", f"tcp://127.0.0.1:{self.own_port}",
             "--advertised-listener-url", f"tcp://localhost:{self.port}", *options], stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL)
        wait_until(lambda: is_open("127.0.0.1", self.own_port))
        self.proxy.start()

    def run(self, *arguments):
        subprocess.run([self.executable, *arguments], check=True, capture_output=True)

    def create_topic(self, name, partitions):
        self.run("topic", "create", "--broker", f"tcp://127.0.0.1:{self.own_port}", "--partitions", str(partitions), name)

    def stop(self):
        if self.process is not None:
            self.proxy.stop()
            self.process.kill()
            self.process.wait()
            self.process = None

    def use_tls(self, certificate, key):
        self.proxy.tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.proxy.tls.load_cert_chain(certificate, key)
