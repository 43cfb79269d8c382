"""Every operation by boto3, as any script would call it, and every answer held against the public service model: what is
on the wire before botocore reads it, because its parser drops what it does not know.

Argument: a folder with one.zip, two.zip and broken.zip. Endpoint, keys and region come from the environment.
"""

import datetime
import json
import pathlib
import sys
import time
import urllib.request

import boto3
from botocore.exceptions import ClientError

FOLDER = pathlib.Path(sys.argv[1])
amplify = boto3.client("amplify")
ENDPOINT = amplify.meta.endpoint_url
MODEL = amplify.meta.service_model
TYPES = {"string": str, "integer": int, "long": int, "boolean": bool, "list": list, "map": dict, "structure": dict}
# Times are seconds: milliseconds would be tens of thousands of years away.
CENTURY = range(1_500_000_000, 4_600_000_000)
# AWS leaves the one out of a step that runs, and answers the other of a branch without a stage.
EXPECTED_ABSENT, EXPECTED_VALUES = {("Step", "endTime")}, {("Stage", "NONE")}
seen = set()


def complain(where, value, shape):
    """What of a JSON value is not as the model has it."""
    if shape.type_name == "timestamp":
        if isinstance(value, bool) or not isinstance(value, (int, float)) or int(value) not in CENTURY:
            yield f"{where} is {value!r}, not a time in seconds"
    elif not isinstance(value, TYPES[shape.type_name]) or (isinstance(value, bool) and shape.type_name != "boolean"):
        yield f"{where} is {value!r}, not a {shape.type_name}"
    elif shape.type_name == "structure":
        for name in shape.required_members:
            if name not in value and (shape.name, name) not in EXPECTED_ABSENT:
                yield f"{where}.{name} is missing"
        for name, member in value.items():
            if name in shape.members:
                yield from complain(f"{where}.{name}", member, shape.members[name])
            else:
                yield f"{where}.{name} is not in the model"
    elif shape.type_name == "list":
        for item in value:
            yield from complain(f"{where}[]", item, shape.member)
    elif shape.type_name == "map":
        for item in value.values():
            yield from complain(f"{where}{{}}", item, shape.value)
    elif getattr(shape, "enum", None) and value not in shape.enum and (shape.name, value) not in EXPECTED_VALUES:
        yield f"{where} is {value!r}, which is not in {shape.enum}"


def hold(operation_model, response_dict, **_):
    """Before botocore reads an answer."""
    headers = response_dict["headers"]
    assert headers["x-amzn-RequestId"], headers
    assert headers["Content-Type"] == "application/json", headers
    body = json.loads(response_dict["body"])
    if response_dict["status_code"] == 200:
        wrong = list(complain(operation_model.name, body, operation_model.output_shape))
        assert not wrong, wrong
        seen.add(operation_model.name)
    else:
        errors = {shape.name: shape.metadata["error"]["httpStatusCode"] for shape in operation_model.error_shapes}
        kind = headers["x-amzn-ErrorType"]
        assert errors.get(kind, 404 if kind == "NotFoundException" else 400) == response_dict["status_code"], (kind, errors)
        assert body["message"], body


amplify.meta.events.register("before-parse.amplify", hold)


def call(operation, **members):
    answer = getattr(amplify, operation)(**members)
    assert answer.pop("ResponseMetadata")["RequestId"]
    return answer


def pages(operation, size, **members):
    return amplify.get_paginator(operation).paginate(**members, PaginationConfig={"PageSize": size})


def refused(operation, **members):
    try:
        getattr(amplify, operation)(**members)
    except ClientError as error:
        return error.response["Error"]["Code"], error.response["Error"]["Message"]
    raise AssertionError(f"{operation} was not refused")


def gone(what, operation, **members):
    assert refused(operation, **members) == ("NotFoundException", f"{what} not found.")


def ended(**job):
    while True:
        summary = call("get_job", **job)["job"]["summary"]
        if summary["status"] in ("SUCCEED", "FAILED", "CANCELLED"):
            return summary
        time.sleep(0.01)


