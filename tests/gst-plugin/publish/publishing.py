# SPDX-License-Identifier: Apache-2.0
"""What the tests of uniadpublish with real receivers share: a pipeline that publishes, and certificates."""
import subprocess
import sys

from ports import wait_until

try:
    import gi

    gi.require_version("Gst", "1.0")
except (ImportError, ValueError) as error:
    print(f"needs python3-gi: {error}")
    sys.exit(77)  # meson: skipped

gi.require_version("GstUniadMeta", "1.0")
from gi.repository import Gst, GstUniadMeta  # noqa: E402

State = GstUniadMeta.AnomalyEventState


def frame(number, score=0.5, state=None, source="gate", event_id="event-1"):
    buffer = Gst.Buffer.new_allocate(None, 4, None)
    buffer.pts = number * 40 * Gst.MSECOND
    meta = GstUniadMeta.buffer_add_anomaly_meta(buffer, source, score, 0)
    if state is not None:
        meta.set_event(event_id, state)
        meta.set_event_kind("anomaly", None)
    return buffer


class Publisher:
    """A pipeline that publishes the frames that the test pushes."""

    def __init__(self, location, **properties):
        self.pipeline = Gst.parse_launch("appsrc name=source format=time ! uniadpublish name=publish ! fakesink sync=false")
        self.source = self.pipeline.get_by_name("source")
        self.element = self.pipeline.get_by_name("publish")
        self.element.set_property("location", str(location))
        for name, value in properties.items():
            Gst.util_set_object_arg(self.element, name.replace("_", "-"), str(value))
        self.started = self.pipeline.set_state(Gst.State.PLAYING) != Gst.StateChangeReturn.FAILURE

    def push(self, *buffers):
        for buffer in buffers:
            self.source.emit("push-buffer", buffer)

    def wait_for_queue(self):
        wait_until(lambda: self.source.get_property("current-level-buffers") == 0 and self.figure("queued") == 0)

    def end(self):
        self.source.emit("end-of-stream")
        self.message(Gst.MessageType.EOS)

    def message(self, kind):
        message = self.pipeline.get_bus().timed_pop_filtered(60 * Gst.SECOND, kind)
        assert message is not None, f"no {kind}"
        return message

    def warning(self):
        error, _ = self.message(Gst.MessageType.WARNING).parse_warning()
        return error.message

    def refusal(self):
        assert not self.started
        error, debug = self.message(Gst.MessageType.ERROR).parse_error()
        return error.message + (debug or "")

    def figure(self, name):
        return self.element.get_property(name)

    def stop(self):
        self.pipeline.set_state(Gst.State.NULL)


def make_certificates(folder, name="localhost", days=1):
    """A certificate authority, ca.pem, and a certificate by it for this host, server.pem and server.key."""
    def openssl(*arguments):
        subprocess.run(["openssl", *arguments], cwd=folder, check=True, capture_output=True)

    openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2",
            "-subj", "/CN=test authority", "-keyout", "ca.key", "-out", "ca.pem")
    openssl("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", f"/CN={name}",
            "-keyout", "server.key", "-out", "server.csr")
    (folder / "names").write_text(f"subjectAltName=DNS:{name}")
    # Since version 3.4, OpenSSL refuses a negative number of days.
    options = subprocess.run(["openssl", "x509", "-help"], check=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                             text=True).stdout
    expired = ["-not_before", "20200101000000Z", "-not_after", "20200102000000Z"]
    lifetime = expired if days < 0 and "-not_after" in options else ["-days", str(days)]
    openssl("x509", "-req", "-in", "server.csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial",
            *lifetime, "-extfile", "names", "-out", "server.pem")
    (folder / "server.key").chmod(0o644)


Gst.init(None)
