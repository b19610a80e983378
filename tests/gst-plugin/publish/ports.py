# SPDX-License-Identifier: Apache-2.0
"""Free ports, and waiting for servers on them."""
import socket
import time


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def is_open(address, port):
    with socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET) as client:
        return client.connect_ex((address, port)) == 0


def wait_until(condition):
    while not condition():
        time.sleep(0.01)
