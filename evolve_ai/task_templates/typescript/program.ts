// Keeps some pages in a cache. Where there is no room, the page with the highest score goes.

type Page = { name: string; loaded: number; used: number; uses: number };

// EVOLVE-BLOCK-START
/** How readily a page is dropped: ages in requests since it was loaded and last used. */
function score(sinceLoaded: number, sinceUsed: number, uses: number): number {
  let found = 1.0 * sinceLoaded;
  found += 0.1 * sinceUsed;
  if (uses > 8) {
    found -= 0.5;
  }
  return found;
}
// EVOLVE-BLOCK-END

const ROOM = 12;

function hits(requests: string[]): number {
  const cache = new Map<string, Page>();
  let found = 0;
  requests.forEach((name, now) => {
    const page = cache.get(name);
    if (page) {
      found += 1;
      page.used = now;
      page.uses += 1;
      return;
    }
    if (cache.size >= ROOM) {
      let worst = "";
      let highest = -Infinity;
      for (const one of cache.values()) {
        const value = Number(score(now - one.loaded, now - one.used, one.uses));
        if (worst === "" || value > highest) {
          worst = one.name;
          highest = value;
        }
      }
      cache.delete(worst);
    }
    cache.set(name, { name, loaded: now, used: now, uses: 1 });
  });
  return found;
}

let text = "";
process.stdin.on("data", (part: { toString(): string }) => {
  text += part.toString();
});
process.stdin.on("end", () => {
  for (const line of text.trim().split("\n")) {
    console.log(hits(line.split(" ")));
  }
});
