// Packs items into bins as they come. Each item gets the open bin that `priority` likes best.

// EVOLVE-BLOCK-START
/** How good it is to put this item into a bin with so much room left (at least the item's size). */
function priority(item, room) {
  let score = 0;
  if (room > item * 2) {
    score = score + 0.5;
  }
  score = score + room - item;
  return score;
}
// EVOLVE-BLOCK-END

const SIZE = 100;

function pack(items) {
  const rooms = [];
  for (const item of items) {
    let best = -1;
    let liked = -Infinity;
    rooms.forEach((room, bin) => {
      const score = room >= item ? Number(priority(item, room)) : NaN;
      if (score > liked) {
        best = bin;
        liked = score;
      }
    });
    if (best < 0) {
      rooms.push(SIZE - item);
    } else {
      rooms[best] -= item;
    }
  }
  return rooms.length;
}

const lines = require("fs").readFileSync(0, "utf8").trim().split("\n");
for (const line of lines) {
  console.log(pack(line.split(" ").map(Number)));
}
