# The trivial function of the comparison, in Python.
import json


def handler(event, context):
    given = json.loads(event["body"]) if isinstance(event.get("body"), str) else event
    return {"n": given["n"] + 1, "version": 1}
