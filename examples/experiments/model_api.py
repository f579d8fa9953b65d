#!/usr/bin/env python3
"""A mock of the model's API: it writes small shell functions, and most of its first drafts are wrong.

If the instructions in its request say to run the tests before the answer, it runs them and fixes its draft. So one version of
CLAUDE.md is better than another by construction. Loopback only, standard library only.

    model_api.py            prints its port, and serves until it is stopped
    model_api.py prompts    prints name, description, test and body of each function, with tabs between
"""
import hashlib
import json
import re
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

# name, description, first draft, right body, test
FUNCTIONS = [
    ("double", "twice its argument", "echo $(($1 + 2))", "echo $(($1 * 2))", "[ $(double 5) = 10 ]"),
    ("square", "its argument times itself", "echo $(($1 * 2))", "echo $(($1 * $1))", "[ $(square 5) = 25 ]"),
    ("larger", "the larger of its two arguments", "echo $(($1 > $2 ? $2 : $1))", "echo $(($1 > $2 ? $1 : $2))", "[ $(larger 3 9) = 9 ]"),
    ("smaller", "the smaller of its two arguments", "echo $(($1 < $2 ? $1 : $2))", "echo $(($1 < $2 ? $1 : $2))", "[ $(smaller 3 9) = 3 ]"),
    ("total", "the sum of its three arguments", "echo $(($1 + $2))", "echo $(($1 + $2 + $3))", "[ $(total 1 2 3) = 6 ]"),
    ("rest", "what is left of dividing the first argument by the second", "echo $(($1 / $2))", "echo $(($1 % $2))", "[ $(rest 17 5) = 2 ]"),
    ("upper", "its argument in capital letters", "echo \"$1\"", "echo \"$1\" | tr a-z A-Z", "[ $(upper abc) = ABC ]"),
    ("length", "how many characters its argument has", "echo ${#1}", "echo ${#1}", "[ $(length abcd) = 4 ]"),
    ("words", "how many words its argument has", "echo \"$1\" | wc -c", "set -- $1; echo $#", "[ $(words 'a b c') = 3 ]"),
    ("even", "yes if its argument is even, else no", "echo yes", "[ $(($1 % 2)) = 0 ] && echo yes || echo no", "[ $(even 3) = no ]"),
]
RULE = "Run ./test.sh before you answer"


def texts(content):
    """All texts of a message's content, those of tool results too."""
    if isinstance(content, str):
        return content
    parts = []
    for block in content or []:
        if block.get("type") == "text":
            parts.append(block["text"])
        elif block.get("type") == "tool_result":
            parts.append(texts(block.get("content")))
    return "\n".join(parts)


def results(messages):
    """The results of the tools that ran so far."""
    blocks = [b for m in messages if isinstance(m["content"], list) for b in m["content"]]
    return [texts(b.get("content")) for b in blocks if b.get("type") == "tool_result"]


def answer(body):
    """The blocks of the next answer: a function of the request alone."""
    messages = body.get("messages") or []
    whole = texts(body.get("system")) + "\n".join(texts(m["content"]) for m in messages)
    named = [f for f in FUNCTIONS if f"shell function {f[0]} " in whole]
    if not named or not body.get("tools"):
        return [{"type": "text", "text": "ok"}]
    name, _, draft, right, _ = named[-1]
    ran = results(messages)

    folder = re.findall(r"working directory: (\S+)", whole)
    path = f"{folder[-1] if folder else '.'}/lib/{name}.sh"

    def write(text):
        return {"type": "tool_use", "name": "Write", "input": {"file_path": path, "content": f"{name}() {{ {text}; }}\n"}}

    test = {"type": "tool_use", "name": "Bash", "input": {"command": "./test.sh", "description": "Run the tests"}}
    if not ran:
        return [write(draft)]
    if RULE in whole:
        if len(ran) == 1:
            return [test]
        if len(ran) == 2 and "FAILED" in ran[1]:
            return [write(right)]
        if len(ran) == 3:
            return [test]
    return [{"type": "text", "text": f"The function {name} is in lib/{name}.sh."}]


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def do_HEAD(self):
        self.reply(200, b"", "text/plain")

    def do_GET(self):
        self.reply(404, b"{}", "application/json")

    def reply(self, status, data, kind):
        self.send_response(status)
        self.send_header("content-type", kind)
        self.send_header("content-length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def do_POST(self):
        raw = self.rfile.read(int(self.headers.get("content-length") or 0))
        body = json.loads(raw or b"{}")
        if self.path.split("?")[0] != "/v1/messages":
            return self.reply(404, b"{}", "application/json")
        blocks = answer(body)
        seed = hashlib.sha256(raw).hexdigest()
        for place, block in enumerate(blocks):
            if block["type"] == "tool_use":
                block["id"] = f"toolu_01{hashlib.sha256(f'{seed}{place}'.encode()).hexdigest()[:22]}"
        stop = "tool_use" if any(b["type"] == "tool_use" for b in blocks) else "end_turn"
        usage = {"input_tokens": 200, "cache_creation_input_tokens": 0, "cache_read_input_tokens": 1000, "output_tokens": 40}
        message = {"id": f"msg_01{seed[:22]}", "type": "message", "role": "assistant", "model": body.get("model"),
                   "content": [], "stop_reason": None, "stop_sequence": None, "usage": {**usage, "output_tokens": 1}}
        if not body.get("stream"):
            whole = {**message, "content": blocks, "stop_reason": stop, "usage": usage}
            return self.reply(200, json.dumps(whole).encode(), "application/json")
        events = [("message_start", {"message": message})]
        for index, block in enumerate(blocks):
            if block["type"] == "text":
                start, delta = {"type": "text", "text": ""}, {"type": "text_delta", "text": block["text"]}
            else:
                start = {**block, "input": {}}
                delta = {"type": "input_json_delta", "partial_json": json.dumps(block["input"])}
            events += [("content_block_start", {"index": index, "content_block": start}),
                       ("content_block_delta", {"index": index, "delta": delta}),
                       ("content_block_stop", {"index": index})]
        events += [("message_delta", {"delta": {"stop_reason": stop, "stop_sequence": None}, "usage": usage}), ("message_stop", {})]
        lines = [f"event: {name}\ndata: {json.dumps({'type': name, **data})}\n\n" for name, data in events]
        self.reply(200, "".join(lines).encode(), "text/event-stream; charset=utf-8")


if __name__ == "__main__":
    if sys.argv[1:] == ["prompts"]:
        for name, description, _, right, test in FUNCTIONS:
            print(name, description, test, right, sep="\t")
        sys.exit()
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    print(server.server_address[1], flush=True)
    server.serve_forever()
