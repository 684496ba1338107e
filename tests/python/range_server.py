"""A web server for files in memory, on loopback, that answers range requests; as told it is late, breaks off, lies, or wants S3 signatures."""

import contextlib
import hashlib
import hmac
import http.server
import re
import socket
import struct
import threading
import time
import urllib.parse


class RangeServer:
    """With `with`. files: bytes by path. fault(request number, path, range) says what goes wrong with a request: None, or one of

    "reset" (half of the body, then a reset), "short" (half, then a clean end), "silence" (nothing until the server stops), "shifted" (other bytes, honestly
    named), "cut" (half of the range, honestly named), "gzip" (an encoding), a number (that status), a float (seconds late)."""

    def __init__(self, files, ranges=True, fault=None, secret=None, versions=True, context=None):
        self.files = {f"/{path}": data for path, data in files.items()}
        self.ranges, self.versions, self.secret, self.context = ranges, versions, secret, context
        self.fault = fault or (lambda number, path, part: None)
        self.requests, self.port, self.most_at_once = [], 0, 0
        self._at_once, self._lock, self._server, self._versions = 0, threading.Lock(), None, {}

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        self.stop()

    def url(self, path=""):
        return f"http{'s' if self.context else ''}://127.0.0.1:{self.port}/{path}"

    def start(self):
        """At the same port as before."""
        self.stopping = threading.Event()
        self._sockets = set()
        self._server = _Server(("127.0.0.1", self.port), _handler(self))
        if self.context:
            self._server.socket = self.context.wrap_socket(self._server.socket, server_side=True)
        self.port = self._server.server_address[1]
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,))
        self._thread.start()

    def stop(self):
        """As when the machine goes: connections break."""
        if self._server is None:
            return
        self.stopping.set()
        self._server.shutdown()
        for connection in list(self._sockets):
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
        self._server.server_close()
        self._thread.join()
        self._server = None

    def version(self, data):
        """A digest of a file's bytes, kept with them."""
        if self._versions.get(id(data), (None,))[0] is not data:
            self._versions[id(data)] = data, hashlib.md5(data).hexdigest()
        return self._versions[id(data)][1]

    def refuses(self, handler):
        """Why the request's S3 signature is wrong, or None."""
        return None if self.secret is None else _signature_fault(handler, *self.secret)


class _Server(http.server.ThreadingHTTPServer):
    daemon_threads = False

    def handle_error(self, request, client_address):
        """Connections that break are what is tested."""


def _handler(server):
    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True
        wbufsize = 1 << 16

        def setup(self):
            super().setup()
            server._sockets.add(self.connection)

        def finish(self):
            server._sockets.discard(self.connection)
            with contextlib.suppress(OSError):
                super().finish()

        def log_message(self, *_):
            pass

        def do_GET(self):
            with server._lock:
                number = len(server.requests)
                server.requests.append((self.path, self.headers.get("Range")))
                server._at_once += 1
                server.most_at_once = max(server.most_at_once, server._at_once)
            try:
                self.answer(server.fault(number, self.path, self.headers.get("Range")))
                self.wfile.flush()
            finally:
                with server._lock:
                    server._at_once -= 1

        def say(self, status, body=b"", **headers):
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name.replace("_", "-"), value)
            self.send_header("Content-Length", len(body))
            self.end_headers()
            self.wfile.write(body)

        def answer(self, fault):
            if isinstance(fault, float):
                time.sleep(fault)
                fault = None
            if fault == "silence":
                server.stopping.wait()
                self.close_connection = True
                return
            if isinstance(fault, int):
                self.say(fault, b"<Error>told to\nfail</Error>", **({"Location": server.url("elsewhere")} if fault // 100 == 3 else {}))
                return
            refused = server.refuses(self)
            if refused:
                self.say(403, refused.encode())
                return
            path = urllib.parse.unquote(self.path.partition("?")[0])
            if path not in server.files:
                self.say(404, b"none such")
                return
            self.send_file(server.files[path], fault)

        def send_file(self, data, fault):
            about = {"ETag": f'"{server.version(data)}"'} if server.versions else {}
            if fault == "gzip":
                about["Content_Encoding"] = "gzip"
            asked = re.fullmatch(r"bytes=(\d+)-(\d+)", self.headers.get("Range", ""))
            if not server.ranges or not asked:
                self.send_body(200, data, fault, about)
                return
            first, last = int(asked[1]), min(int(asked[2]), len(data) - 1)
            if first >= len(data):
                self.say(416, b"", Content_Range=f"bytes */{len(data)}", **about)
                return
            if fault == "shifted":
                first, last = first + 1, last + 1
            if fault == "cut":
                last = first + (last - first) // 2
            about["Content_Range"] = f"bytes {first}-{last}/{len(data)}"
            self.send_body(206, memoryview(data)[first : last + 1], fault, about)

        def send_body(self, status, body, fault, about):
            if fault not in ("reset", "short"):
                self.say(status, body, **about)
                return
            self.send_response(status)
            for name, value in about.items():
                self.send_header(name.replace("_", "-"), value)
            self.send_header("Content-Length", len(body))
            self.end_headers()
            self.wfile.write(body[: len(body) // 2])
            self.wfile.flush()
            self.close_connection = True
            if fault == "reset":
                time.sleep(0.01)  # what was sent arrives
                self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                self.connection.close()

    return Handler


def _mac(key, text):
    return hmac.new(key, text.encode(), hashlib.sha256).digest()


def _signature_fault(handler, key, secret, token=None):
    """Signature version 4, computed from what arrived (docs.aws.amazon.com, Authenticating Requests: Using the Authorization Header)."""
    form = r"AWS4-HMAC-SHA256 Credential=([^/]+)/(\d{8})/([^/]+)/s3/aws4_request, ?SignedHeaders=([^,]+), ?Signature=([0-9a-f]{64})"
    given = re.fullmatch(form, handler.headers.get("Authorization", ""))
    if not given:
        return f"Authorization: {handler.headers.get('Authorization')}"
    who, day, region, names, signature = given.groups()
    names = names.split(";")
    if who != key or not {"host", "x-amz-date"} <= set(names) or names != sorted(names):
        return f"key {who}, signed headers {names}"
    if token != handler.headers.get("x-amz-security-token") or (token and "x-amz-security-token" not in names):
        return "session token"
    path, _, query = handler.path.partition("?")
    lines = ["GET", path, query, *(f"{name}:{handler.headers[name].strip()}" for name in names), "", ";".join(names)]
    lines.append(handler.headers.get("x-amz-content-sha256", hashlib.sha256(b"").hexdigest()))
    stamp = handler.headers["x-amz-date"]
    scope = f"{day}/{region}/s3/aws4_request"
    text = "\n".join(["AWS4-HMAC-SHA256", stamp, scope, hashlib.sha256("\n".join(lines).encode()).hexdigest()])
    derived = ("AWS4" + secret).encode()
    for step in (day, region, "s3", "aws4_request"):
        derived = _mac(derived, step)
    if not stamp.startswith(day) or not hmac.compare_digest(_mac(derived, text).hex(), signature):
        return "SignatureDoesNotMatch"
    return None
