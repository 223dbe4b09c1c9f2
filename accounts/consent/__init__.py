"""What the owner of a voice permits: asked by a challenge, checked, granted with a receipt, withdrawn; and whether a
use lies inside it."""
