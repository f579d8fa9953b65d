"""Loads each line of standard input in the types of the vendor's own SDK: python sdk.py openai|anthropic"""
import importlib
import json
import pkgutil
import sys
import warnings

warnings.filterwarnings("ignore")
vendor = sys.argv[1]
try:
    import typing_extensions
    from pydantic import BaseModel, ConfigDict, TypeAdapter
    package = importlib.import_module({"openai": "openai.types.chat", "anthropic": "anthropic.types"}[vendor])
except ImportError as missing:
    print(missing, file=sys.stderr)
    sys.exit(77)

# A key that they do not know is refused, at every depth. Where an answer may be given back as it came, its own types are
# among those that are taken: they let any key through, unless they are told not to.
models = set()
for module in pkgutil.walk_packages(package.__path__, package.__name__ + "."):
    try:
        members = vars(importlib.import_module(module.name)).values()
    except ImportError:
        continue
    for member in list(members):
        if typing_extensions.is_typeddict(member):
            member.__pydantic_config__ = ConfigDict(extra="forbid", arbitrary_types_allowed=True)
        elif isinstance(member, type) and issubclass(member, BaseModel):
            models.add(member)
for model in models:
    model.model_config["extra"] = "forbid"
for model in models:
    model.model_rebuild(force=True)

if vendor == "openai":
    from openai.types.chat import ChatCompletionMessageParam as Message
    from openai.types.chat.completion_create_params import CompletionCreateParamsNonStreaming as Request
    extra = {"model": "gpt-5"}
else:
    from anthropic.types import MessageParam as Message
    from anthropic.types.message_create_params import MessageCreateParamsNonStreaming as Request
    extra = {"model": "claude", "max_tokens": 1}

messages = TypeAdapter(list[Message], config=ConfigDict(arbitrary_types_allowed=True))
request = TypeAdapter(Request)


def look_through(value):
    """What is iterable is validated only when it is walked through."""
    if isinstance(value, dict):
        value = value.values()
    if isinstance(value, (str, bytes)) or not hasattr(value, "__iter__"):
        return
    for item in value:
        look_through(item)


count = 0
for line in sys.stdin:
    line = json.loads(line)
    look_through(messages.validate_python(line["messages"], strict=True))
    look_through(request.validate_python({**line, **extra}))
    count += 1
print(count)