def fetch(url, **more):
    with urllib.request.urlopen(urllib.request.Request(url, **more)) as answer:
        assert answer.status == 200, answer.status
        return answer.read()


def visit(app, label):
    host = call("get_app", appId=app)["app"]["defaultDomain"]
    return fetch(ENDPOINT, headers={"Host": f"{label}.{host}"}).decode()


def apps_and_branches():
    app = call("create_app", name="walk", description="ü", environmentVariables={"A": "1"}, tags={"k": "v"})
    app = app["app"]["appId"]
    assert app in [item["appId"] for item in call("list_apps")["apps"]]
    assert call("update_app", appId=app, environmentVariables={"": ""})["app"]["environmentVariables"] == {}
    for name in ["main", "feature/x", "x y", "ü%", "..", "a+b*c'(d)!@:;,$&=x"]:
        call("create_branch", appId=app, branchName=name)
        assert call("get_branch", appId=app, branchName=name)["branch"]["branchName"] == name
    assert len(call("list_branches", appId=app, maxResults=4)["branches"]) == 4
    assert [len(page["branches"]) for page in pages("list_branches", 4, appId=app)] == [4, 2]
    assert [len(page["apps"]) for page in pages("list_apps", 100)] == [1]
    assert call("update_branch", appId=app, branchName="feature/x", stage="BETA")["branch"]["stage"] == "BETA"
    call("delete_branch", appId=app, branchName="..")
    gone("Branch ..", "get_branch", appId=app, branchName="..")
    print("apps and branches, whatever a branch is called: made, shown, listed in pages, changed, deleted")
    return app


def deployments(app):
    for name, label in [("main", "main"), ("feature/x", "feature-x")]:
        on = {"appId": app, "branchName": name}
        made = call("create_deployment", **on)
        fetch(made["zipUploadUrl"], data=(FOLDER / "one.zip").read_bytes(), method="PUT")
        started = call("start_deployment", **on, jobId=made["jobId"])["jobSummary"]
        assert (started["status"], started["jobType"]) == ("PENDING", "MANUAL"), started
        assert ended(**on, jobId="1")["status"] == "SUCCEED"
        assert visit(app, label) == "site one"
        assert call("get_branch", **on)["branch"]["activeJobId"] == "1"
    print("a zip was uploaded, started and served, on main and on feature/x")


def jobs(app):
    on = {"appId": app, "branchName": "main"}
    assert call("start_job", **on, jobType="RETRY", jobId="1")["jobSummary"]["jobId"] == "2"
    assert ended(**on, jobId="2")["status"] == "SUCCEED"
    call("delete_job", **on, jobId="1")
    kind, message = refused("delete_job", **on, jobId="2")
    assert kind == "BadRequestException" and "active job" in message
    assert call("create_deployment", **on, fileMap={"index.html": "0" * 32})["fileUploadUrls"].keys() == {"index.html"}
    assert call("stop_job", **on, jobId="3")["jobSummary"]["status"] == "CANCELLED"
    assert [job["jobId"] for job in call("list_jobs", **on)["jobSummaries"]] == ["3", "2"]
    assert [job["jobId"] for job in call("list_jobs", **on, maxResults=1)["jobSummaries"]] == ["3"]
    listed = [page["jobSummaries"][0]["jobId"] for page in pages("list_jobs", 1, **on)]
    assert listed == ["3", "2"], listed
    assert refused("start_job", **on, jobType="MANUAL") == (
        "BadRequestException", "The requested jobType MANUAL does not support.")
    assert refused("start_deployment", **on) == (
        "BadRequestException", "Must specify jobId or sourceUrl for StartDeploymentRequest.")
    gone("Job 9", "get_job", **on, jobId="9")
    artifacts = {item["artifactFileName"]: item["artifactId"] for item in call("list_artifacts", **on, jobId="2")["artifacts"]}
    url = call("get_artifact_url", artifactId=artifacts["artifacts.zip"])["artifactUrl"]
    assert fetch(url) == (FOLDER / "one.zip").read_bytes()
    print("a job was retried, another stopped, one deleted, the live one kept; its artifact is what was uploaded")


