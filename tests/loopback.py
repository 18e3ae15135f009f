"""A server on this machine that has one file, and manners that a test chooses."""

import contextlib
import hashlib
import http.server
import threading
import time

Handler = http.server.BaseHTTPRequestHandler


class Server(http.server.ThreadingHTTPServer):
    """Serves `content` under any name but those that lead elsewhere.

    Attributes:
        content: The bytes of the file.
        manners: What to do at each request, the next first: "cut" after half of what is asked for, "stall" there,
            "busy", "no_length" (cut silently), "other_part", a status, or the address that a redirect leads to; then
            all goes well.
        asked: The Range of each request, None without.
    """

    daemon_threads = True

    def __init__(self, content):
        super().__init__(("127.0.0.1", 0), Answer)
        self.content, self.manners, self.asked, self.ranges, self.tags = content, [], [], True, True

    @property
    def url(self):
        return f"http://127.0.0.1:{self.server_port}"


class Answer(Handler):
    def do_GET(self):  # noqa: N802, as the library calls it
        server, asked = self.server, self.headers.get("Range")
        server.asked.append(asked)
        manner = server.manners.pop(0) if server.manners else "good"
        if manner == "busy":
            return self.send(503, b"", {"Retry-After": "0"})
        if "/" in manner:
            return self.send(302, b"", {"Location": manner})
        if manner.isdigit():
            return self.send(int(manner), b"")
        tag = f'"{hashlib.sha256(server.content).hexdigest()}"'
        start = int(asked.removeprefix("bytes=").rstrip("-")) if asked and self.headers.get("If-Range") == tag else 0
        tags = {"ETag": tag} if server.tags else {}
        if start >= len(server.content):
            return self.send(416, b"", {"Content-Range": f"bytes */{len(server.content)}"})
        said = start + 1 if manner == "other_part" else start
        span = {"Content-Range": f"bytes {said}-{len(server.content) - 1}/{len(server.content)}"} if start else {}
        rest = server.content[start:]
        sent = rest if manner in ("good", "other_part") else rest[: len(rest) // 2]
        length = None if manner == "no_length" else len(rest)
        self.send(206 if start else 200, sent, tags | span, length)
        if manner == "stall":
            time.sleep(2)
        return None

    def send(self, code, body, headers=None, length=0):
        self.send_response(code)
        if length is not None:
            self.send_header("Content-Length", str(length or len(body)))
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.end_headers()
        with contextlib.suppress(ConnectionError):
            self.wfile.write(body)

    def log_message(self, *words):
        pass


@contextlib.contextmanager
def serving(content):
    with Server(content) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        yield server
        server.shutdown()
        thread.join()
