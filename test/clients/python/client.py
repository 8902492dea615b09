"""The Python client under test: plays the plan with the unmodified boto3, a line of JSON a step."""

import base64
import json
import sys
from pathlib import Path

import boto3
from botocore.exceptions import ClientError

plan = json.loads(sys.argv[1])
client = boto3.client("lambda", endpoint_url=plan["endpoint"])
name = plan["functionName"]


def tell(step, **facts):
    print(json.dumps({"step": step, **facts}), flush=True)


def fails(step, kind, call, **given):
    try:
        call(**given)
    except ClientError as error:
        tell(
            step,
            error=error.response["Error"]["Code"],
            message=error.response["Error"]["Message"],
            status=error.response["ResponseMetadata"]["HTTPStatusCode"],
            typed=kind is not None and isinstance(error, getattr(client.exceptions, kind)),
        )
    else:
        tell(step, error=None)


def creation(**extra):
    return {
        "FunctionName": name,
        "Runtime": plan["runtime"],
        "Handler": plan["handler"],
        "Role": plan["role"],
        "Code": {"ZipFile": Path(plan["zip"]).read_bytes()},
        **extra,
    }


def invoke(step, payload, **extra):
    answer = client.invoke(FunctionName=name, Payload=payload, **extra)
    tell(
        step,
        status=answer["StatusCode"],
        version=answer.get("ExecutedVersion"),
        functionError=answer.get("FunctionError"),
        payload=answer["Payload"].read().decode(),
        log=base64.b64decode(answer.get("LogResult", "")).decode(),
    )


def wait(step, waiter):
    client.get_waiter(waiter).wait(FunctionName=name, WaiterConfig={"Delay": 1, "MaxAttempts": 30})
    tell(step)


def create_and_read():
    fails("get-missing", "ResourceNotFoundException", client.get_function, FunctionName=name)
    created = client.create_function(**creation())
    tell(
        "create",
        status=created["ResponseMetadata"]["HTTPStatusCode"],
        state=created["State"],
        runtime=created["Runtime"],
        codeSha256=created["CodeSha256"],
    )
    wait("wait-active", "function_active_v2")
    fails("create-again", "ResourceConflictException", client.create_function, **creation())
    large = {"Variables": {"LARGE": plan["largeVariable"]}}
    fails(
        "create-large-variables",
        "InvalidParameterValueException",
        client.create_function,
        **creation(FunctionName=f"{name}-large", Environment=large),
    )
    tell("list", names=[each["FunctionName"] for each in client.list_functions()["Functions"]])
    got = client.get_function(FunctionName=name)
    tell(
        "get",
        state=got["Configuration"]["State"],
        lastUpdateStatus=got["Configuration"]["LastUpdateStatus"],
        codeSha256=got["Configuration"]["CodeSha256"],
        repositoryType=got["Code"]["RepositoryType"],
    )
    read = client.get_function_configuration(FunctionName=name)
    tell("get-configuration", memorySize=read["MemorySize"], timeout=read["Timeout"])


def update_and_invoke():
    updated = client.update_function_configuration(
        FunctionName=name,
        Timeout=10,
        MemorySize=256,
        Environment={"Variables": {"GREETING": plan["greeting"]}},
    )
    tell(
        "update-configuration",
        memorySize=updated["MemorySize"],
        timeout=updated["Timeout"],
        variables=updated["Environment"]["Variables"],
    )
    wait("wait-updated", "function_updated_v2")
    invoke("invoke", plan["event"], LogType="Tail", ClientContext=plan["clientContext"])
    recoded = client.update_function_code(
        FunctionName=name, ZipFile=Path(plan["secondZip"]).read_bytes()
    )
    tell("update-code", codeSha256=recoded["CodeSha256"], timeout=recoded["Timeout"])
    wait("wait-updated-code", "function_updated_v2")
    invoke("invoke-new-code", plan["event"])
    invoke("invoke-event", plan["asyncEvent"], InvocationType="Event")
    invoke("invoke-dry-run", plan["event"], InvocationType="DryRun")
    invoke("invoke-error", plan["failEvent"])
    large = Path(plan["largePayload"]).read_bytes()
    fails(
        "invoke-large-in",
        "RequestTooLargeException",
        client.invoke,
        FunctionName=name,
        Payload=large,
    )
    invoke("invoke-large-out", plan["largeEvent"])


def remove_and_miss():
    removed = client.delete_function(FunctionName=name)
    tell("delete", status=removed["ResponseMetadata"]["HTTPStatusCode"])
    missing = "ResourceNotFoundException"
    fails("get-deleted", missing, client.get_function, FunctionName=name)
    fails("delete-deleted", missing, client.delete_function, FunctionName=name)


create_and_read()
update_and_invoke()
remove_and_miss()
