"""The model's API of the example when it is broken: it hangs, fails, answers rubbish, or tells Claude Code to leave its checkout.

    bad_api.py FOLDER_OF_MODEL_API FILE     FILE: what Claude Code is told to write and to remove
"""
import sys
import time

folder, escape = sys.argv[1:]
sys.argv = sys.argv[:1]
sys.path.insert(0, folder)
import model_api  # noqa: E402


def answer(body):
    messages = body.get("messages") or []
    whole = "\n".join(model_api.texts(m["content"]) for m in messages)
    if "please hang" in whole:
        time.sleep(1000)
    if "please fail" in whole:
        raise ValueError("no answer")
    if "please answer rubbish" in whole:
        return [{"type": "rubbish"}]
    if "please leave" in whole and not model_api.results(messages):
        return [{"type": "tool_use", "name": "Write", "input": {"file_path": escape, "content": "escaped"}}]
    if "please leave" in whole and len(model_api.results(messages)) == 1:
        return [{"type": "tool_use", "name": "Bash", "input": {"command": "sleep 600", "description": "Wait", "run_in_background": True}}]
    return [{"type": "text", "text": "Done."}]


model_api.answer = answer
server = model_api.ThreadingHTTPServer(("127.0.0.1", 0), model_api.Handler)
server.handle_error = lambda *_: None
print(server.server_address[1], flush=True)
server.serve_forever()
