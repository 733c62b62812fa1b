// Before the page is drawn: dark or light, and a word for those who opened its file instead of serving its folder.
(() => {
  const asked = new URLSearchParams(window.location.search).get("__theme");
  const dark = window.matchMedia("(prefers-color-scheme: dark)");
  const follow = () => document.body.classList.toggle("dark", asked ? asked === "dark" : dark.matches);
  follow();
  dark.addEventListener("change", follow);
  if (window.location.protocol !== "file:") return;
  document.addEventListener("DOMContentLoaded", () => {
    const status = document.querySelector("#status .status");
    status.className = "status bad";
    status.textContent = "Browsers run this page only from a server: in its folder run python -m http.server, and open the address that it says.";
  });
})();
