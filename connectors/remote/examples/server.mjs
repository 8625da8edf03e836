// A service of one's own as an adieu connector: a newsletter's readers in a JSON file. ADIEU_KEY=... node server.mjs PORT FILE
import { createHash, createHmac, timingSafeEqual } from 'node:crypto';
import { readFileSync, renameSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';

const [key, [port, file], nonces] = [Buffer.from(process.env.ADIEU_KEY, 'base64'), process.argv.slice(2), new Map()];
const tail = ';keyid="adieu";alg="hmac-sha256";tag="adieu-remote-1"';
const shape = new RegExp(String.raw`^adieu=(\("@method" "@path" "content-digest"\);created=(\d+);nonce="([\w-]+)"${tail})$`);
const sha = (body) => `sha-256=:${createHash('sha256').update(body).digest('base64')}:`;
const sign = (base) => `adieu=:${createHmac('sha256', key).update(base).digest('base64')}:`;
const same = (one, other) => one.length === other.length && timingSafeEqual(Buffer.from(one), Buffer.from(other));

function answer(call, { collection, subject, after, max_records: most }) {
  if (call === 'describe') return [200, { protocol: 1, collections: [{ name: 'readers', needs: [['email']], yields: ['reader'] }] }];
  if (collection !== 'readers') return [404, { error: 'no_such_collection' }];
  const readers = JSON.parse(readFileSync(file, 'utf8'));
  const emails = new Set(subject.identities.filter((one) => one.kind === 'email').map((one) => one.value));
  const theirs = Object.keys(readers).sort().filter((id) => emails.has(readers[id].email) && id > (after ?? ''));
  if (call === 'survey') return [200, { subject, tally: { erase: theirs.length } }];
  const [page, more] = [theirs.slice(0, most), theirs.length > most];
  if (call === 'export') return [200, { subject, more, entries: page.map((id) => ({ after: id, record: { id, ...readers[id] },
    of: { kind: 'email', value: readers[id].email }, identities: [{ kind: 'reader', value: id }] })) }];
  writeFileSync(`${file}.new`, JSON.stringify(Object.fromEntries(Object.entries(readers).filter(([id]) => !page.includes(id)))));
  renameSync(`${file}.new`, file);
  return [200, { subject, tally: { erase: page.length }, after: more ? page.at(-1) : null }];
}

createServer(async (request, response) => {
  let [body, now, signed] = [Buffer.alloc(0), Math.floor(Date.now() / 1000), request.headers.signature ?? ''];
  for await (const piece of request) if ((body = Buffer.concat([body, piece])).length > 1 << 20) return request.destroy();
  const [, asked, created, nonce] = shape.exec(request.headers['signature-input'] ?? '') ?? [];
  let base = `"@method": POST\n"@path": ${request.url}\n"content-digest": ${sha(body)}\n"@signature-params": ${asked}`;
  for (const [one, seen] of nonces) if (seen < now - 900) nonces.delete(one); // Longer than a time is believed.
  const good = asked && same(signed, sign(base)) && Math.abs(now - created) <= 300 && !nonces.has(nonce) && nonces.set(nonce, now);
  const [status, told] = good ? answer(request.url.split('/').at(-1), JSON.parse(body)) : [401, { error: 'signature' }];
  const [text, parameters] = [JSON.stringify(told), `("@status" "content-digest" "signature";req;key="adieu");created=${now}${tail}`];
  base = `"@status": ${status}\n"content-digest": ${sha(text)}\n"signature";req;key="adieu": ${signed.slice(6)}\n"@signature-params": ${parameters}`;
  response.writeHead(status, { 'content-digest': sha(text), 'signature-input': `adieu=${parameters}`, signature: sign(base) }).end(text);
}).listen(Number(port), '127.0.0.1', function listening() { console.log(this.address().port); });
