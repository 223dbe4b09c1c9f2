"""Pages of people and voices. A view reads the form, calls one service, and shapes the page; it holds no rule."""
