// The printable report: one button.
document.querySelector("[data-print]")?.addEventListener("click", () => window.print());
