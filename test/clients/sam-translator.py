# Expands templates with aws-sam-translator and tells, as JSON, what functions and APIs came out of each.
#
# Usage: python sam-translator.py STACK-NAME TEMPLATE...

import json
import re
import sys

from samtranslator.parser.parser import Parser
from samtranslator.translator.translator import Translator
from samtranslator.yaml_helper import yaml_parse

ANY = "x-amazon-apigateway-any-method"
BUCKET = "s3://bucket/key.zip"


def uploaded(node):
    """The template as `sam package` would leave it: code and layers are in a bucket."""
    if isinstance(node, list):
        return [uploaded(item) for item in node]
    if not isinstance(node, dict):
        return node
    local = ("CodeUri", "ContentUri")
    return {
        key: BUCKET if key in local and isinstance(value, str) else uploaded(value)
        for key, value in node.items()
    }


def defaults(template):
    parameters = template.get("Parameters", {})
    return {name: each["Default"] for name, each in parameters.items() if "Default" in each}


class Values:
    """What the references mean that SAM leaves to CloudFormation."""

    def __init__(self, template, stack_name):
        self.known = {"AWS::StackName": stack_name, "AWS::Region": "us-east-1"} | defaults(template)

    def text(self, node):
        if isinstance(node, dict) and "Ref" in node:
            return str(self.known.get(node["Ref"], f"<{node['Ref']}>"))
        if isinstance(node, dict) and isinstance(node.get("Fn::Sub"), str):
            return re.sub(r"\$\{([^}]+)\}", lambda m: str(self.known.get(m[1], m[0])), node["Fn::Sub"])
        return node


def functions_of(resources, values):
    return {
        logical_id: {
            "functionName": values.text(each["Properties"].get("FunctionName", logical_id)),
            "handler": values.text(each["Properties"].get("Handler")),
            "runtime": values.text(each["Properties"].get("Runtime")),
        }
        for logical_id, each in resources.items()
        if each["Type"] == "AWS::Lambda::Function"
    }


def target_of(method):
    integration = method["x-amazon-apigateway-integration"]
    if integration["type"] == "mock":
        return "mock"
    return re.search(r"functions/\$\{(\w+)\.Arn\}", integration["uri"]["Fn::Sub"])[1]


def mock_headers_of(method):
    parameters = method["x-amazon-apigateway-integration"]["responses"]["default"]["responseParameters"]
    return {name.removeprefix("method.response.header."): text for name, text in parameters.items()}


def routes_of(body, values, is_rest):
    routes, mocks = {}, {}
    for path, methods in body["paths"].items():
        # A path is a text of the template, and SAM leaves references in it alone.
        path = values.text({"Fn::Sub": path})
        if is_rest:
            # API Gateway makes no difference between the two.
            path = path.rstrip("/") or "/"
        for name, method in methods.items():
            if "x-amazon-apigateway-integration" not in method:
                continue
            verb = "ANY" if name == ANY else name.upper()
            route = "$default" if path == "$default" else f"{verb} {path}"
            routes[route] = target_of(method)
            if routes[route] == "mock":
                mocks[route] = mock_headers_of(method)
    return routes, mocks


def stage_of(resources, id_property, logical_id, values):
    stages = [
        values.text(each["Properties"]["StageName"])
        for each in resources.values()
        if each["Type"] in ("AWS::ApiGateway::Stage", "AWS::ApiGatewayV2::Stage")
        and each["Properties"].get(id_property) == {"Ref": logical_id}
    ]
    assert len(stages) == 1, stages
    return stages[0]


def api_of(resources, logical_id, values):
    resource = resources[logical_id]
    is_rest = resource["Type"] == "AWS::ApiGateway::RestApi"
    properties = resource["Properties"]
    body = properties["Body"]
    routes, mocks = routes_of(body, values, is_rest)
    variables = next(
        (
            each["Properties"].get("Variables" if is_rest else "StageVariables")
            for each in resources.values()
            if each["Type"].endswith("::Stage")
            and each["Properties"].get("RestApiId" if is_rest else "ApiId") == {"Ref": logical_id}
        ),
        None,
    )
    return {
        "kind": "rest" if is_rest else "http",
        "name": values.text(properties.get("Name", body["info"]["title"])),
        "stageName": stage_of(resources, "RestApiId" if is_rest else "ApiId", logical_id, values),
        "stageVariables": {name: str(text) for name, text in (variables or {}).items()},
        "routes": routes,
        "mocks": mocks,
        "binaryMediaTypes": body.get("x-amazon-apigateway-binary-media-types", []),
        "gatewayResponses": sorted(body.get("x-amazon-apigateway-gateway-responses", {})),
        "cors": body.get("x-amazon-apigateway-cors"),
    }


def schedules_of(resources, values):
    def target(properties):
        targets = properties.get("Targets") or [properties["Target"]]
        return targets[0]

    found = {}
    for logical_id, each in resources.items():
        if each["Type"] not in ("AWS::Events::Rule", "AWS::Scheduler::Schedule"):
            continue
        properties = each["Properties"]
        if "ScheduleExpression" not in properties:
            continue
        found[logical_id] = {
            "kind": "rule" if each["Type"] == "AWS::Events::Rule" else "scheduler",
            "name": properties.get("Name", logical_id),
            "expression": properties["ScheduleExpression"],
            "enabled": properties.get("State") != "DISABLED",
            "input": target(properties).get("Input"),
            "timeZone": properties.get("ScheduleExpressionTimezone"),
            "function": target(properties)["Arn"]["Fn::GetAtt"][0],
        }
    return found


def expand(path, stack_name):
    with open(path, encoding="utf-8") as file:
        template = uploaded(yaml_parse(file.read()))
    values = Values(template, stack_name)
    # A map of managed policies keeps it from asking AWS for them.
    policies = {"AWSLambdaBasicExecutionRole": "arn:aws:iam::aws:policy/AWSLambdaBasicExecutionRole"}
    expanded = Translator(policies, Parser()).translate(template, defaults(template))
    resources = expanded["Resources"]
    apis = ("AWS::ApiGateway::RestApi", "AWS::ApiGatewayV2::Api")
    return {
        "functions": functions_of(resources, values),
        "apis": {
            logical_id: api_of(resources, logical_id, values)
            for logical_id, each in resources.items()
            if each["Type"] in apis
        },
        "schedules": schedules_of(resources, values),
    }


def main():
    stack_name, *paths = sys.argv[1:]
    for path in paths:
        try:
            told = expand(path, stack_name)
        except Exception as error:  # pylint: disable=broad-except
            # Whatever it is, it belongs to this template: the test shows it there.
            causes = [str(cause) for cause in getattr(error, "causes", [])]
            told = {"error": f"{type(error).__name__}: {error} {' '.join(causes)}"}
        print(json.dumps({"path": path, "told": told}))


main()
