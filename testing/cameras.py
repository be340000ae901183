"""A network camera: motion JPEG over HTTP, as cheap cameras send it."""

import socket
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import cycle

import cv2
import numpy as np
from numpy.typing import NDArray


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


class MjpegCamera:
    """Shows one scene with a sensor's noise; can be switched off and on again on the same port."""

    def __init__(self, image: NDArray[np.uint8], *, rate: float = 20.0) -> None:
        self.port = free_port()
        noise = np.random.default_rng(1)
        noisy = [(image + noise.normal(0, 4, image.shape)).clip(0, 255).astype(np.uint8) for _ in range(5)]
        self._jpegs = [cv2.imencode(".jpg", picture)[1].tobytes() for picture in noisy]
        self._pause = 1 / rate
        self._server: ThreadingHTTPServer | None = None
        self._off = threading.Event()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/stream.mjpg"

    def switch_on(self) -> None:
        self._off = off = threading.Event()
        pictures, pause = self._jpegs, self._pause

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self.send_response(200)
                self.send_header("Content-Type", "multipart/x-mixed-replace; boundary=frame")
                self.end_headers()
                jpegs = cycle(pictures)
                try:
                    while not off.wait(pause):
                        jpeg = next(jpegs)
                        head = f"--frame\r\nContent-Type: image/jpeg\r\nContent-Length: {len(jpeg)}\r\n\r\n"
                        self.wfile.write(head.encode() + jpeg + b"\r\n")
                except OSError:
                    pass  # the other end went away

            def log_message(self, *arguments: object) -> None:
                pass

        ThreadingHTTPServer.allow_reuse_address = True
        self._server = ThreadingHTTPServer(("127.0.0.1", self.port), Handler)
        self._server.daemon_threads = True
        threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True
        ).start()

    def switch_off(self) -> None:
        self._off.set()
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()
            self._server = None
