"""A camera that sends motion JPEG over HTTP: `python -m testing.rigs.mjpeg_server PORT`.

A program of its own, because a process can be killed and stopped. What it sends is chosen at
/send/KIND; says "ready" on standard output once it listens.
"""

import sys
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import cv2
import numpy as np
from numpy.typing import NDArray

RATE = 20.0
KINDS = ("good", "repeated", "black", "white", "blurred", "small", "truncated")
WIDTH, HEIGHT = 320, 240


def draw(number: int, kind: str) -> NDArray[np.uint8]:
    """A disc that moves over a belt, with the noise of a sensor; or what a bad camera makes of it."""
    if kind in ("black", "white"):
        return np.full((HEIGHT, WIDTH), 0 if kind == "black" else 255, np.uint8)
    if kind == "repeated":
        number = 0
    picture = np.full((HEIGHT, WIDTH), 60, np.uint8)
    cv2.circle(picture, (number * 5 % WIDTH, HEIGHT // 2), 60, 180, -1)
    if kind == "blurred":
        picture = np.asarray(cv2.GaussianBlur(picture, (0, 0), 4), np.uint8)
    noise = np.random.default_rng(number).normal(0, 1.5, picture.shape)
    noisy = (picture + noise).clip(0, 255).astype(np.uint8)
    return noisy[::2, ::2] if kind == "small" else noisy


def encode(number: int, kind: str) -> bytes:
    data = cv2.imencode(".jpg", draw(number, kind))[1].tobytes()
    return data[: len(data) // 2] if kind == "truncated" else data


class Camera(BaseHTTPRequestHandler):
    kind = "good"

    def do_GET(self) -> None:
        if self.path.startswith("/send/"):
            Camera.kind = self.path.rsplit("/", 1)[1]
            self.send_response(204)
            self.end_headers()
            return
        self.send_response(200)
        self.send_header("Content-Type", "multipart/x-mixed-replace; boundary=frame")
        self.end_headers()
        try:
            for number in range(10**9):
                data = encode(number, Camera.kind)
                head = f"--frame\r\nContent-Type: image/jpeg\r\nContent-Length: {len(data)}\r\n\r\n"
                self.wfile.write(head.encode() + data + b"\r\n")
                time.sleep(1 / RATE)
        except OSError:
            pass  # the other end went away

    def log_message(self, *arguments: object) -> None:
        pass


def main(port: str) -> None:
    ThreadingHTTPServer.daemon_threads = True
    server = ThreadingHTTPServer(("127.0.0.1", int(port)), Camera)
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    server.serve_forever()


if __name__ == "__main__":
    main(sys.argv[1])
