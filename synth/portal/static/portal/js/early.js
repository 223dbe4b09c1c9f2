// Runs before the first paint: styles may hide what only works with, or only without, scripts.
document.documentElement.classList.add("js");
