/// Which page is open: it stands behind the # of the address, so that back and forward work.

export const PAGES = [
  "now",
  "energy",
  "rules",
  "market",
  "earnings",
  "meters",
  "settings",
] as const;
export type Page = (typeof PAGES)[number];
/** What is looked at daily: the bar of a narrow window holds no more than four and a way to the rest. */
export const DAILY: readonly Page[] = ["now", "energy", "rules", "earnings"];

export class Router {
  page = $state<Page>(pageOf(location.hash));
  readonly #onChange: (page: Page) => void;

  constructor(onChange: (page: Page) => void) {
    this.#onChange = onChange;
  }

  start(): () => void {
    const follow = () => {
      const page = pageOf(location.hash);
      if (page === this.page) return;
      this.page = page;
      this.#onChange(page);
    };
    addEventListener("hashchange", follow);
    return () => removeEventListener("hashchange", follow);
  }
}

export const addressOf = (page: Page): string => `#/${page}`;

function pageOf(hash: string): Page {
  const name = hash.replace(/^#\/?/, "");
  return PAGES.find((page) => page === name) ?? "now";
}
