"""Plays the scenarios that were recorded from AWS against the emulator with the unmodified boto3, a line of JSON an answer.

Usage: play.py SETTINGS, where SETTINGS is JSON: {"endpoint": ..., "goZip": ..., "scenarios": [names]}.
An answer has the form of the recording: no headers, and a payload that holds an object or a list is read.
"""

import base64
import io
import json
import os
import sys
import zipfile
from pathlib import Path

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

import functions

settings = json.loads(sys.argv[1])
# No second try: the first answer is the one that counts.
client = boto3.client(
    "lambda",
    endpoint_url=settings["endpoint"],
    config=Config(retries={"total_max_attempts": 1}, read_timeout=60),
)
ROLE = "arn:aws:iam::111111111111:role/recorded"
PYTHON = {"Runtime": "python3.12", "Handler": "handler.handler"}
NO_VARIABLES = {"Environment": {"Variables": {}}}

scenarios = {}


def scenario(name):
    def register(play):
        scenarios[name] = play
        return play

    return register


def zip_of(files):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            entry = zipfile.ZipInfo(name)
            entry.compress_type = zipfile.ZIP_DEFLATED
            # Left alone they are for their owner only, and no function could read its own code.
            entry.external_attr = 0o100644 << 16
            archive.writestr(entry, content)
    return buffer.getvalue()


def recorded_form(answer):
    read = dict(answer)
    metadata = read["ResponseMetadata"]
    read["ResponseMetadata"] = {"HTTPHeaders": {}, "HTTPStatusCode": metadata["HTTPStatusCode"]}
    if "Payload" in read:
        text = read["Payload"].read().decode()
        read["Payload"] = json.loads(text) if text[:1] in ("{", "[") else text
    return read


class Player:
    """One scenario: its functions and the answers that it tells."""

    def __init__(self, name):
        self.name = name
        # Brackets and dots are not allowed in the name of a function.
        self.function = "".join(c if c.isalnum() else "-" for c in name)

    def tell(self, answer, value):
        print(json.dumps({"scenario": self.name, "answer": answer, "value": value}), flush=True)

    def told(self, answer, call, **given):
        """Tells what a call gets, be it an answer or an error of the service."""
        try:
            value = recorded_form(call(**given))
        except ClientError as error:
            value = recorded_form(error.response)
        self.tell(answer, value)
        return value

    def create(self, answer, files, **given):
        code = {"ZipFile": files if isinstance(files, bytes) else zip_of(files)}
        wanted = {"FunctionName": self.function, "Role": ROLE, "Code": code, **given}
        return self.told(answer, client.create_function, **wanted)

    def quietly_create(self, files, **given):
        wanted = {"FunctionName": self.function, "Role": ROLE, **given}
        client.create_function(Code={"ZipFile": zip_of(files)}, **wanted)

    def get(self, answer):
        return self.told(answer, client.get_function, FunctionName=self.function)

    def invoke(self, answer, payload="{}", **given):
        wanted = {"FunctionName": self.function, "Payload": payload, **given}
        return self.told(answer, client.invoke, **wanted)


@scenario("test_function_lifecycle")
def _(play):
    files = {"handler.py": functions.PYTHON_ECHO}
    play.create("create_response", files, **PYTHON, **NO_VARIABLES, MemorySize=256, Timeout=5)
    play.get("get_function_response")
    play.told(
        "update_func_conf_response",
        client.update_function_configuration,
        FunctionName=play.function,
        Runtime="python3.11",
        Description="Changed-Description",
        MemorySize=512,
        Timeout=10,
        Environment={"Variables": {"ENV_A": "a"}},
    )
    play.get("get_function_response_postupdate")
    play.told(
        "update_code_response",
        client.update_function_code,
        FunctionName=play.function,
        ZipFile=zip_of({"handler.py": functions.PYTHON_ECHO + "# changed\n"}),
    )
    play.get("get_function_response_postcodeupdate")
    play.told("delete_response", client.delete_function, FunctionName=play.function)
    play.told("delete_postdelete", client.delete_function, FunctionName=play.function)


@scenario("test_redundant_updates")
def _(play):
    files = {"handler.py": functions.PYTHON_ECHO}
    initial = {"Description": "Initial description", "Timeout": 30}
    play.create("create_response", files, **PYTHON, **NO_VARIABLES, **initial)
    update = {"FunctionName": play.function, "Description": "1st update description"}
    play.told("first_update_result", client.update_function_configuration, **update)
    configuration = client.get_function_configuration
    play.told("get_fn_config_result", configuration, FunctionName=play.function)
    play.get("get_fn_result")
    play.told("redundant_update_result", client.update_function_configuration, **update)
    play.get("get_fn_result_after_redundant_update")


@scenario("test_ops_on_nonexisting_fn[delete_function]")
def _(play):
    play.told("not_found_exception", client.delete_function, FunctionName=play.function)


@scenario("test_ops_on_nonexisting_fn[get_function]")
def _(play):
    play.get("not_found_exception")


