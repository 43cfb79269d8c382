"""The AWS CLI, as a shell script deploys with it.

Argument: a folder with one.zip, two.zip and broken.zip. Endpoint, keys and region come from the environment.
"""

import json
import os
import pathlib
import subprocess
import sys

FOLDER = pathlib.Path(sys.argv[1])
# Version 1 would fetch what a URL that it is given leads to, and send that.
CONFIG = FOLDER / "config"
CONFIG.write_text("[default]\ncli_follow_urlparam = false\n")
os.environ["AWS_CONFIG_FILE"] = str(CONFIG)


def run(arguments):
    command = [sys.executable, "-m", "awscli", "--output", "text", *arguments.split(" ")]
    return subprocess.run(command, capture_output=True, text=True)


def aws(arguments):
    done = run(f"amplify {arguments}")
    assert done.returncode == 0, (arguments, done.stderr)
    return done.stdout.strip()


def refused(arguments, code, operation, message):
    done = run(f"amplify {arguments}")
    expected = f"An error occurred ({code}) when calling the {operation} operation: {message}"
    # Before and after the message, versions print different things.
    assert done.returncode not in (0, 1) and expected in done.stderr, (arguments, done.returncode, done.stderr)


def put(url, name):
    # The file and nothing else, not even its type; before a large one, curl waits for 100 Continue.
    subprocess.run(["curl", "-sS", "--fail", "-T", FOLDER / name, url], check=True, stdout=subprocess.DEVNULL)


def end(job):
    # As the scripts in many repositories have it: to them, whatever is neither of the two is the end.
    status = "PENDING"
    while status in ("PENDING", "RUNNING"):
        status = aws(f"get-job {branch} --job-id {job} --query job.summary.status")
    return status


app = aws("create-app --name demo --query app.appId")
branch = f"--app-id {app} --branch-name feature/x"
aws(f"create-branch {branch}")
put(aws(f"create-deployment {branch} --query zipUploadUrl"), "two.zip")
assert aws(f"start-deployment {branch} --job-id 1 --query jobSummary.status") == "PENDING"
assert end(1) == "SUCCEED"
print("create-app, create-branch feature/x, create-deployment, curl -T, start-deployment: SUCCEED")

assert run("s3 mb s3://deployments").returncode == 0
assert run(f"s3 cp {FOLDER}/one.zip s3://deployments/one.zip").returncode == 0
url = run("s3 presign s3://deployments/one.zip").stdout.strip()
assert aws(f"start-deployment {branch} --source-url {url} --source-url-type ZIP --query jobSummary.jobId") == "2"
assert end(2) == "SUCCEED"
print("start-deployment --source-url with what aws s3 presign prints: SUCCEED")

assert aws(f"start-job {branch} --job-type RETRY --job-id 1 --query jobSummary.jobId") == "3"
assert end(3) == "SUCCEED"
put(aws(f"create-deployment {branch} --query zipUploadUrl"), "broken.zip")
aws(f"start-deployment {branch} --job-id 4")
assert end(4) == "FAILED"
aws(f"create-deployment {branch}")
assert aws(f"stop-job {branch} --job-id 5 --query jobSummary.status") == "CANCELLED"
statuses = aws(f"list-jobs {branch} --page-size 2 --query jobSummaries[].[jobId,status]")
assert statuses.split() == "5 CANCELLED 4 FAILED 3 SUCCEED 2 SUCCEED 1 SUCCEED".split(), statuses
print("start-job RETRY, a broken zip, stop-job, list-jobs in pages:", *statuses.split())

refused(f"get-job {branch} --job-id 9", "NotFoundException", "GetJob", "Job 9 not found.")
refused(f"start-job {branch} --job-type MANUAL", "BadRequestException", "StartJob",
        "The requested jobType MANUAL does not support.")
print("errors are told by class and message")
version = run("--version").stdout.split("/")[1].split()[0]
print(json.dumps({"client": "AWS CLI", "version": version, "ran": "deploy a zip and a URL, retry, stop, list, errors"}))
