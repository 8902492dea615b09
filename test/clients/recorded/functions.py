"""The functions of the recorded scenarios: written anew to do what the answers say that they did."""

PYTHON_ECHO = """import json

def handler(event, context):
    print(json.dumps(event))
    return event
"""

PYTHON_ENVIRONMENT = """import os

def handler(event, context):
    return {"environment": dict(os.environ)}
"""

# The runtime's process ends at once.
PYTHON_RUNTIME_EXIT = """import os

def handler(event, context):
    os._exit(0)
"""

PYTHON_HANDLER_EXIT = """import sys

def handler(event, context):
    sys.exit(0)
"""

# The line number and the line itself are part of the answer.
PYTHON_HANDLER_ERROR = """def handler(event, context):
    raise Exception("Handler fails")
"""

PYTHON_REUSE = """import time

PATH = "/tmp/kept.txt"
number = 0

def handler(event, context):
    global number
    if "sleep" in event:
        time.sleep(event["sleep"])
    if "write-file" in event:
        with open(PATH, "w") as file:
            file.write(event["write-file"])
    if "read-file" in event:
        with open(PATH) as file:
            return {"content": file.read()}
    if "set-number" in event:
        number = event["set-number"]
    if "read-number" in event:
        return {"number": number}
"""

# With its quotation marks one byte more than a response may have.
PYTHON_LARGE = """def handler(event, context):
    return "x" * (6_291_556 - 1)
"""

PYTHON_HELLO = """import os

def handler(event, context):
    return {"Hello": os.environ["Hello"]}
"""

PYTHON_INTROSPECTION = """import os

def handler(event, context):
    return {
        "ctx": {
            "aws_request_id": context.aws_request_id,
            "function_name": context.function_name,
            "function_version": context.function_version,
            "invoked_function_arn": context.invoked_function_arn,
            "log_group_name": context.log_group_name,
            "log_stream_name": context.log_stream_name,
            "memory_limit_in_mb": context.memory_limit_in_mb,
            "remaining_time_in_millis": context.get_remaining_time_in_millis(),
        },
        "environment": dict(os.environ),
    }
"""

PYTHON_SURROUNDINGS = """import getpass
import os
import platform
import stat
import subprocess
from pathlib import Path

def look(path):
    name = path.replace("/", "_")
    if not Path(path).exists():
        return {}
    found = Path(path).stat()
    return {
        f"{name}_mode": stat.filemode(found.st_mode),
        f"{name}_uid": found.st_uid,
        f"{name}_owner": Path(path).owner(),
        f"{name}_gid": found.st_gid,
    }

def handler(event, context):
    paths = {}
    for path in ("/var/task", "/opt", "/tmp", "/lambda-entrypoint.sh"):
        paths.update(look(path))
    return {
        "event": event,
        "user_login_name": getpass.getuser(),
        "user_whoami": subprocess.getoutput("whoami"),
        "platform_system": platform.system(),
        "platform_machine": platform.machine(),
        "pwd": os.getcwd(),
        "paths": paths,
    }
"""

PYTHON_LIMITS = """import resource

NAMES = ("AS", "CORE", "CPU", "DATA", "FSIZE", "MEMLOCK", "NOFILE", "NPROC", "RSS", "STACK")

def handler(event, context):
    names = ["RLIMIT_" + name for name in NAMES]
    return {name: resource.getrlimit(getattr(resource, name)) for name in names}
"""

PYTHON_FAILS = """def handler(event, context):
    raise Exception("Failed: " + event["error_msg"])
"""

NODE_ECHO = """exports.handler = async (event) => {
  console.log(JSON.stringify(event))
  return event
}
"""

NODE_CONTEXT = """exports.handler = async (event, context) => ({ context })
"""

NODE_COUNTER = """let counter = 0
exports.handler = async () => ({ counter: counter++ })
"""

NODE_INTROSPECTION = """exports.handler = async (event, context) => ({
  ctx: {
    aws_request_id: context.awsRequestId,
    function_name: context.functionName,
    function_version: context.functionVersion,
    invoked_function_arn: context.invokedFunctionArn,
    log_group_name: context.logGroupName,
    log_stream_name: context.logStreamName,
    remaining_time_in_millis: context.getRemainingTimeInMillis(),
  },
  environment: process.env,
})
"""

NODE_FAILS = """exports.handler = async (event) => {
  throw new Error(`Error: ${event.error_msg}`)
}
"""
