// Keeps the files of the page, for when there is no network. `VERSION` and `FILES` stand above, written by the export:
// another export has another version, which is fetched as a whole, and takes over once all windows of the one before
// are closed.
const OURS = `mtl ${registration.scope} `, CACHE = OURS + VERSION;
const LARGE = /\.(onnx|wasm)$/; // kept as they pass on their way to the page, which shows how much of them is there
const puts = new Set();
const ANY = { ignoreVary: true }; // whatever compression the host chose by

const request = (file) => new Request(new URL(file, registration.scope), { cache: "no-cache" });
self.addEventListener("install", (event) => {
  // What takes over from an earlier version has to be whole, as that one's files go.
  const files = registration.active ? FILES : FILES.filter((file) => !LARGE.test(file));
  event.waitUntil(caches.open(CACHE).then((cache) => cache.addAll(files.map(request))));
});
self.addEventListener("activate", (event) => {
  const clean = async () => {
    const old = (await caches.keys()).filter((name) => name.startsWith(OURS) && name !== CACHE);
    await Promise.all(old.map((name) => caches.delete(name)));
    await clients.claim();
  };
  event.waitUntil(clean());
});

self.addEventListener("fetch", (event) => {
  const { method, url } = event.request, path = url.split(/[?#]/)[0].replace(/index\.html$/, "");
  if (method !== "GET" || !FILES.some((file) => new URL(file, registration.scope).href === path)) return;
  const answer = async () => {
    const cache = await caches.open(CACHE), kept = await cache.match(path, ANY);
    if (kept) return kept;
    const found = await fetch(event.request);
    if (found.status === 200) {
      const put = cache.put(path, found.clone()).catch(() => {}); // no room: the page works as long as there is a network
      puts.add(put);
      event.waitUntil(put.finally(() => puts.delete(put)));
    }
    return found;
  };
  event.respondWith(answer());
});

// Whether all files are here.
self.addEventListener("message", (event) => {
  const isWhole = async () => {
    await Promise.all(puts);
    const cache = await caches.open(CACHE), kept = await Promise.all(FILES.map((file) => cache.match(request(file), ANY)));
    event.ports[0].postMessage(kept.every(Boolean));
  };
  event.waitUntil(isWhole());
});
