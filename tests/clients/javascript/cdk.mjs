// The CDK's handler of Custom::AmplifyAssetDeployment, as its package ships it for Lambda, asked as CloudFormation's
// provider framework asks: onEvent once, isComplete until it is.

import assert from "node:assert/strict";
import { createRequire } from "node:module";
import { readFile } from "node:fs/promises";
import { Amplify, BadRequestException } from "@aws-sdk/client-amplify";
import { S3 } from "@aws-sdk/client-s3";
import { done, ended, endless, fact, file, until, visit } from "./world.mjs";

const HANDLER = "@aws-cdk/aws-amplify-alpha/custom-resource-handlers/dist/aws-amplify-alpha/asset-deployment-handler";
const { onEvent, isComplete } = createRequire(import.meta.url)(HANDLER);

const amplify = new Amplify();
const assets = new S3();
const bucket = "cdk-hnb659fds-assets-000000000000-us-east-1";
await assets.createBucket({ Bucket: bucket });
for (const name of ["one.zip", "two.zip", "broken.zip"]) {
  await assets.putObject({ Bucket: bucket, Key: name, Body: await readFile(file(name)) });
}
const { app } = await amplify.createApp({ name: "demo" });
const on = { appId: app.appId, branchName: "main" };
await amplify.createBranch(on);

function event(type, asset) {
  return {
    RequestType: type,
    RequestId: "1",
    LogicalResourceId: "Deployment",
    ResourceType: "Custom::AmplifyAssetDeployment",
    ResourceProperties: { AppId: on.appId, BranchName: on.branchName, S3BucketName: bucket, S3ObjectKey: asset },
  };
}

async function deploy(type, asset) {
  const asked = event(type, asset);
  const begun = { ...asked, ...(await onEvent(asked)) };
  for (;;) {
    const answer = await isComplete(begun);
    if (answer.IsComplete) return answer.Data;
  }
}

assert.deepEqual(await deploy("Create", "one.zip"), { JobId: "1", Status: "SUCCEED" });
assert.equal(await visit(app, "main"), "site one");
const { summary } = (await amplify.getJob({ ...on, jobId: "1" })).job;
assert.ok(summary.sourceUrl.includes("X-Amz-Signature="), summary.sourceUrl);
fact("Create: a presigned URL of the asset, and the site is live");

assert.deepEqual(await deploy("Update", "two.zip"), { JobId: "2", Status: "SUCCEED" });
assert.equal(await visit(app, "main"), "site two");
fact("Update: the other asset is live");

for (const asset of ["broken.zip", "absent.zip"]) {
  await assert.rejects(deploy("Update", asset), /^Error: Amplify job failed with status: FAILED$/);
}
assert.equal(await visit(app, "main"), "site two");
fact("a broken asset and an absent one: the handler throws, the site stays");

// The newest job is all that it asks for, and it looks for PENDING only; the server refuses the rest.
const slow = (await amplify.startDeployment({ ...on, sourceUrl: await endless() })).jobSummary.jobId;
await until(amplify, { ...on, jobId: slow }, (status) => status === "RUNNING");
await assert.rejects(onEvent(event("Update", "one.zip")), BadRequestException);
await amplify.stopJob({ ...on, jobId: slow });
await until(amplify, { ...on, jobId: slow }, ended);
await assert.rejects(isComplete({ ...event("Update", "one.zip"), AmplifyJobId: slow }), /status: CANCELLED$/);
fact("beside a running job: refused; of a stopped one: CANCELLED");

assert.equal(await onEvent(event("Delete", "one.zip")), undefined);
assert.deepEqual(await isComplete(event("Delete", "one.zip")), { IsComplete: true });
assert.equal(await visit(app, "main"), "site two");
fact("Delete: complete at once");

done("CDK asset deployment handler", "@aws-cdk/aws-amplify-alpha", "Create, Update, failing assets, Delete");
