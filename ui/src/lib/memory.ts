/// What the window itself remembers: how it looks and speaks. What concerns the house is the house's.

const PREFIX = "wattle.";

export function remembered(key: string): string | null {
  try {
    return localStorage.getItem(PREFIX + key);
  } catch {
    return null; // a browser that keeps nothing: the choice lasts as long as the window
  }
}

/** Remembers a choice; nothing takes it back. */
export function remember(key: string, value: string | null): void {
  try {
    if (value === null) localStorage.removeItem(PREFIX + key);
    else localStorage.setItem(PREFIX + key, value);
  } catch {
    // As above.
  }
}
