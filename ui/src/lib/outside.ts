/// Text that comes from outside: a name, a message, a problem that somebody else wrote.
///
/// Svelte writes it as text, so that it can do nothing. What is left is how it looks: marks that turn
/// the reading around would turn the words beside it around too, and length would push them away.

/** More is no name and no sentence. */
const MOST = 280;
/** Controls, and the marks of Unicode that open, close or turn a direction of reading. */
const UNSEEN =
  /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/g;

/** Returns it without marks that cannot be seen, and cut where it is longer than anyone would read. */
export function outside(text: string, most = MOST): string {
  const seen = text.length > most * 4 ? text.slice(0, most * 4) : text;
  const plain = seen.replace(UNSEEN, "");
  return plain.length <= most && seen.length === text.length ? plain : `${cut(plain, most - 1)}…`;
}

/** Never in the middle of a character that takes two. */
function cut(text: string, at: number): string {
  const low = /^[\udc00-\udfff]/.test(text.slice(at));
  return text.slice(0, low ? at - 1 : at);
}
