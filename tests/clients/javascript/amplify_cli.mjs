// The Amplify CLI's `amplify publish` of an app with manual hosting: the command of its hosting plugin, with the build, in
// a project on disk. What the CLI around it would give (the context, the configuration of clients) is given here.

import assert from "node:assert/strict";
import { existsSync, mkdirSync, readFileSync, readdirSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import path from "node:path";
import { Amplify } from "@aws-sdk/client-amplify";
import { done, ended, endless, fact, folder, until, visit } from "./world.mjs";

const amplify = new Amplify();
const { app } = await amplify.createApp({ name: "demo" });
const environment = "dev";
const on = { appId: app.appId, branchName: environment };
await amplify.createBranch(on);

const project = path.join(folder, "project");
const backend = path.join(project, "amplify/backend");
mkdirSync(path.join(backend, "hosting/amplifyhosting"), { recursive: true });
mkdirSync(path.join(project, "amplify/#current-cloud-backend"));
mkdirSync(path.join(project, "amplify/.config"));
const meta = path.join(backend, "amplify-meta.json");
writeFileSync(meta, JSON.stringify({
  providers: { awscloudformation: { AmplifyAppId: app.appId, Region: "us-east-1" } },
  hosting: { amplifyhosting: { service: "amplifyhosting", type: "manual" } },
}));
const build = path.join(project, "build.mjs");
const provider = path.join(project, "provider.cjs");
writeFileSync(provider, "exports.getConfiguredAWSClientConfig = async () => ({});");
process.chdir(project);

const said = [];
const context = {
  input: { command: "publish" },
  print: { info: (line) => said.push(line), error: (line) => assert.fail(line) },
  amplify: {
    getEnvInfo: () => ({ envName: environment, projectPath: project }),
    getProjectConfig: () => ({
      frontend: "javascript",
      javascript: { config: { BuildCommand: "node build.mjs", DistributionDir: "dist" } },
    }),
    getProviderPlugins: () => ({ awscloudformation: provider }),
    pathManager: { getBackendDirPath: () => backend, getAmplifyMetaFilePath: () => meta },
    pushResources: async () => {},
    readJsonFile: (file) => JSON.parse(readFileSync(file, "utf8")),
  },
};
const plugin = createRequire(import.meta.url)("@aws-amplify/amplify-console-hosting");

async function publish(text) {
  writeFileSync(build, `import fs from "node:fs";
fs.mkdirSync("dist/assets", { recursive: true });
fs.writeFileSync("dist/index.html", ${JSON.stringify(text)});
fs.writeFileSync("dist/assets/app.js", "app");`);
  await plugin.executeAmplifyCommand(context);
  assert.deepEqual(readdirSync(project).filter((name) => name.endsWith(".zip")), []);
  return (await amplify.listJobs({ ...on, maxResults: 1 })).jobSummaries[0];
}

const first = await publish("published");
assert.deepEqual([first.jobId, first.status, first.jobType], ["1", "SUCCEED", "MANUAL"]);
assert.equal(await visit(app, environment), "published");
assert.deepEqual(said, [`https://${environment}.${app.appId}.amplifyapp.com`]);
assert.ok(existsSync(path.join(project, "dist/assets/app.js")));
fact("amplify publish: built, zipped, uploaded, SUCCEED, and the site is live");

// It stops what is pending or running, and creates the next deployment without a pause.
const slow = (await amplify.startDeployment({ ...on, sourceUrl: await endless() })).jobSummary.jobId;
await until(amplify, { ...on, jobId: slow }, (status) => status === "RUNNING");
const second = await publish("published again");
assert.deepEqual([second.jobId, second.status], ["3", "SUCCEED"]);
assert.equal(await visit(app, environment), "published again");
assert.equal((await until(amplify, { ...on, jobId: slow }, ended)).summary.status, "CANCELLED");
fact("amplify publish over a running job: that is CANCELLED, the new one SUCCEED");

done("Amplify CLI, hosting plugin", "@aws-amplify/amplify-console-hosting", "amplify publish, and again over a running job");
// A timer of the plugin's would keep the script alive for ten minutes.
process.exit(0);
