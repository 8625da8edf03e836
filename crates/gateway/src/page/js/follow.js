// Following a request. EventSource cannot send a token, so the stream is read here.

const UNFINISHED = ['awaiting_confirmation', 'scheduled', 'running'];

function isOver(request) {
  return !UNFINISHED.includes(request.status);
}

/** The events of a stream until it ends: `[name, what was said]`. */
async function* events(link, signal) {
  const response = await call('GET', link, { signal });
  const stream = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let unread = '';
  for (;;) {
    const { done, value } = await stream.read().catch(() => {
      throw new Problem('offline');
    });
    if (done) return;
    const frames = (unread + value).split('\n\n');
    unread = frames.pop();
    for (const frame of frames) {
      const field = (name) => frame.split('\n').find((line) => line.startsWith(`${name}: `))?.slice(name.length + 2);
      const said = field('data');
      if (said) yield [field('event'), JSON.parse(said)];
    }
  }
}

/**
 * Follows a request until it is over, through lost connections, and shows what happens: `seen(request, progress)`.
 * Throws what will not pass by itself, such as the end of a token.
 */
async function follow(request, seen, signal) {
  let latest = request;
  for (let wait = 1; !isOver(latest); wait = Math.min(wait * 2, 30)) {
    try {
      for await (const [name, said] of events(latest.links.events, signal)) {
        wait = 1;
        if (name === 'request') latest = said;
        seen(latest, name === 'progress' ? said : null);
      }
    } catch (problem) {
      if (signal.aborted) return latest;
      if (!(problem instanceof Problem) || !problem.passes) throw problem;
      wait = Math.max(wait, problem.wait ?? 0);
    }
    if (isOver(latest)) break;
    await pause(wait, signal);
    if (signal.aborted) break;
  }
  return latest;
}

/** Waits, or until there is a network again. */
function pause(seconds, signal) {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, seconds * 1000);
    addEventListener('online', resolve, { once: true, signal });
    signal?.addEventListener('abort', () => { clearTimeout(timer); resolve(); }, { once: true });
  });
}

