"""A mock of Anthropic's API and of Langfuse in one server on the loopback, for scripts that drive the real Claude Code."""

import gzip
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


def events(message):
    """A message as the API streams it."""
    usage = message["usage"]
    yield "message_start", {"message": message | {"content": [], "stop_reason": None, "usage": usage | {"output_tokens": 1}}}
    for index, block in enumerate(message["content"]):
        if block["type"] == "text":
            start, delta = block | {"text": ""}, {"type": "text_delta", "text": block["text"]}
        else:
            start, delta = block | {"input": {}}, {"type": "input_json_delta", "partial_json": json.dumps(block["input"])}
        yield "content_block_start", {"index": index, "content_block": start}
        yield "content_block_delta", {"index": index, "delta": delta}
        yield "content_block_stop", {"index": index}
    yield "message_delta", {"delta": {"stop_reason": message["stop_reason"]}, "usage": usage}
    yield "message_stop", {}


class Handler(BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("content-length", 0)))
        if self.path.startswith("/api/public/otel"):
            if self.headers.get("content-encoding") == "gzip":
                body = gzip.decompress(body)
            for resource in json.loads(body)["resourceSpans"]:
                for scope in resource["scopeSpans"]:
                    self.server.spans.extend(scope["spans"])
            return self.send("application/json", b"{}")
        body = json.loads(body or b"{}")
        if "count_tokens" in self.path:
            return self.send("application/json", b'{"input_tokens": 1}')
        message = {"type": "message", "role": "assistant", "model": "claude-opus-5"} | self.server.answer(body)
        if not body.get("stream"):
            return self.send("application/json", json.dumps(message).encode())
        lines = (f"event: {name}\ndata: {json.dumps({'type': name, **data})}\n\n" for name, data in events(message))
        self.send("text/event-stream", "".join(lines).encode())

    def do_GET(self):
        self.send("application/json", b"{}")

    do_HEAD = do_GET

    def send(self, kind, body):
        self.send_response(200)
        self.send_header("content-type", kind)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


def start(answer):
    """Serves both APIs. `answer` makes the message for a request to the model. `spans` has the spans sent to Langfuse."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.answer, server.spans = answer, []
    server.address = f"http://127.0.0.1:{server.server_port}"
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server
