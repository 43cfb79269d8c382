// What the scripts beside this one share: facts on standard output, a version, a visit to a site.

import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import http from "node:http";
import path from "node:path";
import { Console } from "node:console";

/** The folder with one.zip, two.zip and broken.zip. */
export const folder = process.argv[2];

export const endpoint = process.env.AWS_ENDPOINT_URL_AMPLIFY;

const require = createRequire(import.meta.url);
const write = (line) => process.stdout.write(`${line}\n`);
// Standard output is for facts: what the packages say goes elsewhere.
globalThis.console = new Console(process.stderr, process.stderr);

export const fact = write;

/** The last line: what was run, of which package. */
export function done(client, name, ran) {
  write(JSON.stringify({ client, version: version(name), ran }));
}

function version(name) {
  const found = require.resolve.paths(name).map((folder) => path.join(folder, name, "package.json"));
  for (const file of found) {
    try {
      return JSON.parse(readFileSync(file, "utf8")).version;
    } catch (error) {
      if (error.code !== "ENOENT") throw error;
    }
  }
  throw new Error(`${name} is not installed`);
}

export const file = (name) => path.join(folder, name);

/** What a visitor of a branch's site sees; `label` is the branch's name in the host's. */
export function visit(app, label) {
  const host = `${label}.${app.defaultDomain}`;
  return new Promise((resolve, reject) => {
    http.get(endpoint, { headers: { host } }, (answer) => {
      let text = "";
      answer.setEncoding("utf8").on("data", (chunk) => (text += chunk)).on("end", () => resolve(text));
    }).on("error", reject);
  });
}

/** The URL of a zip that begins and never ends. Its server does not keep the script alive. */
export function endless() {
  return new Promise((resolve) => {
    const server = http.createServer((_, answer) => answer.write("PK"));
    server.listen(0, "127.0.0.1", () => resolve(`http://127.0.0.1:${server.address().port}/slow.zip`));
    server.unref();
  });
}

/** Polls GetJob until the job is as asked for. */
export async function until(client, job, is) {
  for (;;) {
    const { job: shown } = await client.getJob(job);
    if (is(shown.summary.status)) return shown;
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

export const ended = (status) => ["SUCCEED", "FAILED", "CANCELLED"].includes(status);