def tags(app):
    arn = call("get_branch", appId=app, branchName="feature/x")["branch"]["branchArn"]
    call("tag_resource", resourceArn=arn, tags={"a": "1", "b/c": "2"})
    assert call("list_tags_for_resource", resourceArn=arn)["tags"] == {"a": "1", "b/c": "2"}
    call("untag_resource", resourceArn=arn, tagKeys=["b/c", "none"])
    assert call("list_tags_for_resource", resourceArn=arn)["tags"] == {"a": "1"}
    assert refused("list_tags_for_resource", resourceArn=f"{arn}/none")[0] == "ResourceNotFoundException"
    print("a branch was tagged by its ARN and untagged")


def environments(app):
    of = {"appId": app, "environmentName": "dev"}
    made = call("create_backend_environment", **of, stackName="stack")["backendEnvironment"]
    assert call("get_backend_environment", **of)["backendEnvironment"] == made
    assert call("list_backend_environments", appId=app)["backendEnvironments"] == [made]
    assert call("delete_backend_environment", **of)["backendEnvironment"] == made
    gone("Backend environment dev", "delete_backend_environment", **of)
    print("a backend environment was made, shown, listed, deleted")


def domains(app):
    of = {"appId": app, "domainName": "example.com"}
    settings = [{"prefix": "www", "branchName": "main"}]
    call("create_domain_association", **of, subDomainSettings=settings)
    while call("get_domain_association", **of)["domainAssociation"]["domainStatus"] != "AVAILABLE":
        time.sleep(0.01)
    assert fetch(ENDPOINT, headers={"Host": "www.example.com"}) == b"site one"
    assert [item["domainName"] for item in call("list_domain_associations", appId=app)["domainAssociations"]] == ["example.com"]
    call("update_domain_association", **of, subDomainSettings=[*settings, {"prefix": "x", "branchName": "feature/x"}])
    now = datetime.datetime.now(datetime.timezone.utc)
    log = call("generate_access_logs", **of, startTime=now - datetime.timedelta(days=1), endTime=now)["logUrl"]
    assert fetch(log).startswith(b"date,time,")
    call("delete_domain_association", **of)
    gone("Domain example.com", "get_domain_association", **of)
    print("a domain led to a branch, was changed, had an access log, was deleted")


def webhooks():
    app = call("create_app", name="git", repository="https://127.0.0.1:1/r.git")["app"]["appId"]
    call("create_branch", appId=app, branchName="main")
    made = call("create_webhook", appId=app, branchName="main", description="on save")["webhook"]
    of = {"webhookId": made["webhookId"]}
    assert call("get_webhook", **of)["webhook"] == made
    assert call("list_webhooks", appId=app)["webhooks"] == [made]
    assert call("update_webhook", **of, description="")["webhook"]["description"] == ""
    fetch(made["webhookUrl"], data=b"{}", headers={"Content-Type": "application/json"})
    assert call("list_jobs", appId=app, branchName="main")["jobSummaries"][0]["jobType"] == "WEB_HOOK"
    call("delete_webhook", **of)
    gone(f"Webhook {made['webhookId']}", "delete_webhook", **of)
    assert refused("create_deployment", appId=app, branchName="main") == (
        "BadRequestException", "Operation not supported. App is already connected a repository.")
    call("delete_app", appId=app)
    print("a webhook was made, shown, listed, changed, called, deleted")


app = apps_and_branches()
deployments(app)
jobs(app)
tags(app)
environments(app)
domains(app)
webhooks()
call("delete_app", appId=app)
gone(f"App {app}", "get_app", appId=app)
assert seen == set(MODEL.operation_names), set(MODEL.operation_names) - seen
ran = f"all {len(seen)} operations, each answer held against the public model"
print(json.dumps({"client": "boto3", "version": boto3.__version__, "ran": ran}))