@scenario("test_ops_with_arn_qualifier_mismatch[get_function]")
def _(play):
    arn = f"arn:aws:lambda:{client.meta.region_name}:111111111111:function:some-function"
    given = {"FunctionName": f"{arn}:1", "Qualifier": "$LATEST"}
    play.told("not_match_exception", client.get_function, **given)
    given = {"FunctionName": f"{arn}:$LATEST", "Qualifier": "$LATEST"}
    play.told("match_exception", client.get_function, **given)


@scenario("test_lambda_code_location_zipfile")
def _(play):
    wanted = {"Runtime": "python3.12", "Handler": "index.handler"}
    play.create("create-response-zip-file", {"index.py": functions.PYTHON_ECHO}, **wanted)
    play.get("get-function-response")
    play.told(
        "update-function-response",
        client.update_function_code,
        FunctionName=play.function,
        ZipFile=zip_of({"index.py": functions.PYTHON_ECHO + "# changed\n"}),
    )
    play.get("get-function-response-updated")


@scenario("test_large_environment_variables_fails")
def _(play):
    # One byte more than the 4 KB that the variables may take as JSON.
    value = "x" * (4097 - len('{"LARGE_VAR":""}'))
    play.create(
        "failed_create_fn_result",
        {"handler.py": functions.PYTHON_ECHO},
        **PYTHON,
        Environment={"Variables": {"LARGE_VAR": value}},
    )


@scenario("test_oversized_lambda")
def _(play):
    files = {"handler.py": functions.PYTHON_ECHO, "large": bytes(262_144_000)}
    play.create("invalid_param_exc", files, **PYTHON)


@scenario("test_oversized_request_create_lambda")
def _(play):
    # Base64 makes 4 bytes of 3, so that the request is just larger than 70167211 bytes.
    play.create("invalid_param_exc", os.urandom(52_625_500), **PYTHON)


@scenario("test_account_settings")
def _(play):
    answer = recorded_form(client.get_account_settings())
    names = {
        name: value if name == "ResponseMetadata" else sorted(value)
        for name, value in answer.items()
    }
    play.tell("acc_settings_modded", names)


@scenario("test_function_state")
def _(play):
    play.create("create-fn-response", {"handler.py": functions.PYTHON_ECHO}, **PYTHON)
    play.get("get-fn-response")


def create_node_echo(play):
    play.quietly_create(
        {"index.js": functions.NODE_ECHO}, Runtime="nodejs16.x", Handler="index.handler"
    )


@scenario("test_invocation_type_request_response[nodejs16.x]")
def _(play):
    create_node_echo(play)
    play.invoke("invoke-result", InvocationType="RequestResponse")


@scenario("test_invocation_type_event[nodejs16.x]")
def _(play):
    create_node_echo(play)
    play.invoke("invoke-result", InvocationType="Event")


@scenario("test_invocation_type_dry_run[nodejs16.x]")
def _(play):
    create_node_echo(play)
    play.invoke("invoke-result", InvocationType="DryRun")


def tell_logs(play):
    """The tail stands for the log stream: both hold the same lines, and the service for streams comes later."""
    tail = base64.b64decode(play.invoke("invoke", LogType="Tail")["LogResult"]).decode()
    lines = tail.splitlines(keepends=True)
    # The recorder left out what comes before the first invocation.
    play.tell("logs", {"logs": [line for line in lines if not line.startswith("INIT_START")]})


@scenario("test_invocation_with_logs[nodejs16.x]")
def _(play):
    create_node_echo(play)
    tell_logs(play)


@scenario("test_invocation_with_logs[python3.10]")
def _(play):
    files = {"handler.py": functions.PYTHON_ECHO}
    play.quietly_create(files, Runtime="python3.10", Handler="handler.handler")
    tell_logs(play)


@scenario("test_lambda_with_context")
def _(play):
    play.create(
        "creation",
        {"lambda_integration.js": functions.NODE_CONTEXT},
        Runtime="nodejs16.x",
        Handler="lambda_integration.handler",
        Timeout=30,
        **NO_VARIABLES,
    )
    context = {
        "custom": {"foo": "bar"},
        "client": {"snap": ["crackle", "pop"]},
        "env": {"fizz": "buzz"},
    }
    encoded = base64.b64encode(json.dumps(context).encode()).decode()
    play.invoke("invocation", ClientContext=encoded)


@scenario("test_lambda_init_environment")
def _(play):
    play.create(
        "create-result",
        {"handler.py": functions.PYTHON_ENVIRONMENT},
        Runtime="python3.14",
        Handler="handler.handler",
        Timeout=30,
        **NO_VARIABLES,
    )
    play.invoke("lambda-init-inspection")


@scenario("test_lambda_runtime_exit")
def _(play):
    play.quietly_create({"handler.py": functions.PYTHON_RUNTIME_EXIT}, **PYTHON)
    play.invoke("invocation_error")


@scenario("test_lambda_handler_exit")
def _(play):
    play.quietly_create({"handler.py": functions.PYTHON_HANDLER_EXIT}, **PYTHON)
    play.invoke("invocation_error")


