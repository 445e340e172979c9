// @ts-check
// The server's word, as long as it speaks: a snapshot, then patches. Silence is told, too.

const SILENT_MS = 25_000; // the server says something every ten seconds

/** Follow the live stream.
 * @param {{snapshot: (state: any) => void, patch: (patch: any) => void, connected: (on: boolean) => void}} told */
export function follow(told) {
  /** @type {EventSource | undefined} */
  let source;
  let heard = performance.now();

  function open() {
    source?.close();
    source = new EventSource("/api/live");
    heard = performance.now();
    source.addEventListener("snapshot", (event) => {
      heard = performance.now();
      told.connected(true);
      told.snapshot(JSON.parse(event.data));
    });
    source.addEventListener("patch", (event) => {
      heard = performance.now();
      told.patch(JSON.parse(event.data));
    });
    source.addEventListener("beat", () => (heard = performance.now()));
    source.addEventListener("error", () => {
      told.connected(false);
      // A browser gives up for good when it is answered with an error; we do not.
      if (source?.readyState === EventSource.CLOSED) setTimeout(open, 3000);
    });
  }

  setInterval(() => {
    if (document.hidden || performance.now() - heard < SILENT_MS) return;
    told.connected(false);
    open();
  }, 5000);
  // Nobody looks: let the server and the battery rest, and take a new snapshot on return.
  document.addEventListener("visibilitychange", () => (document.hidden ? source?.close() : open()));
  open();
}
