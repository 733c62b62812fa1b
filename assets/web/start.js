// Starts the page: keeps it for when there is no network, loads the model into a worker, and lets that answer in place
// of a server.
const status = document.querySelector("#status");
const CONTROLLED = 10_000; // milliseconds that the service worker may take

// --- what is said meanwhile ---

const fail = (words) => {
  const line = status.querySelector(".status");
  line.className = "status bad";
  line.replaceChildren(Object.assign(document.createElement("p"), { textContent: words }));
};
const megabytes = (bytes) => Math.round(bytes / 1e6);
const tell = ({ loaded, total }) => {
  status.querySelector(".status p").textContent = loaded < total
    ? `Loading the model: ${megabytes(loaded)} of ${megabytes(total)} MB` : "Starting the model …";
  status.querySelector(".progress span").style.width = `${Math.round((100 * loaded) / total)}%`;
};

// --- without a network ---

// Where browsers allow it (by https, or on one's own computer), a service worker keeps all files of this page.
const { serviceWorker } = navigator;
const keep = async () => {
  try {
    const { active } = await serviceWorker.register(new URL("../sw.js", import.meta.url));
    if (active || serviceWorker.controller) return; // it does not take over a page that was loaded past it
    const controlled = new Promise((done) => serviceWorker.addEventListener("controllerchange", done, { once: true }));
    await Promise.race([controlled, new Promise((done) => setTimeout(done, CONTROLLED))]);
  } catch { /* the page works as long as there is a network */ }
};
const sayWhetherKept = () => {
  if (!serviceWorker?.controller) return;
  const { port1, port2 } = new MessageChannel();
  port1.onmessage = ({ data }) => { document.querySelector("#kept").hidden = !data; };
  serviceWorker.controller.postMessage("kept?", [port2]);
};

// --- the model ---

const start = () => {
  const worker = new Worker(new URL("worker.js", import.meta.url), { type: "module" });
  const waiting = new Map();
  let asked = 0;
  const ask = (name, given) => new Promise((done) => {
    waiting.set(++asked, done);
    worker.postMessage({ number: asked, ask: name, given });
  });
  worker.onerror = () => fail("This browser cannot run the model: it takes Chrome 111, Firefox 121 or Safari 16.4, or a newer one.");
  worker.onmessage = ({ data }) => {
    if (data.problem) fail(`The model could not be loaded (${data.problem}): check the connection, then load this page again.`);
    else if (data.ready) connect(ask);
    else if (data.total) tell(data);
    else {
      waiting.get(data.number)(JSON.parse(data.found));
      waiting.delete(data.number);
    }
  };
};

const connect = (ask) => {
  const find = (id) => document.getElementById(id);
  mtl.overview(find("overview"));
  mtl.plots.place(document.querySelector(".overview"));
  mtl.plots.start(find("plots"));
  mtl.card(find("card-place"), { card: async () => ({ html: find("card-text").innerHTML }) });
  if (find("entities-view")) {
    mtl.answers.view(find("entities-view"), "entities-view");
    find("entities-csv").addEventListener("click", async () => {
      const content = await ask("csv", mtl.answers.settings);
      if (content) mtl.download({ url: URL.createObjectURL(new Blob([content], { type: "text/csv" })), orig_name: "entities.csv" });
    });
  }
  mtl.answers.connect({ answer: (given) => ask("answer", given), waiting: "Reading …" }, () => {}, () => {}, {});
  sayWhetherKept();
};

// --- tabs ---

const tabs = [...document.querySelectorAll("[role=tab]")];
for (const tab of tabs) {
  tab.addEventListener("click", () => {
    for (const other of tabs) {
      other.ariaSelected = String(other === tab);
      other.tabIndex = other === tab ? 0 : -1;
      document.getElementById(other.getAttribute("aria-controls")).hidden = other !== tab;
    }
  });
}

if (serviceWorker) await keep();
start();
