"""The Python function that the clients create. The version stands in a file of its own, so that its code can be updated."""

import os

from version import version


def handler(event, context):
    print(f"handling {event['marker']}")
    if event.get("action") == "fail":
        raise ValueError("as asked")
    if event.get("action") == "large":
        return "x" * (7 * 1024 * 1024)
    client = context.client_context
    return {
        "version": version,
        "marker": event["marker"],
        "greeting": os.environ.get("GREETING"),
        "colour": client.custom["colour"] if client else None,
    }