@scenario("test_lambda_handler_error")
def _(play):
    files = {"lambda_handler_error.py": functions.PYTHON_HANDLER_ERROR}
    wanted = {"Runtime": "python3.12", "Handler": "lambda_handler_error.handler"}
    play.quietly_create(files, **wanted)
    play.invoke("invocation_error")


@scenario("test_lambda_invoke_with_timeout")
def _(play):
    files = {"handler.py": functions.PYTHON_REUSE}
    play.create("create-result", files, **PYTHON, **NO_VARIABLES, Timeout=1)
    play.invoke("invoke-result", json.dumps({"sleep": 10}))


@scenario("test_lambda_invoke_timed_out_environment_reuse")
def _(play):
    files = {"handler.py": functions.PYTHON_REUSE}
    play.create("create-result", files, **PYTHON, **NO_VARIABLES, Timeout=1)
    steps = {
        "invoke-result-file-write": {"write-file": "some-content"},
        "invoke-result-file-read": {"read-file": True},
        "invoke-result-set-number": {"set-number": 42},
        "invoke-result-read-number": {"read-number": True},
        "invoke-result-timed-out": {"sleep": 10},
        "invoke-result-file-read-after-timeout": {"read-file": True},
        "invoke-result-read-number-after-timeout": {"read-number": True},
    }
    for answer, event in steps.items():
        play.invoke(answer, json.dumps(event))


@scenario("test_lambda_too_large_response")
def _(play):
    play.quietly_create({"handler.py": functions.PYTHON_LARGE}, **PYTHON)
    play.invoke("invoke_result")
    play.invoke("invoke_result_2")


@scenario("test_invoke_exceptions")
def _(play):
    given = {"FunctionName": "doesnotexist", "Payload": "{}"}
    play.told("invoke_function_doesnotexist", client.invoke, **given)


@scenario("test_lambda_environment")
def _(play):
    play.create(
        "creation-result",
        {"handler.py": functions.PYTHON_HELLO},
        Runtime="python3.9",
        Handler="handler.handler",
        Timeout=30,
        Environment={"Variables": {"Hello": "World"}},
    )
    play.invoke("invocation-result")
    configuration = client.get_function_configuration
    play.told("get-configuration-result", configuration, FunctionName=play.function)


@scenario("test_lambda_cache_local[nodejs]")
def _(play):
    play.quietly_create(
        {"index.js": functions.NODE_COUNTER}, Runtime="nodejs20.x", Handler="index.handler"
    )
    play.invoke("first_invoke_result")
    play.invoke("second_invoke_result")


def introspect(play, files, payload="{}", **given):
    variables = {"Environment": {"Variables": {"TEST_KEY": "TEST_VAL"}}}
    created = play.create("create_function_result", files, **given, **variables, MemorySize=1024)
    for answer, qualifier in (
        ("invocation_result_payload", {}),
        ("invocation_result_payload_qualified", {"Qualifier": "$LATEST"}),
    ):
        called = {"FunctionName": created["FunctionArn"], "Payload": payload, **qualifier}
        play.tell(answer, recorded_form(client.invoke(**called))["Payload"])


@scenario("test_introspection_invoke[provided.al2023]")
def _(play):
    zipped = Path(settings["goZip"]).read_bytes()
    wanted = {"Runtime": "provided.al2023", "Handler": "function.handler"}
    introspect(play, zipped, '{"action": "introspect"}', **wanted)


@scenario("test_introspection_invoke[python3.12]")
def _(play):
    introspect(play, {"handler.py": functions.PYTHON_INTROSPECTION}, **PYTHON)


@scenario("test_introspection_invoke[nodejs20.x]")
def _(play):
    files = {"index.js": functions.NODE_INTROSPECTION}
    introspect(play, files, Runtime="nodejs20.x", Handler="index.handler")


@scenario("test_uncaught_exception_invoke[python3.12]")
def _(play):
    files = {"handler.py": functions.PYTHON_FAILS}
    play.create("create_function_result", files, **PYTHON, MemorySize=1024)
    play.invoke("error_result", '{"error_msg": "some_error_msg"}')


@scenario("test_uncaught_exception_invoke[nodejs20.x]")
def _(play):
    files = {"index.js": functions.NODE_FAILS}
    wanted = {"Runtime": "nodejs20.x", "Handler": "index.handler"}
    play.create("create_function_result", files, **wanted, MemorySize=1024)
    play.invoke("error_result", '{"error_msg": "some_error_msg"}')


@scenario("test_runtime_introspection_x86")
def _(play):
    files = {"handler.py": functions.PYTHON_SURROUNDINGS}
    play.quietly_create(files, **PYTHON, Architectures=["x86_64"])
    play.invoke("invoke_runtime_x86_introspection")


@scenario("test_runtime_ulimits")
def _(play):
    play.quietly_create({"handler.py": functions.PYTHON_LIMITS}, **PYTHON)
    play.invoke("invoke_runtime_ulimits")


for wanted_name in settings["scenarios"]:
    scenarios[wanted_name](Player(wanted_name))
