// The SDK for JavaScript, version 3: a deployment from its upload to its end, stop, retry, pages, errors by class.

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import {
  Amplify,
  AmplifyServiceException,
  BadRequestException,
  LimitExceededException,
  NotFoundException,
  paginateListJobs,
} from "@aws-sdk/client-amplify";
import { done, ended, endless, fact, file, until, visit } from "./world.mjs";

// One attempt, so that a refusal is seen at once: 429 would be tried again.
const amplify = new Amplify({ maxAttempts: 1 });

const { app } = await amplify.createApp({ name: "demo", environmentVariables: { A: "ü" }, tags: { team: "harbour" } });
assert.ok(app.createTime instanceof Date && Math.abs(app.createTime - Date.now()) < 3_600_000);
assert.deepEqual([app.environmentVariables, app.tags], [{ A: "ü" }, { team: "harbour" }]);
const on = { appId: app.appId, branchName: "feature/x" };
const { branch } = await amplify.createBranch(on);
assert.equal(branch.branchArn, `${app.appArn}/branches/feature/x`);
assert.equal((await amplify.getBranch(on)).branch.branchName, "feature/x");
fact("createApp and createBranch feature/x");

async function deploy(name) {
  const { jobId, zipUploadUrl } = await amplify.createDeployment(on);
  const put = await fetch(zipUploadUrl, { method: "PUT", body: await readFile(file(name)) });
  assert.equal(put.status, 200);
  const { jobSummary } = await amplify.startDeployment({ ...on, jobId });
  assert.equal(jobSummary.status, "PENDING");
  return until(amplify, { ...on, jobId }, ended);
}

const first = await deploy("one.zip");
assert.deepEqual(first.steps.map((step) => [step.stepName, step.status]), [["DEPLOY", "SUCCEED"], ["VERIFY", "SUCCEED"]]);
assert.ok(first.summary.endTime >= first.summary.startTime);
assert.equal(await visit(app, "feature-x"), "site one");
assert.equal((await deploy("two.zip")).summary.status, "SUCCEED");
assert.equal(await visit(app, "feature-x"), "site two");
fact("createDeployment, PUT, startDeployment, getJob until SUCCEED, and the site is live; twice");

const broken = await deploy("broken.zip");
assert.equal(broken.summary.status, "FAILED");
assert.ok(broken.steps.at(-1).statusReason);
assert.equal(await visit(app, "feature-x"), "site two");
fact(`a broken zip: FAILED, "${broken.steps.at(-1).statusReason}", and the site stays`);

const slow = (await amplify.startDeployment({ ...on, sourceUrl: await endless() })).jobSummary.jobId;
await until(amplify, { ...on, jobId: slow }, (status) => status === "RUNNING");
await assert.rejects(amplify.createDeployment(on), (error) => {
  assert.ok(error instanceof BadRequestException && error instanceof AmplifyServiceException);
  assert.equal(error.name, "BadRequestException");
  assert.equal(error.$metadata.httpStatusCode, 400);
  assert.ok(error.$metadata.requestId);
  assert.match(error.message, new RegExp(`^The last job\\(deployment\\) ${slow} was not finished, please wait`));
  return true;
});
await assert.rejects(amplify.startJob({ ...on, jobType: "RETRY", jobId: "1" }), (error) => {
  assert.ok(error instanceof LimitExceededException);
  assert.equal(error.message, "The requested branch feature/x already have pending or running jobs");
  return true;
});
const stopped = (await amplify.stopJob({ ...on, jobId: slow })).jobSummary;
assert.ok(["CANCELLING", "CANCELLED"].includes(stopped.status), stopped.status);
assert.equal((await until(amplify, { ...on, jobId: slow }, ended)).summary.status, "CANCELLED");
fact("a running job refuses others by class, and is stopped");

const retry = (await amplify.startJob({ ...on, jobType: "RETRY", jobId: "1" })).jobSummary.jobId;
assert.equal((await until(amplify, { ...on, jobId: retry }, ended)).summary.status, "SUCCEED");
assert.equal(await visit(app, "feature-x"), "site one");
const listed = [];
for await (const page of paginateListJobs({ client: amplify, pageSize: 2 }, on)) {
  listed.push(...page.jobSummaries.map((job) => `${job.jobId} ${job.status}`));
}
assert.deepEqual(listed, ["5 SUCCEED", "4 CANCELLED", "3 FAILED", "2 SUCCEED", "1 SUCCEED"]);
fact(`startJob RETRY of the first, which is live again; pages of listJobs: ${listed.join(", ")}`);

for (const [call, message] of [
  [() => amplify.getApp({ appId: "d1" }), "App d1 not found."],
  [() => amplify.getBranch({ ...on, branchName: "dev" }), "Branch dev not found."],
  [() => amplify.getJob({ ...on, jobId: "9" }), "Job 9 not found."],
]) {
  await assert.rejects(call(), (error) => {
    assert.ok(error instanceof NotFoundException, error.name);
    assert.deepEqual([error.$metadata.httpStatusCode, error.message], [404, message]);
    return true;
  });
}
await amplify.deleteApp({ appId: app.appId });
await assert.rejects(amplify.getApp({ appId: app.appId }), NotFoundException);
fact("NotFoundException of an app, a branch and a job; deleteApp");

done("AWS SDK for JavaScript v3", "@aws-sdk/client-amplify", "deploy, stop, retry, pages, errors by class");
