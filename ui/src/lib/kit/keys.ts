/// Where an arrow key leads in a row or a list; the ends meet.

/** Returns the place that the key asks for, or null if it asks for none. */
export function along(
  key: string,
  at: number,
  count: number,
  direction: "row" | "list",
): number | null {
  if (count === 0) return null;
  const [back, on] = direction === "row" ? ["ArrowLeft", "ArrowRight"] : ["ArrowUp", "ArrowDown"];
  switch (key) {
    case on:
      return (at + 1) % count;
    case back:
      return (at <= 0 ? count : at) - 1;
    case "Home":
      return 0;
    case "End":
      return count - 1;
    default:
      return null;
  }
}

/** Returns the next one, after the place, whose word begins with the letter. */
export function startingWith(letter: string, words: readonly string[], at: number): number | null {
  if (!/^\p{L}$/u.test(letter)) return null;
  const fits = (word: string) => word.toLocaleLowerCase().startsWith(letter.toLocaleLowerCase());
  const order = words.map((_, index) => (at + 1 + index) % words.length);
  return order.find((index) => fits(words[index] ?? "")) ?? null;
}
