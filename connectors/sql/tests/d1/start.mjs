// Cloudflare's own D1 engine behind the path and the envelope of its HTTP API, on loopback. It prints its port and ends with its
// standard input. The first argument is a folder with node_modules.
import { createRequire } from "node:module";
import { readFileSync } from "node:fs";

const require = createRequire(process.argv[2] + "/");
const { Miniflare } = require("miniflare");

const databases = {};
for (let number = 0; number < 16; number++) databases[`DB${number}`] = `database-${number}`;
const worker = readFileSync(new URL("worker.mjs", import.meta.url), "utf8");
const server = new Miniflare({
  modules: true,
  script: worker,
  d1Databases: databases,
  host: "127.0.0.1",
  port: 0,
  compatibilityDate: "2026-04-01",
});
process.stdin.resume().on("end", async () => {
  await server.dispose();
  process.exit(0);
});
console.log((await server.ready).port);
