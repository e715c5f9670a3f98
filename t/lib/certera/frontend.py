"""A web server in front of a daemon that is killed now and then."""
import http.server
import threading

from .process import free_port, until


class Frontend:
    """A patient proxy: while our daemon is down it waits, because a CA that asks just then is not our subject."""

    def __init__(self):
        self.port, self.daemon = free_port(), None
        frontend = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                answer = until("the daemon answers", self.ask, 15)
                self.send_response(answer.status)
                self.end_headers()
                self.wfile.write(answer.body)

            def ask(self):
                try:
                    return frontend.daemon.http(self.path)
                except OSError:
                    return None

            def log_message(self, *ignored):
                pass

        server = http.server.ThreadingHTTPServer(("127.0.0.1", self.port), Handler)
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, daemon=True).start()
