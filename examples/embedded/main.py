"""A small web application that makes load when it is asked to, and has metrics of its own. Standard library only.

/heavy?blocks=1000     writes blocks of 4096 bytes to a file in the container's filesystem, and reads them
/hog?megabytes=1024    takes so much memory in a child, which dies when the container may not have it
/metrics               its own metrics, on port 8000; Floatie's are on port 9090
"""

import http.server
import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
from collections import Counter
from urllib.parse import parse_qs, urlsplit

BLOCK = b"x" * 4096
# Found by writing a file, which would else be part of the first load.
FOLDER = tempfile.gettempdir()

# The kernel shall choose this process, and not the application, when memory is short; and its name shall be seen.
HOG = """
import sys
open("/proc/self/oom_score_adj", "w").write("1000")
open("/proc/self/comm", "w").write("hog")
taken = [bytearray(b"x" * 2**20) for _ in range(int(sys.argv[1]))]
"""

requests = Counter()
blocks = Counter()
hogs = Counter()


def heavy(count):
    with tempfile.TemporaryFile(buffering=0, dir=FOLDER) as file:
        for _ in range(count):
            blocks["write"] += file.write(BLOCK) // len(BLOCK)
        file.seek(0)
        for _ in range(count):
            blocks["read"] += len(file.read(len(BLOCK))) // len(BLOCK)
    return {"blocks_written": count, "blocks_read": count}


def hog(megabytes):
    child = subprocess.run([sys.executable, "-c", HOG, str(megabytes)])
    killed = child.returncode == -signal.SIGKILL
    hogs["killed" if killed else "finished"] += 1
    return {"megabytes": megabytes, "killed": killed}


def metrics():
    yield "# TYPE app_requests_total counter"
    yield from (f'app_requests_total{{path="{path}"}} {count}' for path, count in requests.items())
    yield "# TYPE app_blocks_total counter"
    yield from (f'app_blocks_total{{direction="{direction}"}} {blocks[direction]}' for direction in ("read", "write"))
    yield "# TYPE app_hogs_total counter"
    yield from (f'app_hogs_total{{end="{end}"}} {hogs[end]}' for end in ("killed", "finished"))


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        url = urlsplit(self.path)

        def number(name, default, most):
            return max(0, min(int(parse_qs(url.query).get(name, [default])[0]), most))

        try:
            if url.path == "/heavy":
                answer = json.dumps(heavy(number("blocks", 1000, 1_000_000)))
            elif url.path == "/hog":
                answer = json.dumps(hog(number("megabytes", 1024, 65536)))
            elif url.path == "/metrics":
                answer = "\n".join(metrics())
            elif url.path == "/":
                answer = __doc__
            else:
                return self.send_error(404)
        except ValueError as error:
            return self.send_error(400, str(error))
        requests[url.path] += 1
        body = f"{answer.rstrip()}\n".encode()
        self.send_response(200)
        self.send_header("Content-Type", "text/plain; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format, *args):
        pass


def main():
    server = http.server.ThreadingHTTPServer(("0.0.0.0", int(os.environ.get("PORT", 8000))), Handler)

    def stop(number, _):
        print(f"app: stopping on {signal.Signals(number).name}", file=sys.stderr)
        # It waits for the loop that this handler interrupts.
        threading.Thread(target=server.shutdown).start()

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    print(f"app: listening on port {server.server_port}", file=sys.stderr)
    server.serve_forever()


main()
