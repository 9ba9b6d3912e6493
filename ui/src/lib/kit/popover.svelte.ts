/// What a button opens beside itself: closed by Escape, by a press elsewhere, and when the focus goes away.

export class Popover {
  open = $state(false);
  root: HTMLElement | undefined = $state();
  button: HTMLElement | undefined = $state();

  toggle = (): void => {
    this.open = !this.open;
  };

  /** Escape gives the focus back to the button. */
  onkeydown = (event: KeyboardEvent): void => {
    if (event.key !== "Escape" || !this.open) return;
    this.open = false;
    this.button?.focus();
  };

  onfocusout = (event: FocusEvent): void => {
    if (event.relatedTarget && !this.root?.contains(event.relatedTarget as Node)) this.open = false;
  };

  /** Of the window. */
  onpointerdown = (event: PointerEvent): void => {
    if (this.open && !this.root?.contains(event.target as Node)) this.open = false;
  };
}
