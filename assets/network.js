// The network between the page and its server, which may be slow, lose requests, or be gone for a while. Gradio asks
// once, waits for ever, and takes the page for dead when it is not answered; here what was not answered is asked again
// until it is. A call carries an id, so that the server does it once however often it comes (mtl/ui/server/once.py).
(() => {
  const send = window.fetch.bind(window);
  const PATIENCE = [20_000, 80_000]; // milliseconds that the page waits for an answer, at first and at most
  const SILENCE = 60_000; // Gradio says something on a stream every 15 seconds
  const PAUSES = [500, 1000, 2000, 4000, 8000];
  const PASSING = [502, 503, 504]; // from a proxy, or from a server that is starting
  const MOST_REFUSALS = 6; // a server that says so often that it is busy means it

  const pause = (failures) => new Promise((done) => setTimeout(done, PAUSES[Math.min(failures, PAUSES.length - 1)]));
  // A request may be used once only, so each attempt gets a copy.
  const attempt = (resource, options) => send(resource instanceof Request ? resource.clone() : resource, options);

  // --- what is said ---

  let timer = null;
  const line = Object.assign(document.createElement("p"), {
    id: "connection", hidden: true, textContent: "No answer from the server: what stands here may be old. What you did last waits, and is sent again.",
  });
  line.setAttribute("role", "status");
  const show = () => {
    document.body.append(line);
    line.hidden = false;
  };
  // Most of what is missed is answered before anybody could read that it was.
  const missed = () => {
    clearTimeout(timer);
    timer = setTimeout(show, 1000);
  };
  const heard = () => {
    clearTimeout(timer);
    line.hidden = true;
  };

  // --- how it is asked ---

  const until = async (ask, signal) => {
    for (let failures = 0; ; failures++) {
      try {
        const answer = await ask();
        if (!PASSING.includes(answer.status) || failures >= MOST_REFUSALS) {
          heard();
          return answer;
        }
      } catch (problem) {
        if (signal?.aborted) throw problem;
      }
      missed();
      await pause(failures);
    }
  };

  // Read to its end while it is watched: what breaks off in the middle is asked again, too.
  const whole = async (answer) => new Response(await answer.blob(), answer);
  const call = (resource, options) => {
    const headers = new Headers(options.headers);
    headers.set("x-mtl-call", crypto.getRandomValues(new Uint32Array(4)).join("-"));
    const ask = () => attempt(resource, { ...options, headers, signal: AbortSignal.timeout(PATIENCE[0]) });
    return until(() => ask().then(whole));
  };

  // The page's own question, which answers.js asks again by itself, as it may have changed meanwhile. What the server
  // refuses for good comes back as {refused}: Gradio would keep its words.
  let patience = PATIENCE[0];
  const question = async (resource, options) => {
    const signal = AbortSignal.timeout(patience);
    try {
      const answer = await attempt(resource, { ...options, signal });
      const content = await answer.text();
      heard();
      patience = PATIENCE[0];
      const final = answer.status >= 400 && answer.status < 500 && answer.status !== 429;
      return new Response(final ? JSON.stringify({ refused: JSON.parse(content).detail }) : content, {
        status: final ? 200 : answer.status,
      });
    } catch (problem) {
      if (signal.aborted) patience = Math.min(2 * patience, PATIENCE[1]);
      throw problem;
    }
  };

  // A stream on which nothing comes any more is broken, though nobody may have said so.
  const stream = async (request) => {
    request.signal.throwIfAborted();
    const broken = new AbortController();
    let timer;
    const watch = () => {
      clearTimeout(timer);
      timer = setTimeout(() => broken.abort(new Error("The server has gone silent.")), SILENCE);
    };
    request.signal.addEventListener("abort", () => broken.abort(request.signal.reason));
    watch();
    const answer = await send(request.clone(), { signal: broken.signal });
    const watched = new TransformStream({
      transform: (chunk, controller) => {
        watch();
        controller.enqueue(chunk);
      },
      flush: () => clearTimeout(timer),
    });
    return new Response(answer.body?.pipeThrough(watched), answer);
  };

  // --- Gradio's events ---

  const joins = new Set(); // calls that ask for an event, and are not answered yet
  const expected = new Set(), early = new Set(); // events of which no end came yet; ends that came before the answer

  const join = (resource, options) => {
    const answered = call(resource, options).then(async (answer) => {
      const { event_id } = await answer.clone().json().catch(() => ({}));
      if (event_id && !early.delete(event_id)) expected.add(event_id);
      return answer;
    });
    const settled = answered.catch(() => {}).finally(() => joins.delete(settled));
    joins.add(settled);
    return answered;
  };

  async function* messages(body) {
    const reader = body.pipeThrough(new TextDecoderStream()).getReader();
    let rest = "";
    for (let part; !(part = await reader.read()).done; ) {
      const parts = (rest + part.value).split("\n\n");
      rest = parts.pop();
      for (const message of parts) yield [`${message}\n\n`, message.startsWith("data: ") ? JSON.parse(message.slice(6)) : {}];
    }
  }

  // The server ends the stream of events when none is left. What is asked for in that moment Gradio takes for answered
  // by the stream that has just ended, and waits for ever: so the stream goes on until all that was asked for is over.
  const events = async (request) => {
    const connect = () => until(() => stream(request), request.signal);
    let answer = await connect();
    const encoder = new TextEncoder();
    const pass = async (controller) => {
      for (; ; answer = await connect()) {
        let last = null;
        for await (const [text, message] of messages(answer.body)) {
          last = message.msg;
          if (last === "close_stream") break;
          if (last === "process_completed" && !expected.delete(message.event_id)) early.add(message.event_id);
          controller.enqueue(encoder.encode(text));
        }
        while (joins.size) await Promise.all(joins);
        if (last === "close_stream" && expected.size) continue;
        expected.clear(); // of a stream that ended in any other way nothing comes any more
        controller.enqueue(encoder.encode('data: {"msg": "close_stream"}\n\n'));
        return;
      }
    };
    const body = new ReadableStream({
      start: (controller) => pass(controller).then(() => controller.close()).catch((problem) => {
        expected.clear();
        controller.error(problem);
      }),
    });
    return new Response(body, answer);
  };

  // By this connection the server knows that the page is open. Gradio does not make it anew.
  const heartbeat = async (request) => {
    for (let failures = 0; !request.signal.aborted; failures++) {
      try {
        const reader = (await stream(request)).body.getReader();
        heard();
        if (failures) document.dispatchEvent(new Event("mtl-reconnected"));
        failures = 0;
        while (!(await reader.read()).done);
      } catch { /* a connection that is gone is made again */ }
      await pause(failures);
    }
  };

  window.fetch = (resource, options = {}) => {
    const { origin, pathname } = new URL(resource.url ?? resource, window.location);
    const [, path] = pathname.match(/\/gradio_api\/(.*?)\/?$/) ?? [];
    if (origin !== window.location.origin || path === undefined) return send(resource, options);
    if (path === "component_server") return question(resource, options);
    if (path === "queue/join") return join(resource, options);
    if (path === "queue/data") return events(resource);
    if (path.startsWith("heartbeat/")) return heartbeat(resource);
    return until(() => attempt(resource, options), options.signal);
  };
})();
