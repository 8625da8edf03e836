// What stands between D1 and those who call its HTTP API: the path, the token, the envelope, and what the API allows.
const TOKEN = "Bearer a-token-for-tests";
const ROUTE = /^\/client\/v4\/accounts\/an-account\/d1\/database\/([^/]+)\/raw$/;

/** By database: what was sent to it, and what is to happen to the next calls. */
const sent = {};
const planned = {};

export default {
  async fetch(request, env) {
    const { pathname } = new URL(request.url);
    const body = await request.json();
    if (pathname === "/_test/exec") return Response.json(await inOrder(env[body.database], body.statements));
    if (pathname === "/_test/plan") {
      planned[body.database] = body.plan;
      return Response.json({});
    }
    if (pathname === "/_test/sent") {
      const calls = sent[body.database] ?? [];
      sent[body.database] = [];
      return Response.json(calls);
    }
    if (request.headers.get("authorization") !== TOKEN) return refusal(401, 10000, "Authentication error");
    const database = pathname.match(ROUTE)?.[1];
    if (!database) return refusal(404, 7003, "Could not route to this path, perhaps your object identifier is invalid?");
    if (!env[database]) return refusal(404, 7404, "The database could not be found");
    return answer(env[database], database, body);
  },
};

async function answer(db, database, body) {
  const statements = body.batch ?? [body];
  for (const { sql, params } of statements) {
    // As the API documents them: texts, at most a hundred, and none rather than an empty list.
    if (params !== undefined && !(params.length > 0 && params.length <= 100 && params.every((one) => typeof one === "string")))
      return refusal(400, 7400, "params is not a list of texts");
    if (sql.length > 100_000) return refusal(400, 7500, "statement too long: SQLITE_TOOBIG");
  }
  (sent[database] ??= []).push(statements);
  const writes = statements.some(({ sql }) => /^(DELETE|UPDATE)/.test(sql));
  const plan = writes ? planned[database]?.shift() : undefined;
  if (plan?.refuse) return refusal(plan.status ?? 400, 7500, plan.refuse);
  if (plan?.before) await inOrder(db, plan.before);
  try {
    const results = await db.batch(statements.map(({ sql, params }) => db.prepare(sql).bind(...(params ?? []))));
    if (plan?.lose) return new Response("<html>504</html>", { status: 504 });
    const rows = (one) => ({ columns: Object.keys(one.results[0] ?? {}), rows: one.results.map(Object.values) });
    const result = results.map((one) => ({ success: true, meta: one.meta, results: rows(one) }));
    return Response.json({ success: true, errors: [], messages: [], result });
  } catch (error) {
    return refusal(400, 7500, error.message);
  }
}

async function inOrder(db, statements) {
  const results = await db.batch(statements.map((sql) => db.prepare(sql)));
  return results.map((one) => one.results.map(Object.values));
}

function refusal(status, code, message) {
  return Response.json({ success: false, errors: [{ code, message }], messages: [], result: [] }, { status });
}
