"""A web server on this machine, for downloads: what it serves, how often it fails first, what it was asked for."""

import http.server
import threading
from contextlib import contextmanager


class Server(http.server.ThreadingHTTPServer):
    """Serves the files of a folder. faults: what happens to the next requests instead, in order: an HTTP status, or
    "cut" (the connection ends after half of the bytes). ranges: whether it can send a file from some byte on; sent: how
    many bytes of it each request got then."""

    def __init__(self, folder, ranges=False):
        super().__init__(("127.0.0.1", 0), Handler)
        self.folder, self.faults, self.asked, self.ranges, self.sent = folder, [], [], ranges, []
        self.url = f"http://127.0.0.1:{self.server_port}"


class Handler(http.server.SimpleHTTPRequestHandler):
    def __init__(self, request, address, server):
        super().__init__(request, address, server, directory=str(server.folder))

    def log_message(self, *arguments):
        pass

    def do_GET(self):
        self.server.asked.append(self.path)
        fault = self.server.faults.pop(0) if self.server.faults else None
        if isinstance(fault, int):
            self.send_error(fault)
        elif self.server.ranges:
            self.send_rest(fault)
        elif fault == "cut":
            self.send(200, (self.server.folder / self.path[1:]).read_bytes(), fault)
        else:
            super().do_GET()

    def send_rest(self, fault):
        content = (self.server.folder / self.path[1:]).read_bytes()
        start = int((self.headers.get("Range") or "bytes=0-")[len("bytes=") : -1])
        if start >= len(content):
            self.send_error(416)
        else:
            self.send(206 if start else 200, content[start:], fault)

    def send(self, status, content, fault):
        self.send_response(status)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        part = content[: len(content) // 2] if fault == "cut" else content
        self.server.sent.append(len(part))
        self.wfile.write(part)


@contextmanager
def serving(folder, ranges=False):
    folder.mkdir(exist_ok=True)
    server = Server(folder, ranges)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
