"""The Python function of the behaviour table, on the official runtime client."""

import logging
import os
import signal
import sys
import threading
import time

KEPT = "/tmp/kept" if os.environ.get("TMPDIR") is None else os.environ["TMPDIR"] + "/kept"
ticks = []
calls = 0


class RowError(Exception):
    pass


def at_load(what):
    sys.stdout.write("loading\n")
    sys.stdout.flush()
    if what == "exit":
        os._exit(4)
    if what == "kill":
        os.kill(os.getpid(), signal.SIGKILL)
    if what == "fail":
        raise RowError("at load")


at_load(os.environ.get("AT_LOAD"))


def tick():
    while True:
        ticks.append(time.time() * 1000)
        time.sleep(0.02)


def context_of(event, context):
    return {
        "requestId": context.aws_request_id,
        "functionName": context.function_name,
        "functionVersion": context.function_version,
        "memoryMb": int(context.memory_limit_in_mb),
        "arn": context.invoked_function_arn,
        "logGroup": context.log_group_name,
        "logStream": context.log_stream_name,
        "remainingMs": context.get_remaining_time_in_millis(),
        "custom": context.client_context.custom if context.client_context else None,
        "trace": os.environ.get("_X_AMZN_TRACE_ID"),
    }


def lines(event, _):
    for number in range(event["count"]):
        sys.stdout.write(f"line {number} é\n")
    sys.stderr.write("on stderr\n")
    logging.warning("by the logger")


def fail(event, _):
    raise RowError(event["message"])


def send_signal(event, _):
    os.kill(os.getpid(), getattr(signal, event["name"]))
    time.sleep(10)


def hang(_, __):
    with open(KEPT, "w") as file:
        file.write("kept over a timeout")
    time.sleep(60)


def kept(_, __):
    with open(KEPT) as file:
        return file.read()


def start_ticking(_, __):
    threading.Thread(target=tick, daemon=True).start()
    time.sleep(0.1)
    return len(ticks) > 0


def ticked(event, _):
    time.sleep(event["forMs"] / 1000)
    return ticks


def sleep(event, context):
    time.sleep(event["forMs"] / 1000)
    return context.log_stream_name


def exit_later(_, __):
    threading.Timer(1, os._exit, [7]).start()
    return "answered"


def ignore_term(_, __):
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    return "ignored"


actions = {
    "echo": lambda event, _: event["value"],
    "context": context_of,
    "environment": lambda *_: dict(os.environ),
    "lines": lines,
    "fail": fail,
    "exit": lambda event, _: os._exit(event["code"]),
    "signal": send_signal,
    "hang": hang,
    "kept": kept,
    "large": lambda event, _: "x" * event["size"],
    "length": lambda event, _: len(event["value"]),
    "start-ticking": start_ticking,
    "ticked": ticked,
    "sleep": sleep,
    "exit-later": exit_later,
    "ignore-term": ignore_term,
}


def handler(event, context):
    global calls
    calls += 1
    if event["action"] == "count":
        return calls
    return actions[event["action"]](event, context)
