"""A service of one's own as an adieu connector: a newsletter's readers in a JSON file. ADIEU_KEY=... server.py PORT FILE"""
import base64, hashlib, hmac, json, os, pathlib, re, sys, threading, time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

KEY, FILE, LOCK, NONCES = base64.b64decode(os.environ["ADIEU_KEY"]), sys.argv[2], threading.Lock(), {}
TAIL = ';keyid="adieu";alg="hmac-sha256";tag="adieu-remote-1"'
ASKED = re.compile(r'adieu=(\("@method" "@path" "content-digest"\);created=(\d+);nonce="([\w-]+)"' + TAIL + ")")
def sha(body): return "sha-256=:" + base64.b64encode(hashlib.sha256(body).digest()).decode() + ":"
def sign(base): return "adieu=:" + base64.b64encode(hmac.digest(KEY, base.encode(), "sha256")).decode() + ":"

def answer(call, ask):
    if call == "describe": return 200, {"protocol": 1, "collections": [{"name": "readers", "needs": [["email"]], "yields": ["reader"]}]}
    if ask["collection"] != "readers": return 404, {"error": "no_such_collection"}
    readers, subject, after, most = json.loads(pathlib.Path(FILE).read_text()), ask["subject"], ask.get("after") or "", ask.get("max_records")
    emails = {one["value"] for one in subject["identities"] if one["kind"] == "email"}
    theirs = [key for key in sorted(readers) if readers[key]["email"] in emails and key > after]
    if call == "survey": return 200, {"subject": subject, "tally": {"erase": len(theirs)}}
    page, more = theirs[:most], len(theirs) > most
    if call == "export": return 200, {"subject": subject, "more": more, "entries": [
        {"after": key, "of": {"kind": "email", "value": readers[key]["email"]}, "record": {"id": key, **readers[key]},
         "identities": [{"kind": "reader", "value": key}]} for key in page]}
    pathlib.Path(FILE + ".new").write_text(json.dumps({key: readers[key] for key in readers if key not in page}))
    os.replace(FILE + ".new", FILE)
    return 200, {"subject": subject, "tally": {"erase": len(page)}, "after": page[-1] if more else None}

class Handler(BaseHTTPRequestHandler):
    def do_POST(self):
        body, now = self.rfile.read(min(int(self.headers.get("Content-Length", 0)), 1 << 20)), int(time.time())
        asked, signed = ASKED.fullmatch(self.headers.get("Signature-Input", "")), self.headers.get("Signature", "")
        base = f'"@method": POST\n"@path": {self.path}\n"content-digest": {sha(body)}\n"@signature-params": {asked and asked[1]}'
        with LOCK:  # A nonce is remembered for longer than its time is believed.
            for nonce in [nonce for nonce, seen in NONCES.items() if seen < now - 900]: del NONCES[nonce]
            good = asked and hmac.compare_digest(signed.encode(), sign(base).encode()) and \
                abs(now - int(asked[2])) <= 300 and asked[3] not in NONCES and not NONCES.update({asked[3]: now})
            status, told = answer(self.path.split("/")[-1], json.loads(body)) if good else (401, {"error": "signature"})
        told, asked = json.dumps(told).encode(), f'("@status" "content-digest" "signature";req;key="adieu");created={now}{TAIL}'
        base = f'"@status": {status}\n"content-digest": {sha(told)}\n"signature";req;key="adieu": {signed[6:]}\n"@signature-params": {asked}'
        self.send_response(status)
        for header in {"Content-Length": len(told), "Content-Digest": sha(told), "Signature-Input": "adieu=" + asked, "Signature": sign(base)}.items():
            self.send_header(*header)
        self.end_headers(), self.wfile.write(told)

server = ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Handler)
print(server.server_port, flush=True), server.serve_forever()
