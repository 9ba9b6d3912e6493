/// What a name or a message from outside may look like at its worst.

/** Marks that turn the reading around, in code so that no editor is turned around by them. */
const RIGHT_TO_LEFT = String.fromCharCode(0x202e);

export const LONG = `<script>window.broken=1</script><img src=x onerror="window.broken=1">${RIGHT_TO_LEFT}${"x".repeat(10_000)}`;
