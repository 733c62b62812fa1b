// Before all other scripts.
(() => {
  // Where another site's page shows this one, a browser may forbid it to keep anything. Then it keeps it until it is closed.
  for (const name of ["localStorage", "sessionStorage"]) {
    try { void window[name]; } catch {
      const kept = new Map();
      const value = {
        getItem: (key) => kept.get(String(key)) ?? null,
        setItem: (key, value) => void kept.set(String(key), String(value)),
        removeItem: (key) => void kept.delete(String(key)),
      };
      Object.defineProperty(window, name, { value });
    }
  }
})();
