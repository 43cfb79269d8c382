"""Walks a server with boto3 as any script would, and holds every answer against the public service model.

Arguments: the endpoint and a zip with an index.html. Keys and region come from the environment.
"""

import datetime
import sys
import time
import urllib.request

import boto3
from botocore.exceptions import ClientError

ENDPOINT, ZIP = sys.argv[1:]
amplify = boto3.client("amplify", endpoint_url=ENDPOINT)
model = amplify.meta.service_model
TYPES = {
    "string": str, "integer": int, "long": int, "boolean": bool,
    "timestamp": datetime.datetime, "list": list, "map": dict, "structure": dict,
}


def complain(where, value, shape):
    """What of `value` is not as the model has it. `endTime` of a step that runs is left out on purpose."""
    if not isinstance(value, TYPES[shape.type_name]):
        yield f"{where} is {value!r}, not a {shape.type_name}"
    elif shape.type_name == "structure":
        for name in shape.required_members:
            if name not in value and name != "endTime":
                yield f"{where}.{name} is missing"
        for name, member in value.items():
            if name not in shape.members:
                yield f"{where}.{name} is not in the model"
            else:
                yield from complain(f"{where}.{name}", member, shape.members[name])
    elif shape.type_name == "list":
        for item in value:
            yield from complain(f"{where}[]", item, shape.member)
    elif shape.type_name == "map":
        for item in value.values():
            yield from complain(f"{where}{{}}", item, shape.value)
    elif getattr(shape, "enum", None) and value not in shape.enum and value != "NONE":
        yield f"{where} is {value!r}, which is not in {shape.enum}"


def call(operation, **members):
    answer = getattr(amplify, operation)(**members)
    assert answer.pop("ResponseMetadata")["RequestId"]
    name = amplify.meta.method_to_api_mapping[operation]
    wrong = list(complain(operation, answer, model.operation_model(name).output_shape))
    assert not wrong, wrong
    return answer


def refused(operation, **members):
    try:
        getattr(amplify, operation)(**members)
    except ClientError as error:
        return error.response["Error"]["Code"], error.response["Error"]["Message"]
    raise AssertionError(f"{operation} was not refused")


def ended(**job):
    while True:
        summary = call("get_job", **job)["job"]["summary"]
        if summary["status"] in ("SUCCEED", "FAILED", "CANCELLED"):
            return summary
        time.sleep(0.01)


def visit(app, branch):
    host = call("get_app", appId=app)["app"]["defaultDomain"]
    request = urllib.request.Request(ENDPOINT, headers={"Host": f"{branch}.{host}"})
    return urllib.request.urlopen(request).read().decode()


app = call("create_app", name="walk", description="ü", environmentVariables={"A": "1"}, tags={"k": "v"})["app"]["appId"]
assert app in [item["appId"] for item in call("list_apps")["apps"]]
assert call("update_app", appId=app, environmentVariables={"": ""})["app"]["environmentVariables"] == {}

for name in ["main", "feature/x", "x y", "ü%", "..", "a+b*c'(d)!@:;,$&=x"]:
    call("create_branch", appId=app, branchName=name)
    assert call("get_branch", appId=app, branchName=name)["branch"]["branchName"] == name
assert len(call("list_branches", appId=app, maxResults=4)["branches"]) == 4
call("update_branch", appId=app, branchName="feature/x", description="changed")
call("delete_branch", appId=app, branchName="..")
assert refused("get_branch", appId=app, branchName="..") == ("NotFoundException", "Branch .. not found.")

for name, label in [("main", "main"), ("feature/x", "feature-x")]:
    on = {"appId": app, "branchName": name}
    made = call("create_deployment", **on)
    with open(ZIP, "rb") as content:
        put = urllib.request.Request(made["zipUploadUrl"], data=content.read(), method="PUT")
        assert urllib.request.urlopen(put).status == 200
    started = call("start_deployment", **on, jobId=made["jobId"])["jobSummary"]
    assert (started["status"], started["jobType"]) == ("PENDING", "MANUAL"), started
    assert ended(**on, jobId="1")["status"] == "SUCCEED"
    assert "walked" in visit(app, label)
    assert call("get_branch", **on)["branch"]["activeJobId"] == "1"

on = {"appId": app, "branchName": "main"}
assert call("start_job", **on, jobType="RETRY", jobId="1")["jobSummary"]["jobId"] == "2"
assert ended(**on, jobId="2")["status"] == "SUCCEED"
call("delete_job", **on, jobId="1")
assert refused("delete_job", **on, jobId="2")[0] == "BadRequestException"
assert call("create_deployment", **on, fileMap={"index.html": "0" * 32})["fileUploadUrls"].keys() == {"index.html"}
assert call("stop_job", **on, jobId="3")["jobSummary"]["status"] == "CANCELLED"
assert [job["jobId"] for job in call("list_jobs", **on)["jobSummaries"]] == ["3", "2"]
assert refused("start_job", **on, jobType="MANUAL") == (
    "BadRequestException", "The requested jobType MANUAL does not support.")
assert refused("start_deployment", **on) == (
    "BadRequestException", "Must specify jobId or sourceUrl for StartDeploymentRequest.")
call("delete_app", appId=app)
assert refused("get_app", appId=app) == ("NotFoundException", f"App {app} not found.")
print("walked")
